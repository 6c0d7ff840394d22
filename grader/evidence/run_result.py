"""What a run hands over to be collected: what the kernel showed, and the recorder's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nbformat import NotebookNode

from grader.records import CellRun, Fault
from grader.wire.files import PinnedFolder


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run whose evidence is not read yet."""

    executed: NotebookNode
    """The submitted cells in their order, with the outputs they had here."""
    cells: tuple[CellRun, ...]
    """One per code cell that is not empty."""
    faults: tuple[Fault, ...]
    duration_s: float
    raw_evidence: PinnedFolder
    """The recorder's folder: events.jsonl, arrays/, weights/. Untrusted; everything that could write to it is dead."""
    sandbox: str
    discard: Callable[[], None]
    """To be called once the evidence is read: leaves nothing of the sandbox."""
    record_key: str = ""
    """Key of the hash chain over the record's lines (see `wire.hash_chain`)."""
    shared: frozenset[str] = frozenset()
    """Digests of the weights that the trainer handed to the kernel."""
