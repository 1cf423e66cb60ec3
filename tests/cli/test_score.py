"""Log-likelihoods by the command line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import Result

from unnoise import load
from unnoise.cli.score import _Means
from unnoise.networks import MLP

Run = Callable[..., Result]


def test_every_row_gets_its_log_likelihood(done: Run, data: Path, model: Path, tmp_path: Path) -> None:
    result = done("score", model, data / "rows.csv", "-o", tmp_path / "scores.csv")
    scores = pl.read_csv(tmp_path / "scores.csv")
    assert scores.columns == ["log_likelihood", "standard_error"]
    expected = load(model).score_samples(pl.read_csv(data / "rows.csv"))
    np.testing.assert_allclose(scores["log_likelihood"], expected, rtol=1e-5)
    assert (scores["standard_error"] == 0).all()
    assert f"mean log-likelihood {expected.mean():.4f}" in result.stdout
    assert "nats per row, density in the data's own units" in result.stdout


@pytest.mark.parametrize(
    ("name", "read"),
    [("scores.parquet", lambda path: pl.read_parquet(path).to_numpy()), ("scores.npy", np.load)],
)
def test_scores_go_to_any_file(
    name: str, read: Callable[[Path], np.ndarray], done: Run, data: Path, model: Path, tmp_path: Path
) -> None:
    done("score", model, data / "rows.csv", "-o", tmp_path / name)
    assert read(tmp_path / name).shape == (40, 2)


def test_a_bound_has_an_error_and_json_tells_it(done: Run, data: Path, model: Path, tmp_path: Path) -> None:
    words = ("--likelihood", "bound", "--json", "--seed", "3")
    facts = json.loads(done("score", model, data / "rows.parquet", "-o", tmp_path / "s.csv", *words).stdout)
    scores = pl.read_csv(tmp_path / "s.csv")
    assert facts["mean"] == pytest.approx(scores["log_likelihood"].mean(), rel=1e-5)
    assert facts["monte_carlo_se"] == pytest.approx(np.sqrt((scores["standard_error"] ** 2).sum()) / 40, rel=1e-4)
    assert (scores["standard_error"] > 0).all()
    assert (facts["rows"], facts["method"]) == (40, "lower bound")


def test_images_are_scored_by_the_bound_unless_told(done: Run, data: Path, tmp_path: Path) -> None:
    """The exact answer for 8 x 8 pixels costs hundreds of times as much."""
    words = ("--steps", "3", "--batch-size", "8", "--labels", data / "labels.csv", "--condition", "digit")
    done("fit", data / "images", "-o", tmp_path / "model", *words)
    words = (data / "images", "--labels", data / "labels.csv", "-o", tmp_path / "scores.csv", "--json")
    facts = json.loads(done("score", tmp_path / "model", *words).stdout)
    assert facts["method"] == "lower bound, uniform dequantisation"
    assert facts["mean"] == pytest.approx(sum(facts["parts"].values()), rel=1e-4)
    assert list(facts["parts"]) == ["prior", "diffusion", "reconstruction", "units"]
    assert facts["bits_per_dim"] == pytest.approx(-facts["mean"] / (64 * np.log(2)))
    assert facts["bits_per_dim_monte_carlo_se"] == pytest.approx(facts["monte_carlo_se"] / (64 * np.log(2)))
    assert facts["measure"].endswith("a lower bound on the log-probability; given digit")


def test_real_columns_have_no_cells_to_fill(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    words = (data / "rows.csv", "-o", tmp_path / "s.csv", "--dequantisations", "2")
    refused("score", model, *words, match="--dequantisations is for whole numbers; leave it out")


def test_conditions_are_columns_of_the_data(done: Run, data: Path, conditional: Path, tmp_path: Path) -> None:
    done("score", conditional, data / "people.csv", "-o", tmp_path / "scores.csv")
    assert pl.read_csv(tmp_path / "scores.csv").height == 40


@pytest.mark.filterwarnings("default:X does not have valid feature names")
def test_columns_without_names_are_told_in_one_line(run: Run, data: Path, model: Path, tmp_path: Path) -> None:
    result = run("score", model, data / "rows.npy", "-o", tmp_path / "scores.csv")
    assert result.exit_code == 0
    assert result.stderr.startswith("unnoise: warning: X does not have valid feature names")
    assert result.stderr.count("\n") == 1


def test_wrong_data_are_refused(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "inf.csv").write_text("a,b\n1,2\ninf,3\n")
    output = ("-o", tmp_path / "scores.csv")
    refused("score", model, tmp_path / "inf.csv", *output, match=r"column 'a' has inf in 1 row \(1\)")
    (tmp_path / "less.csv").write_text("a,c\n1,2\n2,3\n")
    refused("score", model, tmp_path / "less.csv", *output, match="unseen at fit time: - c .*missing: - b")
    refused("score", model, tmp_path / "nothing.csv", *output, match="There is no file or folder")
    refused("score", tmp_path, data / "rows.csv", *output, match="there is no model in")
    assert sorted(os.listdir(tmp_path)) == ["inf.csv", "less.csv"]


def test_wrong_output_is_refused(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("mine")
    words = ("score", model, data / "rows.csv", "-o")
    refused(*words, tmp_path / "scores.csv", match="scores.csv exists; pass --overwrite")
    (tmp_path / "rows.csv").write_bytes((data / "rows.csv").read_bytes())
    again = ("score", model, tmp_path / "rows.csv", "-o", tmp_path / "rows.csv", "--overwrite")
    refused(*again, match="rows.csv holds the data to score, which would be lost: name another file")
    refused(*words, tmp_path / "scores", match="scores is of no type that can be written; expected .csv, .pa")
    assert (tmp_path / "scores.csv").read_text() == "mine"


def test_weights_that_are_not_finite_score_nothing(refused: Run, data: Path, model: Path, tmp_path: Path) -> None:
    spoilt = load(model)
    next(spoilt.denoiser_.parameters()).data.fill_(torch.nan)
    spoilt.save(tmp_path / "spoilt")
    words = ("score", tmp_path / "spoilt", data / "rows.csv", "-o", tmp_path / "scores.csv")
    refused(*words, match="weights.safetensors is damaged .* holds numbers that are not finite")
    assert sorted(os.listdir(tmp_path)) == ["spoilt"]


@pytest.mark.parametrize("likelihood", ["exact", "bound"])
def test_what_is_not_a_number_scores_nothing(
    likelihood: str, run: Run, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MLP, "forward", lambda self, x, *rest: x.new_full((len(x), *self.output_shape), torch.nan))
    words = ("-o", tmp_path / "scores.csv", "--likelihood", likelihood)
    result = run("score", model, data / "rows.csv", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(r"unnoise: [^\n]*(nan|finite)[^\n]*\n", result.stderr), result.stderr
    assert sorted(os.listdir(tmp_path)) == []


def test_a_hole_in_any_block_is_a_hole() -> None:
    """Bits per dimension are of whole rows."""
    found = _Means.of_all([_Means(10, holes=True), _Means(10)])
    assert found.holes
    assert not _Means.of_all([_Means(10), _Means(10)]).holes
