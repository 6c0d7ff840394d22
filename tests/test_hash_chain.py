"""Lines and files that the recorder did not write are known; what student code does to the recorder is noticed."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_evidence import Recording

from grader.evidence import events
from grader.evidence.decode import Changed, Doubt, decode, read_weights
from grader.recorder import hooks, record, tampering
from grader.recorder.hooks import wrap
from grader.recorder.record import Recorder
from grader.recorder.tampering import TamperDetector
from grader.wire.files import PinnedFolder
from grader.wire.hash_chain import HashChain

KEY = "00112233445566778899aabbccddeeff"
LINES = [b'{"a": 1}', b'{"b": 2}', b'{"c": "x"}', b"{}"]


def chained(lines: list[bytes]) -> list[bytes]:
    chain, done = HashChain(KEY), []
    for line in lines:
        done.append(chain.closed(line))
        chain.kept(line)
    return done


# ------------------------------------------------------------------ the chain


def test_a_chained_line_is_still_json() -> None:
    assert [len(json.loads(line)["seal"]) for line in chained(LINES)[:3]] == [32] * 3


def test_chained_lines_are_opened() -> None:
    chain = HashChain(KEY)
    assert [chain.opened(line) for line in chained(LINES)] == LINES


def test_another_key_opens_nothing() -> None:
    chain = HashChain("ff" * 16)
    assert [chain.opened(line) for line in chained(LINES)] == [None] * 4


def test_a_foreign_line_disturbs_none_of_the_others() -> None:
    chain, lines = HashChain(KEY), chained(LINES)
    foreign = [b"", b"{}", b'{"seal": "' + b"0" * 32 + b'"}', lines[2], HashChain("ff" * 16).closed(LINES[1])]
    assert [chain.opened(line) for line in (lines[0], *foreign, lines[1])] == [LINES[0], *[None] * 5, LINES[1]]


def test_a_line_that_is_gone_is_missed_by_all_that_follow() -> None:
    lines = chained(LINES)
    chain = HashChain(KEY)
    assert [chain.opened(line) for line in (lines[0], lines[2], lines[3])] == [LINES[0], None, None]


@given(st.integers(0, 3), st.integers(0, 60), st.integers(1, 255))
def test_any_changed_byte_is_noticed(number: int, at: int, difference: int) -> None:
    lines = chained(LINES)
    changed = bytearray(lines[number])
    changed[at % len(changed)] ^= difference
    chain = HashChain(KEY)
    for line in lines[:number]:
        chain.opened(line)
    assert chain.opened(bytes(changed)) is None


# ------------------------------------------------------------------ chained records


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    made = Recorder(tmp_path / "raw")
    made.hash_chain = HashChain(KEY)
    return made


def forge(recorder: Recorder, line: bytes) -> None:
    with (recorder.folder / "events.jsonl").open("ab") as file:
        file.write(line + b"\n")


def test_only_chained_lines_are_events(recorder: Recorder) -> None:
    recorder.emit("loaded", dataset="fashion_mnist")
    forge(recorder, b'{"seq": 1, "type": "end_cell", "cell": 0, "stack": []}')
    forge(recorder, b"not even JSON")
    recorder.emit("end_cell")
    recorder.close()
    raw = decode(PinnedFolder(recorder.folder), KEY)
    assert [event.type for event in raw.events] == ["loaded", "end_cell"]
    assert [(p.message, p.doubt) for p in raw.problems] == [
        ("Line 2 of the record was not written by the recorder.", Doubt.FORGED),
        (f"{raw.problems[1].message}", Doubt.DAMAGED),
    ]
    assert len(decode(PinnedFolder(recorder.folder)).events) == 2  # without the key, the same number is out of order


def test_endless_foreign_lines_cost_nothing(recorder: Recorder) -> None:
    forge(recorder, b'{"seq": 1}\n' * 100_000)
    recorder.emit("end_cell")
    recorder.close()
    raw = decode(PinnedFolder(recorder.folder), KEY)
    assert [event.type for event in raw.events] == ["end_cell"]
    assert len(raw.problems) == 50


def test_files_are_those_that_were_written(recorder: Recorder) -> None:
    digest = recorder.array(np.arange(64) % 10)
    assert recorder.save("weights/t1.npz", {"w0": np.zeros(3)})
    recorder.close()
    raw = decode(PinnedFolder(recorder.folder), KEY)
    assert raw.problems == ()
    assert raw.arrays[str(digest)].values is not None
    assert [w.shape for w in read_weights(PinnedFolder(recorder.folder), "weights/t1.npz", raw.files)] == [(3,)]

    for name in ("weights/t1.npz", f"arrays/{digest}.npz"):
        np.savez(recorder.folder / name, w0=np.ones(3))
    with pytest.raises(Changed, match="not as the recorder wrote it"):
        read_weights(PinnedFolder(recorder.folder), "weights/t1.npz", raw.files)
    changed = decode(PinnedFolder(recorder.folder), KEY)
    assert [problem.doubt for problem in changed.problems] == [Doubt.FORGED]
    assert changed.arrays[str(digest)].values is None


def test_labels_of_predictions_are_those_that_were_written(recorder: Recorder) -> None:
    recorder.save("arrays/p1.npz", {"labels": np.arange(3, dtype=np.int16)})
    recorder.emit("predict", network="n1", x=None, labels="arrays/p1.npz")
    recorder.emit("predict", network="n1", x=None, labels="arrays/p2.npz")
    recorder.close()
    np.savez(recorder.folder / "arrays/p2.npz", labels=np.arange(3, dtype=np.int16))
    raw = decode(PinnedFolder(recorder.folder), KEY)
    assert raw.predicted == {"arrays/p1.npz": (0, 1, 2)}
    assert [problem.doubt for problem in raw.problems] == [Doubt.FORGED]


def test_a_line_that_a_full_disk_cut_short_is_damage_only(recorder: Recorder) -> None:
    class Full:
        """Takes 20 bytes once, then is a file again."""

        def __init__(self, file: Any) -> None:
            self.file, self.taken = file, False

        def write(self, data: bytes) -> int:
            if self.taken:
                return int(self.file.write(data))
            self.taken = True
            return int(self.file.write(data[:20]))

        def close(self) -> None:
            self.file.close()

    recorder._events = Full(recorder._events)  # type: ignore[assignment]
    recorder.emit("loaded", dataset="fashion_mnist")
    recorder.emit("end_cell")
    recorder.close()
    raw = decode(PinnedFolder(recorder.folder), KEY)
    assert [event.type for event in raw.events] == ["end_cell"]
    assert [problem.doubt for problem in raw.problems] == [Doubt.DAMAGED]


# ------------------------------------------------------------------ who does what to the recorder


@pytest.fixture
def detector(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> TamperDetector:
    monkeypatch.setattr(tampering, "HOOKS", replaced := {})
    monkeypatch.setattr(hooks, "HOOKS", replaced)
    return TamperDetector(recorder)


def reported(watching: TamperDetector) -> list[str]:
    watching.report_changes()
    watching._recorder.close()
    raw = decode(PinnedFolder(watching._recorder.folder), KEY)
    return [event.what for event in raw.events if isinstance(event, events.Tampered)]


def test_nothing_changed_is_nothing_reported(detector: TamperDetector) -> None:
    assert reported(detector) == []


def test_events_that_other_code_tells_are_not_written(detector: TamperDetector) -> None:
    detector._recorder.emit("fit", [], epochs=3)
    detector._recorder.array(np.array([0.5]))
    hooks.quietly(detector._recorder.emit)("predict", [])
    assert reported(detector) == [
        f"other code told the recorder of an event, '{kind}'" for kind in ("fit", "array", "predict")
    ]


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (Recorder, "save", "the recorder's Recorder.save"),
        (record, "plain", "the recorder's plain"),
        (tampering, "_name", "the recorder's _name"),
        (np, "savez", "numpy.savez"),
        (json, "dumps", "json.dumps"),
    ],
)
def test_what_is_replaced_is_told_once(
    detector: TamperDetector, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, said: str
) -> None:
    monkeypatch.setattr(owner, name, functools.partial(getattr(owner, name)))
    detector.report_changes()
    assert reported(detector) == [f"{said} was replaced"]


def test_changed_code_and_shadowed_methods_are_told(detector: TamperDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    code = record.plain.__code__
    monkeypatch.setattr(record.plain, "__code__", (lambda value: value).__code__)
    detector._recorder.bridged = lambda *_: None  # type: ignore[method-assign]
    detector.report_changes()
    record.plain.__code__ = code
    assert reported(detector) == ["the recorder's plain was replaced", "the recorder's Recorder.bridged was replaced"]


def test_hooks_on_keras_classes_are_watched_and_others_are_not(detector: TamperDetector) -> None:
    def method(self: Any) -> int:
        return 1

    methods = {"fit": method, "compile": method, "call": method}
    trainer = type("Trainer", (), {"__module__": "keras.src.trainers.trainer", **methods})
    model = type("Model", (trainer,), {"__module__": "keras.src.models.model", "__init__": method})
    own = type("Own", (model,), {"__module__": "__main__", "fit": method})
    for owner, name in ((trainer, "fit"), (trainer, "compile"), (model, "__init__"), (own, "call")):
        wrap(owner, [name], functools.partial(functools.partial))
    detector.report_changes()
    own.fit = own.call = trainer.call = trainer.fit = method  # type: ignore[attr-defined]
    model.compile = method  # type: ignore[attr-defined]
    assert sorted(reported(detector)) == [f"keras' {name} was replaced" for name in ("Model.compile", "Trainer.fit")]


# ------------------------------------------------------------------ and what becomes of it


def test_a_record_is_written_alike_with_and_without_a_hash_chain(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "raw")
    recording.event("end_cell")
    assert [event.type for event in decode(PinnedFolder(recording.folder)).events] == ["start", "end_cell"]
    assert decode(PinnedFolder(recording.folder)).files is None
    assert decode(PinnedFolder(recording.folder), KEY).events == ()
