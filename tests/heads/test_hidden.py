"""Hidden sites: the law of `Posterior`, without room for states that a site lacks."""

from __future__ import annotations

import torch

from unnoise.heads import Hidden, Posterior
from unnoise.processes import CTMC, rates
from unnoise.spaces import Finite

SIZES = (3, 5)
PROCESS = CTMC(Finite(2, SIZES), rates.Absorbing(SIZES))


def test_it_is_the_posterior_of_the_same_logits() -> None:
    logits = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    padded = torch.full((4, 5, 2), -30.0)
    padded[:, :2, 0], padded[:, :4, 1] = logits[:, :2], logits[:, 2:]
    x, t = torch.tensor([[2, 4], [0, 4], [2, 3], [1, 0]]), torch.tensor(0.5)
    expected = Posterior(PROCESS).estimate(padded.flatten(1), x, t)
    torch.testing.assert_close(Hidden(PROCESS).estimate(logits, x, t), expected)


def test_neighbours_of_ordered_sites_look_alike() -> None:
    seen = Hidden(PROCESS, ordered=(False, True)).inputs(torch.tensor([[2, 0], [2, 1], [2, 3], [2, 4]]), torch.ones(()))
    waves = seen[:, 6:]
    assert (waves[0] - waves[1]).norm() > 0
    assert waves[3].abs().max() == 0, "a mask stands nowhere"
