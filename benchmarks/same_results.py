"""Whether this grader says of stored evidence what another one said: `results.json`, tables and every page, byte for byte.

python benchmarks/same_results.py record REPORTS EXPECTED     with the grader that is trusted
python benchmarks/same_results.py compare REPORTS EXPECTED    with the one that was changed

REPORTS is what a run left; it is copied, then rescored. The time of the report is the one thing that may differ.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ| UTC)")
_SAID = {".html", ".json", ".csv"}


def rescored(reports: Path) -> dict[str, bytes]:
    """What a rescore of a copy of `reports` writes, by its path in there, without the time of the report."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "reports"
        shutil.copytree(reports, copy, ignore=shutil.ignore_patterns("*.html"))
        jobs = str(len(os.sched_getaffinity(0)))
        command = [sys.executable, "-m", "grader", "rescore", str(copy), "--jobs", jobs]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        files = [path for path in sorted(copy.rglob("*")) if path.suffix in _SAID and path.parent.name != "evidence"]
        return {str(path.relative_to(copy)): _TIME.sub(b"TIME", path.read_bytes()) for path in files}


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """A line for each file that differs, and where."""
    lines = []
    for name in sorted(expected.keys() | found.keys()):
        before, after = expected.get(name), found.get(name)
        if before is None or after is None:
            lines.append(f"{name}: only {'now' if before is None else 'before'}")
        elif before != after:
            texts = [re.sub(r"([,>])", r"\1\n", side.decode()).splitlines() for side in (before, after)]
            lines.append(f"{name}: differs")
            lines += list(difflib.unified_diff(*texts, "before", "now", lineterm="", n=0))[:40]
    return lines


def main() -> None:
    if len(sys.argv) != 4 or sys.argv[1] not in {"record", "compare"}:
        sys.exit(__doc__)
    reports, folder = Path(sys.argv[2]), Path(sys.argv[3])
    found = rescored(reports)
    if sys.argv[1] == "record":
        for name, said in found.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(said)
        print(f"{len(found)} files recorded")
        return
    expected = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if not expected:
        sys.exit(f"{folder} holds nothing to compare with: run `record` first.")
    lines = differences(expected, found)
    print("\n".join(lines) or f"{len(found)} files are the same")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
