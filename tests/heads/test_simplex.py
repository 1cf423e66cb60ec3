"""What networks see and say of proportions."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.heads import LogRatio, SimplexHead
from unnoise.laws import Dirichlet
from unnoise.processes import WrightFisher, edm
from unnoise.schedules import Geometric
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


def test_one_output_of_log_ratios_is_the_score_of_a_dirichlet_law(rng):
    process, head = WrightFisher(Simplex(3), alpha=(1.0, 2.0, 0.5)), LogRatio(WrightFisher(Simplex(3)))
    a, alpha = torch.tensor([4.0, 1.0, 2.5]), torch.tensor([1.0, 2.0, 0.5])
    x = Dirichlet(a.expand(50, 3)).sample(rng).clamp(min=0.02).double()
    x = x / x.sum(-1, keepdim=True)
    output = ((a - alpha) / 3**0.5).expand(50, 3)
    little = WrightFisher(Simplex(3), schedule=Geometric(1e-9, 1.0))
    stat = LogRatio(little).estimate(output, x, torch.zeros((), dtype=torch.float64))
    score = (a - alpha) / x
    torch.testing.assert_close(stat, score - (x * score).sum(-1, keepdim=True), rtol=1e-5, atol=1e-5)
    noised = LogRatio(process).estimate(output, x, torch.tensor(0.5))
    assert float((stat - noised).abs().max()) > 0.1  # the noise counts
    assert head.inputs(x.float(), torch.tensor(0.1)).shape == (50, 6)


def test_log_ratios_stay_finite_on_faces():
    x, head = torch.tensor([[0.0, 0.0, 1.0]]), LogRatio(PROCESS)
    for time in (0.0, 0.5, 1.0):
        t = torch.tensor(time)
        assert bool(head.inputs(x, t).isfinite().all() and head.estimate(torch.ones(1, 3), x, t).isfinite().all())
