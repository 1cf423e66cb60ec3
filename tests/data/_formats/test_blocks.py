"""Large tables of text that come in blocks are those that are read at once, in whatever way they are written."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from unnoise import InputError
from unnoise.data import files
from unnoise.data._formats import blocks
from unnoise.data.scans import Held, Scan, opened

N = 120
CHANCE = random.Random(0)


def rows(row: Callable[[int], str], above: str = "a,b\n") -> str:
    return above + "".join(f"{row(i)}\n" for i in range(N))


def one(*texts: str) -> str:
    return CHANCE.choice(texts)


WAYS = {
    "decimal commas": rows(lambda i: f"{i},5;{i}", "a;b\n"),
    "decimal commas and a dash": rows(lambda i: f"{one('-', '1,5', '2,25', '1.200,5')};{i}", "a;b\n"),
    "decimal commas and n.a. between tabs": rows(lambda i: f"{one('n.a.', '1,5', '2,25', '3')}\t{i}", "a\tb\n"),
    "marks": rows(lambda i: f"{one('-', 'ND', 'n/a', 'NA', '3.5', '2')},{one('x', 'y', '?')}"),
    "words": rows(lambda i: f"{one('ERR', *map(str, range(60)))},{one('2021-03-04', 'unknown')}"),
    "no names": rows(lambda i: f"{i / 8},{i}", ""),
    "units": rows(lambda i: f"{i},{i / 8}", "t,v\n[s],[mV]\n"),
    "titles": rows(lambda i: f"{i},{i / 8}", "Made by X\n\nt,v\n"),
    "quotes": rows(lambda i: f'"{one("x, y", "z")}",{i}'),
    "a mark of UTF-8": rows(lambda i: f"{i},{i / 8}", "\ufeffa,b\n"),
    "names of rows": rows(lambda i: f"{i + 1},{i / 8},{2 * i}"),
    "an index": rows(lambda i: f"{i},{i / 8},{i % 3}", ",a,b\n"),
    "thousands": rows(lambda i: f'"{1000 + i:,}",{i}'),
    "zeros that come late": rows(lambda i: f"{i if i < 100 else f'0{i}'},{i}"),
    "fractions that come late": rows(lambda i: f"{i if i < 100 else i / 8},{'' if i < 110 else i}"),
    "truth, and other words late": rows(
        lambda i: f"{one('TRUE', 'FALSE')},{one('true', 'false') if i < 99 else 'maybe'}"
    ),
    "a line for Excel": rows(lambda i: f"{i};{i / 8}", "sep=;\na;b\n"),
    "names that stand twice": rows(lambda i: f"{i},{i / 8}", "a,a\n"),
    "blanks around": rows(lambda i: f" {i} , {one('x', 'y ')}", "a , b\n"),
    "digits beyond 64 bits": rows(lambda i: f"{2**60 + i},{10**25 + i if i > 99 else i}"),
}
AT_ONCE = {
    "blanks": rows(lambda i: f"{i} {i / 8}", "a b\n"),
    "single quotes": rows(lambda i: f"'{one('x, y', 'z')}',{i}"),
    "signs at the ends": rows(lambda i: f"{i},{i % 7},"),
    "a comment between": rows(lambda i: f"{i},{i / 8}" + "\n# a pause" * (i == 50)),
    "carriage returns": rows(lambda i: f"{i},{i / 8}").replace("\n", "\r"),
}


def read_in_both_ways(path: Path) -> tuple[object, list[str], pl.DataFrame, list[str]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        source = opened(path, block=0, large=0)
        found = pl.concat([block for _, block in source.blocks()])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        expected = files.read(path)
    assert isinstance(expected, pl.DataFrame)
    assert found.equals(expected)
    assert found.schema == expected.schema
    return source, [str(one.message) for one in said], expected, [str(one.message) for one in told]


@pytest.mark.parametrize("way", [*WAYS, *AT_ONCE])
def test_a_table_in_blocks_is_the_one_that_is_read_at_once(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 37)
    path = tmp_path / "rows.csv"
    path.write_text((WAYS | AT_ONCE)[way], encoding="utf-8", newline="")
    source, said, _, told = read_in_both_ways(path)
    assert isinstance(source, Scan if way in WAYS else Held)
    if way != "digits beyond 64 bits":  # of which another example is told
        assert said == told


def test_other_encodings_are_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(WAYS["quotes"], encoding="utf-16")
    assert isinstance(read_in_both_ways(path)[0], Held)


def test_a_line_may_be_longer_than_what_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_HEAD", 16)
    path = tmp_path / "rows.csv"
    path.write_text(rows(lambda i: f'"a line\nbreak {i % 3}",{i}', "a long name,another one\n"))
    assert isinstance(read_in_both_ways(path)[0], Scan)


def test_rows_that_are_too_long_or_short_after_the_first_lines_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_HEAD", 64)
    for odd in ("1", "1,2,3"):
        path = tmp_path / "rows.csv"
        path.write_text(rows(lambda i: f"{i},{i / 8}") + f"{odd}\n")
        with pytest.raises(InputError, match="may be damaged or cut short"):
            opened(path, block=0, large=0)
