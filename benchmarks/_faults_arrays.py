"""Deformed parquet files, arrays and tensors, each with what must come out: a refusal, a model, or one of both."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from typing import Any

import numpy as np
from _faults_verdicts import ANY, DONE, REFUSED


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
        "NaN": (hole, DONE),
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


HEADER = 128  # bytes, of a small array, the last one a new line


def npy_file(rng: random.Random) -> tuple[str, bytes, str]:
    """An array of any type, one whose header lies, or a damaged one."""
    known = arrays(np.random.default_rng(rng.randrange(10**6)))
    way = rng.choice([*known, "damaged", "damaged", "damaged", "lies"])
    if way == "damaged":
        return damaged(".npy", npy(known["numbers"][0]), rng)
    if way == "lies":
        content = npy(known["numbers"][0])
        lie = rng.choice((b"(30, 2000000000)", b"(-1, 2)", b"(99999999999999,2)", b"(__import__('os'),)", b"30"))
        header = content[: HEADER - 1].replace(b"(30, 2)", lie).rstrip()
        return "lies.npy", header.ljust(HEADER - 1) + content[HEADER - 1 :], REFUSED
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
