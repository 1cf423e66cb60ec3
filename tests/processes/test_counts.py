"""Pure death and immigration-death: kernels, reverse rates, bridges, prices, likelihoods."""

from __future__ import annotations

import pytest
import torch
from checked import OF_BRIDGE, OF_KERNEL, assert_checked

from unnoise._errors import InputError
from unnoise.denoisers import Exact, Neural
from unnoise.evaluation import Bound
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import ImmigrationDeath, PureDeath
from unnoise.samplers import Ancestral, Euler
from unnoise.spaces import Counts
from unnoise.testing import (
    ImprobableError,
    PropertyError,
    assert_mean,
    check_process,
    check_sampler,
    kernels,
    kl_rates,
    reversal,
)
from unnoise.testing.processes import case_of

FLOAT64 = torch.float64
ATOMS = torch.tensor([[0, 3], [5, 1], [2, 9], [1, 0]])
PROCESSES = {
    "immigration": ImmigrationDeath(Counts(2), mean=(2.0, 4.0)),
    "death": PureDeath(Counts(2), mean=3.0),
}
TIMES = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0], dtype=FLOAT64)


@pytest.mark.parametrize(
    ("name", "time", "families"), [("immigration", 0.6, (OF_KERNEL,)), ("death", 0.7, (OF_KERNEL, OF_BRIDGE))]
)
def test_processes_keep_the_properties(name, time, families):
    assert_checked(check_process(PROCESSES[name], ATOMS, draws=300, functions=3, times=(time,)), *families)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_processes_keep_the_properties_with_many_draws(name):
    check_process(PROCESSES[name], ATOMS, draws=4000)


class DeathsTooFast(ImmigrationDeath):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t)
        return type(local)(local.rates * torch.tensor([1.6, 1.0], dtype=FLOAT64))


class SquaredPrice(ImmigrationDeath):
    def kl_rate(self, stat, target, x_t, t):
        learnt, true = (self.reverse(x_t, part, t).rates for part in (stat, target))
        return ((learnt - true) ** 2).sum((-1, -2))


class FewArrivals(ImmigrationDeath):
    def marginal(self, x_0, t):
        law = super().marginal(x_0, t)
        return type(law)(law.count, law.kept, 0.5 * law.arrivals, law.event_ndim)


TWINS = [
    (DeathsTooFast, reversal.reverse_is_the_time_reversal),
    (SquaredPrice, kl_rates.kl_rate_is_phi),
    (FewArrivals, kernels.kernel_solves_the_forward_equation),
]


@pytest.mark.parametrize(("twin", "law"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(twin, law):
    case = case_of(twin(Counts(2), mean=(2.0, 4.0)), ATOMS, draws=4000, times=(0.63,))
    finding = law(case)
    assert not finding.passed
    assert "nan" not in finding.detail


@pytest.mark.parametrize(("make", "name"), [(Euler, "immigration"), (Ancestral, "death")])
def test_samplers_keep_the_properties(make, name):
    check_sampler(make, PROCESSES[name], ATOMS, steps=16, draws=1000)


class ShortSteps(Euler):
    def step(self, state, t, s, rng, cond=None):
        local = self.process.reverse(state, self.denoiser(state, t, cond), t)
        return self.process.space.move(state, local, 0.2 * (t - s)).sample(rng)


def test_a_broken_sampler_is_caught():
    with pytest.raises(PropertyError, match="BROKEN  "):
        check_sampler(ShortSteps, PROCESSES["immigration"], ATOMS, steps=8, draws=2000)


def matrix(process, t, size=80):
    """q(x | x_0) for one site, (size, size)."""
    x = torch.arange(size)[:, None]
    return process.marginal(x[:, None], t).log_prob(x).exp()


class TestAgainstEnumeration:
    IMMIGRATION = ImmigrationDeath(Counts(1), mean=3.0)
    DEATH = PureDeath(Counts(1), mean=3.0)

    @pytest.mark.parametrize("t", TIMES)
    def test_kernels_sum_to_one(self, t):
        for process in (self.IMMIGRATION, self.DEATH):
            total = matrix(process, t)[:40].sum(1)
            torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-9, atol=1e-9)

    def test_kernels_are_a_semigroup(self):
        """From 0 to s and from s to t is from 0 to t, by the generator's own matrix exponential."""
        t, size = torch.tensor(0.6, dtype=FLOAT64), 80
        for process in (self.IMMIGRATION, self.DEATH):
            generator = torch.zeros(size, size, dtype=FLOAT64)
            rates = process.forward(torch.arange(size)[:, None], t).rates[:, 0] / process.speed(t, torch.zeros(1))
            generator[range(1, size), range(size - 1)] = rates[1:, 0]
            generator[range(size - 1), range(1, size)] = rates[:-1, 1]
            generator -= torch.diag(generator.sum(1))
            expected = torch.linalg.matrix_exp(process.schedule.value(t) * generator)
            torch.testing.assert_close(matrix(process, t)[:30, :60], expected[:30, :60], rtol=1e-8, atol=1e-10)

    def test_immigration_and_death_are_reversible(self):
        joint = self.IMMIGRATION.prior(1).log_prob(torch.arange(40)[:, None]).double().exp()[:, None]
        joint = joint * matrix(self.IMMIGRATION, TIMES[2], 40)
        torch.testing.assert_close(joint, joint.T, rtol=1e-6, atol=1e-12)

    def test_reverse_rates_are_ratios_of_the_kernel(self):
        """K(x, y) = A(y, x) q(y) / q(x)."""
        for process in (self.IMMIGRATION, self.DEATH):
            for t in TIMES[1:4]:
                x, x_0 = torch.arange(12)[:, None], torch.full((12, 1), 14)
                local = process.reverse(x, process.target(x_0, x, t), t).rates[:, 0]
                below, here, above = (process.marginal(x_0, t).log_prob(y).exp() for y in (x - 1, x, x + 1))
                birth = process.forward(x + 1, t).rates[:, 0, 0] * above / here
                torch.testing.assert_close(local[:, 1], birth, rtol=1e-8, atol=1e-12)
                death = process.forward((x - 1).clamp(min=0), t).rates[:, 0, 1] * below / here
                torch.testing.assert_close(local[:, 0], torch.where(x[:, 0] > 0, death, 0.0), rtol=1e-8, atol=1e-12)

    def test_reverse_rates_do_not_drown_at_the_ends_of_time(self):
        """At t = 0 in single precision: what has come since is rare and not rounded away."""
        x, t = torch.tensor([[4]]), torch.tensor(0.0)
        local = self.IMMIGRATION.reverse(x, self.IMMIGRATION.target(x, x, t), t).rates[0, 0]
        t = t.double()
        precise = self.IMMIGRATION.reverse(x, self.IMMIGRATION.target(x, x, t), t).rates[0, 0]
        torch.testing.assert_close(local.double(), precise, rtol=1e-4, atol=0)

    def test_reconstruction_is_the_mean_cost_of_the_decoder(self):
        x_0 = torch.tensor([[0], [3], [11]])
        for process in (self.IMMIGRATION, self.DEATH):
            kernel = matrix(process, TIMES[0])[x_0[:, 0]]
            decoded = process.decoder(torch.arange(80)[:, None]).log_prob(x_0[:, None])[..., 0]
            cost = -torch.where(kernel > 0, kernel * decoded, 0.0).sum(1)
            torch.testing.assert_close(process.reconstruction(x_0), cost.float(), rtol=1e-5, atol=1e-9)
            total = process.decoder(torch.full((60, 1), 5)).log_prob(torch.arange(60)[:, None]).exp().sum()
            assert float(total) == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize("name", ["IMMIGRATION", "DEATH"])
    def test_the_bound_is_the_likelihood_of_a_law_on_few_counts(self, name, rng):
        """-E log p over the atoms of a law is its entropy, with the exact denoiser, within 0.01 nats."""
        process, weights = getattr(self, name), torch.tensor([0.5, 0.3, 0.2], dtype=FLOAT64)
        atoms = torch.tensor([[0], [2], [7]])
        found = Bound(draws=256)(Exact(process, atoms, weights), atoms.repeat(40, 1), rng)
        by_atom = found.log_prob.reshape(40, 3)
        assert_mean(by_atom, weights.log(), tolerance=0.01)
        with pytest.raises(ImprobableError):
            assert_mean(by_atom, weights.roll(1).log(), tolerance=0.01)


class TestTheHead:
    @pytest.mark.parametrize("name", PROCESSES)
    def test_one_network_learns(self, name, rng):
        process = PROCESSES[name]
        network = MLP(process.head.input_shape, output_shape=process.head.output_shape, width=16)
        loss = Denoising()(Neural(process, network), ATOMS, None, rng).value
        assert loss.shape == (4,)
        assert torch.isfinite(loss).all()
        loss.mean().backward()


def test_the_ancestral_law_is_the_bridge_for_whole_numbers():
    process, t, s = PROCESSES["death"], TIMES[3], TIMES[2]
    x_0, x_t = torch.tensor([[6, 9]]), torch.tensor([[2, 4]])
    x_s = torch.tensor([[3, 7]])
    expected = process.marginal(x_0, s).log_prob(x_s) - process.marginal(x_0, t).log_prob(x_t)
    between = process.schedule.value(t) - process.schedule.value(s)
    step = torch.distributions.Binomial(x_s.double(), torch.exp(-between)).log_prob(x_t.double()).sum(-1)
    torch.testing.assert_close(process.bridge(x_0, x_t, t, s).log_prob(x_s), expected + step)


@pytest.mark.parametrize("mean", [0.0, -1.0, (1.0, 2.0, 3.0), (1.0, 0.0)])
@pytest.mark.parametrize("kind", [PureDeath, ImmigrationDeath])
def test_impossible_means_are_refused(kind, mean):
    with pytest.raises(InputError, match="got mean"):
        kind(Counts(2), mean=mean)
