"""The recorder's events, format 1: what a line of `events.jsonl` may look like, and nothing else.

Strict: no conversions, no further keys. Lists are bounded by the line they stand in.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

RAW_FORMAT = 1

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,40}$")]
Count = Annotated[int, Field(ge=0, le=10**12)]
Shape = Annotated[list[Annotated[int, Field(ge=0, le=10**10)]], Field(max_length=16)]
PartShape = Annotated[list[Annotated[int, Field(ge=0, le=10**10)] | None], Field(max_length=16)]
Number = float | None
"""None where the kernel said NaN or an infinity."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class LayerFacts(_Strict):
    """A layer; as `records.Layer` has it."""

    kind: str
    name: str
    config: dict[str, Any]
    output_shape: PartShape | None
    params: Count | None
    trainable_params: Count | None
    weights: Count
    stock: bool
    inbound: list[Annotated[int, Field(ge=-1)]]


class ArchitectureFacts(_Strict):
    """A network without its weights; as `records.Architecture` has it."""

    style: Literal["sequential", "functional", "subclassed"]
    input_shape: PartShape | None
    params: Count | None
    trainable_params: Count | None
    layers: Annotated[list[LayerFacts], Field(max_length=2000)]


class CompileFacts(_Strict):
    """What `compile` was called with; as `records.Compiled` has it."""

    optimizer: str
    learning_rate: Number
    optimizer_config: dict[str, Any]
    loss: str
    from_logits: bool
    metrics: list[str]
    unreadable: list[str] = []
    """Facts among these whose reading raised."""


class _Event(_Strict):
    seq: Count
    cell: Annotated[int, Field(ge=0, le=10**6)] | None
    stack: Annotated[list[Annotated[list[Count], Field(min_length=2, max_length=2)]], Field(max_length=8)]


class Start(_Event):
    """The first event: who writes which format."""

    type: Literal["start"]
    format: int
    keras: str
    tensorflow: str


class Loaded(_Event):
    """A call of `load_data`."""

    type: Literal["loaded"]
    dataset: str


class Array(_Event):
    """What `wire.fingerprint` says of an array, and where the hashes of its rows are."""

    type: Literal["array"]
    digest: Digest
    shape: Shape
    dtype: str
    minimum: Number
    maximum: Number
    kind: Literal["images", "labels", "other"]
    lo: Number
    hi: Number
    encoding: Literal["", "integer", "one_hot"]
    file: Annotated[str, Field(pattern=r"^arrays/[A-Za-z0-9_]{1,40}\.npz$")] | None


class Architecture(_Event):
    """A network as it was created ('built') or as it was at the end of a cell ('final')."""

    type: Literal["built", "final"]
    network: Id
    architecture: ArchitectureFacts


class Compiled(_Event, CompileFacts):
    """A call of `compile`."""

    type: Literal["compiled"]
    network: Id


class Fit(_Event):
    """A call of `fit` that ended, with the network as it was when it began."""

    type: Literal["fit"]
    network: Id
    id: Id
    architecture: ArchitectureFacts
    compiled: CompileFacts
    epochs: Annotated[int, Field(ge=-(10**9), le=10**9)]
    epochs_done: Count
    batch_size: Count | None
    x: Digest | None
    y: Digest | None
    validation_x: Digest | None
    validation_y: Digest | None
    validation_split: float
    history: dict[str, list[Number]]
    duration_s: Annotated[float, Field(ge=0)]
    error: str
    weights: Annotated[str, Field(pattern=r"^(weights/[A-Za-z0-9_]{1,40}\.npz)?$")]
    initial: Literal["fresh", "continued", "given"]
    """Weights before it: as drawn, as an earlier training left them, or put in from elsewhere."""
    started_seq: Count
    shared: bool
    not_shared: str
    """Why the kernel trained it itself."""
    unreadable: list[str] = []
    """Facts among these whose reading raised."""


class Evaluate(_Event):
    """A call of `evaluate` that ended."""

    type: Literal["evaluate"]
    network: Id
    x: Digest | None
    y: Digest | None
    accuracy: Number


class Predict(_Event):
    """A call of `predict` that ended; its arg max per row is in the file `labels`."""

    type: Literal["predict"]
    network: Id
    x: Digest | None
    labels: Annotated[str, Field(pattern=r"^arrays/[A-Za-z0-9_]{1,40}\.npz$")] | None


class Shown(_Event):
    """Images that a figure displayed."""

    type: Literal["shown"]
    images: list[Digest]
    title: str


class Small(_Event):
    """A small numeric array that a variable held after a cell."""

    type: Literal["small"]
    name: str
    values: Annotated[list[Annotated[list[Number], Field(max_length=400)]], Field(max_length=400)]


class Scalar(_Event):
    """A number that a variable held after a cell."""

    type: Literal["scalar"]
    name: str
    value: Number


class State(_Event):
    """A large array that a variable held after a cell."""

    type: Literal["state"]
    name: str
    digest: Digest


class Name(_Event):
    """A variable that held a network after a cell."""

    type: Literal["name"]
    name: str
    network: Id


class Bridged(_Event):
    """An old idiom that was carried out as one of today."""

    type: Literal["bridged"]
    idiom: str
    today: str


class File(_Event):
    """A file of hashes, labels or weights, as it was written."""

    type: Literal["file"]
    name: Annotated[str, Field(pattern=r"^(arrays|weights)/[A-Za-z0-9_]{1,40}\.npz$")]
    digest: Digest


class Tampered(_Event):
    """Student code changed the recorder, or spoke in its name."""

    type: Literal["tampered"]
    what: str


class EndCell(_Event):
    """A cell ended by itself."""

    type: Literal["end_cell"]


Event = (
    Start | Loaded | Array | Architecture | Compiled | Fit | Evaluate | Predict | Shown | Small | Scalar | State | Name
    | Bridged | File | Tampered | EndCell
)  # fmt: skip

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
