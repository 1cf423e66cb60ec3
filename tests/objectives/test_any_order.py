"""The loss in random orders: of the exact denoiser it is the entropy, whatever the order."""

from __future__ import annotations

import pytest
import torch

from unnoise import InputError
from unnoise.denoisers import Exact
from unnoise.objectives import AnyOrder
from unnoise.processes import CTMC, edm, rates
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_mean

PROCESS = CTMC(Finite(3, 3), rates.Absorbing(3))
ATOMS = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0]])
WEIGHTS = torch.tensor([0.2, 0.3, 0.5])


def surprise(weights: torch.Tensor) -> torch.Tensor:
    x_0 = ATOMS[2:].repeat(20_000, 1)
    return AnyOrder()(Exact(PROCESS, ATOMS, weights), x_0, None, torch.Generator().manual_seed(0)).value.double()


def test_its_mean_is_the_surprise_of_a_row() -> None:
    truth = -float(WEIGHTS[2].log())
    assert_mean(surprise(WEIGHTS), truth)
    with pytest.raises(ImprobableError):
        assert_mean(surprise(torch.tensor([0.4, 0.3, 0.3])), truth)


def test_other_noise_is_refused() -> None:
    points = torch.tensor([[-1.0], [1.0]])
    with pytest.raises(InputError, match="hides sites behind masks"):
        AnyOrder()(Exact(edm(Euclidean(1)), points), points, None, torch.Generator())
