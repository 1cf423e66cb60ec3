"""A known denoiser and a correction."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact, Neural, Residual
from unnoise.networks import MLP
from unnoise.processes import CTMC, Product, edm, rates
from unnoise.spaces import Euclidean, Finite

ATOMS = torch.tensor([[-1.0, 0.5], [1.0, 0.0], [0.3, -2.0]])


def test_an_untrained_network_changes_only_its_own_part(rng: torch.Generator) -> None:
    process = edm(Euclidean(2))
    known, learnt = Exact(process, ATOMS), Neural(process, MLP((2,), width=8))
    x, t = torch.randn(5, 2, generator=rng), torch.tensor(0.4)
    torch.testing.assert_close(Residual(known, learnt)(x, t), known(x, t) + learnt(x, t))


def test_nested_statistics_are_added() -> None:
    process = Product({"a": edm(Euclidean(2)), "b": CTMC(Finite(1, 3), rates.Uniform(3))})
    known = Exact(process, {"a": ATOMS, "b": torch.tensor([[0], [1], [2]])})
    x = {"a": ATOMS, "b": torch.tensor([[0], [1], [2]])}
    once, twice = known(x, torch.tensor(0.5)), Residual(known, known)(x, torch.tensor(0.5))
    torch.testing.assert_close(twice["a"], 2 * once["a"])
    torch.testing.assert_close(twice["b"], 2 * once["b"])


def test_two_processes_are_refused() -> None:
    with pytest.raises(InputError, match=r"got denoisers of .* and of .*; expected one process"):
        Residual(Exact(edm(Euclidean(2)), ATOMS), Exact(edm(Euclidean(2), rho=3.0), ATOMS))
