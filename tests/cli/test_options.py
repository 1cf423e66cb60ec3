"""What options do: each command gives what the same call of the package gives, with other options than its defaults."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import Result

from unnoise import DenoisingMarkovModel as unfitted
from unnoise import evaluate, load, samplers
from unnoise._seeding import generator
from unnoise.chains import NotMixedWarning
from unnoise.cli.walkers import Walker
from unnoise.evaluation import Bound
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.targets import TwoModes
from unnoise.testing import ImprobableError, assert_law, check_sampler

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def whole(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model of whole numbers, which are dequantised, and some of its rows."""
    folder = tmp_path_factory.mktemp("whole")
    rows = np.random.default_rng(0).poisson(3, (40, 2))
    pl.DataFrame({"a": rows[:, 0], "b": rows[:, 1]}).write_csv(folder / "rows.csv")
    words = ("--steps", "3", "--batch-size", "16", "--device", "cpu", "--column", "a=integer", "--column", "b=integer")
    assert run("fit", folder / "rows.csv", "-o", folder / "model", *words).exit_code == 0
    pl.DataFrame({"a": rows[:8, 0], "b": rows[:8, 1]}).write_csv(folder / "few.csv")
    return folder / "model", folder / "few.csv"


def test_sample_takes_its_sampler_its_levels_and_its_seed(done: Run, model: Path, tmp_path: Path) -> None:
    words = ("-n", "6", "--sampler", "euler", "--sampling-steps", "7", "--seed", "5")
    done("sample", model, "-o", tmp_path / "new.parquet", *words)
    wanted = load(model).sample(6, seed=5, sampler=samplers.Euler, steps=7)
    assert pl.read_parquet(tmp_path / "new.parquet").equals(wanted)


def test_sample_takes_what_is_given_typed_and_in_a_file(done: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text("b\n8.5\n\n")
    words = ("--given", "a=-1..2", "--given-file", tmp_path / "known.csv", "--seed", "5")
    done("sample", model, "-o", tmp_path / "new.parquet", *words)
    wanted = load(model).sample(2, given={"a": (-1, 2), "b": [8.5, None]}, seed=5)
    assert pl.read_parquet(tmp_path / "new.parquet").equals(wanted)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (("--draws", "2"), {"draws": 2}),
        (("--point", "mean"), {"point": "mean"}),
        (("--sampler", "euler", "--sampling-steps", "7"), {}),
    ],
)
def test_impute_takes_its_draws_its_point_its_sampler_and_its_seed(
    words: tuple[str, ...], options: dict[str, object], done: Run, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "holes.csv").write_text("a,b\n1,\n,3\n0.5,9\n,\n")
    done("impute", model, tmp_path / "holes.csv", "-o", tmp_path / "filled.parquet", "--seed", "5", *words)
    fitted, rows = load(model), pl.read_csv(tmp_path / "holes.csv")
    sampler = partial(samplers.Euler, steps=7) if "--sampler" in words else None
    wanted = fitted.set_params(sampler=sampler).impute(rows, seed=5, **options)
    names = ["filled.1.parquet", "filled.2.parquet"] if "draws" in options else ["filled.parquet"]
    for name, frame in zip(names, wanted if "draws" in options else [wanted], strict=True):
        assert pl.read_parquet(tmp_path / name).equals(frame)
    assert sorted(path.name for path in tmp_path.glob("*.parquet")) == names


@pytest.mark.parametrize("likelihood", ["bound", "exact"])
def test_score_takes_the_columns_that_it_scores_and_those_given(
    likelihood: str, done: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    words = ("--of", "b", "--given", "a", "--likelihood", likelihood, "--seed", "5")
    told = done("score", model, data / "rows.csv", "-o", tmp_path / "s.npy", *words).stdout
    method = {"likelihood": Bound()} if likelihood == "bound" else {}
    wanted = load(model).score_samples(pl.read_csv(data / "rows.csv"), of="b", given="a", seed=5, **method)
    np.testing.assert_allclose(np.load(tmp_path / "s.npy")[:, 0], wanted, rtol=1e-6)
    assert told.count("nats per row, log p(b | a); density in the data's own units") == 1


@pytest.mark.parametrize("likelihood", ["bound", "exact"])
def test_score_takes_its_likelihood_its_points_and_its_seed(
    likelihood: str, done: Run, whole: tuple[Path, Path], tmp_path: Path
) -> None:
    model, rows = whole
    words = ("--likelihood", likelihood, "--dequantisations", "2", "--seed", "5")
    done("score", model, rows, "-o", tmp_path / "scores.npy", *words)
    method = {"likelihood": Bound()} if likelihood == "bound" else {}
    wanted = load(model).estimate(pl.read_csv(rows), dequantisations=2, seed=5, **method)
    scores = np.load(tmp_path / "scores.npy")
    np.testing.assert_allclose(scores, np.stack([wanted.log_prob, wanted.standard_error], 1), rtol=1e-6)


@pytest.mark.usefixtures("light_judges")
def test_evaluate_takes_its_training_rows_its_number_of_rows_and_its_seed(
    done: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    """The training rows differ from the test rows, so that neither can stand for the other."""
    test = pl.read_csv(data / "rows.csv")
    train = test.with_columns(a=pl.col("a") + 0.5)[:12]
    train.write_csv(tmp_path / "train.csv")
    words = ("--train", tmp_path / "train.csv", "--max-rows", "10", "--seed", "5", "--json")
    found = json.loads(done("evaluate", model, data / "rows.csv", *words).stdout)
    wanted = evaluate(load(model), test, train=train, max_rows=10, seed=5)
    assert len(wanted.test) == 10
    assert {name: found[name] for name in wanted.measured()} == pytest.approx(wanted.measured(), rel=1e-6)


def test_fit_takes_every_option(done: Run, data: Path, tmp_path: Path) -> None:
    words = ("--steps", "4", "--batch-size", "8", "--learning-rate", "0.02", "--precision", "bfloat16", "--seed", "5")
    words += ("--roles", "joint")
    done("fit", data / "rows.csv", "-o", tmp_path / "model", "--time", "10m", "--device", "cpu", *words)
    model = load(tmp_path / "model")
    changed = {name: value for name, value in model.get_params().items() if value != getattr(unfitted(), name)}
    assert changed == {
        "steps": 4,
        "batch_size": 8,
        "learning_rate": 0.02,
        "precision": "bfloat16",
        "random_state": 5,
        "roles": "joint",
        "time_limit": 600.0,
        "device": "cpu",
    }
    wanted = unfitted().set_params(**changed).fit(pl.read_csv(data / "rows.csv"))
    assert model.losses_.tolist() == wanted.losses_.tolist()


@pytest.mark.slow
def test_fit_tells_the_mean_of_its_last_hundred_losses(done: Run, data: Path, tmp_path: Path) -> None:
    words = ("--steps", "130", "--batch-size", "4", "--device", "cpu", "--json")
    facts = json.loads(done("fit", data / "rows.csv", "-o", tmp_path / "model", *words).stdout)
    losses = load(tmp_path / "model").losses_
    assert facts["loss"] == pytest.approx(losses[30:].mean())
    assert abs(losses[30:].mean() - losses.mean()) > 1e-3


SPREAD = """
import torch
from unnoise.processes import variance_preserving
from unnoise.samplers import Euler
from unnoise.spaces import Euclidean
from unnoise.targets import TwoModes

modes = TwoModes(1, separation=4.0)
process = variance_preserving(Euclidean(1))
sampler = Euler, process, torch.tensor([[-1.0], [0.5], [1.0]])
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module `spread` in it, as the working directory."""
    (tmp_path / "spread.py").write_text(SPREAD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "spread", raising=False)
    yield tmp_path
    sys.modules.pop("spread", None)


def test_chains_start_as_wide_as_they_are_told(run: Run, desk: Path) -> None:
    """Two steps of a millionth leave every chain where it started."""
    still = ("--chain", "langevin", "--step-size", "1e-6", "--steps", "2", "-n", "500")
    assert run("walk", "spread:modes", "-o", "points.npy", *still, "--scale", "5").exit_code == 0
    starts = torch.as_tensor(np.load("points.npy"))[:, 0]
    assert_law(starts / 5, torch.special.ndtr)
    with pytest.raises(ImprobableError):
        assert_law(starts, torch.special.ndtr)


def test_sequential_takes_its_own_noise(run: Run, desk: Path) -> None:
    words = ("--chain", "sequential", "--sigma", "2", "--scale", "3", "-n", "20", "--steps", "4", "--seed", "5")
    assert run("walk", "spread:modes", "-o", "points.npy", *words).exit_code == 0
    walker = Walker("sequential", TwoModes(1, separation=4.0), (1,), generator(5), 4, scale=3.0, sigma=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotMixedWarning)
        wanted = walker.walk(20, lambda share, note: None)
    np.testing.assert_array_equal(np.load("points.npy"), wanted.numpy())


def test_the_memory_of_chains_is_judged_by_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unnoise.cli.walkers.NUMBERS_AT_ONCE", 100)
    walker = Walker("langevin", TwoModes(1), (1,), generator(0), 2, step_size=0.1)
    for size in walker.groups(400):
        walker.walk(size, lambda share, note: None)
    assert walker.memory.error == pytest.approx(400**-0.5)


def test_check_takes_its_order_its_draws_and_its_seed(run: Run, desk: Path) -> None:
    atoms = torch.tensor([[-1.0], [0.5], [1.0]])
    found = run("check", "spread:sampler", "--order", "2", "--draws", "200", "--seed", "5", "--json")
    process = variance_preserving(Euclidean(1))
    options = {"draws": 200, "raises": False}
    wanted = check_sampler(samplers.Euler, process, atoms, order=2.0, seed=5, **options).findings
    seen = [(one["claim"], one["p_value"], one["detail"]) for one in json.loads(found.stdout)["properties"]]
    assert seen == [(one.claim, one.p_value, one.detail) for one in wanted]
    for other in ({"order": 1.0, "seed": 5}, {"order": 2.0, "seed": 0}):
        differs = check_sampler(samplers.Euler, process, atoms, **other, **options).findings
        assert [one.detail for one in differs] != [one.detail for one in wanted]
