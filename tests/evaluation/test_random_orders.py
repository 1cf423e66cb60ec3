"""The likelihood of masked data in random orders."""

from __future__ import annotations

import torch

from unnoise.denoisers import Exact
from unnoise.evaluation import RandomOrders
from unnoise.processes import CTMC
from unnoise.processes.rates import Absorbing
from unnoise.spaces import Finite


def test_of_an_exact_denoiser_every_order_says_the_same(rng):
    atoms, weights = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0]]), torch.tensor([0.2, 0.3, 0.5])
    law = Exact(CTMC(Finite(3, 3), Absorbing(3)), atoms, weights)
    found = RandomOrders(orders=6)(law, atoms, rng)
    torch.testing.assert_close(found.log_prob.exp().float(), weights, rtol=1e-5, atol=1e-6)
