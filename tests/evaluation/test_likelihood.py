"""Likelihoods: where the denoiser is exact the truth is known, and both answers must find it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scipy.stats import binomtest

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact, ExactMixture, Neural
from unnoise.evaluation.likelihood import Bound, Estimate, ProbabilityFlow
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP
from unnoise.objectives.times import LogNormalTimes, UniformTimes
from unnoise.processes import EDM, Brownian, VariancePreserving, product
from unnoise.schedules import Geometric, LinearLogSNR
from unnoise.spaces import Euclidean, Rotations, Sphere, Torus
from unnoise.testing.noised import Noised

FLOAT64 = torch.float64
BOUND = Bound()


@pytest.fixture
def points(ring):
    return ring.sample(torch.Generator().manual_seed(1), (300,))


class Shifted(Denoiser):
    """The exact denoiser of N(condition, 1/2): what it costs depends on the row's own condition."""

    def __init__(self, process):
        super().__init__()
        self.process = process
        self.register_buffer("variance", torch.tensor(0.5, dtype=FLOAT64))

    def forward(self, x_t, t, cond=None):
        alpha, sigma = (part.reshape(-1, *(1 for _ in x_t.shape[1:])) for part in self.process.alpha_sigma(t))
        gain = alpha * self.variance / (alpha**2 * self.variance + sigma**2)
        return cond + gain * (x_t - alpha * cond)


def conditional_case(rng):
    process = EDM(Euclidean(2), sigma_max=2000.0)  # so that the prior forgets the condition
    cond = 3 * torch.randn(11, 2, generator=rng, dtype=FLOAT64)
    x = cond + 0.5**0.5 * torch.randn(11, 2, generator=rng, dtype=FLOAT64)
    law = torch.distributions.Normal(cond, 0.5**0.5)
    return Shifted(process), x, cond, law.log_prob(x).sum(-1)


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
        """One point, 400 times: no bias within 5 standard errors, and a printed error that is the real one."""
        roots = torch.randn(2, 3, 3, generator=rng, dtype=FLOAT64)
        covariances = roots @ roots.mT / 3 + 0.1 * torch.eye(3, dtype=FLOAT64)
        law = GaussianMixture(
            torch.tensor([0.4, 0.6], dtype=FLOAT64), torch.randn(2, 3, generator=rng, dtype=FLOAT64), covariances
        )
        denoiser, x = ExactMixture(VariancePreserving(Euclidean(3)), law), law.sample(rng, (1,)).repeat(400, 1)
        estimate = ProbabilityFlow(exact_up_to=0)(denoiser, x, rng)
        error = estimate.log_prob - law.log_prob(x)
        spread = float(error.std())
        assert spread > 0.05
        assert abs(float(error.mean())) < 5 * spread / 400**0.5
        assert float(estimate.standard_error.square().mean()) == pytest.approx(spread**2, rel=0.3)

    def test_more_probes_lower_the_error(self, ring, points, rng):
        denoiser = ExactMixture(VariancePreserving(Euclidean(2)), ring)
        few, many = (
            ProbabilityFlow(exact_up_to=1, probes=k)(denoiser, points[:60], rng).standard_error.square().mean()
            for k in (4, 16)
        )
        assert float(few / many) == pytest.approx(4, rel=0.5)

    def test_rows_do_not_depend_on_each_other(self, ring, points, rng):
        denoiser = ExactMixture(VariancePreserving(Euclidean(2)), ring)
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
        denoiser = Neural(VariancePreserving(Euclidean(2)), MLP((2,), width=8, depth=1)).train()
        ProbabilityFlow(tolerance=1e-2)(denoiser, points[:2].float(), rng)
        assert denoiser.training
        assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in denoiser.parameters())
        assert all(weight.grad is None for weight in denoiser.parameters())

    def test_a_space_without_flow_is_refused(self, points, rng):
        class Elsewhere:
            event_shape = (2,)

        denoiser = Shifted(EDM(Euclidean(2)))
        denoiser.process = type("Elsewhere", (), {"space": Elsewhere()})()
        with pytest.raises(InputError, match=r"needs a manifold, and Elsewhere is none: use evaluation\.Bound"):
            ProbabilityFlow()(denoiser, points, rng)


class Fields(Denoiser):
    """The exact denoiser of Gaussian images with covariance 0.8^|i - j| along rows and along columns."""

    def __init__(self, size):
        super().__init__()
        self.process = VariancePreserving(Euclidean((1, size, size)), LinearLogSNR())
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
    """784 numbers: the printed error must cover the truth as often as it says, and does not where it is halved."""

    @staticmethod
    def covered(repeats, rng):
        images = Fields(28)
        x = images.sample(rng).repeat(repeats, 1, 1, 1)
        estimate, truth = ProbabilityFlow()(images, x, rng), images.log_prob(x)
        assert estimate.degrees_of_freedom == 7
        low, high = estimate.interval(0.95)
        half = 0.25 * (high - low)
        inside, twin = ((start <= truth) & (truth <= end) for start, end in ((low, high), (low + half, high - half)))
        return int(inside.sum()), int(twin.sum()), estimate.log_prob - truth

    @pytest.mark.parametrize("repeats", [40, pytest.param(100, marks=pytest.mark.slow)])
    def test_it_covers_the_truth_95_times_in_100(self, repeats, rng):
        """Fails once in a thousand seeds; halved errors would cover 73 times in 100."""
        inside, twin, error = self.covered(repeats, rng)
        assert binomtest(inside, repeats, 0.95).pvalue > 1e-3
        assert binomtest(twin, repeats, 0.95).pvalue < 1e-3
        assert abs(float(error.mean())) < 4 * float(error.std()) / repeats**0.5

    def test_few_probes_need_wider_intervals(self):
        two = Estimate(torch.zeros(1), torch.ones(1), degrees_of_freedom=1)
        many = Estimate(torch.zeros(1), torch.ones(1))
        assert float(two.interval()[1]) == pytest.approx(12.706, abs=1e-3)
        assert float(many.interval()[0]) == pytest.approx(-1.960, abs=1e-3)
        with pytest.raises(InputError, match="got a confidence of 1"):
            many.interval(1)

    def test_one_probe_has_no_spread(self):
        with pytest.raises(InputError, match="got probes=1; at least 2"):
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
        return Noised(process, atoms, torch.full((4,), 0.25, dtype=FLOAT64), torch.tensor(0.0, dtype=FLOAT64))

    def test_the_flow_finds_the_density(self, process, atoms, law, rng):
        x = law.sample(rng, (20,))
        estimate = ProbabilityFlow(tolerance=1e-5)(Exact(process, atoms), x, rng)
        assert (estimate.log_prob - law.log_prob(x)).abs().max() < 0.01

    def test_hutchinson_covers_the_truth(self, process, atoms, law, rng):
        x = law.sample(rng, (1,)).expand(200, *process.space.event_shape)
        estimate = ProbabilityFlow(exact_up_to=0)(Exact(process, atoms), x, rng)
        error = estimate.log_prob - law.log_prob(x)
        assert abs(float(error.mean())) < 5 * float(error.std()) / 200**0.5 + 0.005

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
    law = Noised(process, atoms, torch.full((3,), 1 / 3, dtype=FLOAT64), torch.tensor(0.0, dtype=FLOAT64))
    x = law.sample(rng, (10,))
    estimate = ProbabilityFlow(tolerance=1e-5)(Exact(process, atoms), x, rng)
    assert (estimate.log_prob - law.log_prob(x)).abs().max() < 0.01


class TestBound:
    def test_it_covers_the_truth_of_the_ring(self, gaussian, ring, points, rng):
        estimate, truth = BOUND(ExactMixture(gaussian(2), ring), points, rng), ring.log_prob(points)
        mean, error = estimate.mean
        assert error < 0.15
        assert abs(mean - float(truth.mean())) < 5 * error
        z = (estimate.log_prob - truth) / estimate.standard_error
        assert 0.8 < float(z.std()) < 1.4
        assert z.abs().max() < 7

    def test_the_times_change_nothing_but_the_error(self, ring, points, rng):
        process = EDM(Euclidean(2), 0.02, 20.0)
        denoiser, truth = ExactMixture(process, ring), ring.log_prob(points)
        for bound in (Bound(), Bound(times=UniformTimes()), Bound(times=LogNormalTimes(deviation=2.0))):
            mean, error = bound(denoiser, points, rng).mean
            assert error < 0.2
            assert abs(mean - float(truth.mean())) < 5 * error + 0.01  # 0.01: the blur of 0.02 on a ring of width 0.15

    def test_a_wrong_denoiser_pays(self, ring, points, rng):
        """The bound is below the truth by the price of the error, far more than its standard error."""
        process = VariancePreserving(Euclidean(2), LinearLogSNR())
        wrong = GaussianMixture(ring.weights, 1.1 * ring.means, ring.covariances)
        mean, error = BOUND(ExactMixture(process, wrong), points, rng).mean
        truth = float(ring.log_prob(points).mean())
        assert mean + 5 * error < truth
        assert mean == pytest.approx(float(wrong.log_prob(points).mean()), abs=5 * error)

    def test_prior_and_reconstruction_are_closed_forms(self, gaussian, ring, points, rng):
        process = gaussian(2)
        parts = Bound(draws=512)(ExactMixture(process, ring), points[:100], rng).parts
        alpha, sigma = process.alpha_sigma(torch.tensor([0.0, 1.0], dtype=FLOAT64))
        variance = alpha[1] ** 2 + sigma[1] ** 2
        ratio = sigma[1] ** 2 / variance
        square = alpha[1] ** 2 * points[:100].square().sum(-1) / variance
        divergence = 0.5 * (2 * ratio + square - 2 - 2 * ratio.log())
        deviation = (2 * (1 - ratio) ** 2 / 2 + ratio * square).sqrt()  # of one draw of the log ratio
        assert ((parts["prior"] + divergence).abs() < 5.5 * deviation / 512**0.5 + 1e-6).all()
        cost = math.log(2 * math.pi * math.e * float(sigma[0] / alpha[0]) ** 2)
        torch.testing.assert_close(parts["reconstruction"], torch.full((100,), -cost, dtype=FLOAT64), rtol=1e-5, atol=0)

    @pytest.mark.parametrize("batch_size", [None, 300])
    def test_every_row_meets_its_own_condition(self, rng, batch_size):
        denoiser, x, cond, truth = conditional_case(rng)
        estimate = Bound(256, batch_size=batch_size)(denoiser, x, rng, cond)
        assert ((estimate.log_prob - truth).abs() < 5 * estimate.standard_error).all()
        assert estimate.standard_error.max() < 2
        wrong = Bound(256, batch_size=batch_size)(denoiser, x, rng, cond.flip(0))
        assert (wrong.log_prob - truth).abs().median() > 5

    def test_float32_works(self, gaussian, ring, points, rng):
        estimate = BOUND(ExactMixture(gaussian(2), ring).float(), points.float(), rng)
        mean, error = estimate.mean
        assert estimate.log_prob.dtype == torch.float32
        assert abs(mean - float(ring.log_prob(points).mean())) < 5 * error

    @pytest.mark.parametrize("draws", [0, 1, 7])
    def test_an_odd_number_of_draws_is_refused(self, draws):
        with pytest.raises(InputError, match=f"got draws={draws}; the bound needs an even number"):
            Bound(draws)

    def test_a_single_row_and_the_fewest_draws_work(self, ring, points, rng):
        """The control variate learns from other rows; where there are none it does nothing."""
        denoiser = ExactMixture(EDM(Euclidean(2)), ring)
        for draws in (2, 4, 128):
            estimate = Bound(draws)(denoiser, points[:1], rng)
            assert torch.isfinite(estimate.log_prob).all()
            assert torch.isfinite(estimate.standard_error).all()

    @pytest.mark.slow
    @pytest.mark.parametrize(("d", "rows"), [(2, 4000), (32, 6000)])
    def test_it_is_tight_to_a_hundredth_of_a_nat(self, d, rows, rng):
        """The standard error of the mean is at most 0.01 nats, and the truth within 3 of it."""
        means = 0.7 * torch.randn(4, d, generator=rng, dtype=FLOAT64)
        covariances = 0.5 * torch.eye(d, dtype=FLOAT64).expand(4, d, d)
        law = GaussianMixture(torch.full((4,), 0.25, dtype=FLOAT64), means, covariances)
        denoiser, points = ExactMixture(VariancePreserving(Euclidean(d), LinearLogSNR()), law), law.sample(rng, (rows,))
        mean, error = Bound(512)(denoiser, points, rng).mean
        assert error < 0.01
        assert abs(mean - float(law.log_prob(points).mean())) < 3 * error


WAYS = {"bound": Bound(draws=8, batch_size=16), "flow": ProbabilityFlow(tolerance=1e-2, batch_size=2)}


@pytest.mark.parametrize("likelihood", WAYS.values(), ids=WAYS)
class TestBoth:
    @pytest.fixture
    def estimate(self, likelihood, ring, points, rng):
        return likelihood(ExactMixture(EDM(Euclidean(2)), ring), points[:5], rng)

    def test_the_parts_sum_to_the_total(self, estimate):
        torch.testing.assert_close(sum(estimate.parts.values()), estimate.log_prob, rtol=1e-10, atol=1e-10)

    def test_every_row_has_an_answer(self, estimate):
        for values in (estimate.log_prob, estimate.standard_error, *estimate.parts.values()):
            assert values.shape == (5,)
            assert torch.isfinite(values).all()
            assert not values.requires_grad

    def test_rows_done_are_reported(self, likelihood, ring, points, rng):
        done = []
        likelihood(ExactMixture(EDM(Euclidean(2)), ring), points[:5], rng, on_rows=done.append)
        assert done == [2, 4, 5]

    def test_a_seed_fixes_the_answer(self, likelihood, ring, points):
        denoiser = ExactMixture(EDM(Euclidean(2)), ring)
        one, other = (likelihood(denoiser, points[:5], torch.Generator().manual_seed(4)) for _ in range(2))
        assert torch.equal(one.log_prob, other.log_prob)

    def test_it_has_a_name_for_reports(self, likelihood):
        assert likelihood.name


def test_the_error_of_a_mean_adds_in_squares():
    mean, error = Estimate(torch.tensor([1.0, 3.0]), torch.tensor([3.0, 4.0])).mean
    assert mean == 2
    assert error == pytest.approx(2.5)


PEAK = """
import torch
torch.set_num_threads(1)
from unnoise.denoisers import Neural
from unnoise.evaluation.likelihood import Bound, ProbabilityFlow
from unnoise.networks import MLP
from unnoise.processes import VariancePreserving
from unnoise.spaces import Euclidean

def peak():  # of this process alone; resource.getrusage would begin with the peak of its parent
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

denoiser = Neural(VariancePreserving(Euclidean(32)), MLP((32,)))
rng = torch.Generator().manual_seed(0)
x = torch.randn(100_000, 32, generator=rng)
{likelihood}(denoiser, x[:2], rng)  # what the libraries load on first use is no part of the answer
before = peak()
estimate = {likelihood}(denoiser, x[:{rows}], rng)
assert estimate.log_prob.shape == ({rows},)
print((peak() - before) / 2**20)
"""
# The flow holds one group of at most 2048 rows at a time, so that 2100 rows show its peak in a fraction of the time.
LARGE = {"bound": ("Bound(draws=2)", 100_000), "flow": ("ProbabilityFlow(tolerance=1e3)", 2100)}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
@pytest.mark.parametrize(("likelihood", "rows"), LARGE.values(), ids=LARGE)
def test_a_hundred_thousand_rows_need_less_than_a_gibibyte(likelihood, rows):
    source = Path(__file__).resolve().parents[2] / "src"
    run = subprocess.run(
        [sys.executable, "-c", PEAK.format(likelihood=likelihood, rows=rows)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0.01 < float(run.stdout) < 1
