"""The machine check: every state of every check, from made-up facts; one real run."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
import tomllib
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from grader import cli, doctor, sandbox
from grader.datasets import fashion_mnist
from grader.doctor import finding, installed, places, sandboxes
from grader.doctor.finding import GIB, MIB, State
from grader.system import memory

OK, INFO, WARNING, PROBLEM = State
ROOT = Path(__file__).parent.parent
CGROUP2, CGROUP1 = "proc/self/cgroup", "sys/fs/cgroup/memory"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of which only the given files are known, with two cores."""
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr(finding.os, "sched_getaffinity", lambda _: {0, 1})

    def files(told: dict[str, str]) -> None:
        for path, text in told.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)

    return files


@pytest.fixture
def levels(monkeypatch):
    """Decides which levels hold: `levels(bwrap="why it fails")`."""

    def set_failures(**why: str) -> None:
        monkeypatch.setattr(sandbox, "failure", lambda name: why.get(name, ""))

    monkeypatch.delenv("CI", raising=False)
    set_failures()
    return set_failures


@pytest.fixture
def well(machine, levels, monkeypatch, tmp_path):
    """A machine on which everything is as it should be, as far as `examine` asks the outside."""
    monkeypatch.setattr(fashion_mnist, "find_data", lambda: fashion_mnist.DataFiles(fashion_mnist.cache_directory()))
    monkeypatch.setenv("GRADE_DATA", str(tmp_path))
    monkeypatch.setattr(doctor.installed, "packages", lambda: (OK, "All.", ""))
    monkeypatch.setattr(places, "_LEAST_DISK", 0)


# ------------------------------------------------------------------ Python and packages


def test_python(monkeypatch):
    monkeypatch.setattr(installed.platform, "python_version", lambda: "3.14.1")
    assert installed.python() == (OK, "Python 3.14.1; 3.11 or newer is asked for.", "")


def test_the_python_asked_for_is_the_packages_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=" + installed.PYTHON
    assert project["name"] == installed._DISTRIBUTION


@pytest.fixture
def distributions(monkeypatch):
    """What is installed; the package asks for tensorflow 2.21 and numpy, for ruff where it is developed."""
    asked = ["tensorflow<2.22,>=2.21", "numpy>=2", "elsewhere; sys_platform == 'plan9'", "ruff>=0.1; extra == 'dev'"]
    there: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(metadata, "requires", lambda _: asked)
    monkeypatch.setattr(metadata, "version", version)
    return there


def test_packages_that_fit(distributions):
    distributions |= {"tensorflow": "2.21.1", "numpy": "2.4.0rc1", "ruff": "1"}
    assert installed.packages()[:2] == (OK, "All 2 that grade asks for are here, in versions it works with.")
    assert installed.dev_packages()[0] is OK


def test_packages_that_are_missing_or_of_another_version(distributions):
    distributions |= {"tensorflow": "2.20.0"}
    assert installed.packages() == (
        PROBLEM,
        "tensorflow is 2.20.0, <2.22,>=2.21 is asked for; numpy is missing.",
        "Run `pip install 'tensorflow<2.22,>=2.21' 'numpy>=2'`.",
    )
    assert installed.dev_packages() == (INFO, "ruff is missing.", "Run `pip install 'ruff>=0.1'`.")


def test_a_checkout_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(installed, "_DISTRIBUTION", "no-such-distribution")
    state, _, fix = installed.packages()
    assert state is WARNING
    assert "pip install ." in fix


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "state"),
    [
        ("x86_64", "processor : 0\nflags : fpu sse avx avx2\n", OK),
        ("x86_64", "processor : 0\nflags : fpu sse\n", PROBLEM),
        ("x86_64", "", INFO),
        ("aarch64", "Features : fp asimd\n", OK),
    ],
)
def test_processor(machine, monkeypatch, architecture, cpuinfo, state):
    monkeypatch.setattr(installed.platform, "machine", lambda: architecture)
    machine({"proc/cpuinfo": cpuinfo} if cpuinfo else {})
    assert installed.processor()[0] is state


# ------------------------------------------------------------------ data


@pytest.fixture
def own(monkeypatch, tmp_path):
    """The folder of grade's own copy, with one damaged file."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("GRADE_DATA", str(folder))
    return folder


@pytest.mark.parametrize(
    ("where", "writable", "damaged", "state"),
    [
        ("own", True, False, OK),
        ("own", False, False, OK),
        ("elsewhere", True, False, OK),
        ("elsewhere", False, False, PROBLEM),
        (None, False, False, PROBLEM),
        (None, True, True, PROBLEM),
        (None, True, False, WARNING),
    ],
)
def test_data(own, monkeypatch, where, writable, damaged, state):
    monkeypatch.setattr(
        fashion_mnist, "find_data", lambda: fashion_mnist.DataFiles(own.with_name(where)) if where else None
    )
    monkeypatch.setattr(places, "_writable", lambda _: writable)
    if damaged:
        (own / fashion_mnist.KERAS_NAMES[1]).write_bytes(b"no gzip")
    got, found, fix = places.data_set()
    assert got is state
    assert bool(fix) == (state is not OK)
    assert (fashion_mnist.KERAS_NAMES[1] in found) == damaged
    assert fashion_mnist.KERAS_NAMES[0] not in found


# ------------------------------------------------------------------ sandbox and user


HOLDING = [f"sandbox.{level}" for level in sandbox.LEVELS if level != "none"]


def states() -> dict[str, State]:
    return {name: look()[0] for name, look in sandboxes.checks().items()}


def test_every_level_holds(levels):
    assert states() == {**dict.fromkeys(HOLDING, OK), "sandbox.bwrap": OK, "sandbox.none": INFO, "sandbox": OK}
    assert sandboxes.in_force() == "bwrap"


def test_the_strongest_does_not_hold(levels):
    levels(bwrap="bubblewrap says: [bold]no[/bold]", container="no")
    assert states() == {
        "sandbox.bwrap": WARNING,
        "sandbox.container": WARNING,
        "sandbox.landlock": OK,
        "sandbox.none": INFO,
        "sandbox": WARNING,
    }
    assert sandboxes.level("bwrap") == (WARNING, "bubblewrap says: [bold]no[/bold]", sandbox.sandbox_level("bwrap").fix)
    assert sandboxes.in_force() == "landlock"


def test_a_level_that_is_not_needed_does_not_hold(levels):
    levels(landlock="old kernel")
    assert states() == {**dict.fromkeys(HOLDING, OK), "sandbox.landlock": INFO, "sandbox.none": INFO, "sandbox": OK}


def test_another_level_that_leaves_nothing_open_is_as_good(levels):
    levels(bwrap="no")
    assert states()["sandbox"] is OK
    assert sandboxes.in_force() == "container"


def test_no_level_holds(levels):
    levels(bwrap="no", container="no", landlock="no")
    assert states() == {**dict.fromkeys(HOLDING, WARNING), "sandbox.none": INFO, "sandbox": PROBLEM}
    assert sandboxes.in_force() is None


@pytest.mark.parametrize(("uid", "who"), [(0, "Root"), (1000, "An ordinary user")])
def test_user(levels, monkeypatch, uid, who):
    monkeypatch.setattr(sandboxes.os, "geteuid", lambda: uid)
    assert sandboxes.user()[0] is OK
    assert sandboxes.user()[1].startswith(who)


def test_credentials_of_a_ci_job_are_named_but_not_shown(levels, monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("A_TOKEN", "hidden")
    for state, found, _ in (sandboxes.user(), sandboxes.level("none")):
        assert state in {WARNING, INFO}
        assert "A_TOKEN" in found
        assert "hidden" not in found
    assert "Refused" in sandboxes.level("none")[1]


# ------------------------------------------------------------------ memory, disk, files


def meminfo(available_gib: float, swap_gib: float = 0) -> dict[str, str]:
    kib = [int(gib * GIB / 1024) for gib in (available_gib, swap_gib)]
    return {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {kib[0]} kB\nSwapFree: {kib[1]} kB\n"}


@pytest.mark.parametrize(
    ("available", "swap", "state", "fix"),
    [(16, 0, OK, ""), (5, 0, INFO, "--jobs 1"), (2, 0, WARNING, "--jobs 1"), (1, 1, WARNING, "--jobs 1"), (1, 0, PROBLEM, "more memory")],
)  # fmt: skip
def test_memory(machine, available, swap, state, fix):
    machine(meminfo(available, swap))
    got, found, how = places.memory()
    assert got is state
    assert fix in how
    assert f"{available}.0 GiB free, {swap}.0 GiB of swap" in found
    assert "`--jobs` is 2" in found


def test_memory_that_is_not_told(machine):
    assert places.memory()[0] is INFO


@pytest.mark.parametrize(
    "files",
    [
        {  # version 2, the limit on a parent; a page cache that can be given back is not used
            CGROUP2: "0::/a/b\n",
            "sys/fs/cgroup/a/b/memory.max": "max\n",
            "sys/fs/cgroup/a/b/memory.current": "1\n",
            "sys/fs/cgroup/a/memory.max": str(4 * GIB),
            "sys/fs/cgroup/a/memory.current": str(2 * GIB),
            "sys/fs/cgroup/a/memory.stat": f"anon 1\ninactive_file {GIB}\n",
        },
        {  # version 1, the path is the host's
            CGROUP2: "no cgroup\n5:cpu:/x\n4:memory:/docker/0123\n0::/\n",
            f"{CGROUP1}/memory.limit_in_bytes": str(4 * GIB),
            f"{CGROUP1}/memory.usage_in_bytes": str(2 * GIB),
            f"{CGROUP1}/memory.stat": f"inactive_file 5\ntotal_inactive_file {GIB}\n",
        },
    ],
    ids=["v2", "v1"],
)
def test_the_limit_of_a_container(machine, files):
    machine(meminfo(16) | files)
    state, found, _ = places.memory()
    assert state is INFO
    assert found.startswith("3.0 GiB free under the limit of this container")


def test_a_container_that_uses_more_than_its_limit_has_nothing_left(machine):
    machine(meminfo(16) | {CGROUP2: "0::/\n", "sys/fs/cgroup/memory.max": "5", "sys/fs/cgroup/memory.current": "9"})
    assert places.memory()[0] is PROBLEM


def test_no_limit_of_a_container(machine):
    machine(meminfo(16) | {CGROUP2: "0::/\n", "sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": "9"})
    assert places.memory()[1].startswith("16.0 GiB free, ")


@pytest.mark.parametrize(
    ("free", "writable", "state"),
    [(2 * GIB, True, OK), (100 * MIB, True, WARNING), (MIB, True, PROBLEM), (2 * GIB, False, WARNING)],
)
def test_disk(monkeypatch, tmp_path, free, writable, state):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(places, "_writable", lambda _: writable)
    got, found, fix = places.disk(tmp_path / "not" / "yet", GIB, "Take another")
    assert got is state
    assert str(tmp_path / "not" / "yet") in found
    assert fix.startswith("Take another") == (state is not OK)


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert places.disk(tmp_path / "file" / "r", 0, "Take another")[0] is WARNING
    assert places.disk(tmp_path / "new" / "r", 0, "Take another")[0] is OK


def test_no_temporary_folder(monkeypatch):
    def nowhere() -> str:
        raise FileNotFoundError

    assert places.temporary()[0] is not INFO
    monkeypatch.setattr(places.tempfile, "gettempdir", nowhere)
    state, _, fix = places.temporary()
    assert state is PROBLEM
    assert "TMPDIR" in fix


@pytest.mark.parametrize(
    ("soft", "hard", "state", "words"),
    [
        (1024, 1 << 20, OK, "1024 files"),
        (-1, -1, OK, "any number of files"),
        (200, -1, WARNING, "256 are good"),
        (1024, 1024, INFO, "1024 files here instead of 4096"),
    ],
)
def test_open_files(machine, monkeypatch, soft, hard, state, words):
    monkeypatch.setattr(places.resource, "getrlimit", lambda _: (soft, hard))
    got, found, _ = places.open_files()
    assert got is state
    assert words in found


# ------------------------------------------------------------------ development


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """The only folder that programs are looked for in."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name: str, text: str = "") -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    return make


def test_programs(programs):
    state, found, fix = installed.program("chromium", "", *doctor.BROWSERS)
    assert (state, fix) == (INFO, "Debian, Ubuntu: `apt-get install chromium`.")
    assert "only development" in found
    programs("google-chrome")
    assert installed.program("chromium", "", *doctor.BROWSERS)[0] is OK


def test_fonts(programs, monkeypatch):
    assert installed.fonts()[0] is OK
    programs("fc-list", "echo one; echo two")
    assert installed.fonts() == (OK, "2 fonts.", "")
    programs("fc-list")
    assert installed.fonts()[0] is INFO

    def hangs(*args, **options):
        raise subprocess.TimeoutExpired("fc-list", 5)

    monkeypatch.setattr(installed.subprocess, "run", hangs)
    assert installed.fonts()[0] is INFO


# ------------------------------------------------------------------ all of it


def of(report: doctor.Report) -> dict[str, doctor.Check]:
    return {check.name: check for check in report.checks}


def test_a_machine_that_tells_nothing_about_itself(well, tmp_path):
    report = doctor.examine(tmp_path / "reports")
    assert report.exit_code == 0
    assert report.level == "bwrap"
    assert of(report)["memory"].state is INFO


def test_a_missing_package_is_named_by_the_checks_that_need_it(well, monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *args):
        if name in {"grader.datasets", "grader.datasets.fashion_mnist", "grader.rubric.schema"}:
            raise ModuleNotFoundError(f"No module named '{name}'")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    report = doctor.examine(tmp_path)
    checks = of(report)
    assert report.level == "bwrap"
    assert report.exit_code == 2
    for name in ("data", "disk.temporary", "disk.cache", "open_files"):
        assert checks[name].state is PROBLEM
        assert "No module named" in checks[name].found
        assert "packages" in checks[name].fix


def test_it_starts_without_any_package():
    code = "import sys; before = {*sys.modules}; import grader.doctor; print(*{*sys.modules} - before)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    top = {name.partition(".")[0] for name in ended.stdout.split()}
    assert top - sys.stdlib_module_names == {"grader"}


def test_a_check_that_fails_says_why(well, monkeypatch, tmp_path):
    def full(name: str) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sandbox, "failure", full)
    report = doctor.examine(tmp_path)
    assert "No space left" in of(report)["sandbox.bwrap"].found
    assert (report.level, report.exit_code) == (None, 4)


@pytest.mark.parametrize(
    ("problems", "code"),
    [((), 0), (("sandbox",), 4), (("packages",), 2), (("packages", "sandbox"), 2), (("sandbox", "sandbox.bwrap"), 4)],
)
def test_exit_codes(problems, code):
    checks = (doctor.Check("a", OK, ""), doctor.Check("b", INFO, ""), doctor.Check("c", WARNING, "", "mend"))
    assert doctor._exit_code((*checks, *(doctor.Check(name, PROBLEM, "") for name in problems))) == code


@pytest.fixture
def report(monkeypatch):
    """A report with each state and words that look like markup and escape sequences."""
    checks = tuple(doctor.Check(state.value, state, f"[red]found[/red] \x1b[31m{state}", "the fix") for state in State)
    made = doctor.Report("0", None, 4, checks)
    monkeypatch.setattr(doctor, "examine", lambda _: made)
    return made


def test_the_list(report):
    ended = CliRunner().invoke(cli.app, ["doctor"])
    assert ended.exit_code == 4
    assert ended.stdout.count("[red]found[/red] ·[31m") == 4
    assert ended.stdout.count("→ the fix") == 4
    for start in ("✓ ok ", "· info ", "! warning ", "✗ problem "):
        assert any(line.startswith(start) for line in ended.stdout.splitlines())
    assert "\x1b" not in ended.stdout
    assert "does not work here yet" in ended.stdout


def test_a_machine_that_can_grade(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda _: doctor.Report("0", "bwrap", 0, ()))
    ended = CliRunner().invoke(cli.app, ["doctor"])
    assert ended.exit_code == 0
    assert ended.stdout.strip() == "Grading works here, at sandbox level 'bwrap'."


def test_json(report):
    ended = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert ended.exit_code == 4
    told = json.loads(ended.stdout)
    assert list(told) == ["version", "level", "exit_code", "checks"]
    assert [list(check) for check in told["checks"]] == [["name", "state", "found", "fix"]] * 4
    assert told == json.loads(json.dumps(asdict(report)))


@pytest.mark.kernel
def test_a_real_run(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "grader", "doctor", "--json", "--out", tmp_path / "r"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(ended.stdout)
    assert ended.stderr == ""
    assert ended.returncode == told["exit_code"]
    assert told["level"] in {*sandbox.LEVELS, None}
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert states["python"] == "ok"
    assert (states["sandbox"] == "problem") == (told["level"] is None)
    documented = (ROOT / "docs" / "command.md").read_text("utf-8")
    assert [name for name in states if f"`{name}`" not in documented] == []
    assert not (tmp_path / "r").exists()


def test_a_machine_without_utf_8_gets_its_findings_too():
    code = "import sys; from grader import cli, doctor; cli._print_report(doctor.Report('0', 'bwrap', 0, (doctor.Check('n', doctor.State.OK, 'é'),)))"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONIOENCODING": "ascii"}
    )
    assert ended.stdout.splitlines()[0].split() == ["?", "ok", "n", "?"]
