"""The front door: what goes in comes back out, in its own terms, and scikit-learn's tools work on it."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from unnoise import DenoisingMarkovModel, InputError, load, networks, processes, samplers
from unnoise.chains import Sequential, WalkJump
from unnoise.data import files
from unnoise.denoisers import Denoiser, ExactMixture
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.heads import CellHead, Eps, Preconditioned, Told
from unnoise.laws import GaussianMixture
from unnoise.model.defaults import Built, default_objective
from unnoise.model.roles import trainable
from unnoise.networks import MLP, UNet
from unnoise.objectives import Denoising
from unnoise.objectives.times import LogNormalTimes
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean, assert_mean_at_most

TINY = partial(MLP, width=16, depth=1, embedding=16)
MEAN, COVARIANCE = np.array([1.0, -2.0]), np.array([[1.0, 0.8], [0.8, 1.5]])


def tiny(**changes: Any) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(**{"steps": 5, "batch_size": 32, "network": TINY, **changes})


def correlated(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(MEAN, COVARIANCE, n)


def weights(model: DenoisingMarkovModel) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in model.denoiser_.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def data() -> np.ndarray:
    return correlated(100)


@pytest.fixture(scope="module")
def model(data: np.ndarray) -> DenoisingMarkovModel:
    """Fitted on a matrix of two columns."""
    return tiny().fit(data)


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    columns = {
        "height": rng.normal(170, 10, 60),
        "weight": rng.normal(70, 15, 60).astype(np.float32),
        "children": rng.poisson(2, 60).astype(np.int8),
        "sex": rng.choice(["Female", "Male"], 60),
        "age": rng.integers(18, 90, 60),
        "planet": np.full(60, 3),
    }
    return pl.DataFrame(columns)


# ---- scikit-learn


REORDERED = {"check_dataframe_column_names_consistency": "columns in another order are put in order, and not refused"}


@parametrize_with_checks([tiny()], expected_failed_checks=lambda _: REORDERED)
def test_scikit_learn_accepts_it(estimator: DenoisingMarkovModel, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_a_clone_has_the_same_parameters_and_is_not_fitted(data: np.ndarray) -> None:
    model = tiny(network=MLP, steps=1, likelihood=ProbabilityFlow(tolerance=1e-3)).fit(data)
    changed = clone(model).set_params(steps=7, sampler=samplers.DDIM)
    assert changed.get_params() == model.get_params() | {"steps": 7, "sampler": samplers.DDIM}
    with pytest.raises(NotFittedError):
        changed.sample(1)


def test_fitting_leaves_the_parameters_and_the_data_alone(data: np.ndarray) -> None:
    kinds, condition, rows = {"x0": "real"}, ["x1"], data.copy()
    model = tiny(kinds=kinds, condition=condition)
    before = model.get_params()
    model.fit(rows)
    assert model.get_params() == before
    assert (kinds, condition) == ({"x0": "real"}, ["x1"])
    assert (rows == data).all()


def test_it_ends_a_pipeline(data: np.ndarray) -> None:
    pipeline = make_pipeline(StandardScaler(), tiny()).fit(data)
    scores = pipeline.score_samples(data)
    assert scores.shape == (100,)
    assert pipeline.score(data) == pytest.approx(scores.mean())


def test_a_grid_search_compares_likelihoods(data: np.ndarray) -> None:
    search = GridSearchCV(tiny(), {"steps": np.array([1, 3])}, cv=2).fit(data)
    assert len(search.best_estimator_.losses_) == search.best_params_["steps"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("convert", [pl.DataFrame.to_pandas, pl.DataFrame.clone, pl.DataFrame.to_arrow])
def test_the_names_of_the_columns_are_kept(people: pl.DataFrame, convert: Callable[[pl.DataFrame], Any]) -> None:
    model = tiny().fit(convert(people["height", "weight"]))
    assert model.n_features_in_ == 2
    assert list(model.feature_names_in_) == ["height", "weight"]
    assert model.feature_names_in_.dtype == object


def test_an_array_has_no_names_also_after_a_frame(people: pl.DataFrame, data: np.ndarray) -> None:
    model = tiny().fit(people["height", "weight", "age"]).fit(data)
    assert model.n_features_in_ == 2
    assert not hasattr(model, "feature_names_in_")


# ---- in its own terms


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_an_array_comes_back_as_an_array(data: np.ndarray, dtype: type) -> None:
    rows = tiny().fit((10 * data).astype(dtype)).sample(7, seed=0)
    assert rows.shape == (7, 2)
    assert rows.dtype == dtype


def test_a_tensor_comes_back_as_a_tensor(data: np.ndarray) -> None:
    rows = tiny().fit(torch.from_numpy(data).float()).sample(7, seed=0)
    assert isinstance(rows, torch.Tensor)
    assert (rows.shape, rows.dtype) == ((7, 2), torch.float32)


def test_images_come_back_as_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4), dtype=np.uint8)
    model = tiny(sampler=partial(samplers.DDIM, steps=3)).fit(images)
    rows = model.sample(2, seed=0)
    assert (rows.shape, rows.dtype) == ((2, 3, 4, 4), np.uint8)
    assert isinstance(model.likelihood_, Bound)
    assert model.score_samples(images[:2], likelihood=Bound(draws=2)).shape == (2,)


def test_what_images_of_few_levels_hold_is_learnt_level_by_level(rng: torch.Generator) -> None:
    """Pixels that are 3, 4 or 6 by themselves: in a few steps the bound is near their entropy, else far from it."""
    shares = np.array([0.7, 0.0, 0.1, 0.2])
    images = np.random.default_rng(0).choice(np.arange(3, 7), (600, 4, 4), p=shares).astype(np.uint8)
    few = dict(steps=150, batch_size=64, learning_rate=1e-2, roles="joint", likelihood=Bound(draws=16))
    model = tiny(**few).fit(images[100:])
    head = model.denoiser_.head
    assert isinstance(head, CellHead)
    x, _ = model.schema_.encode(np.full((1, 4, 4), 3, np.uint8)).all(rng)
    assert head.lattice.count == 4
    assert head.lattice.index(x).eq(0).all()
    assert abs(float(x.flatten()[0]) - head.lattice.first) <= 0.5 * head.lattice.step
    entropy = -16 * float((shares[shares > 0] * np.log(shares[shares > 0])).sum())
    assert model.score_samples(images[:100]).mean() > -entropy - 2
    assert tiny(head=Preconditioned, **few).fit(images[100:]).score_samples(images[:100]).mean() < -entropy - 6


def test_images_of_few_levels_of_earlier_versions_keep_their_head() -> None:
    images = np.random.default_rng(0).integers(0, 2, (20, 4, 4), dtype=np.uint8)
    model = tiny().fit(images)
    assert isinstance(model.denoiser_.head, Told)
    assert isinstance(model.denoiser_.head.head, CellHead)
    earlier = model._untrained(model.schema_, Built.of({"width": 128, "started": True, "each": True}))
    assert isinstance(earlier.head, Told)
    assert isinstance(earlier.head.head, Preconditioned)
    assert isinstance(tiny().fit(np.arange(320).reshape(20, 4, 4)).denoiser_.head.head, Preconditioned)


CONVERT = {"polars": pl.DataFrame.clone, "pandas": pl.DataFrame.to_pandas, "pyarrow": pl.DataFrame.to_arrow}
SCHEMA = {
    "polars": lambda frame: frame.schema,
    "pandas": lambda frame: dict(frame.dtypes),
    "pyarrow": lambda frame: frame.schema.remove_metadata(),
}


@pytest.mark.filterwarnings("ignore:1 column holds a single value")
@pytest.mark.parametrize("library", CONVERT)
def test_a_frame_comes_back_as_a_frame_of_the_same_columns(people: pl.DataFrame, library: str) -> None:
    frame = CONVERT[library](people)
    model = tiny(condition=["sex", "age"]).fit(frame)
    rows = model.sample(9, given={"sex": "Male", "age": 40}, seed=0)
    assert type(rows) is type(frame)
    assert SCHEMA[library](rows) == SCHEMA[library](frame)
    back = pl.DataFrame(pa.table(rows) if library == "pyarrow" else rows)
    assert back.height == 9
    assert back["sex"].unique().to_list() == ["Male"]
    assert back["age"].unique().to_list() == [40]
    assert back["planet"].unique().to_list() == [3]
    assert back["children"].is_between(people["children"].min(), people["children"].max()).all()


def test_conditions_are_given_by_name_one_for_all_or_one_for_each(people: pl.DataFrame) -> None:
    frame = people["height", "weight", "sex", "age"]
    model = tiny(condition=["sex", "age"], steps=30, learning_rate=0.05).fit(frame)
    mixed = model.sample(4, given={"sex": ["Male", "Female"] * 2, "age": [20, 30, 40, 50]}, seed=0)
    assert mixed["sex"].to_list() == ["Male", "Female"] * 2
    assert mixed["age"].to_list() == [20, 30, 40, 50]
    one, other = (model.sample(100, given={"sex": sex, "age": 40}, seed=0) for sex in ("Male", "Female"))
    assert not one["height"].equals(other["height"]), "the condition should reach the network"
    with pytest.raises(InputError, match="The model is conditional on 'sex', 'age': pass given="):
        model.sample(4)
    with pytest.raises(InputError, match="Condition 'sex' has no level 'male'; the levels are Female, Male"):
        model.sample(4, given={"sex": "male", "age": 40})


def test_conditions_may_stand_beside_the_data(data: np.ndarray) -> None:
    labels = np.arange(100) % 3
    model = tiny(condition="class").fit(data, labels)
    assert model.sample(3, given={"class": [0, 1, 2]}, seed=0).shape == (3, 2)
    assert model.score_samples(data[:5], labels[:5]).shape == (5,)
    with pytest.raises(InputError, match="The condition 'class' is not a column of the data, and y was not given"):
        model.score_samples(data[:5])


# ---- randomness


def test_the_same_random_state_gives_the_same_weights(data: np.ndarray, model: DenoisingMarkovModel) -> None:
    torch.rand(3)  # the global generator is somewhere else
    assert equal(weights(tiny().fit(data)), weights(model))
    assert not equal(weights(tiny(random_state=1).fit(data)), weights(model))


def test_the_same_seed_gives_the_same_rows(model: DenoisingMarkovModel) -> None:
    rows = model.sample(5, seed=3)
    assert (rows == model.sample(5, seed=3)).all()
    assert not (rows == model.sample(5, seed=4)).all()
    assert not (model.sample(5) == model.sample(5)).all(), "without a seed the rows should be fresh"


def test_the_same_seed_gives_the_same_scores(data: np.ndarray, model: DenoisingMarkovModel) -> None:
    bound = Bound(draws=4)
    scores = model.score_samples(data[:5], likelihood=bound, seed=3)
    assert (scores == model.score_samples(data[:5], likelihood=bound, seed=3)).all()
    assert not (scores == model.score_samples(data[:5], likelihood=bound, seed=4)).all()


def test_the_global_generators_are_left_alone(data: np.ndarray) -> None:
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    tiny().fit(data).sample(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()


# ---- likelihoods


@pytest.mark.parametrize("likelihood", [ProbabilityFlow(), Bound(draws=8)], ids=lambda way: way.name)
@pytest.mark.parametrize("unit", [1000.0, 0.01])
def test_a_change_of_units_changes_the_scores_by_its_volume(
    data: np.ndarray, model: DenoisingMarkovModel, unit: float, likelihood: Any
) -> None:
    scaled = tiny().fit(unit * data)
    shift = model.score_samples(data, likelihood=likelihood) - scaled.score_samples(unit * data, likelihood=likelihood)
    np.testing.assert_allclose(shift, 2 * math.log(unit), atol=2e-5)


def test_scores_are_the_sum_of_their_parts(data: np.ndarray, model: DenoisingMarkovModel) -> None:
    for likelihood in (ProbabilityFlow(), Bound(draws=4)):
        found = model.estimate(data[:9], likelihood=likelihood)
        assert "units" in found.parts
        np.testing.assert_allclose(sum(found.parts.values()), found.log_prob, rtol=1e-5)
    assert found.standard_error.gt(0).all()


def test_score_is_the_mean(data: np.ndarray, model: DenoisingMarkovModel) -> None:
    assert model.score(data) == pytest.approx(model.score_samples(data).mean())


def test_the_likelihood_is_the_models_own_unless_told(data: np.ndarray, model: DenoisingMarkovModel) -> None:
    exact, bound = ProbabilityFlow(), Bound(draws=4)
    own = clone(model).set_params(likelihood=bound).fit(data)
    assert own.likelihood_ == bound
    assert (own.score_samples(data) == model.score_samples(data, likelihood=bound)).all()
    assert (own.score_samples(data, likelihood=exact) == model.score_samples(data)).all()


def test_integers_are_weighed_at_many_points_of_their_cells() -> None:
    """More points bring an exact density nearer to the probability; the method says what was done."""
    rows = np.random.default_rng(0).poisson(1, (200, 1))
    model = tiny(steps=60, learning_rate=1e-2, likelihood=ProbabilityFlow(tolerance=1e-3)).fit(rows)
    one, many = (model.estimate(rows, dequantisations=count) for count in (1, 8))
    assert one.method.endswith("probability flow, uniform dequantisation")
    assert many.method.endswith("uniform dequantisation, 8 points per row, importance-weighted")
    assert (many.parts["gain"] >= 0).all()
    assert float(many.parts["gain"].mean()) > 0.01
    torch.testing.assert_close(sum(many.parts.values()), many.log_prob)
    assert_mean_at_most(one.log_prob - many.log_prob, 0.0)
    with pytest.raises(ImprobableError):
        assert_mean_at_most(many.parts["gain"], 0.0)
    bound = model.estimate(rows[:20], likelihood=Bound(draws=4), dequantisations=2)
    assert bound.method == "lower bound, uniform dequantisation, 2 points per row"
    with pytest.raises(InputError, match="got draws = 0"):
        model.estimate(rows, dequantisations=0)


def test_real_numbers_have_no_cells_to_fill(model: DenoisingMarkovModel, data: np.ndarray) -> None:
    found = model.estimate(data[:3], likelihood=Bound(draws=2), dequantisations=4)
    assert found.method == "lower bound"
    assert list(found.parts) == ["prior", "diffusion", "reconstruction", "units"]


@pytest.fixture(scope="module")
def skewed() -> tuple[DenoisingMarkovModel, np.ndarray]:
    """Trained on one column, a mixture of two Gaussians of unequal width."""
    rng = np.random.default_rng(0)
    rows = np.where(rng.random(2000) < 0.3, rng.normal(-3, 0.5, 2000), rng.normal(2, 1.5, 2000))[:, None]
    model = tiny(network=partial(MLP, width=32, depth=2), steps=150, batch_size=256, learning_rate=5e-3, ema=0.98)
    return model.fit(rows), rows


def test_the_density_of_a_trained_model_integrates_to_one(skewed: tuple[DenoisingMarkovModel, np.ndarray]) -> None:
    grid = np.linspace(-12, 14, 260)
    density = np.exp(skewed[0].score_samples(grid[:, None]))
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=0.01)


def test_samples_have_the_density_that_is_scored(skewed: tuple[DenoisingMarkovModel, np.ndarray]) -> None:
    """A histogram of samples against the integral of the density over its bins."""
    model, edges = skewed[0], np.array([-20.0, -3.5, -3, -2.5, -1, 0, 1, 2, 3, 4, 20])
    rows = model.sample(1000, seed=0, sampler=partial(samplers.Heun, steps=64))
    fine = np.linspace(-20, 20, 801)
    density = np.exp(model.score_samples(fine[:, None]))
    cells = np.rint((edges + 20) / 0.05).astype(int)
    mass = [np.trapezoid(density[a : b + 1], dx=0.05) for a, b in itertools.pairwise(cells)]
    counts = torch.as_tensor(np.histogram(rows, edges)[0])
    assert_frequencies(counts, torch.tensor(mass))
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, torch.tensor(mass).sqrt())


def test_a_trained_model_beats_a_gaussian(skewed: tuple[DenoisingMarkovModel, np.ndarray]) -> None:
    model, rows = skewed
    gaussian = -0.5 * math.log(2 * math.pi * math.e * rows.var())
    assert model.score(rows[:300]) > gaussian + 0.1


def test_a_correlated_gaussian_is_recovered() -> None:
    network = partial(MLP, width=64, depth=2)
    model = DenoisingMarkovModel(network=network, steps=300, batch_size=256, learning_rate=5e-3, ema=0.98)
    model.fit(correlated(4000))
    assert model.losses_.shape == (300,)
    rows, held_out = model.sample(4000, seed=0), correlated(200, seed=1)
    products = (rows - MEAN)[:, :, None] * (rows - MEAN)[:, None]
    bias = 0.1  # of a short training
    assert_mean(torch.as_tensor(rows), torch.as_tensor(MEAN), tolerance=bias)
    assert_mean(torch.as_tensor(products), torch.as_tensor(COVARIANCE), tolerance=bias)
    with pytest.raises(ImprobableError):
        assert_mean(torch.as_tensor(products), torch.as_tensor(COVARIANCE).diagonal().diag(), tolerance=bias)
    offset = held_out - MEAN
    quadratic = np.einsum("ni,ij,nj->n", offset, np.linalg.inv(COVARIANCE), offset)
    truth = -0.5 * quadratic - 0.5 * np.log(np.linalg.det(2 * np.pi * COVARIANCE))
    assert model.score(held_out) == pytest.approx(truth.mean(), abs=0.05)
    assert np.sqrt(np.mean((model.score_samples(held_out) - truth) ** 2)) < 0.25
    bound = model.estimate(held_out, likelihood=Bound()).log_prob
    assert_mean_at_most(bound - torch.as_tensor(truth), 0.0)


# ---- what it is made of


def test_parts_can_be_chosen(data: np.ndarray) -> None:
    parts = {
        "process": processes.rectified_flow,
        "head": Eps,
        "sampler": partial(samplers.Euler, steps=4, churn=0.0),
        "likelihood": ProbabilityFlow(tolerance=1e-3),
    }
    model = tiny(**parts).fit(data)
    assert isinstance(model.denoiser_.process, processes.Gaussian)
    assert isinstance(model.denoiser_.head.head, Eps)
    assert model.sample(3, seed=0).shape == (3, 2)
    assert np.isfinite(model.score_samples(data[:3])).all()


def test_a_process_may_be_an_object(data: np.ndarray) -> None:
    process = processes.edm(Euclidean(2))
    assert tiny(process=process).fit(data).denoiser_.process == process


def test_images_get_a_u_net_sequences_a_transformer_and_all_else_an_mlp() -> None:
    from unnoise.model import default_network

    assert isinstance(default_network((1, 17, 17), 0, (1, 17, 17)), UNet)
    assert isinstance(default_network((3, 16, 17), 5, (3, 16, 17)), UNet)
    assert isinstance(default_network((21, 100), 0, (21, 100)), networks.Transformer)
    for shape in ((64,), (1, 7, 8), (2, 3, 4, 5)):
        assert isinstance(default_network(shape, 0, shape), MLP)


def test_small_images_get_a_network_of_their_own_but_in_models_of_earlier_versions() -> None:
    from unnoise.model import default_network

    for shape in ((1, 8, 8), (3, 16, 16)):
        assert isinstance(default_network(shape, 5, shape), networks.SmallImage)
        assert isinstance(default_network(shape, 5, shape, small=False), UNet)
    images = np.random.default_rng(0).integers(0, 2, (20, 8, 8), dtype=np.uint8)
    model = DenoisingMarkovModel(steps=1, batch_size=2).fit(images)
    assert isinstance(model.denoiser_.network, networks.SmallImage)
    told = {"width": 128, "started": True, "each": True, "cells": True}
    assert isinstance(model._untrained(model.schema_, Built.of(told)).network, UNet)
    assert isinstance(model._untrained(model.schema_, Built.of(told | {"small": True})).network, networks.SmallImage)


def test_levels_are_learnt_less_often_where_their_head_knows_them_by_itself(model: DenoisingMarkovModel) -> None:
    """Whether or not it is told roles; all other numbers are learnt at all noise levels alike."""
    images = np.random.default_rng(0).integers(0, 2, (20, 4, 4), dtype=np.uint8)
    for roles in ("any", "joint"):
        objective = default_objective(trainable(tiny(roles=roles).fit(images).denoiser_))
        assert isinstance(objective, Denoising)
        assert isinstance(objective.times, LogNormalTimes)
    assert default_objective(trainable(model.denoiser_)) == Denoising()


def test_sampling_can_be_told_how(model: DenoisingMarkovModel) -> None:
    seen: list[float] = []
    rng = torch.Generator().manual_seed(0)
    model.sample_states(3, None, rng, sampler=samplers.DDIM, steps=5, on_step=lambda i, t, x: seen.append(t))
    assert len(seen) == 4
    assert seen == sorted(seen, reverse=True)
    with pytest.raises(InputError, match="got steps = 0; expected a whole number from 1"):
        model.sample(3, steps=0)


# ---- what cannot be


@pytest.mark.parametrize("call", ["sample", "walk", "score_samples", "score", "estimate", "save"])
def test_what_is_not_fitted_says_so(call: str, data: np.ndarray, tmp_path: Any) -> None:
    argument = {"sample": 1, "walk": 1, "save": tmp_path / "model"}.get(call, data)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(tiny(), call)(argument)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [-1, 2.5, True, "3"])
def test_a_number_of_rows_is_a_whole_number_from_zero(model: DenoisingMarkovModel, n: Any) -> None:
    with pytest.raises(InputError, match=f"got n = {n!r}; expected how many rows to sample, a whole number from 0"):
        model.sample(n)


def test_no_rows_come_back_as_no_rows(model: DenoisingMarkovModel, data: np.ndarray) -> None:
    assert model.sample(0).shape == (0, data.shape[1])


def test_samples_can_be_steered_by_a_function_of_them(model: DenoisingMarkovModel) -> None:
    """TwistedSMC is a sampler like the others: here it keeps what is positive in the first column's own units."""

    def positive(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x[:, 0] > 0, 0.0, -torch.inf)

    make = partial(samplers.TwistedSMC, log_r=positive, particles=16, guidance=0)
    steered = model.sample_states(40, None, torch.Generator().manual_seed(0), sampler=make)
    assert steered.shape[0] == 40
    assert (steered[:, 0] > 0).all()
    assert len(model.sample(5, seed=0, steps=10, sampler=make)) == 5


def test_a_tilde_is_the_home(data: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    model = tiny().fit(data, folder="~/fitted")
    model.save("~/saved")
    files.write(data, "~/rows.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fitted", "rows.csv", "saved"]
    assert np.array_equal(load("~/saved").sample(3, seed=0), load("~/fitted").sample(3, seed=0))
    assert len(files.read("~/rows.csv")) == len(data)


def test_without_a_seed_every_fit_has_its_own(data: np.ndarray, tmp_path: Path) -> None:
    for make in (np.random.RandomState, np.random.default_rng):
        drawn = tiny(random_state=make(3)).fit(data, folder=tmp_path / make.__name__)
        again = tiny(random_state=make(3)).fit(data)
        assert np.array_equal(drawn.losses_, again.losses_)
        saved = load(tmp_path / make.__name__)
        assert drawn.seed_ == saved.seed_ == saved.random_state
        assert np.array_equal(tiny(random_state=saved.random_state).fit(data).losses_, drawn.losses_)
    one, other = (tiny(random_state=None).fit(data) for _ in range(2))
    assert one.losses_[0] != other.losses_[0]
    assert np.array_equal(*(tiny(random_state=seed).fit(data).losses_ for seed in (3, np.int64(3))))


def test_too_coarse_a_sampler_is_told_of(model: DenoisingMarkovModel) -> None:
    with pytest.warns(samplers.InaccurateSamplesWarning, match="times the spread of the data"):
        model.sample(200, seed=0, sampler=samplers.Heun, steps=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, r"got steps = 0; expected a whole number from 1"),
        ({"learning_rate": -1.0}, "got learning_rate = -1.0; expected a finite number above 0"),
        ({"precision": "float16"}, "got precision = 'float16'; expected 'float32' or 'bfloat16'"),
        ({"device": "abacus"}, "The device 'abacus' cannot be used on this machine"),
        ({"random_state": -1}, "got seed = -1; expected a whole number from 0"),
        ({"condition": 5}, "got condition = 5; expected the name of a column, or a list of names"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_fit(data: np.ndarray, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny(**changes).fit(data)


def test_a_device_that_is_not_there_is_refused_at_sampling(model: DenoisingMarkovModel) -> None:
    elsewhere = copy.deepcopy(model).set_params(device="cuda:99")
    with pytest.raises(InputError, match="The device 'cuda:99' cannot be used on this machine"):
        elsewhere.sample(3)


def test_a_training_that_diverges_says_so(data: np.ndarray) -> None:
    with pytest.raises(ArithmeticError, match="Training stopped at step"):
        tiny(learning_rate=1e30, steps=50, clip=None, warmup=0).fit(data)


@pytest.mark.filterwarnings("ignore:1 column holds a single value")
def test_extreme_units_and_constant_columns_work(data: np.ndarray) -> None:
    rows = np.column_stack([1e300 * data[:, 0], 1e-300 * data[:, 1], np.full(100, 7.0)])
    model = tiny().fit(rows)
    new = model.sample(20, seed=0)
    assert np.isfinite(new).all()
    assert (new[:, 2] == 7).all()
    assert (np.abs(new[:, 1]) < 1e-298).all()
    assert np.isfinite(model.score_samples(rows)).all()


def test_a_constant_column_is_told(data: np.ndarray) -> None:
    with pytest.warns(UserWarning, match=r"1 column holds a single value; .* does not learn it: 'x2' = 7") as caught:
        tiny().fit(np.column_stack([data, np.full(100, 7.0)]))
    assert caught[0].filename == __file__


# ---- progress


@pytest.mark.parametrize(("flag", "shown"), [(True, True), (False, False), (None, False)])
def test_progress_is_shown_when_asked(
    data: np.ndarray,
    flag: bool | None,
    shown: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("unnoise._progress.PATIENCE", -1.0)
    monkeypatch.setenv("COLUMNS", "200")
    model = tiny(progress=flag).fit(data)
    model.sample(3, seed=0)
    model.score_samples(np.tile(data, (30, 1)))
    out, err = capsys.readouterr()
    assert out == ""
    for words in (
        "training on 80 rows, 20 held out",
        "validation ",
        "step 5 of 5",
        "sampling 3 rows",
        "noise level t =",
        "3,000 rows",
    ):
        assert (words in err) == shown


def test_pandas_categories_can_be_conditions(data: np.ndarray) -> None:
    frame = pd.DataFrame(
        {"a": data[:, 0], "b": data[:, 1], "c": pd.Categorical(["x", "y"] * 50, categories=list("yxz"))}
    )
    rows = tiny(condition="c").fit(frame).sample(4, given={"c": "x"}, seed=0)
    assert rows.dtypes.equals(frame.dtypes)
    assert list(rows["c"]) == ["x"] * 4


def test_networks_that_depend_on_the_condition_see_its_width(data: np.ndarray) -> None:
    seen: list[tuple[tuple[int, ...], int, tuple[int, ...]]] = []

    def network(inputs: tuple[int, ...], cond_features: int, outputs: tuple[int, ...]) -> torch.nn.Module:
        seen.append((inputs, cond_features, outputs))
        return networks.MLP(inputs, cond_features, outputs, width=8, depth=1)

    tiny(network=network, condition=["x1"]).fit(data)
    assert seen == [((1,), 1, (1,))]


FAR = GaussianMixture(
    torch.tensor([0.8, 0.2]), torch.tensor([[1.5, 1.5], [-1.5, -1.5]]), torch.stack([0.05 * torch.eye(2)] * 2)
)


def knowing(law: GaussianMixture, data: np.ndarray, **changes: Any) -> DenoisingMarkovModel:
    """A model that has learnt a law of standardised rows without an error."""
    model = tiny(**changes).fit(data)
    model.denoiser_ = ExactMixture(model.denoiser_.process, law)
    return model


def test_jumps_of_a_walk_vary_as_theory_says(data: np.ndarray) -> None:
    tau, sigma, n = 0.6, 0.8, 4000
    model = knowing(GaussianMixture(torch.ones(1), torch.zeros(1, 2), tau**2 * torch.eye(2)[None]), data)
    chain = partial(WalkJump, sigma=sigma, steps=100)
    rows = (model.walk(n, chain=chain, seed=0) - data.mean(0)) / data.std(0)
    assert_mean(torch.as_tensor(rows))
    assert_mean(torch.as_tensor(rows**2), tau**4 / (tau**2 + sigma**2))
    with pytest.raises(ImprobableError):
        assert_mean(torch.as_tensor(rows**2), tau**2)


def test_sequential_measurements_weigh_modes_that_a_walk_does_not_leave(data: np.ndarray) -> None:
    model, n = knowing(FAR, data), 4000
    measured, walked = (
        torch.as_tensor((model.walk(n, chain=chain, seed=1) - data.mean(0)) / data.std(0))
        for chain in (Sequential, partial(WalkJump, sigma=0.3))
    )
    right, bias = measured.sum(1) > 0, 0.01  # of the steps of the first measurement
    assert_mean(right.double(), 0.8, tolerance=bias)
    with pytest.raises(ImprobableError):
        assert_mean((walked.sum(1) > 0).double(), 0.8, tolerance=bias)
    squares = (measured[right] - measured[right].mean(0)).square()
    assert_mean(squares, 0.05**2 / (0.05 + 0.1**2), tolerance=0.002)  # of the steps
    with pytest.raises(ImprobableError):
        assert_mean(squares, 0.05, tolerance=0.002)


def test_chains_walk_in_groups(data: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """All start alike, so that only their noise tells them apart."""
    monkeypatch.setattr(samplers.base, "default_batch_size", lambda shape: 4)
    rows = knowing(FAR, data).walk(10, chain=partial(WalkJump, steps=5), seed=0)
    assert rows.shape == (10, 2)
    assert len(np.unique(rows, axis=0)) == 10


def test_a_walk_honours_conditions_and_gives_back_the_type(people: pl.DataFrame) -> None:
    class Told(Denoiser):
        """A denoiser that says what it is conditioned on."""

        def __init__(self, process: Any) -> None:
            super().__init__()
            self.process = process

        def forward(self, x_t: torch.Tensor, t: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
            return cond[:, -1:].expand_as(x_t)

    numbers = people.select("age", weight=pl.Series(np.random.default_rng(0).normal(size=len(people))))
    model = tiny(condition="age", kinds={"weight": "real"}).fit(numbers)
    model.denoiser_ = Told(model.denoiser_.process)
    low, high = (model.walk(5, given={"age": age}, chain=partial(WalkJump, steps=2), seed=0) for age in (20.0, 60.0))
    assert isinstance(low, pl.DataFrame)
    assert set(low.columns) == {"age", "weight"}
    assert low["weight"].max() < high["weight"].min()
    assert set(high["age"]) == {60.0}


@pytest.mark.parametrize("chain", [partial(WalkJump, steps=5), partial(Sequential, first=5)])
def test_a_seed_decides_a_walk(chain: Any, model: DenoisingMarkovModel) -> None:
    first, second, third = (model.walk(3, chain=chain, seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"chain": partial(WalkJump, sigma=0.0)}, "got sigma = 0.0; expected a finite number above 0"),
        ({"chain": partial(WalkJump, sigma=1e6)}, "this denoiser knows the levels from"),
        ({"chain": partial(Sequential, first=0)}, "got first = 0"),
        ({"n": 0}, "got n = 0"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(model: DenoisingMarkovModel, words: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.walk(**{"n": 2, **words})


def test_only_gaussian_noise_can_be_walked_on() -> None:
    angles = pl.DataFrame({"angle": np.linspace(0, 300, 40)})
    model = tiny(kinds={"angle": "degrees"}).fit(angles)
    with pytest.raises(InputError, match="a noise level needs a process with"):
        model.walk(2)


# ---- wherever it is called


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_no_mode_of_torch_changes_a_result(data: np.ndarray, mode: Any, tmp_path: Any) -> None:
    outside = tiny().fit(data)
    with mode():
        inside = tiny().fit(data)
        inside.save(tmp_path / "model")
        again = load(tmp_path / "model")
        results = [(each.sample(5, seed=0), each.score_samples(data[:5])) for each in (inside, again)]
    for rows, scores in results:
        assert (rows == outside.sample(5, seed=0)).all()
        assert (scores == outside.score_samples(data[:5])).all()


def test_the_default_type_of_torch_does_not_matter(
    data: np.ndarray, model: DenoisingMarkovModel, tmp_path: Any
) -> None:
    model.save(tmp_path / "model")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        fitted, again = tiny().fit(data), load(tmp_path / "model")
        scores = again.score_samples(data[:5])
    finally:
        torch.set_default_dtype(before)
    assert {weight.dtype for weight in fitted.denoiser_.parameters()} == {torch.float32}
    assert scores == pytest.approx(model.score_samples(data[:5]), abs=1e-4)
    fitted.save(tmp_path / "fitted")
    assert (load(tmp_path / "fitted").sample(5, seed=0) == fitted.sample(5, seed=0)).all()


def test_nor_does_it_for_levels_and_conditions(data: np.ndarray) -> None:
    """Their networks begin at shares of levels, and are told what is not known."""
    known, levels = data[:, :1], np.where(data[:, 1] > 0, "high", "low")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        table = tiny(network=None, random_state=0).fit(pd.DataFrame({"a": data[:, 0], "b": levels}))
        given = tiny().fit(data, known)
        rows = given.sample(3, y=known[:3], seed=0)
    finally:
        torch.set_default_dtype(before)
    for model in (table, given):
        assert {weight.dtype for weight in model.denoiser_.parameters()} == {torch.float32}
    assert table.sample(200, seed=0)["b"].value_counts(normalize=True)["high"] == pytest.approx(
        (levels == "high").mean(), abs=0.15
    )
    assert given.sample(3, y=known[:3], seed=0) == pytest.approx(rows, abs=1e-4)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "one"])
def test_what_is_no_seed_is_refused(data: np.ndarray, model: DenoisingMarkovModel, seed: Any) -> None:
    for call in (
        lambda: model.sample(2, seed=seed),
        lambda: model.score_samples(data[:2], seed=seed),
        lambda: tiny(random_state=seed).fit(data),
    ):
        with pytest.raises(InputError, match=r"seed .*a whole number"):
            call()


@pytest.mark.parametrize("part", ["process", "network", "head", "objective", "sampler", "likelihood"])
@pytest.mark.parametrize("value", [3, "MLP", [1], float("nan")])
def test_a_part_that_is_none_is_refused(data: np.ndarray, part: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"got {part} = .*expected"):
        tiny(**{part: value}).fit(data)


def test_threads_fit_as_one_after_another(data: np.ndarray) -> None:
    def fitted(seed: int) -> np.ndarray:
        return tiny(random_state=seed).fit(data).sample(5, seed=0)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fitted, range(8)))
    assert all((rows == fitted(seed)).all() for seed, rows in enumerate(together))
