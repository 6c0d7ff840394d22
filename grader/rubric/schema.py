"""The rubric: what is asked, what it is worth, and which check decides it. Pydantic, exported as JSON Schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]


class Strict(BaseModel):
    """A record of a file in which no unknown field may stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Strict):
    """Per notebook; every entry can be overridden on the command line."""

    notebook_s: float = Field(default=1800, gt=0, description="Wall clock of a notebook, seconds.")
    cell_s: float = Field(default=600, gt=0, description="Wall clock of a cell, seconds.")
    memory_mib: int = Field(default=4096, gt=0, description="Memory of a notebook with its processes, MiB.")
    output_mib: int = Field(default=50, gt=0, description="Output of a notebook, MiB.")
    disk_mib: int = Field(default=512, gt=0, description="Files that a notebook writes, MiB.")
    processes: int = Field(default=512, gt=0, description="Processes and threads of a notebook at a time.")
    open_files: int = Field(default=4096, gt=0, description="Files that a process of a notebook has open.")


class NetworkSlot(Strict):
    """A network that the problem set asks for; matching assigns what the student trained to these."""

    id: str
    task: str = Field(description="The task under which it is trained ('1f').")
    also: list[str] = Field(default_factory=list, description="Other tasks whose code belongs to it ('1c', '1e').")
    expects: str = Field(description="Name in the reference's `networks`.")
    may_reuse: list[str] = Field(
        default_factory=list, description="Slots whose network may answer this one too when nothing else does."
    )


class Step(Strict):
    """A line of the guide for marking an answer in words. Points of all steps that hold add up, to the criterion's."""

    text: str = Field(description="What the answer says, in a few words.")
    points: float = Field(default=0, ge=0, description="What it earns; 0 for what is no answer.")
    at_most: float | None = Field(None, ge=0, description="Where it holds, the whole answer earns no more than this.")
    any_of: list[str] = Field(default_factory=list, description="Ids of the reference's points: one is enough.")
    all_of: list[str] = Field(default_factory=list, description="Points that are all needed.")
    none_of: list[str] = Field(default_factory=list, description="Points with which it does not hold.")

    @property
    def names(self) -> tuple[str, ...]:
        """The points that it is earned by."""
        return (*self.any_of, *self.all_of)


class Criterion(Strict):
    id: str
    title: str = Field(description="What earns the points, in a few words.")
    check: str = Field(description="Name of a registered check, for instance 'model.layers'.")
    points: float = Field(gt=0)
    network: str = Field(default="", description="The network slot that it is about.")
    expects: str = Field(default="", description="Name of the expected value in the reference.")
    options: dict[str, JsonValue] = Field(default_factory=dict, description="Settings of the check.")
    follow_through: float | None = Field(
        None, ge=0, le=1, description="Share earned by following through; default: the rubric's."
    )
    messages: dict[str, str] = Field(
        default_factory=dict, description="Outcome → sentence that replaces the check's own."
    )
    steps: list[Step] = Field(
        default_factory=list, description="The guide for marking an answer in words; staff page only."
    )
    guidance: str = Field(default="", description="What graders should know besides; staff page only.")


class Task(Strict):
    id: str
    title: str
    bonus: bool = False
    criteria: list[Criterion] = Field(min_length=1)


class Misconception(Strict):
    title: str
    help: str = Field(description="What the student should understand, one or two sentences.")


class Rubric(Strict):
    id: str
    version: str
    title: str
    reference: str = Field(description="Package under `reference/` with the expected values.")
    calibration: str = Field(default="", description="File beside the rubric with accuracies of real runs.")
    follow_through: float = Field(
        default=0.5, ge=0, le=1, description="Share earned by what is right but for an earlier mistake."
    )
    repeated: float = Field(
        default=0.5, ge=0, le=1, description="Share of its cost that a mistake costs where it is made again."
    )
    reveal_reference: bool = Field(default=False, description="Whether students see the reference answers.")
    claim_tolerance: float = Field(description="Distance of a stated accuracy from the verified one that still agrees.")
    limits: Limits = Limits()
    networks: list[NetworkSlot]
    tasks: list[Task] = Field(min_length=1)
    misconceptions: dict[Slug, Misconception]
