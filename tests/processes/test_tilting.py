"""What is learnt of tilted laws: lines of scores, and powers of ratios; against densities in test_classifier_free."""

from __future__ import annotations

import pytest
import torch

from unnoise import processes
from unnoise.processes import ByScore, Tilting, product, variance_preserving
from unnoise.processes.tilting import geometric
from unnoise.spaces import Euclidean


def test_powers_are_those_of_both_numbers() -> None:
    told, untold = torch.tensor([4.0, 0.0, 3.0, -1.0]), torch.tensor([2.0, 1.0, 0.0, 2.0])
    torch.testing.assert_close(geometric(told, untold, 3.0), torch.tensor([16.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(geometric(told[:1], untold[:1], 0.5), torch.tensor([8**0.5]))
    assert torch.equal(geometric(told[:1], untold[:1], 0.0), untold[:1])


def test_scores_lie_on_a_line() -> None:
    process = variance_preserving(Euclidean(1))
    assert isinstance(process, ByScore)
    told, untold, t = torch.ones(1, 1), torch.zeros(1, 1), torch.tensor(0.5)
    assert process.tilted(told, untold, told, t, 2.5).item() == 2.5


@pytest.mark.parametrize("name", ["Gaussian", "Brownian", "WrightFisher", "CTMC", "PureDeath", "ImmigrationDeath"])
def test_every_kernel_of_ours_can_be_tilted(name: str) -> None:
    assert issubclass(getattr(processes, name), Tilting)
    assert not isinstance(product({"a": variance_preserving(Euclidean(1))}), Tilting), "factor by factor"
