"""New rows by the command line, in the form of the data."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from typer.testing import Result

from unnoise import load

Run = Callable[..., Result]
FEW = ("--steps", "3", "--batch-size", "8", "--device", "cpu")


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.parquet"])
def test_a_table_comes_back_as_a_table(name: str, done: Run, model: Path, tmp_path: Path) -> None:
    result = done("sample", model, "-n", "7", "-o", tmp_path / name)
    assert result.stdout == f"wrote 7 rows to {tmp_path / name}\n"
    read = {"csv": pl.read_csv, "tsv": partial(pl.read_csv, separator="\t")}.get(name[-3:], pl.read_parquet)
    assert read(tmp_path / name).schema == {"a": pl.Float64, "b": pl.Float64}
    assert read(tmp_path / name).height == 7


def test_an_array_comes_back_as_an_array(done: Run, data: Path, tmp_path: Path) -> None:
    done("fit", data / "rows.npy", "-o", tmp_path / "model", *FEW)
    done("sample", tmp_path / "model", "-n", "7", "-o", tmp_path / "new.npy")
    new = np.load(tmp_path / "new.npy")
    assert (new.shape, new.dtype) == ((7, 2), np.float64)


def test_images_come_back_as_images(done: Run, refused: Run, data: Path, tmp_path: Path) -> None:
    done(
        "fit", data / "images", "-o", tmp_path / "model", *FEW, "--labels", data / "labels.csv", "--condition", "digit"
    )
    few = ("-n", "3", "--sampling-steps", "3", "--given", "digit=1")
    done("sample", tmp_path / "model", *few, "-o", tmp_path / "new")
    done("sample", tmp_path / "model", *few, "-o", tmp_path / "new.npy")
    pictures = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "new").iterdir())]
    assert (np.stack(pictures) == np.load(tmp_path / "new.npy")).all()
    assert pictures[0].shape == (8, 8)
    refused("sample", tmp_path / "model", *few, "-o", "-", match="cannot be written to -; give a name that ends in")


def test_the_same_seed_gives_the_same_file(done: Run, model: Path, tmp_path: Path) -> None:
    for name, seed in {"one": 0, "same": 0, "other": 1}.items():
        done("sample", model, "-n", "5", "--seed", seed, "-o", tmp_path / f"{name}.csv")
    one, same, other = ((tmp_path / f"{name}.csv").read_bytes() for name in ("one", "same", "other"))
    assert one == same
    assert one != other


def test_a_level_is_given_by_its_name_and_a_number_as_one(done: Run, conditional: Path, tmp_path: Path) -> None:
    done("sample", conditional, "-n", "4", "--given", "sex=Male", "--given", "age=40", "-o", tmp_path / "new.csv")
    new = pl.read_csv(tmp_path / "new.csv")
    assert new.columns == ["a", "b", "sex", "age"]
    assert new["sex"].to_list() == ["Male"] * 4
    assert new["age"].to_list() == [40] * 4


@pytest.mark.parametrize(
    "sampler", ["multistep", "adaptive", "dpm-solver++", "linear-multistep", "heun", "ddim", "ancestral", "euler"]
)
def test_a_sampler_is_chosen_by_name(sampler: str, done: Run, model: Path, tmp_path: Path) -> None:
    few = ("-n", "5", "--sampling-steps", "4", "--json")
    facts = json.loads(done("sample", model, "--sampler", sampler, *few, "-o", tmp_path / "new.csv").stdout)
    assert facts == {"output": str(tmp_path / "new.csv"), "rows": 5, "seed": 0}
    assert pl.read_csv(tmp_path / "new.csv").height == 5


def test_a_law_that_is_known_is_drawn_from_without_noise(
    done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pl.DataFrame({"a": [0.5, 1.25, None, 3.0, 2.5, 1.5], "b": ["x", "y", "x", "y", "x", "y"]})
    rows.write_csv(tmp_path / "rows.csv")
    done("fit", tmp_path / "rows.csv", "-o", tmp_path / "model", "--quick")
    monkeypatch.setattr("unnoise.samplers.base.Sampler.sample", lambda *_, **__: pytest.fail("went through noise"))
    done("sample", tmp_path / "model", "-n", "9", "--seed", "3", "-o", tmp_path / "new.csv")
    done("impute", tmp_path / "model", tmp_path / "rows.csv", "--seed", "3", "-o", tmp_path / "full.csv")
    own = load(tmp_path / "model")
    own.sample(9, seed=3).write_csv(tmp_path / "own.csv")
    own.impute(rows, seed=3).write_csv(tmp_path / "own-full.csv")
    assert (tmp_path / "new.csv").read_text() == (tmp_path / "own.csv").read_text()
    assert (tmp_path / "full.csv").read_text() == (tmp_path / "own-full.csv").read_text()


def test_output_that_exists_is_replaced_only_when_told(done: Run, refused: Run, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "new.csv"
    output.write_text("mine")
    refused("sample", model, "-o", output, match=r"new.csv exists; pass --overwrite")
    assert output.read_text() == "mine"
    done("sample", model, "-n", "5", "-o", output, "--overwrite")
    assert pl.read_csv(output).height == 5


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], r"The model is conditional on 'sex', 'age': pass given="),
        (["--given", "sex=Male"], "The condition 'age' was not given"),
        (
            ["--given", "sex=Robot", "--given", "age=4"],
            "Condition 'sex' has no level 'Robot'; the levels are Female, Male",
        ),
        (["--given", "sex=Male", "--given", "age=old"], "got --given age=old; expected a number for the column 'age'"),
        (["--given", "sex=Male", "--given", "age=nan"], "Condition 'age' is not modelled, so it cannot be missing"),
        (["--given", "sex=Male", "--given", "age="], "Condition 'age' is not modelled, so it cannot be missing"),
        (["--given", "sex=Male", "--given", "age=3..4"], "got --given age=3..4; expected a number .* is always given"),
        (["--given", "sex=Male", "--given", "age=4", "--given", "z=1"], "The model has no column 'z'; its columns are"),
        (["--given", "sex"], "got --given 'sex'; expected NAME=VALUE"),
    ],
)
def test_wrong_conditions_are_refused(
    words: list[str], match: str, refused: Run, conditional: Path, tmp_path: Path
) -> None:
    refused("sample", conditional, "-o", tmp_path / "new.csv", *words, match=match)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--given", "a=1", "--given", "b=2"], "got values for every column as given, so nothing is left to ask"),
        (["--given", "a="], "Column 'a' was there in every row .* it cannot be given as missing"),
        (["--given", "a=4..3"], r"Column 'a' was given the range \(4, 3\); expected \(low, high\), low at most high"),
        (["--given", "a=x"], "Column 'a' holds numbers, but 'x' was given"),
        (["--given", "a=1|"], "got the set '1|'; expected values with a bar between two of them"),
        (["--given", "a=1", "--given-file", "nowhere.csv"], "There is no file or folder nowhere.csv"),
        (
            ["--sampler", "magic"],
            "got the sampler 'magic'; expected one of multistep, adaptive, dpm-solver[+][+], linear-multistep",
        ),
        (["--sampling-steps", "0"], "got steps = 0; expected a whole number from 1"),
        (["--device", "abacus"], "The device 'abacus' cannot be used on this machine"),
        (["-o", "new.xlsx"], "new.xlsx is of no type that can be written"),
        (["-o", "new.npy"], "A table cannot be written to new.npy; give a name that ends in .csv or .parquet"),
        (["-o", "new", "-n", "1000000000"], "A table cannot be written to new; give a name that ends in .csv"),
        (["-o", "nowhere/new.csv"], "The folder nowhere does not exist; create it first"),
    ],
)
def test_wrong_options_are_refused(words: list[str], match: str, refused: Run, model: Path, tmp_path: Path) -> None:
    refused("sample", model, "-n", "5", "-o", tmp_path / "new.csv", *words, match=match)
    assert os.listdir(tmp_path) == []


def test_a_model_that_is_none_is_refused(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "new.csv")
    refused("sample", tmp_path / "nothing", *output, match="there is no model in .*: it does not exist")
    refused("sample", data, *output, match="there is no model in .*: it holds no config.json")
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "weights.safetensors").write_bytes(b"half")
    refused("sample", broken, *output, match="weights.safetensors is damaged or belongs to another model")
    (broken / "config.json").write_bytes(b"\xff\xfe")
    refused("sample", broken, *output, match="config.json cannot be read as the description of a model")


def test_code_that_a_model_names_runs_only_when_trusted(
    done: Run, refused: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_networks.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'imported')!r}).touch()\n"
        "def sampler(denoiser):\n    from unnoise.samplers import DDIM\n    return DDIM(denoiser, 4)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    folder, fitted = tmp_path / "model", load(model)
    fitted.set_params(sampler=importlib.import_module("my_networks").sampler).save(folder)
    del sys.modules["my_networks"]
    (tmp_path / "imported").unlink()
    words = ("sample", folder, "-n", "5", "-o", tmp_path / "new.csv")
    refused(*words, match="none of unnoise's parts: if you know that module, load with .* or --trust my_networks")
    assert not (tmp_path / "imported").exists()
    done(*words, "--trust", "my_networks")
    assert (tmp_path / "imported").exists()


def test_rows_are_printed_and_what_is_told_goes_beside_them(run: Run, model: Path, tmp_path: Path) -> None:
    run("sample", model, "-n", "5", "-o", tmp_path / "new.csv")
    printed = run("sample", model, "-n", "5", "-o", "-")
    assert (printed.exit_code, printed.stdout) == (0, (tmp_path / "new.csv").read_text())
    assert printed.stderr == "wrote 5 rows to -\n"


def test_rows_and_json_are_not_printed_on_one_stream(refused: Run, model: Path) -> None:
    refused("sample", model, "-o", "-", "--json", match="--json prints on standard output, and so does -o -; leave")


def test_ids_go_on_from_block_to_block(done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unnoise.data import scans

    monkeypatch.setattr(scans, "BLOCK", 30)
    rows = pl.DataFrame(
        {"id": [f"P-{i:03}" for i in range(40)], "who": ["x" * i for i in range(1, 41)], "a": [1, 2] * 20}
    )
    rows.write_csv(tmp_path / "ids.csv")
    kinds = ("--column", "id=identifier", "--column", "who=identifier")
    done("fit", tmp_path / "ids.csv", "-o", tmp_path / "model", "--quick", *kinds)
    done("sample", tmp_path / "model", "-n", "70", "-o", tmp_path / "new.csv")
    new = pl.read_csv(tmp_path / "new.csv")
    assert new["id"].to_list() == [f"P-{i:03}" for i in range(40, 110)]
    assert new["who"].to_list() == [f"who-{i}" for i in range(1, 71)]
