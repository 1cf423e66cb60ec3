"""Options that say how files are written, and later files in the types of the model."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import Result

from unnoise.cli import reading

Run = Callable[..., Result]
FEW = ("--steps", "2", "--batch-size", "8", "--device", "cpu")
TEXT = "gr\u00f6\u00dfe;k\n" + "\n".join(f"{i},5;{i % 3}" for i in range(20)) + "\n"


def test_a_file_is_read_as_the_options_say(done: Run, refused: Callable[..., str], tmp_path: Path) -> None:
    path, model = tmp_path / "rows.csv", tmp_path / "model"
    path.write_bytes(TEXT.encode("latin-1"))
    refused("fit", path, "-o", model, *FEW, match=r"line 1 holds the byte 0xf6, .*; pass --encoding latin-1")
    refused("fit", path, "-o", model, *FEW, "--separator", "ab", match="got separator = 'ab'; expected one sign")
    done("fit", path, "-o", model, *FEW, "--encoding", "latin-1", "--separator", ";", "--decimal", ",")
    done("score", model, path, "-o", tmp_path / "s.csv", "--encoding", "latin-1", "--likelihood", "bound")
    done("sample", model, "-n", 3, "-o", tmp_path / "new.csv")
    assert pl.read_csv(tmp_path / "new.csv").columns == ["gr\u00f6\u00dfe", "k"]


def test_what_is_made_has_the_decimals_and_words_of_the_file(done: Run, tmp_path: Path) -> None:
    path, model, new = tmp_path / "rows.csv", tmp_path / "model", tmp_path / "new.csv"
    rows = [f"{i % 7 + 1},{'50' if i % 2 else '00'};{'TRUE' if i % 3 else 'FALSE'};{i % 5}" for i in range(20)]
    path.write_text("\ufeffpreis;neu;k\n" + "\n".join(rows) + "\n", encoding="utf-8")
    done("fit", path, "-o", model, *FEW)
    done("sample", model, "-n", 30, "-o", new)
    head, *made = new.read_text("utf-8").splitlines()
    assert head == "preis,neu,k"
    assert all(re.fullmatch(r"[1-7]\.[05]0,(TRUE|FALSE),[0-4]", row) for row in made)
    done("score", model, new, "-o", tmp_path / "s.csv")
    assert pl.read_csv(tmp_path / "s.csv").dtypes == [pl.Float64, pl.Float64]
    done("sample", model, "-n", 3, "-o", tmp_path / "some.csv", "--given", "preis=2,50..3,50")
    assert {row[:4] for row in (tmp_path / "some.csv").read_text().splitlines()[1:]} <= {"2.50", "3.00", "3.50"}
    done("sample", model, "-n", 2, "-o", tmp_path / "one.csv", "--given", "preis=2,50", "--given", "neu=FALSE")
    assert {row[:10] for row in (tmp_path / "one.csv").read_text().splitlines()[1:]} == {"2.50,FALSE"}
    done("sample", model, "-n", 3, "-o", tmp_path / "own.csv", "--separator", ";", "--decimal", ",")
    own = (tmp_path / "own.csv").read_text("utf-8").splitlines()[1]
    assert re.fullmatch(r"[1-7],[05]0;(TRUE|FALSE);[0-4]", own)


def test_what_is_filled_is_written_like_the_file(done: Run, tmp_path: Path) -> None:
    path, model = tmp_path / "rows.csv", tmp_path / "model"
    rows = [f"{i % 7 + 1},{'50' if i % 2 else '00'};{'TRUE' if i % 3 else 'FALSE'};{i % 5}" for i in range(20)]
    path.write_text("\ufeffpreis;neu;k\n" + "\n".join(rows) + "\n", encoding="utf-8")
    done("fit", path, "-o", model, *FEW)
    path.write_text("k;neu;preis;rest\n1;;19,00;0,250\n2;FALSE;;1,500\n")
    done("impute", model, path, "-o", tmp_path / "filled.csv")
    filled = (tmp_path / "filled.csv").read_text().splitlines()
    assert re.fullmatch(r"1;(TRUE|FALSE);19,00;0,250", filled[1])
    assert re.fullmatch(r"2;FALSE;[1-7],[05]0;1,500", filled[2])


@pytest.mark.filterwarnings("default:The first line")
def test_names_of_numbers_are_said_and_then_known(run: Run, done: Run, tmp_path: Path) -> None:
    path, model = tmp_path / "years.csv", tmp_path / "model"
    path.write_text("2019,2020\n" + "".join(f"{i}.5,{i % 4}\n" for i in range(20)))
    assert "is read as data, as it holds numbers only" in run("fit", path, "-o", tmp_path / "other", *FEW).stderr
    assert done("fit", path, "-o", model, *FEW, "--header", "yes").stdout.startswith("2019  numbers with 1 decimal")
    done("score", model, path, "-o", tmp_path / "s.csv", "--likelihood", "bound")
    assert pl.read_csv(tmp_path / "s.csv").height == 20


def test_text_stays_text_and_dates_dates(done: Run, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        "code,day\n" + "".join(f"{'012A'[i % 4]}{i % 4},2021-01-{i + 1:02}\n" for i in range(20))
    )
    (tmp_path / "test.csv").write_text("day,code\n2021-01-03,11\n2021-01-04,22\n")
    model = tmp_path / "model"
    assert "day   date, 2021-01-01 to 2021-01-20\n" in done("fit", tmp_path / "train.csv", "-o", model, *FEW).stdout
    done("score", model, tmp_path / "test.csv", "-o", tmp_path / "s.csv")
    given = ("--given", "day=2021-01-05..2021-01-07", "--given", "code=00")
    done("sample", model, "-n", 4, "-o", tmp_path / "new.csv", *given)
    new = pl.read_csv(tmp_path / "new.csv", infer_schema=False)
    assert set(new["day"]) <= {"2021-01-05", "2021-01-06", "2021-01-07"}
    assert new["code"].to_list() == ["00"] * 4


def test_a_query_selects(done: Run, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    (tmp_path / "rows.csv").write_text("a,b\n" + "".join(f"{i}.5,{i}\n" for i in range(20)))
    query = "select a, a * 2.0 as twice from data"
    told = done("fit", tmp_path / "rows.csv", "-o", tmp_path / "q", *FEW, "--query", query)
    assert told.stdout.startswith("a      numbers with 1 decimal 0.5 to 19.5")
    assert "twice" in told.stdout


def test_files_beside_the_data_are_read_as_the_options_of_their_kind_say() -> None:
    said = {"encoding": "latin-1", "header": "yes", "query": "select *", "sheet": "mine"}

    @reading.reads_files
    def verb() -> None:
        of = {name: reading._said_of(Path(name), None, beside=True) for name in ("t.csv", "t.xlsx", "t.npy")}
        assert of["t.csv"] == {"encoding": "latin-1", "header": "yes"}
        assert of["t.xlsx"] == {"header": "yes", "sheet": "mine"}
        assert of["t.npy"] == {}

    verb(**said)  # type: ignore[call-arg]  # which it has from the decorator


def test_help_shows_the_options(run: Run) -> None:
    for verb in ("fit", "score", "evaluate", "impute", "sample"):
        told = run(verb, "--help").stdout
        assert all(f"--{option}" in told for option in ("encoding", "separator", "decimal", "header", "query"))


def test_declared_levels_come_back_as_they_were_written(done: Run, tmp_path: Path) -> None:
    codes = ["01", "1.50", "3.1", "3.10"]
    (tmp_path / "train.csv").write_text("code,n\n" + "".join(f"{codes[i % 4]},{i % 3}\n" for i in range(20)))
    (tmp_path / "more.csv").write_text("code,n\n01,1\n3.10,2\n")
    model, new = tmp_path / "model", tmp_path / "new.csv"
    options = ("--column", "code=category", "--validation", tmp_path / "more.csv")
    assert "one of 01, 1.50, 3.1, 3.10" in done("fit", tmp_path / "train.csv", "-o", model, *FEW, *options).stdout
    done("sample", model, "-n", 30, "-o", new)
    assert set(pl.read_csv(new, infer_schema=False)["code"]) <= set(codes)
    done("score", model, tmp_path / "more.csv", "-o", tmp_path / "s.csv")
