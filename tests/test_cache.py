"""The cache of trainings: what goes in comes out or nothing does, whatever else happens to the files meanwhile."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from grader import cli
from grader.errors import UsageError
from grader.training import cache as module
from grader.training.cache import Cache, cache_directory, cache_limit_mib, namespace, user_cache
from grader.wire.files import Rejected
from grader.wire.message import Message

MIB = 1 << 20
ROOT = Path(__file__).parent.parent
SMALL = Message({"loss": [0.5, 0.25]}, (np.arange(6, dtype=np.float32).reshape(2, 3),))


def key(number: int) -> str:
    return f"{number:064x}"


def sized(bytes_: int) -> Message:
    return Message({}, (np.zeros(bytes_, np.uint8),))


def place(cache: Cache, number: int) -> Path:
    return cache.folder / f"{key(number)}.fit"


def aged(cache: Cache, number: int, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(place(cache, number), (then, then))


def kept(cache: Cache) -> set[int]:
    return {int(file.stem, 16) for file in cache.folder.glob("*.fit")}


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "fits", 4)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """A disk takes its time, and the power stays on."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def grade(monkeypatch, capsys, tmp_path):
    """Run `grade ARGS` on a cache of its own; gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("GRADE_CACHE", str(tmp_path / "fits"))
    monkeypatch.delenv("GRADE_CACHE_MIB", raising=False)

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["grade", *args])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, *capsys.readouterr()

    return run


def other_process(code: str, *args: object) -> subprocess.Popen[str]:
    start = "import sys, time\nfrom pathlib import Path\nimport numpy as np\nfrom grader.training.cache import Cache\nfrom grader.wire.message import Message\n"
    return subprocess.Popen(
        [sys.executable, "-c", start + code, *map(str, args)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


# ------------------------------------------------------------------ what goes in comes out

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
ARRAYS = st_numpy.arrays(
    st.sampled_from([np.bool_, np.int8, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64]),
    st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=st.dictionaries(st.text(), JSON, max_size=4), arrays=st.lists(ARRAYS, max_size=5))
def test_what_goes_in_comes_out(tmp_path, facts, arrays):
    cache = Cache(tmp_path, 4)
    cache.put(key(1), Message(facts, tuple(arrays)))
    got = cache.get(key(1))
    assert got is not None
    assert got.facts == facts
    assert [a.dtype for a in got.arrays] == [a.dtype for a in arrays]
    assert [a.shape for a in got.arrays] == [a.shape for a in arrays]
    assert [a.tobytes() for a in got.arrays] == [a.tobytes() for a in arrays]
    assert not any(a.flags.writeable for a in got.arrays)


def test_a_loss_may_be_no_number_and_columns_may_come_first(cache):
    columns = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    cache.put(key(1), Message({"loss": [float("nan"), float("inf")]}, (columns, columns[::2])))
    got = cache.get(key(1))
    assert got is not None
    assert np.isnan(got.facts["loss"][0])
    assert got.facts["loss"][1] == float("inf")
    np.testing.assert_array_equal(got.arrays[0], columns)
    np.testing.assert_array_equal(got.arrays[1], columns[::2])


def test_the_later_entry_of_a_key_counts(cache):
    cache.put(key(1), SMALL)
    cache.put(key(1), Message({"loss": []}, ()))
    got = cache.get(key(1))
    assert got is not None
    assert (got.facts, got.arrays) == ({"loss": []}, ())
    assert cache.get(key(2)) is None


def test_only_the_user_may_look(cache):
    cache.put(key(1), SMALL)
    with cache.lock(key(1)):
        pass
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in cache.folder.rglob("*")}
    assert modes == {f"{key(1)}.fit": 0o600, "locks": 0o700, "00": 0o600}
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("wrong", ["", "../x", "A" * 64, key(1) + "\n", key(1)[1:]])
def test_a_key_is_a_digest(cache, wrong):
    with pytest.raises(ValueError, match="SHA-256"):
        cache.get(wrong)
    with pytest.raises(ValueError, match="SHA-256"), cache.lock(wrong):
        pass


@pytest.mark.parametrize("array", [np.zeros(2, ">f4"), np.zeros(2, np.complex64), np.array(["a"]), np.array([None])])
def test_what_could_not_be_read_again_is_not_stored(cache, array):
    with pytest.raises(ValueError):  # noqa: PT011 - NumPy's own for objects
        cache.put(key(1), Message({}, (array,)))
    assert not cache.folder.exists()


# ------------------------------------------------------------------ damage


def test_any_byte_that_differs_makes_it_no_entry(cache):
    cache.put(key(1), SMALL)
    whole = place(cache, 1).read_bytes()
    for at in range(len(whole)):
        place(cache, 1).write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        assert cache.get(key(1)) is None, at
        assert not place(cache, 1).exists(), at


def test_any_byte_that_is_missing_or_too_many_makes_it_no_entry(cache):
    cache.put(key(1), SMALL)
    whole = place(cache, 1).read_bytes()
    for data in [whole[:end] for end in (0, 1, 63, 64, 65, 80, len(whole) // 2, len(whole) - 1)] + [whole + b"\0"]:
        place(cache, 1).write_bytes(data)
        assert cache.get(key(1)) is None
        assert not place(cache, 1).exists()


def test_the_entry_of_another_key_is_none(cache):
    cache.put(key(1), SMALL)
    place(cache, 1).rename(place(cache, 2))
    assert cache.get(key(2)) is None
    assert kept(cache) == set()


def test_an_entry_of_another_format_is_none(cache, monkeypatch):
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    cache.put(key(1), SMALL)
    monkeypatch.undo()
    assert cache.get(key(1)) is None
    assert kept(cache) == set()


BODY = Message({}, (np.zeros(2),)).encoded()


@pytest.mark.parametrize(
    "rest",
    [
        b"", b"{", module._head(key(1)), module._head(key(2)) + BODY, module._head(key(1)) + BODY[:-1],
        module._head(key(1)) + BODY + b"x", b"grade 1 " + key(1).encode() + b"\n" + BODY,
        module._head(key(1)) + struct.pack(">QQ", 2, 0) + b"{}", module._head(key(1)) + struct.pack(">QQ", 2**63, 2**63),
        module._head(key(1)) + struct.pack(">QQ", 2, len(BODY) - 18) + b"[]" + BODY[18:],
    ],
    ids=lambda rest: repr(rest[:8] + rest[70:90]),
)  # fmt: skip
def test_a_digest_that_fits_makes_no_entry_yet(cache, rest):
    cache.put(key(1), SMALL)
    place(cache, 1).write_bytes(module._digest(rest) + b"\n" + rest)
    assert cache.get(key(1)) is None
    assert kept(cache) == set()


def test_nothing_large_is_read(cache, monkeypatch):
    cache.put(key(1), SMALL)
    with place(cache, 1).open("ab") as file:
        file.truncate(4 * MIB + 1)
    monkeypatch.setattr(module, "_decoded", lambda *_: pytest.fail("was read"))
    assert cache.get(key(1)) is None
    assert kept(cache) == set()


def test_a_link_is_not_followed(cache, tmp_path):
    cache.put(key(1), SMALL)
    place(cache, 1).rename(tmp_path / "elsewhere")
    place(cache, 1).symlink_to(tmp_path / "elsewhere")
    assert cache.get(key(1)) is None
    assert not place(cache, 1).is_symlink()
    assert (tmp_path / "elsewhere").exists()


def test_a_pipe_holds_nobody_up(cache):
    cache.folder.mkdir()
    os.mkfifo(place(cache, 1))
    assert cache.get(key(1)) is None
    cache.put(key(1), SMALL)
    assert cache.get(key(1)) is not None


def test_a_folder_in_place_of_an_entry_stays(cache):
    place(cache, 1).mkdir(parents=True)
    assert cache.get(key(1)) is None
    assert cache.show().entries == 0
    cache.put(key(1), SMALL)
    assert "GRADE_CACHE" in cache.problem
    assert place(cache, 1).is_dir()


def test_the_folder_itself_may_be_a_link(cache, tmp_path):
    (tmp_path / "large disk").mkdir()
    cache.folder.symlink_to(tmp_path / "large disk")
    cache.put(key(1), SMALL)
    assert cache.get(key(1)) is not None
    assert cache.problem == ""


def test_what_cannot_be_read_just_now_stays(cache, monkeypatch):
    cache.put(key(1), SMALL)

    def too_many(*_):
        raise Rejected("the folder cannot be read") from OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(module, "PinnedFolder", too_many)
        assert cache.get(key(1)) is None
    assert cache.get(key(1)) is not None


# ------------------------------------------------------------------ the bound


def test_what_was_unused_for_longest_goes_first(cache):
    for number in range(3):
        cache.put(key(number), sized(MIB))
        aged(cache, number, 100 - number)
    assert cache.get(key(0)) is not None  # now 1 is the oldest
    cache.put(key(3), sized(MIB))
    assert kept(cache) == {0, 2, 3}
    assert cache.show().used_mib <= 4


def test_what_was_just_written_stays(cache):
    cache.put(key(0), sized(MIB))
    cache.put(key(1), sized(MIB))
    for number in (0, 1):
        aged(cache, number, -1000)  # a clock that was ahead
    cache.put(key(2), sized(3 * MIB))
    assert 2 in kept(cache)
    assert len(kept(cache)) == 1


@pytest.mark.parametrize("large", [sized(4 * MIB), Message({}, (np.zeros(0),) * 4097)], ids=["bytes", "arrays"])
def test_an_entry_over_the_bound_is_not_stored_and_costs_no_other(cache, large):
    cache.put(key(0), SMALL)
    cache.put(key(1), large)
    assert kept(cache) == {0}
    assert cache.problem == ""


def test_as_many_arrays_as_are_stored_are_read(cache, monkeypatch):
    monkeypatch.setattr(module, "_MOST_ARRAYS", 3)
    cache.put(key(1), Message({}, (np.zeros(1),) * 3))
    assert cache.get(key(1)) is not None


def test_two_processes_write_and_evict_at_once(tmp_path):
    code = """
cache = Cache(Path(sys.argv[1]), 1)
first = int(sys.argv[2])
for number in range(15):
    name = f"{number % 12 + first:064x}"
    cache.put(name, Message({"n": number}, (np.full(100_000, number, np.uint8),)))
    for other in range(0, 30, 3):
        got = cache.get(f"{other:064x}")
        assert got is None or (got.arrays[0] == got.facts["n"]).all()
assert not cache.problem, cache.problem
"""
    with (
        other_process(code, tmp_path / "fits", 0) as one,
        other_process(code, tmp_path / "fits", 10) as other,
    ):
        assert [one.wait(60), other.wait(60)] == [0, 0]
    cache = Cache(tmp_path / "fits", 1)
    assert 0 < cache.show().used_mib <= 1
    assert not list(cache.folder.glob(".grade-*"))


def test_an_entry_that_another_process_evicts_first_counts_as_gone(cache, monkeypatch):
    for number in range(3):
        cache.put(key(number), sized(MIB))
        aged(cache, number, 100 - number)
    stored = Cache._stored

    def and_then_one_goes(self):
        found = stored(self)
        place(cache, 0).unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Cache, "_stored", and_then_one_goes)
    cache.put(key(3), sized(MIB))
    assert kept(cache) == {1, 2, 3}
    assert cache.problem == ""


def test_an_entry_that_goes_while_the_folder_is_read(cache, monkeypatch):
    cache.put(key(1), SMALL)

    class Gone:
        name = f"{key(2)}.fit"

        def stat(self, *, follow_symlinks):
            raise FileNotFoundError

    class Scan:
        def __enter__(self):
            return iter([Gone()])

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", lambda _: Scan())
    assert cache.show().entries == 0


# ------------------------------------------------------------------ a folder that cannot be written


def test_a_file_in_place_of_the_folder(cache):
    cache.folder.write_text("in the way")
    assert cache.get(key(1)) is None
    with cache.lock(key(1)):
        cache.put(key(1), SMALL)
    assert str(cache.folder) in cache.problem
    assert "\n" not in cache.problem
    for wrong in (cache.show, cache.clear):
        with pytest.raises(UsageError, match="GRADE_CACHE"):
            wrong()
    assert cache.folder.read_text() == "in the way"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_more(cache, monkeypatch, number):
    cache.put(key(1), SMALL)
    with monkeypatch.context() as patch:

        def full(*_, **__):
            raise OSError(number, os.strerror(number))

        for name in ("write", "utime"):
            patch.setattr(os, name, full)
        cache.put(key(2), SMALL)
        assert os.strerror(number) in cache.problem
        assert cache.get(key(1)) is not None
    first = cache.problem
    cache.put(key(3), SMALL)
    assert cache.problem == first
    assert kept(cache) == {1}


def test_entries_that_cannot_be_removed(cache, monkeypatch):
    for number in range(3):
        cache.put(key(number), sized(MIB))

    def denied(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: denied() if str(path).endswith(".fit") else unlink(path))
    cache.put(key(3), sized(MIB))
    assert "Operation not permitted" in cache.problem
    with pytest.raises(UsageError, match="not permitted"):
        cache.clear()


# ------------------------------------------------------------------ one at a time

HOLD = """
with Cache(Path(sys.argv[1]), 4).lock(sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_keeps_other_processes_out_and_dies_with_its_holder(cache):
    holder = other_process(HOLD, cache.folder, key(1))
    try:
        assert holder.stdout.readline() == "held\n"
        asked = []
        with pytest.raises(KeyboardInterrupt), cache.lock(key(1), lambda: len(asked) == 2 or asked.append(1)):
            pytest.fail("held by two")
        with cache.lock("f" * 64):
            pass  # another key is free
        holder.send_signal(signal.SIGKILL)
        with cache.lock(key(1)):
            pass
    finally:
        holder.kill()
        holder.communicate()


def test_a_lock_keeps_other_threads_out(cache):
    inside, most = 0, 0

    def work():
        nonlocal inside, most
        for _ in range(5):
            with cache.lock(key(1)):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (inside, most) == (0, 1)


def test_who_waits_can_be_called_off(cache):
    off, ended = threading.Event(), []

    def wait():
        try:
            with cache.lock(key(1), off.is_set):
                ended.append("held")
        except KeyboardInterrupt:
            ended.append("called off")

    with cache.lock(key(1)):
        thread = threading.Thread(target=wait)
        thread.start()
        off.set()
        thread.join(30)
    assert ended == ["called off"]


def test_an_error_inside_a_lock_is_not_swallowed_and_frees_it(cache):
    with pytest.raises(PermissionError), cache.lock(key(1)):
        raise PermissionError
    with cache.lock(key(1)):
        pass


@pytest.mark.parametrize("why", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError()])
def test_without_locks_nobody_is_kept_out(cache, monkeypatch, why):
    def refuse(*_, **__):
        raise why

    monkeypatch.setattr(module.FileLock, "acquire", refuse)
    with cache.lock(key(1)):
        cache.put(key(1), SMALL)
    assert cache.get(key(1)) is not None
    assert cache.problem == ""


def test_locks_do_not_pile_up(cache, monkeypatch):
    for number in range(300):
        with cache.lock(f"{number % 256:02x}" + key(number)[2:]):
            pass
    assert len(list((cache.folder / "locks").iterdir())) == 256


# ------------------------------------------------------------------ looking at it, emptying it


def test_what_is_shown(cache):
    assert (cache.show().entries, cache.show().used_mib, cache.show().oldest_use) == (0, 0, None)
    for number in range(2):
        cache.put(key(number), sized(MIB))
    aged(cache, 1, 3600)
    shown = cache.show()
    assert (shown.folder, shown.entries, shown.limit_mib) == (cache.folder, 2, 4)
    assert shown.used_mib == pytest.approx(2, abs=0.01)
    assert shown.oldest_use is not None
    assert time.time() - shown.oldest_use.timestamp() == pytest.approx(3600, abs=60)


def test_only_entries_are_removed_and_what_killed_writes_left(cache):
    cache.put(key(1), sized(MIB))
    with cache.lock(key(1)):
        pass
    fresh, old, note = (cache.folder / name for name in (".grade-1.tmp", ".grade-2.tmp", "note.txt"))
    for file in (fresh, old, note):
        file.write_bytes(b"x")
        os.utime(file, (0, 0) if file is not fresh else None)
    entries, mib = cache.clear()
    assert (entries, round(mib, 2)) == (1, 1)
    assert {path.name for path in cache.folder.iterdir()} == {"locks", fresh.name, note.name}


def test_grade_cache_show_and_clear(grade, tmp_path):
    assert grade("cache", "clear") == (0, "", "Entries removed: 0 (0.0 MiB).\n")
    code, out, err = grade("cache", "show")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "oldest use  -"
    assert not (tmp_path / "fits").exists()
    user_cache().put(key(1), sized(MIB))
    code, out, err = grade("cache", "show")
    assert (code, err) == (0, "")
    assert str(tmp_path / "fits") in out
    assert "1.0 of 2048 MiB" in out
    code, out, _ = grade("cache", "show", "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown.pop("oldest_use").endswith("+00:00")
    assert round(shown.pop("used_mib"), 2) == 1
    assert shown == {"folder": str(tmp_path / "fits"), "entries": 1, "limit_mib": 2048}
    assert grade("cache", "clear") == (0, "", "Entries removed: 1 (1.0 MiB).\n")
    assert json.loads(grade("cache", "show", "--json")[1])["oldest_use"] is None


@pytest.mark.parametrize("command", ["show", "clear"])
def test_grade_cache_says_what_is_wrong(grade, tmp_path, monkeypatch, command):
    (tmp_path / "fits").write_text("in the way")
    code, out, err = grade("cache", command)
    assert (code, out) == (2, "")
    assert "GRADE_CACHE" in err
    monkeypatch.setenv("GRADE_CACHE_MIB", "2 GiB")
    code, out, err = grade("cache", command)
    assert (code, out) == (2, "")
    assert "'2 GiB'" in err


# ------------------------------------------------------------------ where, how much, on which machine


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("GRADE_CACHE", raising=False)
    assert cache_directory() == Path("/home/ada/.cache/grade/fits")
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch")
    assert cache_directory() == Path("/scratch/grade/fits")
    monkeypatch.setenv("GRADE_CACHE", "/fast")
    assert cache_directory() == Path("/fast")


def test_how_large_it_may_be(monkeypatch):
    monkeypatch.delenv("GRADE_CACHE_MIB", raising=False)
    assert cache_limit_mib() == 2048
    monkeypatch.setenv("GRADE_CACHE_MIB", "100")
    assert user_cache().limit_mib == 100
    for wrong in ("0", "-1", "1.5", "1_000", " 7", "٣", "9" * 5000, "all"):
        monkeypatch.setenv("GRADE_CACHE_MIB", wrong)
        with pytest.raises(UsageError, match="GRADE_CACHE_MIB"):
            cache_limit_mib()


def test_other_machines_and_versions_have_other_namespaces(monkeypatch, tmp_path):
    cores = "processor : 0\nmodel name : A\ncpu MHz : {}\nflags : avx\n\nprocessor : 1\nmodel name : A\nflags : avx{}\n"

    def on(text: str) -> str:
        (tmp_path / "cpuinfo").write_text(text)
        return namespace()

    monkeypatch.setattr(module, "_CPUINFO", tmp_path / "cpuinfo")
    here = on(cores.format(2400, ""))
    assert here == on(cores.format(800, ""))
    assert here == on(cores.format(800, "") + "\nprocessor : 2\nmodel name : A\nflags : avx\n")
    seen = {here, on(cores.format(800, " avx512f")), on("")}
    (tmp_path / "cpuinfo").unlink()
    seen.add(namespace())  # a system without that file
    monkeypatch.setattr(module, "FORMAT", module.FORMAT + 1)
    seen.add(namespace())
    monkeypatch.setattr(module.importlib.metadata, "version", lambda _: "0")
    seen.add(namespace())
    monkeypatch.setattr(module.platform, "machine", lambda: "riscv64")
    seen.add(namespace())
    assert len(seen) == 7


def test_the_namespace_needs_no_tensorflow():
    code = "from grader.training.cache import namespace; print(namespace()); assert 'tensorflow' not in sys.modules"
    with other_process(code) as process:
        assert process.communicate()[0].strip() == namespace()
    assert process.returncode == 0
