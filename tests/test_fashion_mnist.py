"""The data set: every source, every kind of broken file, with four tiny files in place of the real ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from grader.datasets import fashion_mnist
from grader.errors import DataError

SHAPES = {
    "train-images-idx3-ubyte.gz": (16, (6, 28, 28)),
    "train-labels-idx1-ubyte.gz": (8, (6,)),
    "t10k-images-idx3-ubyte.gz": (16, (2, 28, 28)),
    "t10k-labels-idx1-ubyte.gz": (8, (2,)),
}
IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "t10k-labels-idx1-ubyte.gz"


def contents(name):
    header, shape = SHAPES[name]
    return bytes(range(header)) + (np.arange(np.prod(shape)) % 251).astype(np.uint8).tobytes()


def fill(folder: Path, names=tuple(SHAPES), level: int = 9) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(gzip.compress(contents(name), level))
    return folder


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A machine with nothing on it; the files are tiny, the commands are missing."""
    known = {
        name: fashion_mnist._Expected(hashlib.sha256(contents(name)).hexdigest(), len(contents(name)), header, shape)
        for name, (header, shape) in SHAPES.items()
    }
    monkeypatch.setattr(fashion_mnist, "_FILES", known)
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_FOLDER", tmp_path / "usr")
    monkeypatch.setattr(fashion_mnist, "_FETCH_TIMEOUT_S", 20.0)
    monkeypatch.setenv("GRADE_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    return tmp_path


def keras_folder(places):
    return places / "keras" / "datasets" / "fashion-mnist"


def test_nothing_is_found_on_an_empty_machine(places):
    assert fashion_mnist.find_data() is None


def test_without_any_source_one_sentence_says_what_to_do(places):
    with pytest.raises(
        DataError, match=r"install Debian's package dataset-fashion-mnist, or put these files into .*own"
    ):
        fashion_mnist.provide_data()


@pytest.mark.parametrize("source", ["own", "keras/datasets/fashion-mnist", "usr"])
def test_find_takes_what_is_there_and_writes_nothing(places, source):
    fill(places / source)
    assert fashion_mnist.find_data() == fashion_mnist.DataFiles(places / source)
    assert {p.parent for p in places.rglob("*.gz")} == {places / source}


def test_provide_keeps_a_read_only_copy(places):
    fill(places / "usr")
    files = fashion_mnist.provide_data()
    assert files.directory == places / "own"
    assert {p.name for p in files.directory.iterdir()} == set(fashion_mnist.KERAS_NAMES)
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o444 for p in files.directory.iterdir())


def test_provide_says_and_fetches_nothing_when_all_is_there(places):
    fill(places / "own")
    said = []
    assert fashion_mnist.provide_data(said.append).directory == places / "own"
    assert said == []


def test_files_may_come_from_different_sources(places):
    fill(keras_folder(places), [IMAGES])
    fill(places / "usr", set(SHAPES) - {IMAGES})
    assert fashion_mnist.find_data() is None
    assert fashion_mnist.find_data() != fashion_mnist.provide_data()
    assert fashion_mnist.find_data() == fashion_mnist.DataFiles(places / "own")


def test_another_compression_is_the_same_file(places):
    fill(places / "usr", level=1)
    (x_train, _), _ = fashion_mnist.load(fashion_mnist.provide_data())
    assert x_train.shape == (6, 28, 28)


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def scrambled(path):
    path.write_bytes(gzip.compress(contents(path.name)[:-1] + b"\xff"))


def longer(path):
    path.write_bytes(gzip.compress(contents(path.name) + bytes(10_000_000)))


def not_gzip(path):
    path.write_bytes(b"<html>not found</html>")


def corrupt(path):
    raw = bytearray(path.read_bytes())
    raw[15:40] = bytes(25)
    path.write_bytes(raw)


BREAKS = [
    (cut, "cut short"),
    (scrambled, "wrong digest"),
    (longer, "wrong digest"),
    (not_gzip, "not a gzip file"),
    (corrupt, "damaged"),
]


@pytest.mark.parametrize(("break_it", "word"), BREAKS)
def test_a_broken_file_is_named_and_replaced(places, break_it, word):
    fill(places / "usr")
    fill(places / "own")
    break_it(places / "own" / IMAGES)
    said = []
    fashion_mnist.provide_data(said.append)
    assert len(said) == 1
    assert f"own/{IMAGES} is " in said[0]
    assert word in said[0]
    assert fashion_mnist.find_data() == fashion_mnist.DataFiles(places / "own")


def test_a_broken_source_is_named_and_passed_over(places):
    cut(fill(keras_folder(places)) / LABELS)
    fill(places / "usr")
    said = []
    fashion_mnist.provide_data(said.append)
    assert said == [f"{keras_folder(places) / LABELS} is cut short: it is passed over."]


def test_a_folder_in_the_place_of_a_file_is_not_readable(places):
    fill(places / "own")
    (places / "own" / LABELS).unlink()
    (places / "own" / LABELS).mkdir()
    assert "not readable" in fashion_mnist._problem(places / "own" / LABELS)
    assert fashion_mnist.find_data() is None


def test_debian_package_is_downloaded_and_unpacked_without_root(places, monkeypatch):
    packed = fill(places / "packed")
    script(places / "bin" / "apt-get", 'echo "$@" > asked; echo x > data_1_all.deb')
    inside = (places / "usr").relative_to("/")
    script(places / "bin" / "dpkg", f'[ "$1" = -x ] && mkdir -p "$3/{inside}" && cp {packed}/* "$3/{inside}/"')
    monkeypatch.setenv("PATH", f"{places / 'bin'}:/usr/bin:/bin")
    said = []
    assert fashion_mnist.provide_data(said.append).directory == places / "own"
    assert said == ["Fetching Debian's package dataset-fashion-mnist …"]


def test_keras_downloads_when_debian_cannot(places, monkeypatch):
    packed = fill(places / "packed")
    script(places / "bin" / "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    script(places / "bin" / "dpkg", "exit 1")
    script(
        places / "bin" / "python",
        f'mkdir -p "$KERAS_HOME/datasets" && cp -r {packed} "$KERAS_HOME/datasets/fashion-mnist"',
    )
    monkeypatch.setenv("PATH", f"{places / 'bin'}:/usr/bin:/bin")
    said = []
    assert fashion_mnist.provide_data(said.append).directory == places / "own"
    assert said[1:] == [
        "`apt-get` did not succeed: E: Unable to locate package",
        "Fetching through keras.datasets.fashion_mnist …",
    ]
    assert not (places / "keras").exists()


def test_a_fetch_that_hangs_or_fails_silently_is_not_waited_for(places, monkeypatch):
    script(places / "bin" / "apt-get", "exec sleep 30")
    script(places / "bin" / "dpkg", "")
    script(places / "bin" / "python", "exit 3")
    monkeypatch.setenv("PATH", f"{places / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(fashion_mnist, "_FETCH_TIMEOUT_S", 0.2)
    said = []
    with pytest.raises(DataError):
        fashion_mnist.provide_data(said.append)
    assert "timed out" in said[1]
    assert said[-1].startswith("`python` did not succeed: ")


def test_a_folder_that_cannot_be_written(places):
    fill(places / "usr")
    (places / "own").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="set GRADE_DATA to a folder that can be written"):
        fashion_mnist.provide_data()


def test_cache_directory_follows_the_environment(monkeypatch):
    monkeypatch.delenv("GRADE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert fashion_mnist.cache_directory() == Path("/somewhere/grade/datasets/fashion-mnist")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert fashion_mnist.cache_directory() == Path.home() / ".cache/grade/datasets/fashion-mnist"
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert fashion_mnist._keras_cache() == Path.home() / ".keras/datasets/fashion-mnist"


def test_load_gives_read_only_arrays(places):
    fill(places / "own")
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load(fashion_mnist.provide_data())
    assert [a.shape for a in (x_train, y_train, x_test, y_test)] == [(6, 28, 28), (6,), (2, 28, 28), (2,)]
    assert x_train.dtype == np.uint8
    assert x_train[0, 0, 5] == 5
    with pytest.raises(ValueError, match="read-only"):
        x_train[0, 0, 0] = 1


def test_load_refuses_a_broken_file(places):
    files = fashion_mnist.DataFiles(fill(places / "own"))
    scrambled(places / "own" / LABELS)
    with pytest.raises(DataError, match=f"{LABELS} is damaged .* run `grade data fetch`"):
        fashion_mnist.load(files)


def test_the_official_files():
    """The real data set: ten classes of equal size in both sets, and names that Keras looks for."""
    files = fashion_mnist.find_data() or fashion_mnist.provide_data()
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load(files)
    assert x_train.shape == (60_000, 28, 28)
    assert x_test.shape == (10_000, 28, 28)
    assert np.bincount(y_train).tolist() == [6_000] * 10
    assert np.bincount(y_test).tolist() == [1_000] * 10
    assert y_test[:5].tolist() == [9, 2, 1, 1, 6]
    assert all(os.access(files.directory / name, os.R_OK) for name in fashion_mnist.KERAS_NAMES)
