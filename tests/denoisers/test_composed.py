"""Observations composed: exact of Gaussians by precisions, and of scores where the law is that of one level."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from unnoise import processes, samplers, spaces
from unnoise._errors import InputError
from unnoise.denoisers import Composed, Denoiser, Exact
from unnoise.testing import ImprobableError, assert_law

PROCESS = processes.variance_preserving(spaces.Euclidean(2))
PRIOR = torch.tensor([[1.0, 0.3], [0.3, 0.5]])
NOISE = torch.tensor([[0.4, 0.1], [0.1, 0.9]])
SEEN = torch.tensor([[0.5, 1.0], [1.2, 0.1], [-0.3, 0.8], [0.9, 0.9]])


class Linear(Denoiser):
    """Exact for x ~ N(0, PRIOR), of which x + N(0, NOISE) is seen; a third number says that nothing is."""

    process = PROCESS

    def forward(self, x_t, t, cond=None):
        told = 1 - cond[:, 2:].double()
        precision = PRIOR.double().inverse() + told[..., None] * NOISE.double().inverse()
        pull = told * (cond[:, :2].double() @ NOISE.double().inverse())
        alpha, sigma = (part.double().reshape(-1, 1) for part in PROCESS.alpha_sigma(t))
        noisy = precision + ((alpha / sigma) ** 2)[..., None] * torch.eye(2)
        whole = pull + alpha / sigma**2 * x_t.double()
        return torch.linalg.solve(noisy, whole.expand(len(x_t), 2)[..., None])[..., 0].to(x_t)


def conditions(seen):
    return torch.cat([seen, torch.zeros(len(seen), 1)], 1)


UNKNOWN = torch.tensor([[0.0, 0.0, 1.0]])
PRECISIONS = torch.stack([PRIOR.inverse(), *[PRIOR.inverse() + NOISE.inverse()] * len(SEEN)])


def truth():
    precision = PRIOR.double().inverse() + len(SEEN) * NOISE.double().inverse()
    return precision.inverse() @ NOISE.double().inverse() @ SEEN.double().sum(0), precision.inverse()


def drawn(denoiser, sampler, n=2000):
    return sampler(denoiser).sample(n, torch.Generator().manual_seed(0), None).double()


def follows(x):
    mean, covariance = truth()
    for place in range(2):
        deviation = covariance[place, place].sqrt()
        assert_law(x[:, place], lambda z, p=place, s=deviation: torch.special.ndtr((z - mean[p]) / s))


@pytest.mark.parametrize("sampler", [samplers.Multistep, partial(samplers.Ancestral, steps=80)])
def test_precisions_are_exact_for_gaussians_by_any_sampler(sampler):
    follows(drawn(Composed(Linear(), conditions(SEEN), UNKNOWN, PRECISIONS), sampler))


def test_scores_alone_end_wrong_without_corrections():
    with pytest.raises(ImprobableError):
        follows(drawn(Composed(Linear(), conditions(SEEN), UNKNOWN), samplers.Multistep))


def test_precisions_give_the_mean_of_the_noisy_law(rng):
    """At every level the product of what is known of x_0 is the law given all."""
    x, t = torch.randn(6, 2, generator=rng), torch.rand(6, generator=rng)
    found = Composed(Linear(), conditions(SEEN), UNKNOWN, PRECISIONS)(x, t)
    mean, covariance = truth()
    alpha, sigma = (part.double().reshape(-1, 1) for part in PROCESS.alpha_sigma(t))
    precision = covariance.inverse() + ((alpha / sigma) ** 2)[..., None] * torch.eye(2)
    pull = (covariance.inverse() @ mean) + alpha / sigma**2 * x.double()
    expected = torch.linalg.solve(precision, pull[..., None])[..., 0]
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)


def test_scores_are_the_sum(rng):
    x, t = torch.randn(6, 2, generator=rng), torch.tensor(0.4)
    found = Composed(Linear(), conditions(SEEN), UNKNOWN)(x, t)
    rows = [Linear()(x, t, one.expand(6, 3)) for one in (*conditions(SEEN), UNKNOWN[0])]
    each = [PROCESS.score(x, one, t) for one in rows]
    torch.testing.assert_close(PROCESS.score(x, found, t), sum(each[:-1]) - 3 * each[-1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precisions", [None, PRECISIONS[:2]])
def test_one_observation_is_itself(precisions, rng):
    x, t = torch.randn(6, 2, generator=rng), torch.tensor(0.4)
    found = Composed(Linear(), conditions(SEEN[:1]), UNKNOWN, precisions)(x, t)
    torch.testing.assert_close(found, Linear()(x, t, conditions(SEEN[:1])))


def test_an_observation_adds_no_doubt():
    """Where draws say that one spreads more than the prior, it counts as saying nothing."""
    wider = torch.stack([PRIOR.inverse(), 0.5 * PRIOR.inverse(), PRIOR.inverse() + NOISE.inverse()])
    gains = Composed(Linear(), conditions(SEEN[:2]), UNKNOWN, wider).gains
    torch.testing.assert_close(gains, torch.stack([torch.zeros(2, 2), NOISE.inverse()]), atol=1e-5, rtol=1e-5)


def test_sites_are_multiplied():
    """On finite spaces too: p(a) p(b) / p(untold) at every site."""
    process = processes.CTMC(spaces.Finite(1, 3), processes.rates.UniformRates(3))
    laws = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]])

    class Given(Denoiser):
        def __init__(self):
            super().__init__()
            self.process = process
            self.each = [Exact(process, torch.arange(3)[:, None], law) for law in laws]

        def forward(self, x_t, t, cond=None):
            found = torch.stack([one(x_t, t) for one in self.each])
            return found[cond[:, 0].long(), torch.arange(len(x_t))]

    both = Composed(Given(), torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0]]))
    expected = laws[0] * laws[1] / laws[2]
    found = both(torch.zeros(1, 1, dtype=torch.int64), torch.tensor(1.0))[0, 0]
    torch.testing.assert_close(found, expected / expected.sum(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("observations", "precisions", "words"),
    [
        (torch.zeros(3), None, r"expected \(m, c\)"),
        (torch.zeros(0, 3), None, "at least one"),
        (conditions(SEEN), PRECISIONS[1:], r"expected \(5, 2, 2\)"),
        (conditions(SEEN), 3, "precisions"),
    ],
)
def test_other_shapes_are_refused(observations, precisions, words):
    with pytest.raises(InputError, match=words):
        Composed(Linear(), observations, UNKNOWN, precisions)
