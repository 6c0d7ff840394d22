"""What a kernel left is doubted byte by byte, and stored as what it was found to be."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_evidence import COMPILED, DENSE, Recording, small_official

from grader.datasets.identification import Identifier
from grader.errors import EvidenceError
from grader.evidence import collect, events, store
from grader.evidence import decode as decoding
from grader.evidence.claims import contradiction
from grader.evidence.decode import Doubt, decode, read_weights
from grader.recorder.record import Recorder
from grader.records import (
    Cell,
    CellKind,
    CellRun,
    CellStatus,
    DataRef,
    Evidence,
    Fault,
    FaultKind,
    Submission,
    SubmissionRef,
    Unreadable,
    Verified,
)
from grader.rubric.schema import Limits
from grader.wire.files import PinnedFolder, Rejected
from grader.wire.hash_chain import HashChain
from grader.wire.json_lines import parse_line
from grader.wire.npz import read_npz, write_npz

SUBMISSION = Submission(
    SubmissionRef("ada", "ada", Path("ada/ps10.ipynb"), Path("ada"), sha256="5" * 64),
    tuple(Cell(i, CellKind.CODE, f"cell {i}") for i in range(5)),
)
LIMITS = Limits()


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path / "raw")


def doubts(folder: Path) -> list[Doubt]:
    return [problem.doubt for problem in decode(PinnedFolder(folder)).problems]


# ------------------------------------------------------------------ what is right is taken as it is


def test_an_honest_record_has_no_problems(recording: Recording) -> None:
    (train_x, train_y), _ = small_official()
    x, y = recording.array(train_x / 255), recording.array(train_y)
    recording.event("built", network="n1", architecture=DENSE)
    recording.fit(weights=[np.zeros((784, 10), np.float32), np.zeros(10, np.float32)], x=x, y=y)
    np.savez(recording.folder / "arrays/p1.npz", labels=np.arange(300, dtype=np.int16))
    recording.event("predict", network="n1", x=x, labels="arrays/p1.npz")
    recording.event("shown", images=[recording.array(train_x[:1])], title="Ankle boot")
    recording.event("small", name="KxIA", values=[[0, -4.0, None]])
    recording.event("end_cell")
    raw = decode(PinnedFolder(recording.folder))
    assert raw.problems == ()
    assert raw.ended_cells == {1}
    assert [event.type for event in raw.events] == ["start", "built", "fit", "predict", "shown", "small", "end_cell"]
    assert set(raw.arrays) == {x, y, *[e.images[0] for e in raw.events if isinstance(e, events.Shown)]}
    assert raw.arrays[x].pixels is not None
    assert len(raw.arrays[x].pixels) == 300
    assert raw.predicted["arrays/p1.npz"] == tuple(range(300))
    assert [w.shape for w in read_weights(PinnedFolder(recording.folder), "weights/t1.npz")] == [(784, 10), (10,)]


def test_a_line_cut_short_by_the_kernels_end_is_no_problem(recording: Recording) -> None:
    with recording.file.open("ab") as file:
        file.write(b'{"seq": 1, "type": "lo')
    assert decode(PinnedFolder(recording.folder)).problems == ()


def test_nan_is_none_and_text_is_printable() -> None:
    line = rb'{"a": NaN, "b": [-Infinity, 1e999, 99999999999999999999999], "c": "x\ud800\u0000y", "d": 1}'
    assert parse_line(line) == {"a": None, "b": [None, None, None], "c": "x\ufffd\ufffdy", "d": 1}


# ------------------------------------------------------------------ one bad line never loses the others


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        (b"not json", Doubt.DAMAGED),
        (b"[1]", Doubt.DAMAGED),
        (b"\xff\xfe", Doubt.DAMAGED),
        (b'{"a":' * 100_000, Doubt.DAMAGED),
        (b'{"a": "' + b'\\"' * 1_000_000 + b"\\", Doubt.DAMAGED),
        (b'{"seq": ' + b"9" * 100_000 + b"}", Doubt.FORGED),
        (b'{"a": [' + b"0," * 200_000 + b"0]}", Doubt.DAMAGED),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", Doubt.DAMAGED),
        (b" " * (decoding.LINE_BYTES + 1), Doubt.FORGED),
        (b'{"seq": 1, "type": "loaded", "cell": 1, "stack": []}', Doubt.FORGED),
        (b'{"seq": 1, "type": "loaded", "cell": 1, "stack": [], "dataset": "f", "more": 1}', Doubt.FORGED),
        (b'{"seq": 1, "type": "loaded", "cell": "1", "stack": [], "dataset": "f"}', Doubt.FORGED),
        (b'{"seq": 1, "type": "pwned", "cell": 1, "stack": []}', Doubt.FORGED),
        (b'{"seq": 0, "type": "loaded", "cell": 1, "stack": [], "dataset": "f"}', Doubt.FORGED),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else value.name,
)
def test_bad_line(recording: Recording, line: bytes, doubt: Doubt) -> None:
    recording.line(line)
    recording.event("loaded", dataset="fashion_mnist")
    raw = decode(PinnedFolder(recording.folder))
    assert [problem.doubt for problem in raw.problems] == [doubt]
    assert [event.type for event in raw.events] == ["start", "loaded"]


def test_unknown_format_is_not_read(recording: Recording, tmp_path: Path) -> None:
    later = Recording(tmp_path / "later", started=False)
    later.event("start", cell=None, format=2, keras="", tensorflow="")
    later.event("loaded", dataset="fashion_mnist")
    raw = decode(PinnedFolder(later.folder))
    assert raw.events == ()
    assert "unknown format 2" in raw.problems[0].message


def test_unknown_digest_is_named(recording: Recording) -> None:
    recording.event("state", name="x", digest="0" * 32)
    assert doubts(recording.folder) == [Doubt.FORGED]


def test_more_than_is_read(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        recording.event("end_cell")
        recording.fit()
    for name, limit in [("FULL_BYTES", 900), ("LINES", 4), ("VALUES", 20), ("TRAININGS", 4)]:
        with monkeypatch.context() as patch:
            patch.setattr(decoding, name, limit)
            raw = decode(PinnedFolder(recording.folder))
        assert [problem.doubt for problem in raw.problems] == [Doubt.BOUNDED], name
        assert 0 < len(raw.events) < 12, name


def test_problems_are_counted_up_to_a_bound(recording: Recording) -> None:
    for _ in range(200):
        recording.line(b"?")
    assert len(decode(PinnedFolder(recording.folder)).problems) == decoding.PROBLEMS


# ------------------------------------------------------------------ files


def replaced(recording: Recording, how: str) -> Path:
    """Row hashes that student code replaced."""
    (train_x, _), _ = small_official()
    file = recording.folder / f"arrays/{recording.array(train_x)}.npz"
    good = file.read_bytes()
    file.unlink()
    outside = recording.folder.parent / "outside.npz"
    outside.write_bytes(good)
    match how:
        case "link":
            file.symlink_to(outside)
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "sparse":
            with file.open("wb") as sparse:
                sparse.truncate(10 << 30)
        case "linked folder":
            (recording.folder / "arrays").rename(recording.folder.parent / "arrays")
            (recording.folder / "arrays").symlink_to(recording.folder.parent / "arrays")
            (recording.folder.parent / "arrays" / file.name).write_bytes(good)
        case "cut":
            file.write_bytes(good[:-100])
        case "trailing":
            file.write_bytes(good + b"x")
        case "objects":
            np.savez(file, mask=np.array([{}], object))
        case "other keys":
            np.savez(file, mask=np.zeros(300, np.uint64), evil=np.zeros(1))
        case "bomb":
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("mask.npy", b"\0" * (200 << 20))
        case "missing":
            pass
    return file


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "how",
    [
        "link",
        "pipe",
        "folder",
        "sparse",
        "linked folder",
        "cut",
        "trailing",
        "objects",
        "other keys",
        "bomb",
        "missing",
    ],
)
def test_a_replaced_file_loses_only_itself(recording: Recording, how: str) -> None:
    file = replaced(recording, how)
    recording.event("loaded", dataset="fashion_mnist")
    raw = decode(PinnedFolder(recording.folder))
    assert [problem.doubt for problem in raw.problems] == [Doubt.DAMAGED]
    assert [event.type for event in raw.events] == ["start", "loaded"]
    assert raw.arrays[file.stem].mask is None


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"mask": np.zeros(299, np.uint64), "pixels": np.zeros(299, np.uint64)},
        {"mask": np.zeros(300, np.int64), "pixels": np.zeros(300, np.uint64)},
        {"mask": np.zeros((300, 1), np.uint64), "pixels": np.zeros(300, np.uint64)},
        {"mask": np.zeros(300, np.uint64)},
        {"values": np.zeros(300, np.int16)},
    ],
)
def test_hashes_must_fit_their_array(recording: Recording, arrays: dict[str, Any]) -> None:
    (train_x, _), _ = small_official()
    digest = recording.array(train_x)
    np.savez(recording.folder / f"arrays/{digest}.npz", **arrays)
    assert doubts(recording.folder) == ([Doubt.FORGED] if arrays else [])
    assert decode(PinnedFolder(recording.folder)).arrays[digest].mask is None


@pytest.mark.parametrize(
    "changed",
    [{"shape": [60000, 785]}, {"shape": []}, {"lo": 1.0, "hi": 0.0}, {"lo": None}, {"minimum": 9.0, "maximum": 1.0}],
)
def test_impossible_facts(recording: Recording, changed: dict[str, Any]) -> None:
    facts = {"shape": [60000, 784], "dtype": "uint8", "minimum": 0.0, "maximum": 255.0, "kind": "images"}
    facts |= {"lo": 0.0, "hi": 255.0, "encoding": "", "digest": "a" * 32, "file": None}
    recording.event("array", **(facts | changed))
    raw = decode(PinnedFolder(recording.folder))
    assert [problem.doubt for problem in raw.problems] == [Doubt.FORGED]
    assert raw.arrays["a" * 32].facts.kind == "other"


def test_hashes_of_all_arrays_are_bounded(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    (train_x, _), _ = small_official()
    first, second = recording.array(train_x[:200]), recording.array(train_x[200:])
    monkeypatch.setattr(decoding, "ALL_ROWS_BYTES", 100)
    raw = decode(PinnedFolder(recording.folder))
    assert [problem.doubt for problem in raw.problems] == [Doubt.BOUNDED]
    assert raw.arrays[first].mask is not None
    assert raw.arrays[second].mask is None


@pytest.mark.parametrize(
    ("labels", "doubt"),
    [
        (None, Doubt.DAMAGED),
        (np.zeros((3, 2), np.int16), Doubt.FORGED),
        (np.zeros(3, np.int64), Doubt.FORGED),
        (np.zeros(3_000_001, np.int16), Doubt.BOUNDED),
    ],
)
def test_predictions_that_are_none(recording: Recording, labels: Any, doubt: Doubt) -> None:
    if labels is not None:
        np.savez(recording.folder / "arrays/p1.npz", labels=labels)
    recording.event("predict", network="n1", x=None, labels="arrays/p1.npz")
    raw = decode(PinnedFolder(recording.folder))
    assert [problem.doubt for problem in raw.problems] == [doubt]
    assert raw.predicted == {}


def test_predictions_are_read_once(recording: Recording) -> None:
    np.savez(recording.folder / "arrays/p1.npz", labels=np.zeros(3, np.int16))
    for _ in range(3):
        recording.event("predict", network="n1", x=None, labels="arrays/p1.npz")
    raw = decode(PinnedFolder(recording.folder))
    assert [e.labels for e in raw.events if isinstance(e, events.Predict)] == ["arrays/p1.npz", None, None]


@pytest.mark.parametrize("how", ["none", "link", "file"])
def test_a_folder_that_is_none(tmp_path: Path, how: str) -> None:
    raw = tmp_path / "raw"
    match how:
        case "link":
            raw.symlink_to(Recording(tmp_path / "real").folder)
        case "file":
            raw.write_text("{}")
    with pytest.raises(Rejected, match="the folder cannot be read"):
        PinnedFolder(raw)


def test_a_folder_without_events(tmp_path: Path) -> None:
    found = decode(PinnedFolder(tmp_path))
    assert found.events == ()
    assert [problem.doubt for problem in found.problems] == [Doubt.DAMAGED]


def test_another_device_is_not_read(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    with PinnedFolder(recording.folder) as folder:
        monkeypatch.setattr(folder, "_device", -1)
        with pytest.raises(Rejected, match="another device"):
            folder.read("events.jsonl", 1000)


# ------------------------------------------------------------------ archives


def npy(header: bytes, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def archive(*members: tuple[str, bytes], comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members:
            file.writestr(name, data)
        file.comment = comment
    return buffer.getvalue()


HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short"),
        (b"\0" * 100, "does not end"),
        (archive(comment=b"x"), "does not end"),
        (archive(*((f"{i}.npy", b"") for i in range(5))), "more than expected"),
        (archive(("b.npy", b"")), "other arrays"),
        (archive(("a.npy", b"\0" * 5000)), "unpacks to more"),
        (archive(("a.npy", b"text")), "not an array"),
        (archive(("a.npy", npy(b"__import__('os')"))), "plainly numeric"),
        (archive(("a.npy", npy(HEADER.replace(b"<f4", b"|O")))), "plainly numeric"),
        (archive(("a.npy", npy(HEADER.replace(b"(2,)", b"(" + b"9, " * 100 + b")")))), "plainly numeric"),
        (archive(("a.npy", npy(HEADER, b"\0" * 9))), "do not fit"),
        (archive(("a.npy", npy(HEADER.replace(b"2", b"999999999999")))), "do not fit"),
        (archive(("a.npy", npy(HEADER, b"\0" * 8))).replace(b"\0" * 8 + b"PK", b"\0" * 7 + b"\1PK"), "readable"),
        (
            archive(("a.npy", npy(HEADER, b"\0" * 8)))[:-42] + b"PK\x06\x07" + b"\0" * 16 + archive()[-22:],
            "does not end",
        ),
    ],
)
def test_archives_that_are_none(data: bytes, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        read_npz(data, "a", 1000)


def test_a_member_longer_than_it_says() -> None:
    long = npy(HEADER, b"\0" * 8)
    data = bytearray(archive(("a.npy", long)))
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (len(long) + 4).to_bytes(4, "little")
    with pytest.raises(Rejected, match=r"another size|readable"):
        read_npz(bytes(data), "a", 1000)


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["<f4", "<f8", "<i8", "|u1", "|b1", "<f2"])), st.data())
def test_archives_come_back(kinds: dict[str, str], draw: Any) -> None:
    arrays = {}
    for key, kind in kinds.items():
        shape = draw.draw(st.lists(st.integers(0, 4), max_size=4))
        order = draw.draw(st.sampled_from("CF"))
        arrays[key] = np.asarray(np.arange(np.prod(shape)).reshape(shape), kind, order=order)
    found = read_npz(write_npz(arrays), "abc", 100_000)
    assert found.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array, strict=True)


@given(st.binary(max_size=300))
def test_any_bytes_as_archive(data: bytes) -> None:
    with pytest.raises(Rejected):
        read_npz(data, "a", 1000)


@given(st.data())
def test_any_damage_to_an_archive(draw: Any) -> None:
    data = bytearray(write_npz({"a": np.arange(20, dtype=np.float32)}))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        found = read_npz(bytes(data), "a", 1000)
    except Rejected:
        return
    assert all(array.nbytes <= 1000 for array in found.values())


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"w1": np.zeros(1)}, "misses"),
        ({"w0": np.zeros(60)}, "more than 50 parameters"),
        ({"x": np.zeros(1)}, "other arrays"),
    ],
)
def test_weights_that_are_none(
    recording: Recording, arrays: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PARAMETERS", 50)
    np.savez(recording.folder / "weights/t1.npz", **arrays)
    with pytest.raises(Rejected, match=why):
        read_weights(PinnedFolder(recording.folder), "weights/t1.npz")


# ------------------------------------------------------------------ anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(lines=st.lists(st.binary(max_size=60) | st.builds(lambda v: json.dumps(v).encode(), JSON), max_size=8))
def test_any_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("raw")
    (folder / "events.jsonl").write_bytes(b"\n".join([*lines, b""]))
    assert decode(PinnedFolder(folder)).events == ()


@settings(max_examples=200)
@given(draw=st.data())
def test_any_change_to_an_event(tmp_path_factory: pytest.TempPathFactory, draw: Any) -> None:
    """Whatever value stands anywhere in a `fit`: it is taken or refused, and collecting it does not fail."""
    recording = Recording(tmp_path_factory.mktemp("run") / "raw")
    recording.fit()
    event = json.loads(recording.file.read_bytes().splitlines()[1])
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            places.append((value, key))
            if isinstance(item, dict | list):
                walk(item)

    walk(event)
    container, key = draw.draw(st.sampled_from(places))
    container[key] = draw.draw(JSON)
    recording.file.write_bytes(b"")
    recording.event("start", cell=None, format=1, keras="", tensorflow="")
    recording.line(json.dumps(event).encode())
    evidence = collected(recording)
    assert len(evidence.trainings) + len(evidence.faults) >= 1


@given(st.binary(max_size=200))
def test_any_line_is_an_object_or_refused(line: bytes) -> None:
    with contextlib.suppress(Rejected):
        assert isinstance(parse_line(line), dict)


# ------------------------------------------------------------------ collect

OFFICIAL = Identifier(small_official())


class Measures:
    """A verifier that finds the same accuracy for all networks."""

    def __init__(self, accuracy: float | None = 0.8) -> None:
        self.accuracy = accuracy
        self.asked: list[Any] = []

    def verify(self, *asked: Any) -> Verified:
        self.asked.append(asked)
        return Verified(self.accuracy, self.accuracy)


def collected(
    recording: Recording,
    *,
    faults: tuple[Fault, ...] = (),
    verifier: Any = None,
    run: tuple[CellRun, ...] | None = None,
    record_key: str = "",
    folder: Path | None = None,
) -> Evidence:
    """`folder`: where its weights are stored."""
    cells = (CellRun(1, CellStatus.ERROR, 1.0),) if run is None else run
    result = SimpleNamespace(
        cells=cells,
        faults=faults,
        duration_s=2.0,
        raw_evidence=PinnedFolder(recording.folder),
        sandbox="none",
        record_key=record_key,
        shared=frozenset(),
    )
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as elsewhere:
        patch.setattr(collect, "official", lambda _: OFFICIAL)
        out = folder or Path(elsewhere)
        return collect.collect(SUBMISSION, result, None, verifier or Measures(), out)  # type: ignore[arg-type]


WEIGHTS = [np.zeros((784, 10), np.float32), np.zeros(10, np.float32)]


def a_run(recording: Recording) -> Recording:
    (train_x, train_y), (test_x, test_y) = small_official()
    x, y = recording.array(train_x.reshape(300, 784) / 255), recording.array(train_y)
    vx, vy = recording.array(test_x.reshape(100, 784) / 255), recording.array(test_y)
    recording.event("loaded", dataset="fashion_mnist", stack=[[1, 2]])
    recording.event("built", network="n1", architecture=DENSE, stack=[[1, 4], [2, 1], [99, 1]])
    recording.event("compiled", network="n1", stack=[[1, 5]], **COMPILED)
    history = {"val_accuracy": [0.79, None]}
    given = {"x": x, "y": y, "validation_x": vx, "validation_y": vy}
    recording.fit(1, WEIGHTS, epochs=2, epochs_done=2, history=history, **given)
    recording.fit(2, error="ValueError: shapes", epochs_done=0, initial="continued", **given)
    recording.fit(3, WEIGHTS, initial="continued", **given)
    recording.event("evaluate", network="n1", x=vx, y=vy, accuracy=0.79)
    np.savez(recording.folder / "arrays/p1.npz", labels=np.full(100, 9, np.int16))
    recording.event("predict", network="n1", x=vx, labels="arrays/p1.npz")
    recording.event("shown", images=[recording.array(test_x[7:8])], title="boot")
    recording.event("shown", images=[], title="a plot")
    recording.event("small", name="K", values=[[1, 2], [3, None]])
    recording.event("scalar", name="n", value=8070)
    recording.event("scalar", name="nan", value=None)
    recording.event("state", name="train_x", digest=x)
    recording.event("state", name="train_x", cell=77, digest=x)
    recording.event("name", name="model", network="n1")
    recording.event("bridged", idiom="SGD(lr=…)", today="SGD(learning_rate=…)")
    recording.event("final", network="n1", architecture=DENSE)
    return recording


def test_collect_joins_what_a_run_left(recording: Recording) -> None:
    verifier = Measures()
    evidence = collected(a_run(recording), verifier=verifier)
    assert evidence.faults == ()
    (network,) = evidence.networks
    assert (network.id, network.names, len(network.compiled)) == ("n1", ("model",), 1)
    assert (network.place.cell, network.place.line, network.place.stack) == (1, 4, ((1, 4), (2, 1)))
    first, second, third = evidence.trainings
    assert [t.number for t in evidence.trainings] == [0, 1, 1]
    assert first.x is not None
    assert (first.x.is_train, first.x.start, first.x.stop, first.x.exact, first.x.hi) == (True, 0, 300, True, 1.0)
    assert first.labels_match is True
    assert first.validation_y is not None
    assert first.validation_y.is_test
    assert first.compiled.place.line == 5
    assert np.isnan(first.history["val_accuracy"][1])
    assert first.verified == Verified(0.8, 0.8)
    assert second.verified == Verified(None, None, "Its weights were not stored.")
    assert first.weights_digest == third.weights_digest != ""
    _, weights, prepared, rows = verifier.asked[0]
    assert (prepared.shape, prepared.lo, prepared.hi) == ((784,), 0.0, 1.0)
    assert [w.shape for w in weights] == [(784, 10), (10,)]
    assert rows.tolist() == list(range(300))
    (prediction,) = evidence.predictions
    assert (prediction.training, prediction.labels[0], prediction.rows) == ("t3", 9, tuple(range(100)))
    assert [(s.source, s.row) for s in evidence.shown] == [("test", 7), ("unknown", None)]
    assert [s.value for s in evidence.scalars] == [8070]
    assert [(s.cell, s.name) for s in evidence.states] == [(1, "train_x")]
    assert evidence.evaluations[0].accuracy == 0.79
    assert evidence.bridged[0].idiom == "SGD(lr=…)"


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (np.zeros((300, 3, 784)), "images of 28 × 28"),
        (np.random.default_rng(9).random((300, 784)), "not the official ones"),
        (np.sqrt(small_official()[0][0].reshape(300, 784)), "cannot be repeated here"),
        (None, "not known how"),
    ],
)
def test_what_cannot_be_verified(recording: Recording, x: Any, reason: str) -> None:
    recording.fit(1, WEIGHTS, x=None if x is None else recording.array(x))
    evidence = collected(recording, verifier=Measures(0.3))
    verified = evidence.trainings[0].verified
    assert verified is not None
    assert (verified.test_accuracy, reason in verified.reason) == (None, True)


def test_a_loop_of_ones_own_is_verified_on_scaled_images(recording: Recording) -> None:
    recording.fit(1, WEIGHTS, epochs=0)
    assert collected(recording, verifier=Measures(0.8)).trainings[0].verified == Verified(0.8, 0.8)


def test_a_subclassed_network_that_contradicts_its_layers(recording: Recording) -> None:
    (train_x, _), _ = small_official()
    x = recording.array(train_x)
    recording.fit(1, WEIGHTS, x=x, architecture=DENSE | {"style": "subclassed"}, history={"accuracy": [0.8]})
    verified = collected(recording, verifier=Measures(0.3)).trainings[0].verified
    assert verified is not None
    assert "`call`" in verified.reason


def test_measuring_ends(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "VERIFY_S", 0.0)
    recording.fit(1, WEIGHTS)
    verified = collected(recording).trainings[0].verified
    assert verified is not None
    assert "took longer" in verified.reason


def test_damaged_weights_are_a_reason(recording: Recording) -> None:
    recording.fit(1, WEIGHTS)
    (recording.folder / "weights/t1.npz").write_bytes(b"?")
    training = collected(recording).trainings[0]
    assert training.verified is not None
    assert "could not be read" in training.verified.reason
    assert (training.weights, training.weights_digest) == ("", "")


def test_tampering_is_one_fault(recording: Recording) -> None:
    recording.line(b'{"seq": 5, "type": "?"}')
    recording.line(b"?")
    (fault,) = collected(recording).faults
    assert fault.kind is FaultKind.TAMPERED
    assert "Line 2" in fault.message
    assert "1 more" in fault.message


def test_damage_is_nobodys_fault_after_the_kernel_died(recording: Recording) -> None:
    recording.line(b"?")
    died = Fault(FaultKind.KERNEL_DIED, 1, "The kernel died.")
    assert collected(recording, faults=(died,)).faults == (died,)
    assert collected(recording).faults[0].kind is FaultKind.TAMPERED


def test_a_recorder_that_was_silenced(recording: Recording) -> None:
    recording.event("end_cell", cell=1)
    cells = (CellRun(1, CellStatus.OK, 1.0), CellRun(2, CellStatus.OK, 1.0), CellRun(3, CellStatus.ERROR, 1.0))
    (fault,) = collected(recording, run=cells).faults
    assert fault.kind is FaultKind.TAMPERED
    assert "the end of cell 2" in fault.message
    died = Fault(FaultKind.MEMORY, 2, "Too much memory.")
    assert collected(recording, run=cells, faults=(died,)).faults == (died,)


def test_what_was_not_read_is_noted(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    recording.fit()
    monkeypatch.setattr(decoding, "TRAININGS", 0)
    evidence = collected(recording)
    assert evidence.faults == ()
    assert "are not read" in evidence.submission.notes[0]


@pytest.mark.timeout(60)
def test_repeated_references_are_bounded(recording: Recording) -> None:
    (train_x, _), _ = small_official()
    digest = recording.array(train_x)
    for _ in range(2000):
        recording.event("shown", images=[digest] * 10, title="")
    assert len(collected(recording).shown) <= 100_000


# ------------------------------------------------------------------ claims


def claiming(recording: Recording, claimed: list[float], **changed: Any) -> Any:
    training = collected(a_run(recording)).trainings[0]
    whole = DataRef(
        "images", (10_000, 784), "float64", 0.0, 1.0, test_rows=10_000, start=0, stop=10_000, exact=True, lo=0.0, hi=1.0
    )
    training = replace(
        training,
        validation_x=whole,
        validation_y=replace(whole, kind="labels", shape=(10_000,)),
        epochs_done=len(claimed),
        history={"val_accuracy": tuple(claimed)},
        verified=Verified(0.75, 0.75),
    )
    return replace(training, **changed)


@pytest.mark.parametrize(
    ("claimed", "forged"),
    [
        ([0.99, 0.99], True),
        ([0.7, 0.99], False),  # the weights of an earlier epoch were restored
        ([0.75, 0.76], False),
        ([0.2, 0.3], False),
        ([float("nan")], False),
    ],
)
def test_impossible_claims(recording: Recording, claimed: list[float], forged: bool) -> None:
    found = contradiction(claiming(recording, claimed))
    assert (found is not None) is forged
    if found:
        assert found.kind is FaultKind.TAMPERED
        assert "0.9900" in found.message
        assert "0.7500" in found.message


def test_no_alarm_where_something_else_explains_it(recording: Recording) -> None:
    forged = claiming(recording, [0.99])
    architecture, compiled = forged.architecture, forged.compiled
    own = replace(architecture, layers=(replace(architecture.layers[0], stock=False),))
    for changed in (
        {"verified": None},
        {"verified": Verified(None, None, "?")},
        {"validation_x": None},
        {"validation_x": replace(forged.validation_x, stop=100)},
        {"validation_x": replace(forged.validation_x, hi=255.0)},
        {"validation_y": None},
        {"error": "ValueError"},
        {"epochs_done": 2},
        {"architecture": replace(architecture, style="subclassed")},
        {"architecture": own},
        {"compiled": replace(compiled, metrics=("custom",))},
        {"compiled": replace(compiled, optimizer_config={"use_ema": True})},
    ):
        assert contradiction(replace(forged, **changed)) is None, changed
    assert contradiction(forged) is not None


# ------------------------------------------------------------------ store


def test_what_is_stored_comes_back(recording: Recording, tmp_path: Path) -> None:
    evidence = collected(a_run(recording), folder=tmp_path / "ada")
    evidence = replace(evidence, trainings=tuple(replace(t, history={"a": (1.0,)}) for t in evidence.trainings))
    evidence = replace(evidence, arrays=())
    store.save(evidence, tmp_path / "ada", LIMITS)
    assert store.load(tmp_path / "ada") == evidence
    name = f"weights/{evidence.trainings[0].weights_digest}.npz"
    assert evidence.trainings[0].weights == name
    found = read_weights(PinnedFolder(tmp_path / "ada" / "evidence"), name)
    np.testing.assert_array_equal(found[0], WEIGHTS[0])
    assert store.stored_folders(tmp_path) == [tmp_path / "ada"]


def test_not_a_number_comes_back(recording: Recording, tmp_path: Path) -> None:
    evidence = collected(a_run(recording))
    store.save(evidence, tmp_path / "ada", LIMITS)
    loaded = store.load(tmp_path / "ada")
    assert isinstance(loaded, Evidence)
    assert np.isnan(loaded.trainings[0].history["val_accuracy"][1])
    assert np.isnan(loaded.arrays[0].values[1][1])


def test_same_evidence_same_bytes(recording: Recording, tmp_path: Path) -> None:
    run = a_run(recording)

    def files(folder: Path) -> dict[str, bytes]:
        return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}

    for name in "ab":
        store.save(collected(run, folder=tmp_path / name), tmp_path / name, LIMITS)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    store.save(store.load(tmp_path / "a"), tmp_path / "a", LIMITS)  # weights that are named stay
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_weights_that_are_no_longer_named_go(recording: Recording, tmp_path: Path) -> None:
    evidence = collected(a_run(recording), folder=tmp_path / "ada")
    store.save(evidence, tmp_path / "ada", LIMITS)
    assert list((tmp_path / "ada").rglob("*.npz"))
    store.save(replace(evidence, trainings=()), tmp_path / "ada", LIMITS)
    assert not list((tmp_path / "ada").rglob("*.npz"))


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        ('{"record":{"duration_s":2.5}}', 2.5),
        ('{"record":{"duration_s":"long"}}', None),
        ('{"record":{}}', None),
        ('{"record":[]}', None),
        ("[" * 100_000, None),
        ("", None),
        (None, None),
    ],
)
def test_how_long_something_ran(tmp_path: Path, content: str | None, seconds: float | None) -> None:
    (tmp_path / "evidence").mkdir()
    if content is not None:
        (tmp_path / "evidence" / "evidence.json").write_text(content)
    assert store.duration_s(tmp_path) == seconds


def test_resuming_takes_the_same_submission_only(recording: Recording, tmp_path: Path) -> None:
    evidence = collected(recording)
    folder = tmp_path / "ada"
    store.save(evidence, folder, LIMITS)
    ref = replace(SUBMISSION.ref, source=Path("elsewhere/ps10.ipynb"))
    again = store.reusable(folder, ref, LIMITS)
    assert isinstance(again, Evidence)
    assert again.submission.ref == ref
    assert store.reusable(folder, replace(ref, sha256="6" * 64), LIMITS) is None
    assert store.reusable(folder, replace(ref, sha256=""), LIMITS) is None
    assert store.reusable(folder, ref, LIMITS.model_copy(update={"cell_s": 1.0})) is None
    assert store.reusable(tmp_path / "eve", ref, LIMITS) is None


def test_unreadable_is_stored_too(tmp_path: Path) -> None:
    unreadable = Unreadable(SUBMISSION.ref, "It is no notebook.")
    store.save(unreadable, tmp_path / "ada", LIMITS)
    assert store.load(tmp_path / "ada") == unreadable
    assert store.reusable(tmp_path / "ada", SUBMISSION.ref, LIMITS) == unreadable


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read"),
        (b"{", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "is damaged"),
        (b'{"format": 1}', "is damaged"),
        (b'{"format": 99, "kind": "evidence", "limits": {}, "record": {}}', "format 99"),
        (b'{"format": 1, "kind": "evidence", "limits": {}, "record": {}}', r"is damaged \(submission"),
        (b'{"format": 1, "kind": "other", "limits": {}, "record": {}}', "is damaged"),
    ],
)
def test_broken_evidence_is_named_with_what_to_do(tmp_path: Path, content: bytes | None, what: str) -> None:
    if content is not None:
        (tmp_path / "evidence").mkdir()
        (tmp_path / "evidence" / "evidence.json").write_bytes(content)
    with pytest.raises(EvidenceError, match=what) as caught:
        store.load(tmp_path)
    assert "runs this submission anew" in str(caught.value)
    assert "evidence.json" in str(caught.value)


# ------------------------------------------------------------------ what was done to the record


def test_weights_that_were_changed_are_tampering(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "raw")
    recorder.hash_chain = HashChain("ab" * 16)
    recording = Recording.__new__(Recording)
    recording.folder = recorder.folder
    recorder.save("weights/t1.npz", {f"w{i}": w for i, w in enumerate(WEIGHTS)})
    written = Recording(tmp_path / "other")
    written.fit(1, WEIGHTS)
    fit = json.loads(written.file.read_text().splitlines()[-1])
    for key in ("seq", "type", "cell", "stack"):
        del fit[key]
    recorder.emit("fit", [], **fit)
    recorder.close()
    assert collected(recording, record_key="ab" * 16).faults == ()
    np.savez(recorder.folder / "weights/t1.npz", w0=np.ones((784, 10)))
    evidence = collected(recording, record_key="ab" * 16)
    assert [fault.kind for fault in evidence.faults] == [FaultKind.TAMPERED]
    assert "weights/t1.npz is not as the recorder wrote it" in evidence.faults[0].message
    assert evidence.trainings[0].verified == Verified(
        None, None, "Its weights could not be read: weights/t1.npz is not as the recorder wrote it."
    )


def test_what_the_recorder_saw_being_done_to_it_is_tampering(recording: Recording) -> None:
    for what in ("numpy.savez was replaced", "keras' Trainer.fit was replaced"):
        recording.event("tampered", what=what)
    assert [(fault.kind, fault.cell, fault.message) for fault in collected(recording).faults] == [
        (
            FaultKind.TAMPERED,
            1,
            "The code works on its own recording: numpy.savez was replaced (1 more such findings)",
        )
    ]


def test_where_the_weights_of_a_training_come_from(recording: Recording) -> None:
    for number, initial in enumerate(("fresh", "given", "continued"), start=1):
        recording.fit(number, WEIGHTS, initial=initial)
    trainings = collected(recording).trainings
    assert [(training.given, training.number) for training in trainings] == [(False, 0), (True, 1), (False, 2)]


def test_a_network_of_unseen_training_is_measured_on_all_training_images(recording: Recording) -> None:
    verifier = Measures()
    recording.fit(1, WEIGHTS)
    collected(recording, verifier=verifier)
    assert verifier.asked[0][3].tolist() == list(range(300))
