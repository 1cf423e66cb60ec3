"""A mixture of angles and types, and kernels of each type."""

from __future__ import annotations

import math

import pytest
import torch

from experiments import torsions
from unnoise.laws import WrappedNormal
from unnoise.testing import assert_mean

SHARES = torch.tensor([0.7, 0.3])
LAW = WrappedNormal(torch.full((1,), 3.0), torch.tensor(0.3))  # across half a turn


def residues(n: int, seed: int) -> dict[str, torch.Tensor]:
    """Two types, with angles that know nothing of them."""
    rng = torch.Generator().manual_seed(seed)
    return {"angles": LAW.sample(rng, (n,)), "type": torch.multinomial(SHARES, n, True, generator=rng)[:, None]}


def gap() -> torch.Tensor:
    """How much more the truth says of new residues than one component, in nats."""
    law, new = torsions.mixture(residues(500, 0), 1, torch.Generator().manual_seed(2)), residues(1000, 1)
    return LAW.log_prob(new["angles"]) + SHARES[new["type"][:, 0]].log() - law.log_prob(new)


def test_circles_are_cut_where_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is cut where most angles are knows little of them."""
    assert_mean(gap(), tolerance=0.02)
    monkeypatch.setattr(torsions, "_emptiest", lambda angle: torch.tensor(-math.pi))
    with pytest.raises(AssertionError):
        assert_mean(gap(), tolerance=0.02)


def test_every_type_has_kernels_of_its_own() -> None:
    """Residues of one type at 0 and of another at 2: each is likely as its own type alone."""
    rng = torch.Generator().manual_seed(0)
    types = torch.arange(200)[:, None] % 2
    near = {"angles": 2.0 * types + 0.1 * torch.randn(200, 1, generator=rng), "type": types}
    right = torsions.kernels_by_type(near, near, near)
    wrong = torsions.kernels_by_type(near, near, near | {"type": 1 - types})
    assert (right > 0).double().mean() > 0.9
    assert (wrong < -3).all()
