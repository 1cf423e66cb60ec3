"""The bytes of a text file as lines and fields: the encoding, comments, and what separates the fields."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import Any

from unnoise._errors import InputError, warn

_SEPARATORS = ",;\t|"
_OTHERS = ":~^&!"
_COMMENTS = (b"#", b"%", b"//")  # in the middle of a table
_LOOKED_AT, _FEWEST = 100, 3  # lines, for a guess of the separator
_WIDE = re.compile(r"\S {2,}\S")
_DECIMAL = re.compile(r"\s*[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+([eE][+-]?\d+)?\s*")
_GROUPED = re.compile(r"\s*[+-]?\d{1,3}(\.\d{3})*\s*")
_THREES = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SIGN = re.compile(rb"sep=([^\w\s]|\t)\r?\n", re.IGNORECASE)  # as Excel is told
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}  # before those of which they are longer ones
_MARKS |= {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_OPTION = "pass --encoding latin-1, cp1252 or utf-16 (encoding='latin-1')"


def as_utf8(content: bytes, source: str, encoding: str | None) -> bytes:
    """The content in UTF-8, without a mark at its start; an InputError at what is no text in its encoding."""
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    known = encoding or marked
    if known is None and b"\0" in content:
        raise InputError(f"{source} cannot be read: it is not a text file in UTF-8; if it is text, {_OPTION}.")
    try:
        text = content.decode(known or "utf-8")
    except (UnicodeDecodeError, UnicodeError) as error:
        raise _undecodable(content, source, known, error) from None
    if "\0" in text:
        raise InputError(f"{source} cannot be read: it is not a text file.")
    return content if known is None else text.removeprefix("\ufeff").encode("utf-8", "replace")


def encoding_of(content: bytes, said: str | None, usual: str | None) -> str | None:
    """What is said, what a mark at the start says, or the usual one where the content is no UTF-8; None for UTF-8."""
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if said or marked or usual is None:
        return said or marked
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return usual
    return None


def without_sign(content: bytes) -> tuple[bytes, str | None]:
    """The content without a first line that says what separates its fields, and what that says."""
    found = _SIGN.match(content)
    return (content[found.end() :], found[1].decode()) if found else (content, None)


def _undecodable(content: bytes, source: str, known: str | None, error: UnicodeError) -> InputError:
    if not isinstance(error, UnicodeDecodeError):
        return InputError(f"{source} cannot be read: it is no text in {known} ({error}); {_OPTION}.")
    line = content.count(b"\n", 0, error.start) + 1
    byte = f"line {line} holds the byte {content[error.start]:#x}"
    if known is not None:
        return InputError(f"{source} cannot be read: {byte}, which is no text in {known}; {_OPTION}.")
    return InputError(
        f"{source} cannot be read: {byte}, which is no text in utf-8, but perhaps in Latin-1 or Windows-1252; "
        f"{_OPTION}, or save it as UTF-8."
    )


def comments(content: bytes) -> tuple[str, int]:
    """The last line of comments before the table, and where the table begins."""
    start, last = 0, b""
    while start < len(content):
        end = content.find(b"\n", start) + 1 or len(content)
        line = content[start:end].strip(b" \r\n")
        if line and not line.startswith(b"#"):
            break
        start, last = end, line or last
    return last.decode("utf-8").lstrip("# "), start


def without_comments(table: bytes, separator: str, source: str) -> bytes:
    """The table without lines that begin with #, % or // and have other fields than its first; a warning says so."""
    if not any(b"\n" + mark in table for mark in _COMMENTS) or b'"' in table:  # a quote may hold a line
        return table
    sign, lines = separator.encode(), table.split(b"\n")
    comments = [line for line in lines if line.startswith(_COMMENTS) and line.count(sign) != lines[0].count(sign)]
    if not comments:
        return table
    shown = repr(comments[0].decode("utf-8").strip()[:40])
    many = f"{len(comments)} lines such as {shown}" if len(comments) > 1 else f"The line {shown}"
    warn(f"{many} of {source} {'are' if len(comments) > 1 else 'is'} left out, as comments are.")
    left_out = set(comments)
    return b"\n".join(line for line in lines if line not in left_out)


def without_single_quotes(table: bytes, separator: str, source: str) -> bytes:
    """The table with double quotes, where fields stand between single ones that hide separators or numbers."""
    sign = separator.encode()
    if b'"' in table or not (table.startswith(b"'") or sign + b"'" in table or b"\n'" in table):
        return table
    text = table.decode("utf-8")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, quotechar="'", strict=True))
    except csv.Error:  # apostrophes
        return table
    rows = [row for row in rows if row]
    if len({len(row) for row in rows}) != 1:
        return table
    plain = [line.split(separator) for line in text.splitlines() if line]
    open_ended = any(cell[:1] == "'" and (len(cell) < 2 or cell[-1] != "'") for row in plain for cell in row)
    if not open_ended and not _holds_quoted_numbers(plain[1:]):
        return table
    warn(f"The fields of {source} stand between single quotes, which are left out.")
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=separator, lineterminator="\n").writerows(rows)
    return made.getvalue().encode()


def _holds_quoted_numbers(rows: list[list[str]]) -> bool:
    """Whether all that stands in one of the columns are numbers between single quotes."""
    columns = [
        [cell.strip() for cell in column if cell.strip()] for column in itertools.zip_longest(*rows, fillvalue="")
    ]
    return any(
        column and all(cell[0] == cell[-1] == "'" and _NUMBER.fullmatch(cell[1:-1]) for cell in column)
        for column in columns
    )


def requoted(table: bytes, separator: str) -> bytes:
    """The table with quotes around fields only, doubled inside, where some stand within fields or after backslashes."""
    sign = re.escape(separator.encode())
    if b'"' not in table or not re.search(rb'\\"|(?m:(^|%s)[^%s"\r\n]+")' % (sign, sign), table):
        return table
    field = rb'(?>"(?:[^"]|"")*+"|[^"%s\r\n]*+)(?>%s|\r?\n|\Z)' % (sign, sign)
    if re.fullmatch(rb"(?:%s)*+" % field, table):
        return table
    text = table.decode("utf-8")
    ways: list[Any] = [{}, {"escapechar": "\\", "doublequote": False}]
    for way in ways:
        made = io.StringIO(newline="")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, **way)
        try:
            csv.writer(made, delimiter=separator, lineterminator="\n").writerows(reader)
        except csv.Error:  # which is said where rows are counted, if no way fits
            continue
        return made.getvalue().encode()
    return table


def without_ends(table: bytes, separator: str) -> bytes:
    """The table without separators at the end of each line but perhaps the first, after which nothing ever stands."""
    sign, (head, _, rest) = separator.encode(), table.partition(b"\n")
    if not rest.partition(b"\n")[0].rstrip(b"\r").endswith(sign):
        return table
    if b'"' in table:
        return _without_ends_beside_quotes(table, separator)
    head, rows = head.rstrip(b"\r").removesuffix(sign), [line.rstrip(b"\r") for line in rest.split(b"\n")]
    count = head.count(sign) + 1
    if not all(line.endswith(sign) and line.count(sign) == count for line in rows if line.strip()):
        return table
    return without_ends(b"\n".join([head, *(line.removesuffix(sign) for line in rows)]), separator)


def _without_ends_beside_quotes(table: bytes, separator: str) -> bytes:
    try:
        lines = list(csv.reader(io.StringIO(table.decode("utf-8"), newline=""), delimiter=separator, strict=True))
    except csv.Error:  # which is said where rows are counted
        return table
    width = max((place + 1 for place, name in enumerate(lines[0]) if name.strip()), default=0)
    if not all(len(line) > width and not any(line[width:]) for line in lines[1:] if line):
        return table
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=separator, lineterminator="\n").writerows(line[:width] for line in lines)
    return made.getvalue().encode()


def separated(table: bytes, separator: str | None, source: str) -> tuple[str, bytes]:
    """What separates the fields, and the table; blanks become tabs."""
    lines = [line for line in _lines(table) if line.strip(" ")]
    if separator is None and _is_blank_separated(lines):
        separator = " "
    if separator == " ":
        if b'"' in table:
            raise InputError(f"{source} has quotes between blanks; separate its fields by commas.")
        table = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", table)
        return "\t", re.sub(rb"[ \t]+", b"\t", table)
    if separator is None and _is_widely_separated(lines) and b'"' not in table:
        return "\t", re.sub(rb"[ \t]{2,}", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", table))
    found = separator or _guessed(lines)
    if separator is None and not any(found in line for line in lines):
        _warn_of_other_separators(lines, source)
    return found, table


def _lines(table: bytes) -> list[str]:
    """The first lines; of a long first line enough to see what separates it."""
    stream = io.BytesIO(table)
    lines = itertools.islice(iter(stream.readline, b""), _LOOKED_AT)
    return [re.sub(r'"[^"]*"', "", line.decode("utf-8").strip("\r\n")) for line in lines]


def _guessed(lines: list[str]) -> str:
    """The sign that is most frequent in the first line, unless another separates decimals with a comma."""
    first = lines[0] if lines else ""
    if _is_one_column(lines):
        return ";"
    for sign in ";\t|":
        counts = {line.count(sign) for line in lines}
        if len(counts) == 1 and min(counts) > 0 and _are_decimals(lines, sign):
            return sign
    most = max(_SEPARATORS, key=first.count)
    steady = [sign for sign in _SEPARATORS if first.count(sign) and len({line.count(sign) for line in lines}) == 1]
    return most if most in steady or not steady else max(steady, key=first.count)


def _are_decimals(lines: list[str], sign: str) -> bool:
    """Whether commas stand in numbers only, where this sign separates the fields."""
    held = [field for line in lines[1:] or lines for field in line.split(sign) if "," in field]
    return bool(held) and all(map(_DECIMAL.fullmatch, held))


def _is_one_column(lines: list[str]) -> bool:
    """Whether numbers with a decimal comma, or whole ones, stand under a name without any separator."""
    if len(lines) < 2 or any(sign in lines[0] for sign in _SEPARATORS) or _GROUPED.fullmatch(lines[0]):
        return False
    decimals = [line for line in lines[1:] if _DECIMAL.fullmatch(line)]
    whole = [line for line in lines[1:] if _GROUPED.fullmatch(line)]
    threes = all(_THREES.fullmatch(line) for line in decimals)  # as 1,100, where a comma may group thousands
    return not threes and len(decimals) + len(whole) == len(lines) - 1


def _is_blank_separated(lines: list[str]) -> bool:
    """Whether each line has as many words, one of which is a number in all but the first line."""
    rows = [line.split() for line in lines]
    if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return False
    if any(sign in line for line in lines for sign in _SEPARATORS if sign != "\t"):
        return False
    if all("\t" in line for line in lines) and len({line.count("\t") for line in lines}) == 1:
        return False
    columns = zip(*(rows[1:] or rows), strict=True)
    return any(all(map(_NUMBER.fullmatch, column)) for column in columns)


def _is_widely_separated(lines: list[str]) -> bool:
    """Whether each line has as many fields between two or more blanks, one of them a number in all but the first."""
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    if len(rows) < _FEWEST or len(rows[0]) < 2 or len({*map(len, rows)}) != 1:
        return False
    if any(sign in line for line in lines for sign in _SEPARATORS):
        return False
    return any(all(map(_NUMBER.fullmatch, column)) for column in zip(*rows[1:], strict=True))


def _warn_of_other_separators(lines: list[str], source: str) -> None:
    for sign in _OTHERS:
        counts = {line.count(sign) for line in lines}
        if len(lines) > 1 and len(counts) == 1 and min(counts) > 0:
            warn(
                f"{source} is read as one column, but each line holds {sign!r} as often; if it separates columns, pass "
                f"--separator '{sign}' (separator='{sign}')."
            )
            return
    if len(lines) > 1 and all(_WIDE.search(line) for line in lines):
        warn(
            f"{source} is read as one column, but each line holds several blanks in a row; if its columns have fixed "
            "widths, separate them by commas."
        )


def record(table: bytes, separator: str, source: str) -> tuple[list[str], int]:
    """The fields of the first line, and where the next begins."""
    stream = io.BytesIO(table)
    try:
        lines = (line.decode("utf-8") for line in iter(stream.readline, b""))
        fields = next(_fields(lines, separator), [])
    except csv.Error as error:
        raise InputError(f"{source} cannot be read: {error} in the first line.") from None
    if not fields:
        raise InputError(f"{source} holds no rows of data.")
    return [field.strip() for field in fields], stream.tell()


def _fields(lines: Iterator[str], separator: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=separator, strict=True)
