"""What passes from stage to stage: frozen records, in the order in which the stages make them.

Everything here is plain data. `Submission` comes from intake, `Evidence` from a run, `Verdict` from
a check, `Grade` from scoring. A record refers to student code by `Place`, and to arrays by what they
were recognised to be (`DataRef`), never by value.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

EVIDENCE_FORMAT = 1
"""Format version of a stored `Evidence`; raised whenever a stored one could be read wrongly."""

RESULTS_SCHEMA_VERSION = "1.1"
"""Version of `results.json`; the minor part is raised by additions."""


# ------------------------------------------------------------------ intake: find, read, label


@dataclass(frozen=True, slots=True)
class SubmissionRef:
    """A submission that was found, not yet read."""

    id: str
    """Unique in a run and safe as a folder name."""
    name: str
    """How it was handed in (folder or file name), for people."""
    source: Path
    """The notebook or script to grade; the folder itself where it holds none."""
    root: Path
    """The folder whose other files were handed in with it (equals `source.parent` or the student folder)."""
    companions: tuple[Path, ...] = ()
    """Files handed in with it, relative to `root`, that its code may want to read or import."""
    ignored: tuple[str, ...] = ()
    """Other notebooks and scripts in the same student folder that were not graded."""
    chosen: str = ""
    """What was taken instead of them and why: 'v2/ps10.ipynb, the later version'; '' where there was no choice."""
    sha256: str = ""
    """Of the source's bytes, then of each companion's name and digest; empty where there is none."""
    origin: str = ""
    """The source as a reader of the report knows it: the path as given, 'class.zip/ada/ps10.ipynb' in an archive."""
    participant: str = ""
    """The number by which the learning platform knows the student ('1234567' in Moodle's folder names)."""


class CellKind(enum.StrEnum):
    CODE = "code"
    MARKDOWN = "markdown"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it was submitted, without its outputs."""

    index: int
    """0-based position in the submitted notebook; for a script, in its cells as `read` cut them."""
    kind: CellKind
    source: str
    tags: tuple[str, ...] = ()
    nbgrader_id: str = ""
    first_line: int = 1
    """1-based line of the cell's first line in a script; always 1 in a notebook."""
    skipped: str = ""
    """Why a code cell does not run, as its author wants it ('frozen'); '' where it does."""
    locked: bool = False
    """Whether nobody is meant to change it, as the course, or perhaps its author, said."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where student code did something."""

    cell: int | None = None
    line: int | None = None
    """1-based line in the cell of the innermost student frame."""
    stack: tuple[tuple[int, int], ...] = ()
    """(cell, line) of every student frame, innermost first: a function's body, then who called it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture or scan that was handed in, perhaps of work on paper."""

    name: str
    """As it is written: of the file or attachment; 'embedded:0' for the first whose bytes stand in the cell itself."""
    place: Place
    """Where it is shown; nowhere for a file that lies beside the notebook."""
    caption: str = ""
    remote: bool = False
    """Whether it lies on the net, where nobody looks."""
    beside: bool = False
    """Whether it is a file that no cell mentions."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission that was read; of its cells none has run."""

    ref: SubmissionRef
    cells: tuple[Cell, ...]
    language: str = "python"
    is_script: bool = False
    notes: tuple[str, ...] = ()
    """What a reader should know of how it was read, for instance 'converted from nbformat 3'."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A submission that no run can be made of."""

    ref: SubmissionRef
    reason: str
    """One sentence: what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a cell that belong to one task (lines are 1-based and inclusive)."""

    cell: int
    first_line: int
    last_line: int
    task: str
    """A task id of the rubric such as '1c', or a whole problem such as '1'."""
    source: str
    """What said so: 'tag', 'nbgrader', 'heading', 'comment' or 'inherited' (from an earlier cell)."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Which lines belong to which task."""

    spans: tuple[Span, ...] = ()

    def task_at(self, cell: int | None, line: int | None = None) -> str | None:
        """The task of a line, or of a cell where all its lines belong to one; None when unlabelled."""
        if cell is None:
            return None
        here = [s for s in self.spans if s.cell == cell]
        if line is not None:
            for span in here:
                if span.first_line <= line <= span.last_line:
                    return span.task
            return None
        tasks = {s.task for s in here}
        return tasks.pop() if len(tasks) == 1 else None

    def tasks_at(self, cell: int, line: int) -> frozenset[str]:
        """All tasks of a line: 'a, b' in a heading names two."""
        return frozenset(s.task for s in self.spans if s.cell == cell and s.first_line <= line <= s.last_line)

    def of(self, task: str) -> tuple[Span, ...]:
        return tuple(s for s in self.spans if s.task == task)


# ------------------------------------------------------------------ evidence: what a run left


@dataclass(frozen=True, slots=True)
class DataRef:
    """What an array that student code used was recognised to be.

    Pixel value v in 0…255 became lo + v / 255 · (hi − lo) when `exact`; `None` bounds mean unknown.
    """

    kind: str
    """'images', 'labels' or 'unknown'."""
    shape: tuple[int, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    train_rows: int = 0
    """How many of its rows are (distinct or not) rows of the official training set."""
    test_rows: int = 0
    unknown_rows: int = 0
    start: int | None = None
    """First official row when the rows are one contiguous run in official order."""
    stop: int | None = None
    exact: bool = False
    """Every recognised row is an affine map of the official pixels, the same for all."""
    lo: float | None = None
    hi: float | None = None
    encoding: str = ""
    """Labels: 'integer' or 'one_hot'."""
    digest: str = ""
    """Content digest: equal digests are equal arrays."""

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def is_train(self) -> bool:
        """Consists of official training items only."""
        return self.train_rows == self.rows > 0

    @property
    def is_test(self) -> bool:
        return self.test_rows == self.rows > 0


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a network, as Keras described it."""

    kind: str
    """Keras class name: 'Dense', 'Conv2D', 'MaxPooling2D', 'Flatten', 'Activation', …"""
    name: str
    config: dict[str, object]
    """The JSON-ready entries of the layer's `get_config()`: units, activation, filters, kernel_size, …"""
    output_shape: tuple[int | None, ...] | None
    """Without the batch axis; None when never built."""
    params: int | None
    trainable_params: int | None
    weights: int = 0
    """How many weight arrays it owns, in the order of `model.get_weights()`."""
    stock: bool = True
    """Whether it is a class of Keras itself, not one of the student's."""
    inbound: tuple[int, ...] = ()
    """Positions of the layers it takes its inputs from; -1 is the model's input."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network without its weights."""

    style: str
    """'sequential', 'functional', 'subclassed'."""
    layers: tuple[Layer, ...]
    input_shape: tuple[int | None, ...] | None
    """Without the batch axis; None when never built."""
    params: int | None
    trainable_params: int | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """What `compile` was called with."""

    place: Place
    optimizer: str
    """Class name: 'SGD', 'Adam', …"""
    learning_rate: float | None
    """None for a schedule; see `optimizer_config`."""
    optimizer_config: dict[str, object]
    loss: str
    """Canonical snake-case name: 'sparse_categorical_crossentropy', 'mean_squared_error', …; 'custom' otherwise."""
    from_logits: bool
    metrics: tuple[str, ...]
    """Canonical names: 'accuracy', 'sparse_categorical_accuracy', …"""
    unreadable: tuple[str, ...] = ()
    """Those of these facts that the recorder could not read; what stands for them says nothing."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Accuracies measured outside the kernel on the official data; None with the reason why not."""

    test_accuracy: float | None
    train_accuracy: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Training:
    """One call of `fit`."""

    id: str
    network: str
    """`Network.id`"""
    place: Place
    number: int
    """0 for the network's first training, 1 for one that continues it, …"""
    architecture: Architecture
    """As it was when `fit` was called."""
    compiled: Compiled
    """As it was when `fit` was called; the rate is the optimizer's at that moment."""
    epochs: int
    """Epochs asked for (`epochs - initial_epoch`)."""
    epochs_done: int
    batch_size: int | None
    x: DataRef | None
    y: DataRef | None
    validation_x: DataRef | None
    validation_y: DataRef | None
    validation_split: float
    history: dict[str, tuple[float, ...]]
    duration_s: float
    error: str = ""
    """'ValueError: …' when it raised."""
    weights: str = ""
    """Name of the stored weights after it, '' when none."""
    weights_digest: str = ""
    verified: Verified | None = None
    labels_match: bool | None = None
    """Whether labels and images are the same official rows in the same order; None when unknown."""
    given: bool = False
    """Whether the weights that it started from were put in, and come from no training or draw of this run."""
    shared: bool = False
    """Whether the grader's trainer did it, for all who ask for the same."""
    not_shared: str = ""
    """Why the kernel did it itself, as the kernel says; a part of a sentence."""
    unreadable: tuple[str, ...] = ()
    """Those of these facts that the recorder could not read; what stands for them says nothing."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network that student code built."""

    id: str
    place: Place
    """Where it was created (built by `Sequential(...)`, `Model(...)`)."""
    architecture: Architecture
    """As it was at the end of the run."""
    compiled: tuple[Compiled, ...] = ()
    names: tuple[str, ...] = ()
    """Variables that held it after some cell."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One call of `evaluate`."""

    place: Place
    network: str
    x: DataRef | None
    accuracy: float | None
    """What the kernel returned: a claim."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One call of `predict`."""

    place: Place
    network: str
    x: DataRef | None
    labels: tuple[int, ...]
    """Arg max per row; empty when the output has no class axis."""
    rows: tuple[int, ...] = ()
    """Official row of each input row (of the test set when `x.is_test`), -1 unknown."""
    training: str = ""
    """The last `Training.id` of the network before it."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """A picture that was displayed."""

    place: Place
    source: str
    """'train', 'test' or 'unknown' (some other picture)."""
    row: int | None
    """Official row."""
    title: str = ""
    true_label: int | None = None
    """Official label; None for other pictures."""


@dataclass(frozen=True, slots=True)
class SmallArray:
    """A small numeric array (or nested list, tensor) that a variable held after a cell."""

    cell: int
    name: str
    values: tuple[tuple[float, ...], ...]
    """Two-dimensional."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number that a variable held after a cell."""

    cell: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """A call of `load_data`."""

    place: Place
    dataset: str


@dataclass(frozen=True, slots=True)
class ArrayState:
    """A large array that a variable held after a cell."""

    cell: int
    name: str
    data: DataRef


@dataclass(frozen=True, slots=True)
class Bridged:
    """A course-era idiom that today's Keras refuses and the bridge carried out."""

    place: Place
    idiom: str
    """For instance 'SGD(lr=…)'."""
    today: str
    """How it is written today: 'SGD(learning_rate=…)'."""


class FaultKind(enum.StrEnum):
    TIMEOUT = "timeout"
    CELL_TIMEOUT = "cell_timeout"
    MEMORY = "memory"
    DISK = "disk"
    OUTPUT_FLOOD = "output_flood"
    KERNEL_DIED = "kernel_died"
    CELL_ERROR = "cell_error"
    INPUT_REQUESTED = "input_requested"
    MISSING_FILE = "missing_file"
    MISSING_MODULE = "missing_module"
    MISSING_DEVICE = "missing_device"
    MISSING_MAGIC = "missing_magic"
    NETWORK_BLOCKED = "network_blocked"
    UNREADABLE = "unreadable"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that cut a cell or a run short, or that student code did to the record."""

    kind: FaultKind
    cell: int | None
    message: str
    """One sentence for the student."""
    seconds: float | None = None
    """When it struck, from the start of the run."""
    lacking: str = ""
    """What was not there: a package, a file, a magic; '' where the kind says it all."""
    names: tuple[str, ...] = ()
    """What a cell that went on without it would have bound; '*' for names that are not known."""


class CellStatus(enum.StrEnum):
    """How a cell ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class CellRun:
    """What a code cell did here."""

    cell: int
    status: CellStatus
    duration_s: float
    printed: str = ""
    """Standard output and text of displayed results, in order, cut to a bound; progress bars of `fit` removed."""
    error: str = ""
    """'NameError: name …' when it raised."""
    traceback: str = ""
    """Plain text, without terminal colours."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run left; the only input of matching and checking."""

    submission: Submission
    sandbox: str
    cells: tuple[CellRun, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    networks: tuple[Network, ...] = ()
    trainings: tuple[Training, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    shown: tuple[ShownImage, ...] = ()
    arrays: tuple[SmallArray, ...] = ()
    states: tuple[ArrayState, ...] = ()
    scalars: tuple[Scalar, ...] = ()
    bridged: tuple[Bridged, ...] = ()
    faults: tuple[Fault, ...] = ()
    unrecorded: tuple[str, ...] = ()
    """Why the record is not complete: what is not in it may have happened all the same."""
    duration_s: float = 0.0
    format: int = EVIDENCE_FORMAT


# ------------------------------------------------------------------ verdicts


class Outcome(enum.StrEnum):
    """What became of a criterion; NEEDS_REVIEW and ERRORED wait for a person."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    MISSING = "missing"
    BLOCKED = "blocked"
    NEEDS_REVIEW = "needs_review"
    ERRORED = "errored"


UNDECIDED = frozenset({Outcome.NEEDS_REVIEW, Outcome.ERRORED})
"""Outcomes whose points wait for a person."""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One line of an aligned layer table; '' where one side has no such layer."""

    expected: str
    actual: str
    expected_params: str
    """Arithmetic and result: '784·10 + 10 = 7850'."""
    actual_params: str
    same: bool


@dataclass(frozen=True, slots=True)
class LayerTable:
    """Two networks, layer by layer."""

    rows: tuple[LayerRow, ...]
    expected_total: str = ""
    actual_total: str = ""


@dataclass(frozen=True, slots=True)
class MatrixDiff:
    """An expected and an actual matrix, by rows."""

    expected: tuple[tuple[float, ...], ...]
    actual: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Per-epoch accuracies as the notebook recorded them, and what was verified."""

    train: tuple[float, ...]
    validation: tuple[float, ...]
    verified: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class PointToLookFor:
    text: str
    touched: bool


@dataclass(frozen=True, slots=True)
class Written:
    """An answer in words beside its reference."""

    answer: str
    """The student's text (Markdown source), '' when there is none."""
    reference: str
    """Reference answer (Markdown)."""
    look_for: tuple[PointToLookFor, ...] = ()
    looked_at: tuple[int, ...] = ()
    """Cells in which it was looked for."""


@dataclass(frozen=True, slots=True)
class OnPaper:
    """Pictures that may hold the answer, by their positions among those of the submission."""

    pictures: tuple[int, ...]


Detail = LayerTable | MatrixDiff | Curves | Written | OnPaper


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Points that a person may give."""

    points: float
    why: str


Cause = tuple[object, ...]
"""A mistake by what it is: its misconception or parameter, then what was asked for and what was done, as far as they
tell mistakes apart. Equal where the same mistake is made again, in whatever words it is told."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found; `share` of the criterion's points is earned."""

    criterion: str
    outcome: Outcome
    share: float
    message: str
    """One sentence a student understands."""
    expected: str = ""
    actual: str = ""
    misconceptions: tuple[str, ...] = ()
    follow_through: bool = False
    """Differs from what is asked for only because of a mistake that was charged before."""
    causes: tuple[Cause, ...] = ()
    """The mistakes that cost points here."""
    repeats: str = ""
    """The criterion that was charged first for a mistake that is made again here."""
    place: Place | None = None
    details: tuple[Detail, ...] = ()
    suggestion: Suggestion | None = None


# ------------------------------------------------------------------ grades


@dataclass(frozen=True, slots=True)
class CriterionGrade:
    verdict: Verdict
    points: float
    max_points: float


@dataclass(frozen=True, slots=True)
class TaskGrade:
    """A task of the rubric with what its criteria earned."""

    id: str
    title: str
    bonus: bool
    criteria: tuple[CriterionGrade, ...]

    @property
    def points(self) -> float:
        return round(sum(c.points for c in self.criteria), 2)

    @property
    def max_points(self) -> float:
        return round(sum(c.max_points for c in self.criteria), 2)

    @property
    def pending(self) -> float:
        """Points that wait for a person."""
        return sum(c.max_points for c in self.criteria if c.verdict.outcome in UNDECIDED)


class Status(enum.StrEnum):
    """What a grade rests on."""

    GRADED = "graded"
    FAULTED = "faulted"
    EMPTY = "empty"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Grade:
    """What a submission earned, in points, task by task."""

    ref: SubmissionRef
    status: Status
    faults: tuple[Fault, ...]
    tasks: tuple[TaskGrade, ...]
    score: float
    pending: float
    """Points of criteria that wait for a person."""
    max_score: float
    bonus: float
    pending_bonus: float
    max_bonus: float
    misconceptions: tuple[str, ...] = field(default=())
