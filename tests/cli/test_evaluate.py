"""Measuring a model by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import Result

from unnoise import load

pytestmark = pytest.mark.usefixtures("light_judges")

Run = Callable[..., Result]


def test_numbers_baselines_and_a_report(done: Run, data: Path, model: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    result = done("evaluate", model, data / "rows.csv", "--train", data / "rows.parquet", "--report", report)
    for name in ("exact_nats_per_row", "bound_nats_per_row", "c2st_accuracy", "energy_distance", "copying_ratio"):
        assert name in result.stdout
    for baseline in ("gaussian", "gaussian_mixture", "kernel_density"):
        assert f"{baseline}_nats_per_row" in result.stdout
    first, second = result.stdout.splitlines()[:2]
    assert first == "can I trust it?"
    assert second.startswith("  ?    Is held-out data as likely as under every rival? -0.1"), "three steps, forty rows"
    assert "  ?    Are samples new" in result.stdout, "forty rows show no virtue"
    told = result.stdout.partition("how to go on?")[2]
    assert f"unnoise fit {data / 'rows.parquet'} -o {model} --resume --steps 9" in told
    assert "unnoise, lower bound: lower bound, Monte Carlo error" in result.stdout
    assert "unnoise, exact: exact log density of the probability flow, Monte Carlo error 0 nats" in result.stdout
    assert "bound_part_diffusion" in result.stdout
    assert f"wrote {report}" in result.stdout
    assert "rows on rows.csv" in report.read_text()


def test_json_is_strict(done: Run, data: Path, model: Path) -> None:
    """Rows that are their own nearest neighbours make a ratio infinite, which JSON cannot say."""
    out = done("evaluate", model, data / "rows.csv", "--train", data / "rows.csv", "--json").stdout
    numbers = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert numbers["copying_ratio"] is None
    assert {"trust", "margins", "pairs", "regions", "rivals", "advice"} < set(numbers)
    assert [one["key"] for one in numbers["trust"]][:2] == ["likelihood", "classifiers"]
    assert list(numbers["methods"])[:2] == ["unnoise, exact", "unnoise, lower bound"]
    assert numbers["bound_nats_per_row"] < numbers["exact_nats_per_row"] + 4 * numbers["bound_monte_carlo_se"]
    mean, error = numbers["gaussian_nats_per_row"], numbers["gaussian_nats_per_row_se"]
    assert error > 0
    assert mean > numbers["exact_nats_per_row"], "three steps should not beat a Gaussian"


def test_what_cannot_be_measured_is_refused(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "report.html").write_text("mine")
    words = ("evaluate", model, data / "rows.csv")
    refused("evaluate", model, tmp_path / "one.csv", match="got 1 test rows; expected at least 10")
    refused(*words, "--max-rows", "5", match="got 5 test rows; expected at least 10")
    refused(*words, "--report", tmp_path / "report.html", match="report.html exists; pass --overwrite")
    refused(*words, "--report", tmp_path / "report.pdf", match="is of no type that can be written; expected .html")
    refused(*words, "--train", tmp_path / "nothing.csv", match="There is no file or folder")
    (tmp_path / "less.csv").write_text("a,c\n" + "1,2\n" * 12)
    refused("evaluate", model, tmp_path / "less.csv", match="unseen at fit time: - c .*missing: - b")
    refused("evaluate", tmp_path, data / "rows.csv", match="there is no model in")
    assert (tmp_path / "report.html").read_text() == "mine"


@pytest.mark.filterwarnings("default:the baselines of the likelihood")
def test_rows_with_holes_are_measured_by_what_is_known(run: Run, data: Path, tmp_path: Path) -> None:
    """By a model whose training had holes, which models them, and by one whose training had none."""
    rows = pl.read_csv(data / "rows.csv").with_columns(b=pl.when(pl.col("a") < 0.5).then("b"))
    rows.write_csv(tmp_path / "holes.csv")
    few = ("--steps", "3", "--batch-size", "16", "--device", "cpu", "--column", "a=real", "--column", "b=real")
    fitted = run("fit", tmp_path / "holes.csv", "-o", tmp_path / "holed", *few)
    share = 100 * rows["b"].null_count() / 40
    assert f"missing in {share:.0f} % of rows" in fitted.stdout
    assert f"unnoise impute {tmp_path / 'holed'} {tmp_path / 'holes.csv'} -o filled.csv" in fitted.stdout
    for model in ("holed", "whole"):
        if model == "whole":
            run("fit", data / "rows.csv", "-o", tmp_path / model, *few)
        words = ("--train", tmp_path / "holes.csv", "--json")
        result = run("evaluate", tmp_path / model, tmp_path / "holes.csv", *words)
        assert result.exit_code == 0
        assert result.stderr.startswith("unnoise: warning: the baselines of the likelihood know whole rows alone")
        numbers = json.loads(result.stdout)
        assert "gaussian_nats_per_row" not in numbers
        schema = load(tmp_path / model).schema_
        units = [schema.volume(["a"]) + (0 if b is None else schema.volume(["b"])) for b in rows["b"]]
        assert numbers["bound_part_units"] == pytest.approx(sum(units) / 40)
