"""A class of 24 with plain nbclient and with grade, cold and warm, as ratios of one run on one machine.

python benchmarks/class_run.py [--students 24] [--plain 3] [--local 2]

Plain nbclient executes `--plain` of the notebooks one after another (0: all) and is scaled to the class by their number;
verdicts are compared between all ways of running, on the first `--local` students also without sharing trainings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from students import NETWORKS, write_class

from grader.datasets import fashion_mnist as data

MIB = 1 << 20


def plain(notebooks: list[Path], folder: Path) -> list[float]:
    """Seconds of each, in a kernel of its own, with TensorFlow's own settings."""
    os.environ["KERAS_HOME"] = str(folder / "keras")
    (folder / "keras" / "datasets").mkdir(parents=True)
    (folder / "keras" / "datasets" / "fashion-mnist").symlink_to(data.provide_data(print).directory)
    taken = []
    for path in notebooks:
        started = time.monotonic()
        asyncio.run(NotebookClient(nbformat.read(path, 4), timeout=None).async_execute())
        taken.append(time.monotonic() - started)
    return taken


def grade(paths: list[Path], out: Path, cache: Path, *options: str) -> tuple[float, float]:
    """(seconds, peak memory in MiB) of the command."""
    command = [sys.executable, "-m", "grader", *map(str, paths), "--out", str(out), *options]
    started = time.monotonic()
    log = out.with_suffix(".log").open("wb")
    with subprocess.Popen(command, env=os.environ | {"GRADE_CACHE": str(cache)}, stdout=log, stderr=log) as running:
        watch = _Memory(running.pid)
        watch.start()
        code = running.wait()
        seconds = time.monotonic() - started
        watch.over.set()
    if code:
        sys.exit(f"{' '.join(command)} ended with {code}: see {log.name}")
    return seconds, watch.peak_mib


class _Memory(threading.Thread):
    """Sums the proportional sizes of a process and all that descend from it, every two seconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.peak_mib = 0.0
        self._pid = pid

    def run(self) -> None:
        while not self.over.wait(2.0):
            parents: dict[int, list[int]] = {}
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(
                        int(stat.parent.name)
                    )
                except OSError:
                    continue
            left, total = [self._pid], 0.0
            while left:
                pid = left.pop()
                total += _pss_mib(pid)
                left += parents.get(pid, [])
            self.peak_mib = max(self.peak_mib, total)


def _pss_mib(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return next(int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0.0


def verdicts(out: Path) -> dict[str, Any]:
    """All that a report says of each submission, but for how long it took."""
    told = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    return {s["id"]: {key: value for key, value in s.items() if not key.endswith("_s")} for s in told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=24)
    parser.add_argument("--plain", type=int, default=3)
    parser.add_argument("--local", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        notebooks = write_class(folder / "class", chosen.students)
        students = [path.parent for path in notebooks]
        sample = notebooks[: chosen.plain or None]
        print(f"{chosen.students} students, {NETWORKS} networks each; {len(os.sched_getaffinity(0))} cores")
        alone, memory = grade([notebooks[0]], folder / "alone", folder / "cache-alone")
        print(f"one alone, cold     {alone:8.1f} s, peak {memory:5.0f} MiB", flush=True)
        taken = plain(sample, folder)
        whole = sum(taken) / len(taken) * chosen.students
        print(
            f"plain nbclient      {whole:8.1f} s ({len(sample)} executed: {', '.join(f'{s:.1f}' for s in taken)} s)",
            flush=True,
        )
        print(f"one alone / plain   {alone / taken[0]:8.2f}   (goal: at most 0.6)", flush=True)
        cold, memory = grade([folder / "class"], folder / "cold", folder / "cache")
        print(f"grade, cold         {cold:8.1f} s, peak {memory:5.0f} MiB", flush=True)
        print(f"plain / cold        {whole / cold:8.1f} × (goal: at least 8)", flush=True)
        warm, memory = grade([folder / "class"], folder / "warm", folder / "cache")
        print(f"grade, warm         {warm:8.1f} s, peak {memory:5.0f} MiB", flush=True)
        print(f"plain / warm        {whole / warm:8.1f} × (goal: at least 25)", flush=True)
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "grader", "rescore", str(folder / "warm")], check=True, capture_output=True
        )
        rescored = time.monotonic() - started
        print(
            f"rescore             {rescored:8.1f} s = {100 * rescored / whole:.2f} % of plain, {100 * rescored / cold:.1f} % of cold",
            flush=True,
        )
        same = verdicts(folder / "cold") == verdicts(folder / "warm")
        print(f"verdicts cold = warm {same}", flush=True)
        few = students[: chosen.local]
        for jobs in ("1", "2"):
            if few:
                grade(few, folder / f"local{jobs}", folder / "cache", "--fits", "local", "--jobs", jobs)
                grade(few, folder / f"shared{jobs}", folder / "cache", "--jobs", jobs)
        ways = (
            [verdicts(folder / f"{fits}{jobs}") for fits in ("local", "shared") for jobs in ("1", "2")] if few else []
        )
        expected = {path.name: verdicts(folder / "cold")[path.name] for path in few}
        agree = all(
            {k: v["tasks"] for k, v in way.items()} == {k: v["tasks"] for k, v in expected.items()} for way in ways
        )
        print(f"verdicts of {len(few)} the same with --fits local and shared, --jobs 1 and 2: {agree}")
        if not (same and agree):
            sys.exit("The verdicts differ.")


if __name__ == "__main__":
    main()
