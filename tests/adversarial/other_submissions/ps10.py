# %% Other submissions, reports, expected answers
import importlib
import os
import sys

from attack import attempt, places


@attempt("another student's notebook")
def _():
    return open(places.other + "/ps10.py").read()


@attempt("another student's folder")
def _():
    return os.listdir(places.other)


@attempt("reports of this run")
def _():
    return os.listdir(places.out)


@attempt("the expected answers, by path")
def _():
    return os.listdir(places.repository + "/reference")


@attempt("the rubric, by path")
def _():
    return open(places.repository + "/rubrics/ps10.yaml").read()


# %% The same by import
for name in ("grader", "grader.marking.checks", "reference", "reference.ps10", "rubrics", "grader._bundled"):

    @attempt(f"import {name}")
    def _():
        return importlib.import_module(name).__file__  # an empty folder has none


# %% Where an installed package says that it lies
import importlib.metadata


@attempt("direct_url.json and .pth files lead to the grader's files")
def _():
    found = []
    for folder in [f for f in sys.path if os.path.isdir(f)]:
        for entry in os.listdir(folder):
            if entry.endswith(".pth") and not entry.startswith("distutils"):
                for line in open(os.path.join(folder, entry)):
                    if line.startswith("/") and os.path.isdir(line.strip() + "/grader"):
                        found.append(line.strip())
    try:
        said = importlib.metadata.distribution("grade-notebooks").read_text("direct_url.json") or ""
    except importlib.metadata.PackageNotFoundError:
        said = ""
    url = said.partition("file://")[2].partition('"')[0]
    return found or (os.path.isdir(url + "/grader") and url)


@attempt("files above the folder of the notebook")
def _():
    here = os.path.realpath(".")
    seen = []
    while here != "/":
        here = os.path.dirname(here)
        seen += [os.path.join(here, entry) for entry in os.listdir(here) if "ps10" in entry or "evidence.json" in entry]
    return seen


# %%
print("still here")
