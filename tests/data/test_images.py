"""Folders of images: order, colours, sizes, damage."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unnoise._errors import InputError
from unnoise.data import read, write


def pictures(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(12, 5, 7), (12, 3, 5, 7)])
def test_images_go_there_and_back_in_order(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = pictures(shape)
    write(images, tmp_path / "images")
    assert sorted(path.name for path in (tmp_path / "images").iterdir())[:2] == ["00000.png", "00001.png"]
    back = read(tmp_path / "images")
    assert isinstance(back, np.ndarray)
    assert back.dtype == np.uint8
    assert (back == images).all()


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".JPEG", ".webp"])
def test_every_type_is_read_and_other_files_are_passed_over(tmp_path: Path, suffix: str) -> None:
    for name, value in (("b", 200), ("a", 50)):
        Image.fromarray(np.full((4, 6, 3), value, dtype=np.uint8)).save(tmp_path / f"{name}{suffix}")
    (tmp_path / "notes.txt").touch()
    images = read(tmp_path)
    assert images.shape == (2, 3, 4, 6)
    assert np.abs(images.mean((1, 2, 3)) - [50, 200]).max() < 5


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (np.zeros((4, 5), dtype=np.uint8), r"b\.png is 5 x 4 grey, but a\.png is 4 x 4 grey"),
        (np.zeros((4, 4, 3), dtype=np.uint8), r"b\.png is 4 x 4 RGB, but a\.png is 4 x 4 grey"),
        (
            np.zeros((4, 4, 4), dtype=np.uint8),
            r"b\.png has the colour mode RGBA; convert it to grey \(L\) or RGB",
        ),
    ],
)
def test_images_that_differ_are_named(tmp_path: Path, odd: np.ndarray, message: str) -> None:
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(odd).save(tmp_path / "b.png")
    with pytest.raises(InputError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 100, -300])
def test_damaged_images_are_named(tmp_path: Path, kept: int) -> None:
    Image.fromarray(pictures((40, 40))).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[:kept])
    with pytest.raises(InputError, match=r"The image .*a\.png is damaged or cut short and cannot be read: "):
        read(tmp_path)


def test_a_broken_checksum_is_damage(tmp_path: Path) -> None:
    Image.fromarray(pictures((40, 40))).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[100] ^= 255
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is damaged or cut short"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["link to nothing", "link to itself", "folder", "pipe"])
def test_names_of_images_that_are_no_files(tmp_path: Path, kind: str) -> None:
    Image.fromarray(pictures((4, 4))).save(tmp_path / "a.png")
    odd = tmp_path / "b.png"
    make = {
        "link to nothing": lambda: odd.symlink_to(tmp_path / "missing.png"),
        "link to itself": lambda: odd.symlink_to(odd),
        "folder": odd.mkdir,
        "pipe": lambda: os.mkfifo(odd),
    }
    make[kind]()
    with pytest.raises(InputError, match=r"The image .*b\.png is no file, or a link to nothing"):
        read(tmp_path)


def test_animations_are_refused(tmp_path: Path) -> None:
    first, second = (Image.fromarray(pictures((8, 8, 3)) // k) for k in (1, 2))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second])
    with pytest.raises(InputError, match=r"a\.webp has several frames; save each as an image of its own"):
        read(tmp_path)


@pytest.mark.parametrize(("mode", "name"), [("P", "a.png"), ("I;16", "a.png"), ("CMYK", "a.jpg"), ("1", "a.bmp")])
def test_other_colour_modes_are_refused(tmp_path: Path, mode: str, name: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / name)
    with pytest.raises(InputError, match=f"has the colour mode {mode}; convert it"):
        read(tmp_path)


@pytest.mark.parametrize("size", [(9000, 9000), (20000, 20000)])
def test_images_of_too_many_pixels_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    content = io.BytesIO()
    Image.new("L", (1, 1)).save(content, "png")
    header = b"IHDR" + struct.pack(">II", *size) + content.getvalue()[24:29]
    checksum = struct.pack(">I", zlib.crc32(header))
    (tmp_path / "a.png").write_bytes(content.getvalue()[:12] + header + checksum + content.getvalue()[33:])
    with pytest.raises(InputError, match=r"The image .*a\.png (has 9000 x 9000 pixels; scale|.*decompression bomb)"):
        read(tmp_path)


def test_folders_without_images_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no images \(\.png, \.jpg, \.jpeg, \.bmp, \.webp\)\.$"):
        read(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(InputError, match="it contains folders: name one of them"):
        read(tmp_path)
