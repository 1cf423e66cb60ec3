"""TwistedSMC sampling: products p r whose answer is known: Gaussians, mixtures, words; twins without weights fail."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Exact, ExactMixture, Guided
from unnoise.denoisers.likelihoods import LinearGaussian, Masked, noisy
from unnoise.laws import GaussianMixture, Normal
from unnoise.processes import CTMC, edm, rates, rectified_flow, variance_preserving
from unnoise.samplers import Ancestral, Perturbed, TwistedSMC, twisted
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_frequencies, assert_law, assert_mean

FLOAT64 = torch.float64
STEPS = 10


def normal(mean, variance):
    return torch.distributions.Normal(torch.tensor(mean, dtype=FLOAT64), torch.tensor(variance, dtype=FLOAT64).sqrt())


def line(process, variance):
    """The exact denoiser of N(0, variance), and the variance that `STEPS` ancestral steps really make of it."""
    one = torch.ones(1, 1, dtype=FLOAT64)
    denoiser = ExactMixture(process, GaussianMixture(one[0], 0 * one, variance * one[None]))
    times, made = torch.linspace(1, 0, STEPS, dtype=FLOAT64), process.prior(1).scale.double() ** 2
    for t, s in itertools.pairwise(times):
        law = process.bridge(denoiser(one, t), one, t, s)
        made = law.mean**2 * made + law.scale**2
    return denoiser, float(denoiser(one, times[-1]) ** 2 * made)


PROCESSES = {"vp": variance_preserving(Euclidean(1)), "edm": edm(Euclidean(1)), "flow": rectified_flow(Euclidean(1))}


class TestGaussian:
    """All is linear, so the law of a sampler with few steps is known, and the steered one must meet it times r."""

    SEEN, NOISE = 1.5, 0.6

    def posterior(self, made):
        total = made + self.NOISE**2
        return made / total * self.SEEN, made * self.NOISE**2 / total

    def assert_posterior(self, found, made, rng):
        mean, variance = self.posterior(made)
        assert_law(found.draw(1, rng)[:, 0, 0], lambda x: torch.special.ndtr((x - mean) / variance**0.5))

    def weighed(self, denoiser, rng, particles, guidance=None):
        r = noisy(torch.tensor([self.SEEN], dtype=FLOAT64), self.NOISE)
        return TwistedSMC(denoiser, r, particles, STEPS, guidance=guidance).weigh(1000, rng)

    @pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
    def test_weighted_particles_follow_the_exact_posterior_after_few_steps(self, process, rng):
        denoiser, made = line(process, 3.0)
        found = self.weighed(denoiser, rng, particles=64)
        self.assert_posterior(found, made, rng)
        assert found.ess.shape == (STEPS + 1, 1000)
        assert 1 <= float(found.ess.min()) <= float(found.ess.max()) <= 64 * (1 + 1e-12)

    def test_a_twin_without_weights_fails(self, rng):
        denoiser, made = line(PROCESSES["vp"], 3.0)
        with pytest.raises(ImprobableError):
            self.assert_posterior(self.weighed(denoiser, rng, particles=1), made, rng)

    def test_a_twin_that_forgets_what_the_shift_costs_fails(self, rng, monkeypatch):
        """p/q counted as 1."""
        denoiser, made = line(PROCESSES["vp"], 3.0)
        monkeypatch.setattr(Normal, "log_prob", lambda law, x: x.new_zeros(len(x)))
        with pytest.raises(ImprobableError):
            self.assert_posterior(self.weighed(denoiser, rng, particles=64), made, rng)

    def test_guidance_is_for_even_weights_alone(self, rng):
        """Without it, and with twice too much, the answer is the same; with it, more particles count."""
        denoiser, made = line(PROCESSES["vp"], 3.0)
        sizes = {}
        for guidance in (0.0, 1.0, 2.0):
            found = self.weighed(denoiser, rng, particles=64, guidance=guidance)
            self.assert_posterior(found, made, rng)
            sizes[guidance] = float(found.ess.mean())
        assert sizes[1.0] > sizes[0.0]

    @pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
    def test_a_step_is_shifted_by_what_r_says_of_where_it_goes(self, process):
        """The slope of log r at the denoised point, times how fast that moves with x_s, not with x_t."""
        denoiser, _ = line(process, 1.0)
        r = noisy(torch.tensor([self.SEEN], dtype=FLOAT64), self.NOISE)
        x, (t, s) = torch.tensor([[0.7], [-1.0]], dtype=FLOAT64), torch.tensor([0.6, 0.3], dtype=FLOAT64)
        guided, free = (
            TwistedSMC(denoiser, r, 1, STEPS, guidance=guidance).step(x, t, s, torch.Generator().manual_seed(1))
            for guidance in (1.0, 0.0)
        )
        (alpha_t, sigma_t), (alpha_s, sigma_s) = process.alpha_sigma(t), process.alpha_sigma(s)
        blur = sigma_t**2 / (alpha_t**2 + sigma_t**2)
        slope = (self.SEEN - denoiser(x, t)) / (self.NOISE**2 + blur)
        speed = alpha_s / (alpha_s**2 + sigma_s**2)
        variance = process.ancestral(denoiser(x, t), x, t, s).scale ** 2
        torch.testing.assert_close(guided - free, variance * slope * speed)

    def test_the_normaliser_is_the_evidence_without_bias(self, rng):
        denoiser, made = line(PROCESSES["vp"], 3.0)
        r = noisy(torch.tensor([self.SEEN], dtype=FLOAT64), self.NOISE)
        found = TwistedSMC(denoiser, r, 8, STEPS).weigh(4000, rng).log_normaliser.exp()
        exact = float(normal(0.0, made + self.NOISE**2).log_prob(torch.tensor(self.SEEN, dtype=FLOAT64)).exp())
        assert_mean(found, exact)
        with pytest.raises(ImprobableError):
            assert_mean(found, 0.9 * exact)

    def test_one_likelihood_alone_is_a_function_like_any_other(self, rng):
        """An r that cannot be averaged over noise is steered by, too."""
        denoiser, made = line(PROCESSES["vp"], 3.0)
        r = noisy(torch.tensor([self.SEEN], dtype=FLOAT64), self.NOISE)
        found = TwistedSMC(denoiser, lambda x: r(x), 64, STEPS).weigh(1000, rng)
        self.assert_posterior(found, made, rng)


@pytest.fixture(scope="module")
def mixture():
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=FLOAT64)
    means = torch.tensor([[-1.5, 0.0], [1.0, 1.5], [1.0, -1.5]], dtype=FLOAT64)
    covariances = torch.tensor([[[0.3, 0.1], [0.1, 0.2]]] * 3, dtype=FLOAT64)
    return GaussianMixture(weights, means, covariances)


def conditioned(law, r):
    """The exact posterior of a mixture for a linear-Gaussian r, and the log evidence: a mixture again."""
    a, y = r.matrix, r.values
    total = a @ law.covariances @ a.T + r.scale**2 * torch.eye(len(y), dtype=FLOAT64)
    gain = law.covariances @ a.T @ torch.linalg.inv(total)
    means = law.means + (gain @ (y - law.means @ a.T)[..., None])[..., 0]
    covariances = law.covariances - gain @ a @ law.covariances
    seen = torch.distributions.MultivariateNormal(law.means @ a.T, total).log_prob(y) + law.weights.log()
    return GaussianMixture(seen.softmax(0), means, 0.5 * (covariances + covariances.mT)), float(seen.logsumexp(0))


MATRIX = torch.tensor([[0.7, 0.5]], dtype=FLOAT64)


class TestMixture:
    """A posterior of three modes, none of which is where guidance alone would go."""

    R = LinearGaussian(MATRIX, torch.tensor([0.6], dtype=FLOAT64), scale=0.4)

    def assert_posterior(self, draws, law):
        direction = torch.tensor([0.3, 1.0], dtype=FLOAT64)
        means, spreads = law.means @ direction, (law.covariances @ direction @ direction).sqrt()
        assert_law(draws @ direction, lambda v: torch.special.ndtr((v[:, None] - means) / spreads) @ law.weights)

    def test_particles_follow_the_posterior_and_guidance_alone_does_not(self, mixture, rng):
        denoiser = ExactMixture(variance_preserving(Euclidean(2)), mixture)
        law, evidence = conditioned(mixture, self.R)
        found = TwistedSMC(denoiser, self.R, 64, 40).weigh(500, rng)
        self.assert_posterior(found.draw(1, rng)[:, 0], law)
        bias = 0.01  # of forty steps
        assert_mean(found.log_normaliser.exp(), math.exp(evidence), tolerance=bias)
        assert_mean(found.draw(1, rng)[:, 0], law.weights @ law.means, tolerance=bias)
        guided = Ancestral(Guided(denoiser, self.R), 40).sample(2000, rng)
        with pytest.raises(ImprobableError):
            self.assert_posterior(guided, law)
        with pytest.raises(ImprobableError):
            assert_mean(guided, law.weights @ law.means, tolerance=bias)

    def test_a_group_gets_better_as_particles_grow(self, mixture, rng):
        """The error of the posterior mean by one group: at one particle that of guidance alone."""
        denoiser = ExactMixture(variance_preserving(Euclidean(2)), mixture)
        law, _ = conditioned(mixture, self.R)
        errors = []
        for particles, groups in ((1, 1000), (16, 300), (256, 60)):
            found = TwistedSMC(denoiser, self.R, particles, 25).weigh(groups, rng)
            means = (found.log_weights.exp()[..., None] * found.x).sum(1)
            errors.append(float((means - law.weights @ law.means).square().sum(1).mean().sqrt()))
        assert errors[1] < 0.6 * errors[0]
        assert errors[2] < 0.6 * errors[1]

    def test_a_gap_is_filled_by_what_stands_around_it(self, mixture, rng):
        """Inpainting is a linear measurement whose matrix has unit rows."""
        seen = torch.tensor([1.0, 0.0], dtype=FLOAT64)
        mask = Masked(torch.tensor([True, False]), seen, 0.3)
        same = LinearGaussian(torch.eye(2, dtype=FLOAT64)[:1], seen[:1], 0.3)
        x = mixture.sample(rng, (5,))
        torch.testing.assert_close(mask(x), same(x))
        torch.testing.assert_close(mask.blurred(x, torch.tensor(0.7)), same.blurred(x, torch.tensor(0.7)))
        denoiser = ExactMixture(variance_preserving(Euclidean(2)), mixture)
        found = TwistedSMC(denoiser, mask, 64, 25).weigh(300, rng).draw(1, rng)[:, 0]
        law, _ = conditioned(mixture, same)
        above, bias = torch.special.ndtr(law.means[:, 1] / law.covariances[:, 1, 1].sqrt()), 0.02  # of 25 steps
        assert_mean((found[:, 1] > 0).double(), law.weights @ above, tolerance=bias)
        with pytest.raises(ImprobableError):
            assert_mean((found[:, 1] > 0).double(), 1 - law.weights @ above, tolerance=bias)


class TestWords:
    """Finite spaces have no gradient and need none."""

    def found(self, rng, particles):
        atoms = torch.tensor([[0, 1, 2], [2, 1, 0], [1, 1, 1], [0, 0, 2]])
        weights = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=FLOAT64)
        liking = torch.tensor([0.0, -1.0, 1.5], dtype=FLOAT64)
        denoiser = Exact(CTMC(Finite(3, 3), rates.UniformRates(3)), atoms, weights)
        found = TwistedSMC(denoiser, lambda x: liking[x[:, 0]] + 0.3 * x[:, 2], particles, 60).weigh(500, rng)
        draws = found.draw(1, rng)[:, 0]
        exact = weights * torch.exp(liking[atoms[:, 0]] + 0.3 * atoms[:, 2])
        which = (draws[:, None] == atoms).all(-1)
        return torch.cat([which.sum(0), (~which.any(1)).sum()[None]]), exact / exact.sum()

    def test_words_are_liked_as_they_should_be(self, rng):
        counts, exact = self.found(rng, 32)
        assert counts[-1] < 12  # the sampler's own error: words that are none
        assert_frequencies(counts[:-1], exact)

    def test_what_must_not_be_is_not(self, rng):
        """A hard constraint, that half of all denoised points break on the way."""
        atoms = torch.tensor([[0, 1, 2], [2, 1, 0], [1, 1, 1], [0, 0, 2]])
        denoiser = Exact(CTMC(Finite(3, 3), rates.Absorbing(3)), atoms[..., :2].clamp(max=1).repeat(1, 2)[:, :3])
        found = TwistedSMC(denoiser, lambda x: torch.where(x[:, 0] == 0, 0.0, -math.inf), 32, 20).weigh(200, rng)
        assert (found.draw(4, rng)[..., 0] == 0).all()
        assert_mean(found.log_normaliser.exp(), 0.5, tolerance=0.01)  # of twenty steps

    def test_a_twin_without_weights_fails(self, rng):
        counts, exact = self.found(rng, 1)
        with pytest.raises(ImprobableError):
            assert_frequencies(counts[:-1], exact)


def above(edge, slope=0.0):
    """An r of 0 below the edge."""
    return lambda x: torch.where(x[:, 0] > edge, slope * x[:, 0], -math.inf)


class TestZeros:
    """An r that is 0 in places: such points weigh nothing at the end, and may change their mind until then."""

    def weighed(self, edge, particles, groups, rng):
        """The weighed groups, and P(x > edge), the mean of their normalisers for any number of particles."""
        denoiser, made = line(PROCESSES["vp"], 3.0)
        found = TwistedSMC(denoiser, above(edge), particles, STEPS, guidance=0).weigh(groups, rng)
        return found, 1 - normal(0.0, made).cdf(torch.tensor(edge, dtype=FLOAT64))

    def test_the_normaliser_is_the_mass_where_r_is_one(self, rng):
        found, exact = self.weighed(1.0, 64, 500, rng)
        assert_mean(found.log_normaliser.exp(), exact)
        assert float(found.mean(lambda x: (x[:, 0] > 1).double())) == pytest.approx(1.0)

    def test_a_twin_that_cannot_wait_fails(self, rng, monkeypatch):
        """Where the first to come above the edge take all weight, the mass is not found by 500 groups."""
        monkeypatch.setattr(twisted, "STILL_POSSIBLE", -1e6)
        found, exact = self.weighed(1.0, 64, 500, rng)
        with pytest.raises(ImprobableError):
            assert_mean(found.log_normaliser.exp(), exact)

    def test_groups_that_die_count_as_zero_and_give_no_samples(self, rng):
        found, exact = self.weighed(3.0, 8, 4000, rng)
        dead = torch.isneginf(found.log_normaliser)
        assert 0.05 < float(dead.double().mean()) < 0.95
        assert_mean(found.log_normaliser.exp(), exact)
        assert (found.ess[-1][dead] == 0).all()
        assert float(found.mean(lambda x: (x[:, 0] > 3).double())) == pytest.approx(1.0)
        denoiser, _ = line(PROCESSES["vp"], 3.0)
        draws = TwistedSMC(denoiser, above(3.0), 8, STEPS, guidance=0).sample(500, rng)
        assert draws.shape == (500, 1)
        assert (draws > 3).all()

    def test_the_weights_do_not_depend_on_the_scale_of_r(self, rng):
        """1000 r is steered as r is."""
        denoiser, _ = line(PROCESSES["vp"], 3.0)
        runs = [
            TwistedSMC(denoiser, lambda x, c=c: above(1.0)(x) + c, 16, STEPS, guidance=0).weigh(
                50, torch.Generator().manual_seed(3)
            )
            for c in (0.0, math.log(1000))
        ]
        torch.testing.assert_close(runs[0].log_weights, runs[1].log_weights)
        torch.testing.assert_close(runs[0].log_normaliser + math.log(1000), runs[1].log_normaliser)

    def test_guidance_leaves_them_where_they_are_and_goes_on_elsewhere(self, rng):
        """The law is that of the part above the edge, tilted, whether the gradient is used or not."""
        denoiser, made = line(PROCESSES["vp"], 3.0)
        grid = torch.linspace(0, 12, 20_001, dtype=FLOAT64)
        cdf = torch.cumsum(torch.exp(0.5 * grid - 0.5 * grid**2 / made), 0)
        cdf = (cdf / cdf[-1]).numpy()
        for guidance in (0.0, 1.0):
            found = TwistedSMC(denoiser, above(0.0, 0.5), 64, STEPS, guidance=guidance).weigh(1000, rng).draw(1, rng)
            assert_law(found[:, 0, 0], lambda v: np.interp(v, grid.numpy(), cdf))


def test_conditions_belong_to_groups(rng):
    """Every row of a condition has particles of its own."""

    class Told(Exact):
        def forward(self, x_t, t, cond=None):
            return cond.expand_as(x_t)

    denoiser = Told(edm(Euclidean(1)), torch.zeros(1, 1))
    sampler = TwistedSMC(denoiser, lambda x: 0 * x[:, 0] + 0 * x.sum(), 4, 20, guidance=0)
    cond = torch.tensor([[1.0], [2.0], [3.0]])
    assert torch.equal(sampler.sample(3, rng, cond), cond)
    assert torch.equal(sampler.sample(3, rng, cond[:1]), cond[:1].expand(3, 1))
    assert sampler.groups(3, cond) == 1
    with pytest.raises(InputError, match="got a condition of 2 rows for 3 rows"):
        sampler.weigh(3, rng, cond[:2])


def test_samples_are_as_many_as_were_asked_for(mixture, rng):
    sampler = TwistedSMC(ExactMixture(edm(Euclidean(2)), mixture), TestMixture.R, 16, 10)
    seen = []
    assert sampler.sample(40, rng, on_step=lambda index, t, x: seen.append((index, t, len(x)))).shape == (40, 2)
    assert (len(seen), seen[0][0], seen[-1][1:]) == (9, 0, (0.0, 48))


def test_perturbed_kernels_are_those_of_the_paper(mixture):
    """Mean f + Sigma grad log r(f), written out with the same noise."""
    denoiser = ExactMixture(variance_preserving(Euclidean(2)), mixture)
    t, s = torch.tensor([0.6, 0.5], dtype=FLOAT64)
    x = torch.ones(3, 2, dtype=FLOAT64)
    law = denoiser.process.ancestral(denoiser(x, t), x, t, s)
    residual, noise = TestMixture.R.values - law.mean @ MATRIX.T, TestMixture.R.scale**2
    slope = residual @ MATRIX / noise
    exact = residual @ MATRIX / (noise + law.scale**2 * MATRIX @ MATRIX.T)  # of the product of two Gaussians
    z = torch.randn(3, 2, generator=torch.Generator().manual_seed(1), dtype=FLOAT64)
    for warm, power in ((False, 1.0), (True, 0.5)):
        for r, shift in ((lambda x: TestMixture.R(x), slope), (TestMixture.R, exact)):
            found = Perturbed(denoiser, r, warm=warm).step(x, t, s, torch.Generator().manual_seed(1))
            torch.testing.assert_close(found, law.mean + power * law.scale**2 * shift + law.scale * z)


def test_warm_perturbations_begin_with_nothing_and_end_with_all_of_r(mixture):
    denoiser = ExactMixture(variance_preserving(Euclidean(2)), mixture)
    x, plain = torch.ones(3, 2, dtype=FLOAT64), Ancestral(denoiser)
    for t, s, like_all in ((1.0, 0.999, False), (0.1, 0.0, True)):
        times = torch.tensor([t, s], dtype=FLOAT64)
        warm, cold, none = (
            sampler.step(x, *times, torch.Generator().manual_seed(1))
            for sampler in (*(Perturbed(denoiser, TestMixture.R, warm=w) for w in (True, False)), plain)
        )
        near, far = (cold, none) if like_all else (none, cold)
        assert (warm - near).norm() < 0.01 * (warm - far).norm()


FAULTS = {
    "NaN": (lambda x: x[:, 0] * math.nan, "log r is NaN at 4 of 4 points"),
    "negative": (lambda x: (0 * x[:, 0] - 2).log(), "log r is NaN at 4 of 4 points; return a number everywhere, -inf"),
    "improper": (lambda x: x[:, 0] * 0 + math.inf, "so p r is no distribution"),
    "shape": (lambda x: x, r"log r returned the shape \(4, 1\) for 4 points; expected \(4,\)"),
    "no gradient": (lambda x: x[:, 0].detach(), "has no gradient.*guidance=0"),
    "kink": (lambda x: (x[:, 0] * 0).sqrt(), "gradient of log r is not finite"),
}


@pytest.mark.parametrize(("log_r", "match"), FAULTS.values(), ids=FAULTS)
def test_an_r_that_cannot_be_is_refused(log_r, match, rng):
    denoiser = Exact(edm(Euclidean(1)), torch.ones(1, 1))
    with pytest.raises(InputError, match=match):
        TwistedSMC(denoiser, log_r, 4, 5).sample(4, rng)


def test_settings_that_cannot_be_are_refused(rng):
    denoiser = Exact(edm(Euclidean(1)), torch.ones(1, 1))
    with pytest.raises(InputError, match="got particles = 0; expected a whole number from 1"):
        TwistedSMC(denoiser, lambda x: x[:, 0], 0)
    with pytest.raises(InputError, match="got groups = 0; expected a whole number from 1"):
        TwistedSMC(denoiser, lambda x: x[:, 0]).weigh(0, rng)
    words = Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(InputError, match=r"not CTMC: use samplers.TwistedSMC with guidance=0"):
        TwistedSMC(words, lambda x: x.sum(1), guidance=1.0)
    with pytest.raises(InputError, match="Perturbed needs a process"):
        Perturbed(words, lambda x: x.sum(1))


def test_particles_that_all_die_are_told_of(rng):
    denoiser = Exact(edm(Euclidean(1)), torch.ones(1, 1))
    nowhere = TwistedSMC(denoiser, lambda x: torch.full((len(x),), -math.inf), 4, 5, guidance=0)
    with pytest.raises(NonFiniteError, match="r is 0 at all 4 particles where they end"):
        nowhere.sample(8, rng)


def test_a_condition_whose_particles_die_is_told_of(rng):
    """Other groups cannot stand in for it."""

    class Told(Exact):
        def forward(self, x_t, t, cond=None):
            return cond.expand_as(x_t)

    sampler = TwistedSMC(Told(edm(Euclidean(1)), torch.zeros(1, 1)), above(0.0), 4, 5, guidance=0)
    with pytest.raises(NonFiniteError, match="r is 0 at all 4 particles of group 1"):
        sampler.sample(2, rng, torch.tensor([[1.0], [-1.0]]))


def test_a_denoiser_that_is_not_finite_is_told_of(rng):
    class Broken(Exact):
        def forward(self, x_t, t, cond=None):
            return x_t * math.nan

    r = noisy(torch.ones(1), 1.0)
    with pytest.raises((NonFiniteError, InputError), match="NaN"):
        TwistedSMC(Broken(edm(Euclidean(1)), torch.zeros(1, 1)), r, 4, 5, guidance=0).sample(4, rng)
