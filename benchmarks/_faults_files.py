"""Deformed files of data, each with what must come out: a refusal, the right table, or one of both."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _faults_verdicts import ANY, DONE, REFUSED

Rows = list[list[str]]
Deform = Callable[[random.Random], tuple[str, bytes, str]]  # the name of the file, its content, what is expected
NAMES = ["height", "age", "pet"]


def table(rng: random.Random, n: int = 30) -> Rows:
    """A header and rows of two numbers and a category."""
    pets = ("cat", "dog", "newt")
    rows = [[f"{rng.gauss(170, 10):.2f}", str(rng.randint(18, 90)), rng.choice(pets)] for _ in range(n)]
    rows[0][1], rows[1][1] = "17", "91"
    return [NAMES, *rows]


def text(rows: Rows, delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """As a text."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return stream.getvalue()


def column(place: int, change: Callable[[str], str], every: int = 1) -> Callable[[Rows], Rows]:
    """Change every so many cells of a column."""

    def changed(rows: Rows) -> Rows:
        return [
            [change(cell) if at == place and number and number % every == 0 else cell for at, cell in enumerate(row)]
            for number, row in enumerate(rows)
        ]

    return changed


def header(*names: str) -> Callable[[Rows], Rows]:
    """Other names."""
    return lambda rows: [list(names), *rows[1:]]


def utf8(change: Callable[[str], str]) -> Callable[[Rows], bytes]:
    """A change of the text."""
    return lambda rows: change(text(rows)).encode("utf-8", "surrogatepass")


WAYS_OF_TABLES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "as it is": (lambda rows: rows, DONE),
    "reordered columns": (lambda rows: [row[::-1] for row in rows], DONE),
    "a name with = and a comma": (header("a=b", "c,d", "e"), DONE),
    "a name of blanks": (header(" ", "age", "pet"), ANY),
    "an empty name": (header("", "age", "pet"), ANY),
    "one name twice": (header("age", "age", "pet"), REFUSED),
    "a long name": (header("h" * 100_000, "age", "pet"), ANY),
    "names of signs": (header("é\u202e☃", "年齢", "🐈"), DONE),
    "a name of a line": (header("a\nb", "age", "pet"), ANY),
    "only a header": (lambda rows: rows[:1], REFUSED),
    "one row": (lambda rows: rows[:2], REFUSED),
    "a constant column": (column(0, lambda cell: "5"), ANY),
    "an empty column": (column(0, lambda cell: ""), REFUSED),
    "a level per row": (lambda rows: [rows[0], *([a, b, f"p{i}"] for i, (a, b, _) in enumerate(rows[1:]))], ANY),
    "a long row": (lambda rows: [*rows, [*rows[-1], "7"]], REFUSED),
    "a short row": (lambda rows: [*rows[:9], rows[9][:2], *rows[10:]], ANY),
    "infinite": (column(0, lambda cell: "inf", 5), REFUSED),
    "too large": (column(0, lambda cell: "1e400", 5), REFUSED),
    "huge": (column(0, lambda cell: "1e300", 5), ANY),
    "beyond 64 bits": (column(1, lambda cell: "9" * 25, 5), ANY),
    "quoted lines": (column(2, lambda cell: f"{cell}\nand, more", 3), DONE),
    "a long cell": (column(2, lambda cell: "x" * 1_000_000, 17), ANY),
    "exponents": (column(0, lambda cell: f"{float(cell):e}"), DONE),
    "plus signs": (column(0, lambda cell: f"+{cell}"), DONE),
    "blanks around numbers": (column(0, lambda cell: f" {cell} "), DONE),
    "hexadecimal": (column(1, lambda cell: hex(int(cell))), ANY),
    "other digits": (column(1, lambda cell: cell.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))), ANY),
    "dates": (column(2, lambda cell: "2024-01-05"), ANY),
}
for _mark in ("", "NA", "N/A", "nan", "NaN", "null", "None", "NULL", "-", "?", ".", "n/a", "#N/A", "missing"):
    WAYS_OF_TABLES[f"missing as {_mark!r}"] = (column(0, lambda cell, mark=_mark: mark, 6), ANY)  # type: ignore[misc]
for _unit in ("$", "€", "£"):
    WAYS_OF_TABLES[f"with {_unit}"] = (column(0, lambda cell, unit=_unit: unit + cell), ANY)  # type: ignore[misc]
NUMBERS_AS_TEXT = {name for name in WAYS_OF_TABLES if name.startswith(("missing as", "with "))} | {"other digits"}

WAYS_OF_TEXTS: dict[str, tuple[Callable[[Rows], bytes], str]] = {
    "CRLF": (lambda rows: text(rows, end="\r\n").encode(), DONE),
    "CR": (lambda rows: text(rows, end="\r").encode(), ANY),
    "semicolons": (lambda rows: text(rows, ";").encode(), DONE),
    "tabs": (lambda rows: text(rows, "\t").encode(), DONE),
    "bars": (lambda rows: text(rows, "|").encode(), ANY),
    "quotes": (lambda rows: text(rows, quoting=csv.QUOTE_ALL).encode(), DONE),
    "byte order mark": (lambda rows: b"\xef\xbb\xbf" + text(rows).encode(), DONE),
    "leading lines": (utf8(lambda words: "\n\n\n" + words), DONE),
    "trailing lines": (utf8(lambda words: words + "\n\n\n"), DONE),
    "no last end of line": (utf8(lambda words: words.rstrip()), DONE),
    "# before the header": (utf8(lambda words: "#" + words), DONE),
    "UTF-16": (lambda rows: text(rows).encode("utf-16"), ANY),
    "Latin-1": (lambda rows: text(rows).replace("newt", "Köter").encode("latin-1"), REFUSED),
    "zero bytes": (utf8(lambda words: words.replace("cat", "c\0t")), ANY),
    "only zero bytes": (lambda rows: b"\0" * 1000, REFUSED),
    "empty": (lambda rows: b"", REFUSED),
    "empty lines": (lambda rows: b"\n\n\n", REFUSED),
    "an open quote": (utf8(lambda words: words.replace("cat", '"cat', 1)), ANY),
    "noise": (lambda rows: random.Random(0).randbytes(2000), REFUSED),
    "many columns": (lambda rows: (",".join(f"x{i}" for i in range(3000)) + "\n" + "1," * 2999 + "1\n").encode(), ANY),
    "a picture": (lambda rows: b"\x89PNG\r\n\x1a\n" + b"\0" * 100, REFUSED),
}


def csv_file(rng: random.Random) -> tuple[str, bytes, str]:
    """A text file: a deformed table, or a text that is spoiled."""
    rows = table(rng)
    if rng.random() < 0.6:
        way = rng.choice(list(WAYS_OF_TABLES))
        change, expected = WAYS_OF_TABLES[way]
        content = text(change(rows)).encode()
    else:
        way = rng.choice(list(WAYS_OF_TEXTS))
        spoil, expected = WAYS_OF_TEXTS[way]
        content = spoil(rows)
    if rng.random() < 0.1:
        return f"{way}.csv.gz", gzip.compress(content), expected
    return f"{way}.csv", content, expected


def damaged(kind: str, content: bytes, rng: random.Random) -> tuple[str, bytes, str]:
    """Any file, cut off, with flipped bits, or with bytes of its own."""
    way, place = rng.choice(("cut off", "flipped bits", "zeros inside", "bytes more")), rng.randrange(len(content))
    spoiled = bytearray(content)
    if way == "cut off":
        spoiled = spoiled[:place]
    elif way == "flipped bits":
        for _ in range(rng.randint(1, 8)):
            spoiled[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif way == "zeros inside":
        spoiled[place : place + 16] = bytes(len(spoiled[place : place + 16]))
    else:
        spoiled[place:place] = rng.randbytes(16)
    return f"{way} at {place}{kind}", bytes(spoiled), ANY


def parquet_columns() -> dict[str, Any]:
    """Columns of all types that parquet has."""
    import datetime
    from decimal import Decimal

    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(30)]
    return {
        "dates": days,
        "times": [datetime.datetime.combine(day, datetime.time(3)) for day in days],
        "spans": [datetime.timedelta(seconds=i) for i in range(30)],
        "decimals": [Decimal(i) / 100 for i in range(30)],
        "lists": [[i, 1] for i in range(30)],
        "structs": [{"a": i} for i in range(30)],
        "bytes": [bytes([i]) for i in range(30)],
        "nothing": [None] * 30,
        "truths": [i % 3 == 0 for i in range(30)],
        "NaN": [float("nan") if i % 7 == 0 else i / 3 for i in range(30)],
        "large": [2**63 - 1 - i for i in range(30)],
    }


def parquet_file(rng: random.Random) -> tuple[str, bytes, str]:
    """A parquet file of one odd column beside a good one, empty, or damaged."""
    import pyarrow as pa
    import pyarrow.parquet

    columns: dict[str, Any] = parquet_columns()
    way = rng.choice([*columns, "no rows", "no columns", "damaged", "damaged", "float16", "dictionary", "index"])
    good = [rng.gauss(0, 1) for _ in range(30)]
    expected = REFUSED if way in ("no rows", "no columns") else ANY
    held: Any = {"height": good}
    if way in columns:
        held[way] = columns[way]
    elif way == "float16":
        held[way] = pa.array(np.arange(30, dtype=np.float16))
    elif way == "dictionary":
        held[way] = pa.array([str(i % 3) for i in range(30)]).dictionary_encode()
    elif way == "index":
        held["__index_level_0__"] = list(range(30))
    frame = pa.table({} if way == "no columns" else held)
    stream = io.BytesIO()
    pa.parquet.write_table(frame.slice(0, 0) if way == "no rows" else frame, stream)
    if way == "damaged":
        return damaged(".parquet", stream.getvalue(), rng)
    return f"{way}.parquet", stream.getvalue(), expected


def arrays(draws: np.random.Generator) -> dict[str, tuple[Any, str]]:
    """Arrays of all types and shapes."""
    good = draws.normal(size=(30, 2))
    hole, endless = good.copy(), good.copy()
    hole[3, 1], endless[3, 1] = np.nan, np.inf
    return {
        "numbers": (good, DONE),
        "column-major": (np.asfortranarray(good), DONE),
        "big-endian": (good.astype(">f8"), DONE),
        "half": (good.astype(np.float16), DONE),
        "long": (good.astype(np.longdouble), ANY),
        "complex": (good.astype(complex), REFUSED),
        "objects": (good.astype(object), REFUSED),
        "texts": (good.astype(str), ANY),
        "bytes": (good.astype("S8"), ANY),
        "truths": (good > 0, ANY),
        "dates": (np.arange(60).reshape(30, 2).astype("M8[D]"), ANY),
        "records": (np.zeros(30, [("a", float), ("b", int)]), ANY),
        "no axes": (np.float64(3.0), REFUSED),
        "one axis": (good[:, 0], ANY),
        "five axes": (draws.normal(size=(30, 2, 2, 2, 2)), ANY),
        "no rows": (good[:0], REFUSED),
        "no columns": (good[:, :0], REFUSED),
        "one row": (good[:1], REFUSED),
        "NaN": (hole, REFUSED),
        "infinite": (endless, REFUSED),
        "huge": (good * 1e300, ANY),
        "tiny": (good * 1e-300, ANY),
        "unsigned": ((2**63 + draws.integers(0, 99, (30, 2)).astype(np.uint64)), ANY),
        "constant": (np.ones((30, 2)), REFUSED),
    }


def npy(array: Any) -> bytes:
    """As the bytes of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def npy_file(rng: random.Random) -> tuple[str, bytes, str]:
    """An array of any type, one whose header lies, or a damaged one."""
    known = arrays(np.random.default_rng(rng.randrange(10**6)))
    way = rng.choice([*known, "damaged", "damaged", "damaged", "lies"])
    if way == "damaged":
        return damaged(".npy", npy(known["numbers"][0]), rng)
    if way == "lies":
        content = npy(known["numbers"][0])
        lie = rng.choice((b"(30, 2000000000)", b"(-1, 2)", b"(99999999999999,2)", b"(__import__('os'),)", b"30"))
        return "lies.npy", content.replace(b"(30, 2)" + b" " * (len(lie) - 7), lie.ljust(7), 1), REFUSED
    array, expected = known[way]
    return f"{way}.npy", npy(array), expected


def npz_file(rng: random.Random) -> tuple[str, bytes, str]:
    """An archive of arrays: several, none, pickles, damage, or much more than it looks."""
    known = arrays(np.random.default_rng(0))
    good = npy(known["numbers"][0])
    archives: dict[str, tuple[dict[str, bytes], str]] = {
        "one": ({"a.npy": good}, DONE),
        "x among two": ({"x.npy": good, "y.npy": good}, DONE),
        "two": ({"a.npy": good, "b.npy": good}, REFUSED),
        "none": ({}, REFUSED),
        "objects": ({"a.npy": npy(known["objects"][0])}, REFUSED),
        "no array": ({"a.txt": b"hello"}, REFUSED),
        "a path": ({"../../a.npy": good}, ANY),
        "a bomb": (
            {"a.npy": npy(np.zeros((3, 2)))[:128].replace(b"(3, 2)     ", b"(99999999,4") + b"\0" * 10**8},
            REFUSED,
        ),
    }
    way = rng.choice([*archives, "damaged", "damaged"])
    held, expected = archives["one" if way == "damaged" else way]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return damaged(".npz", stream.getvalue(), rng) if way == "damaged" else (f"{way}.npz", stream.getvalue(), expected)


def safetensors_file(rng: random.Random) -> tuple[str, bytes, str]:
    """A file of tensors: of odd types, with a header that lies, or damaged."""
    import json

    data = np.random.default_rng(0).normal(size=(30, 2)).astype("<f4").tobytes()
    entry: dict[str, Any] = {"dtype": "F32", "shape": [30, 2], "data_offsets": [0, 240]}
    headers: dict[str, tuple[Any, str]] = {
        "one": ({"a": entry}, DONE),
        "none": ({}, REFUSED),
        "huge": ({"a": entry | {"shape": [2**40, 2**40]}}, REFUSED),
        "elsewhere": ({"a": entry | {"data_offsets": [0, 10**12]}}, REFUSED),
        "another type": ({"a": entry | {"dtype": "F8_E4M3", "shape": [120, 2]}}, ANY),
        "bfloat16": ({"a": entry | {"dtype": "BF16", "shape": [60, 2]}}, ANY),
        "truths": ({"a": entry | {"dtype": "BOOL", "shape": [120, 2]}}, ANY),
        "a list": ([], REFUSED),
        "deep": ({"a": entry, "__metadata__": {"a": "[" * 1000}}, ANY),
    }
    way = rng.choice([*headers, "damaged", "damaged", "length"])
    held, expected = headers.get(way, headers["one"])
    words = json.dumps(held).encode()
    length = rng.choice((2**63, 10**9, 0)) if way == "length" else len(words)
    content = struct.pack("<Q", length) + words + data
    if way == "damaged":
        return damaged(".safetensors", content, rng)
    return f"{way}.safetensors", content, REFUSED if way == "length" else expected


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
