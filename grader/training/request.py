"""What a kernel sends to have something trained, as plain data (`recorder.trainer_client` writes it). Nothing else."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from grader.wire.recipe import EPOCHS

IMAGES = 70_000
"""Official images: training images first, test images after them."""
TIMES = 1000
"""Most repetitions of one training."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_Whole = Annotated[int, Field(ge=0, le=10**9)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_ -]{0,60}$")]


class Images(_Strict):
    rows: Annotated[tuple[_Whole, _Whole], Strict(False)] | _Whole
    """First and last + 1 of rows that lie together, or the number of the array that holds them."""
    table: _Whole
    item: Annotated[list[Annotated[int, Field(ge=1, le=784)]], Field(min_length=1, max_length=4)]


class Labels(_Strict):
    classes: Annotated[int, Field(ge=0, le=100)]
    """Columns of one-hot labels; 0 for whole numbers."""
    values: _Whole
    shape: Annotated[list[_Whole], Field(min_length=1, max_length=3)]
    dtype: str


class Data(_Strict):
    """What each epoch is measured on."""

    x: Images
    y: Labels
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)]


class LayerFacts(_Strict):
    kind: str
    output_shape: list[_Whole | None] | None
    weights: _Whole
    stock: bool
    inbound: list[Annotated[int, Field(ge=-1, le=500)]]
    config: dict[str, Any]


class OptimizerFacts(_Strict):
    kind: str
    config: dict[str, bool | int | float | None]


class CallbackFacts(_Strict):
    kind: str
    config: dict[str, bool | int | float | _Name | None] = {}
    rates: list[float] | None = None


class Facts(_Strict):
    """What `recorder.fit_recipe.recipe_of` writes."""

    format: Literal[1]
    layers: Annotated[list[LayerFacts], Field(min_length=1, max_length=500)]
    weights: list[_Whole] | None
    generators: Annotated[list[list[Annotated[int, Field(ge=0, le=2**32)]] | None], Field(max_length=500)]
    seeds: list[str | None] | None
    optimizer: OptimizerFacts
    loss: Any
    metrics: Any
    slots: list[_Whole] | None
    x: Images
    y: Labels
    epochs: Annotated[int, Field(ge=1, le=EPOCHS)]
    initial_epoch: Annotated[int, Field(ge=0, lt=EPOCHS)]
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)]
    shuffle: bool
    callbacks: Annotated[list[CallbackFacts], Field(max_length=20)]
    validation: Data | None
    """Only where callbacks may look at it; else it is no part of the training."""


class TrainingRequest(_Strict):
    """What `recorder.trainer_client` sends along with arrays."""

    facts: dict[str, Any]
    training_arrays: _Whole
    """How many of the arrays belong to the training; those of its validation come after them."""
    validation: Data | None
    times: Annotated[int, Field(ge=0, lt=TIMES)]


class Measured(_Strict):
    y: Labels
    loss: Any
    metrics: Any


class InferenceRequest(_Strict):
    """What `recorder.inference` writes, to have `evaluate` or `predict` done."""

    format: Literal[1]
    layers: Annotated[list[LayerFacts], Field(min_length=1, max_length=500)]
    weights: list[_Whole]
    x: Images
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)]
    measured: Measured | None
    """None where the outputs are wanted."""
