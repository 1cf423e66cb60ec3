from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.look.conftest import people, small
from unnoise.look.answers import Answers
from unnoise.look.noise import HIDDEN, From, journey
from unnoise.samplers.grids import UniformGrid
from unnoise.testing import assert_frequencies


def test_without_noise_rows_stay() -> None:
    answers = Answers(small(), people())
    trip = journey(answers, 2, 5, 0.0, seed=0)
    assert trip.noisy["place"] == people()["place"][2:7].to_list()
    assert trip.back is trip.before


def test_noise_hides_and_the_reverse_keeps_what_is_left() -> None:
    answers = Answers(small(), people())
    trip = journey(answers, 0, 200, 0.5, seed=1)
    held = list(zip(trip.noisy["place"], trip.before.columns["place"], trip.back.columns["place"], strict=True))
    assert {HIDDEN} < {noisy for noisy, _, _ in held}
    assert all(noisy in (HIDDEN, before) for noisy, before, _ in held)
    assert all(back == before for noisy, before, back in held if noisy != HIDDEN)


def test_as_much_is_hidden_as_the_process_says() -> None:
    answers, t = Answers(small(), people()), 0.3
    process = answers.model.denoiser_.process
    parts = process.parts
    name = next(name for name, factor in answers.schema.factors.items() if "place" in factor.columns)
    kept = float(torch.exp(-parts[name].schedule.value(torch.tensor(t, dtype=torch.float64))))
    hidden = journey(answers, 0, 300, t, seed=2).noisy["place"].count(HIDDEN)  # type: ignore[union-attr]
    counts = torch.tensor([300 - hidden, hidden])
    assert_frequencies(counts, torch.tensor([kept, 1 - kept]))
    with pytest.raises(AssertionError):
        assert_frequencies(counts, torch.tensor([kept**2, 1 - kept**2]))


@pytest.mark.parametrize(
    "kind", ["images", "letters", *(pytest.param(one, marks=pytest.mark.slow) for one in ("angles", "places"))]
)
def test_every_kind_goes_there_and_back(kind: str) -> None:
    trip = journey(Answers(small(kind)), 0, 3, 0.6, seed=0)
    for name, part in trip.noisy.items():
        assert len(part) == 3
        assert not np.array_equal(np.asarray(part), trip.before.columns[name].astype(str))


def test_seeds_decide() -> None:
    answers = Answers(small(), people())
    one, same, other = (journey(answers, 0, 8, 0.7, seed=seed).noisy for seed in (0, 0, 1))
    assert one == same != other


class Kept:
    """A sampler that remembers how it is asked, and leaves rows as they are."""

    def __init__(self, denoiser: Any) -> None:
        self.grid: Any = UniformGrid()
        self.asked: list[Any] = []

    def run(self, x: torch.Tensor, rng: torch.Generator, cond: Any) -> torch.Tensor:
        self.asked = [self.grid(None, 4).tolist(), cond]
        return x


def test_the_way_back_begins_at_the_noise_and_has_the_conditions_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the last row on to the first."""
    images, labels = np.arange(80, dtype="uint8").reshape(5, 4, 4) % 16, np.array([0, 1, 2, 1, 2])
    answers = Answers(small("images"), images, labels)
    sampler = Kept(None)
    monkeypatch.setattr(answers.model, "sampler", lambda denoiser: sampler)
    trip = journey(answers, 3, 3, 0.6, seed=0)
    grid, cond = sampler.asked
    assert grid == [0.6, pytest.approx(1 / 3), 0.0]
    torch.testing.assert_close(cond, answers.schema.encode_condition({"digit": labels[[3, 4, 0]]}, 3))
    (name,) = answers.schema.columns_of_state
    np.testing.assert_array_equal(trip.before.columns[name], images[[3, 4, 0]])


def test_a_grid_that_has_the_start_has_it_once() -> None:
    assert From(UniformGrid(), 0.5)(None, 3).tolist() == [0.5, 0.0]  # type: ignore[arg-type]
