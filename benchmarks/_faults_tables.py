"""Deformed text files of tables, each with what must come out: a refusal, the right table, or one of both."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable

from _faults_verdicts import ANY, DONE, REFUSED

Rows = list[list[str]]
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
    WAYS_OF_TABLES[f"missing as {_mark!r}"] = (column(0, lambda cell, mark=_mark: mark, 11), ANY)  # type: ignore[misc]
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
