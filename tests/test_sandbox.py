"""The levels of the sandbox: each that this machine offers holds what it promises, and leaves nothing behind."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from grader import sandbox
from grader.errors import SandboxError
from grader.sandbox import Bounds, Command, Places, Sandbox, SandboxProcess, bwrap, folders, host, seccomp, selftest
from grader.sandbox.bwrap import Bubblewrap
from grader.sandbox.enter import _furnish
from grader.sandbox.folders import Landlock, Plain
from grader.sandbox.usage import folder_mib, used_mib

ISOLATING = [level for level in ("bwrap", "container", "landlock") if not sandbox.failure(level)]
LEVELS = [*ISOLATING, "none"]
BOUNDS = Bounds(memory_mib=600, disk_mib=8, processes=40, open_files=64)


@pytest.fixture
def student_sandbox(tmp_path: Path) -> Sandbox:
    data, recorder, handed_in = (tmp_path / name for name in ("data", "recorder", "handed_in"))
    for folder in (tmp_path / "scratch", data, recorder, handed_in / "sub"):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    (data / "some").write_text("data")
    (handed_in / "sub" / "note").write_text("handed in")
    return Sandbox(tmp_path / "scratch", data, (recorder,), handed_in, BOUNDS)


def opened(level: str, student_sandbox: Sandbox, code: str, **told: object) -> tuple[SandboxProcess, Places]:
    """A sandbox in which `code` waits; it finds `told` and `result`, a file of its evidence to write to."""
    level_ = sandbox.sandbox_level(level)
    places = level_.places(student_sandbox)
    told |= {"result": str(places.evidence / "result.json")}
    start = "import json, os, sys\nglobals().update(json.loads(sys.argv[1]))\ndef tell(x): json.dump(x, open(result, 'w'))\n"
    arguments = (sys.executable, "-c", start + textwrap.dedent(code), json.dumps(told))
    return level_.open(
        student_sandbox, Command(arguments, {"PATH": "/usr/bin:/bin"}, {places.sockets / "hello": "text"})
    ), places


def inside(level: str, student_sandbox: Sandbox, code: str, **told: object) -> object:
    """What `code` told, run to its end."""
    sandbox_process, _ = opened(level, student_sandbox, code, **told)
    try:
        sandbox_process.go()
        sandbox_process.process.wait(60)
        sandbox_process.kill()
        return json.loads(sandbox_process.evidence.read("result.json", 1 << 20))
    finally:
        sandbox_process.discard()


# ------------------------------------------------------------------ which level


def test_auto_takes_the_strongest_that_holds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "failure", lambda name: "It is gone." if name != "landlock" else "")
    choice = sandbox.choose("auto")
    assert choice.name == "landlock"
    assert "It is gone. Install bubblewrap" in choice.warnings[0]
    assert "student code can" in choice.warnings[-1]


def test_nothing_holds_is_an_error_with_every_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "failure", lambda name: f"No {name}.")
    with pytest.raises(SandboxError, match=r"No bwrap\..*No landlock\..*unprotected"):
        sandbox.choose("auto")
    with pytest.raises(SandboxError, match=r"No landlock\."):
        sandbox.choose("landlock")


def test_none_is_never_taken_by_itself_and_says_what_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI", raising=False)
    assert "every file" in sandbox.choose("none").warnings[0]
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("DEPLOY_TOKEN", "x")
    with pytest.raises(SandboxError, match="DEPLOY_TOKEN"):
        sandbox.choose("none")


def test_the_strongest_level_leaves_nothing_to_warn_of():
    assert sandbox.warning("bwrap") == ""


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, student_sandbox: Sandbox):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SandboxError, match="not installed"):
        Bubblewrap().open(student_sandbox, Command(("/bin/true",), {}))
    monkeypatch.setattr(folders, "_ABI", 99)
    with pytest.raises(SandboxError, match="version 99 is needed"):
        Landlock().open(student_sandbox, Command(("/bin/true",), {}))
    seccomp.program.cache_clear()
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(SandboxError, match="libseccomp2"):
        seccomp.program(namespaces=True)


@pytest.mark.parametrize("level", ["bwrap", "landlock"])
def test_a_level_that_lets_something_through_fails_its_self_test(level: str, monkeypatch: pytest.MonkeyPatch):
    if level not in ISOLATING:
        pytest.skip(sandbox.failure(level))
    monkeypatch.setattr(seccomp, "program", lambda *, namespaces: b"")
    options = bwrap._namespaces
    monkeypatch.setattr(bwrap, "_namespaces", lambda uid: [o for o in options(uid) if o != "--disable-userns"])
    with pytest.raises(SandboxError, match="student code makes namespaces"):
        selftest.check(sandbox.sandbox_level(level))


def test_no_isolation_fails_the_self_test():
    with pytest.raises(SandboxError, match=r"reads files of this machine.*reaches ports of this machine"):
        selftest.check(Plain())


def test_a_level_that_runs_nothing_fails_its_self_test(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(selftest, "_TRIALS", "raise SystemExit('no luck')")
    with pytest.raises(SandboxError, match="does not run a program: no luck"):
        selftest.check(Plain())


# ------------------------------------------------------------------ what is in a sandbox


@pytest.mark.parametrize("level", LEVELS)
def test_a_sandbox_holds_what_was_put_into_it(level: str, student_sandbox: Sandbox):
    code = """
        files = [os.path.join(f, name) for f, _, names in os.walk(".") for name in names]
        tell([os.getcwd(), files, open(hello).read(), open(data).read(), sorted(os.environ), sys.stdin.read()])
    """
    places = sandbox.sandbox_level(level).places(student_sandbox)
    told = {"hello": str(places.sockets / "hello"), "data": str(places.keras / "datasets" / "fashion-mnist" / "some")}
    cwd, files, hello, data, environment, typed = inside(level, student_sandbox, code, **told)
    assert (cwd, files, hello, data, typed) == (str(places.work), ["./sub/note"], "text", "data", "")
    assert set(environment) <= {"PATH", "LC_CTYPE"}


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_handed_in_can_be_changed_without_touching_the_original(level: str, student_sandbox: Sandbox):
    inside(level, student_sandbox, "open('sub/note', 'w').write('mine'); os.mkdir('new'); tell(1)")
    assert (student_sandbox.handed_in / "sub" / "note").read_text() == "handed in"


@pytest.mark.parametrize("level", ISOLATING)
def test_no_descriptor_and_no_right_is_inherited(level: str, student_sandbox: Sandbox):
    code = """
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        tell([os.listdir("/proc/self/fd"), os.getuid(), status["CapBnd"], status["CapEff"], status["NoNewPrivs"]])
    """
    held_open = Path(__file__).open()  # noqa: SIM115 - it must not be seen inside
    os.set_inheritable(held_open.fileno(), True)
    try:
        descriptors, uid, _, capabilities, no_new = inside(level, student_sandbox, code)
    finally:
        held_open.close()
    assert len(descriptors) <= 4  # standard ones, and the one that lists them
    assert uid != 0
    assert int(capabilities, 16) & ~(1 << 2) == 0  # at most reading, for Landlock as root
    assert no_new.strip() == "1"


@pytest.mark.parametrize("level", ISOLATING)
def test_the_graders_own_files_are_not_there(level: str, student_sandbox: Sandbox):
    code = """
        found = []
        for path in paths:
            try:
                for folder, _, names in os.walk(path):
                    found += [open(os.path.join(folder, name)).read(1) for name in names]
            except OSError:
                pass
        tell(found)
    """
    package = Path(sandbox.__file__).parents[1]
    paths = [str(path) for path in (package, package.parent / "rubrics", package.parent / "reference", "/etc/shadow")]
    assert inside(level, student_sandbox, code, paths=paths) == []


def test_what_is_hidden_is_cut_out_of_what_is_seen(tmp_path: Path):
    for path in ("libraries/grader/reference", "libraries/numpy", "bin"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("libraries")
    (tmp_path / "zgrader").symlink_to("libraries/grader")
    names: list[Path] = []
    seen = list(folders._around(tmp_path, (tmp_path / "libraries" / "grader",), names))
    assert seen == [tmp_path / "bin", tmp_path / "libraries" / "numpy"]
    assert names == [tmp_path, tmp_path / "libraries"]


def test_packages_of_the_user_alone_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    host.read_only.cache_clear()
    monkeypatch.setattr("site.ENABLE_USER_SITE", True)
    monkeypatch.setattr("site.getusersitepackages", lambda: str(tmp_path))
    try:
        assert tmp_path in host.read_only()
        assert "PYTHONUSERBASE" in host.environment()
        monkeypatch.setattr("site.ENABLE_USER_SITE", False)
        host.read_only.cache_clear()
        assert tmp_path not in host.read_only()
        assert host.environment() == {}
    finally:
        host.read_only.cache_clear()


def test_seen_folders_hold_the_interpreter_and_nothing_twice():
    seen = host.read_only()
    assert any(Path(sys.executable).is_relative_to(folder) for folder in seen)
    assert not [a for a in seen for b in seen if a != b and a.is_relative_to(b)]


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize("level", LEVELS)
def test_limits_of_the_operating_system_are_set(level: str, student_sandbox: Sandbox):
    code = """
        import resource
        tell({name: resource.getrlimit(getattr(resource, name))[0] for name in ("RLIMIT_DATA", "RLIMIT_NOFILE", "RLIMIT_CORE")})
    """
    assert inside(level, student_sandbox, code) == {"RLIMIT_DATA": 600 << 20, "RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0}


@pytest.mark.parametrize("level", LEVELS)
def test_a_full_disk_is_known(level: str, student_sandbox: Sandbox):
    code = """
        try:
            for i in range(100):
                with open(f"f{i}", "wb") as file: file.write(b"x" * 1_000_000)
        except OSError as error:
            tell(error.strerror)
        else:
            tell("never")
        import time; time.sleep(60)
    """
    sandbox_process, _ = opened(level, student_sandbox, code)
    try:
        assert not sandbox_process.disk_full()
        sandbox_process.go()
        _until(sandbox_process.disk_full)
        if not sandbox_process.disk_exceeded():  # the sandbox refuses it itself
            _until(lambda: b"No space" in sandbox_process.evidence.read("result.json", 1000))
    finally:
        sandbox_process.discard()


@pytest.mark.parametrize("level", LEVELS)
def test_memory_of_all_processes_is_summed_fairly(level: str, student_sandbox: Sandbox):
    """Forked children that share their memory count once, own memory counts for each."""
    code = """
        import time
        def filled(size):
            memory = bytearray(size)
            memory[::4096] = b"x" * len(range(0, size, 4096))
            return memory
        shared = filled(300_000_000)
        for _ in range(3):
            if not os.fork():
                own = filled(50_000_000) if grow else None
                time.sleep(60)
        tell(1)
        time.sleep(60)
    """
    used = {}
    for grow in (False, True):
        sandbox_process, _ = opened(level, student_sandbox, code, grow=grow)
        try:
            sandbox_process.go()
            _until(lambda sandbox_process=sandbox_process: sandbox_process.evidence.read("result.json", 10))
            time.sleep(0.5)
            used[grow] = sandbox_process.used_mib()
        finally:
            sandbox_process.discard()
    assert 280 < used[False] < 450
    assert 120 < used[True] - used[False] < 200


def test_what_is_gone_uses_nothing(tmp_path: Path):
    assert used_mib(2**30, 100) == 0
    assert used_mib(1, 100, tmp_path / "none") == 0


def test_size_of_folders(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"x" * (1 << 20))
    (tmp_path / "a" / "link").symlink_to("/usr")
    assert 1 <= folder_mib((tmp_path / "a",), 100) < 1.1
    assert folder_mib((tmp_path / "a",), 2) == float("inf")
    assert folder_mib((tmp_path / "none",), 2) == 0


# ------------------------------------------------------------------ the end


def _until(what, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except Exception:  # noqa: BLE001 - it is not there yet
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _marked(mark: str) -> list[int]:
    """Processes whose command line holds `mark`."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if mark.encode() in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue
    return found


DAEMONS = """
    import signal, subprocess, time
    for detached in (False, True):
        subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)", mark], start_new_session=detached)
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(15, signal.SIG_IGN)
    else:
        tell(1)
    time.sleep(600)
"""


@pytest.mark.parametrize("level", LEVELS)
def test_whatever_was_started_ends_with_the_sandbox(level: str, student_sandbox: Sandbox):
    mark = f"mark-{os.getpid()}-{level}"
    sandbox_process, places = opened(level, student_sandbox, DAEMONS, mark=mark)
    sandbox_process.go()
    _until(lambda: sandbox_process.evidence.read("result.json", 10))
    _until(lambda: len(_marked(mark)) >= 4)
    sandbox_process.kill()
    assert _marked(mark) == []
    assert sandbox_process.evidence.read("result.json", 10) == b"1"  # outlives the sandbox
    sandbox_process.discard()
    if level != "bwrap":
        assert not places.work.parent.exists()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("how", ["os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)", "os._exit(3)"])
def test_what_dies_in_a_sandbox_is_dead(level: str, how: str, student_sandbox: Sandbox):
    """Which process 1 of a namespace is not, whatever signal it sends itself."""
    told = inside(level, student_sandbox, f"tell(os.getpid() == 1)\n{how}\njson.dump('still here', open(result, 'w'))")
    assert told is False


@pytest.mark.parametrize("level", LEVELS)
def test_a_sandbox_that_is_forgotten_leaves_nothing_on_disk(level: str, student_sandbox: Sandbox):
    sandbox_process, places = opened(level, student_sandbox, "tell(1)")
    sandbox_process.kill()
    del sandbox_process
    gc.collect()
    assert not places.work.exists()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.1, 0.5])
def test_nothing_outlives_a_grader_that_is_killed(level: str, after_s: float, student_sandbox: Sandbox, tmp_path: Path):
    """Also in the moments of the start: the command waits for a word that then never comes."""
    mark = f"mark-{os.getpid()}-{level}-{after_s}"
    script = tmp_path / "opens_a_sandbox.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from grader.sandbox import Command, Sandbox, sandbox_level
        student_sandbox = Sandbox(*map(Path, {[str(p) for p in (student_sandbox.scratch, student_sandbox.data)]!r}))
        print("go", flush=True)
        sandbox_process = sandbox_level({level!r}).open(student_sandbox, Command((sys.executable, "-c", "import time; time.sleep(600)", {mark!r}), {{}}))
        sandbox_process.go()
        time.sleep(600)
        """)
    )
    environment = os.environ | {"PYTHONPATH": str(Path(sandbox.__file__).parents[2])}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as grader:
        assert grader.stdout.read(3) == b"go\n"
        time.sleep(after_s)
        grader.kill()
        grader.wait()
    scratch = str(student_sandbox.scratch)
    _until(lambda: not _marked(mark) and not _marked(scratch), 10)
    time.sleep(0.2)
    assert _marked(mark) == []
    for folder in (Plain().places(student_sandbox).work.parent,):
        if folder.exists():  # nobody was left to remove it
            subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_child_that_bubblewrap_leaves_behind_ends_with_the_grader(student_sandbox: Sandbox, tmp_path: Path):
    """Killed before it has told its child to die with it, bubblewrap leaves it asleep for ever."""
    mark = f"6{os.getpid()}"
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nsleep {mark} &\nexec sleep {mark}\n")
    program.chmod(0o755)
    script = tmp_path / "opens_a_sandbox.py"
    script.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from grader.sandbox import Command, Sandbox
        from grader.sandbox.bwrap import Bubblewrap
        student_sandbox = Sandbox(*map(Path, {[str(p) for p in (student_sandbox.scratch, student_sandbox.data)]!r}))
        Bubblewrap().open(student_sandbox, Command(("/bin/true",), {{}}))
        """)
    )
    package, path = Path(sandbox.__file__).parents[2], f"{program.parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(package), "PATH": path}
    with subprocess.Popen([sys.executable, str(script)], env=environment) as grader:
        _until(lambda: len(_marked(mark)) == 2, 20)
        grader.kill()
        grader.wait()
    _until(lambda: not _marked(mark), 10)
    assert _marked(mark) == []


@pytest.mark.parametrize("level", LEVELS)
def test_a_program_that_cannot_start_says_why(level: str, student_sandbox: Sandbox):
    level_ = sandbox.sandbox_level(level)
    sandbox_process = level_.open(student_sandbox, Command(("/nowhere/python",), {}))
    try:
        with pytest.raises(SandboxError, match=f"'{level}' cannot start a program: FileNotFoundError"):
            sandbox_process.go()
    finally:
        sandbox_process.discard()


def test_a_sandbox_that_cannot_be_made_says_why(student_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("grader.sandbox.bwrap._namespaces", lambda uid: ["--no-such-option"])
    if "bwrap" in ISOLATING:
        with pytest.raises(SandboxError, match=r"does not work here: .*no-such-option"):
            Bubblewrap().open(student_sandbox, Command(("/bin/true",), {}))
    Plain().places(student_sandbox).work.parent.mkdir()
    try:
        with pytest.raises(SandboxError, match="already there"):
            Plain().open(student_sandbox, Command(("/bin/true",), {}))
    finally:
        Plain().places(student_sandbox).work.parent.rmdir()


def test_copies_and_texts_are_laid_out(tmp_path: Path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("c")
    (tmp_path / "work").mkdir()
    _furnish({"handed_in": str(tmp_path / "a"), "cwd": str(tmp_path / "work"), "files": {str(tmp_path / "t"): "text"}})
    assert (tmp_path / "work" / "b" / "c").read_text() == "c"
    assert (tmp_path / "t").read_text() == "text"
