"""The Wright-Fisher kernel against its Jacobi spectrum at 60 digits, moments, brute force and its own samples."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch

from unnoise.laws import Dirichlet, WrightFisherKernel
from unnoise.laws.lineages import lineages
from unnoise.laws.wright_fisher import multinomial
from unnoise.testing import ImprobableError, PropertyError, assert_mean, check_law

FLOAT64 = torch.float64


def double(*values):
    return torch.tensor(values, dtype=FLOAT64)


def kernel(x_0, alpha, t):
    alpha = torch.as_tensor(alpha, dtype=FLOAT64)
    return WrightFisherKernel(
        x_0, alpha, torch.as_tensor(t, dtype=FLOAT64), lineages(float(alpha.sum()), 0.99e-2, 10.0)
    )


def jacobi(n_max, a, b, u):
    """Jacobi polynomials by their recurrence."""
    before, now = mpmath.mpf(1), (a + 1) + (a + b + 2) * (u - 1) / 2
    yield before
    yield now
    for n in range(1, n_max):
        c = 2 * n + a + b
        after = (c + 1) * (c * (c + 2) * u + a * a - b * b) * now - 2 * (n + a) * (n + b) * (c + 2) * before
        before, now = now, after / (2 * (n + 1) * (n + a + b + 1) * c)
        yield now


def spectral(alpha, x, y, t):
    """The density of the first part of two: Jacobi polynomials decay at the rates n (n + theta - 1) / 2."""
    (first, second), x, t = (mpmath.mpf(value) for value in alpha), mpmath.mpf(x), mpmath.mpf(t)
    a, b, theta, total = second - 1, first - 1, first + second, mpmath.mpf(0)
    terms = int(mpmath.sqrt(2 * 2.31 * mpmath.mp.dps / t)) + 10
    for n, (left, right) in enumerate(zip(jacobi(terms, a, b, 2 * x - 1), jacobi(terms, a, b, 2 * y - 1), strict=True)):
        norm = mpmath.beta(first, second)
        if n:
            norm = mpmath.gamma(n + a + 1) * mpmath.gamma(n + b + 1) / (2 * n + a + b + 1)
            norm /= mpmath.gamma(n + a + b + 1) * mpmath.factorial(n)
        total += mpmath.exp(-n * (n + theta - 1) * t / 2) * left * right / norm
    return total * y ** (first - 1) * (1 - y) ** (second - 1)


PAIRS = [(0.3, 0.35), (0.01, 0.02), (0.3, 0.6), (0.5, 0.001)]


def compare(alpha, t, table, pairs=PAIRS, digits=60):
    law_of = lambda x: WrightFisherKernel(double(x, 1 - x), double(*alpha), double(t)[0], table)  # noqa: E731
    for x, y in pairs:
        with mpmath.workdps(digits):
            step, y_exact = mpmath.mpf(10) ** -20, mpmath.mpf(y)
            expected = mpmath.log(spectral(alpha, x, y_exact, t))
            ahead, behind = (mpmath.log(spectral(alpha, x, y_exact + side, t)) for side in (step, -step))
            slope = float((ahead - behind) / (2 * step))
        law, point = law_of(x), double(y, 1 - y)
        assert float(law.log_prob(point)) == pytest.approx(float(expected), rel=1e-11, abs=1e-9)
        score = law.score(point)
        assert float(score[0] - score[1]) == pytest.approx(slope, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("alpha", [(1.0, 1.0), (0.5, 0.5), (2.5, 0.7)], ids=str)
@pytest.mark.parametrize("t", [0.02, 0.5, 9.0])
def test_density_and_score_of_two_parts_against_the_spectrum(alpha, t):
    compare(alpha, t, lineages(sum(alpha), 0.99e-2, 10.0))


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [(1.0, 1.0), (2.5, 0.7)], ids=str)
@pytest.mark.parametrize("t", [1e-4, 1e-3])
def test_density_and_score_at_tiny_times(alpha, t):
    """To within 11 standard deviations at 1e-4; and to exp(-190) at 1e-3, where 160 digits still suffice."""
    pairs = [(0.3, 0.3 + t**0.5), (0.01, 0.012), (0.3, 0.35 if t < 1e-3 else 0.6)]
    compare(alpha, t, lineages(sum(alpha), 0.9 * t, 1.1 * t), pairs, digits=160)


def test_density_of_three_parts_against_the_sum_over_all_ancestors():
    alpha, x, y, t = double(0.8, 1.5, 1.2), double(0.2, 0.5, 0.3), double(0.1, 0.3, 0.6), 0.8
    table = lineages(3.5, 0.99e-2, 10.0)
    masses = table.log_mass(table.at(double(t)), torch.arange(26)[None])[0].exp()
    total, ancestors = 0.0, torch.zeros(3, dtype=FLOAT64)
    for counts in itertools.product(range(26), repeat=3):
        if sum(counts) < 26:
            kinds = torch.tensor(counts, dtype=FLOAT64)
            ways = math.lgamma(sum(counts) + 1) - sum(math.lgamma(one + 1) for one in counts)
            share = masses[sum(counts)] * torch.exp(
                ways + (kinds * x.log()).sum() + Dirichlet(alpha + kinds).log_prob(y)
            )
            total, ancestors = total + share, ancestors + share * kinds
    law = kernel(x, alpha, t)
    torch.testing.assert_close(law.log_prob(y), total.log(), rtol=1e-10, atol=1e-10)
    expected = ancestors / total
    torch.testing.assert_close(law.relative_score(y), expected / y - expected.sum(), rtol=1e-9, atol=1e-9)


def test_normalisation_on_a_line():
    """Gauss and Legendre's rule on angles."""
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(200))
    angle = 0.25 * math.pi * (nodes + 1)
    y = torch.stack([angle.sin() ** 2, angle.cos() ** 2], -1)
    volume = 0.25 * math.pi * weights * 2 * angle.sin() * angle.cos()
    for t in (0.01, 0.1, 1.0):
        mass = (volume * kernel(double(0.3, 0.7), (1.0, 2.0), t).log_prob(y).exp()).sum()
        assert abs(float(mass) - 1) < 1e-9


def test_it_is_reversible(rng):
    """The stationary density of x times that of y from x is symmetric."""
    alpha = double(0.7, 1.0, 2.0, 1.3)
    x, y = (Dirichlet(alpha.expand(40, 4)).sample(rng) for _ in range(2))
    t = torch.rand(40, generator=rng, dtype=FLOAT64) + 0.02
    there = Dirichlet(alpha).log_prob(x) + kernel(x, alpha, t).log_prob(y)
    back = Dirichlet(alpha).log_prob(y) + kernel(y, alpha, t).log_prob(x)
    torch.testing.assert_close(there, back, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("t", [0.01, 0.2, 3.0])
def test_score_is_the_gradient_of_the_log_density(t, rng):
    alpha = double(0.7, 1.0, 2.0)
    x, y = (Dirichlet(alpha.expand(20, 3)).sample(rng) for _ in range(2))
    law, y = kernel(x, alpha, t), y.requires_grad_()
    (gradient,) = torch.autograd.grad(law.log_prob(y).sum(), y)
    score, y = law.score(y.detach()), y.detach()
    for part in (gradient, score):
        part -= (y * part).sum(-1, keepdim=True)
    torch.testing.assert_close(score, gradient, rtol=1e-8, atol=1e-8)


class TestSamples:
    X, ALPHA = double(0.2, 0.5, 0.3), double(0.8, 1.5, 1.2)

    def residuals(self, t, rng, law=WrightFisherKernel, at=1.0):
        """The first two moments less their closed forms, (n, 4)."""
        theta = float(self.ALPHA.sum())
        table = lineages(theta, 0.99e-2, 10.0)
        y = law(self.X.expand(20_000, 3), self.ALPHA, double(at * t)[0], table).sample(rng)
        home, first, second = self.ALPHA / theta, math.exp(-theta * t / 2), math.exp(-(1 + theta) * t)
        mean = home + (self.X - home) * first
        grown = home * (1 - second) / (1 + theta) + (self.X - home) * (first - second) / (1 + theta / 2)
        square = self.X**2 * second + (1 + self.ALPHA) * grown
        return torch.cat([(y - mean)[:, :2], (y**2 - square)[:, :2]], -1) / (square - mean**2).sqrt()[0]

    @pytest.mark.parametrize("t", [0.01, 0.2, 3.0])
    def test_moments(self, t, rng):
        assert_mean(self.residuals(t, rng))

    def test_wrong_moments_are_caught(self, rng):
        with pytest.raises(ImprobableError):
            assert_mean(self.residuals(0.2, rng, at=1.2))

    @pytest.mark.parametrize("t", [0.05, 1.0])
    def test_they_follow_the_density(self, t):
        law, reference = kernel(self.X, self.ALPHA, t), kernel(self.X, self.ALPHA, 1.3 * t)
        check_law(law, reference, draws=2000)

    def test_another_density_is_caught(self):
        class Shifted(WrightFisherKernel):
            def log_prob(self, x):
                return super().log_prob(x) + 0.2

        law = kernel(self.X, self.ALPHA, 0.3)
        with pytest.raises(PropertyError, match="BROKEN  samples follow the density"):
            check_law(Shifted(law.x_0, law.alpha, law.time, law.lineages), kernel(self.X, self.ALPHA, 0.4), draws=2000)

    def test_scores_of_the_ancestors_average_to_the_score(self, rng):
        """E[alpha + L - 1 | y] / y is the score: it has the slope of any function g as its mean, with a minus."""
        y, ancestors = kernel(self.X.expand(20_000, 3), self.ALPHA, 0.3).sample_with_ancestors(rng)
        exact = kernel(self.X, self.ALPHA, 0.3).relative_score(y)
        latent = ancestors / y - ancestors.sum(-1, keepdim=True)
        assert_mean((latent - exact) * y)
        assert_mean((latent - exact) * y * (y[:, :1] * 5).cos())
        with pytest.raises(ImprobableError):
            assert_mean((latent - 1.3 * exact) * y * (y[:, :1] * 5).cos())


def test_laws_broadcast_against_points(rng):
    """Points (n, 1, N) against a law of k data at n times, as the exact denoiser asks."""
    alpha = double(1.0, 1.0, 1.0)
    atoms, points = (Dirichlet(alpha.expand(k, 3)).sample(rng) for k in (4, 6))
    times = torch.rand(6, generator=rng, dtype=FLOAT64) + 0.05
    law = kernel(atoms[None], alpha, times[:, None])
    found, scores = law.log_prob(points[:, None]), law.relative_score(points[:, None])
    assert found.shape == (6, 4)
    assert scores.shape == (6, 4, 3)
    one = kernel(atoms[2], alpha, times[5])
    torch.testing.assert_close(found[5, 2], one.log_prob(points[5]))
    torch.testing.assert_close(scores[5, 2], one.relative_score(points[5]))


def test_data_on_a_face_is_no_trouble(rng):
    law = kernel(double(1.0, 0.0, 0.0).expand(100, 3), (1.0, 1.0, 1.0), 0.05)
    y = law.sample(rng)
    assert torch.isfinite(law.log_prob(y)).all()
    assert torch.isfinite(law.relative_score(y)).all()


def test_single_precision_points_give_single_precision_answers(rng):
    law = kernel(torch.tensor([[0.2, 0.3, 0.5]]), (1.0, 1.0, 1.0), 0.1)
    y = law.sample(rng)
    assert y.dtype == law.log_prob(y).dtype == law.relative_score(y).dtype == torch.float32


def test_multinomial_counts(rng):
    shares = double(0.1, 0.0, 0.2, 0.3, 0.4)
    counts = multinomial(torch.full((20_000,), 7), shares.expand(20_000, 5), rng)
    assert (counts.sum(-1) == 7).all()
    assert (counts[:, 1] == 0).all()
    centred = counts - 7 * shares
    products = (centred[:, :1] * centred) - 7 * (shares[0] * (torch.eye(5)[0] - shares))
    assert_mean(torch.cat([centred, products], -1))
    with pytest.raises(ImprobableError):
        assert_mean(counts.double(), 7.2 * shares)
