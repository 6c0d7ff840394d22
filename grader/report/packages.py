"""Which distribution has a package that notebooks import."""

from __future__ import annotations

_NAMED_ALIKE = (
    "albumentations altair bokeh datasets fastprogress flax gensim jax keras_tuner lightgbm line_profiler livelossplot "
    "memory_profiler mlflow nltk numba openpyxl optuna polars ray statsmodels sympy tensorflow_datasets "
    "tensorflow_probability torch torchaudio torchinfo torchvision transformers visualkeras wandb xgboost"
)
_OTHERWISE = {
    "alive_progress": "alive-progress",
    "bs4": "beautifulsoup4",
    "kerastuner": "keras-tuner",
    "yaml": "pyyaml",
}


def distribution(package: str) -> str:
    """What `pip install` calls it; '' for a package that is not known here.

    A name that students import may be a file of their own, and whoever installs what merely bears that name installs
    anything: so nothing is guessed.
    """
    return package.replace("_", "-") if package in _NAMED_ALIKE.split() else _OTHERWISE.get(package, "")
