"""A Dask cluster as a place to run: bytes there, evidence back, workers that die, and nothing of either believed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders
import nbformat
import numpy as np
import psutil
import pytest
from distributed import KilledWorker
from distributed.cli import dask_scheduler, dask_worker
from distributed.client import FutureCancelledError
from distributed.scheduler import WorkerState
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from ruamel.yaml import YAML

from grader import __version__, cli, pipeline
from grader.errors import ClusterError, EvidenceError, GradeError, SandboxError, UsageError
from grader.evidence import store
from grader.execution.cluster import bundle, head, worker
from grader.execution.cluster.bundle import Bundle, OtherVersion, files_below, lay_out, pack, unpack
from grader.execution.cluster.head import Cluster, received
from grader.records import SubmissionRef, Unreadable
from grader.report.provenance import RunInfo
from grader.rubric.schema import Limits
from grader.sandbox import LEVELS
from grader.system.atomic_files import atomic_write
from grader.wire.npz import weights_digest, write_npz

ROOT = Path(__file__).parent.parent
ADDRESS = "tcp://127.0.0.1:8786"
WORKER = "tcp://127.0.0.1:4001"

# ------------------------------------------------------------------ bundles

FILES = {"ps10.ipynb": b"{}", "data/ü and \udcff.csv": bytes(1000), "empty": b"", "a": os.urandom(5000)}


def header(files: list[Any], *blobs: bytes, version: str = __version__, told: Any = None) -> bytes:
    told = {} if told is None else told
    return json.dumps({"grade": version, "told": told, "files": files}).encode() + b"\n" + b"".join(blobs)


def blob(name: Any, data: bytes) -> tuple[list[Any], bytes]:
    packed = zlib.compress(data)
    return [name, len(data), len(packed)], packed


def test_what_is_packed_comes_out(tmp_path):
    told = {"limits": {"cell_s": 1.5}, "name": "\udcff"}
    came = unpack(pack(Bundle(told, FILES)))
    assert (came.message, came.files) == (told, FILES)
    lay_out(FILES, tmp_path)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    assert files_below(tmp_path) == FILES


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "//x", "a//b", "./a", "a/", "a\0b", "x/" * 50 + "x"],
)
def test_names_that_lead_elsewhere_are_refused(name):
    entry, packed = blob(name, b"x")
    with pytest.raises(EvidenceError, match="with the name"):
        unpack(header([entry], packed))
    with pytest.raises(EvidenceError, match="with the name"):
        pack(Bundle({}, {name: b"x"}))


def test_a_name_stands_there_once():
    entry, packed = blob("a", b"x")
    with pytest.raises(EvidenceError, match="with the name"):
        unpack(header([entry, entry], packed, packed))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"\n",
        b"[]\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe{}\n",
        b'{"grade": 1, "told": {}, "files": []}\n',
        header({}),  # type: ignore[arg-type]
        header([], told=[]),
        header(["a"]),
        header([["a", 1]]),
        header([["a", -1, 0]]),
        header([["a", 0, -1]]),
        header([["a", "0", 0]]),
        header([[["a"], 0, 0]]),
        header([["a", 1, 0]]),
        header([["a", 1, 3]], b"xyz"),
        header([["a", 1, 10**6]], b"x"),
        header([], b"more"),
        header([["a", 4 << 40, 0]]),
        header([[str(n), 0, 0] for n in range(bundle.MOST_FILES + 1)]),
        pack(Bundle({}, {"a": b"x"}))[:-1],
        pack(Bundle({}, {"a": b"x"})) + b"x",
    ],
    ids=range(23),
)
def test_what_pack_does_not_make_is_refused(data):
    with pytest.raises(EvidenceError):
        unpack(data)


@pytest.mark.parametrize("size", [0, 9, 11, 1 << 20])
def test_a_file_has_the_size_that_was_announced(size):
    (_, _, length), packed = blob("a", b"0123456789")
    with pytest.raises(EvidenceError, match="damaged"):
        unpack(header([["a", size, length]], packed))


def test_a_bomb_is_not_unpacked():
    (_, _, length), packed = blob("a", bytes(64 << 20))
    before = psutil.Process().memory_info().rss
    with pytest.raises(EvidenceError, match="damaged"):
        unpack(header([["a", 10, length]], packed))
    assert psutil.Process().memory_info().rss - before < 32 << 20


def test_another_version_is_named():
    with pytest.raises(OtherVersion, match=f"made by grade 9.9, this is {__version__}"):
        unpack(header([], version="9.9"))


# ------------------------------------------------------------------ what comes back

WEIGHTS = [np.ones((784, 10), np.float32), np.zeros(10, np.float32)]


@pytest.fixture
def ref(tmp_path) -> SubmissionRef:
    (tmp_path / "class").mkdir()
    source = tmp_path / "class" / "ps10.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("x = 1")]), source)
    return SubmissionRef("ada", "Ada", source, source.parent, sha256="abc", origin="class/ps10.ipynb")


@pytest.fixture
def left(tmp_path, ref) -> dict[str, bytes]:
    """What a run leaves, on a machine where the submission lies elsewhere."""
    folder, there = tmp_path / "there", replace(ref, source=Path("/there/ps10.ipynb"), root=Path("/there"))
    digest = weights_digest(WEIGHTS)
    weights = store.save_weights(WEIGHTS, digest, folder)
    trained = replace(builders.training(builders.dense_net(10)), weights=weights, weights_digest=digest)
    evidence = builders.evidence(trainings=(trained,), duration_s=1.0)
    evidence = replace(evidence, submission=replace(evidence.submission, ref=there), sandbox="landlock")
    atomic_write(folder / "executed.ipynb", nbformat.writes(new_notebook(cells=[new_markdown_cell("hello")])))
    store.save(evidence, folder, Limits())
    return files_below(folder)


def test_what_a_worker_sends_is_stored_as_if_it_had_run_here(tmp_path, ref, left):
    out, limits = tmp_path / "out", Limits(cell_s=7)
    stored = received(left, ref, out, tmp_path / "scratch", limits)
    assert stored.sandbox == "landlock"
    assert stored.submission.ref == ref
    assert store.load(out) == stored
    assert store.reusable(out, ref, limits) == stored
    came = files_below(out)
    assert set(came) == set(left)
    assert {name: came[name] for name in came if "evidence.json" not in name} == {
        name: left[name] for name in left if "evidence.json" not in name
    }


def changed(left: dict[str, bytes], **fields: Any) -> dict[str, bytes]:
    document = json.loads(left["evidence/evidence.json"])
    document["record"].update(fields)
    return left | {"evidence/evidence.json": json.dumps(document).encode()}


HOSTILE = {
    "another file": lambda left: left | {"evidence/../../x": b""},
    "a page": lambda left: left | {"feedback.html": b""},
    "a program": lambda left: left | {"evidence/weights/x.py": b""},
    "no evidence": lambda left: {k: v for k, v in left.items() if "evidence.json" not in k},
    "damaged evidence": lambda left: left | {"evidence/evidence.json": b"{"},
    "evidence of another shape": lambda left: changed(left, cells=[{"cell": "x"}]),
    "another format": lambda left: (
        left | {"evidence/evidence.json": b'{"format": 0, "kind": "evidence", "limits": {}}'}
    ),
    "no weights": lambda left: {k: v for k, v in left.items() if "weights" not in k},
    "no notebook": lambda left: {k: v for k, v in left.items() if k != "executed.ipynb"},
    "no JSON": lambda left: left | {"executed.ipynb": b"{"},
    "no valid notebook": lambda left: left | {"executed.ipynb": b'{"cells": 1, "nbformat": 4}'},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_run_leaves_is_refused_and_nothing_stored(tmp_path, ref, left, kind):
    with pytest.raises(EvidenceError, match="worker sent") as caught:
        received(HOSTILE[kind](left), ref, tmp_path / "out", tmp_path / "scratch", Limits())
    assert not (tmp_path / "out").exists()
    assert str(tmp_path) not in str(caught.value)


def test_evidence_of_another_submission_is_refused(tmp_path, ref, left):
    with pytest.raises(EvidenceError, match="another submission"):
        received(left, replace(ref, sha256="def"), tmp_path / "out", tmp_path / "scratch", Limits())


def test_weights_that_are_not_the_verified_ones_are_left_out(tmp_path, ref, left):
    name = next(name for name in left if "weights" in name)
    forged = left | {name: write_npz({"w0": np.zeros((784, 10), np.float32), "w1": WEIGHTS[1]})}
    received(forged, ref, tmp_path / "out", tmp_path / "scratch", Limits())
    assert not list((tmp_path / "out").rglob("*.npz"))


# ------------------------------------------------------------------ the head, without a cluster


class Future:
    def __init__(self, result: Any) -> None:
        self._result = result
        self.released = False

    def result(self) -> Any:
        answer = self._result() if callable(self._result) else self._result
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def release(self) -> None:
        self.released = True


class Client:
    """A client whose workers answer with what it was given."""

    def __init__(self, *answers: Any, threads: int = 4) -> None:
        self.answers = list(answers)
        self.threads = threads
        self.jobs: list[bytes] = []
        self.cancelled = threading.Event()
        self.futures: list[Future] = []

    def scheduler_info(self, n_workers):
        return {"total_threads": self.threads, "n_workers": self.threads}

    def subscribe_topic(self, topic, handler):
        self.heard = handler

    def submit(self, function, job, *, key, pure):
        assert function is worker.run
        assert not pure
        self.jobs.append(job)
        self.futures.append(Future(self.answers.pop(0)))
        self.key = key
        return self.futures[-1]

    def who_has(self, futures):
        return {"key": (WORKER,)}

    def cancel(self, futures):
        self.cancelled.set()

    def close(self, timeout):
        pass


class Head:
    def __init__(self, client: Client, monkeypatch, tmp_path: Path, ref: SubmissionRef) -> None:
        monkeypatch.setattr(Cluster, "_connected", lambda _: client)
        self.said: list[str] = []
        self.done: list[tuple[str, float]] = []
        self.cluster = Cluster(ADDRESS, self.said.append, sandbox="auto", shared=True)
        self.client, self.out, self.scratch, self.ref = client, tmp_path / "out", tmp_path / "scratch", ref

    def gather(self, ref: SubmissionRef | None = None):
        doing = lambda text, share: self.done.append((text, share))  # noqa: E731
        return self.cluster.gather(ref or self.ref, self.out, self.scratch, Limits(), doing)


@pytest.fixture
def head_with(monkeypatch, tmp_path, ref):
    return lambda *answers, **more: Head(Client(*answers, **more), monkeypatch, tmp_path, ref)


def answer(files: dict[str, bytes], **told: Any) -> bytes:
    return pack(Bundle({"warnings": [], **told}, files))


def test_a_job_holds_the_submission_and_nothing_of_this_machine(head_with, left, ref, tmp_path):
    (ref.root / "helper.py").write_text("x = 1")
    (ref.root / "link.csv").symlink_to("/etc/passwd")
    given = replace(ref, companions=(Path("helper.py"), Path("link.csv"), Path("gone.csv")))
    one = head_with(answer(left))
    with one.cluster:
        assert one.gather(given).submission.ref == given
    sent = unpack(one.client.jobs[0])
    assert sent.files == {"ps10.ipynb": ref.source.read_bytes(), "helper.py": b"x = 1"}
    assert set(sent.message) == {"ref", "sandbox", "shared", "limits", "topic"}
    assert str(tmp_path) not in json.dumps(sent.message)
    assert not one.scratch.exists()
    assert one.client.futures[0].released


def test_a_folder_without_a_notebook_is_sent_as_names(head_with, left, ref):
    for name in ("notes.txt", ".hidden"):
        (ref.root / name).write_text("secret")
    (ref.root / "pictures").mkdir()
    one = head_with(answer(left))
    with one.cluster:
        one.gather(replace(ref, source=ref.root))
    assert unpack(one.client.jobs[0]).files == {"notes.txt": b"", "pictures": b"", "ps10.ipynb": b""}


def test_what_cannot_be_read_needs_no_worker(head_with, ref):
    ref.source.write_text("{")
    one = head_with()
    with one.cluster:
        assert isinstance(one.gather(), Unreadable)
    assert isinstance(store.load(one.out), Unreadable)


def test_as_many_jobs_are_known_as_keep_a_growing_cluster_busy(head_with):
    with head_with(threads=0).cluster as none, head_with(threads=100).cluster as many:
        assert (none.threads, many.threads) == (64, 200)


def test_without_workers_it_says_that_it_waits(head_with):
    one = head_with(threads=0)
    with one.cluster:
        assert one.said == [f"No worker is connected to {ADDRESS} yet: waiting for one."]


def test_it_says_when_the_last_worker_is_gone(head_with, monkeypatch):
    monkeypatch.setattr(head, "_LOOK_S", 0.01)
    one = head_with()
    with one.cluster:
        one.cluster._jobs["x"] = (None, None)
        one.client.threads = 0
        while not one.said:
            time.sleep(0.01)
        time.sleep(0.1)
    assert one.said == [f"No worker is left at {ADDRESS} (their logs say why): waiting for one."]


def test_progress_is_what_the_worker_says_but_bounded(head_with, left):
    one = head_with(lambda: answer(left))

    def tell_first():
        for told in ({"key": one.client.key, "text": "cell 1 of 2", "share": 7, "worker": WORKER}, {"key": 1}, None):
            one.client.heard((0.0, told))
        one.client.heard((0.0, {"key": "another", "text": "", "share": 0.0, "worker": ""}))
        return answer(left)

    one.client.answers = [tell_first]
    with one.cluster:
        one.gather()
    assert one.done == [(f"cell 1 of 2 on {WORKER}", 1.0)]


def test_warnings_of_workers_are_said_once(head_with, left):
    one = head_with(*[answer(left, warnings=["No bubblewrap."])] * 2)
    with one.cluster:
        one.gather()
        one.gather()
    assert one.said == [f"On {WORKER}: No bubblewrap."]


def test_an_error_on_a_worker_costs_its_own_submission_only(head_with, left):
    one = head_with(worker._refusal("It broke.", unfit=False), answer(left))
    with one.cluster:
        with pytest.raises(GradeError, match=r"It broke\. \[on tcp://127\.0\.0\.1:4001\]") as caught:
            one.gather()
        assert caught.value.exit_code == 3
        one.gather()


def test_a_submission_that_kills_workers_ends_as_an_error_of_ours(head_with, left):
    last = WorkerState(address=WORKER, status=None, pid=1, name="w", nthreads=1, memory_limit=0, local_directory="",
                       nanny="", server_id="", services={}, versions={}, extra={}, scheduler=None)  # fmt: skip
    one = head_with(KilledWorker("key", last, 3), answer(left))
    with one.cluster:
        with pytest.raises(GradeError, match="4 workers ended while they ran it, the last of them tcp://127") as caught:
            one.gather()
        assert not isinstance(caught.value, ClusterError)
        one.gather()


def unfit(text: str, exit_code: int) -> bytes:
    return worker._refusal(text, unfit=True, exit_code=exit_code)


@pytest.mark.parametrize(
    ("said", "exit_code", "sentence"),
    [
        (unfit("No sandbox holds here.", 4), 4, f"{WORKER} cannot grade: No sandbox holds here."),
        (header([], version="9.9"), 2, f"{WORKER} does not fit: it was made by grade 9.9, this is {__version__}."),
        (FutureCancelledError("key", "scheduler-connection-lost"), 2, "The connection to the scheduler was lost"),
        (ModuleNotFoundError("No module named 'grader'"), 2, "No module named 'grader'): install grade"),
        ({"not": "bytes"}, 2, "A worker answered with something that is not grade's."),
    ],
    ids=["unfit", "version", "lost", "not installed", "no bytes"],
)
def test_a_cluster_that_cannot_grade_ends_the_run(head_with, said, exit_code, sentence):
    one = head_with(said)
    with one.cluster:
        for _ in range(2):  # the second is not even sent
            with pytest.raises(ClusterError) as caught:
                one.gather()
            assert sentence in str(caught.value)
            assert str(caught.value).endswith("run the same command again to go on from there.")
            assert caught.value.exit_code == exit_code
    assert one.client.cancelled.is_set()
    assert len(one.client.jobs) == 1


def test_an_answer_that_is_damaged_costs_its_own_submission_only(head_with):
    one = head_with(b"?")
    with one.cluster, pytest.raises(EvidenceError, match=f"{WORKER} sent something that is damaged"):
        one.gather()


def test_cancelling_interrupts_those_that_wait_and_those_that_come(head_with):
    one = head_with()

    def wait():
        one.client.cancelled.wait()
        return FutureCancelledError("key", "unknown")

    one.client.answers = [wait]
    with one.cluster:
        threading.Timer(0.1, one.cluster.cancel).start()
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                one.gather()
    assert len(one.client.jobs) == 1


# ------------------------------------------------------------------ the worker, without a cluster


def test_a_worker_of_another_version_says_so():
    told = unpack(worker.run(header([], version="9.9"))).message
    assert told["unfit"]
    assert f"made by grade 9.9, this is {__version__}" in told["problem"]


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (SandboxError("None."), True),
        (UsageError("GRADE_CACHE_MIB is a number."), True),
        (OSError(28, "No space left on device"), True),
        (OSError(36, "File name too long"), False),
        (GradeError("No worker starts."), False),
        (ZeroDivisionError(), False),
    ],
    ids=repr,
)
def test_what_is_wrong_with_a_machine_is_not_the_submissions_fault(problem, expected):
    assert worker._is_unfit(problem) is expected


class FakeHere:
    problem = ""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def called_off_by(self, stop):
        return self

    def cancel(self):
        self.ended.append("cancelled")

    def __exit__(self, *_):
        self.ended.append("closed")


@pytest.fixture
def made(monkeypatch) -> list[FakeHere]:
    """The machines of this process as they are made."""
    machines: list[FakeHere] = []

    def make(sandbox, shared, job):
        machines.append(FakeHere())
        return worker._Machine(machines[-1], [], threading.Event())

    monkeypatch.setattr(worker, "_make", make)
    monkeypatch.setattr(worker, "_machines", {})
    return machines


def a_job() -> worker._Job:
    return worker._Job(None, "key", "topic")


def test_jobs_of_a_process_share_what_it_has(made):
    for shared in (True, True, False):
        with worker._machine("auto", shared, a_job()), worker._machine("auto", shared, a_job()):
            pass
    assert len(made) == 2
    assert made[0].ended == []


def test_trainings_end_when_the_last_job_is_called_off_and_not_before(made):
    first, second = a_job(), a_job()
    with worker._machine("auto", True, first):
        with worker._machine("auto", True, second):
            second.stop.set()
        assert made[0].ended == []
        first.stop.set()
    assert made[0].ended == ["cancelled", "closed"]
    with worker._machine("auto", True, a_job()):
        assert len(made) == 2


def test_an_idle_process_lets_go(made, monkeypatch):
    monkeypatch.setattr(worker, "_IDLE_S", 0.05)
    with worker._machine("auto", True, a_job()):
        time.sleep(0.2)
        assert made[0].ended == []
    deadline = time.monotonic() + 5
    while not made[0].ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert made[0].ended == ["cancelled", "closed"]


# ------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    "address", ["localhost:8786", "http://x:1", "tcp://", "tcp://host", "tcp://a b:1", "inproc://x"]
)
def test_an_address_that_is_none_is_named(address):
    with pytest.raises(UsageError, match="no address such as tcp://HOST:PORT"):
        Cluster(address, print, sandbox="auto", shared=True)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'grade-notebooks\[cluster\]'"):
        Cluster(ADDRESS, print, sandbox="auto", shared=True).__enter__()


def test_without_a_scheduler_it_says_so_in_time(monkeypatch, tmp_path, ref, capsys):
    monkeypatch.setattr(head, "CONNECT_S", 1.0)
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(sys, "argv", ["grade", str(ref.source), "--out", str(tmp_path), "--scheduler", address])
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        started = time.monotonic()
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    assert ended.value.code == 2
    assert time.monotonic() - started < 8
    assert f"grade: No Dask scheduler answers at {address}" in capsys.readouterr().err


def test_a_report_tells_the_weakest_level_that_code_ran_in():
    info = RunInfo.now(builders.loaded_rubric(), sandbox="auto", fits="shared")
    assert (info.sandbox, info.warning, info.in_force([])) == ("auto", "", info)
    strongest, weakest = next(iter(LEVELS)), list(LEVELS)[-1]
    assert info.in_force([strongest, strongest]).sandbox == strongest
    mixed = info.in_force([strongest, weakest, strongest])
    assert mixed.sandbox == weakest
    assert mixed.warning
    assert info.in_force(["moat"]) == info


# ------------------------------------------------------------------ what docs/cluster.md shows

DOCS = (ROOT / "docs" / "cluster.md").read_text("utf-8")


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)


def test_shown_scripts_and_manifests_can_be_read():
    for script in shown("bash"):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    (manifests,) = shown("yaml")
    kinds = [document["kind"] for document in YAML(typ="safe").load_all(manifests)]
    assert kinds == ["Deployment", "Service", "Deployment", "NetworkPolicy", "Job"]


def test_shown_options_of_dask_exist():
    known = {
        option
        for command in (dask_scheduler, dask_worker)
        for p in command.main.params
        for option in (*p.opts, *p.secondary_opts)
    }
    for line in DOCS.splitlines():
        if "dask" in line and "grade " not in line:
            assert set(re.findall(r"--[a-z][a-z-]+", line)) <= known, line


# ------------------------------------------------------------------ a real scheduler, two real workers

NETWORK = """\
import keras
(a, b), (c, d) = keras.datasets.fashion_mnist.load_data()
m = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation="softmax")])
m.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
m.fit(a[:320].reshape(-1, 784) / 255.0, b[:320], epochs=1)"""
COUNT = "## 1d)\n$(784 \\cdot 10 + 10) + (10 \\cdot 10 + 10) + (10 \\cdot 10 + 10) = 8070$"


class Told:
    """Calls `act` with the address of the worker, once, when a submission is seen to run its cells there."""

    def __init__(self, name: str, act: Any) -> None:
        self.name, self.act = name, act

    def expect(self, refs): ...
    def finished(self, ref, grade, *, reused): ...
    def say(self, message): ...

    def doing(self, ref, what, share):
        text, _, address = what.partition(" on ")
        if ref.id == self.name and self.act and text.startswith("cell"):
            act, self.act = self.act, None
            act(address)


def process_at(address: str, below: int) -> psutil.Process:
    """The process below another that listens there."""
    port = int(address.rsplit(":", 1)[1])
    for one in psutil.Process(below).children(recursive=True):
        if any(c.laddr.port == port and c.status == psutil.CONN_LISTEN for c in one.net_connections("tcp")):
            return one
    raise AssertionError(address)


def runs(*command: str) -> bool:
    """Whether some process of this machine was started by these words."""
    return any(tuple(one.info["cmdline"] or ()) == command for one in psutil.process_iter(["cmdline"]))


def wait_until(reached: Any, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not (there := reached()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return there


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a scheduler with two workers, each under its nanny as `dask worker` has it, of one thread."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GRADE_CACHE": str(folder / "cache")}
    common = ("--scheduler-file", str(file), "--no-dashboard")
    commands = [("scheduler", "--host", "127.0.0.1", "--port", "0", *common)]
    commands += [("worker", *common, "--nthreads", "1", "--local-directory", str(folder))] * 2
    with (folder / "log").open("wb") as log:
        started = [
            subprocess.Popen([sys.executable, "-m", "dask", *command], env=environment, stdout=log, stderr=log)
            for command in commands
        ]
    try:
        while not file.is_file():
            assert all(one.poll() is None for one in started), (folder / "log").read_text()
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
    finally:
        for one in reversed(started):
            one.terminate()
        for one in started:
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


def students(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / name).mkdir(parents=True)
        nbformat.write(new_notebook(cells=[new_markdown_cell(COUNT), new_code_cell(source)]), folder / name / "a.ipynb")
    return folder


def graded(folder: Path, out: Path, told: Told, address: str = "", stop: threading.Event | None = None):
    settings = pipeline.Settings((folder,), out, jobs=2, sandbox="auto", fits="shared", scheduler=address)
    settings = settings if address else replace(settings, sandbox=cli_level())
    return pipeline.grade(settings, told, stop or threading.Event())


def cli_level() -> str:
    from grader.sandbox import choose

    return choose("auto").name


def verdicts(out: Path) -> Any:
    document = json.loads((out / "results.json").read_text("utf-8"))
    del document["generated"]
    for one in document["submissions"]:
        del one["duration_s"]
    return document


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.xdist_group("cluster")
def test_a_cluster_grades_as_this_machine_does_though_a_worker_dies(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADE_CACHE", str(tmp_path / "cache"))
    once = tmp_path / "class"
    students(once, ada=NETWORK, bob="import time\ntime.sleep(4)", eve="1 / 0")
    killed = []

    def kill(address: str) -> None:
        process = process_at(address, os.getpid())
        killed.append(process.pid)
        process.kill()

    outcome = graded(once, tmp_path / "cluster", Told("bob", kill), cluster)
    assert len(killed) == 1
    assert outcome.failures == ()
    graded(once, tmp_path / "here", Told("", None))
    assert verdicts(tmp_path / "cluster") == verdicts(tmp_path / "here")
    document = json.loads((tmp_path / "cluster" / "results.json").read_text("utf-8"))
    assert document["grader"]["sandbox"] == cli_level()
    for name in ("cluster", "here"):
        assert len(list((tmp_path / name / "ada" / "evidence" / "weights").glob("*.npz"))) == 1
        assert nbformat.read(tmp_path / name / "eve" / "executed.ipynb", 4).cells[1].outputs[0].ename


@pytest.mark.slow
@pytest.mark.kernel
@pytest.mark.xdist_group("cluster")
def test_an_interrupt_kills_the_kernels_on_the_workers(cluster, tmp_path):
    stop, command = threading.Event(), ("sleep", f"300.{os.getpid()}")
    sleepy = students(tmp_path / "class", ada=f"import subprocess\nsubprocess.run({command})")
    ran = []

    def stop_it() -> None:
        ran.append(wait_until(lambda: runs(*command)))
        stop.set()

    told = Told("ada", lambda _: threading.Thread(target=stop_it).start())
    with pytest.raises(KeyboardInterrupt):
        graded(sleepy, tmp_path / "out", told, cluster, stop)
    assert ran == [True]
    assert wait_until(lambda: not runs(*command), 10)
    assert not (tmp_path / "out" / "ada" / "evidence").exists()
