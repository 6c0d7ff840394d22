"""What users can name is documented: every check, slug, command, option and exit code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from grader import cli, errors
from grader.marking.checks.registry import REGISTRY
from grader.rubric.load import load_rubric
from grader.terminal import ending

ROOT = Path(__file__).parent.parent
CHECKS = (ROOT / "docs" / "checks.md").read_text("utf-8")
COMMAND = (ROOT / "docs" / "command.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_check_is_documented(name):
    assert f"| `{name}` |" in CHECKS


@pytest.mark.parametrize("slug", sorted(load_rubric(None, REGISTRY).rubric.misconceptions))
def test_every_misconception_is_documented(slug):
    assert f"| `{slug}` |" in CHECKS


def test_every_documented_check_exists():
    rows = [line.split("`")[1] for line in CHECKS.splitlines() if line.startswith("| `")]
    assert set(rows) == set(REGISTRY) | set(load_rubric(None, REGISTRY).rubric.misconceptions)


def _commands(group: click.Group, path: str = "grade"):
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(_commands(cli.app)), ids=str)
def test_every_command_and_option_is_documented(path, command):
    assert path.replace("grade run", "grade PATH") in COMMAND
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in COMMAND, parameter.opts


def test_every_exit_code_is_documented():
    raised = {e.exit_code for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.GradeError)}
    for code in {0, 1, ending.INTERRUPTED} | raised:
        assert f"| {code} |" in COMMAND


def test_packages_for_notebooks_are_documented():
    """Those that pyproject.toml explains by notebooks stand in the documentation as what is installed."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    text = (ROOT / "docs" / "environment.md").read_text("utf-8").split("Not installed")[0].lower()
    named = [line.split('"')[1].partition(">")[0] for line in project.splitlines() if "student notebooks" in line]
    assert len(named) >= 8
    called = {"opencv-python-headless": "opencv"}
    assert [name for name in named if called.get(name, name) not in text] == []
