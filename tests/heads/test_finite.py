"""What networks see of letters, and how their output becomes probabilities."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.denoisers import Neural
from unnoise.heads import Indices, Logistic, Posterior, RatioHead, Softmax
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import CTMC, edm
from unnoise.processes.rates import Absorbing, BirthDeath, UniformRates
from unnoise.spaces import Euclidean, Finite

HALF = torch.tensor(0.5)
HEADS = [Softmax, Posterior, Indices, Logistic, partial(Logistic, evidence=True)]
SHAPES = {  # of the sites, and of what networks read and write
    (3,): (15,),
    (500,): (5, 500),
    (4, 6): (5, 4, 6),
    (3, 4, 6): (15, 4, 6),
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rates", [UniformRates(5), Absorbing(5), BirthDeath(5)], ids=repr)
def test_any_output_is_a_law_on_the_states_of_data(head, shape, rates, rng):
    process = CTMC(Finite(shape, 5), rates)
    x = torch.randint(5, (2, *shape), generator=rng)
    head = head(process)
    seen, written = (shape if isinstance(head, Indices) else SHAPES[shape]), SHAPES[shape]
    if isinstance(head, Logistic):
        seen, written = ((numbers * written[0] // 5, *written[1:]) for numbers in (1, 2))
    assert head.inputs(x, HALF).shape == (2, *seen)
    assert (head.input_shape, head.output_shape) == (seen, written)
    output = 5 * torch.randn(2, *written, generator=rng)
    stat = head.estimate(output, x, torch.tensor([0.01, 0.9]))
    assert stat.shape == (2, *shape, 5)
    torch.testing.assert_close(stat.sum(-1), torch.ones(2, *shape))
    assert (stat[..., ~rates.data] == 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("head", HEADS)
def test_each_site_has_numbers_of_its_own(head, shape):
    """Changing what a network says at one site changes the law of that site, and of no other."""
    head = head(CTMC(Finite(shape, 5), UniformRates(5)))
    x = torch.zeros(1, *shape, dtype=torch.int64)
    before = head.estimate(torch.zeros(1, *head.output_shape), x, HALF)
    spoken = torch.zeros(1, 2 if isinstance(head, Logistic) else 5, *shape)
    site = tuple(size - 1 for size in shape)
    spoken[(0, 0, *site)] = 1.0
    after = head.estimate(spoken.reshape(1, *head.output_shape), x, HALF)
    changed = ((after - before).abs() > 1e-6).any(-1)[0]
    assert changed.nonzero().tolist() == [list(site)]


def test_the_posterior_of_silence_is_bayes_rule_under_a_uniform_prior():
    process = CTMC(Finite(2, 4), BirthDeath(4))
    x = torch.tensor([[0, 2]])
    found = Posterior(process).estimate(torch.zeros(1, 8), x, HALF)
    column = process.rates.column(x, process.schedule.value(HALF))
    torch.testing.assert_close(found, column / column.sum(-1, keepdim=True))


def test_what_is_not_masked_is_known():
    process = CTMC(Finite(2, 4), Absorbing(4))
    output = torch.tensor([[0.0, 5, 1, 2, 3, 1, 0, 2]])
    found = Posterior(process).estimate(output, torch.tensor([[3, 1]]), HALF)
    assert found[0, 1].tolist() == [0, 1, 0, 0]
    torch.testing.assert_close(found[0, 0], torch.softmax(torch.tensor([0.0, 1.0, 3.0, -math.inf]), -1))


def test_the_logistic_law_is_the_difference_of_its_distribution_function():
    process = CTMC(Finite(1, 9), BirthDeath(9))
    mean, scale = -0.25 + 0.4, math.exp(-2.0 + 0.3)
    output = torch.tensor([[0.4, 0.3]], dtype=torch.float64)
    found = Logistic(process).estimate(output, torch.tensor([[3]]), HALF)[0, 0]
    edges = torch.linspace(-1.125, 1.125, 10, dtype=torch.float64)
    masses = torch.sigmoid((edges - mean) / scale).diff()
    torch.testing.assert_close(found, masses / masses.sum())


def test_a_narrow_logistic_law_far_away_is_finite():
    process = CTMC(Finite(1, 256), BirthDeath(256))
    output = torch.tensor([[50.0, -12.0], [-50.0, -12.0]], requires_grad=True)
    found = Logistic(process).estimate(output, torch.tensor([[0], [255]]), HALF)
    assert found.argmax(-1).tolist() == [[255], [0]]
    (gradient,) = torch.autograd.grad(found[:, 0, 128].sum(), output)
    assert torch.isfinite(gradient).all()


class Embedded(nn.Module):
    """Rows of a table in the place of one-hot states."""

    def __init__(self, states, sites, output_shape):
        super().__init__()
        self.table, self.rest = nn.Embedding(states, 8), MLP((8 * sites,), 0, output_shape, width=32, depth=1)

    def forward(self, x, noise, cond=None):
        return self.rest(self.table(x).flatten(1), noise, cond)


def test_ratios_are_one_for_staying():
    head = RatioHead(CTMC(Finite(2, 3), UniformRates(3)))
    found = head.estimate(torch.full((1, 6), 2.0), torch.tensor([[0, 2]]), HALF)
    assert found[0, 0, 0] == found[0, 1, 2] == 1
    torch.testing.assert_close(found[0, 0, 1:], torch.full((2,), math.e**2))


@pytest.mark.parametrize("head", [*HEADS, RatioHead])
def test_a_process_of_another_kind_is_refused(head):
    with pytest.raises(InputError, match=r"on a finite space.*, not of Gaussian: leave the head out"):
        head(edm(Euclidean(2)))


@pytest.mark.parametrize("head", HEADS)
def test_a_network_learns_through_them(head, rng):
    """Sites that are equal: after some steps the price is well below that of silence."""
    process = CTMC(Finite(2, 4), BirthDeath(4))
    shapes = head(process).input_shape, 0, head(process).output_shape
    network = Embedded(4, 2, shapes[2]) if head is Indices else MLP(*shapes, width=32, depth=1)
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


def test_the_evidence_of_the_noisy_state_weighs_the_logistic_law_when_asked(rng):
    """By Bayes' rule: prior times q(x_t | x_0), normalised."""
    process = CTMC(Finite(1, 5), BirthDeath(5))
    x, output = torch.tensor([[3], [0]]), torch.randn(2, 2, generator=rng, dtype=torch.float64)
    prior, found = (Logistic(process, evidence).estimate(output, x, HALF) for evidence in (False, True))
    joint = prior * process.evidence(x, HALF, torch.float64)
    torch.testing.assert_close(found, joint / joint.sum(-1, keepdim=True))
    assert (found - prior).abs().max() > 0.01


def test_bells_and_atoms_are_mixed(rng):
    """By their weights; each bell has all its mass on the states, however far its mean."""
    process = CTMC(Finite(1, 9), BirthDeath(9))
    mixing = Logistic(process, bells=2, atoms=(0, -1), relative=False)
    output = torch.randn(1, 8, generator=rng, dtype=torch.float64)
    output[0, 0] = 7.0
    found = mixing.estimate(output, torch.tensor([[3]]), HALF)[0, 0]
    shifts, log_scales, weights = output[0].split([2, 2, 4])
    edges = torch.linspace(-1.125, 1.125, 10, dtype=torch.float64)
    expected = torch.zeros(9, dtype=torch.float64)
    shares = torch.softmax(weights, 0)
    for shift, start, log_scale, share in zip(shifts, (-0.5, 0.5), log_scales, shares[:2], strict=True):
        masses = torch.sigmoid((edges - shift - start) / (log_scale - 2).exp()).diff()
        expected += share * masses / masses.sum()
    expected[[0, -1]] += shares[2:]
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-6)
    other = mixing.estimate(output, torch.tensor([[8]]), HALF)[0, 0]
    torch.testing.assert_close(other, found)  # told relative to the middle


@pytest.mark.parametrize("shape", [(2,), (4, 3), (3, 2, 2)], ids=str)
def test_a_mixture_is_a_law_that_a_network_can_learn(shape, rng):
    process = CTMC(Finite(shape, 256), BirthDeath(256))
    head = Logistic(process, evidence=True, bells=3, atoms=(0, 255), relative=False)
    output = 5 * torch.randn(2, *head.output_shape, generator=rng)
    output.requires_grad_(True)
    x = torch.randint(256, (2, *shape), generator=rng)
    stat = head.estimate(output, x, torch.tensor([0.01, 0.9]))
    torch.testing.assert_close(stat.sum(-1), torch.ones(2, *shape))
    (gradient,) = torch.autograd.grad(stat.square().sum(), output)
    assert gradient.isfinite().all()
    assert gradient.any()


def test_an_atom_that_is_no_state_is_refused():
    with pytest.raises(InputError, match=r"got atoms\[1\] = 9; expected .*-9 to 8"):
        Logistic(CTMC(Finite(1, 9), BirthDeath(9)), atoms=(0, 9))
