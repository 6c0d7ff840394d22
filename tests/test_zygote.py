"""Kernels that start as copies: the same evidence, the same walls, the same end as those that start from nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Ran, small_data, submission
from test_sandbox import DAEMONS, _marked, _until

from grader import sandbox
from grader.evidence.decode import read_weights
from grader.execution import run as run_module
from grader.execution.run import RunSettings, run_submission
from grader.records import CellStatus, FaultKind
from grader.sandbox import Bounds, Command, Sandbox, SandboxProcess, zygote_client
from grader.sandbox.bwrap import Bubblewrap
from grader.sandbox.namespaced import PLACES
from grader.sandbox.zygote_client import ZygoteClient

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.xdist_group("zygote"),
    pytest.mark.skipif(bool(sandbox.failure("bwrap")), reason="bwrap does not hold here"),
]
ENVIRONMENT = run_module._environment(PLACES)

PROGRAMS = {name: Path(getattr(zygote_client, name).__file__).read_text() for name in ("zygote", "preload")}
FEW = {"preload": re.sub(r"HIDDEN = \(.*\)", "HIDDEN = ()", PROGRAMS["preload"])}
"""Loads fewer libraries: it is there at once."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    folder.chmod(0o755)
    return small_data(folder)


@pytest.fixture(scope="module")
def zygote(data: Path) -> Iterator[ZygoteClient]:
    """As a grader has it that ignores a signal, which children inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ZygoteClient() as zygote:
        yield zygote
    signal.signal(signal.SIGHUP, before)


def ran(folder: Path, data: Path, zygote: ZygoteClient | None, *sources: str, **limits: Any) -> Ran:
    folder.mkdir(parents=True)
    settings = RunSettings(data_directory=data, sandbox="bwrap", zygote=zygote, **limits)
    result = run_submission(submission(*sources), folder, settings, lambda _: None)
    lines = result.raw_evidence.read("events.jsonl", 64 << 20).splitlines()
    return Ran(result, tuple(json.loads(line) for line in lines))


def both(folder: Path, data: Path, zygote: ZygoteClient, *sources: str) -> tuple[Ran, Ran]:
    """Run as a copy, and from nothing."""
    copy = ran(folder / "warm", data, zygote, *sources)
    assert zygote.why == ""
    return copy, ran(folder / "cold", data, None, *sources)


# ------------------------------------------------------------------ the same evidence

TRAINING = [
    "import random\nprint(random.random())",
    "import numpy as np\nimport tensorflow as tf\nfrom keras.datasets import fashion_mnist\nprint(random.random())",
    """
    (x, y), (u, v) = fashion_mnist.load_data()
    print([(a.shape, a.dtype, a.flags.writeable, a.flags.owndata, int(a.sum())) for a in (x, y, u, v)])
    x.resize(len(x), 784)
    x[:] = 0
    (x, y), (u, v) = fashion_mnist.load_data()
    print(x.shape, int(x.sum()))
    x, u = x.reshape(-1, 784) / 255, u.reshape(-1, 784) / 255
    """,
    """
    from tensorflow.keras.models import Sequential, load_model
    from tensorflow.keras.layers import Dense, Convolution2D, Dropout
    model = Sequential([Dense(10, activation="relu", input_shape=(784,)), Dropout(0.1), Dense(10, activation="softmax")])
    model.compile(optimizer=tf.keras.optimizers.SGD(lr=0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=2, verbose=2, validation_data=(u, v))
    print(history.history["acc"], random.random(), np.random.rand(), tf.random.uniform([]).numpy())
    model.save("model")
    print(load_model("model").count_params())
    """,
    """
    import matplotlib.pyplot as plt
    plt.imshow(x[0].reshape(28, 28))
    plt.title("one")
    plt.show()
    print(model.evaluate(u, v, verbose=0), model.predict(u[:3], verbose=0))
    """,
    "model.fit(x, y, batch_size=7, epochs=1, verbose=0, shuffle=True)\nprint(model.layers[0].name)",
]


def _evidence(ran: Ran) -> tuple[Any, ...]:
    """What was recorded and printed, without what differs from one run to the next."""
    events = [{k: v for k, v in event.items() if k not in {"duration_s", "seal"}} for event in ran.events]
    events = [re.sub(r'"shared_object_id": \d+', "", json.dumps(event)) for event in events]  # an address
    printed = [re.sub(r"\d+[mu]?s\b(/step|/epoch)?", "", cell.printed) for cell in ran.result.cells]
    files = [event["weights"] for event in ran.of("fit")]
    weights = [[array.tobytes() for array in read_weights(ran.result.raw_evidence, file)] for file in files]
    return events, printed, weights, ran.result.faults, [cell.status for cell in ran.result.cells]


def test_the_evidence_is_the_same_bit_for_bit(tmp_path: Path, data: Path, zygote: ZygoteClient) -> None:
    copy, cold = both(tmp_path, data, zygote, *map(textwrap.dedent, TRAINING))
    assert {cell.status for cell in copy.result.cells} == {CellStatus.OK}
    for of_copy, of_cold in zip(_evidence(copy), _evidence(cold), strict=True):
        assert of_copy == of_cold
    assert [len(copy.of(kind)) for kind in ("start", "loaded", "shown", "evaluate")] == [1, 2, 1, 1]
    copy.result.discard()
    cold.result.discard()


ABOUT = """
import os, sys
home = [folder for folder in sorted(os.walk("/room/home")) if ".cache" not in folder[0]]  # of a program, fc-list
home = [(folder, sorted({*folders} - {".cache"}), files) for folder, folders, files in home]
print(home, sorted(os.listdir("/room/keras")), sys.argv, sys.flags, "keras" in sys.modules)
"""
IMPORTS = [
    ["import matplotlib\nprint(hasattr(matplotlib, 'pyplot'), matplotlib.get_backend(), matplotlib.get_configdir())"],
    [
        "from tensorflow.keras.layers.experimental import preprocessing\nprint(preprocessing.RandomFlip)",
        "import tensorflow.python.framework.ops as ops\nprint(ops.__spec__.name, ops.__loader__.name)",
        "from keras.src.saving import load_model\nimport keras\nprint(load_model.__module__, load_model is keras.saving.load_model)",
    ],
]


@pytest.mark.parametrize("sources", IMPORTS, ids=["matplotlib", "keras"])
def test_an_import_does_what_it_does_when_nothing_is_loaded(
    tmp_path: Path, data: Path, zygote: ZygoteClient, sources: list[str]
) -> None:
    copy, cold = both(tmp_path, data, zygote, "1" + ABOUT, *(source + ABOUT for source in sources))
    for of_copy, of_cold in zip(_evidence(copy), _evidence(cold), strict=True):
        assert of_copy == of_cold
    copy.result.discard()
    cold.result.discard()


def test_what_sets_up_libraries_before_their_import_starts_from_nothing() -> None:
    for source in ("os.environ['TF_XLA_FLAGS'] = ''", "%env KERAS_BACKEND=jax", "os.environ['MPLBACKEND']"):
        assert run_module._sets_up(submission("import os", source))
    assert not run_module._sets_up(
        submission("os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'", "%env TF_ENABLE_ONEDNN_OPTS=0", "import tensorflow")
    )
    assert run_module._sets_up(submission("1", companions=("matplotlibrc",)))


# ------------------------------------------------------------------ the same walls

DUMP = r"""
import ctypes, json, os, resource, signal, socket, sys
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
prctl = ctypes.CDLL(None).prctl
facts = {name: status.get(name) for name in (
    "Umask", "TracerPid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
    "SigBlk", "SigIgn", "SigCgt", "Threads", "Mems_allowed_list", "Cpus_allowed_list")}
facts |= {name: prctl(number, 0, 0, 0, 0) for name, number in
    {"securebits": 27, "dumpable": 3, "death signal": 2, "keep capabilities": 7, "timer slack": 30}.items()}
facts["limits"] = open("/proc/self/limits").read()
facts["mounts"] = [line.split(" ", 3)[3] for line in open("/proc/self/mountinfo")]
facts["depth"] = len(status["NSpid"].split())
facts["opened"] = sorted(os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in os.listdir("/proc/self/fd")
    if os.path.lexists(f"/proc/self/fd/{fd}"))
facts["standard"] = [os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in range(3)]
facts["environment"] = dict(os.environ), sorted(open("/proc/self/environ").read().split("\0"))
facts["names"] = socket.gethostname(), open("/proc/self/comm").read(), os.readlink("/proc/self/exe")
facts["places"] = os.getcwd(), sorted(os.listdir("/")), sorted(map(str, os.walk("/room"))), os.listdir("/tmp"), os.listdir("/run/k")
facts["parent"] = os.getppid(), os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid(), os.getpgid(0) > 0
facts["scheduling"] = os.nice(0), os.sched_getscheduler(0), open("/proc/self/oom_score_adj").read()
facts["group"] = open("/proc/self/cgroup").read()
facts["network"] = open("/proc/net/dev").read().count(":")
facts["python"] = str(sys.flags), sys.argv, sys.orig_argv, sys.path, sys.executable, sys.warnoptions
facts["signals"] = {s.name: str(signal.getsignal(s)) for s in signal.Signals}
facts["hidden"] = [n for n in sys.modules if n.partition(".")[0] in ("tensorflow", "keras", "matplotlib", "grade_preloaded", "grader")]
print(json.dumps({"facts": facts, "bound": int(status["CapBnd"], 16), "uid": os.getuid(), "gid": os.getgid(),
    "ids": [status["Uid"].split(), status["Gid"].split()],
    "others": [pid for pid in os.listdir("/proc") if pid.isdigit() and pid != str(os.getpid())],
    "spaces": {name: os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")}}))
"""


def test_a_copy_is_walled_in_like_what_starts_in_the_sandbox(tmp_path: Path, data: Path, zygote: ZygoteClient) -> None:
    copy, cold = (json.loads(r.cell(0).printed) for r in both(tmp_path, data, zygote, DUMP))
    for name, fact in cold["facts"].items():
        assert copy["facts"][name] == fact, name
    assert copy["bound"] & ~cold["bound"] == 0
    for dumped in (copy, cold):
        assert dumped["ids"] == [[str(dumped["uid"])] * 4, [str(dumped["gid"])] * 4]
        assert dumped["uid"] != 0
        assert dumped["facts"]["hidden"] == []
    assert len(copy["others"]) == 2  # the sandbox's first, and the one that keeps it


TO_MEET = """
import json, os, socket, time
open("/room/work/mine", "w").write("x"); open("/dev/shm/mine", "w").write("x"); open("/tmp/mine", "w").write("x")
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\\0room"); abstract.listen()
port = socket.socket(); port.bind(("127.0.0.1", 4711)); port.listen()
print(json.dumps({name: os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")}))
"""
MET = """
time.sleep(2)
files = [name for name in os.listdir("/tmp") if os.path.isfile("/tmp/" + name)]  # Python itself may lie below it
print(sorted(os.listdir("/dev/shm")), files, sorted(p for p in os.listdir("/proc") if p.isdigit()))
"""


def test_two_at_once_do_not_see_each_other(tmp_path: Path, data: Path, zygote: ZygoteClient) -> None:
    """The same names, ports and paths are free in each."""
    found: dict[int, Ran] = {}

    def one(number: int) -> None:
        found[number] = ran(tmp_path / str(number), data, zygote, TO_MEET, MET)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = (json.loads(found[number].cell(0).printed) for number in range(2))
    separate = {"mnt", "pid", "net", "ipc", "uts", "cgroup"}
    assert {name for name in first if first[name] != second[name]} >= separate
    outside = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in separate}
    assert not [name for name in separate if outside[name] in {first[name], second[name]}]
    assert {found[number].cell(1).printed.strip() for number in range(2)} == {"['mine'] ['mine'] ['1', '2', '4']"}


# ------------------------------------------------------------------ the same end


@pytest.fixture
def student_sandbox(tmp_path: Path, data: Path) -> Sandbox:
    for name in ("scratch", "recorder"):
        (tmp_path / name).mkdir()
    return Sandbox(
        tmp_path / "scratch", data, (tmp_path / "recorder",), bounds=Bounds(memory_mib=2000, disk_mib=8, processes=60)
    )


def opened(student_sandbox: Sandbox, zygote: ZygoteClient, code: str, **told: object) -> SandboxProcess:
    """A sandbox in which `code` waits to be run by a copy."""
    told |= {"result": str(PLACES.evidence / "result.json")}
    start = "import json, os, sys\nglobals().update(json.loads(sys.argv[1]))\ndef tell(x): json.dump(x, open(result, 'w'))\n"
    command = Command(
        (sys.executable, "-P", "-c", start + textwrap.dedent(code), json.dumps(told)), ENVIRONMENT, {}, zygote
    )
    assert zygote.serves(student_sandbox, Command((sys.executable, "-P", "-m"), ENVIRONMENT))
    return Bubblewrap().open(student_sandbox, Command(command.arguments, ENVIRONMENT, {}, zygote._process))


def test_daemons_end_with_the_sandbox(student_sandbox: Sandbox, zygote: ZygoteClient) -> None:
    mark = f"mark-{os.getpid()}-warm"
    sandbox_process = opened(student_sandbox, zygote, DAEMONS, mark=mark)
    sandbox_process.go()
    assert sandbox_process.forked
    _until(lambda: sandbox_process.evidence.read("result.json", 10))
    _until(lambda: len(_marked(mark)) >= 2)
    before = time.monotonic()
    sandbox_process.kill()
    assert time.monotonic() - before < 1
    assert _marked(mark) == []
    _until(lambda: _family(zygote) == [])
    sandbox_process.discard()


def _family(zygote: ZygoteClient) -> list[int]:
    """What lives of the processes that came from it."""
    assert zygote._process is not None
    assert zygote._process._process is not None
    return [pid for pid in _children(zygote._process._process.pid) if _state(pid) != "Z"]


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


@pytest.mark.parametrize(
    "last", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os.kill(2, 9)", "import ctypes; ctypes.string_at(0)"]
)
def test_the_end_of_a_kernel_is_noticed(student_sandbox: Sandbox, zygote: ZygoteClient, last: str) -> None:
    """Also when it first stops what keeps the sandbox."""
    stop = "" if "(2" in last else "os.kill(2, 19)\n"
    sandbox_process = opened(student_sandbox, zygote, f"{stop}tell(1)\n{last}")
    sandbox_process.go()
    _until(lambda: sandbox_process.evidence.read("result.json", 10))
    assert sandbox_process.process.wait(2) is not None
    sandbox_process.discard()


def test_a_cell_that_ends_the_kernel_is_a_fault(tmp_path: Path, data: Path, zygote: ZygoteClient) -> None:
    before = time.monotonic()
    found = ran(tmp_path / "r", data, zygote, "import os\nos._exit(1)", "1")
    assert [fault.kind for fault in found.result.faults] == [FaultKind.KERNEL_DIED]
    assert time.monotonic() - before < 10
    found.result.discard()


def test_a_copy_is_counted_fairly(tmp_path: Path, data: Path, zygote: ZygoteClient) -> None:
    found = ran(
        tmp_path / "r",
        data,
        zygote,
        "import keras\nx = bytearray(10)\nimport time\ntime.sleep(1)",
        bounds=Bounds(memory_mib=700),
    )
    assert found.result.faults == ()
    taken = ran(
        tmp_path / "s",
        data,
        zygote,
        "x = b'x' * (900 << 20)\nimport time\ntime.sleep(5)",
        bounds=Bounds(memory_mib=700),
    )
    assert FaultKind.MEMORY in {fault.kind for fault in taken.result.faults}


KILLED = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_zygote import ENVIRONMENT, Sandbox, ZygoteClient, opened, zygote_client
if {preload!r}:
    zygote_client.preload.__file__ = {preload!r}
zygote = ZygoteClient()
student_sandbox = Sandbox(*map(Path, {student_sandbox!r}))
print("go", flush=True)
if {wait}:
    from grader.sandbox import Command
    assert zygote.serves(student_sandbox, Command((sys.executable, "-P", "-m"), ENVIRONMENT)), zygote.why
    print("serves", zygote._process._process.pid, flush=True)
sandbox_process = opened(student_sandbox, zygote, "import time; tell(1); time.sleep(600)")
sandbox_process.go()
print("runs", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("word", "after_s"),
    [
        ("go", 0.05),
        ("go", 0.5),
        ("go", 2.0),
        ("serves", 0.0),
        ("serves", 0.02),
        ("serves", 0.06),
        ("serves", 0.12),
        ("runs", 0.0),
    ],
)
def test_nothing_outlives_a_grader_that_is_killed(
    student_sandbox: Sandbox, word: str, after_s: float, tmp_path: Path
) -> None:
    """While libraries load, while the sandbox is made, while the copy goes into it, while it runs."""
    places = [str(path) for path in (student_sandbox.scratch, student_sandbox.data)]
    preload = tmp_path / "preload.py"
    preload.write_text(FEW["preload"])
    tests = str(Path(__file__).parent)
    script = KILLED.format(
        tests=tests, student_sandbox=places, wait=word != "go", preload=str(preload) if word != "go" else ""
    )
    root = str(Path(sandbox.__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root}
    with (
        _orphans() as orphans,
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as grader,
    ):
        assert grader.stdout is not None
        for line in grader.stdout:
            if line.startswith(word.encode()):
                break
        time.sleep(after_s)
        grader.kill()
        grader.wait()
        before = time.monotonic()
        while (left := orphans()) and time.monotonic() - before < 10:  # on a machine that is busy
            time.sleep(0.02)
        assert left == []


@contextlib.contextmanager
def _orphans() -> Iterator[Any]:
    """Makes this process the foster parent of all that lose theirs; gives those that live."""
    import ctypes

    libc = ctypes.CDLL(None)
    known = set(_children_of_all_threads())
    libc.prctl(36, 1, 0, 0, 0)

    def living() -> list[str]:
        found = []
        for pid in set(_children_of_all_threads()) - known:
            with contextlib.suppress(OSError):
                if _state(pid) in "ZX":
                    os.waitpid(pid, os.WNOHANG)
                elif "/bwrap" not in (words := Path(f"/proc/{pid}/cmdline").read_text()).partition("\0")[0]:
                    # Bubblewrap itself may stay, waiting for its parent, where that dies before it has begun.
                    found.append(words)
        return found

    try:
        yield living
    finally:
        libc.prctl(36, 0, 0, 0, 0)


def _children_of_all_threads() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


# ------------------------------------------------------------------ where it does not work


def _changed(name: str, old: str, new: str) -> dict[str, str]:
    programs = PROGRAMS | FEW
    assert old in programs[name]
    return FEW | {name: programs[name].replace(old, new)}


def _replace(monkeypatch: pytest.MonkeyPatch, student_sandbox: Sandbox, programs: dict[str, str]) -> None:
    for name, text in programs.items():
        file = student_sandbox.scratch / f"{name}.py"
        file.write_text(text)
        monkeypatch.setattr(getattr(zygote_client, name), "__file__", str(file))


def _note_of(monkeypatch: pytest.MonkeyPatch, student_sandbox: Sandbox, programs: dict[str, str]) -> tuple[str, bool]:
    """What is said, and whether it serves, with other programs in their place."""
    _replace(monkeypatch, student_sandbox, programs)
    notes: list[str] = []
    with ZygoteClient(notes.append) as zygote:
        command = Command((sys.executable, "-P", "-m"), ENVIRONMENT)
        serves = [zygote.serves(student_sandbox, command) for _ in range(2)]
    assert len(notes) == 1
    return notes[0], any(serves)


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        ({"zygote": "raise SystemExit(1)"}, "it does not start|it ended"),
        (_changed("preload", "VISIBLE = (", "VISIBLE = ('no_such_module', "), "ModuleNotFoundError: No module named 'no_such_module'"),
        (_changed("preload", "    for name in VISIBLE", "    import threading, time\n    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n    for name in VISIBLE"), "a library started a thread"),
        (_changed("preload", "    for name in VISIBLE", "    import mmap\n    global kept\n    kept = mmap.mmap(-1, 4096)\n    for name in VISIBLE"), "a library shares memory"),
        (_changed("zygote", "_NAMESPACES = 0x00020000 |", "_NAMESPACES = 1 |"), "does not let a copy into a room: (OSError|PermissionError): .*setns"),
        (_changed("zygote", " | 0x40000000", ""), "student code reaches ports of this machine"),
    ],
    ids=["ends", "lacks a module", "thread", "shared memory", "setns refused", "a wall is missing"],
)  # fmt: skip
def test_where_it_does_not_hold_it_is_not_used(
    programs: dict[str, str], words: str, student_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, serves = _note_of(monkeypatch, student_sandbox, programs)
    assert re.search(words, said)
    assert not serves


def test_kernels_start_from_nothing_without_it(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote_client, "_self_test", lambda _: "It is gone.")
    monkeypatch.setattr(zygote_client._ZygoteProcess, "start", lambda *_: "")
    with ZygoteClient() as zygote:
        found = ran(tmp_path / "r", data, zygote, "print(open('/proc/self/cmdline').read())")
    assert "grade_recorder" in found.cell(0).printed
    assert zygote.why == "It is gone."
    found.result.discard()


def test_one_that_ends_on_the_way_is_done_without(student_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the making of the sandbox and the start of its program."""
    _replace(monkeypatch, student_sandbox, FEW)
    with ZygoteClient() as other:
        sandbox_process = opened(student_sandbox, other, "tell(open('/proc/self/cmdline').read())")
        other.close()
        sandbox_process.go()
        assert not sandbox_process.forked
        _until(lambda: b"-P" in sandbox_process.evidence.read("result.json", 9999))
        sandbox_process.discard()
        assert not other.serves(student_sandbox, Command((sys.executable, "-P", "-m"), ENVIRONMENT))


def test_it_serves_only_what_is_like_that_for_which_it_was_loaded(
    student_sandbox: Sandbox, zygote: ZygoteClient, tmp_path: Path
) -> None:
    command = Command((sys.executable, "-P", "-m"), ENVIRONMENT)
    assert zygote.serves(student_sandbox, command)
    assert not zygote.serves(student_sandbox, Command(("/bin/true", "-x", "-m"), ENVIRONMENT))
    assert not zygote.serves(student_sandbox, Command(command.arguments, ENVIRONMENT | {"A": "B"}))
    assert not zygote.serves(Sandbox(tmp_path, tmp_path, tmp_path), command)
