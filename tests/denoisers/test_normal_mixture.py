"""Mixtures that a network reads from conditions: the density at every noise level, and the regression they begin at."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.denoisers import NormalMixture
from unnoise.evaluation import ProbabilityFlow
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

KERNELS = 3


def untrained(d=2, components=KERNELS):
    torch.manual_seed(0)
    network = MLP((1,), 2, (components, NormalMixture.outputs(d)), width=8, depth=1, embedding=8)
    return NormalMixture(variance_preserving(Euclidean(d)), network.double(), 2, components).double()


def mixture(d=2):
    """With random weights, so that every component has its own weight, mean and covariance."""
    denoiser = untrained(d)
    nn.init.normal_(denoiser.network.last.weight, std=0.5)
    return denoiser, torch.Generator().manual_seed(1)


def normal(rng, *shape):
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("d", [1, 2, 17])
def test_the_statistic_is_the_posterior_mean(d):
    """By Bayes' rule on draws of the data's law; twin: the data's mean."""
    denoiser, rng = mixture(d)
    cond, t = normal(rng, 1, 2), torch.tensor(0.4, dtype=torch.float64)
    x_0 = denoiser.law(cond).sample(rng, (4000,))[:, 0].detach()
    alpha, sigma = denoiser.process.alpha_sigma(t)
    x_t = alpha * x_0 + sigma * normal(rng, *x_0.shape)
    mean = denoiser(x_t, t, cond).detach()
    seen = torch.tanh(x_t[:, 0])
    assert_mean((mean - x_0)[:, -1] * seen)  # errors of a conditional mean see nothing in x_t
    assert_mean((mean - x_0)[:, 0] * seen)
    with pytest.raises(ImprobableError):
        assert_mean((x_0.mean(0) - x_0)[:, 0] * seen)


def test_the_probability_flow_has_its_density():
    denoiser, rng = mixture()
    cond = normal(rng, 3, 2)
    x = denoiser.law(cond).sample(rng).detach()
    found = ProbabilityFlow(tolerance=1e-5)(denoiser, x, rng, cond).log_prob
    expected = denoiser.log_prob(x, torch.tensor(0.0, dtype=torch.float64), cond).detach()
    torch.testing.assert_close(found.double(), expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize("d", [2, 17])
def test_it_begins_at_a_regression_on_products(d):
    rng = torch.Generator().manual_seed(2)
    cond, denoiser = normal(rng, 3000, 2), untrained(d, components=1)
    mixing = torch.eye(d).double() + torch.full((d, d), 0.8 / d).double().tril(-1)
    errors = normal(rng, 3000, d) @ mixing.T
    denoiser.fit(cond[:, :1] * cond[:, 1:] + cond[:, :1] + errors, cond)
    law = denoiser.law(torch.tensor([[2.0, -1.0]], dtype=torch.float64))
    torch.testing.assert_close(law.means[0, 0], torch.zeros(d).double(), atol=0.5, rtol=0)
    whitener = torch.linalg.inv(mixing)
    torch.testing.assert_close(law.whiteners[0, 0], whitener, atol=0.07, rtol=0)
    assert (law.whiteners[0, 0] - torch.eye(d)).abs().max() > 0.04
    denoiser.fit(errors[:7], cond[:7])  # too few for slopes
    assert not denoiser.coefficients[1:].any()


def test_what_does_not_fit_is_a_sentence():
    process = variance_preserving(Euclidean(2))
    with pytest.raises(InputError, match=r"got an output of shape \(2, 3, 5\) of MLP; expected \(n, 3, 6\)"):
        NormalMixture(process, MLP((1,), 1, (3, 5), width=8), 1, 3).law(torch.zeros(2, 1))
    with pytest.raises(InputError, match="got no condition for each of 2 rows"):
        mixture()[0](torch.zeros(2, 2), torch.tensor(0.5))
    with pytest.raises(InputError, match="expected one of vectors"):
        NormalMixture(variance_preserving(Euclidean((1, 2, 2))), MLP((1,), 1, (3, 5), width=8), 1)


class Told(nn.Module):
    """A network that says the same of every condition."""

    def __init__(self, output):
        super().__init__()
        self.output = nn.Parameter(output)

    def forward(self, x, level, cond):
        return self.output.expand(len(cond), *self.output.shape)


def test_weights_means_and_whiteners_are_what_the_page_says():
    """Of two components in two dimensions, with a regression before them."""
    rng = torch.Generator().manual_seed(3)
    output = normal(rng, 2, NormalMixture.outputs(2))
    output[1, 3:5] = torch.tensor([30.0, -30.0])  # widths beyond the bounds
    denoiser = NormalMixture(variance_preserving(Euclidean(2)), Told(output), 1, 2).double()
    denoiser.coefficients.copy_(normal(rng, 3, 2))
    denoiser.scales.copy_(torch.tensor([0.5, 4.0]))
    denoiser.below.copy_(torch.tensor([[0.0, 0.0], [0.7, 0.0]]))
    law = denoiser.law(torch.tensor([[2.0]]).double())
    torch.testing.assert_close(law.log_weights[0], torch.log_softmax(output[:, 0], 0))
    regression = torch.tensor([1.0, 2.0, 4.0]).double() @ denoiser.coefficients
    torch.testing.assert_close(law.means[0], regression + denoiser.scales * (output[:, 1:3] + denoiser.apart))
    for k in range(2):
        lower = torch.eye(2).double() + denoiser.below
        lower[1, 0] += output[k, 5]
        widths = 9 * torch.tanh(output[k, 3:5] / 9)
        torch.testing.assert_close(law.whiteners[0, k], lower @ torch.diag((-widths).exp() / denoiser.scales))
    assert float((denoiser.apart[0] - denoiser.apart[1]).abs().max()) > 0.1  # where components begin


def test_of_few_rows_the_spread_is_that_around_their_shrunk_mean():
    """Of n rows, with n - 1 degrees of freedom."""
    denoiser, x = untrained(1, components=1), torch.tensor([[1.0], [3.0], [5.0], [8.0]]).double()
    denoiser.fit(x, torch.zeros(4, 2).double())
    mean = x.sum() / 5
    assert float(denoiser.coefficients[0]) == pytest.approx(float(mean))
    assert float(denoiser.scales) == pytest.approx(float(((x - mean).square().sum() / 3).sqrt()), rel=1e-6)
