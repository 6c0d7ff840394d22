"""What killed graders leave among the temporary files goes with the next run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.sandbox import container
from grader.system import leftovers


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def _dead() -> int:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(done.stdout)


def _old(path: Path) -> Path:
    path.mkdir()
    (path / "file").touch()
    os.utime(path, (0, time.time() - 3600))
    return path


def test_only_what_a_dead_grader_of_the_same_user_left_long_ago(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    dead = _dead()
    gone = _old(temporary / f"grade-{dead}-abc")
    alive = _old(temporary / (leftovers.prefix() + "abc"))
    others = _old(temporary / "grade-mine")
    first = _old(temporary / "grade-1-abc")
    huge = _old(temporary / f"grade-{10**30}-abc")
    young = temporary / f"grade-{dead}-young"
    young.mkdir()
    leftovers.sweep()
    assert not gone.exists()
    assert all(path.exists() for path in (alive, others, first, huge, young))
    again = _old(temporary / f"grade-{dead}-abc")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    leftovers.sweep()
    assert again.exists()


def test_containers_that_podman_keeps_of_a_dead_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = _dead()
    asked: list[tuple[str, ...]] = []

    def said(*command: str) -> str:
        asked.append(command)
        return f"grade-{dead}-0a\n{leftovers.prefix()}0b\ngrade-mine\ngrade-{dead}-0c\n" if "ps" in command else ""

    monkeypatch.setattr(container, "_output", said)
    for _ in range(2):
        container._sweep(("podman", f"--of={dead}"))
    listed, removed = asked
    assert "until=600s" in listed
    assert removed[-2:] == (f"grade-{dead}-0a", f"grade-{dead}-0c")
