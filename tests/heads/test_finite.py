"""What networks see of letters, and how their output becomes probabilities."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.denoisers import Neural
from unnoise.heads.finite import Logistic, Posterior, Softmax
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import CTMC
from unnoise.processes.rates import Absorbing, BirthDeath, Uniform
from unnoise.spaces import Finite

HALF = torch.tensor(0.5)
HEADS = [Softmax(), Posterior(), Logistic(), Logistic(evidence=True)]
SHAPES = {
    (3,): ((15,), (15,), (3,), (6,)),
    (500,): ((5, 500), (5, 500), (1, 500), (2, 500)),
    (4, 6): ((5, 4, 6), (5, 4, 6), (1, 4, 6), (2, 4, 6)),
    (3, 4, 6): ((15, 4, 6), (15, 4, 6), (3, 4, 6), (6, 4, 6)),
}


@pytest.mark.parametrize("head", HEADS, ids=repr)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rates", [Uniform(5), Absorbing(5), BirthDeath(5)], ids=repr)
def test_any_output_is_a_law_on_the_states_of_data(head, shape, rates, rng):
    process = CTMC(Finite(shape, 5), rates)
    x = torch.randint(5, (2, *shape), generator=rng)
    inputs = head.inputs(process, x, HALF)
    seen, spoken = SHAPES[shape][2:] if isinstance(head, Logistic) else SHAPES[shape][:2]
    assert inputs.shape == (2, *seen)
    assert (head.input_shape(process), head.output_shape(process)) == (seen, spoken)
    output = 5 * torch.randn(2, *spoken, generator=rng)
    stat = head.estimate(process, output, x, torch.tensor([0.01, 0.9]))
    assert stat.shape == (2, *shape, 5)
    torch.testing.assert_close(stat.sum(-1), torch.ones(2, *shape))
    assert (stat[..., ~rates.data] == 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_each_site_has_numbers_of_its_own(head, shape):
    """Changing what a network says at one site changes the law of that site, and of no other."""
    process = CTMC(Finite(shape, 5), Uniform(5))
    x = torch.zeros(1, *shape, dtype=torch.int64)
    before = head.estimate(process, torch.zeros(1, *head.output_shape(process)), x, HALF)
    numbers = 2 if isinstance(head, Logistic) else 5
    spoken = torch.zeros(1, numbers, *shape)
    site = tuple(size - 1 for size in shape)
    spoken[(0, 0, *site)] = 1.0
    after = head.estimate(process, spoken.reshape(1, *head.output_shape(process)), x, HALF)
    changed = ((after - before).abs() > 1e-6).any(-1)[0]
    assert changed.nonzero().tolist() == [list(site)]


def test_the_posterior_of_silence_is_bayes_rule_under_a_uniform_prior():
    process = CTMC(Finite(2, 4), BirthDeath(4))
    x = torch.tensor([[0, 2]])
    found = Posterior().estimate(process, torch.zeros(1, 8), x, HALF)
    column = process.rates.column(x, process.schedule.value(HALF))
    torch.testing.assert_close(found, column / column.sum(-1, keepdim=True))


def test_what_is_not_masked_is_known():
    process = CTMC(Finite(2, 4), Absorbing(4))
    output = torch.tensor([[0.0, 5, 1, 2, 3, 1, 0, 2]])
    found = Posterior().estimate(process, output, torch.tensor([[3, 1]]), HALF)
    assert found[0, 1].tolist() == [0, 1, 0, 0]
    torch.testing.assert_close(found[0, 0], torch.softmax(torch.tensor([0.0, 1.0, 3.0, -math.inf]), -1))


def test_the_logistic_law_is_the_difference_of_its_distribution_function():
    process = CTMC(Finite(1, 9), BirthDeath(9))
    mean, scale = -0.25 + 0.4, math.exp(-2.0 + 0.3)
    output = torch.tensor([[0.4, 0.3]], dtype=torch.float64)
    found = Logistic().estimate(process, output, torch.tensor([[3]]), HALF)[0, 0]
    edges = torch.linspace(-1.125, 1.125, 10, dtype=torch.float64)
    masses = torch.sigmoid((edges - mean) / scale).diff()
    torch.testing.assert_close(found, masses / masses.sum())


def test_a_narrow_logistic_law_far_away_is_finite():
    process = CTMC(Finite(1, 256), BirthDeath(256))
    output = torch.tensor([[50.0, -12.0], [-50.0, -12.0]], requires_grad=True)
    found = Logistic().estimate(process, output, torch.tensor([[0], [255]]), HALF)
    assert found.argmax(-1).tolist() == [[255], [0]]
    (gradient,) = torch.autograd.grad(found[:, 0, 128].sum(), output)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_network_learns_through_them(head, rng):
    """Sites that are equal: after some steps the price is well below that of silence."""
    process = CTMC(Finite(2, 4), BirthDeath(4))
    network = MLP(head.input_shape(process), 0, head.output_shape(process), width=32, depth=1)
    denoiser = Neural(process, network, head)
    optimiser = torch.optim.Adam(denoiser.parameters(), 3e-3)
    objective, losses = Denoising(), []
    for _ in range(60):
        x_0 = torch.randint(4, (128, 1), generator=rng).expand(-1, 2)
        loss = objective(denoiser, x_0, None, rng).value.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-20:]) < 0.85 * sum(losses[:3]) / 3 * 20
