"""Nothing that has finished is lost: whatever ends a run, at whatever moment, the next one goes on from there."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders
import nbformat
import numpy as np
import pytest
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from rich.console import Console

from grader import cli, pipeline
from grader.datasets.fashion_mnist import DataFiles, provide_data
from grader.errors import NothingToGradeError, UsageError, WriteError
from grader.evidence import store
from grader.evidence.run_result import RunResult
from grader.execution import gather
from grader.report import export
from grader.report.class_report import ClassResult
from grader.report.provenance import RunInfo
from grader.rubric.schema import Limits
from grader.sandbox import choose
from grader.system import atomic_files as atomic
from grader.terminal import ending
from grader.terminal.progress import Display
from grader.training.single_flight import SingleFlight
from grader.training.verification import Prepared, Verifier
from grader.training.workers import Workers
from grader.wire.files import PinnedFolder
from grader.wire.npz import weights_digest

WEIGHTS = [np.zeros((784, 10), np.float32), np.zeros(10, np.float32)]
COUNT = "## 1d)\n$(784 \\cdot 10 + 10) + (10 \\cdot 10 + 10) + (10 \\cdot 10 + 10) = 8070$"


class Told:
    """Keeps what a run told."""

    def __init__(self) -> None:
        self.reused: dict[str, bool] = {}
        self.said: list[str] = []

    def expect(self, refs):
        pass

    def doing(self, ref, what, share):
        pass

    def finished(self, ref, grade, *, reused):
        self.reused[ref.id] = reused

    def say(self, message):
        self.said.append(message)


class PowerCut(BaseException):
    """Not an error that anything could handle."""


class Disk:
    """`os` for `grader.system.atomic_files`: fails at the n-th change of the disk, and with `power_cut` at all that follow."""

    CHANGES = ("mkdir", "write", "fsync", "replace")

    def __init__(self, fail_at: int = 0, *, power_cut: bool = False, forever: bool = False, number: int = errno.ENOSPC):
        self.fail_at = fail_at
        self.power_cut = power_cut
        self.forever = forever
        self.number = number
        self.changes = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in (*self.CHANGES, "unlink"):
            return real

        def change(*args: Any) -> Any:
            self.changes += name != "unlink"
            over = self.fail_at and self.changes >= self.fail_at
            if self.power_cut and over:
                if name == "write" and self.changes == self.fail_at:
                    real(args[0], args[1][: len(args[1]) // 2])
                raise PowerCut
            if name != "unlink" and (self.changes == self.fail_at or (self.forever and over)):
                raise OSError(self.number, os.strerror(self.number))
            return real(*args)

        return change


@pytest.fixture
def ran(monkeypatch, tmp_path) -> list[str]:
    """No kernel is started: runs leave what they would. The ids of the submissions that ran."""
    ids: list[str] = []

    def run_submission(submission, scratch, settings, on_progress):
        ids.append(submission.ref.id)
        (scratch / "evidence").mkdir(parents=True)
        cells = builders.evidence(submission).cells
        executed = new_notebook(cells=[new_markdown_cell("half of a pair: \ud800", id="one")])
        raw = PinnedFolder(scratch / "evidence")
        return RunResult(executed, cells, (), 1.0, raw, "none", raw.close)

    def collect(submission, result, files, verifier, folder):
        trained = builders.training(builders.dense_net(10))
        digest = weights_digest(WEIGHTS)
        trained = replace(trained, weights=store.save_weights(WEIGHTS, digest, folder), weights_digest=digest)
        return builders.evidence(submission, trainings=(trained,), duration_s=1.0)

    loaded = builders.loaded_rubric()
    info = RunInfo.now(loaded, sandbox="none", fits="local")
    monkeypatch.setattr(gather, "run_submission", run_submission)
    monkeypatch.setattr(gather, "collect", collect)
    monkeypatch.setattr(pipeline, "load_rubric", lambda *_: loaded)
    monkeypatch.setattr(pipeline.fashion_mnist, "provide_data", lambda _: DataFiles(tmp_path))
    monkeypatch.setattr(pipeline.RunInfo, "now", lambda *_, **__: info)
    return ids


@pytest.fixture
def students(tmp_path) -> Path:
    folder = tmp_path / "class"
    notebooks(folder, ["ada", "bob"])
    (folder / "eve").mkdir()
    (folder / "eve" / "ps10.ipynb").write_text("{")
    return folder


def notebooks(folder: Path, names: list[str], code: str = "x = 1") -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
        cells = [new_markdown_cell(COUNT), new_code_cell(f"{code}  # {name}")]
        nbformat.write(new_notebook(cells=cells), folder / name / "ps10.ipynb")


def grade(students: Path, out: Path, told: Told | None = None, **more: Any) -> ClassResult:
    return pipeline.grade(pipeline.Settings((students,), out, **more), told or Told(), threading.Event())


def files(out: Path) -> dict[str, bytes]:
    return {str(f.relative_to(out)): f.read_bytes() for f in out.rglob("*") if f.is_file() and f.name != ".lock"}


def rows(out: Path) -> dict[str, Any]:
    return {s["id"]: s for s in json.loads((out / "results.json").read_text("utf-8"))["submissions"]}


# ------------------------------------------------------------------ a disk that fails


@pytest.mark.slow
@pytest.mark.parametrize("power_cut", [False, True])
def test_any_write_may_fail(ran, students, tmp_path, monkeypatch, power_cut):
    monkeypatch.setattr(atomic, "os", disk := Disk())
    grade(students, tmp_path / "undisturbed")
    expected = files(tmp_path / "undisturbed")
    assert disk.changes > 60
    for n in range(1, disk.changes + 1):
        out = tmp_path / str(n)
        first, second = Told(), Told()
        monkeypatch.setattr(atomic, "os", Disk(n, power_cut=power_cut))
        with pytest.raises(PowerCut if power_cut else WriteError) as caught:
            grade(students, out, first)
        assert power_cut or "No space left on device): free some space" in str(caught.value)
        monkeypatch.setattr(atomic, "os", os)
        ran.clear()
        grade(students, out, second)
        assert not set(first.reused) & set(ran), f"ran again after a failure of change {n}"
        assert files(out) == expected, f"differs after a failure of change {n}"


def test_a_full_disk_keeps_what_there_is_and_runs_nothing_more(ran, students, tmp_path, monkeypatch):
    told = Told()
    finished = told.finished

    def then_it_is_full(*args: Any, **more: Any) -> None:
        finished(*args, **more)
        monkeypatch.setattr(atomic, "os", Disk(1, forever=True))

    told.finished = then_it_is_full
    with pytest.raises(WriteError, match=r"bob.*No space left.*1 of 3 submissions have finished") as caught:
        grade(students, tmp_path / "out", told)
    assert caught.value.exit_code == 2
    assert ran == ["ada"]
    monkeypatch.setattr(atomic, "os", os)
    grade(students, tmp_path / "out")
    assert ran == ["ada", "bob"]


def test_one_folder_that_cannot_be_written_does_not_cost_the_others(ran, students, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "ada").write_text("in the way")
    with pytest.raises(WriteError, match=r"ada.*move away"):
        grade(students, out)
    assert ran == ["bob"]
    assert sorted(rows(out)) == ["bob", "eve"]
    (out / "ada").unlink()
    (out / "bob" / "staff.html").unlink()
    (out / "bob" / "staff.html").mkdir()
    with pytest.raises(WriteError, match=r"bob/staff.html"):
        grade(students, out)
    with pytest.raises(WriteError, match=r"bob/staff.html"):
        grade(students, out, audience="student")
    with pytest.raises(WriteError, match=r"bob/staff.html"):
        pipeline.rescore(out, None, "staff")
    assert ran == ["bob", "ada"]
    assert sorted(rows(out)) == ["ada", "eve"]


def test_nothing_runs_where_nothing_can_be_written(ran, students, tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "os", Disk(1, forever=True, number=errno.EROFS))
    with pytest.raises(WriteError, match=r"Read-only file system.*choose another"):
        grade(students, tmp_path)
    assert ran == []


def test_folders_that_cannot_be_synchronised_are_no_failure(tmp_path, monkeypatch):
    def fsync(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, "Invalid argument")

    disk = Disk()
    disk.fsync = fsync
    monkeypatch.setattr(atomic, "os", disk)
    atomic.atomic_write(tmp_path / "a" / "b", "text")
    assert (tmp_path / "a" / "b").read_text() == "text"


def test_a_page_that_cannot_be_made_is_our_own_fault(ran, students, tmp_path, monkeypatch):
    real = export.submission_view

    def submission_view(grade, evidence, *rest):
        if evidence is not None and grade.ref.id == "ada":
            raise ZeroDivisionError
        return real(grade, evidence, *rest)

    monkeypatch.setattr(export, "submission_view", submission_view)
    outcome = grade(students, tmp_path / "out")
    assert [failure.partition(":")[0] for failure in outcome.failures] == ["ada"]
    assert sorted(rows(tmp_path / "out")) == ["ada", "bob", "eve"]
    assert "The grader itself failed" in (tmp_path / "out" / "ada" / "feedback.html").read_text("utf-8")


# ------------------------------------------------------------------ a store that was damaged


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def of_another_format(file: Path) -> None:
    file.write_text(file.read_text().replace('"format":1', '"format":99', 1))


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES = [
    ("evidence/evidence.json", cut, "is damaged"),
    ("evidence/evidence.json", of_another_format, "format 99"),
    (f"evidence/weights/{weights_digest(WEIGHTS)}.npz", Path.unlink, "is missing"),
    ("executed.ipynb", Path.unlink, ""),
]


@pytest.mark.parametrize(("file", "damage", "said"), DAMAGES)
def test_what_is_damaged_runs_anew(ran, students, tmp_path, file, damage, said):
    grade(students, tmp_path / "out")
    expected = files(tmp_path / "out")
    damage(tmp_path / "out" / "ada" / file)
    ran.clear()
    told = Told()
    grade(students, tmp_path / "out", told)
    assert ran == ["ada"]
    assert told.reused == {"ada": False, "bob": True, "eve": True}
    assert files(tmp_path / "out") == expected
    assert said in " ".join(told.said)
    assert len(told.said) == bool(said)


def test_a_changed_rubric_runs_nothing_again_but_other_limits_do(ran, students, tmp_path, monkeypatch):
    out = tmp_path / "out"
    before = grade(students, out)
    first = pipeline.load_rubric(None)
    tasks = [
        task.model_copy(update={"criteria": [c.model_copy(update={"points": 2 * c.points}) for c in task.criteria]})
        for task in first.rubric.tasks
    ]
    rubric = first.rubric.model_copy(update={"version": "2.0", "tasks": tasks, "follow_through": 0.1})
    loaded = replace(first, rubric=rubric, sha256="0" * 64)
    monkeypatch.setattr(pipeline, "load_rubric", lambda *_: loaded)
    told = Told()
    after = grade(students, out, told)
    assert ran == ["ada", "bob"]
    assert told.reused == dict.fromkeys(("ada", "bob", "eve"), True)
    assert after.grades[0].max_score == 2 * before.grades[0].max_score
    limits = rubric.limits.model_copy(update={"cell_s": 1.0})
    monkeypatch.setattr(
        pipeline, "load_rubric", lambda *_: replace(loaded, rubric=rubric.model_copy(update={"limits": limits}))
    )
    grade(students, out)
    assert ran == ["ada", "bob", "ada", "bob"]


def test_the_longest_runs_first(ran, students, tmp_path):
    out = tmp_path / "out"
    notebooks(students, ["cem", "dan"])
    (students / "dan").rename(tmp_path / "dan")
    grade(students, out)
    (tmp_path / "dan").rename(students / "dan")
    for name, seconds in (("ada", 3.0), ("bob", 30.0), ("cem", 7.0)):
        stored = store.load(out / name)
        store.save(replace(stored, duration_s=seconds), out / name, Limits())
    ran.clear()
    grade(students, out, fresh=True, jobs=1)
    assert ran == ["dan", "bob", "cem", "ada"]


@pytest.mark.parametrize("damage", [cut, of_another_format, as_folder, Path.unlink])
def test_rescore_names_what_is_damaged_and_judges_the_others(ran, students, tmp_path, damage):
    out = tmp_path / "out"
    grade(students, out)
    before = rows(out)
    damage(out / "ada" / "evidence" / "evidence.json")
    outcome = pipeline.rescore(out, None, "staff")
    (failure,) = outcome.failures
    assert str(out / "ada" / "evidence" / "evidence.json") in failure
    assert "`grade` runs this submission anew" in failure
    assert [change.id for change in outcome.rescored.submissions] == ["ada"]
    after = rows(out)
    assert {c["outcome"] for t in after["ada"]["tasks"] for c in t["criteria"]} == {"errored"}
    assert after["ada"]["source"] == before["ada"]["source"]
    assert (after["bob"], after["eve"]) == (before["bob"], before["eve"])


def test_results_cut_short_do_not_stop_a_rescore(ran, students, tmp_path):
    out = tmp_path / "out"
    grade(students, out)
    expected = files(out)
    cut(out / "results.json")
    said: list[str] = []
    rescored = pipeline.rescore(out, None, "staff", said.append).rescored
    assert "results.json is not a results file of this version" in said[0]
    assert (rescored.rubric_before, rescored.submissions) == (None, [])
    assert json.loads((out / "results.json").read_text("utf-8"))["rescore"] == rescored.model_dump(mode="json")
    grade(students, out)
    assert files(out) == expected
    as_folder(out / "results.json")
    with pytest.raises(WriteError, match=r"results.json.*move away"):
        pipeline.rescore(out, None, "staff")


def test_what_killed_writes_left_is_swept(ran, students, tmp_path):
    out = tmp_path / "out"
    grade(students, out)
    expected = files(out)
    for folder in (out, out / "ada", out / "ada" / "evidence", out / "ada" / "evidence" / "weights"):
        (folder / ".grade-0123456789abcdef.tmp").write_text("half")
    (out / "bob" / ".grade-0123456789abcdef.tmp").mkdir()  # not ours
    grade(students, out)
    assert files(out) == expected


# ------------------------------------------------------------------ two graders


HOLDS_A_LOCK = """
import filelock, sys, time
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_grader_waits_its_turn_and_a_killed_one_holds_nothing(ran, students, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    grade(students, out)
    with subprocess.Popen([sys.executable, "-c", HOLDS_A_LOCK, str(out / ".lock")], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            expected = files(out)
            with pytest.raises(UsageError, match="Another grade is working in"):
                grade(students, out)
            with pytest.raises(UsageError, match="Another grade is working in"):
                pipeline.rescore(out, None, "staff")
            monkeypatch.setattr(sys, "argv", ["grade", "export", str(out), "--format", "csv"])
            cli.main()
            assert capsys.readouterr().out.startswith("id,status,")
            assert files(out) == expected
        finally:
            other.kill()
    grade(students, out)
    with FileLock(out / ".lock", timeout=0):
        pass
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToGradeError):
        pipeline.rescore(tmp_path / "empty", None, "staff")


# ------------------------------------------------------------------ interrupted


def test_an_interrupt_waits_for_nobody_and_reports_what_had_finished(ran, students, tmp_path, monkeypatch):
    out = tmp_path / "out"
    stop, over = threading.Event(), threading.Event()
    real = gather.run_submission

    def run_submission(submission, scratch, settings, on_progress):
        if submission.ref.id == "bob":
            stop.set()
            over.wait(30)  # a thread that does not look up
        return real(submission, scratch, settings, on_progress)

    monkeypatch.setattr(gather, "run_submission", run_submission)
    told = Told()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pipeline.grade(pipeline.Settings((students,), out), told, stop)
    assert time.monotonic() - started < 10
    assert told.said == ["1 of 3 have finished."]
    assert list(rows(out)) == list(told.reused) == ["ada"]
    over.set()
    for thread in threading.enumerate():
        if thread.name.startswith("grade"):
            thread.join()
    assert not (out / "bob" / "evidence").exists()  # what came of it afterwards is nobody's result
    grade(students, out, told)
    assert told.reused == {"ada": True, "bob": False, "eve": False}


def test_an_interrupt_before_anything_ran_leaves_the_report_as_it_was(ran, students, tmp_path, monkeypatch):
    out = tmp_path / "out"
    grade(students, out)
    expected = files(out)
    stop = threading.Event()
    told = Told()
    told.finished = lambda *_, **__: stop.set()
    with pytest.raises(KeyboardInterrupt):
        pipeline.grade(pipeline.Settings((students,), out), told, stop)
    assert files(out) == expected


def test_a_failure_while_it_stops_is_nobodys_result(ran, students, tmp_path, monkeypatch):
    stop = threading.Event()

    def collect(*_: Any) -> None:
        stop.set()
        raise ZeroDivisionError

    monkeypatch.setattr(gather, "collect", collect)
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        pipeline.grade(pipeline.Settings((students,), tmp_path / "out"), told, stop)
    assert told.reused == {}
    assert not (tmp_path / "out" / "results.json").exists()


@pytest.mark.parametrize("became", [ValueError("half imported"), UsageError("cannot be written")])
def test_an_interrupt_that_became_another_error_is_still_one(monkeypatch, became):
    def app(**_: object) -> None:
        with pytest.raises(KeyboardInterrupt):
            ending.interrupt()
        raise became

    left: list[int] = []
    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(ending.os, "_exit", lambda code: left.append(code) or sys.exit(code))
    monkeypatch.setattr(ending, "on_signals", lambda handler: None)
    with pytest.raises(SystemExit):
        cli.main()
    assert left == [130]
    ending.STOP.clear()


TELLS_OF_SIGNALS = """
import signal
from grader import __main__, cli
from grader.terminal import ending
def command():
    ending.on_signals(ending.interrupt)
    print(*(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)), sep="; ")
cli.main = command
__main__.main()
command()
"""


def test_signals_are_heeded_where_they_came_through_and_only_while_it_works():
    told = subprocess.run(
        ["nohup", sys.executable, "-c", TELLS_OF_SIGNALS],  # which ignores SIGHUP
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=heed_signals,
    )
    at_work, afterwards = told.stdout.splitlines()
    assert at_work.count("function interrupt") == 2
    assert at_work.endswith("; 1")
    assert afterwards == "1; 1; 1"


def test_the_command_to_resume_is_the_one_that_was_given(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/opt/x/grade", "a class", "--out", "r", "--fresh", "--jobs", "2"])
    assert ending.resume_command() == "/opt/x/grade 'a class' --out r --jobs 2"
    monkeypatch.setattr(ending.shutil, "which", lambda _: "/opt/x/grade")
    assert ending.resume_command() == "grade 'a class' --out r --jobs 2"
    monkeypatch.setattr(sys, "argv", ["/x/grader/__main__.py", "rescore", "r"])
    assert ending.resume_command() == f"{sys.executable} -m grader rescore r"


def test_a_terminal_that_was_closed_does_not_end_a_run():
    class Closed:
        encoding = "utf-8"

        def write(self, _: str) -> int:
            raise OSError(errno.EIO, "Input/output error")

        def flush(self) -> None:
            pass

    with Display(Console(file=Closed()), jobs=1) as display:  # type: ignore[arg-type]
        display.say("Nobody hears this.")


# ------------------------------------------------------------------ workers


@pytest.mark.parametrize("wait_s", [0.0, 1.0])
def test_measuring_is_called_off_at_once(tmp_path, wait_s):
    workers = Workers(DataFiles(tmp_path))
    verifier = Verifier(workers, SingleFlight(None, threading.Event()))
    raised: list[type[BaseException]] = []

    def verify() -> None:
        try:
            verifier.verify(
                builders.network_of(builders.dense(10, "softmax")),
                WEIGHTS,
                Prepared((784,), 0.0, 1.0),
                np.empty(0, np.int64),
            )
        except BaseException as problem:  # noqa: BLE001
            raised.append(type(problem))

    thread = threading.Thread(target=verify)
    if not wait_s:
        workers.cancel()
    thread.start()
    time.sleep(wait_s)
    workers.cancel()
    thread.join(2)
    assert raised == [KeyboardInterrupt]
    workers.close()


STARTS_A_WORKER = """
import threading, sys, time
from pathlib import Path
from grader.datasets.fashion_mnist import DataFiles
from grader.training.workers import Workers
worker = Workers(DataFiles(Path(sys.argv[1])))._all[0]
threading.Thread(target=worker._start, daemon=True).start()
while worker._process is None or worker._process.pid is None:
    time.sleep(0.01)
print(worker._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("after_s", [0.0, 0.5, 2.0])
def test_a_worker_ends_with_the_grader_and_not_with_ctrl_c(tmp_path, after_s):
    environment = os.environ | marked(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_A_WORKER, str(provide_data().directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as grader:
        assert grader.stdout is not None
        worker = int(grader.stdout.readline())
        time.sleep(after_s)
        os.kill(worker, signal.SIGINT)
        os.kill(worker, signal.SIGTERM)
        time.sleep(0.2)
        left = alive(tmp_path)
        grader.kill()
    assert worker in left
    assert gone(tmp_path, within_s=5)


# ------------------------------------------------------------------ the whole command


def marked(tmp_path: Path) -> dict[str, str]:
    """An environment by which all processes of a run are known: kernels have their scratch folder in theirs."""
    (tmp_path / "scratch").mkdir(exist_ok=True)
    return {"TMPDIR": str(tmp_path / "scratch"), "GRADE_DATA": str(provide_data().directory)}


def alive(tmp_path: Path) -> dict[int, str]:
    """The processes of a run: number and command line."""
    mark = str(tmp_path / "scratch").encode()
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
                if mark in command or mark in (process / "environ").read_bytes():
                    found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
    return found


def gone(tmp_path: Path, within_s: float) -> bool:
    """Whether all of them end in time."""
    deadline = time.monotonic() + within_s
    while alive(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(tmp_path)


def heed_signals() -> None:
    """As in a terminal: `nohup` ignores SIGHUP, a script's `&` SIGINT, and all that they start does so too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(students: Path, out: Path, tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grader", str(students), "--out", str(out), "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | marked(tmp_path),
        start_new_session=True,
        preexec_fn=heed_signals,  # noqa: PLW1509 - it takes no lock
    )


def announced(stderr: str) -> dict[str, bool]:
    """Who was announced as finished, and whether from the store."""
    lines = [line.partition("] ")[2] for line in stderr.splitlines() if line.startswith("[") and "/" in line]
    return {line.partition(":")[0]: line.endswith("(stored)") for line in lines}


def timeless(out: Path) -> dict[str, Any]:
    return {name: {**row, "duration_s": None} for name, row in rows(out).items()}


TRAINS = """
import numpy as np, keras
net = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation='softmax')])
net.compile(optimizer='sgd', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
(x, y), (vx, vy) = keras.datasets.fashion_mnist.load_data()
net.fit(x[:640].reshape(640, 784) / 255, y[:640], epochs=1, verbose=0)"""


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_in_good_order(tmp_path, number):
    """To the whole process group, as a terminal does; at moments between the first breath and the last."""
    notebooks(tmp_path / "class", ["ada", "bob"], TRAINS)
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    done: set[str] = set()
    for _ in range(6):
        after_s = rng.uniform(1.5, 20)
        with start(tmp_path / "class", tmp_path / "out", tmp_path) as running:
            try:
                running.wait(after_s)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, number)
                time.sleep(0.1)
                os.killpg(running.pid, number)  # an impatient second time
            sent = time.monotonic()
            _, said = running.communicate(timeout=30)
            took = time.monotonic() - sent
        where = f"seed {seed}, {number.name} after {after_s:.2f} s: {said}"
        assert "Traceback" not in said, where
        told = announced(said)
        assert all(told.get(name, True) for name in done), where
        done |= set(told)
        if running.returncode == 0:
            continue
        assert running.returncode == 130, where
        assert took < 15, where  # about 1 s where the machine has nothing else to do
        resume = f"To go on from there:\n  {sys.executable} -m grader {tmp_path / 'class'} --out"
        assert resume in said or "interrupted before it began" in said, where
        assert gone_but_kernels(tmp_path), f"{where}\nleft: {alive(tmp_path)}"


@pytest.mark.kernel
@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_leave_nobody(tmp_path):
    names = [f"student{i:02}" for i in range(12)]
    notebooks(tmp_path / "class", names, "print('so far')")
    out = tmp_path / "out"
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    done: set[str] = set()
    for kill in range(20):
        after_s = rng.uniform(0.3, 9)
        with start(tmp_path / "class", out, tmp_path) as running:
            time.sleep(after_s)
            running.kill()
            said = running.stderr.read() if running.stderr else ""
        where = f"seed {seed}, kill {kill + 1} after {after_s:.2f} s: {said}"
        told = announced(said)
        assert all(told.get(name, True) for name in done), where
        done |= set(told)
        for name in done:
            assert (out / name / "feedback.html").is_file(), where
        assert gone_but_kernels(tmp_path), f"{where}\nleft: {alive(tmp_path)}"
        if (out / "results.json").exists():
            rows(out)
    with start(tmp_path / "class", out, tmp_path) as running:
        _, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    told = announced(said)
    assert sorted(told) == names
    assert all(told[name] for name in done), f"seed {seed}: {said}"
    assert not list(out.rglob("*.tmp"))
    with start(tmp_path / "class", tmp_path / "undisturbed", tmp_path) as running:
        running.communicate(timeout=300)
    assert timeless(out) == timeless(tmp_path / "undisturbed")
    assert (out / "grades.csv").read_bytes() == (tmp_path / "undisturbed" / "grades.csv").read_bytes()


def gone_but_kernels(tmp_path: Path) -> bool:
    """Whether all end; without a sandbox, nothing ends kernels that start while their grader ends."""
    if gone(tmp_path, within_s=10):
        return True
    if choose("auto").name != "none":
        return False
    for pid, command in alive(tmp_path).items():
        if "grade_recorder" in command:
            os.kill(pid, signal.SIGKILL)
    return gone(tmp_path, within_s=10)
