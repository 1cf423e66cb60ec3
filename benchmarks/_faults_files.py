"""Deformed inputs of all kinds: files, folders of images, and what is no file at all."""

from __future__ import annotations

import io
import os
import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _faults_arrays import damaged, npy_file, npz_file, parquet_file, safetensors_file
from _faults_tables import csv_file
from _faults_verdicts import ANY, DONE, REFUSED

Deform = Callable[[random.Random], tuple[str, bytes, str]]  # the name of the file, its content, what is expected


def image(shape: tuple[int, ...], draws: np.random.Generator, kind: str = "PNG") -> bytes:
    """A picture of noise."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(draws.integers(0, 256, shape, dtype=np.uint8)).save(stream, kind)
    return stream.getvalue()


def image_folder(rng: random.Random, home: Path) -> tuple[Path, str]:
    """Write a folder of images, one of them odd; what is expected."""
    folder = home / "images"
    draws = np.random.default_rng(rng.randrange(10**6))
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.png").write_bytes(image((8, 8), draws))
    good = image((8, 8), draws)
    bomb = good[:16] + struct.pack(">II", 60_000, 60_000) + good[24:]
    ways: dict[str, tuple[Callable[[], object], str]] = {
        "nothing": (lambda: None, DONE),
        "another size": (lambda: (folder / "x.png").write_bytes(image((9, 8), draws)), REFUSED),
        "colours": (lambda: (folder / "x.png").write_bytes(image((8, 8, 3), draws)), ANY),
        "a text": (lambda: (folder / "x.png").write_text("hello"), REFUSED),
        "cut off": (lambda: (folder / "x.png").write_bytes(good[: len(good) // 2]), REFUSED),
        "a bomb": (lambda: (folder / "x.png").write_bytes(bomb), REFUSED),
        "a folder": (lambda: (folder / "x.png").mkdir(), ANY),
        "a pipe": (lambda: os.mkfifo(folder / "x.png"), ANY),
        "a dead link": (lambda: (folder / "x.png").symlink_to("nowhere"), ANY),
        "a loop": (lambda: (folder / "x.png").symlink_to("x.png"), ANY),
        "notes": (lambda: (folder / "notes.txt").write_text("hello"), ANY),
        "JPEG": (lambda: (folder / "x.jpg").write_bytes(image((8, 8), draws, "JPEG")), ANY),
        "none": (lambda: [path.unlink() for path in folder.iterdir()], REFUSED),
        "flipped": (lambda: (folder / "x.png").write_bytes(damaged("", good, rng)[1]), ANY),
    }
    way = rng.choice(list(ways))
    make, expected = ways[way]
    make()
    return folder.rename(home / f"images, {way}"), expected


def no_file(rng: random.Random, folder: Path) -> tuple[Path, str]:
    """Write something that is no file of data under the name of one."""
    path = folder / f"data{rng.choice(('.csv', '.parquet', '.npy', '.npz', '.safetensors', '.csv.gz'))}"
    way = rng.choice(
        ("a pipe", "a device", "null", "a socket", "a loop", "a dead link", "a folder", "nothing", "noise")
    )
    makers: dict[str, Callable[[], object]] = {
        "a pipe": lambda: os.mkfifo(path),
        "a device": lambda: path.symlink_to("/dev/zero"),
        "null": lambda: path.symlink_to("/dev/null"),
        "a socket": lambda: socket.socket(socket.AF_UNIX).bind(str(path.relative_to(Path.cwd()))),
        "a loop": lambda: path.symlink_to(path),
        "a dead link": lambda: path.symlink_to("nowhere"),
        "a folder": path.mkdir,
        "nothing": lambda: path.with_name(path.name + "x").touch(),
        "noise": lambda: path.write_bytes(rng.randbytes(1000)),
    }
    makers[way]()
    return path, REFUSED


FILES: tuple[Deform, ...] = (csv_file, csv_file, csv_file, parquet_file, npy_file, npz_file, safetensors_file)
FOLDERS = (image_folder, no_file)
