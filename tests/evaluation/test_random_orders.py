"""The likelihood of masked data in random orders."""

from __future__ import annotations

import torch

from unnoise.denoisers import Exact
from unnoise.evaluation import RandomOrders
from unnoise.processes import CTMC
from unnoise.processes.rates import Absorbing
from unnoise.spaces import Finite
from unnoise.testing import assert_mean


def test_of_an_exact_denoiser_every_order_says_the_same(rng):
    atoms, weights = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0]]), torch.tensor([0.2, 0.3, 0.5])
    law = Exact(CTMC(Finite(3, 3), Absorbing(3)), atoms, weights)
    found = RandomOrders(orders=6)(law, atoms, rng)
    torch.testing.assert_close(found.log_prob.exp().float(), weights, rtol=1e-5, atol=1e-6)


class Guess(Exact):
    """Wrong where much is known, so that orders differ."""

    def forward(self, x_t, t, cond=None):
        known = (x_t != 2).float().mean(1)[:, None, None]
        return (1 - 0.5 * known) * super().forward(x_t, t, cond) + 0.25 * known * torch.tensor([1.0, 1.0, 0.0])


def test_orders_are_averaged_with_their_error(rng):
    """The mean of p over orders, its standard error by their spread, and one freedom less than orders."""
    atoms, weights = torch.tensor([[0, 0], [0, 1], [1, 1]]), torch.tensor([0.2, 0.1, 0.7])
    law = Guess(CTMC(Finite(2, 3), Absorbing(3)), atoms, weights)
    rows = atoms[1:2].repeat(200, 1)
    found = RandomOrders(orders=4, batch_size=40)(law, rows, rng)
    both = torch.tensor([0.2 + 0.1, 0.1 + 0.7])  # p(x_1 = 0), p(x_2 = 1)
    then = torch.stack([0.75 * 0.1 / both[0] + 0.125, 0.75 * 0.1 / both[1] + 0.125])
    orders = (both * then).double()
    made = found.log_prob.exp()
    assert_mean(made, orders.mean())
    number = ((made - orders[1]) / (orders[0] - orders[1]) * 4).round()  # of orders that begin with the first site
    assert set(number.tolist()) == {0, 1, 2, 3, 4}
    spread = (number * (4 - number) / 12).sqrt() * (orders[0] - orders[1]).abs() / 2 / made
    torch.testing.assert_close(found.standard_error, spread, rtol=1e-5, atol=1e-7)
    assert found.degrees_of_freedom == 3
