"""The loss in random orders: of the exact denoiser it is the entropy, whatever the order."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from unnoise import InputError
from unnoise.denoisers import Denoiser, Exact
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


class Asking(Denoiser):
    """An exact denoiser of the cells that its condition marks, given the others."""

    def __init__(self) -> None:
        super().__init__()
        self.process = PROCESS
        self.exact = Exact(PROCESS, ATOMS, WEIGHTS)

    def asked(self, cond: Any) -> Any:
        return cond

    def forward(self, x_t: Any, t: torch.Tensor, cond: Any = None) -> Any:
        return self.exact(x_t, t)


def test_a_row_that_asks_nothing_costs_nothing_and_disturbs_no_other() -> None:
    x_0 = ATOMS.repeat(4, 1)
    asked = torch.zeros(len(x_0), 3, dtype=torch.bool)
    asked[::3, 1] = True  # of (0, 0, 1) the middle cell, given 0 . 1, which (0, 1, 1) has as well
    loss = AnyOrder()(Asking(), x_0, asked, torch.Generator().manual_seed(0))
    expected = torch.zeros(len(x_0))
    expected[::3] = -math.log(0.2 / (0.2 + 0.3))
    torch.testing.assert_close(loss.value, expected)
    everything = torch.ones_like(asked)
    silent = everything.clone()
    silent[1] = False
    both = [AnyOrder()(Asking(), x_0, a, torch.Generator().manual_seed(0)).value for a in (everything, silent)]
    assert both[0].gt(0).any()
    assert both[1][1] == 0
    torch.testing.assert_close(both[0].sum() - both[0][1], both[1].sum())


def test_other_noise_is_refused() -> None:
    points = torch.tensor([[-1.0], [1.0]])
    with pytest.raises(InputError, match="hides sites behind masks"):
        AnyOrder()(Exact(edm(Euclidean(1)), points), points, None, torch.Generator())
