"""Results of trainings, kept on disk by the key of their recipe and shared by all runs of a user.

    <folder>/<key>.fit       one entry
    <folder>/locks/00 … ff   locks; a key belongs to one of them for good, so they never pile up and are never removed

An entry is a line with the SHA-256 of all that follows, a line with format and key, and a message (`wire.message`).
Nothing read from it is believed before the digest fits. Losing an entry costs a training, never a result: so whoever
wants to may remove any of them at any time, and nobody waits for that.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock, Timeout

from grader.errors import UsageError
from grader.system.atomic_files import atomic_write, remove
from grader.wire.files import PinnedFolder, Rejected
from grader.wire.message import ANSWER_LIMITS, Limits, Message, decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 2
_LIMIT_MIB = 2048
_ENTRY_MIB = 512
"""Most that is read into memory at once, however large the cache may be."""
_MOST_ARRAYS = ANSWER_LIMITS.arrays
_MIB = 1 << 20
_POLL_S = 0.2
_SPARED_S = 600
"""An unfinished file that is younger may still be written by somebody."""
_KEY = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(_KEY.pattern + r"\.fit")
_LEFTOVER = re.compile(r"\.grade-.*\.tmp")
_CODE = (
    *(f"keras/{name}.py" for name in ("layers", "rebuild")),
    *(f"training/{name}.py" for name in ("measure", "network", "stock", "train", "verification", "workers")),
    *("wire/determinism.py", "wire/recipe.py", "wire/seeding.py"),
)
"""What decides which numbers come out, besides the key."""
_CPUINFO = Path("/proc/cpuinfo")
_CPU_FIELDS = re.compile(
    r"(?:vendor_id|cpu family|model|model name|stepping|flags"
    r"|CPU implementer|CPU architecture|CPU variant|CPU part|CPU revision|Features)\s*:.*"
)


def cache_directory() -> Path:
    """The folder of the cache: `GRADE_CACHE`, else in the user's cache."""
    if chosen := os.environ.get("GRADE_CACHE"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "grade" / "fits"


def cache_limit_mib() -> int:
    """Most MiB that the cache may take: `GRADE_CACHE_MIB`, else 2048. Raises UsageError for another value."""
    text = os.environ.get("GRADE_CACHE_MIB") or str(_LIMIT_MIB)
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise UsageError(f"GRADE_CACHE_MIB is a whole number of MiB above 0, not '{text}'.")
    return int(text)


def user_cache() -> Cache:
    """The cache that the environment chooses. Raises UsageError for a wrong GRADE_CACHE_MIB."""
    return Cache(cache_directory(), cache_limit_mib())


def namespace() -> str:
    """A digest of what makes one recipe give other numbers elsewhere; it belongs into every key.

    Versions of this format, TensorFlow, Keras and NumPy, the code that computes, and the kind of processor: libraries
    choose their kernels by its instructions.
    """
    versions = [importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")]
    package = Path(__file__).parent.parent
    code = [hashlib.sha256((package / name).read_bytes()).hexdigest() for name in _CODE]
    return hashlib.sha256(json.dumps([FORMAT, versions, code, platform.machine(), _processor()]).encode()).hexdigest()


def _processor() -> list[str]:
    """Model and instructions of every kind of core; of the clock, which changes, nothing."""
    try:
        lines = _CPUINFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        return [platform.processor()]
    return sorted({line for line in lines if _CPU_FIELDS.fullmatch(line)})


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """What `grade cache` tells of it."""

    folder: Path
    entries: int
    used_mib: float
    limit_mib: int
    oldest_use: datetime | None
    """When the entry that would be the next to go was used last; without entries None."""


class _Stored(NamedTuple):
    """An entry's file; the one that was used longest ago is the smallest."""

    used_ns: int
    size: int
    path: Path


class Cache:
    """Entries under one folder, at most `limit_mib` of them; for any number of threads and processes at once."""

    def __init__(self, folder: Path, limit_mib: int) -> None:
        self.folder = folder
        self.limit_mib = limit_mib
        self.problem = ""
        """Why nothing is stored any more, one sentence for the user; empty while all is well."""
        self._entry_bytes = min(limit_mib, _ENTRY_MIB) * _MIB

    def get(self, key: str) -> Message | None:
        """The entry of a key, which now counts as used; None where there is none, or none that is whole.

        What is not whole, or no file at all, is removed.
        """
        path = self._path(key)
        try:
            with PinnedFolder(self.folder.resolve()) as folder:
                entry = _decoded(folder.read(path.name, self._entry_bytes), key)
        except Rejected as why:
            if not isinstance(why.__cause__, OSError):  # else it is not there, or cannot be read just now
                with suppress(OSError):
                    path.unlink()
            return None
        with suppress(OSError):  # removed meanwhile, or on a disk that cannot be written
            os.utime(path, follow_symlinks=False)
        return entry

    def put(self, key: str, entry: Message) -> None:
        """Store an entry, then remove those unused for longest until the cache is within its bound.

        An entry that is too large is not stored; nothing is once that failed, see `problem`. Raises ValueError for an
        entry that could not be read again: other arrays than a `Message` may have.
        """
        path = self._path(key)
        if self.problem or len(entry.arrays) > _MOST_ARRAYS:
            return
        data = _encoded(key, entry)
        if len(data) > self._entry_bytes:
            return
        try:
            _decoded(data, key)
        except Rejected as why:
            raise ValueError(f"The entry {why}.") from why
        with suppress(OSError):  # what is wrong, writing says
            self._make_folders()
        try:
            atomic_write(path, data, mode=0o600)
            self._evict(path)
        except UsageError as why:
            self.problem = f"Trainings are not kept in the cache, whose folder GRADE_CACHE chooses: {why}"

    @contextmanager
    def lock(self, key: str, abort: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Keep all other threads and processes out of a key; whoever is killed keeps nobody out.

        Two keys may share a lock, so nobody may want a second one while holding the first. While waiting, `abort` is
        asked a few times a second: raises KeyboardInterrupt when it says so. Where no lock can be had, in a folder
        that cannot be written for instance, nobody is kept out: at worst something is trained twice.
        """
        lock = FileLock(self.folder / "locks" / self._path(key).name[:2], mode=0o600)
        self._acquire(lock, abort)
        try:
            yield
        finally:
            lock.release()

    def show(self) -> CacheUsage:
        """What is in the cache. Raises UsageError where its folder cannot be read."""
        entries = self._stored()
        oldest = datetime.fromtimestamp(entries[0].used_ns / 1e9, UTC) if entries else None
        return CacheUsage(self.folder, len(entries), sum(e.size for e in entries) / _MIB, self.limit_mib, oldest)

    def clear(self) -> tuple[int, float]:
        """Remove all entries; how many there were, and their MiB. Raises UsageError where that cannot be done."""
        entries = self._stored()
        for entry in entries:
            remove(entry.path)
        return len(entries), sum(entry.size for entry in entries) / _MIB

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"A key is a SHA-256 in hexadecimal digits, not '{key}'.")
        return self.folder / f"{key}.fit"

    def _make_folders(self) -> None:
        for folder in (self.folder, self.folder / "locks"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _acquire(self, lock: FileLock, abort: Callable[[], bool]) -> None:
        with suppress(OSError, NotImplementedError):  # the latter: a file system without locks
            self._make_folders()
            while not lock.is_locked:
                if abort():
                    raise KeyboardInterrupt
                with suppress(Timeout):
                    lock.acquire(timeout=_POLL_S)

    def _evict(self, spared: Path) -> None:
        """Others may be doing the same at the same time: what they have removed counts as removed."""
        entries = self._stored()
        used = sum(entry.size for entry in entries)
        for entry in entries:
            if used <= self.limit_mib * _MIB:
                return
            if entry.path != spared:
                remove(entry.path)
                used -= entry.size

    def _stored(self) -> list[_Stored]:
        """The entries, the longest unused first; what killed writes left behind is removed on the way."""
        entries = []
        try:
            with os.scandir(self.folder) as files:
                for file in files:
                    with suppress(OSError):  # another process was faster
                        info = file.stat(follow_symlinks=False)
                        if not stat.S_ISREG(info.st_mode):
                            continue
                        if _NAME.fullmatch(file.name):
                            entries.append(_Stored(info.st_mtime_ns, info.st_size, self.folder / file.name))
                        elif _LEFTOVER.fullmatch(file.name) and time.time() - info.st_mtime > _SPARED_S:
                            (self.folder / file.name).unlink()
        except FileNotFoundError:
            return []
        except OSError as why:
            raise UsageError(f"Cannot read {self.folder} ({why.strerror}): set GRADE_CACHE to another folder.") from why
        return sorted(entries)


def _encoded(key: str, message: Message) -> bytes:
    rest = _head(key) + message.encoded()
    return _digest(rest) + b"\n" + rest


def _decoded(data: bytes, key: str) -> Message:
    """The reverse of `_encoded`. Raises Rejected for all that it does not give for this key."""
    digest, _, rest = data.partition(b"\n")
    if digest != _digest(rest):
        raise Rejected("is damaged")
    if not rest.startswith(head := _head(key)):
        raise Rejected("is for another key or in another format")
    return decoded(rest[len(head) :], Limits(len(rest), len(rest), _MOST_ARRAYS))


def _head(key: str) -> bytes:
    return f"grade {FORMAT} {key}\n".encode()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
