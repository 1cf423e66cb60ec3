"""The probability flow: where the denoiser is exact the density is known, and the flow must find it."""

from __future__ import annotations

import math

import pytest
import torch
from conditioned import conditional_case
from scipy.stats import binomtest

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact, ExactMixture, Neural
from unnoise.evaluation import Estimate, ProbabilityFlow
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP
from unnoise.processes import CTMC, Brownian, product, rates, variance_preserving
from unnoise.schedules import Geometric, LinearLogSNR
from unnoise.spaces import Euclidean, Finite, Rotations, Sphere, Torus
from unnoise.testing import ImprobableError, assert_mean, assert_probable
from unnoise.testing.case import NoisedAtoms

FLOAT64 = torch.float64


class TestProbabilityFlow:
    def test_the_ring_at_default_settings(self, gaussian, ring, points, rng):
        estimate = ProbabilityFlow()(ExactMixture(gaussian(2), ring), points, rng)
        error = estimate.log_prob - ring.log_prob(points)
        assert float(error.square().mean().sqrt()) <= 0.006
        assert (estimate.standard_error == 0).all()

    def test_float32_is_nearly_as_good(self, gaussian, ring, points, rng):
        denoiser = ExactMixture(gaussian(2), ring).float()
        estimate = ProbabilityFlow(dtype=torch.float32)(denoiser, points.float(), rng)
        assert estimate.log_prob.dtype == torch.float32
        assert float((estimate.log_prob - ring.log_prob(points)).square().mean().sqrt()) <= 0.02

    def test_a_correlated_law_in_images_of_two_axes(self, gaussian, rng):
        """Six dimensions with a full covariance, as points of shape (2, 3)."""
        roots = torch.randn(6, 6, generator=rng, dtype=FLOAT64)
        covariance = roots @ roots.mT / 6 + 0.1 * torch.eye(6, dtype=FLOAT64)
        law = GaussianMixture(torch.ones(1, dtype=FLOAT64), torch.zeros(1, 6, dtype=FLOAT64), covariance[None])
        flat = ExactMixture(gaussian(6), law)

        class Reshaped(Denoiser):
            process = gaussian((2, 3))

            def forward(self, x_t, t, cond=None):
                return flat(x_t.flatten(1), t).reshape(x_t.shape)

        x = law.sample(rng, (20,))
        estimate = ProbabilityFlow()(Reshaped(), x.reshape(20, 2, 3), rng)
        assert (estimate.log_prob - law.log_prob(x)).abs().max() < 0.01

    def test_hutchinson_covers_the_truth(self, rng):
        """One point, 400 times: no bias, and a printed error that is the real one."""
        roots = torch.randn(2, 3, 3, generator=rng, dtype=FLOAT64)
        covariances = roots @ roots.mT / 3 + 0.1 * torch.eye(3, dtype=FLOAT64)
        law = GaussianMixture(
            torch.tensor([0.4, 0.6], dtype=FLOAT64), torch.randn(2, 3, generator=rng, dtype=FLOAT64), covariances
        )
        denoiser, x = ExactMixture(variance_preserving(Euclidean(3)), law), law.sample(rng, (1,)).repeat(400, 1)
        estimate = ProbabilityFlow(exact_up_to=0)(denoiser, x, rng)
        error = estimate.log_prob - law.log_prob(x)
        assert float(error.std()) > 0.05
        assert_mean(error, tolerance=1e-3)  # of the solver
        squares, printed = (error - error.mean()).square(), estimate.standard_error.square()
        assert_mean(printed - squares)
        with pytest.raises(ImprobableError):
            assert_mean(0.5 * printed - squares)

    def test_more_probes_lower_the_error(self, ring, points, rng):
        denoiser = ExactMixture(variance_preserving(Euclidean(2)), ring)
        few, many = (
            ProbabilityFlow(exact_up_to=1, probes=k)(denoiser, points[:100], rng).standard_error.square()
            for k in (4, 16)
        )
        assert_mean(few - 4 * many)
        with pytest.raises(ImprobableError):
            assert_mean(few - 16 * many)  # the error falls with the square root

    def test_rows_do_not_depend_on_each_other(self, ring, points, rng):
        denoiser = ExactMixture(variance_preserving(Euclidean(2)), ring)
        together = ProbabilityFlow()(denoiser, points[:10], rng).log_prob
        alone = torch.cat([ProbabilityFlow()(denoiser, row[None], rng).log_prob for row in points[:10]])
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-10)

    @pytest.mark.parametrize("batch_size", [None, 4])
    def test_every_row_meets_its_own_condition(self, rng, batch_size):
        denoiser, x, cond, truth = conditional_case(rng)
        estimate = ProbabilityFlow(batch_size=batch_size)(denoiser, x, rng, cond)
        torch.testing.assert_close(estimate.log_prob, truth, rtol=0, atol=0.01)
        wrong = ProbabilityFlow(batch_size=batch_size)(denoiser, x, rng, cond.flip(0))
        assert (wrong.log_prob - truth).abs().median() > 1

    def test_the_denoiser_is_left_as_it_is(self, points, rng):
        denoiser = Neural(variance_preserving(Euclidean(2)), MLP((2,), width=8, depth=1)).train()
        ProbabilityFlow(tolerance=1e-2)(denoiser, points[:2].float(), rng)
        assert denoiser.training
        assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in denoiser.parameters())
        assert all(weight.grad is None for weight in denoiser.parameters())

    def test_a_space_without_flow_is_refused(self, rng):
        letters = Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.zeros(1, 2, dtype=torch.int64))
        with pytest.raises(InputError, match=r"needs a space of real coordinates, not Finite: use evaluation\.Bound"):
            ProbabilityFlow()(letters, torch.zeros(1, 2, dtype=torch.int64), rng)


class Fields(Denoiser):
    """The exact denoiser of Gaussian images with covariance 0.8^|i - j| along rows and along columns."""

    def __init__(self, size):
        super().__init__()
        self.process = variance_preserving(Euclidean((1, size, size)), LinearLogSNR())
        places = torch.arange(size, dtype=FLOAT64)
        variances, axes = torch.linalg.eigh(0.8 ** (places[:, None] - places).abs())
        self.register_buffer("variances", variances[:, None] * variances)
        self.register_buffer("axes", axes)

    def forward(self, x_t, t, cond=None):
        alpha, sigma = (part.to(x_t).reshape(-1, 1, 1, 1) for part in self.process.alpha_sigma(t))
        gain = alpha * self.variances / (alpha**2 * self.variances + sigma**2)
        return self.axes @ (gain * (self.axes.mT @ x_t @ self.axes)) @ self.axes.mT

    def sample(self, rng):
        noise = torch.randn(1, *self.process.space.event_shape, generator=rng, dtype=FLOAT64)
        return self.axes @ (self.variances.sqrt() * noise) @ self.axes.mT

    def log_prob(self, x):
        square = (self.axes.mT @ x @ self.axes).square() / self.variances
        return -0.5 * (square + self.variances.log() + math.log(2 * math.pi)).sum((1, 2, 3))


class TestHutchinsonInManyDimensions:
    """784 numbers: the printed error must cover the truth as often as it says, and a quarter of it does not."""

    @staticmethod
    def covered(repeats, rng):
        images = Fields(28)
        x = images.sample(rng).repeat(repeats, 1, 1, 1)
        estimate, truth = ProbabilityFlow()(images, x, rng), images.log_prob(x)
        assert estimate.degrees_of_freedom == 7
        low, high = estimate.interval(0.95)
        cut = 0.375 * (high - low)
        inside, twin = ((start <= truth) & (truth <= end) for start, end in ((low, high), (low + cut, high - cut)))
        return int(inside.sum()), int(twin.sum()), estimate.log_prob - truth

    @pytest.mark.parametrize("repeats", [40, pytest.param(100, marks=pytest.mark.slow)])
    def test_it_covers_the_truth_95_times_in_100(self, repeats, rng):
        inside, twin, error = self.covered(repeats, rng)
        assert_probable(binomtest(inside, repeats, 0.95).pvalue, "intervals cover the truth")
        with pytest.raises(ImprobableError):
            assert_probable(binomtest(twin, repeats, 0.95).pvalue)
        assert_mean(error)

    def test_few_probes_need_wider_intervals(self):
        two = Estimate(torch.zeros(1), torch.ones(1), degrees_of_freedom=1)
        many = Estimate(torch.zeros(1), torch.ones(1))
        assert float(two.interval()[1]) == pytest.approx(12.706, abs=1e-3)
        assert float(many.interval()[0]) == pytest.approx(-1.960, abs=1e-3)
        with pytest.raises(InputError, match="got a confidence of 1"):
            many.interval(1)

    def test_one_probe_has_no_spread(self):
        with pytest.raises(InputError, match="got probes = 1; expected a whole number from 2"):
            ProbabilityFlow(probes=1)


CURVED = {"circle": Torus(1), "globe": Sphere(2), "rotations": Rotations()}


@pytest.mark.parametrize("space", CURVED.values(), ids=CURVED)
class TestOnManifolds:
    """Against the density of four noised atoms, which is the law at t = 0."""

    @pytest.fixture
    def process(self, space):
        return Brownian(space, Geometric(0.05, 8.0 / space.spectral_gap))

    @pytest.fixture
    def atoms(self, space):
        return space.uniform(4).sample(torch.Generator().manual_seed(2))

    @pytest.fixture
    def law(self, process, atoms):
        return NoisedAtoms(process, atoms, torch.full((4,), 0.25, dtype=FLOAT64), torch.tensor(0.0, dtype=FLOAT64))

    def test_the_flow_finds_the_density(self, process, atoms, law, rng):
        x = law.sample(rng, (20,))
        estimate = ProbabilityFlow(tolerance=1e-5)(Exact(process, atoms), x, rng)
        assert (estimate.log_prob - law.log_prob(x)).abs().max() < 0.01

    def test_hutchinson_covers_the_truth(self, process, atoms, law, rng):
        x = law.sample(rng, (1,)).expand(200, *process.space.event_shape)
        flow, wrong = ProbabilityFlow(exact_up_to=0), torch.tensor([0.7, 0.1, 0.1, 0.1], dtype=FLOAT64)
        assert_mean(flow(Exact(process, atoms), x, rng).log_prob - law.log_prob(x), tolerance=0.005)  # of the solver
        with pytest.raises(ImprobableError):
            assert_mean(flow(Exact(process, atoms, wrong), x, rng).log_prob - law.log_prob(x), tolerance=0.005)

    def test_the_flow_of_an_untrained_network_is_that_of_uniform_data(self, process, rng):
        head = process.head
        network = MLP(head.input_shape, 0, head.output_shape, width=8, depth=1)
        x = process.space.uniform(5).sample(rng)
        estimate = ProbabilityFlow()(Neural(process, network), x.float(), rng)
        torch.testing.assert_close(estimate.log_prob, torch.full((5,), -math.log(process.space.volume), dtype=FLOAT64))


def test_the_flow_on_a_product_adds_up(rng):
    """Independent factors: the density of the pair is the product."""
    parts = {"angle": Torus(1), "place": Sphere(2)}
    process = product({name: Brownian(space, Geometric(0.05, 20.0)) for name, space in parts.items()})
    atoms = {name: space.uniform(3).sample(rng) for name, space in parts.items()}
    law = NoisedAtoms(process, atoms, torch.full((3,), 1 / 3, dtype=FLOAT64), torch.tensor(0.0, dtype=FLOAT64))
    x = law.sample(rng, (10,))
    estimate = ProbabilityFlow(tolerance=1e-5)(Exact(process, atoms), x, rng)
    assert (estimate.log_prob - law.log_prob(x)).abs().max() < 0.01
