"""Products of processes: factor by factor, one clock for all, one network for all."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from checked import OF_BRIDGE, OF_KERNEL, assert_checked

from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import (
    CTMC,
    BridgedProduct,
    Brownian,
    HasKernel,
    ImmigrationDeath,
    KernelProduct,
    PureDeath,
    WrightFisher,
    edm,
    leaves,
    map_leaves,
    product,
    rates,
    variance_exploding,
    variance_preserving,
)
from unnoise.samplers import Ancestral, Euler
from unnoise.schedules import Cosine, Geometric, Linear, LinearLogSNR
from unnoise.spaces import Continuum, Counts, Euclidean, Finite, Manifold, Simplex, Torus
from unnoise.testing import check_process, check_sampler, kernels, kl_rates, reversal
from unnoise.testing.processes import case_of

FLOAT64 = torch.float64
INNER = product({"b": variance_preserving(Euclidean((1, 2)), Cosine())})
PROCESS = product({"a": variance_preserving(Euclidean(2)), "rest": INNER})


@pytest.fixture
def atoms(rng):
    return {"a": torch.randn(4, 2, generator=rng), "rest": {"b": torch.randn(4, 1, 2, generator=rng)}}


def test_it_keeps_the_properties(atoms):
    findings = check_process(PROCESS, atoms, draws=500, functions=4, times=(0.5, 0.6))
    assert_checked(findings, OF_KERNEL, OF_BRIDGE)


@pytest.mark.parametrize("make", [Euler, Ancestral])
def test_samplers_keep_the_properties(make, atoms):
    check_sampler(make, PROCESS, atoms, steps=24, draws=3000)


MIXED = product(
    {
        "count": ImmigrationDeath(Counts(1), mean=3.0),
        "share": WrightFisher(Simplex(2), schedule=Geometric(2e-3, 3.7)),
        "place": variance_preserving(Euclidean(1), Cosine()),
    }
)
MIXED_ATOMS = {
    "count": torch.tensor([[0], [4], [9]]),
    "share": torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]], dtype=FLOAT64),
    "place": torch.tensor([[-1.0], [0.3], [1.2]], dtype=FLOAT64),
}


def test_counts_shares_and_places_at_once_keep_the_properties():
    """All but those of t = 0, where the slow kernel of the simplex is at its slowest."""
    case = case_of(MIXED, MIXED_ATOMS, draws=400, functions=2, times=(0.7,))
    skipped = {kernels.noising_starts_at_the_data, reversal.decoding_reaches_the_data}
    skipped |= {kl_rates.bound_is_tight_at_the_exact_denoiser}
    skipped |= {kl_rates.denoising_and_implicit_losses_differ_by_a_constant}
    for law in (*kernels.PROPERTIES, *reversal.PROPERTIES, *kl_rates.PROPERTIES):
        if law not in skipped:
            assert law(case).passed, law.__name__


@pytest.mark.slow
def test_counts_shares_and_places_at_once_keep_all_laws():
    parts = {**MIXED.parts, "share": WrightFisher(Simplex(2))}
    check_process(product(parts), MIXED_ATOMS, draws=500, functions=3, times=(0.6, 0.7))
    check_sampler(Euler, product(parts), MIXED_ATOMS, steps=32, draws=400)


def test_a_product_of_a_flow_and_jumps_has_no_flow():
    assert not isinstance(MIXED.space, Continuum)
    smooth = product({name: MIXED.parts[name] for name in ("share", "place")})
    assert isinstance(smooth.space, Continuum)
    assert not isinstance(smooth.space, Manifold)


class OneRateOnly(BridgedProduct):
    def kl_rate(self, stat, target, x_t, t):
        return super().kl_rate({**stat, "a": target["a"]}, target, x_t, t)


class OneFactorIsLate(BridgedProduct):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return {**super().reverse(x_t, stat, t, churn=churn), "rest": INNER.reverse(x_t["rest"], stat["rest"], 0.5 * t)}


class OtherPrior(BridgedProduct):
    def prior(self, n):
        return product({**PROCESS.parts, "a": variance_exploding(Euclidean(2), sigma_max=1.3)}).prior(n)


@pytest.mark.parametrize(
    ("twin", "check"),
    [
        (OneRateOnly, kl_rates.kl_rate_is_phi),
        (OneFactorIsLate, reversal.churn_keeps_the_marginals),
        (OtherPrior, kernels.noising_ends_at_the_prior),
    ],
)
def test_a_broken_twin_is_caught(twin, check, atoms):
    assert not check(case_of(twin(PROCESS.parts), atoms, draws=2000)).passed


def test_capabilities_are_those_of_all_factors():
    assert isinstance(PROCESS, BridgedProduct)
    no_bridge = KernelProduct({"a": edm(Euclidean(1))})
    process = product({"a": edm(Euclidean(1)), "b": no_bridge})
    assert type(process) is KernelProduct
    with pytest.raises(InputError, match="Ancestral needs a process whose bridge"):
        Ancestral(Neural(process, MLP((2,))))


def test_it_survives_copies_and_files():
    for again in (copy.deepcopy(PROCESS), pickle.loads(pickle.dumps(PROCESS)), decode(encode(PROCESS))):
        assert again == PROCESS
        assert type(again) is BridgedProduct
        assert again.space == PROCESS.space


class TestImportanceTimes:
    def test_its_density_is_that_of_its_draws(self):
        """The share of times below s is the integral of the density, by the midpoint rule."""
        u = (torch.arange(20_000, dtype=FLOAT64) + 0.5) / 20_000
        t, density = PROCESS.importance_times(u)
        order = t.argsort()
        t, density = t[order], density[order]
        assert t.min() >= 0
        assert t.max() <= 1
        mass = torch.cumulative_trapezoid(density, t)
        share = torch.arange(1, 20_000, dtype=FLOAT64) / 20_000
        torch.testing.assert_close(mass, share, rtol=0, atol=2e-3)

    def test_the_mean_of_one_over_the_density_is_the_length_of_time(self):
        u = (torch.arange(20_000, dtype=FLOAT64) + 0.5) / 20_000
        assert abs(float((1 / PROCESS.importance_times(u)[1]).mean()) - 1) < 1e-4

    def test_one_factor_keeps_its_own(self):
        u = torch.linspace(0, 1, 101, dtype=FLOAT64)
        for found, expected in zip(
            product({"b": edm(Euclidean(1))}).importance_times(u), edm(Euclidean(1)).importance_times(u), strict=True
        ):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)

    def test_it_keeps_the_precision_it_is_given(self):
        assert all(
            part.dtype == torch.float32 for part in PROCESS.importance_times(torch.rand(5, generator=torch.Generator()))
        )


class TestTheHead:
    def test_one_network_sees_and_gives_all_factors(self, atoms, rng):
        network = MLP(PROCESS.head.input_shape, output_shape=PROCESS.head.output_shape, width=16)
        denoiser = Neural(PROCESS, network)
        stat = denoiser(atoms, torch.tensor(0.5))
        assert stat["a"].shape == (4, 2)
        assert stat["rest"]["b"].shape == (4, 1, 2)
        loss = Denoising()(denoiser, atoms, None, rng)
        assert loss.value.shape == (4,)
        assert torch.isfinite(loss.value).all()


def test_times_of_each_row(atoms):
    t = torch.linspace(0.1, 0.9, 4)
    x = PROCESS.marginal(atoms, t).sample(torch.Generator().manual_seed(0))
    rows = [PROCESS.marginal({"a": atoms["a"][i], "rest": {"b": atoms["rest"]["b"][i]}}, t[i]) for i in range(4)]
    found = PROCESS.marginal(atoms, t).log_prob(x)
    for i, law in enumerate(rows):
        torch.testing.assert_close(found[i], law.log_prob({"a": x["a"][i], "rest": {"b": x["rest"]["b"][i]}}))
    assert PROCESS.noise_conditioning(t).shape == (4,)


def test_a_product_of_nothing_is_refused():
    with pytest.raises(
        InputError, match=r"got parts = \{\}; expected a dict of Process objects by their names, at least one"
    ):
        product({})


def test_leaves_are_the_factors_with_their_parts_of_every_tree(atoms):
    found = {name: (process, *parts) for name, process, parts in leaves(PROCESS, atoms, {"a": 1, "rest": {"b": 2}})}
    assert found == {
        "a": (PROCESS.parts["a"], atoms["a"], 1),
        "rest.b": (INNER.parts["b"], atoms["rest"]["b"], 2),
    }
    assert list(leaves(edm(Euclidean(1)), 1, 2)) == [("", edm(Euclidean(1)), (1, 2))]


def test_map_leaves_keeps_the_names():
    assert map_leaves(lambda process, n: n * process.space.dimension, PROCESS, {"a": 5, "rest": {"b": 7}}) == {
        "a": 10,
        "rest": {"b": 14},
    }
    assert map_leaves(lambda process, n: n, edm(Euclidean(1)), 3) == 3


PARTS = {
    "first": variance_preserving(Euclidean(2), LinearLogSNR(2.0, -4.0)),  # alpha^2 is 0.88 at t = 0
    "second": variance_preserving(Euclidean(1), LinearLogSNR(1.0, -6.0)),
    "third": ImmigrationDeath(Counts(1), mean=3.0),
}
REST = product({name: PARTS[name] for name in ("second", "third")})
WHOLE = product({"first": PARTS["first"], "rest": REST})


class TestSumsOverFactors:
    """Whatever is in nats is the sum of all factors, at any depth; what a network is told is their mean level."""

    @pytest.fixture
    def states(self, rng):
        t = torch.tensor(0.4, dtype=FLOAT64)
        x_0 = {
            "first": torch.randn(5, 2, generator=rng, dtype=FLOAT64),
            "second": torch.randn(5, 1, generator=rng, dtype=FLOAT64),
            "third": torch.tensor([[0], [1], [2], [5], [9]]),
        }
        return x_0, {name: PARTS[name].marginal(x, t).sample(rng) for name, x in x_0.items()}, t

    @staticmethod
    def nested(flat):
        return {"first": flat["first"], "rest": {name: flat[name] for name in ("second", "third")}}

    def assert_sum(self, found, terms):
        torch.testing.assert_close(found, sum(terms).to(found.dtype), rtol=1e-5, atol=1e-6)
        for term in terms:
            assert not torch.allclose(found, term.to(found.dtype), rtol=1e-3)

    def test_reconstruction(self, states):
        x_0, _, _ = states
        terms = [process.reconstruction(x_0[name]) for name, process in PARTS.items()]
        self.assert_sum(WHOLE.reconstruction(self.nested(x_0)), terms)

    def test_fluctuation(self, states):
        x_0, x_t, t = states
        terms = [PARTS[name].control_variate(x_0[name], x_t[name], t) for name in ("first", "second")]
        self.assert_sum(WHOLE.control_variate(self.nested(x_0), self.nested(x_t), t), terms)

    def test_volume_of_the_encoding(self, states):
        x_0, _, _ = states
        x, found = WHOLE.encode(self.nested(x_0))
        terms = [PARTS[name].encode(x_0[name])[1] for name in ("first", "second")]  # counts have none
        self.assert_sum(found, terms)
        torch.testing.assert_close(x["rest"]["second"], PARTS["second"].encode(x_0["second"])[0])

    def test_what_it_keeps_is_what_the_factor_that_keeps_most_does(self):
        """Samples of it forget as much."""
        short = variance_preserving(Euclidean(1), LinearLogSNR(2.0, 0.0))
        kept = product({"first": PARTS["first"], "rest": product({"short": short, "third": PARTS["third"]})}).kept()
        assert kept == short.kept() > 5 * PARTS["first"].kept()

    def test_churn_and_times_reach_every_factor(self, states):
        x_0, x_t, t = states
        s, whole, one = 0.5 * t, self.nested(x_t), PARTS["second"]
        target = WHOLE.target(self.nested(x_0), whole, t)
        back = WHOLE.reverse(whole, target, t, churn=0.3)["rest"]["second"]
        expected = one.reverse(x_t["second"], target["rest"]["second"], t, churn=0.3)
        torch.testing.assert_close((back.drift, back.scale), (expected.drift, expected.scale))
        wide = edm(Euclidean(1))
        flat, own = product({"first": PARTS["first"], "wide": wide}), x_t["second"]
        pair, stat = {"first": x_t["first"], "wide": own}, {"first": target["first"], "wide": x_0["second"]}
        back = flat.ancestral(stat, pair, t, s, churn=0.3).parts["wide"]
        torch.testing.assert_close(back.scale, wide.ancestral(x_0["second"], own, t, s, churn=0.3).scale)
        assert not torch.allclose(back.scale, wide.ancestral(x_0["second"], own, t, s).scale)
        noisy = flat.reference(pair, t).parts["wide"]
        torch.testing.assert_close(noisy.scale, wide.reference(own, t).scale)
        assert not torch.allclose(noisy.scale, wide.reference(own).scale)

    def test_level(self):
        t = torch.tensor([0.1, 0.9], dtype=FLOAT64)
        first, second, third = (process.noise_conditioning(t) for process in PARTS.values())
        torch.testing.assert_close(WHOLE.noise_conditioning(t), 0.5 * first + 0.25 * (second + third))


@pytest.mark.parametrize(
    "process",
    [
        variance_preserving(Euclidean(2)),
        edm(Euclidean(1)),
        CTMC(Finite(2, 3), rates.Absorbing(3)),
        CTMC(Finite(1, 5), rates.BirthDeath(5)),
        CTMC(Finite(2, 3), rates.UniformRates(3), Linear(5.0)),
        Brownian(Torus(2)),
        PureDeath(Counts(1)),
        WrightFisher(Simplex(3)),
    ],
    ids=lambda process: type(process).__name__,
)
def test_the_density_of_importance_times_is_that_of_their_map(process: HasKernel) -> None:
    t = torch.tensor([0.001, 0.1, 0.3, 0.7, 0.99, 0.999], dtype=torch.float64)
    torch.testing.assert_close(process.importance_density(t), HasKernel.importance_density(process, t))


def test_the_density_of_times_of_a_product_in_a_product_is_one() -> None:
    """Its map from uniform numbers to times is not monotone, so that it cannot be inverted."""
    inner = product({"b": variance_exploding(Euclidean(2)), "c": edm(Euclidean(1))})
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    _, density = product({"a": variance_preserving(Euclidean(2)), "rest": inner}).importance_times(u)
    assert abs(float((1 / density).mean()) - 1) < 1e-6
