"""Filling holes by the command line."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import Result

from unnoise import InputError, load
from unnoise.cli import common
from unnoise.cli.impute import numbered

Run = Callable[..., Result]
REAL = ("--column", "a=real", "--column", "b=real")  # masked numbers are filled in any order, whatever the roles
HOLES = "c,b,a\nkeep,,1\n,3,\nme,9.25,0.5\n007,,\n"


@pytest.fixture
def holes(tmp_path: Path) -> Path:
    """Rows with holes, with a column that the model does not know, in another order."""
    (tmp_path / "holes.csv").write_text(HOLES)
    return tmp_path / "holes.csv"


def test_holes_are_filled_and_all_else_stays(done: Run, model: Path, holes: Path) -> None:
    output = holes.with_name("filled.csv")
    told = done("impute", model, holes, "-o", output).stdout
    assert told == f"filled 4 empty cells in 2 columns; wrote 4 rows to {output}\n"
    before, after = pl.read_csv(holes), pl.read_csv(output)
    assert after.schema == before.schema
    assert after["a"].null_count() == after["b"].null_count() == 0
    for name in ("a", "b"):
        known = before[name].is_not_null()
        assert after[name].filter(known).equals(before[name].filter(known))
    assert after["c"].to_list() == ["keep", None, "me", "007"]


@pytest.mark.filterwarnings("ignore:The first column of .* numbers the rows")
@pytest.mark.parametrize(("suffix", "sign"), [("csv", ","), ("tsv", "\t")])
def test_cells_that_are_known_are_written_as_they_were(
    done: Run, model: Path, tmp_path: Path, suffix: str, sign: str
) -> None:
    cells = ["", "a", "b", "c"], ["0", "1.00", "", " x"], ["1", "NA", "1e0", "TRUE"], ["2", "+1", "007.50", "true"]
    path, output = tmp_path / "holes.csv", tmp_path / f"filled.{suffix}"
    path.write_text("".join(",".join(row) + "\n" for row in cells))
    done("impute", model, path, "-o", output)
    filled = list(csv.reader(output.read_text().splitlines(), delimiter=sign))
    assert np.isfinite([float(filled[1].pop(2)), float(filled[2].pop(1))]).all()
    assert filled == [cells[0], ["0", "1.00", " x"], ["1", "1e0", "TRUE"], cells[3]]


def test_draws_go_to_numbered_files_and_differ(done: Run, model: Path, holes: Path) -> None:
    output = holes.with_name("filled.csv")
    told = done("impute", model, holes, "-o", output, "--draws", "3", "--seed", "2").stdout
    first, last = holes.with_name("filled.1.csv"), holes.with_name("filled.3.csv")
    assert told.endswith(f"wrote 4 rows to {first} to {last}\n")
    draws = [pl.read_csv(holes.with_name(f"filled.{i}.csv")) for i in (1, 2, 3)]
    assert len({frame["a"][1] for frame in draws}) == 3
    assert all(frame["a"][0] == 1 for frame in draws)
    assert not output.exists()


def test_files_of_many_draws_are_in_the_order_of_the_alphabet() -> None:
    names = [path.name for path in numbered(Path("x/filled.csv"), 12)]
    assert names == sorted(names)
    assert (names[0], names[-1]) == ("filled.01.csv", "filled.12.csv")
    assert numbered(Path("filled.csv"), 1) == [Path("filled.csv")]
    assert numbered(Path("."), 1) == [Path(".")]
    with pytest.raises(InputError, match="is a folder; expected the name of a file"):
        numbered(Path("."), 2)


def test_json_tells_the_files_and_the_cells(done: Run, model: Path, holes: Path) -> None:
    output = holes.with_name("filled.parquet")
    facts = json.loads(done("impute", model, holes, "-o", output, "--point", "mean", "--json").stdout)
    assert facts == {"output": [str(output)], "rows": 4, "filled": {"a": 2, "b": 2}, "seed": 0}
    wanted = load(model).impute(pl.read_csv(holes), point="mean")
    assert pl.read_parquet(output).equals(wanted)


def test_arrays_are_filled_too(done: Run, data: Path, tmp_path: Path) -> None:
    few = ("--steps", "3", "--batch-size", "8", "--device", "cpu")
    done("fit", data / "rows.npy", "-o", tmp_path / "model", *few)
    rows = np.load(data / "rows.npy")[:5]
    rows[[0, 3], [1, 0]] = np.nan
    np.save(tmp_path / "holes.npy", rows)
    done("impute", tmp_path / "model", tmp_path / "holes.npy", "-o", tmp_path / "filled.npy")
    filled = np.load(tmp_path / "filled.npy")
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~np.isnan(rows)], rows[~np.isnan(rows)])


@pytest.mark.filterwarnings("default:the data have no holes")
def test_a_file_without_holes_is_written_as_it_is(run: Run, data: Path, model: Path, tmp_path: Path) -> None:
    result = run("impute", model, data / "rows.csv", "-o", tmp_path / "filled.csv")
    assert result.exit_code == 0
    assert result.stderr.startswith("unnoise: warning: the data have no holes in columns that the model knows")
    assert result.stdout == f"there was nothing to fill; wrote 40 rows to {tmp_path / 'filled.csv'}\n"
    assert pl.read_csv(tmp_path / "filled.csv").equals(pl.read_csv(data / "rows.csv"))


def test_a_condition_must_be_there(refused: Run, conditional: Path, tmp_path: Path) -> None:
    (tmp_path / "holes.csv").write_text("a,b,sex,age\n1,,Male,40\n2,3,,50\n")
    refused(
        "impute", conditional, tmp_path / "holes.csv", "-o", tmp_path / "f.csv", match="A condition is never modelled"
    )


def test_a_model_of_the_joint_law_alone_fills_nothing(done: Run, refused: Run, data: Path, holes: Path) -> None:
    folder = holes.with_name("joint")
    done("fit", data / "rows.csv", "-o", folder, "--roles", "joint", *REAL, "--steps", "2", "--batch-size", "8")
    words = ("impute", folder, holes, "-o", holes.with_name("filled.csv"))
    refused(*words, match="knows the joint law of all columns alone.*fit it with roles='any'")


def test_wrong_files_are_refused(refused: Run, model: Path, holes: Path) -> None:
    words = ("impute", model, holes, "-o")
    holes.with_name("f.2.csv").write_text("mine")
    refused(*words, holes.with_name("f.csv"), "--draws", "2", match=r"f.2.csv exists; pass --overwrite")
    refused(*words, holes, "--overwrite", match="holes.csv holds the data to fill, which would be lost")
    refused(*words, holes.with_name("f.xlsx"), match="is of no type that can be written")
    refused(*words, holes.with_name("f.npy"), match="A table cannot be written to .*f.npy; give a name that ends in")
    assert holes.read_text() == HOLES
    assert sorted(os.listdir(holes.parent)) == ["f.2.csv", "holes.csv"]


def test_only_the_columns_of_the_model_need_be_there(refused: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,c\n1,\n,2\n")
    refused("impute", model, tmp_path / "one.csv", "-o", tmp_path / "f.csv", match="yet now missing: - b")


@pytest.mark.filterwarnings("default:.*is taken for")
def test_names_that_differ_a_little_are_known_and_stay(done: Run, run: Run, tmp_path: Path) -> None:
    """As of files from a Mac, or with capitals, of which a warning tells."""
    fitted, apart = tmp_path / "d.csv", "gro\u0308\u00dfe"
    rows = "".join(f"{i % 7 + 0.5},{'u' if i % 3 else 'v'}\n" for i in range(30))
    fitted.write_text("gr\u00f6\u00dfe,k\n" + rows, encoding="utf-8")
    done("fit", fitted, "-o", tmp_path / "m", "--quick")
    (tmp_path / "other.csv").write_text(f"k,{apart}\nu,\nv,2.5\n", encoding="utf-8")
    done("impute", tmp_path / "m", tmp_path / "other.csv", "-o", tmp_path / "filled.csv")
    lines = (tmp_path / "filled.csv").read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[2]) == (f"k,{apart}", "v,2.5")
    assert 0.5 <= float(lines[1].removeprefix("u,")) <= 6.5
    (tmp_path / "capitals.csv").write_text("K,GR\u00d6\u00dfE\nu,1.5\n", encoding="utf-8")
    told = run("score", tmp_path / "m", tmp_path / "capitals.csv", "-o", tmp_path / "s.csv")
    assert (told.exit_code, told.stderr.count("is taken for")) == (0, 2)


def test_all_draws_must_have_room(
    done: Run, model: Path, holes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(common, "check_memory", lambda rows, numbers: asked.append(rows))
    done("impute", model, holes, "-o", tmp_path / "filled.csv", "--draws", "3")
    assert asked == [3 * 4]


@pytest.mark.filterwarnings("ignore:The texts of column")
def test_texts_of_several_numbers_are_asked_and_filled_as_texts(done: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{a},{a}/{b}" for a, b in zip(*rng.integers(60, 180, (2, 200)), strict=True)]
    data, model, holes = (tmp_path / name for name in ("bp.csv", "model", "holes.csv"))
    data.write_text("\n".join(["age,bp", *rows]))
    done("fit", data, "-o", model, "--quick")
    holes.write_text("age,bp\n70,\n,90/120\n")
    done("impute", model, holes, "-o", tmp_path / "filled.csv")
    filled = list(csv.reader((tmp_path / "filled.csv").read_text().splitlines()))
    assert filled[2][1] == "90/120"
    assert [part.isdecimal() for part in filled[1][1].split("/")] == [True, True]
    done("sample", model, "-n", 3, "--given", "bp=100/77", "-o", tmp_path / "new.csv")
    assert pl.read_csv(tmp_path / "new.csv")["bp"].to_list() == ["100/77"] * 3
