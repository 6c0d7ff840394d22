"""What of this machine is seen from inside a sandbox: the interpreter and its libraries, not the grader's own files."""

from __future__ import annotations

import os
import secrets
import site
import sys
import sysconfig
from functools import cache
from pathlib import Path

from grader.system.resources import resource_root

PROGRAMS = Path("/usr")
ETC = (
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "timezone", "mime.types",
    "nsswitch.conf", "host.conf", "locale.alias", "debian_version", "os-release",
)  # fmt: skip
"""Of /etc: what libraries read; nothing about this machine's users or network."""
ROOT = tuple(Path("/") / name for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"))
"""Beside /usr; links into it on most machines."""
_PACKAGE = Path(__file__).resolve().parents[1]
_DATASETS = Path("/usr/share/datasets")
_FIRST_UID, _UIDS = 60_000, 5_000


def user_site() -> list[str]:
    """The folder of packages that were installed for this user alone, if Python looks there."""
    return [site.getusersitepackages()] if site.ENABLE_USER_SITE else []


def environment() -> dict[str, str]:
    """What Python needs inside to find its packages."""
    return {"PYTHONUSERBASE": site.getuserbase()} if user_site() else {}


@cache
def read_only() -> tuple[Path, ...]:
    """Folders that are seen as they are, none of them within another."""
    executable = Path(os.path.realpath(sys.executable)).parent.parent
    libraries = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib", "platstdlib")]
    return _outermost(
        [PROGRAMS, Path(sys.prefix), Path(sys.base_prefix), executable, *libraries, *map(Path, user_site())]
    )


def links() -> list[tuple[Path, Path]]:
    """Links of `ROOT` and where they lead."""
    return [(place, place.readlink()) for place in ROOT if place.is_symlink()]


@cache
def hidden() -> tuple[Path, ...]:
    """Within those folders: the grader, its reference and rubrics, and data sets that were not given on purpose."""
    candidates = [_PACKAGE, resource_root() / "reference", resource_root() / "rubrics", _DATASETS]
    for folder in {_PACKAGE.parent, Path(sysconfig.get_path("purelib"))}:  # what its installation wrote down of it
        candidates += folder.glob("grade_notebooks-*")
    return _outermost([p for p in candidates if any(p.is_relative_to(folder) for folder in read_only())])


def _outermost(folders: list[Path]) -> tuple[Path, ...]:
    """Those that are there and lie in no other."""
    found: list[Path] = []
    for folder in sorted({path for path in folders if path.is_dir()}, key=lambda path: (len(path.parts), path)):
        if not any(folder.is_relative_to(other) for other in found):
            found.append(folder)
    return tuple(found)


def unprivileged_uid() -> int | None:
    """A user id that nobody has, where the grader is root; None where it is an ordinary user."""
    return _FIRST_UID + secrets.randbelow(_UIDS) if os.geteuid() == 0 else None
