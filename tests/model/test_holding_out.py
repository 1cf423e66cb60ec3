"""Which rows are learnt from, which are held out, how much they count, and what the sizes of the data decide."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import DenoisingMarkovModel, InputError, load, networks
from unnoise.data import Encoded
from unnoise.model import estimator
from unnoise.model.defaults import Sizes
from unnoise.model.holding_out import Portions, weights_of
from unnoise.objectives import Denoising
from unnoise.testing import assert_frequencies
from unnoise.training import Arrays, HeldOut, Settings
from unnoise.training.validation import affordable

NUMBERS = Encoded(torch.arange(100.0)[:, None], None, None)
SMALL = partial(networks.MLP, width=16, depth=1, embedding=16)
DATA = np.random.default_rng(0).normal(size=(60, 2))


def tiny(**changes: Any) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(**{"steps": 4, "batch_size": 16, "network": SMALL, "device": "cpu", **changes})


def values(encoded: Encoded | None) -> set[float]:
    return set() if encoded is None else set(encoded.x.flatten().tolist())


@pytest.mark.parametrize(
    ("rows", "share", "held"), [(100, 0.3, 30), (100, 0.1, 20), (20, 0.1, 5), (3, 0.1, 0), (100, 0, 0)]
)
def test_rows_are_learnt_from_or_held_out_and_never_both(rows: int, share: float, held: int) -> None:
    encoded = NUMBERS.rows(torch.arange(rows))
    found = Portions.of(encoded, None, share, seed=0)
    assert len(values(found.held_out)) == held
    assert values(found.rows) & values(found.held_out) == set()
    assert values(found.rows) | values(found.held_out) == values(encoded)
    if held:
        assert values(Portions.of(encoded, None, share, seed=0).held_out) == values(found.held_out)
        assert values(Portions.of(encoded, None, share, seed=1).held_out) != values(found.held_out)


def test_weights_go_with_their_rows_and_rows_of_weight_zero_are_not_held_out() -> None:
    weights = torch.where(torch.arange(100) >= 40, torch.arange(100.0).double(), 0)
    found = Portions.of(NUMBERS, weights, 0.5, seed=0)
    assert len(values(found.held_out)) == 30
    assert min(values(found.held_out)) >= 40
    assert found.held_weights is not None
    assert found.held_weights.tolist() == found.held_out.x.flatten().tolist()


def test_looks_weigh_the_rows_held_out_and_cost_their_share_of_all_steps() -> None:
    found = Portions.of(NUMBERS, torch.arange(100.0).double(), 0.5, seed=0)
    settings = Settings(steps=40, batch_size=16, accumulate=3, seed=7)
    validation = found.validation(Denoising(), lambda rows: Arrays(rows.x), settings)
    assert validation is not None
    looks = validation.loss
    assert isinstance(looks, HeldOut)
    assert looks.weights is found.held_weights
    assert (looks.evaluations, looks.seed, looks.at_once) == (affordable(40 * 16 * 3), 7, 16)
    plain = replace(found, held_weights=None)
    assert found.digest != plain.digest == replace(plain, weights=None).digest


def seen_by(model: DenoisingMarkovModel, monkeypatch: pytest.MonkeyPatch, *data: Any, **more: Any) -> tuple[Any, Any]:
    """The rows that `fit` trains on, and those that its looks ask about."""
    seen: dict[str, Any] = {}

    def train(state: Any, objective: Any, source: Any, **words: Any) -> Any:
        seen["rows"], seen["held out"] = source, words["validation"].loss
        return (step for step in ())

    with monkeypatch.context() as patch:
        patch.setattr(estimator, "train", train)
        model.fit(*data, **more)
    held_out = seen["held out"]
    assert isinstance(held_out, HeldOut)
    return seen["rows"].data, held_out.data.data


def test_no_row_that_is_held_out_leaks_into_training(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, held_out = seen_by(tiny(), monkeypatch, DATA)
    assert len(rows) == 45
    assert len(held_out) == 15
    assert values(rows) & values(held_out) == set()


def test_other_rows_may_be_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, held_out = seen_by(tiny(), monkeypatch, DATA, validation_data=DATA[:7] + 1)
    assert len(rows) == 60
    assert len(held_out) == 7
    with pytest.raises(InputError, match="got validation_data of 3 parts"):
        tiny().fit(DATA, validation_data=(DATA, None, None))


def test_a_fit_says_how_it_ended_and_what_it_saw(tmp_path: Path) -> None:
    model = tiny(steps=30).fit(DATA, folder=tmp_path / "model")
    assert model.ended_.startswith("trained on 45 rows, 15 held out; all 30 steps done")
    assert model.validation_losses_[:, 0].tolist() == [20, 30]
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.validation_losses_, model.validation_losses_)
    assert again.ended_ == model.ended_
    assert tiny(validation=0).fit(DATA).validation_losses_.shape == (0, 2)


def test_resuming_holds_out_the_same_rows(tmp_path: Path) -> None:
    others = DATA[:9] + 1
    model = tiny().fit(DATA, validation_data=others, folder=tmp_path / "model")
    again = tiny(steps=6).fit(DATA, validation_data=others, folder=tmp_path / "model", resume=True)
    assert again.validation_losses_[0].tolist() == model.validation_losses_[0].tolist()
    with pytest.raises(InputError, match="saw other numbers"):
        tiny(steps=8).fit(DATA, validation_data=others + 1, folder=tmp_path / "model", resume=True)
    again.set_params(steps=8)
    with pytest.raises(InputError, match="saw other numbers"):
        again.fit(DATA, sample_weight=DATA[:, 0] ** 2, validation_data=others, folder=tmp_path / "model", resume=True)


def test_a_weighted_frequency_is_recovered() -> None:
    """Half of the rows say yes, with three times the weight."""
    answers = pl.DataFrame({"answer": ["yes", "no"] * 100})
    model = tiny(steps=150, batch_size=128, learning_rate=1e-2, ema=0.9, validation=0)
    weighted = model.fit(answers, sample_weight=np.tile([30.0, 10.0], 100)).sample(400, seed=0)
    yes = (weighted["answer"] == "yes").sum()
    assert_frequencies(torch.tensor([yes, 400 - yes]), torch.tensor([0.75, 0.25]))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(3), r"got weights of shape \(3,\); expected one for each of 60 rows"),
        (-np.ones(60), "got the weight -1 in row 0"),
        (["heavy"] * 60, "got weights that are no numbers"),
    ],
)
def test_what_are_no_weights_is_refused(weights: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        tiny().fit(DATA, sample_weight=weights)
    assert weights_of(None, 60) is None


@pytest.mark.parametrize("share", [-0.1, 1, "a tenth", None])
def test_a_share_is_below_one(share: Any) -> None:
    with pytest.raises(InputError, match="got validation ="):
        tiny(validation=share).fit(DATA)


def test_the_size_of_the_data_decides_and_is_told_to_a_loaded_model(tmp_path: Path) -> None:
    sizes = [Sizes.of(rows, 15) for rows in (20, 1000, 10_000, 10**7)]
    assert [size.width for size in sizes] == [128, 128, 256, 512]
    assert [size.batch_size for size in sizes] == [64, 512, 512, 512]
    assert [size.steps for size in sizes] == sorted(size.steps for size in sizes)
    model = DenoisingMarkovModel(steps=1, device="cpu").fit(DATA)
    assert model.denoiser_.network.first.out_features == 128
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").sample(3, seed=0), model.sample(3, seed=0))


def test_holes_are_never_asked_in_training() -> None:
    frame = pl.DataFrame({"a": [1.5, None, 2.5, 3.5] * 10, "b": [0.5, 1.5, 2.5, 4.5] * 10})
    model = tiny(steps=1, validation=0).fit(frame)
    encoded = model.schema_.encode(frame)
    rows = estimator.asking("any", estimator.trainable(model.denoiser_), encoded, model.schema_)
    holes = torch.arange(1, 40, 4).repeat(20)
    _, question = rows.batch(holes, torch.Generator().manual_seed(0))
    known = encoded.known_at(holes)
    for name, asked in question["asked"].items():
        assert not (asked & ~known[name]).any()
        assert not (question["given"][name] & ~known[name]).any()


def test_a_table_begins_at_its_margins() -> None:
    """After one tiny step the rarest level is as rare as in the data, of weighted rows and known cells."""
    table = pl.DataFrame({"level": [None, "often"] * 190 + ["seldom"] * 20, "x": range(400)})
    weights = np.where(table["level"] == "seldom", 1.0, 0.5)
    for weight, often in ((None, 190.5), (weights, 95.5)):
        model = DenoisingMarkovModel(steps=1, learning_rate=1e-9, validation=0.0, device="cpu")
        drawn = model.fit(table, sample_weight=weight).sample(4000, seed=0)["level"]
        counts = torch.tensor([(drawn == level).sum() for level in ("often", "seldom")])
        assert_frequencies(counts, torch.tensor([often, 20.5]) / (often + 20.5))
