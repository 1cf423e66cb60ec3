"""Tables of text that are deformed at random, with what is true of them: python -m tests.data.fuzzer SEED COUNT."""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import polars as pl

from unnoise._errors import InputError
from unnoise.data import Schema, read

Cells = list[list[str]]
DEFORMATIONS = (
    *("none", "separator", "quotes", "encoding", "cut", "mixed", "huge", "tiny", "bom", "ragged", "blank"),
    *("crlf", "nul", "missing", "decimal", "comment", "no header", "bytes", "written", "ends", "comment inside"),
)
SIGNS = (("$", "", ",", "."), ("", " €", ".", ","), ("", "%", "", "."), ("CHF ", "", "'", "."), ("", " kg", " ", ","))


def table(rng: random.Random) -> tuple[list[str], Cells]:
    """Names, and rows of a number, a whole number, a word and a code."""
    rows = [
        [
            f"{rng.gauss(50, 8):.2f}",
            str(rng.randrange(5)),
            rng.choice(["red", "green", "blue"]),
            f"{rng.randrange(300):05}",
        ]
        for _ in range(rng.randrange(12, 30))
    ]
    return ["price", "k", "colour", "code"], rows


def deformed(kind: str, rng: random.Random) -> tuple[bytes, dict[str, list[Any]] | None]:
    """The bytes of a file, and its columns as text where they are known for certain."""
    names, rows = table(rng)
    separator = rng.choice(";|\t") if kind == "separator" else ";" if kind == "decimal" else ","
    row = rng.randrange(len(rows))
    changes = {"mixed": "ten", "huge": "1e308", "tiny": "5e-324", "missing": rng.choice(["", "NA", "None"])}
    if kind in changes:
        rows[row][0] = changes[kind]
    truth: dict[str, list[Any]] | None = {n: [r[i] for r in rows] for i, n in enumerate(names)}
    if kind == "decimal":
        rows = [[r[0].replace(".", ","), *r[1:]] for r in rows]
    if kind == "written":
        rows, separator = written(rows, rng), ";"
        truth = {n: [r[i] for r in rows] for i, n in enumerate(names)}
    if kind == "quotes":
        rows = [[f'"{cell}"' for cell in r] for r in rows]
    lines = [separator.join(r) for r in ([] if kind == "no header" else [names]) + rows]
    if kind == "ragged":
        lines[1 + row] += separator + "7"
    if kind == "blank":
        lines.insert(rng.randrange(len(lines)), "")
    if kind == "ends":
        lines = [lines[0] + separator * rng.randrange(2), *(line + separator for line in lines[1:])]
    if kind == "comment inside":
        lines.insert(1 + rng.randrange(len(rows)), "# second part")
    if kind == "comment":
        lines.insert(0, "# made by hand")
    content = (("\r\n" if kind == "crlf" else "\n").join(lines) + "\n").encode()
    if kind == "bom":
        content = b"\xef\xbb\xbf" + content
    if kind == "encoding":
        content = content.replace(b"red", "gr\u00fcn".encode("latin-1"))
    if kind == "nul":
        content = content.replace(b"e", b"\0", 1)
    if kind == "cut":
        content, truth = content[: rng.randrange(len(content))], None
    if kind == "bytes":
        content = bytes(rng.randrange(256) if rng.random() < 0.02 else byte for byte in content)
    if kind in ("bytes", "ragged", "encoding", "nul"):
        truth = None
    if kind == "no header" and truth is not None:
        truth = {f"x{i}": held for i, held in enumerate(truth.values())}
    return content, truth


def written(rows: Cells, rng: random.Random) -> Cells:
    """The rows with signs around their first numbers, which are larger."""
    before, after, group, point = rng.choice(SIGNS)
    numbers = [float(row[0]) * rng.choice([1, 1000]) for row in rows]
    texts = [f"{number:,.2f}".replace(",", "_").replace(".", point).replace("_", group) for number in numbers]
    return [[before + text + after, *row[1:]] for text, row in zip(texts, rows, strict=True)]


def fault(kind: str, content: bytes, truth: dict[str, list[Any]] | None, folder: Path) -> str | None:
    """What is wrong with how a file is read, if anything is."""
    path = folder / "rows.csv"
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            frame = read(path)
            schema = Schema.infer(frame)
        except InputError as error:
            return None if truth is None and "\n" not in str(error).strip() else f"{kind}: refused: {error}"
        except Exception as error:
            return f"{kind}: {type(error).__name__}: {error}"
    if kind in ("ragged", "nul", "encoding") and not (kind == "encoding" and b"\xfc" not in content):
        return f"{kind}: read without a word"
    if truth is None or not isinstance(frame, pl.DataFrame):
        return None
    if frame.columns != list(truth):
        return f"{kind}: columns {frame.columns}"
    for name, held in truth.items():
        expected = [None if cell in ("", "NA", "None") else cell for cell in held]
        numbers = frame[name].dtype.is_numeric()
        got = [None if v is None else float(v) if numbers else v for v in frame[name].to_list()]
        if got != [None if v is None else float(v) if numbers else v for v in expected]:
            return f"{kind}: {name}: {got[:3]} for {expected[:3]}"
    text = frame.dtypes[0] == pl.String
    if kind == "written":
        values = schema.container.split(frame)
        same = values["price"].dtype.kind == "f" and schema.container.join(values).equals(frame)
        return None if same else f"{kind}: {truth['price'][:3]} are no numbers, or come back otherwise"
    return f"{kind}: numbers are text without a word" if text and not said else None


def faults(seed: int, count: int) -> list[str]:
    """Of `count` files."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        kinds = [DEFORMATIONS[i % len(DEFORMATIONS)] for i in range(count)]
        found = [fault(kind, *deformed(kind, rng), Path(folder)) for kind in kinds]
    return [one for one in found if one is not None]


if __name__ == "__main__":
    print("\n".join(faults(int(sys.argv[1]), int(sys.argv[2]))) or "no faults")
