"""Paths as a shell reads and writes them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from unnoise._paths import expanded, typed
from unnoise.cli import words
from unnoise.data import read, write


def test_a_tilde_is_a_home_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files such as ~.csv, which editors leave, ended the command as a fault of unnoise."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert expanded("~/rows.csv") == tmp_path / "rows.csv"
    for name in ("~.csv", "~no such user.csv"):
        assert expanded(name) == Path(name)
        write(pl.DataFrame({"a": [1, 2]}), name)
        assert read(name)["a"].to_list() == [1, 2]


def test_a_path_is_no_option() -> None:
    assert [typed(Path(name)) for name in ("-x.csv", "x.csv", "a/-x.csv", "-")] == [
        "./-x.csv",
        "x.csv",
        "a/-x.csv",
        "-",
    ]
    assert words.command("unnoise", "look", Path("-m"), "-n", 3) == "unnoise look ./-m -n 3"
