"""What verbs do with many rows: block by block, each from its own seed, into one file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import Result

from unnoise import load
from unnoise.data import scans, streams
from unnoise.evaluation import Bound
from unnoise.model.fitted import FittedModel
from unnoise.training import Questions

Run = Callable[..., Result]
BLOCK = 10
FEW = ("--steps", "3", "--batch-size", "16", "--device", "cpu")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "BLOCK", BLOCK)


@pytest.fixture(scope="module")
def holed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three files with holes, 25 rows in all, and a model of it."""
    home, rng = tmp_path_factory.mktemp("holed"), np.random.default_rng(0)
    rows = pl.DataFrame({"a": rng.normal(size=25), "sex": rng.choice(["f", "m"], 25), "id": range(25)})
    gone = pl.Series([i % 4 == 1 and not 10 <= i < 20 for i in range(25)])  # none in the second block
    rows = rows.with_columns(pl.when(~gone).then(pl.col("sex")).alias("sex"))
    (home / "rows").mkdir()
    for number, part in enumerate((rows[:8], rows[8:9], rows[9:])):
        part.write_parquet(home / "rows" / f"{number}.parquet")
    rows.drop("id").write_parquet(home / "fit.parquet")
    assert run("fit", home / "fit.parquet", "-o", home / "model", *FEW).exit_code == 0
    return home


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.usefixtures("small_blocks")
def test_samples_are_those_of_the_blocks(suffix: str, done: Run, model: Path, tmp_path: Path) -> None:
    result = done("sample", model, "-n", 25, "--seed", 4, "-o", tmp_path / f"new{suffix}")
    assert result.stdout.startswith("wrote 25 rows")
    found = (pl.read_csv if suffix == ".csv" else pl.read_parquet)(tmp_path / f"new{suffix}")
    fitted = load(model)
    blocks = [fitted.sample(n, seed=streams.seed_of(4, i)) for i, n in enumerate((10, 10, 5))]
    assert found.equals(pl.concat(blocks))
    assert blocks[0].equals(fitted.sample(10, seed=4))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_leaves_nothing_half_written(
    name: str, code: int, run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM and SIGHUP left the blocks that were drawn, in a hidden folder beside the file."""
    draw, seen = FittedModel.sample, []

    def ended(self: FittedModel, n: int, **options: Any) -> Any:
        if n < BLOCK:  # the last block
            seen.extend(path for path in tmp_path.rglob("*.parquet"))
            signal.raise_signal(getattr(signal, name))
        return draw(self, n, **options)

    monkeypatch.setattr(FittedModel, "sample", ended)
    result = run("sample", model, "-n", 25, "-o", tmp_path / "new.csv")
    word = "interrupted" if name == "SIGINT" else "terminated"
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"unnoise: {word}\n")
    assert len(seen) == 2, "two blocks were there"
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small_blocks")
def test_each_row_is_drawn_given_its_own_values(done: Run, holed: Path, tmp_path: Path) -> None:
    sexes = ["f", "m", "m"] * 7
    pl.DataFrame({"sex": sexes}).write_csv(tmp_path / "known.csv")
    done("sample", holed / "model", "--given-file", tmp_path / "known.csv", "-o", tmp_path / "new.csv")
    assert pl.read_csv(tmp_path / "new.csv")["sex"].to_list() == sexes


@pytest.mark.usefixtures("small_blocks")
def test_scores_are_those_of_the_blocks_and_their_mean(done: Run, holed: Path, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    pl.read_parquet(holed / "fit.parquet").write_parquet(tmp_path / "rows" / "0.parquet")
    words = ("score", holed / "model", tmp_path / "rows", "--likelihood", "bound", "-o")
    facts = json.loads(done(*words, tmp_path / "scores.csv", "--json").stdout)
    found = pl.read_csv(tmp_path / "scores.csv")
    assert (facts["rows"], found.height) == (25, 25)
    assert facts["mean"] == pytest.approx(found["log_likelihood"].mean())
    assert facts["monte_carlo_se"] == pytest.approx((found["standard_error"] ** 2).sum() ** 0.5 / 25)
    assert sum(facts["parts"].values()) == pytest.approx(facts["mean"], rel=1e-4)
    done(*words, tmp_path / "scores.npy")
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), found.to_numpy(), rtol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_a_folder_is_filled_and_all_else_stays(done: Run, holed: Path, tmp_path: Path) -> None:
    words = ("impute", holed / "model", holed / "rows", "--draws", 2, "-o", tmp_path / "filled.parquet", "--json")
    facts = json.loads(done(*words).stdout)
    before = pl.read_parquet(holed / "rows")
    assert facts["filled"] == {"sex": before["sex"].null_count()}
    for number in (1, 2):
        after = pl.read_parquet(tmp_path / f"filled.{number}.parquet")
        assert after.drop("sex").equals(before.drop("sex"))
        assert after.filter(before["sex"].is_not_null()).equals(before.drop_nulls())
        assert set(after["sex"]) == {"f", "m"}


@pytest.mark.usefixtures("small_blocks")
def test_draws_of_blocks_differ(done: Run, holed: Path, tmp_path: Path) -> None:
    rows, fitted = (
        pl.DataFrame({"a": [0.1] * 20, "sex": [None] * 20}, schema_overrides={"sex": str}),
        load(holed / "model"),
    )
    rows.write_parquet(tmp_path / "rows.parquet")
    done("impute", holed / "model", tmp_path / "rows.parquet", "--seed", 5, "-o", tmp_path / "filled.parquet")
    first, second = (fitted.impute(part, seed=streams.seed_of(5, i)) for i, part in enumerate(cut(rows)))
    assert not first.equals(second)
    assert pl.read_parquet(tmp_path / "filled.parquet").equals(pl.concat([first, second]))


@pytest.mark.usefixtures("small_blocks")
def test_every_row_keeps_its_own_label(done: Run, holed: Path, tmp_path: Path) -> None:
    """In scores, draws and fillings, in the second block too."""
    labels = pl.DataFrame({"far": [100.0 * (i // 5) for i in range(25)]})
    labels.write_csv(tmp_path / "labels.csv")
    rows, said = holed / "fit.parquet", ("--labels", tmp_path / "labels.csv")
    done("fit", rows, *said, "--condition", "far", "-o", tmp_path / "model", *FEW)
    words = ("score", tmp_path / "model", rows, *said, "--likelihood", "bound", "-o", tmp_path / "scores.npy")
    done(*words, "--seed", 3)
    fitted, table = load(tmp_path / "model"), pl.read_parquet(rows)
    found = [
        fitted.estimate(part, known, likelihood=Bound(), seed=streams.seed_of(3, i)).log_prob.numpy()
        for i, (part, known) in enumerate(zip(cut(table), cut(labels), strict=True))
    ]
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy")[:, 0], np.concatenate(found), rtol=1e-6)
    done("sample", tmp_path / "model", *said, "--seed", 3, "-o", tmp_path / "new.parquet")
    drawn = [fitted.sample(len(part), y=part, seed=streams.seed_of(3, i)) for i, part in enumerate(cut(labels))]
    assert pl.read_parquet(tmp_path / "new.parquet").equals(pl.concat(drawn))
    done("impute", tmp_path / "model", rows, *said, "--seed", 3, "-o", tmp_path / "filled.parquet")
    filled = [
        fitted.impute(part, known, seed=streams.seed_of(3, i)) if part["sex"].has_nulls() else part
        for i, (part, known) in enumerate(zip(cut(table), cut(labels), strict=True))
    ]
    assert pl.read_parquet(tmp_path / "filled.parquet").equals(pl.concat(filled))


def cut(rows: pl.DataFrame) -> list[pl.DataFrame]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


@pytest.mark.usefixtures("small_blocks")
def test_a_fault_says_among_which_rows(run: Run, holed: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(holed / "fit.parquet")
    rows = rows.with_columns(a=pl.when(pl.arange(len(rows)) == 13).then(float("inf")).otherwise(pl.col("a")))
    rows.write_parquet(tmp_path / "rows.parquet")
    result = run("score", holed / "model", tmp_path / "rows.parquet", "-o", tmp_path / "scores.csv")
    assert result.exit_code == 2
    assert "In the 10 rows from row 10: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


@pytest.mark.usefixtures("small_blocks")
def test_a_model_is_measured_on_some_of_many_rows(run: Run, holed: Path) -> None:
    result = run("evaluate", holed / "model", holed / "fit.parquet", "--max-rows", 12)
    assert result.exit_code == 0, result.stderr
    assert "has 25 rows; what follows is measured on 12 of them, chosen at random" in result.stderr


def losses(folder: Path) -> np.ndarray:
    return load(folder).losses_


@pytest.mark.parametrize("kind", [pytest.param("folder", marks=pytest.mark.slow), "parquet", "csv"])
def test_a_table_read_in_blocks_is_learnt_as_one_in_memory(
    kind: str, done: Run, holed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "BLOCK", BLOCK)
    rows = pl.read_parquet(holed / "rows")
    rows.write_csv(tmp_path / "rows.csv")
    rows.write_parquet(tmp_path / "rows.parquet")
    data = {"folder": holed / "rows"}.get(kind, tmp_path / f"rows.{kind}")
    done("fit", tmp_path / "rows.parquet", "-o", tmp_path / "memory", *FEW)
    done("fit", data, "--stream", "-o", tmp_path / "blocks", *FEW)
    assert losses(tmp_path / "blocks").tolist() == losses(tmp_path / "memory").tolist()
    assert sorted(p.name for p in (tmp_path / "blocks").iterdir()) == sorted(
        p.name for p in (tmp_path / "memory").iterdir()
    )


def test_a_training_on_blocks_resumes_with_the_same_bits(
    run: Run, done: Run, holed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        "fit",
        holed / "rows",
        "--stream",
        "--batch-size",
        16,
        "--device",
        "cpu",
        "--steps",
        6,
    )
    done(*words, "-o", tmp_path / "whole")
    real, calls = Questions.batch, []

    def batch(self: Questions, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(Questions, "batch", batch)
    assert run(*words, "-o", tmp_path / "model").exit_code == 130
    kept = (tmp_path / "model" / ".tmp-rows" / "0.npy").stat().st_ino
    assert kept
    done("fit", holed / "rows", "--stream", "--resume", "-o", tmp_path / "model")
    assert losses(tmp_path / "model").tolist() == losses(tmp_path / "whole").tolist()
    assert not (tmp_path / "model" / ".tmp-rows").exists()


def test_weights_and_rows_to_validate_on_hold_in_blocks_too(
    done: Run, holed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "BLOCK", BLOCK)
    rows = pl.read_parquet(holed / "rows").with_columns(w=pl.Series([float(i % 3) for i in range(25)]))
    rows.write_parquet(tmp_path / "rows.parquet")
    rows.write_csv(tmp_path / "rows.csv", separator=";", decimal_comma=True)
    text = ("rows.csv", "--separator", ";", "--decimal", ",")
    for held_out, (name, *said) in (("0.3", text), (holed / "rows", ("rows.parquet",))):
        words = ("--weight", "w", "--validation", held_out, "--overwrite", *FEW, "-o")
        done("fit", tmp_path / "rows.parquet", *words, tmp_path / "memory")
        done("fit", tmp_path / name, "--stream", *said, *words, tmp_path / "blocks")
        memory, blocks = load(tmp_path / "memory"), load(tmp_path / "blocks")
        assert blocks.schema_.feature_names == ("a", "sex", "id")
        assert blocks.losses_.tolist() == memory.losses_.tolist()
        assert len(blocks.validation_losses_)
        assert blocks.validation_losses_.tolist() == memory.validation_losses_.tolist()


def test_what_is_no_table_is_not_read_in_blocks(refused: Callable[..., str], data: Path, tmp_path: Path) -> None:
    refused("fit", data / "rows.npy", "--stream", "-o", tmp_path / "m", match=r"--stream.*cannot be read in blocks")


TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
IN_BLOCKS = f"import unnoise.data.scans as s; s.BLOCK = {BLOCK}; from unnoise.cli import main; main()"


def launched(*words: object) -> str:
    """What two processes print that share a command, with small blocks."""
    start = [sys.executable, "-m", *TORCHRUN, "--no-python", sys.executable, "-c", IN_BLOCKS]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    made = subprocess.run([*start, *map(str, words)], env=env, capture_output=True, text=True, timeout=240)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("small_blocks")
def test_two_processes_write_the_file_of_one(done: Run, holed: Path, tmp_path: Path) -> None:
    verbs = {
        "sample": ("sample", holed / "model", "-n", 35),
        "impute": ("impute", holed / "model", holed / "rows"),
        "score": ("score", holed / "model", holed / "fit.parquet", "--likelihood", "bound"),
    }
    for name, words in verbs.items():
        for suffix in (".csv", ".parquet"):
            alone, together = (tmp_path / f"{name}-{who}{suffix}" for who in ("alone", "together"))
            expected = json.loads(done(*words, "--device", "cpu", "--json", "-o", alone).stdout)
            found = json.loads(launched(*words, "--device", "cpu", "--json", "-o", together))
            assert found == expected | {"output": found["output"]} or found.get("mean") == pytest.approx(
                expected["mean"]
            )
            assert together.read_bytes() == alone.read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.usefixtures("small_blocks")
def test_two_processes_learn_from_one_map(done: Run, holed: Path, tmp_path: Path) -> None:
    words = ("fit", holed / "rows", "--stream", *FEW, "-o")
    launched(*words, tmp_path / "together")
    done(*words, tmp_path / "alone")
    assert losses(tmp_path / "together") == pytest.approx(losses(tmp_path / "alone"), rel=1e-4)
    assert not (tmp_path / "together" / ".tmp-rows").exists()


@pytest.mark.slow
def test_two_processes_measure_a_model(holed: Path, tmp_path: Path) -> None:
    out = launched("evaluate", holed / "model", holed / "fit.parquet", "--report", tmp_path / "r.html", "--json")
    assert json.loads(out)
    assert (tmp_path / "r.html").is_file()
