"""Networks of tables are pooled with a mixture, at the share that held-out rows choose, and kept with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise import DenoisingMarkovModel, load, networks
from unnoise.denoisers import Neural, Pooled
from unnoise.model import pooling, quick
from unnoise.objectives import AnyOrder
from unnoise.training import Arrays, HeldOut


def shops(n: int = 1200, seed: int = 0) -> pd.DataFrame:
    """A kind of shop decides a level and two numbers, some of which are missing."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    sales = np.round(rng.normal(10 + 20 * kind, 3))
    sales[rng.random(n) < 0.1] = np.nan
    town = np.array(list("abcd"))[np.where(rng.random(n) < 0.1, rng.integers(0, 4, n), kind)]
    return pd.DataFrame({"town": town, "sales": sales, "staff": rng.poisson(2 + 5 * kind)})


def fitted(rows: pd.DataFrame | None = None, **options) -> DenoisingMarkovModel:
    chosen = {"steps": 20, "random_state": 0, "progress": False} | options
    return DenoisingMarkovModel(**chosen).fit(shops() if rows is None else rows)


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    return fitted()


def whole(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.dropna()


def test_rows_it_never_saw_cost_no_more_than_by_either(model):
    both = model.denoiser_
    assert isinstance(both, Pooled)
    assert "pooled with a mixture" in model.ended_
    x, _ = model.schema_.encode(whole(shops(3000, seed=1))).all(torch.Generator())
    costs = [HeldOut(AnyOrder(), Arrays(x))(denoiser) for denoiser in (both, both.learnt, both.mixture)]
    assert costs[0] < costs[1] - 0.02  # the network has learnt little in so few steps
    assert costs[0] < costs[2] + 0.06  # 120 rows say little of the share


def test_a_network_that_knows_nothing_costs_no_more_than_the_mixture(model):
    both = model.denoiser_
    x, _ = model.schema_.encode(whole(shops(2000, seed=2))).all(torch.Generator())
    loss = HeldOut(AnyOrder(), Arrays(x))
    untaught = model._untrained(model.schema_, model._built).requires_grad_(False)
    found, _ = pooling.pooled(untaught, both.mixture, loss)
    assert loss(found) <= loss(both.mixture) + 0.01  # the share is found to two digits
    assert loss(untaught) > loss(both.mixture) + 1


def of_share(cost):
    """A loss that a share decides."""
    return lambda answering: cost(float(answering.denoiser.share))


@pytest.mark.parametrize(
    ("cost", "share"),
    [
        (lambda s: (s - 0.4) ** 2, 0.7),  # a quarter of .36 is lost at .7, where the mixture costs .16
        (lambda s: 20 * (s - 0.1) ** 2, 0.2),  # no more than the mixture, .2; a quarter would be lost at .55
        (lambda s: (s - 0.2) ** 2, 0.0),  # .04 less than by the mixture are too little
        (lambda s: s, 0.0),  # a network that knows nothing
        (lambda s: 20 * (s - 0.9) ** 2, 0.95),
    ],
)
def test_the_network_counts_as_much_as_it_may(model, cost, share):
    both = model.denoiser_
    found, words = pooling.pooled(both.learnt, both.mixture, of_share(cost))
    assert isinstance(found, Pooled)
    assert float(found.share) == pytest.approx(share, abs=2 * pooling.CLOSE)
    assert f"give it {1 - float(found.share):.2f}" in words


def test_a_mixture_that_saves_little_beside_a_better_network_is_left_out(model):
    both = model.denoiser_
    found, _ = pooling.pooled(both.learnt, both.mixture, of_share(lambda s: 5 * (s - 0.9) ** 2))
    assert found is both.learnt


def test_a_mixture_that_helps_in_nothing_is_left_out(model):
    blind = quick.unfitted(model.denoiser_.process, model.schema_, 1)
    found, words = pooling.pooled(model.denoiser_.learnt, blind, of_share(lambda s: 1 - s))
    assert found is model.denoiser_.learnt
    assert not words


def test_what_is_kept_is_what_was_fitted(model, tmp_path):
    model.save(tmp_path / "model")
    again, rows = load(tmp_path / "model"), shops(5, seed=3)
    assert isinstance(again.denoiser_, Pooled)
    assert again.ended_ == model.ended_
    assert again.sample(20, seed=0).equals(model.sample(20, seed=0))
    np.testing.assert_array_equal(again.score_samples(rows), model.score_samples(rows))


def test_a_training_that_is_resumed_ends_at_the_same(model, tmp_path):
    def stop(step, _):
        if step == 8:
            raise KeyboardInterrupt

    chosen = {"steps": 20, "random_state": 0, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        DenoisingMarkovModel(**chosen).fit(shops(), folder=tmp_path / "m", on_step=stop)
    again = DenoisingMarkovModel(**chosen).fit(shops(), folder=tmp_path / "m", resume=True)
    for name, tensor in model.denoiser_.state_dict().items():
        assert torch.equal(again.denoiser_.state_dict()[name], tensor), name


def test_fewer_passes_have_fewer_components(model):
    network = model.denoiser_.learnt
    rows = model.schema_.encode(shops(400))

    def count(passes: float) -> int:
        return len(pooling.mixture_beside(network, rows, model.schema_, passes, seed=0, show=False).weights)

    assert count(0.01) == 1
    assert 1 < count(32 * 8 / 300) <= 8


def test_points_too_wide_for_a_mixture_have_none(model, monkeypatch):
    monkeypatch.setattr(quick, "MOST_NUMBERS", 10)
    assert pooling.mixture_beside(model.denoiser_.learnt, model.schema_.encode(shops(40)), model.schema_, 9.0) is None


def test_a_time_limit_has_room_for_it():
    model = DenoisingMarkovModel(time_limit=100.0, steps=2, random_state=0, progress=False)
    seen = []
    settings = model._settings

    def spied(*args):
        seen.append(settings(*args).time_limit)
        return settings(*args)

    model._settings = spied  # type: ignore[method-assign]
    model.fit(shops(100))
    assert seen == [100.0, pytest.approx(90.0)]


@pytest.mark.parametrize(
    "options",
    [{"network": networks.MLP}, {"validation": 0}, {"condition": "town"}, {"objective": AnyOrder()}],
)
def test_parts_of_ones_own_conditions_and_no_rows_held_out_leave_the_network_alone(options):
    assert isinstance(fitted(whole(shops(200)), steps=3, **options).denoiser_, Neural)
