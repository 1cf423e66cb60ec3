"""Mixtures of heat kernels: a density at every noise level, its score, draws, and slopes in all outputs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.denoisers import HeatMixture
from unnoise.evaluation import ProbabilityFlow
from unnoise.networks import MLP, Conditioned
from unnoise.processes import Brownian
from unnoise.schedules import Geometric
from unnoise.spaces import Rotations, Sphere, Torus
from unnoise.testing import ImprobableError, assert_mean

SPACES = {"sphere": Sphere(2), "rotations": Rotations(), "torus": Torus(2)}
KERNELS = 6


def mixture(space, seed=0, dtype=torch.float64):
    """With random weights, so that every kernel has its own weight, place and width."""
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = MLP((1,), 2, (KERNELS, space.dimension + 2), width=8, depth=1, embedding=8).to(dtype)
    nn.init.normal_(network.last.weight, std=0.3)
    with torch.no_grad():
        network.last.bias.view(KERNELS, -1)[:, -1] -= 0.7
    process = Brownian(space, Geometric(1e-2, 20.0))
    return HeatMixture(process, network, space.uniform(KERNELS).sample(rng)), rng


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_it_is_a_density_at_every_noise_level(space):
    """E over uniform points of density x volume is one."""
    denoiser, rng = mixture(space)
    cond = torch.randn(1, 2, generator=rng, dtype=torch.float64)
    points = space.uniform(1500).sample(rng)
    for t in (0.3, 0.7):
        mass = denoiser.log_prob(points, torch.tensor(t), cond.expand(1500, 2)).exp() * space.volume
        assert_mean(mass, 1.0)
        with pytest.raises(ImprobableError):
            assert_mean(1.3 * mass, 1.0)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_statistic_is_the_gradient_of_the_log_density(space):
    denoiser, rng = mixture(space)
    x, cond = space.uniform(5).sample(rng), torch.randn(5, 2, generator=rng, dtype=torch.float64)
    for t in (torch.tensor(0.2), torch.linspace(0, 1, 5, dtype=torch.float64)):
        slope = space.gradient(lambda y, t=t: denoiser.log_prob(y, t, cond), x)
        torch.testing.assert_close(denoiser(x, t, cond), slope.detach())
    assert not torch.allclose(denoiser(x, torch.tensor(0.9), cond), slope.detach(), atol=1e-3)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_probability_flow_has_its_density(space):
    denoiser, rng = mixture(space)
    x, cond = space.uniform(3).sample(rng), torch.randn(3, 2, generator=rng, dtype=torch.float64)
    found = ProbabilityFlow(tolerance=1e-5)(denoiser, x, rng, cond).log_prob
    torch.testing.assert_close(found, denoiser.log_prob(x, torch.tensor(0.0), cond).detach(), atol=2e-3, rtol=0)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_draws_have_the_density(space):
    """The mean of a bounded function by draws, and by weights on uniform points; twin: uniform draws."""
    denoiser, rng = mixture(space)
    cond = torch.randn(1, 2, generator=rng, dtype=torch.float64)
    law = denoiser.law(cond)
    draws, points = law.sample(rng, (2000,))[:, 0].detach(), space.uniform(2000).sample(rng)
    weights = denoiser.log_prob(points, torch.tensor(0.0), cond.expand(2000, 2)).exp().detach() * space.volume
    place = law.centres[0, int(law.log_weights.argmax())].detach()

    def near(x):
        return torch.exp(space.distance(x, place).cos() / 0.3 - 3)

    expected = weights * near(points)
    assert_mean(near(draws) - expected)
    with pytest.raises(ImprobableError):
        assert_mean(near(points) - expected)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_density_has_its_slope_in_every_output(space):
    """In weights, places and widths, by central differences; widths by the heat equation."""
    denoiser, rng = mixture(space)
    x, cond = space.uniform(4).sample(rng), torch.randn(4, 2, generator=rng, dtype=torch.float64)
    bias = denoiser.network.last.bias
    denoiser.log_prob(x, torch.tensor(0.0), cond).sum().backward()
    slopes, step = bias.grad.clone(), 1e-5
    for i in range(len(bias)):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                bias[i] += sign * step
                ends.append(denoiser.log_prob(x, torch.tensor(0.0), cond).sum())
                bias[i] -= sign * step
        assert float(slopes[i]) == pytest.approx(float(ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_nearest_kernels_alone_are_a_lower_bound(space):
    denoiser, rng = mixture(space)
    x, cond, t = space.uniform(5).sample(rng), torch.randn(5, 2, generator=rng, dtype=torch.float64), torch.tensor(0.0)
    whole = denoiser.log_prob(x, t, cond)
    bounds = torch.stack([denoiser.log_prob(x, t, cond, nearest) for nearest in (1, 3, KERNELS - 1, KERNELS)])
    assert (bounds.diff(dim=0) >= 0).all()
    assert (bounds[0] < whole).all()
    torch.testing.assert_close(bounds[-1], whole)
    joint = denoiser.law(cond).joint(x)
    nearest = space.distance(x[:, None], denoiser.anchors).argmin(-1, keepdim=True)
    torch.testing.assert_close(bounds[0], joint.gather(1, nearest)[:, 0])


def test_a_condition_that_is_read_once_gives_the_same():
    space = Sphere(2)
    network = Conditioned(MLP((1,), 3, (KERNELS, 4), width=8), [nn.Linear(2, 3)], [(2,)])
    nn.init.normal_(network.network.last.weight)
    anchors = space.uniform(KERNELS).sample(torch.Generator().manual_seed(1))
    whole = HeatMixture(Brownian(space), network, anchors)
    x, cond, t = anchors.float(), torch.randn(KERNELS, 2), torch.tensor(0.3)
    backbone, code = whole.read(cond)
    assert code.shape == (KERNELS, 3)
    torch.testing.assert_close(backbone(x, t, code), whole(x, t, cond))
    assert backbone.read(code)[0] is backbone


def test_what_does_not_fit_is_said():
    space, anchors = Sphere(2), Sphere(2).uniform(3).sample(torch.Generator())
    process = Brownian(space)
    with pytest.raises(InputError, match=r"expected \(n, 3, 4\): a weight, a place, a width each"):
        HeatMixture(process, MLP((1,), 1, (3, 5), width=8), anchors).law(torch.zeros(2, 1))
    with pytest.raises(InputError, match="got no condition for each of 2 rows"):
        HeatMixture(process, MLP((1,), 1, (3, 4), width=8), anchors)(anchors[:2].float(), torch.tensor(0.5))


class Told(nn.Module):
    """A network that says the same of every condition."""

    def __init__(self, output):
        super().__init__()
        self.output = nn.Parameter(output)

    def forward(self, x, level, cond):
        return self.output.expand(len(cond), *self.output.shape)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_weights_places_and_widths_are_what_the_page_says(space):
    """A kernel stays near its anchor however large the outputs are."""
    rng = torch.Generator().manual_seed(2)
    output = 3 * torch.randn(60, space.dimension + 2, generator=rng, dtype=torch.float64)
    output[0, -1], output[1, -1] = 9.0, -9.0
    output[:, 2:-1] = 0.0
    anchors, process = space.uniform(60).sample(rng), Brownian(space, Geometric(1e-2, 20.0))
    law = HeatMixture(process, Told(output), anchors).law(torch.zeros(1, 2))
    reach = (space.volume / 60) ** (1 / space.dimension)
    torch.testing.assert_close(law.log_weights[0], torch.log_softmax(output[:, 0], 0))
    torch.testing.assert_close(space.distance(anchors, law.centres[0]), reach * torch.tanh(output[:, 1]).abs())
    noise = process.variance(torch.tensor(0.0, dtype=torch.float64))
    torch.testing.assert_close(law.times[0], (reach / 2 * output[:, -1].clamp(-4, 1).exp()).square() + noise)
