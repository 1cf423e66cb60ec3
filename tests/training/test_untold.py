"""Training examples that are not told their condition."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.testing import assert_frequencies
from unnoise.training import Arrays, Untold

COND = torch.cat([torch.arange(1.0, 2001.0)[:, None], torch.zeros(2000, 1)], dim=1)
DATA = Arrays(torch.arange(2000.0)[:, None], COND)


def test_the_share_is_not_told_and_the_rest_as_before(rng: torch.Generator) -> None:
    x, cond = Untold(DATA, share=0.3).batch(torch.arange(2000), rng)
    assert cond is not None
    unknown = cond[:, 1] == 1
    assert_frequencies(torch.tensor([unknown.sum(), (~unknown).sum()]), torch.tensor([0.3, 0.7]))
    assert (cond[unknown, 0] == 0).all()
    assert torch.equal(cond[~unknown], COND[~unknown])
    assert torch.equal(x, DATA.states)


def test_it_is_the_data_in_all_else(rng: torch.Generator) -> None:
    untold = Untold(DATA, share=0.3)
    assert (len(untold), untold.digest(), untold.known_at(torch.arange(3))) == (2000, DATA.digest(), None)
    assert Untold(Arrays(torch.zeros(3, 1)), 0.5).batch(torch.arange(3), rng)[1] is None
    with pytest.raises(InputError, match=r"got share = 1"):
        Untold(DATA, share=1)


class Holes(Arrays):
    """Data that say nothing in every second row."""

    def known_at(self, indices: torch.Tensor) -> torch.Tensor:
        return (indices % 2 == 0)[:, None]


def test_holes_stay_holes() -> None:
    """Else a network that is told no condition now and then would learn what stands in them."""
    untold = Untold(Holes(DATA.states, COND), share=0.3)
    assert untold.known_at(torch.arange(4)).tolist() == [[True], [False], [True], [False]]
