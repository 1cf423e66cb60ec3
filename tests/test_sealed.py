"""Every changed bit is seen, and equal contents are equal files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch

from unnoise._errors import InputError
from unnoise._sealed import BLANK, DamagedError, open_tensors, seal, verify, write_tensors

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([True, False]), "c": torch.tensor(3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "some.safetensors", TENSORS, {"format": "new", "more": '{"checksum": "no \u00e9"}'})
    return tmp_path / "some.safetensors"


def read(path: Path) -> dict[str, torch.Tensor]:
    with open_tensors(path, "new", "old") as file:
        return file.tensors()


def test_tensors_and_texts_come_back(path: Path) -> None:
    assert all(torch.equal(tensor, TENSORS[name]) for name, tensor in read(path).items())
    with open_tensors(path, "new", "old") as file:
        assert file.shapes == {"a": (2, 3), "b": (2,), "c": ()}
        assert file.metadata["more"] == '{"checksum": "no \u00e9"}'


def test_equal_contents_are_equal_files(path: Path) -> None:
    before = path.read_bytes()
    for _ in range(10):
        write_tensors(path, TENSORS, {"more": '{"checksum": "no \u00e9"}', "format": "new"})
        assert path.read_bytes() == before


def test_every_single_bit_is_seen(path: Path) -> None:
    content = path.read_bytes()
    with open(path, "rb+", buffering=0) as file:
        for place, byte in enumerate(content):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), place)
                with pytest.raises(InputError):
                    read(path)
            os.pwrite(file.fileno(), bytes([byte]), place)
    assert path.read_bytes() == content
    read(path)


def test_every_single_bit_of_a_text_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"checksum": BLANK, "n": 1, "text": "caf\u00e9"}))
    seal(path)
    content = bytearray(path.read_bytes())
    for place in range(8 * len(content)):
        content[place // 8] ^= 1 << place % 8
        with pytest.raises(DamagedError):
            verify(bytes(content))
        content[place // 8] ^= 1 << place % 8
    verify(bytes(content))


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 50, -1])
def test_what_is_cut_off_is_seen(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises((DamagedError, safetensors.SafetensorError)):
        read(path)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{", b"nothing", b'{"a": 3}', b'{"a": {"shape": "x"}}', b'{"__metadata__": 3}', b"[" * 10**5, b"\xff"],
)
def test_headers_that_are_none_are_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(DamagedError, match="its header is none"):
        read(path)


def test_a_header_longer_than_the_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes((10**15).to_bytes(8, "little") + b"{}")
    with pytest.raises(DamagedError, match="it is cut off"):
        read(path)


def test_formats_are_told_apart(path: Path) -> None:
    with (
        pytest.raises(InputError, match="its format is 'new', but 'newer' is expected"),
        open_tensors(path, "newer", "old"),
    ):
        pass
    safetensors.torch.save_file(TENSORS, path, metadata={"format": "old"})
    assert read(path).keys() == TENSORS.keys()  # the old one had no checksum
    safetensors.torch.save_file(TENSORS, path, metadata={"format": "new"})
    with pytest.raises(DamagedError, match="it has no checksum"):
        read(path)
