"""What networks see and say of proportions."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.heads import SimplexHead
from unnoise.laws import Dirichlet
from unnoise.processes import WrightFisher, edm
from unnoise.spaces import Euclidean, Simplex

PROCESS = WrightFisher(Simplex(3))


def test_a_network_sees_the_sphere_and_gives_centred_scores(rng):
    x, t = torch.tensor([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]), torch.rand(3, generator=rng)
    head = SimplexHead(PROCESS)
    torch.testing.assert_close(head.inputs(x, t).square().sum(-1), torch.full((3,), 3.0))
    stat = head.estimate(torch.randn(3, 3, generator=rng), x, t)
    torch.testing.assert_close((x * stat).sum(-1) / stat.abs().amax(-1), torch.zeros(3), rtol=0, atol=1e-6)


@pytest.mark.parametrize("time", [0.0, 0.5, 0.9])
def test_the_target_of_a_network_is_of_order_one(time, rng):
    t = torch.tensor(time, dtype=torch.float64)
    x_0 = Dirichlet(torch.ones(2000, 3, dtype=torch.float64)).sample(rng)
    x = PROCESS.marginal(x_0, t).sample(rng)
    spent = PROCESS.spent(t)
    unit = torch.sqrt(spent * (x + spent / (1 + 3 * spent)))
    size = (PROCESS.target(x_0, x, t) * unit).square().mean().sqrt()
    assert 0.3 < float(size) < 2


def test_a_process_of_another_kind_is_refused():
    with pytest.raises(InputError, match="of Wright-Fisher noise on the simplex, not of Gaussian: leave the head out"):
        SimplexHead(edm(Euclidean(3)))
