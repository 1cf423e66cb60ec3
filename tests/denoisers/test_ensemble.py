"""The mean of denoisers."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Ensemble, Exact
from unnoise.objectives import Denoising
from unnoise.processes import CTMC, Process, edm, product, rates, variance_preserving
from unnoise.spaces import Euclidean, Finite

ATOMS = torch.tensor([[-1.0, 0.5], [1.0, 0.0], [0.3, -2.0], [0.1, 0.2]])
LETTERS = torch.tensor([[0], [1], [2], [2]])


def test_of_equal_parts_of_the_data_it_is_the_mean_at_the_end_of_the_noise() -> None:
    """Where x_t says nothing, posteriors are the data, whose mean is that of their halves; not elsewhere."""
    process = variance_preserving(Euclidean(2))
    halves = Ensemble([Exact(process, ATOMS[:2]), Exact(process, ATOMS[2:])])
    everything, x = Exact(process, ATOMS), torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    late, early = torch.tensor(1.0), torch.tensor(0.3)
    torch.testing.assert_close(halves(x, late), everything(x, late), atol=0.02, rtol=0)
    assert (halves(x, early) - everything(x, early)).abs().max() > 0.1


@pytest.mark.parametrize(
    ("process", "data"),
    [(edm(Euclidean(2)), ATOMS), (CTMC(Finite(1, 3), rates.UniformRates(3)), LETTERS)],
    ids=["numbers", "letters"],
)
def test_its_bound_is_never_above_the_mean_of_the_bounds(process: Process[torch.Tensor], data: torch.Tensor) -> None:
    """Of every row and every noise, as the bound is convex in the statistic."""
    members = [Exact(process, part) for part in (data[:2], data[1:3], data)]
    rows = data[[0, 1, 2] * 40]

    def loss(denoiser: Ensemble | Exact[torch.Tensor]) -> torch.Tensor:
        return Denoising()(denoiser, rows, None, torch.Generator().manual_seed(0)).value

    mean = torch.stack([loss(member) for member in members]).mean(0)
    assert bool((loss(Ensemble(members)) <= mean + 1e-4).all())
    assert bool((loss(Ensemble(members)) < mean - 1e-2).any())


def test_nested_statistics_are_averaged_and_one_member_is_itself() -> None:
    process = product({"a": edm(Euclidean(2)), "b": CTMC(Finite(1, 3), rates.UniformRates(3))})
    x, t = {"a": ATOMS, "b": LETTERS}, torch.tensor(0.5)
    one, other = Exact(process, x), Exact(process, {"a": ATOMS[:2], "b": LETTERS[:2]})
    torch.testing.assert_close(Ensemble([one])(x, t), one(x, t))
    torch.testing.assert_close(Ensemble([one, other])(x, t)["b"], (one(x, t)["b"] + other(x, t)["b"]) / 2)


def test_none_and_two_processes_are_refused() -> None:
    with pytest.raises(InputError, match="got no members; expected at least one denoiser"):
        Ensemble([])
    with pytest.raises(InputError, match=r"got denoisers of .* and of .*; expected one process"):
        Ensemble([Exact(edm(Euclidean(2)), ATOMS), Exact(edm(Euclidean(2), rho=3.0), ATOMS)])
