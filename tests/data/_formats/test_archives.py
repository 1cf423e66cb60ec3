"""Compressed files and arrays whose headers lie: refused before memory is taken."""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data import read


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def with_shape(shape: str, dtype: str = "<f8") -> bytes:
    content = npy(np.zeros((4, 2)))
    header = content[10:128].replace(b"(4, 2)", shape.encode()).replace(b"<f8", dtype.encode())
    return content[:10] + header.rstrip().ljust(117) + b"\n" + content[128:]


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_shape(f"({10**18}, 2)"), r"it holds 64 bytes, but 16000000000000000000 make an array of shape"),
        (with_shape("(-1, 2)"), "it holds 64 bytes, but -16 make an array"),
        (with_shape("(4, 1)"), "it holds 64 bytes, but 32 make an array"),
        (with_shape(f"({10**18},)", "|V0"), "it holds 64 bytes, but 0 make an array"),
        (with_shape("(4, 2)", "|O"), "it holds Python objects, which could run code"),
        (npy(np.zeros((4, 2))) + npy(np.ones((4, 2))), "it holds 256 bytes, but 64 make an array"),
        (npy(np.zeros((4, 2)))[:-1], "it holds 63 bytes, but 64 make an array"),
        (npy(np.zeros(2))[:6] + b"\3" + npy(np.zeros(2))[7:], r"version \(3, 0\) of \.npy, whose arrays have fields"),
    ],
)
def test_headers_that_do_not_match_the_content(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", content)
    with pytest.raises(InputError, match=rf"a\{suffix} cannot be read.*{message}"):
        read(path)


@pytest.mark.parametrize(
    "array",
    [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype=">i4"), np.zeros((0, 2)), np.float16(1.5)],
)
def test_sound_arrays_are_read(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", array)
    for name in ("a.npy", "a.npz"):
        found = read(tmp_path / name)
        assert isinstance(found, np.ndarray)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert (found == array).all()


@pytest.mark.parametrize("name", ["a.csv.gz", "a.npz"])
def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, name: str) -> None:
    zeros = bytes(100_000_000)
    if name == "a.npz":
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", zeros)
    else:
        (tmp_path / name).write_bytes(gzip.compress(zeros))
    del zeros
    tracemalloc.start()
    with pytest.raises(InputError, match=rf"{re.escape(name)} would take over \d+ MB of memory, 200 times its size"):
        read(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**28


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy(np.zeros(2)))
        archive.writestr("x.npy", npy(np.ones(2)))
    with pytest.raises(InputError, match=r"holds 2 arrays \(x, x\); expected one, or one named x"):
        read(tmp_path / "a.npz")
