"""A million wicked inputs for what reads untrusted bytes: no crash, no hang, memory bounded.

Valid inputs are bent with knowledge of their structure by a seeded generator: `FUZZ_SEED=… pytest tests/test_fuzz.py`
repeats a failure, whose input and seed are in its message. `FUZZ_SEED=random` looks elsewhere.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from raw_evidence import COMPILED, DENSE, Recording

from grader.evidence import decode
from grader.evidence.events import EVENT
from grader.intake import read, unpack
from grader.intake.label import label
from grader.records import Cell, Submission, SubmissionRef, Unreadable
from grader.wire.files import PinnedFolder, Rejected
from grader.wire.json_lines import DEPTH, TEXT, parse_line
from grader.wire.npz import read_npz, write_npz

TEXT_SEED = os.environ.get("FUZZ_SEED", "10")
SEED = random.SystemRandom().randrange(10**9) if TEXT_SEED == "random" else int(TEXT_SEED)
SHARDS = 4
INPUTS = {"lines": 600_000, "archives": 250_000, "notebooks": 130_000, "scripts": 20_000, "zips": 8_000}
LONGEST_S = 20
"""For one input, on a busy machine; what is slow by nature takes milliseconds."""


def fuzz(name: str, shard: int, make: Callable[[random.Random], bytes], feed: Callable[[bytes], object]) -> int:
    """Feed a shard's share of inputs and count them; a failure says how to repeat it."""
    rng = random.Random(f"{SEED} {name} {shard}")
    fed = 0
    for _ in range(INPUTS[name] // SHARDS):
        data = make(rng)
        started = time.monotonic()
        try:
            feed(data)
        except Exception as problem:
            raise AssertionError(f"FUZZ_SEED={SEED}, {name} {shard}, input {fed}: {data[:2000]!r}") from problem
        assert time.monotonic() - started < LONGEST_S, f"FUZZ_SEED={SEED}, {name} {shard}, input {fed}: {data[:2000]!r}"
        fed += 1
    return fed


def test_it_is_a_million():
    assert sum(INPUTS.values()) >= 1_000_000
    assert all(count % SHARDS == 0 for count in INPUTS.values())


# ------------------------------------------------------------------ bending

_BYTES = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"NaN",
    b"-Infinity", b"1e999", b"-0", b"9" * 25, b"null", b"true", b"[[[[", b'{"a":', b"\x1b[31m", "\u202e".encode(), b"\xef\xbb\xbf", b"PK\x03\x04",
    b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\x93NUMPY", b"#", b"'''", b"(", b"if x:\n", b"%%", b"# 1a)", b"\t",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 0.5, float("nan"), float("inf"), 1e308, "", "x", "\ud800", "\x00\x1b\u202e",
    "weights/../../x.npz", "arrays/" + "a" * 41 + ".npz", "a" * 32, "y" * 200, [], {}, [[]], [None], {"": None}, [[[[[[]]]]]], [1] * 17, "fit", "array",
)  # fmt: skip


def bent(data: bytes, rng: random.Random) -> bytes:
    """Bytes with a few of them changed, lost, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(6):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                del out[at : at + rng.choice((1, 2, 8, 100))]
            case 2:
                out[at:at] = out[at : at + rng.choice((1, 4, 30))] * rng.choice((1, 2, 20))
            case 3:
                del out[at:]
            case 4 if at < len(out):
                out[at] = rng.choice(b"\x00\x01\x7f\x80\xff")
            case _:
                out[at:at] = rng.choice(_BYTES)
    return bytes(out)


def bent_value(value: Any, rng: random.Random) -> Any:
    """JSON-ready data with one part of it replaced, dropped, doubled, renamed or put one level deeper."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, rng.choice(("x", "", key + "x", "type", "seq")): rng.choice(_VALUES)}
        return {**value, key: bent_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        match rng.randrange(6):
            case 0:
                return [*value[:at], *value[at + 1 :]]
            case 1:
                return value + value[at:] * rng.choice((1, 30))
        return [*value[:at], bent_value(value[at], rng), *value[at + 1 :]]
    return [value] if rng.random() < 0.1 else rng.choice(_VALUES)


# ------------------------------------------------------------------ the recorder's lines

_D = "0123456789abcdef" * 2
_ARRAY = {"digest": _D, "shape": [60000, 28, 28], "dtype": "uint8", "minimum": 0.0, "maximum": 255.0, "kind": "images", "lo": 0.0, "hi": 255.0,
          "encoding": "", "file": f"arrays/{_D}.npz"}  # fmt: skip
_FIT = {"network": "n1", "id": "t1", "architecture": DENSE, "compiled": COMPILED, "epochs": 3, "epochs_done": 3, "batch_size": 32, "x": _D, "y": _D,
        "validation_x": None, "validation_y": None, "validation_split": 0.0, "history": {"accuracy": [0.5, None]}, "duration_s": 1.0, "error": "",
        "weights": "weights/t1.npz", "initial": "fresh", "started_seq": 0, "shared": False, "not_shared": ""}  # fmt: skip
EVENTS = [
    {"seq": seq, "cell": 1, "stack": [[1, 2], [3, 4]], **facts}
    for seq, facts in enumerate(
        [
            {"type": "start", "format": 1, "keras": "3.15.1", "tensorflow": "2.21.0"},
            {"type": "loaded", "dataset": "fashion_mnist"},
            {"type": "array", **_ARRAY},
            {"type": "built", "network": "n1", "architecture": DENSE},
            {"type": "final", "network": "n1", "architecture": DENSE},
            {"type": "compiled", "network": "n1", **COMPILED},
            {"type": "fit", **_FIT},
            {"type": "evaluate", "network": "n1", "x": _D, "y": None, "accuracy": 0.5},
            {"type": "predict", "network": "n1", "x": _D, "labels": "arrays/p1.npz"},
            {"type": "shown", "images": [_D], "title": "boot"},
            {"type": "small", "name": "K", "values": [[1.0, None], [0.0, -1.0]]},
            {"type": "scalar", "name": "n", "value": 8070},
            {"type": "state", "name": "x", "digest": _D},
            {"type": "name", "name": "model", "network": "n1"},
            {"type": "bridged", "idiom": "SGD(lr=…)", "today": "SGD(learning_rate=…)"},
            {"type": "end_cell"},
        ]
    )
]
LINES = [json.dumps(event).encode() for event in EVENTS]


def a_line(rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return bent(rng.choice(LINES), rng)
    return json.dumps(bent_value(rng.choice(EVENTS), rng)).encode()


def feed_line(line: bytes) -> None:
    with contextlib.suppress(Rejected, ValidationError):
        EVENT.validate_python(bounded(parse_line(line)))


def bounded(value: Any, depth: int = 0) -> Any:
    assert depth <= DEPTH
    match value:
        case dict():
            for key, item in value.items():
                bounded(key), bounded(item, depth + 1)
        case list():
            for item in value:
                bounded(item, depth + 1)
        case str():
            assert len(value) <= TEXT + 1
            value.encode()
        case float():
            assert value - value == 0
        case _:
            assert value is None or -(2**63) <= value < 2**64
    return value


def test_every_kind_of_event_is_bent():
    kinds = {EVENT.validate_python(parse_line(line)).type for line in LINES}
    assert len(kinds) == len(LINES) == 16


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_lines(shard):
    assert fuzz("lines", shard, a_line, feed_line) == INPUTS["lines"] // SHARDS


@pytest.mark.slow
def test_whole_records(tmp_path):
    """Bent lines and archives together, through the files: every one ends in records and named problems."""
    rng = random.Random(f"{SEED} records")
    for number in range(400):
        recording = Recording(tmp_path / str(number))
        for _ in range(30):
            recording.line(a_line(rng).replace(b"\n", b""))
        for name in (f"arrays/{_D}.npz", "arrays/p1.npz", "weights/t1.npz"):
            (recording.folder / name).write_bytes(an_archive(rng))
        with PinnedFolder(recording.folder) as folder:
            assert len(decode.decode(folder).problems) <= decode.PROBLEMS
            with contextlib.suppress(Rejected):
                decode.read_weights(folder, "weights/t1.npz")


# ------------------------------------------------------------------ archives of arrays

ARCHIVES = [
    write_npz({"w0": np.arange(12, dtype=np.float32).reshape(3, 4), "w1": np.zeros(4, np.float32)}),
    write_npz({"mask": np.arange(5, dtype=np.uint64), "pixels": np.arange(5, dtype=np.uint64)}),
    write_npz({"labels": np.arange(9, dtype=np.int16)}),
]
KEYS = ("w0", "w1", "mask", "pixels", "labels")
LIMIT = 10_000


def an_archive(rng: random.Random) -> bytes:
    data = rng.choice(ARCHIVES)
    if rng.random() < 0.6:
        return bent(data, rng)
    # Numbers of the directory and of the local headers, whose places are known.
    out = bytearray(data)
    at = rng.choice([i for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") for i in _all(out, mark)])
    at += rng.randrange(4, 46)
    out[at : at + 2] = rng.choice((b"\0\0", b"\xff\xff", b"\x0c\0", b"\x0e\0", b"\x08\0", b"\x01\0", b"\x09\0"))
    return bytes(out)


def _all(data: bytes | bytearray, mark: bytes) -> list[int]:
    return [i for i in range(len(data)) if data.startswith(mark, i)] if len(data) < 100 else _found(data, mark)


def _found(data: bytes | bytearray, mark: bytes) -> list[int]:
    places, at = [], data.find(mark)
    while at >= 0:
        places.append(at)
        at = data.find(mark, at + 1)
    return places


def feed_archive(data: bytes) -> None:
    try:
        arrays = read_npz(data, KEYS, LIMIT)
    except Rejected:
        return
    assert sum(array.nbytes for array in arrays.values()) <= LIMIT
    assert all(array.dtype.kind in "biuf" for array in arrays.values())


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_archives(shard):
    assert fuzz("archives", shard, an_archive, feed_archive) == INPUTS["archives"] // SHARDS


# ------------------------------------------------------------------ notebooks and scripts

_METADATA = {"tags": ["1a"], "nbgrader": {"grade_id": "ex1a", "grade": True}}
NOTEBOOKS: list[Any] = [
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "language": "python"}, "language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "id": "a", "metadata": _METADATA, "source": ["## 1 (a)\n", "d) 8070  e) SGD"]},
            {
                "cell_type": "code",
                "metadata": {},
                "source": "# 1b\nmodel.fit(x)\n",
                "outputs": [{"output_type": "stream"}],
            },
        ],
    },
    {
        "nbformat": 3,
        "worksheets": [
            {"cells": [{"cell_type": "heading", "level": 2, "source": "1 c"}, {"cell_type": "code", "input": "x = 1"}]}
        ],
    },
]
TEXTS = [json.dumps(notebook).encode() for notebook in NOTEBOOKS]
SCRIPTS = [
    b"# %% [markdown]\n# ## 1a\n# %%\nimport keras\nx = [1,\n2]\n\ndef f(x):\n    return x\n",
    b"#!/usr/bin/env python\n# coding: utf-8\n# In[1]:\n\nimport keras\n# text\n\n# In[2]:\nx = 1\n",
    b'if __name__ == "__main__":\n    # 1a\n    x = 1\n    """two\nlines"""\n    print(x)\n',
    b"# 1a)\nx = (1,\n\n2)\n\n# 1 b\n%matplotlib inline\n!ls\ny = x if x else (\n",
]
TASKS = [f"{problem}{letter}" for problem in "1234" for letter in "abcdefghij"]


def a_notebook(rng: random.Random) -> bytes:
    if rng.random() < 0.4:
        return bent(rng.choice(TEXTS), rng)
    return json.dumps(bent_value(rng.choice(NOTEBOOKS), rng)).encode()


def a_script(rng: random.Random) -> bytes:
    return bent(rng.choice(SCRIPTS), rng)


def feed_submission(name: str) -> Callable[[bytes], None]:
    ref = SubmissionRef("a", "a", Path(name), Path())

    def feed(data: bytes) -> None:
        found = read._read(ref, data)
        if isinstance(found, Unreadable):
            assert 0 < len(found.reason) < 5000
            found.reason.encode()
            return
        assert isinstance(found, Submission)
        assert [cell.index for cell in found.cells] == list(range(len(found.cells)))
        for cell in found.cells:
            assert isinstance(cell, Cell)
            cell.source.encode()
        if len(data) % 8 == 0:  # dear
            label(found, TASKS)

    return feed


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_notebooks(shard):
    assert fuzz("notebooks", shard, a_notebook, feed_submission("a.ipynb")) == INPUTS["notebooks"] // SHARDS


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_scripts(shard):
    assert fuzz("scripts", shard, a_script, feed_submission("a.py")) == INPUTS["scripts"] // SHARDS


# ------------------------------------------------------------------ archives as they are handed in


def a_zip_of(*members: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


ZIPS = [
    a_zip_of(("ada/ps10.ipynb", TEXTS[0]), ("ada/x.csv", b"1,2\n"), ("ben_ä/a.py", SCRIPTS[0])),
    a_zip_of(("a.ipynb", b"{}"), kind=0),
]


def a_zip(rng: random.Random) -> bytes:
    return bent(rng.choice(ZIPS), rng)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_zips(tmp_path, shard):
    path, into = tmp_path / "x.zip", tmp_path / "out"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        said = unpack.unpack(path, into)
        assert bool(said) is not into.exists()
        if not said:
            for file in sorted(into.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            into.rmdir()
        assert {p.name for p in tmp_path.iterdir()} == {"x.zip"}

    assert fuzz("zips", shard, a_zip, feed) == INPUTS["zips"] // SHARDS


# ------------------------------------------------------------------ memory

MIB = 1 << 20


def peak_mib(work: Callable[[], object]) -> float:
    """Most memory that Python took while it worked."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        b"[" * 10**6,
        b'{"a":' * 10**6,
        b'{"a":"' + b"x" * (10 * MIB) + b'"}',
        b'{"a":[' + b"1," * (2 * MIB) + b"1]}",
        b'{"a":[' + b"[]," * MIB + b"1]}",
        b'{"a":' + b"1" * (4 * MIB) + b"}",
        b'{"a":0.' + b"1" * (4 * MIB) + b"}",
        b'"' * (4 * MIB),
        b'"\\' * (2 * MIB),
    ],
    ids=range(9),
)
def test_a_line_takes_little_more_than_its_size(line):
    assert peak_mib(lambda: feed_line(line)) < 8 * len(line) / MIB + 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "name", "most_mib"),
    [
        (b"[" * 10**6, "a.ipynb", 20),
        (b'{"a":' * 10**6, "a.ipynb", 40),
        (b'{"cells":[' + b"{}," * MIB + b"{}]}", "a.ipynb", 60),
        (b'{"cells":[],"x":[' + b"{}," * 500_000 + b"{}]}", "a.ipynb", 150),
        (b'{"cells":[{"cell_type":"code","source":["' + "😀".encode() + b"x" * (10 * MIB) + b'"]}]}', "a.ipynb", 250),
        (b'{"cells":[{"cell_type":"code","source":["' + b"a," * (5 * MIB) + b'"]}]}', "a.ipynb", 100),
        (b"a," * MIB, "a.py", 60),
        (b"a\n\n" * 100_000, "a.py", 100),
        (b"(\n\n" * 100_000, "a.py", 100),
        (b"# %%\na\n" * 50_000, "a.py", 100),
        (b"a," * 90_000, "a.py", 150),
        (b"if " + b"not " * 900 + b"x:\n  x=1\n  y=2\n", "a.py", 20),
        (b"if " + b"+".join([b"a"] * 900) + b":\n  x=1\n  y=2\n", "a.py", 20),
        (b'if __name__ == "__main__":\n  x = ' + b"+".join([b"a"] * 900) + b"\n  y = 2\n", "a.py", 20),
    ],
    ids=range(14),
)
def test_reading_is_bounded(data, name, most_mib):
    feed = feed_submission(name)
    started = time.monotonic()
    feed(data if len(data) % 8 == 0 else data + b" " * (8 - len(data) % 8))
    assert time.monotonic() - started < 60
    assert peak_mib(lambda: read._read(SubmissionRef("a", "a", Path(name), Path()), data)) < most_mib


def bomb(kind: int, size: int, *, says: int | None = None) -> bytes:
    """An archive of zeros that says to be smaller than it is."""
    data = bytearray(a_zip_of(("w0.npy", bytes(size)), kind=kind))
    if says is not None:
        at = data.rindex(b"PK\x01\x02") + 24
        data[at : at + 4] = says.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bombs_do_not_go_off(tmp_path, kind):
    data = bomb(kind, 100 * MIB, says=1000)
    path = tmp_path / "bomb.zip"
    path.write_bytes(data)
    assert peak_mib(lambda: feed_archive(data)) < 2
    assert peak_mib(lambda: unpack.unpack(path, tmp_path / "out")) < 4
    assert not list(tmp_path.rglob("*.npy"))


@pytest.mark.slow
def test_a_directory_of_millions_is_not_read(tmp_path):
    entry = b"PK\x01\x02" + bytes(24) + b"\x01" + bytes(17) + b"a"
    directory = entry * 1_000_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + len(directory).to_bytes(4, "little") + bytes(6)
    path = tmp_path / "many.zip"
    path.write_bytes(directory + end)
    assert peak_mib(lambda: unpack.why_not(path)) < 4
    assert "is damaged" in unpack.why_not(path)


def test_members_that_overlap_are_a_bomb(tmp_path):
    data = bytearray(a_zip_of(("a", bytes(MIB)), ("b", b"")))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 1)
    entry = bytes(data[first:second])
    directory = b"".join(entry[:-1] + bytes([97 + n]) for n in range(20))
    end = bytearray(data[data.index(b"PK\x05\x06") :])
    end[8:12] = (20).to_bytes(2, "little") * 2
    end[12:16] = len(directory).to_bytes(4, "little")
    path = tmp_path / "overlap.zip"
    path.write_bytes(bytes(data[:first]) + directory + bytes(end))
    assert "unpacks to 20 MiB, not credible" in unpack.why_not(path)


def test_a_member_without_a_name_is_passed_over(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(a_zip_of(("Xa.ipynb", TEXTS[0]), ("b.ipynb", b"{}")).replace(b"Xa.ipynb", b"\0a.ipynb"))
    assert unpack.names_in(path) == ["b.ipynb"]


def test_unusual_packing_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(a_zip_of(("a.ipynb", TEXTS[0]), kind=zipfile.ZIP_LZMA))
    assert "pack it as a plain zip" in unpack.why_not(path)
    with pytest.raises(Rejected, match="packed arrays"):
        read_npz(a_zip_of(("w0.npy", b"x")), ("w0",), 10)
