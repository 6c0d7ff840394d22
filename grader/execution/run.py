"""Runs a submission in a fresh kernel and sandbox of its own, cell by cell to its end (stage 3).

What student code does wrong becomes faults; only our own failures raise.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from grader.evidence.run_result import RunResult
from grader.execution import faults, hints
from grader.execution.kernel import TRAINER_SOCKET, Kernel, KernelGone, Stopped, connection_info
from grader.execution.outputs import printed, tidy
from grader.records import Cell, CellKind, CellRun, CellStatus, Fault, FaultKind, Submission
from grader.sandbox import Bounds, Command, Places, Sandbox, SandboxProcess, Zygote, host, sandbox_level
from grader.sandbox.interface import PACKAGE
from grader.system.display_text import without_machine, without_sequences
from grader.training.trainer import Trainer
from grader.training.trainer_connection import TrainerConnection
from grader.wire.determinism import SETTINGS

RECORDER = tuple(Path(__file__).parents[1] / part for part in ("recorder", "wire"))
"""What of the grader is in the kernel: it imports nothing else."""
FIGURES = 60
"""Figures of a notebook that are drawn; later ones are only noted."""
_TRACEBACK = 20_000
"""Characters of a traceback that are kept, its last."""
_FLOODED = "The notebook went on putting out more than is kept, so Python was ended; what follows did not run."
_DEAF = "The cell did not stop when it was asked to, so Python was ended; the cells that follow did not run."
_MISSING = "The cell did not run, because the notebook had stopped before."


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Limits of one run; seconds are wall clock."""

    data_directory: Path
    """Folder with the data set's four `.gz` files under the names that Keras gives them."""
    notebook_s: float = 600
    cell_s: float = 300
    output_mib: int = 32
    bounds: Bounds = field(default_factory=Bounds)
    sandbox: str = "none"
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by another thread to call the run off."""
    trainer: Trainer | None = None
    """Trains for all kernels; without one each trains its own networks."""
    zygote: Zygote | None = None
    """What kernels start as copies of, where the sandbox can."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    text: str
    """What it is doing: 'cell 3 of 12'."""
    share: float
    """0 … 1 of its cells done."""


def run_submission(
    submission: Submission, scratch: Path, settings: RunSettings, on_progress: Callable[[Progress], None]
) -> RunResult:
    """Run `submission` with everything it writes under `scratch` (a folder that exists).

    Raises `GradeError` when the kernel cannot be started, KeyboardInterrupt when `settings.stop` was set.
    """
    level = sandbox_level(settings.sandbox)
    handed_in = _handed_in(submission, scratch / "handed_in")
    (scratch / "room").mkdir()
    sandbox = Sandbox(scratch / "room", settings.data_directory, RECORDER, handed_in, settings.bounds)
    message_key = secrets.token_hex(16)
    process = level.open(sandbox, _command(level.places(sandbox), submission, settings, message_key))
    try:
        return asyncio.run(_NotebookRun(submission, process, message_key, settings, on_progress).to_the_end())
    except BaseException as ended:
        process.discard()
        if isinstance(ended, Stopped):
            raise KeyboardInterrupt from None
        raise


# ------------------------------------------------------------------ the sandbox


def _handed_in(submission: Submission, folder: Path) -> Path | None:
    """A folder with copies of the files beside the notebook, which every user may read; None when there are none."""
    for companion in submission.ref.companions:
        source, target = submission.ref.root / companion, folder / companion
        if source.is_file() and not source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    if not folder.is_dir():
        return None
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _command(places: Places, submission: Submission, settings: RunSettings, message_key: str) -> Command:
    name = submission.ref.source.name
    for_recorder = {
        "evidence": str(places.evidence),
        "argv": [name],
        "file": str(places.work / name) if submission.is_script else "",
        "output_bytes": settings.output_mib << 20,
        "figures": FIGURES,
        "trainer": str(places.sockets / TRAINER_SOCKET) if settings.trainer else "",
    }
    files = {
        places.sockets / "settings.json": json.dumps(for_recorder),
        places.sockets / "connection.json": json.dumps(connection_info(places.sockets, message_key)),
    }
    recorder, kernel = map(str, files)
    arguments = (
        sys.executable,
        "-P",
        "-m",
        f"{PACKAGE}.recorder",
        recorder,
        "-f",
        kernel,
        "--HistoryManager.hist_file=:memory:",
    )
    return Command(arguments, _environment(places), files, None if _sets_up(submission) else settings.zygote)


_SET_UP = re.compile(
    r"\b(TF_(?!CPP_|ENABLE_ONEDNN|NUM_INT)|KERAS_(BACKEND|HOME)|XLA_|OMP_|MKL_|OPENBLAS_|MPL[A-Z]|MATPLOTLIBRC)"
)


def _sets_up(submission: Submission) -> bool:
    """Whether it may set what libraries read when they are imported: then none may be imported before."""
    files = {path.name for path in submission.ref.companions}
    return "matplotlibrc" in files or any(_SET_UP.search(cell.source) for cell in submission.cells)


def _environment(places: Places) -> dict[str, str]:
    """All that student code finds in its environment; nothing is inherited but where programs are."""
    nowhere = "http://127.0.0.1:9"  # programs that student code starts fail at once instead of waiting for a network
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "HOME": str(places.home),
        "USER": "student",
        "TMPDIR": str(places.temporary),
        "PYTHONPATH": str(places.recorder),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": str(places.home / ".ipython"),
        "JUPYTER_RUNTIME_DIR": str(places.temporary),
        "KERAS_HOME": str(places.keras),
        "KERAS_BACKEND": "tensorflow",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(places.home / ".matplotlib"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        **SETTINGS,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "no_proxy": "localhost,127.0.0.1,::1",
        **host.environment(),
    }


# ------------------------------------------------------------------ the notebook


def _notebook(submission: Submission) -> NotebookNode:
    """The submitted cells without what was stored with them."""
    make: dict[CellKind, Callable[..., NotebookNode]] = {
        CellKind.CODE: new_code_cell,
        CellKind.MARKDOWN: new_markdown_cell,
        CellKind.RAW: new_raw_cell,
    }
    cells = [make[cell.kind](cell.source, id=f"cell-{cell.index}") for cell in submission.cells]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook: NotebookNode = new_notebook(cells=cells, metadata=metadata)
    return notebook


class _NotebookRun:
    """One run: the cells so far, the faults so far."""

    def __init__(
        self,
        submission: Submission,
        process: SandboxProcess,
        message_key: str,
        settings: RunSettings,
        on_progress: Callable[[Progress], None],
    ) -> None:
        """`process` waits in its sandbox to become the kernel, whose messages are signed with `message_key`."""
        self._process = process
        self._message_key = message_key
        self._settings = settings
        self._on_progress = on_progress
        self._notebook = _notebook(submission)
        self._submission = submission
        code = (cell for cell in submission.cells if cell.kind is CellKind.CODE and cell.source.strip())
        self._todo = [cell for cell in code if not cell.skipped]
        self._cells: list[CellRun] = []
        self._faults: list[Fault] = []
        self._clock = time.monotonic()
        self._record_key = secrets.token_hex(16)
        self._kernel: Kernel | None = None
        self._over = False
        """Whether the kernel is gone or the time is up."""
        self._limits = {
            FaultKind.TIMEOUT: settings.notebook_s,
            FaultKind.MEMORY: settings.bounds.memory_mib,
            FaultKind.DISK: settings.bounds.disk_mib,
            FaultKind.OUTPUT_FLOOD: settings.output_mib,
        }

    async def to_the_end(self) -> RunResult:
        self._on_progress(Progress("starting", 0.0))
        settings = self._settings
        kernel_of = (self._notebook, self._process, self._message_key, settings.bounds, settings.output_mib)
        async with Kernel(*kernel_of, settings.stop, self._answer if settings.trainer else None) as kernel:
            self._kernel = kernel
            kernel.kc.record_key = self._record_key
            self._clock = time.monotonic()
            for number, cell in enumerate(self._todo):
                if self._over:
                    self._cells.append(CellRun(cell.index, CellStatus.NOT_RUN, 0.0, error=_MISSING))
                    continue
                self._on_progress(Progress(f"cell {number + 1} of {len(self._todo)}", number / len(self._todo)))
                await self._run_cell(kernel, cell)
        _make_valid(self._notebook)
        return RunResult(
            self._notebook,
            tuple(self._cells),
            tuple(self._faults),
            self._seconds,
            self._process.evidence,
            self._process.level,
            self._process.discard,
            self._record_key,
            frozenset(kernel.trainer_connection.trained if kernel.trainer_connection else ()),
        )

    def _answer(self, connected: socket.socket) -> TrainerConnection:
        """What answers the kernel's recipes over a connection to it."""
        assert self._settings.trainer is not None
        return TrainerConnection(connected, self._settings.trainer, _unlimited(self._settings.notebook_s))

    @property
    def _seconds(self) -> float:
        """Since the kernel was ready, without what it waited for the trainer."""
        waited = self._kernel.waited_s if self._kernel is not None else 0.0
        return round(time.monotonic() - self._clock - waited, 3)

    async def _run_cell(self, kernel: Kernel, cell: Cell) -> None:
        settings = self._settings
        started = self._seconds
        left = _unlimited(settings.notebook_s) - started
        limit = min(left, _unlimited(settings.cell_s))
        status = CellStatus.NOT_RUN
        try:
            status = await kernel.run_cell(cell.index, max(0.0, limit))
        except KernelGone as gone:
            self._over = True
            status = CellStatus.TIMEOUT if gone.kind is FaultKind.CELL_TIMEOUT else CellStatus.ERROR
            if gone.kind is not FaultKind.CELL_TIMEOUT:
                self._note(gone.kind, cell.index)
            if gone.kind is FaultKind.OUTPUT_FLOOD:
                self._note_death(cell.index, _FLOODED)
        if status is CellStatus.TIMEOUT:
            self._note_timeout(cell.index, limit, whole=limit == left)
        elif status is CellStatus.ERROR and kernel.reply is not None and not self._over:
            name, value = (str(kernel.reply.get(key, "")) for key in ("ename", "evalue"))
            raised = faults.fault_of(name, value, cell.index, self._seconds, settings.bounds)
            if raised is None:
                status = CellStatus.OK
            else:
                more = hints.hint(name, value, cell.index, self._submission, self._cells)
                message = f"{raised.message.rstrip('.')}. {more}" if more else raised.message
                self._faults.append(replace(raised, message=message))
        known = {fault.kind for fault in self._faults}
        if not self._over and self._process.disk_full() and FaultKind.DISK not in known:
            self._note(FaultKind.DISK, cell.index)  # also where the student's code makes do without the file
        self._note_recorded(kernel, cell.index)
        seconds = self._seconds - started
        self._cells.append(_cell_run(cell.index, status, seconds, self._notebook.cells[cell.index], kernel))

    def _note(self, kind: FaultKind, cell: int) -> None:
        """A fault whose sentence names a limit of the run, or nothing."""
        self._faults.append(faults.fault(kind, cell, self._seconds, self._limits.get(kind, "")))

    def _note_death(self, cell: int, why: str) -> None:
        self._faults.append(Fault(FaultKind.KERNEL_DIED, cell, why, self._seconds))

    def _note_timeout(self, cell: int, limit_s: float, *, whole: bool) -> None:
        """`whole`: the notebook's time was up, not only the cell's."""
        if whole:
            self._over = True
            self._note(FaultKind.TIMEOUT, cell)
            return
        self._faults.append(faults.fault(FaultKind.CELL_TIMEOUT, cell, self._seconds, limit_s))
        if self._over:
            self._note_death(cell, _DEAF)

    def _note_recorded(self, kernel: Kernel, cell: int) -> None:
        """Faults that the recorder told of, and too much output."""
        known = {fault.message for fault in self._faults if fault.cell == cell}
        for fault in _recorded(kernel.notes, cell, self._seconds):
            if fault.names or fault.message not in known:
                self._faults.append(fault)
        if kernel.flooded or any(note.get("fault") == FaultKind.OUTPUT_FLOOD for note in kernel.notes):
            self._note(FaultKind.OUTPUT_FLOOD, cell)


_NOTED = {
    FaultKind.MISSING_MODULE: ("module", faults.missing_module),
    FaultKind.MISSING_FILE: ("file", faults.missing_file),
    FaultKind.MISSING_MAGIC: ("magic", faults.missing_magic),
    FaultKind.CELL_ERROR: ("error", faults.failed_import),
}
"""What the recorder tells of: by the kind, which of the note's facts names it, and the fault that it is."""


def _recorded(notes: list[dict[str, Any]], cell: int, seconds: float) -> Iterator[Fault]:
    """The faults of what a cell went on without, each once, with the names that it lacks; notes may say anything."""
    lacking: dict[tuple[FaultKind, str], dict[str, None]] = {}
    for note in notes:
        for kind, (what, _) in _NOTED.items():
            if note.get("fault") == kind:
                names = lacking.setdefault((kind, str(note.get(what, ""))), {})
                names.update({str(note["name"])[:200]: None} if "name" in note else {})
    for (kind, what), names in lacking.items():
        yield replace(_NOTED[kind][1](what, cell, seconds), names=tuple(names))


def _make_valid(notebook: NotebookNode) -> None:
    """Without its outputs where forged messages made a notebook of it that no reader would open."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None


def _unlimited(seconds: float) -> float:
    """A limit of 0 or less means none."""
    return seconds if seconds > 0 else float("inf")


def _cell_run(index: int, status: CellStatus, seconds: float, cell: NotebookNode, kernel: Kernel) -> CellRun:
    reply: dict[str, Any] = kernel.reply or {}
    failed = status in {CellStatus.ERROR, CellStatus.TIMEOUT} and reply.get("status") == "error"
    lines = reply.get("traceback") if failed else None
    trace = without_machine(without_sequences("\n".join(map(str, lines)))) if isinstance(lines, list) else ""
    for output in cell.outputs:
        tidy(output)
    run = CellRun(index, status, round(seconds, 3), printed=printed(cell.outputs))
    if not failed:
        return run
    error = faults.first_line(f"{reply.get('ename', '')}: {reply.get('evalue', '')}", 1000)
    return replace(run, error=error, traceback=trace if len(trace) <= _TRACEBACK else "…" + trace[-_TRACEBACK:])
