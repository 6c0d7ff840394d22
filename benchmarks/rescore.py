"""What `grade rescore` takes for a class: copies of submissions that a real run stored.

python benchmarks/rescore.py REPORTS [COPIES [JOBS]]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.evidence import store


def copies_of(reports: Path, out: Path, count: int) -> None:
    """Leave `count` submissions in `out`, in turn those of `reports`: what rescoring reads of them.

    Each cell ends in blanks of its copy's own, so that nothing is computed once for copies of the same.
    """
    folders = store.stored_folders(reports)
    if not folders:
        sys.exit(f"{reports} holds no stored evidence: run `grade PATH... --out {reports}` first.")
    for number in range(count):
        source = folders[number % len(folders)]
        name = f"{source.name}-{number:03}"
        document = json.loads((source / store.FOLDER / store.FILE).read_bytes())
        record = document["record"]
        submission = record.get("submission", record)
        submission["ref"]["id"] = name
        for cell in submission.get("cells", ()):
            cell["source"] += "\n" + f"{number:b}".translate({ord("0"): " ", ord("1"): "\t"})
        target = out / name / store.FOLDER / store.FILE
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(document, ensure_ascii=False), "utf-8", "replace")


def measured(out: Path, jobs: int) -> tuple[float, float, float]:
    """Wall clock seconds, processor seconds and peak memory in MiB (of all its processes together) of a rescore."""
    before, started, peak = os.times(), time.monotonic(), 0.0
    command = [sys.executable, "-m", "grader", "rescore", out, "--jobs", str(jobs)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            peak = max(peak, sum(map(_resident_mib, _family(running.pid))))
            time.sleep(0.05)
    took, after = time.monotonic() - started, os.times()
    if running.returncode:
        sys.exit(f"rescore ended with {running.returncode}")
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return took, worked, peak


def _family(pid: int) -> list[int]:
    """A process and all that came from it."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(child))]


def _resident_mib(pid: int) -> float:
    """Its part of the memory that processes share."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> None:
    reports = Path(sys.argv[1]) if len(sys.argv) > 1 else sys.exit(__doc__)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as temporary:
        copies_of(reports, Path(temporary), count)
        took, worked, peak = measured(Path(temporary), jobs)
    print(f"{count} submissions, {jobs} jobs: {took:.1f} s, peak memory {peak:.0f} MiB")
    print(f"per submission: {took / count:.3f} s, of one core {worked / count:.3f} s")


if __name__ == "__main__":
    main()
