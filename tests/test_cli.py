"""The command as a user types it: exit codes, one clear sentence, no traceback. No kernel starts here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from grader import cli
from grader.marking.checks.registry import REGISTRY
from grader.rubric.load import load_rubric

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def grade(monkeypatch, capsys):
    """Run `grade ARGS` in this process; gives (exit code, stdout, stderr)."""

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grade", *map(str, args)])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def broken_class(tmp_path) -> Path:
    """Two submissions that no kernel is needed for."""
    folder = tmp_path / "class"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "ps10.ipynb").write_text('{"cells": [')
    (folder / "bob").mkdir()
    (folder / "bob" / "notes.txt").write_text("sorry")
    return folder


def test_a_path_that_is_not_there(grade, tmp_path):
    code, out, err = grade(tmp_path / "nowhere", "--out", tmp_path / "r")
    assert (code, out) == (2, "")
    assert "nowhere" in err


def test_an_empty_folder(grade, tmp_path):
    (tmp_path / "class").mkdir()
    code, _, err = grade(tmp_path / "class", "--out", tmp_path / "r")
    assert code == 5
    assert "class" in err


def test_a_rubric_with_a_typo_names_file_and_line(grade, tmp_path, broken_class):
    text = load_rubric(None, REGISTRY).path.read_text("utf-8").replace("points:", "pionts:", 1)
    wrong = tmp_path / "ps10.yaml"
    wrong.write_text(text, "utf-8")
    code, _, err = grade(broken_class, "--out", tmp_path / "r", "--rubric", wrong)
    line = text.splitlines().index(next(one for one in text.splitlines() if "pionts" in one)) + 1
    assert code == 2
    assert f"ps10.yaml:{line}" in err or f"line {line}" in err
    assert "pionts" in err


def test_a_folder_that_cannot_be_made(grade, tmp_path, broken_class):
    (tmp_path / "file").write_text("in the way")
    code, _, err = grade(broken_class, "--out", tmp_path / "file" / "r")
    assert code == 2
    assert "--out" in err


def test_unreadable_and_empty_submissions_get_their_pages(grade, tmp_path, broken_class):
    code, out, err = grade(broken_class, "--out", tmp_path / "r")
    assert code == 0
    assert out.strip() == str(tmp_path / "r" / "index.html")
    results = json.loads((tmp_path / "r" / "results.json").read_text("utf-8"))
    assert {s["id"]: s["status"] for s in results["submissions"]} == {"ada": "unreadable", "bob": "empty"}
    assert (tmp_path / "r" / "ada" / "feedback.html").is_file()
    assert "[2/2]" in err


def test_fail_under(grade, tmp_path, broken_class):
    code, _, err = grade(broken_class, "--out", tmp_path / "r", "--fail-under", 50)
    assert code == 1
    assert "ada" in err
    assert (tmp_path / "r" / "index.html").is_file()


def test_rescore_and_export_work_from_the_store(grade, tmp_path, broken_class):
    grade(broken_class, "--out", tmp_path / "r")
    before = (tmp_path / "r" / "grades.csv").read_text("utf-8")
    code, _, err = grade("rescore", tmp_path / "r")
    assert code == 0
    assert "2 rescored, 0 changed" in err
    assert grade("export", tmp_path / "r", "--format", "csv")[1] == before
    assert grade("export", tmp_path / "r", "--format", f"json={tmp_path / 'copy.json'}")[0] == 0
    assert (tmp_path / "copy.json").read_bytes() == (tmp_path / "r" / "results.json").read_bytes()


def test_a_second_grader_is_kept_out(grade, tmp_path, broken_class):
    (tmp_path / "r").mkdir()
    with FileLock(tmp_path / "r" / ".lock"):
        code, _, err = grade(broken_class, "--out", tmp_path / "r")
    assert code == 2
    assert "Another grade" in err


@pytest.mark.parametrize(
    ("args", "code", "word"),
    [
        (["rescore", "nowhere"], 2, "nowhere"),
        (["export", "nowhere", "--format", "csv"], 2, "nowhere"),
        ([".", "--format", "xlsx"], 2, "xlsx"),
        ([".", "--jobs", "0"], 2, "--jobs"),
        (["review", "reports"], 2, "review"),
        (["rubric", "check", "no-such"], 2, "no-such"),
    ],
)
def test_wrong_usage_is_one_sentence(grade, monkeypatch, tmp_path, args, code, word):
    monkeypatch.chdir(tmp_path)
    got, _, err = grade(*args)
    assert got == code
    assert word in err


def test_a_limit_is_a_number_above_zero_of_the_rubrics(grade, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for text, word in (("moat=3", "choose from notebook_s"), ("disk_mib=0", "above 0"), ("disk_mib=x", "above 0")):
        code, _, err = grade(tmp_path, "--limit", text)
        assert (code, word in err) == (2, True), err


def test_export_before_any_run(grade, tmp_path):
    code, _, err = grade("export", tmp_path, "--format", "csv")
    assert code == 2
    assert "grades.csv" in err


def test_rescore_of_a_folder_without_evidence(grade, tmp_path):
    assert grade("rescore", tmp_path)[0] == 5


def test_rubric_commands(grade, tmp_path):
    assert "100" in grade("rubric", "check")[1]
    schema = json.loads(grade("rubric", "schema")[1])
    assert schema["title"] == "Rubric"
    assert "submissions" in json.loads(grade("rubric", "schema", "--results")[1])["properties"]
    assert grade("rubric", "new", tmp_path / "mine.yaml")[0] == 0
    assert grade("rubric", "check", tmp_path / "mine.yaml")[0] == 0


def test_data_where_says_what_to_do(grade, monkeypatch):
    monkeypatch.setattr("grader.datasets.fashion_mnist.find_data", lambda: None)
    code, out, err = grade("data", "where")
    assert (code, out) == (2, "")
    assert "grade data fetch" in err


def test_help_and_version_as_a_process():
    ended = subprocess.run(
        [sys.executable, "-m", "grader", "--help"], capture_output=True, text=True, check=True, env={**os.environ}
    )
    for command in ("rescore", "rubric", "data", "export"):
        assert command in ended.stdout


INTERRUPTED_IN_DESTRUCTORS = """
import os, signal
from grader.terminal import ending
ending.on_signals(ending.interrupt)

class Interrupted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass

class Faulty:
    def __del__(self):
        raise ValueError("a fault of ours")

Interrupted()
print(ending.STOP.is_set())
Faulty()
"""


def test_an_interrupt_that_a_destructor_swallows_is_noted_and_leaves_no_traceback() -> None:
    command = [sys.executable, "-c", INTERRUPTED_IN_DESTRUCTORS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert "KeyboardInterrupt" not in done.stderr
    assert "a fault of ours" in done.stderr
