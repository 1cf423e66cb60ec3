"""Multistep solvers: what they are exact for, what they equal under other names, and how far off they end."""

from __future__ import annotations

import functools
import itertools
import math

import pytest
import torch
from scipy.integrate import quad

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, edm, product, variance_exploding, variance_preserving
from unnoise.processes.rates import UniformRates
from unnoise.samplers import DDIM, Ancestral, Heun, Multistep, PredictorCorrector, dpm_solver_pp, linear_multistep
from unnoise.samplers.forms import DataForm, NoiseForm, VelocityForm
from unnoise.samplers.grids import Grid, Karras, LogNormalGrid, UniformLogSNR
from unnoise.samplers.multistep import _Path
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import check_sampler

FLOAT64 = torch.float64
FORMS = {
    "noise": NoiseForm(),
    "data": DataForm(),
    "velocity": VelocityForm(),
    "velocity of other width": VelocityForm(0.3),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def starts(process, n, seed=1):
    return process.prior(n).sample(seeded(seed)).double()


class Known(Denoiser):
    """A denoiser that subclasses write down."""

    def __init__(self, process):
        super().__init__()
        self.process = process


class TestExactness:
    @pytest.mark.parametrize("corrected", [False, True])
    def test_the_velocity_form_has_no_error_on_normal_data_of_its_width(self, gaussian, gaussian_data, corrected):
        """Two steps reach the end of the flow, whatever the schedule."""
        denoiser, end = gaussian_data(gaussian(1), 1.0)
        found = Multistep(denoiser, 2, form=VelocityForm(), corrected=corrected).run(
            torch.ones(1, 1, dtype=FLOAT64), seeded()
        )
        assert float(found) == pytest.approx(end, rel=1e-12)

    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
    def test_every_form_says_the_same_flow(self, form):
        r"""$dy = N\,d\,\text{variable}$ with $N = a\hat x_0 + b\tilde x$ is $d\tilde x/d\tilde\sigma = (\tilde x -
        \hat x_0)/\tilde\sigma$: by differences in $\lambda$."""
        lam, h = torch.linspace(-3, 6, 19, dtype=FLOAT64), 1e-6
        x, x_0 = torch.tensor(0.7, dtype=FLOAT64), torch.tensor(-0.4, dtype=FLOAT64)
        slope = -(x - x_0)  # of x in lambda
        scale_slope = (form.scale(lam + h) - form.scale(lam - h)) / (2 * h)
        y_slope = (slope - x / form.scale(lam) * scale_slope) / form.scale(lam)
        value = form.of_data(lam) * x_0 + form.of_state(lam) * x
        variable_slope = (form.variable(lam + h) - form.variable(lam - h)) / (2 * h)
        torch.testing.assert_close(value * variable_slope, y_slope, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(form.rate(lam), variable_slope, rtol=1e-7, atol=1e-9)

    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    def test_polynomials_of_lower_degree_cost_no_error(self, order):
        r"""A denoiser that is a polynomial in $\lambda$ alone, from the moment that the memory is full."""
        process = variance_exploding(Euclidean(1), 0.1, 10.0)

        class Polynomial(Known):
            def forward(self, x_t, t, cond=None):
                return (0.5 * process.log_snr(t)) ** (order - 1) * torch.ones_like(x_t)

        seen: list = []
        sampler = Multistep(Polynomial(process), order + 6, order, DataForm(), corrected=False, grid=UniformLogSNR())
        sampler.run(torch.zeros(1, 1, dtype=FLOAT64), seeded(), on_step=lambda k, t, x: seen.append((t, x)))
        times, states = [t for t, _ in seen], [x for _, x in seen]
        lam = 0.5 * process.log_snr(torch.tensor(times, dtype=FLOAT64))
        k = order + 1  # by now the memory is full
        for a, b in ((k, k + 1), (k + 1, k + 2)):
            integral = quad(lambda v: math.exp(v) * v ** (order - 1), float(lam[a]), float(lam[b]), epsabs=1e-13)[0]
            expected = math.exp(lam[a] - lam[b]) * float(states[a]) + math.exp(-lam[b]) * integral
            assert float(states[b]) == pytest.approx(expected, rel=1e-11, abs=1e-12)


class TestOtherNames:
    """On the exact denoiser of the ring."""

    @pytest.mark.parametrize("form", [NoiseForm(), DataForm()], ids=["noise", "data"])
    def test_order_one_is_ddim(self, gaussian, ring, form):
        denoiser = ExactMixture(gaussian(2), ring)
        x = starts(denoiser.process, 50)
        ours = Multistep(denoiser, 9, 1, form, corrected=False, grid=UniformLogSNR()).run(x, seeded())
        torch.testing.assert_close(ours, DDIM(denoiser, 9, grid=UniformLogSNR()).run(x, seeded()), rtol=1e-9, atol=1e-9)

    def test_order_one_with_churn_is_ancestral(self, gaussian, ring):
        denoiser = ExactMixture(gaussian(2), ring)
        x, grid = starts(denoiser.process, 50), UniformLogSNR()
        ours = Multistep(denoiser, 9, 1, DataForm(churn=1.0), corrected=False, grid=grid).run(x, seeded(3))
        torch.testing.assert_close(ours, Ancestral(denoiser, 9, grid).run(x, seeded(3)), rtol=1e-9, atol=1e-9)

    def test_dpm_solver_pp_is_the_published_formula(self, ring):
        denoiser = ExactMixture(edm(Euclidean(2)), ring)
        x = starts(denoiser.process, 50)
        times = Karras()(denoiser.process, 12)
        alpha, sigma = denoiser.process.alpha_sigma(times)
        expected, old, lam = x, None, torch.log(alpha / sigma)
        for k in range(11):
            data, h = denoiser(expected, times[k]), lam[k + 1] - lam[k]
            slope = data if old is None else data + (data - old) * h / (2 * (lam[k] - lam[k - 1]))
            expected = sigma[k + 1] / sigma[k] * expected - alpha[k + 1] * torch.expm1(-h) * slope
            old = data
        expected = denoiser(expected, times[-1])
        ours = dpm_solver_pp(denoiser, 12, grid=Karras()).run(x, seeded())
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)

    def test_linear_multistep_is_adams_and_bashforth(self, ring):
        """With coefficients by quadrature of Lagrange polynomials in sigma, as in k-diffusion."""
        denoiser = ExactMixture(edm(Euclidean(2)), ring)
        x, times = starts(denoiser.process, 50), Karras()(denoiser.process, 12)
        sigma = denoiser.process.alpha_sigma(times)[1].tolist()

        def coefficient(order, k, j):
            def basis(s):
                return math.prod((s - sigma[k - i]) / (sigma[k - j] - sigma[k - i]) for i in range(order) if i != j)

            return quad(basis, sigma[k], sigma[k + 1], epsrel=1e-10)[0]

        expected, slopes = x, []
        for k in range(11):
            slopes.append((expected - denoiser(expected, times[k])) / sigma[k])
            order = min(k + 1, 4)
            expected = expected + sum(coefficient(order, k, j) * slopes[-1 - j] for j in range(order))
        expected = denoiser(expected, times[-1])
        ours = linear_multistep(denoiser, 12, grid=Karras()).run(x, seeded())
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


class Forgetful(_Path):
    """Uses the values in the wrong order: a broken twin."""

    def _summed(self, kept, x, weights):
        return super()._summed(kept, x, weights[::-1])


@pytest.fixture(scope="module")
def race():
    angles = torch.arange(8, dtype=FLOAT64) * (2 * math.pi / 8)
    means = 2 * torch.stack([angles.cos(), angles.sin()], -1)
    law = GaussianMixture(torch.ones(8, dtype=FLOAT64) / 8, means, (0.15**2 * torch.eye(2).double()).repeat(8, 1, 1))
    denoiser = ExactMixture(variance_exploding(Euclidean(2), 0.002, 20.0), law)
    x = 20 * torch.randn(400, 2, generator=seeded(), dtype=FLOAT64)
    truth = Heun(denoiser, 1000).run(x, seeded())

    def rmse(sampler):
        return float((sampler.run(x, seeded()) - truth).square().sum(1).mean().sqrt())

    return denoiser, rmse


class TestErrors:
    """RMSE on the ring of 8 from noise level 20 to 0.002, beside 1000 steps of Heun's method."""

    BARS = ((5, 0.142), (10, 0.0305), (20, 0.0104), (40, 0.0018))  # the best of 43 published solvers, each at its best

    @pytest.mark.parametrize(("evaluations", "bar"), BARS)
    def test_the_default_is_ahead_of_every_published_solver(self, race, evaluations, bar):
        denoiser, rmse = race
        assert rmse(Multistep(denoiser, evaluations)) < 0.75 * bar

    def test_values_in_the_wrong_order_are_caught(self, race, monkeypatch):
        denoiser, rmse = race
        monkeypatch.setattr("unnoise.samplers.multistep._Path", Forgetful)
        assert rmse(Multistep(denoiser, 20)) > 0.0104

    def test_a_corrector_is_worth_an_order(self, race):
        denoiser, rmse = race
        plain, corrected = (rmse(Multistep(denoiser, 40, 2, corrected=choice)) for choice in (False, True))
        assert corrected < 0.6 * plain


def test_it_keeps_the_laws():
    points = torch.tensor([[1.0, 0.5], [-1.0, 0.2], [0.3, -1.2]])
    check_sampler(lambda d, n: Multistep(d, n), variance_preserving(Euclidean(2)), points, draws=1500, steps=24)


def test_its_sde_keeps_the_laws():
    points = torch.tensor([[1.0, 0.5], [-1.0, 0.2], [0.3, -1.2]])
    make = lambda d, n: Multistep(d, n, 2, DataForm(churn=1.0), grid=UniformLogSNR())  # noqa: E731
    check_sampler(make, variance_preserving(Euclidean(2)), points, draws=1500, steps=40)


def test_factors_of_a_product_go_their_own_ways():
    """Independent factors with processes of their own end where they would end alone."""
    one, other = variance_preserving(Euclidean(2)), variance_exploding(Euclidean(1), 0.01, 10.0)
    points = {"one": torch.randn(6, 2, generator=seeded(1)), "other": torch.randn(6, 1, generator=seeded(2))}
    grid = LogNormalGrid()(one, 14)

    class Given(Grid):
        def __call__(self, process, count):
            return grid

    class Alone(Known):
        def forward(self, x_t, t, cond=None):
            return {name: part(x_t[name], t) for name, part in parts.items()}

    parts = {"one": Exact(one, points["one"]), "other": Exact(other, points["other"])}
    both = Alone(product({"one": one, "other": other}))
    x = {name: starts(part.process, 30) for name, part in parts.items()}
    together = Multistep(both, 14).run(x, seeded())
    for name, part in parts.items():
        alone = Multistep(part, 14, grid=Given()).run(x[name], seeded())
        torch.testing.assert_close(together[name], alone, rtol=1e-12, atol=1e-12)


def test_a_predictor_may_remember(ring):
    denoiser = ExactMixture(edm(Euclidean(2)), ring)
    solver = Multistep(denoiser, 15)
    x = starts(denoiser.process, 20)
    assert torch.equal(PredictorCorrector(solver, corrections=0).run(x, seeded()), solver.run(x, seeded()))


def test_runs_do_not_remember_each_other(ring):
    denoiser = ExactMixture(edm(Euclidean(2)), ring)
    solver = Multistep(denoiser, 15)
    one, many = (solver.sample(40, seeded(), batch_size=size) for size in (40, 40))
    assert torch.equal(one, many)


def test_what_it_cannot_do_is_said(ring):
    denoiser = ExactMixture(edm(Euclidean(2)), ring)
    with pytest.raises(InputError, match=r"^Multistep needs a process with x_t = alpha x_0"):
        Multistep(Exact(CTMC(Finite(2, 5), UniformRates(5)), torch.zeros(1, 2, dtype=torch.long)))
    with pytest.raises(InputError, match="got order = 0; expected a whole number from 1"):
        Multistep(denoiser, order=0)
    with pytest.raises(InputError, match="undo the noise"):
        Multistep(denoiser, form=DataForm(churn=1.0), corrected=True)
    with pytest.raises(InputError, match=r"got sigma_data = 0\.0; expected a finite number above 0"):
        VelocityForm(0.0)


@functools.cache
def true_path():
    """The flow between two components that part, on a fine even grid of log noise levels: levels, times and states."""
    one = torch.ones(2, dtype=FLOAT64)
    law = GaussianMixture(one / 2, torch.stack([-one[:1], one[:1]]), 0.3 * one[:, None, None])
    denoiser = ExactMixture(variance_exploding(Euclidean(1), 0.002, 20.0), law)
    levels = math.log(3.0) + math.log(0.1 / 3.0) * torch.arange(-800, FINE + 1, dtype=FLOAT64) / FINE
    times, states = denoiser.process.time_at(-2 * levels), [torch.linspace(-30, 40, 9, dtype=FLOAT64)[:, None]]
    move = Multistep(denoiser, len(times), 4, VelocityForm(), corrected=True).moves(times)
    for t, s in itertools.pairwise(times):
        states.append(move(states[-1], t, s, seeded()))
    return denoiser, levels, times, states


FINE = 1536  # steps from noise level 3 to 0.1


class TestOrders:
    r"""Halving the step divides the error by $2^q$, and by $2^{q+1}$ with a corrector.

    A first step knows one value only, and a method of order 1 errs by $h^2$ there, once: from such a start no method is
    of a global order above 2 (3 with a corrector), unless the start is where nothing happens. So the memory is filled
    with exact values first.
    """

    def error(self, steps, order, form, corrected, filled=True):
        """At noise level 0.1, from the true state at 3."""
        denoiser, levels, times, states = true_path()
        stride, known = FINE // steps, order - 1 if filled else 0
        begin = len(times) - 1 - FINE
        places = range(begin - known * stride, len(times), stride)
        move = Multistep(denoiser, 50, order, form, corrected).moves(times[places])
        for place in places[:known]:
            lam, x = -levels[place], states[place]
            move.paths.values.append(form.of_data(lam) * denoiser(x, times[place]) + form.of_state(lam) * x)
        move.index, x = known, states[begin]
        for t, s in itertools.pairwise(times[places[known:]]):
            x = move(x, t, s, seeded())
        return float((x - states[-1]).norm())

    @pytest.mark.parametrize("form", [NoiseForm(), DataForm(), VelocityForm()], ids=["noise", "data", "velocity"])
    @pytest.mark.parametrize("corrected", [False, True], ids=["plain", "corrected"])
    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    def test_the_order_is_that_of_theory(self, form, corrected, order):
        fewest = 192 if order == 4 else 96
        coarse, fine = (self.error(steps, order, form, corrected) for steps in (fewest, 2 * fewest))
        assert math.log2(coarse / fine) == pytest.approx(order + corrected, abs=0.2)

    @pytest.mark.parametrize("order", [2, 3])
    def test_a_start_from_one_value_has_order_two(self, order):
        coarse, fine = (self.error(steps, order, NoiseForm(), False, filled=False) for steps in (192, 384))
        assert math.log2(coarse / fine) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("churn", [0.0, 0.5, 1.0, 1.5])
def test_fresh_noise_fills_up_what_a_step_takes_away(churn):
    """For one atom at zero, x / alpha has variance exp(-2 lam) at every level, whatever the churn."""
    form, start, end = DataForm(churn), torch.linspace(-3, 2, 6), torch.linspace(-2.9, 4, 6)
    kept = form.scale(end) / form.scale(start)
    torch.testing.assert_close(kept**2 * torch.exp(-2 * start) + form.fresh(start, end) ** 2, torch.exp(-2 * end))
