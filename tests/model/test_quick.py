"""Quick models: what a mixture answers in closed form agrees with itself, and with what the denoiser gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise import DenoisingMarkovModel, InputError, load, samplers
from unnoise.denoisers import ExactProductMixture
from unnoise.evaluation import Bound, MixtureDensity
from unnoise.laws.latent_classes import fitting
from unnoise.laws.latent_classes.groups import Search
from unnoise.model import rival
from unnoise.report import evaluate
from unnoise.testing.statistics import assert_frequencies, assert_mean

PEOPLE = 1500


def people(n: int = PEOPLE, seed: int = 0) -> pd.DataFrame:
    """A kind decides a level, a number, and an angle; some numbers are missing, more so in one kind."""
    rng = np.random.default_rng(seed)
    kind = rng.random(n) < 0.3
    height = np.round(rng.normal(np.where(kind, 150, 180), 5))
    height[rng.random(n) < np.where(kind, 0.3, 0.1)] = np.nan
    return pd.DataFrame(
        {
            "sex": np.where(kind ^ (rng.random(n) < 0.1), "f", "m"),
            "height": height,
            "wind": np.degrees(np.mod(rng.normal(np.where(kind, 1.0, 4.0), 0.3), 2 * np.pi)),
        }
    )


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    return DenoisingMarkovModel(quick=True, kinds={"wind": "degrees"}, progress=False).fit(people())


def test_it_is_an_exact_denoiser_of_a_mixture(model):
    assert isinstance(model.denoiser_, ExactProductMixture)
    assert isinstance(model.likelihood_, MixtureDensity)
    assert model.losses_.shape == (0,)


def test_draws_come_in_the_form_of_the_data(model):
    drawn, data = model.sample(4000, seed=0), people(4000, seed=1)
    assert list(drawn.columns) == list(data.columns)
    assert abs(drawn["height"].isna().mean() - data["height"].isna().mean()) < 0.04
    tall = drawn[drawn["sex"] == "m"]["height"].mean() - drawn[drawn["sex"] == "f"]["height"].mean()
    assert tall == pytest.approx(data.groupby("sex")["height"].mean().diff().iloc[-1], abs=3)


def gauges(n: int = 3000) -> pd.DataFrame:
    """Gauges that often fail at one site of three, where they say -9999; loads have nothing to do with them."""
    rng = np.random.default_rng(0)
    site = rng.choice(list("pqr"), n)
    load = np.minimum(rng.gamma(2, np.where(site == "p", 20, 60)), 150).round()
    load = np.where(rng.random(n) < np.where(site == "r", 0.6, 0.05), 0, load)
    fails = rng.random(n) < np.where(site == "q", 0.2, 0.01)
    return pd.DataFrame({"site": site, "load": load, "level": np.where(fails, -9999, rng.normal(20, 3, n).round(1))})


def failing(rows: pd.DataFrame) -> list[float]:
    """The share of gauges that fail at each site."""
    return [float((rows["level"] == -9999)[rows["site"] == site].mean()) for site in "pqr"]


def test_a_rare_value_of_one_column_keeps_its_link_to_another(monkeypatch):
    """The level's own mixture has no component of it; the twin crosses that one, of levels without an order."""

    def drawn() -> list[float]:
        fitted = DenoisingMarkovModel(quick=True, random_state=0, progress=False).fit(gauges())
        return failing(fitted.sample(20_000, seed=0))

    assert np.abs(np.subtract(drawn(), failing(gauges()))).max() < 0.06
    monkeypatch.setattr(fitting, "MOST_ORDERED", 0)
    assert np.abs(np.subtract(drawn(), failing(gauges()))).max() < 0.06
    monkeypatch.setattr(Search, "_of_few", lambda self, side: side)
    assert np.abs(np.subtract(drawn(), failing(gauges()))).max() > 0.1


def test_what_is_given_stays_and_the_rest_follows_it(model):
    drawn = model.sample(4000, given={"height": 150}, seed=0)
    assert (drawn["height"] == 150).all()
    told = model.predict_proba(pd.DataFrame({"height": [150.0], "wind": [np.nan]}), "sex")[0]
    counts = torch.tensor([(drawn["sex"] == level).sum() for level in model.schema_.levels("sex")])
    assert_frequencies(counts, torch.tensor(told))
    assert told[0] > 0.8


def test_named_samplers_run_through_the_denoiser(model):
    fair = model.sample(600, given={"sex": "f"}, seed=1)
    named = model.sample(150, given={"sex": "f"}, seed=2, sampler=samplers.Euler, steps=24)
    both = [torch.tensor(np.sin(np.radians(frame["wind"].to_numpy()))) for frame in (fair, named)]
    assert_mean(both[1], float(both[0].mean()), tolerance=0.1)
    other = model.sample(600, given={"sex": "m"}, seed=2)
    with pytest.raises(AssertionError):
        assert_mean(torch.tensor(np.sin(np.radians(other["wind"].to_numpy()))), float(both[0].mean()), tolerance=0.1)


def test_scores_multiply(model):
    rows = people(50, seed=2)
    whole = model.score_samples(rows)
    wind = model.score_samples(rows, of="wind")
    rest = model.score_samples(rows, of=["sex", "height"], given="wind")
    np.testing.assert_allclose(whole, wind + rest, atol=1e-3)
    estimate = model.estimate(rows)
    assert not estimate.standard_error.any()
    assert "exact density of the mixture" in estimate.method


def test_scores_of_angles_are_densities(model):
    grid = np.linspace(0, 360, 721)[:-1]
    rows = pd.DataFrame({"sex": "f", "height": 150.0, "wind": grid})
    density = np.exp(model.score_samples(rows, of="wind", given="sex"))
    assert density.sum() * 0.5 == pytest.approx(1, abs=1e-3)


def test_holes_are_filled_given_the_rest(model):
    rows = people(400, seed=3)
    hidden = rows.assign(sex=rows["sex"].where(np.arange(400) % 2 == 0))
    filled = model.impute(hidden, point="mode")
    right = (filled["sex"] == rows["sex"])[1::2].mean()
    assert right > 0.8
    assert (filled["wind"] == rows["wind"]).all()
    assert not model.impute(hidden, seed=0).isna().any().any()


def test_a_saved_model_is_the_same(model, tmp_path):
    model.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    rows = people(20, seed=4)
    np.testing.assert_array_equal(again.score_samples(rows), model.score_samples(rows))
    pd.testing.assert_frame_equal(again.sample(5, seed=0), model.sample(5, seed=0))


def pairs(n: int = 900) -> pd.DataFrame:
    """Two pairs of linked columns, independent of each other; b has holes where a is high."""
    rng = np.random.default_rng(0)
    a, c = rng.integers(0, 200, n), rng.normal(size=n).round(2)
    b = np.where(a > 150, np.nan, 3 * a + rng.integers(0, 9, n))
    return pd.DataFrame({"a": a, "b": b, "c": c, "d": (c + rng.normal(0, 0.1, n)).round(2)})


def test_columns_that_have_nothing_to_do_with_each_other_have_mixtures_of_their_own(tmp_path):
    """Means given a range of a linked column are those of the rows; saved, filled and scored as all others are."""
    data = pairs()
    model = DenoisingMarkovModel(quick=True, progress=False).fit(data)
    groups = model.denoiser_.law.groups["number"]
    assert len(groups.unique()) == 2
    for column, given, low, high in (("b", "a", 60, 80), ("d", "c", 1.0, 1.5)):
        inside = data[data[given].between(low, high)][column]
        drawn = model.sample(1000, given={given: (low, high)}, seed=0)[column]
        assert drawn.mean() == pytest.approx(inside.mean(), abs=0.15 * data[column].std())
    drawn = model.sample(3000, seed=0)
    assert drawn["b"].isna()[drawn["a"] > 160].mean() > 0.9
    assert drawn["b"].isna()[drawn["a"] < 140].mean() < 0.05
    model.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    np.testing.assert_array_equal(again.score_samples(data[:20]), model.score_samples(data[:20]))
    pd.testing.assert_frame_equal(again.sample(5, seed=0), model.sample(5, seed=0))
    rows = data[:50]
    whole, part = model.score_samples(rows), model.score_samples(rows, of=["a", "b"])
    np.testing.assert_allclose(whole, part + model.score_samples(rows, of=["c", "d"]), atol=1e-3)
    with pytest.warns(UserWarning, match="'b' is filled in 100% of the rows that lack it"):  # as no row there has one
        filled = model.impute(data[["a", "b", "c", "d"]].assign(d=np.nan)[:200], point="mean")
    assert np.corrcoef(filled["d"], data["d"][:200])[0, 1] > 0.9


def test_a_folder_of_its_own(tmp_path):
    options = dict(quick=True, kinds={"wind": "degrees"}, progress=False)
    fitted = DenoisingMarkovModel(**options).fit(people(200), folder=tmp_path / "saved")
    np.testing.assert_array_equal(load(tmp_path / "saved").score_samples(people(9)), fitted.score_samples(people(9)))
    with pytest.raises(InputError, match="no training to resume"):
        DenoisingMarkovModel(**options).fit(people(200), folder=tmp_path / "saved", resume=True)
    DenoisingMarkovModel(**options).fit(people(100), folder=tmp_path / "saved", overwrite=True)


def test_the_bound_is_below_the_density():
    """Where noise at t = 0 is little, on levels alone."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.choice(["x", "y", "z"], 300), "b": rng.choice(["u", "v"], 300)})
    rows.loc[rows["a"] == "x", "b"] = "u"
    model = rival(rows)
    exact, bound = (model.estimate(rows.iloc[:60], likelihood=way) for way in (None, Bound(draws=64)))
    gap = bound.log_prob.double() - exact.log_prob.double()
    assert_mean(gap, 0.0, tolerance=0.05)


def test_what_has_no_closed_form_is_refused():
    with pytest.raises(InputError, match="does not have"):
        DenoisingMarkovModel(quick=True, condition="sex", progress=False).fit(people(50).drop(columns="height"))
    places = pd.DataFrame({"lat": np.linspace(-60, 60, 30), "lon": np.linspace(0, 90, 30)})
    said = r"no quick model of columns 'lat', 'lon' \(latlon\): .* no components on Sphere.* without --quick"
    with pytest.raises(InputError, match=said):
        DenoisingMarkovModel(quick=True, kinds={"lat,lon": "latlon"}, progress=False).fit(places)


def test_numbers_of_arrays_too():
    x = np.random.default_rng(0).normal(3.0, 2.0, (400, 3))
    model = DenoisingMarkovModel(quick=True, progress=False).fit(x)
    truth = -0.5 * (((x - 3) / 2) ** 2 + np.log(2 * np.pi * 4)).sum(1)
    assert model.score_samples(x).mean() == pytest.approx(truth.mean(), abs=0.4)


@pytest.mark.slow
def test_it_is_evaluated_as_any_model(model):
    found = evaluate(model, people(200, seed=6), train=people())
    assert found.numbers["c2st_accuracy"].value < 0.7


def test_weights_say_how_much_a_row_counts():
    rows = pd.DataFrame({"level": ["a"] * 100 + ["b"] * 100})
    weights = np.repeat([1.0, 0.25], 100)
    model = DenoisingMarkovModel(quick=True, progress=False).fit(rows, sample_weight=weights)
    np.testing.assert_allclose(np.exp(model.score_samples(rows)[[0, -1]]), [0.8, 0.2], atol=0.02)


def test_the_share_of_an_atom_among_many_values_stays():
    """As of zeros among amounts; a broken twin is a law with half a row in every cell, which gave .50 for .60."""
    rng = np.random.default_rng(1)
    amount = np.where(rng.random(300) < 0.6, 0, np.exp(rng.normal(3, 1, 300)).round(2))
    data = pd.DataFrame({"amount": amount, "x": rng.normal(size=300)})
    made = DenoisingMarkovModel(quick=True, progress=False).fit(data).sample(5000, seed=1)
    zeros, share = torch.from_numpy(made["amount"].to_numpy() == 0).double(), float((amount == 0).mean())
    assert_mean(zeros, share, tolerance=0.005)
    with pytest.raises(AssertionError):
        assert_mean(zeros, (300 * share + 0.5) / 360, tolerance=0.005)


@pytest.mark.parametrize("n", [200, 700])
def test_few_rows_keep_how_numbers_depend_on_each_other(n, monkeypatch):
    """Correlations of normal numbers, whole or not; in the twin the states of numbers have no order."""
    rng = np.random.default_rng(1)
    upper = rng.normal(125, 15, n)
    lower = 0.6 * upper + rng.normal(5, 6, n)
    rows = pd.DataFrame({"upper": upper.round(), "lower": lower.round(), "weight": upper + rng.normal(0, 10, n)})

    def lost() -> float:
        fitted = DenoisingMarkovModel(quick=True, random_state=0, progress=False).fit(rows)
        return float((rows.corr() - fitted.sample(5000, seed=0).corr()).abs().max().max())

    assert lost() < 0.2
    monkeypatch.setattr(fitting, "MOST_ORDERED", 0)
    assert lost() > 0.3


def test_numbers_that_are_linked_each_by_itself_stay_so():
    """A number for each code, in no order that the codes have: an order of states would blur it."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, 30, 3000)
    price = rng.permutation(30)[code] * 10
    fitted = DenoisingMarkovModel(quick=True, random_state=0, progress=False).fit(
        pd.DataFrame({"code": code, "price": price})
    )
    drawn = fitted.sample(3000, seed=0)
    known = dict(zip(code.tolist(), price.tolist(), strict=True))
    assert (drawn["price"] == drawn["code"].map(known)).mean() > 0.9
