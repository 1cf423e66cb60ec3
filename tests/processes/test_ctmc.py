"""Jump processes: the identities of the theory on small chains, D3PM, SEDD, and the shipped laws."""

from __future__ import annotations

import math

import pytest
import torch
from checked import OF_BRIDGE, OF_KERNEL, assert_checked

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.evaluation import Bound, ImplicitBound
from unnoise.laws import Categorical
from unnoise.objectives import Denoising, Implicit
from unnoise.processes import CTMC, product, variance_preserving
from unnoise.processes.rates import (
    Absorbing,
    BirthDeath,
    Cyclic,
    GaussianTarget,
    RateMatrix,
    Refresh,
    UniformRates,
)
from unnoise.schedules import Erasing, Exponential, Geometric
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_mean, check_process, kernels, kl_rates, reversal
from unnoise.testing.processes import case_of

FLOAT64 = torch.float64
WORDS = torch.tensor([[0, 0], [1, 4], [3, 1]])
ONE_WAY = torch.rand(5, 5, generator=torch.Generator().manual_seed(0), dtype=FLOAT64)
ONE_WAY -= torch.diag(ONE_WAY.sum(1))
PROCESSES = {
    "uniform": CTMC(Finite(2, 5), UniformRates(5)),
    "refresh": CTMC(Finite(2, 5), Refresh([0.1, 0.2, 0.3, 0.15, 0.25])),
    "absorbing": CTMC(Finite(2, 6), Absorbing(6)),
    "birth and death": CTMC(Finite(2, 5), BirthDeath(5)),
    "cyclic": CTMC(Finite(2, 5), Cyclic(5)),
    "gaussian": CTMC(Finite(2, 5), GaussianTarget(5, reach=2.0, width=2.0)),
    "one way": CTMC(Finite(2, 5), RateMatrix(ONE_WAY)),
    "unequal": CTMC(Finite(2, (4, 6)), UniformRates((4, 6))),
    "unequal masks": CTMC(Finite(2, (5, 6)), Absorbing((5, 6))),
    "another schedule": CTMC(Finite(2, 5), UniformRates(5), Exponential(0.1, 60.0, 1e-4)),
}
QUICK = ("uniform", "absorbing", "gaussian")


@pytest.mark.parametrize("name", QUICK)
def test_they_keep_the_properties(name):
    findings = check_process(PROCESSES[name], WORDS, churns=(1.0, 1.6), draws=2000, functions=4)
    assert_checked(findings, OF_KERNEL, OF_BRIDGE)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_all_of_them_keep_the_properties_at_many_draws(name):
    check_process(PROCESSES[name], WORDS, churns=(1.0, 1.6), draws=20_000)


class ForwardPrice(CTMC):
    """The price with the forward rates: right in the mean, and not what a sampler pays at this point."""

    def kl_rate(self, stat, target, x_t, t):
        model, truth = self._undone(x_t, t, stat, target)
        rate = self.forward(x_t, t).rates
        ratio = torch.where(rate > 0, truth.clamp(min=1e-300) / model.clamp(min=1e-300), 1.0)
        return (rate * (ratio - 1 - ratio.log())).sum((-1, -2))


class MissingModel(CTMC):
    """Jumps that the model makes in vain are free."""

    def kl_rate(self, stat, target, x_t, t):
        model, truth = self._undone(x_t, t, stat, target)
        return super().kl_rate(stat, target, x_t, t) - (model - truth).sum((-1, -2))


class Transposed(CTMC):
    """R(x, y) in the place of R(y, x)."""

    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t, churn=churn)
        one = torch.ones((), dtype=FLOAT64)
        out, into = self.rates.out(x_t, one), self.rates.into(x_t, one)
        return type(local)(local.rates * out / into.clamp(min=1e-300))


class SharpBridge(CTMC):
    """Likely states are too likely."""

    def ancestral(self, stat, x_t, t, s, *, churn=1.0):
        law = super().ancestral(stat, x_t, t, s)
        return Categorical(law.probs**1.2 / (law.probs**1.2).sum(-1, keepdim=True), 1)


class StartsLate(CTMC):
    def marginal(self, x_0, t):
        return super().marginal(x_0, t + 0.1 * (1 - t))


@pytest.mark.parametrize(
    ("law", "twin"),
    [
        (kl_rates.kl_rate_is_phi, ForwardPrice),
        (kl_rates.kl_rate_is_least_at_the_target, MissingModel),
        (reversal.reverse_is_the_time_reversal, Transposed),
        (kernels.bridge_is_markov, SharpBridge),
        (kernels.noising_starts_at_the_data, StartsLate),
    ],
    ids=lambda part: part.__name__,
)
def test_a_broken_twin_is_caught(law, twin):
    space, rates = Finite(2, 5), Refresh([0.1, 0.2, 0.3, 0.15, 0.25])
    kept, broken = (law(case_of(made(space, rates), WORDS, times=(0.3, 0.45), draws=8000)) for made in (CTMC, twin))
    assert kept.passed
    assert not broken.passed


class TestIdentities:
    """Of one site, by enumeration: every expectation is a sum."""

    rates = RateMatrix(ONE_WAY)
    process = CTMC(Finite(1, 5), rates)
    data = torch.tensor([0.35, 0.05, 0.2, 0.3, 0.1], dtype=FLOAT64)
    states = torch.arange(5)

    def transition(self, t):
        return self.process.marginal(self.states[:, None], t).probs[:, 0]

    def posterior(self, data, t):
        joint = data[:, None] * self.transition(t)
        return (joint / joint.sum(0)).T

    def price(self, data, t):
        """Over all pairs (x_0, x_t), (5, 5), of the exact denoiser of `data`."""
        stat = self.posterior(data, t)
        x = self.states[:, None]
        return torch.stack(
            [self.process.kl_rate(stat[:, None], self.process.target(x * 0 + a, x, t), x, t) for a in range(5)]
        )

    def integral(self, values, nodes=48):
        """Of values(t) from 0 to 1, by Gauss and Legendre."""
        from numpy.polynomial.legendre import leggauss

        places, weights = (torch.from_numpy(part) for part in leggauss(nodes))
        return sum(w / 2 * values((u + 1) / 2) for u, w in zip(places, weights, strict=True))

    def information(self, t):
        joint = self.data[:, None] * self.transition(t)
        return (joint * (self.transition(t) / joint.sum(0)).log()).sum()

    def expected(self, values, t):
        return (self.data[:, None] * self.transition(t) * values).sum()

    def test_the_least_price_is_the_information_that_is_lost(self):
        """The integral of DSM* is I(X_0; X_t) at t = 0 less that at t = 1."""
        lost = self.integral(lambda t: self.expected(self.price(self.data, t), t))
        ends = [self.information(torch.tensor(t, dtype=FLOAT64)) for t in (0.0, 1.0)]
        torch.testing.assert_close(lost, ends[0] - ends[1], rtol=1e-9, atol=0)

    def test_the_bound_is_tight(self):
        """At q: -E log q = E[prior] + DSM* + reconstruction, up to what the decoder at t = 0 does not know."""
        one, zero = (torch.tensor(t, dtype=FLOAT64) for t in (1.0, 0.0))
        final = self.transition(one)
        prior = self.expected((final / self.process.prior(1).probs.double()[0]).log(), one)
        cost = prior + self.integral(lambda t: self.expected(self.price(self.data, t), t))
        known = self.information(zero)
        unmixed = prior - self.information(one)
        torch.testing.assert_close(cost, known + unmixed, rtol=1e-9, atol=0)
        assert float(known) == pytest.approx(float(-(self.data * self.data.log()).sum()), abs=2e-3)

    def test_the_gap_of_another_model_is_the_price_of_its_ratio(self):
        """E[price of beta - price of q] = E_q[Phi(q / beta)], the mean price of the soft target."""
        other, t = torch.full((5,), 0.2, dtype=FLOAT64), torch.tensor(0.6, dtype=FLOAT64)
        gap = self.expected(self.price(other, t) - self.price(self.data, t), t)
        x = self.states[:, None]
        soft = self.process.kl_rate(self.posterior(other, t)[:, None], self.posterior(self.data, t)[:, None], x, t)
        torch.testing.assert_close(gap, (self.data @ self.transition(t)) @ soft, rtol=1e-9, atol=0)

    def test_score_entropy_is_the_forward_price_in_the_mean(self):
        """sum A(x, y)(r - 1 - log r), r = rho_0 / rho_beta, against Lou et al. 2024, eq. 5, constants included."""
        t, other = torch.tensor(0.5, dtype=FLOAT64), torch.full((5,), 0.2, dtype=FLOAT64)
        matrix, rate = self.transition(t), self.process.schedule.rate(t)
        forward = rate * self.rates.jumps
        q = other @ matrix
        ratio = (matrix[:, None] / matrix[:, :, None]) / (q / q[:, None])
        there = (forward * (ratio - 1 - ratio.log())).sum(-1)
        torch.testing.assert_close(self.expected(there, t), self.expected(self.price(other, t), t), rtol=1e-9, atol=0)

    def test_the_reverse_master_equation_returns_to_the_data(self):
        """Midpoint steps of p' = p K back from q_1; the steps are uniform in log B."""
        steps, p = 250, self.data @ self.transition(torch.tensor(1.0, dtype=FLOAT64))
        for k in range(steps):
            t = torch.tensor(1 - (k + 0.5) / steps, dtype=FLOAT64)
            rates = self.process.reverse(self.states[:, None], self.posterior(self.data, t)[:, None], t).rates[:, 0]
            p = p @ torch.linalg.matrix_exp((rates - torch.diag(rates.sum(1))) / steps)
        start = self.data @ self.transition(torch.tensor(0.0, dtype=FLOAT64))
        torch.testing.assert_close(p, start, rtol=0, atol=1e-4)

    def test_jumps_forward_and_back_keep_the_law_of_a_time(self):
        """The corrector: q_t (A + K) = 0; and so churn takes back what noising did."""
        t = torch.tensor(0.7, dtype=FLOAT64)
        q, x = self.data @ self.transition(t), self.states[:, None]
        stat = self.posterior(self.data, t)[:, None]

        def flow(rates):
            return q @ rates[:, 0] - q * rates[:, 0].sum(-1)

        forward = self.process.forward(x, t).rates
        back, churned = (self.process.reverse(x, stat, t, churn=churn).rates for churn in (1.0, 1.7))
        size = float(flow(forward).abs().max())
        torch.testing.assert_close(flow(forward + back) / size, torch.zeros(5, dtype=FLOAT64), rtol=0, atol=1e-10)
        torch.testing.assert_close(flow(churned) / size, flow(back) / size, rtol=0, atol=1e-10)
        assert float(churned.sum()) > 1.5 * float(back.sum())


class TestPublishedForms:
    def test_the_bridge_is_the_posterior_of_d3pm(self):
        """Austin et al. 2021, eq. 3: x_t Q_t^T * x_0 Qbar_{t-1} / x_0 Qbar_t x_t^T, with matrices written out."""
        process, t, s = PROCESSES["gaussian"], torch.tensor(0.6, dtype=FLOAT64), torch.tensor(0.45, dtype=FLOAT64)
        at = [torch.linalg.matrix_exp(process.rates.generator * process.schedule.value(u)) for u in (s, t)]
        step = torch.linalg.matrix_exp(
            process.rates.generator * (process.schedule.value(t) - process.schedule.value(s))
        )
        x_0, x_t = torch.tensor([[0, 3]]), torch.tensor([[1, 4]])
        found = process.bridge(x_0, x_t, t, s).probs[0]
        for site in range(2):
            a, b = x_0[0, site], x_t[0, site]
            torch.testing.assert_close(found[site], at[0][a] * step[:, b] / at[1][a, b], rtol=1e-8, atol=1e-12)

    def test_the_price_of_masks_is_a_weighted_cross_entropy(self, rng):
        """Sahoo et al. 2024, eq. 11: -alpha'/(1 - alpha) log p(x_0) at masked sites, and nothing elsewhere."""
        process, t = PROCESSES["absorbing"], torch.tensor(0.3, dtype=FLOAT64)
        logits = torch.randn(1, 2, 6, generator=rng, dtype=FLOAT64)
        stat = torch.softmax(logits.masked_fill(torch.arange(6) == 5, -math.inf), -1)
        x_0, x_t = torch.tensor([[2, 4]]), torch.tensor([[5, 4]])
        found = process.kl_rate(stat, process.target(x_0, x_t, t), x_t, t)
        kept, speed = torch.exp(-process.schedule.value(t)), process.schedule.rate(t)
        expected = -(speed * kept / (1 - kept)) * stat[0, 0, 2].log()
        torch.testing.assert_close(found[0], expected)

    def test_linear_erasure_is_that_of_sohl_dickstein(self):
        """beta_t = 1/(T - t + 1) keeps a bit with probability 1 - t/T (2015, section 2.4.1), heartbeat's mean 0.2."""
        steps, mean = 40, 0.2
        process = CTMC(Finite(1, 2), Refresh([1 - mean, mean]), Erasing(lost=0.0, survival=1e-12))
        kept = torch.cumprod(1 - 1 / (steps - torch.arange(steps, dtype=FLOAT64)), 0)
        for k in (0, 7, 30):
            t = torch.tensor((k + 1) / steps, dtype=FLOAT64)
            found = process.marginal(torch.tensor([[0], [1]]), t).probs[:, 0, 1]
            expected = torch.stack([mean * (1 - kept[k]), kept[k] + mean * (1 - kept[k])])
            torch.testing.assert_close(found, expected)

    def test_the_clock_is_uniform_in_what_survives(self):
        process = CTMC(Finite(1, 5), UniformRates(5), Exponential(0.1, 60.0, 1e-4))
        u = torch.linspace(0, 1, 11, dtype=FLOAT64)
        t, _ = process.importance_times(u)
        gaps = torch.exp(-process.schedule.value(t)).diff()
        torch.testing.assert_close(gaps, gaps.mean().expand(10), rtol=1e-8, atol=0)

    def test_the_clock_of_a_walk_is_uniform_in_the_log_of_its_time(self):
        t, density = PROCESSES["birth and death"].importance_times(torch.linspace(0, 1, 11))
        torch.testing.assert_close(t, torch.linspace(0, 1, 11))
        torch.testing.assert_close(density, torch.ones(11))

    @pytest.mark.parametrize("name", PROCESSES)
    def test_the_density_of_the_clock(self, name):
        process, u = PROCESSES[name], torch.linspace(0.1, 0.9, 9, dtype=FLOAT64)
        (low, _), (high, _), (_, density) = (process.importance_times(v) for v in (u - 1e-6, u + 1e-6, u))
        torch.testing.assert_close(density * (high - low), torch.full_like(u, 2e-6), rtol=1e-5, atol=0)


class TestEnds:
    def test_reconstruction_by_enumeration(self):
        process, x_0 = CTMC(Finite(3, 4), GaussianTarget(4), Geometric(0.05, 8.0)), torch.tensor([[0, 2, 3]])
        zero = torch.zeros((), dtype=FLOAT64)
        matrix = process.marginal(torch.arange(4)[:, None].expand(4, 3), zero).probs[:, 0]
        cost = -(matrix * (matrix / matrix.sum(0)).log()).sum(1)
        torch.testing.assert_close(process.reconstruction(x_0), cost[x_0].sum(1).float())

    def test_masks_cost_what_a_uniform_guess_costs(self):
        process = CTMC(Finite(2, (3, 4)), Absorbing((3, 4)), Erasing(lost=0.1))
        found = process.reconstruction(torch.tensor([[0, 1]]))
        assert float(found) == pytest.approx(0.1 * (math.log(2) + math.log(3)))

    def test_the_prior_of_masks_has_all_states(self):
        process = PROCESSES["absorbing"]
        probs = process.prior(3).probs
        assert probs.shape == (3, 2, 6)
        assert (probs > 0).all()
        assert float(probs[0, 0, 5]) == pytest.approx(1 - 1e-5)
        x_0 = torch.tensor([[0, 3]])
        kernel = process.marginal(x_0, torch.ones((), dtype=FLOAT64)).probs
        divergence = torch.xlogy(kernel, kernel / probs[:1].double()).sum()
        assert 0 < float(divergence) < 1e-4

    def test_the_bound_of_the_exact_denoiser_is_the_entropy(self, rng):
        process = PROCESSES["birth and death"]
        estimate = Bound(draws=64)(Exact(process, WORDS), WORDS.repeat(200, 1), rng)
        assert_mean(estimate.log_prob, -math.log(3), tolerance=2e-3)
        with pytest.raises(ImprobableError):
            assert_mean(estimate.log_prob, -math.log(2), tolerance=2e-3)

    def test_an_error_is_finite_even_where_the_model_says_never(self):
        process, t = PROCESSES["absorbing"], torch.tensor(0.5)
        stat = process.target(torch.tensor([[1, 1]]), torch.tensor([[5, 5]]), t)
        price = process.kl_rate(stat, process.target(torch.tensor([[2, 2]]), None, t), torch.tensor([[5, 5]]), t)
        assert torch.isfinite(price).all()
        assert float(price) > 50


class TestPrecision:
    def test_float32_agrees_with_float64(self, rng):
        for process in PROCESSES.values():
            t = torch.tensor([0.02, 0.3, 0.9])
            x_t = process.marginal(WORDS, t.double()).sample(rng)
            stat = Exact(process, WORDS)(x_t, t.double())
            target = process.target(WORDS, x_t, t.double())
            for one, other in (
                (process.reverse(x_t, stat.float(), t).rates, process.reverse(x_t, stat, t.double()).rates),
                (process.marginal(WORDS, t).probs, process.marginal(WORDS, t.double()).probs),
                (
                    process.kl_rate(stat.float(), target.float(), x_t, t),
                    process.kl_rate(stat, target, x_t, t.double()),
                ),
            ):
                assert one.dtype == torch.float32
                size = float(other.abs().max())
                torch.testing.assert_close(one.double() / size, other / size, rtol=1e-4, atol=1e-5)

    def test_gradients_are_finite(self, rng):
        for process in PROCESSES.values():
            for time in (0.0, 1e-3, 0.5, 1.0):
                t = torch.full((3,), time)
                x_t = process.marginal(WORDS, t).sample(rng)
                output = torch.zeros(3, *process.head.output_shape, requires_grad=True)
                stat = process.head.estimate(output, x_t, t)
                price = process.kl_rate(stat, process.target(WORDS, x_t, t), x_t, t)
                (gradient,) = torch.autograd.grad(price.sum(), output)
                assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("space", "rates"),
    [
        (Finite(2, 4), UniformRates(5)),
        (Finite(2, (2, 4)), UniformRates(4)),
        (Finite(2, (2, 4)), UniformRates((4, 2))),
        (Finite(3, 4), UniformRates((4, 4))),
    ],
)
def test_rates_of_another_space_are_refused(space, rates):
    with pytest.raises(InputError, match="give both the same"):
        CTMC(space, rates)


class TestWhatDataCanBe:
    MASKED = CTMC(Finite(3, 4), Absorbing(4))
    POSSIBLE, IMPOSSIBLE = torch.tensor([[0, 1, 2], [2, 1, 0]]), torch.tensor([[0, 1, 2], [0, 1, 3]])
    SENTENCE = (
        r"got the state 3 at row 1, site \(2,\), which noise alone leads to under Absorbing: it is no state of data"
    )

    def test_a_mask_is_refused_wherever_data_enter(self, rng):
        exact = Exact(self.MASKED, self.POSSIBLE)
        for ask in (
            lambda: self.MASKED.check(self.IMPOSSIBLE),
            lambda: Exact(self.MASKED, self.IMPOSSIBLE),
            lambda: Denoising()(exact, self.IMPOSSIBLE, None, rng),
            lambda: Implicit()(exact, self.IMPOSSIBLE, None, rng),
            lambda: Bound(draws=2)(exact, self.IMPOSSIBLE, rng),
            lambda: ImplicitBound(draws=2)(exact, self.IMPOSSIBLE, rng),
        ):
            with pytest.raises(InputError, match=self.SENTENCE):
                ask()

    def test_all_rows_are_looked_at(self, rng):
        """They gave -7.35, nan and -inf."""
        for row in ([0, 1, 3], [3, 3, 3]):
            with pytest.raises(InputError, match="got the state 3 at row 0"):
                Bound(draws=2)(Exact(self.MASKED, self.POSSIBLE), torch.tensor([row]), rng)
        rows = torch.tensor([[0, 1, 1]] + 30 * [[0, 1, 2]])
        found = Bound(draws=16)(Exact(self.MASKED, self.POSSIBLE), rows, rng).log_prob
        assert float(found[0]) == -math.inf, "no atom is there, and this spoilt the other rows"
        assert_mean(found[1:], -math.log(2))
        with pytest.raises(ImprobableError):
            assert_mean(2 * found[1:], -math.log(2))

    def test_each_site_has_a_mask_of_its_own(self):
        process = CTMC(Finite(2, (3, 4)), Absorbing((3, 4)))
        process.check(torch.tensor([[1, 2], [0, 0]]))
        for wrong, place in (([[0, 0], [2, 0]], "row 1, site (0,)"), ([[0, 3], [0, 0]], "row 0, site (1,)")):
            with pytest.raises(InputError, match=place.replace("(", r"\(").replace(")", r"\)")):
                process.check(torch.tensor(wrong))

    def test_a_factor_says_it_by_name(self):
        process = product({"number": variance_preserving(Euclidean(1)), "words": self.MASKED})
        process.check({"number": torch.zeros(2, 1), "words": self.POSSIBLE})
        with pytest.raises(InputError, match=f"in 'words': {self.SENTENCE}"):
            process.check({"number": torch.zeros(2, 1), "words": self.IMPOSSIBLE})
        with pytest.raises(InputError, match="in 'number': got data of type list; expected a tensor"):
            process.check({"number": [[0.0], [1.0]], "words": self.POSSIBLE})
        with pytest.raises(InputError, match="without 'words'"):
            process.check({"number": torch.zeros(2, 1)})

    @pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
    def test_all_states_of_data_are_accepted(self, process):
        states = torch.arange(process.space.states)
        possible = process.rates.data.expand(2, -1) if process.rates.data.ndim == 1 else process.rates.data
        for site in range(2):
            for state in states[possible[site]]:
                point = torch.zeros(1, 2, dtype=torch.int64)
                point[0, site] = state
                process.check(point)

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            (torch.tensor([[0.0, 1.0, 2.0]]), "expects whole numbers: convert with x.long()"),
            (torch.tensor([[0, 1, 4]]), "got the state 4 at row 0"),
            (torch.tensor([[0, 1, -1]]), "got the state -1 at row 0"),
            (torch.tensor([[0, 1]]), r"got points of shape \(2,\); Finite expects \(3,\)"),
            ([[0, 1, 2]], "got data of type list"),
        ],
    )
    def test_other_faults_are_those_of_the_space(self, wrong, sentence):
        with pytest.raises(InputError, match=sentence):
            self.MASKED.check(wrong)
