"""Shared settings."""

import os

import pytest
from hypothesis import settings

import grader.marking.checks  # noqa: F401 - rubrics are held against them

# How fast a shared machine is today is no property under test. CI tries the same examples each time: a new one that fails
# is found by whoever runs the tests and can look at it, not by an unrelated change.
settings.register_profile("steady", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_this_session(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Trainings are shared among all tests and workers of a session (or those that GRADE_CACHE names), not with the user."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ.setdefault("GRADE_CACHE", str(shared / "cache"))
