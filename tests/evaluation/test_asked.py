"""Likelihoods of what is asked, the rest given or marginalised, against closed forms; and prices cell by cell."""

from __future__ import annotations

import itertools

import pytest
import torch
from asked import ASKED, FLOAT64, GIVEN, SPLITS, log_conditional, mixture, splits

from unnoise import _tree
from unnoise.denoisers import Answering, Exact, ExactMixture, question
from unnoise.evaluation import (
    BinDecoder,
    Bound,
    ImplicitBound,
    ImportanceWeighted,
    ProbabilityFlow,
    SoftmaxDecoder,
    StepBound,
)
from unnoise.evaluation._asked import log_prior, priced, total, total_of_chain
from unnoise.laws import GaussianMixture
from unnoise.processes import (
    CTMC,
    Binomial,
    Brownian,
    Chain,
    chain_of_betas,
    edm,
    linear_betas,
    product,
    rates,
    rectified_flow,
    variance_preserving,
)
from unnoise.processes.chain import even_times
from unnoise.spaces import Euclidean, Finite, Lattice, Torus
from unnoise.testing import ImprobableError, assert_mean

LAW = mixture()
SPACE = Euclidean(3)
PROCESSES = {"preserving": variance_preserving(SPACE), "exploding": edm(SPACE), "flow": rectified_flow(SPACE)}
N = 4 * len(SPLITS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def case(process):
    """Points of the mixture, a question for each, and the truth."""
    x_0 = LAW.sample(seeded(1), (N,))
    asked, given = splits(N)
    return x_0, question(process, asked, given, x_0), log_conditional(LAW, asked, given, x_0)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_bound_of_every_split_of_a_mixture(name):
    process = PROCESSES[name]
    x_0, cond, truth = case(process)
    found = Bound(draws=128)(Answering(ExactMixture(process, LAW)), x_0, seeded(), cond)
    assert_mean(found.log_prob - truth, tolerance=0.01)


@pytest.mark.parametrize("twin", ["given", "all"])
def test_a_price_that_counts_given_cells_is_seen(twin):
    class Dear(Answering):
        def asked(self, cond):
            return None if twin == "all" else cond["asked"] | cond["given"]

    process = PROCESSES["preserving"]
    x_0, cond, truth = case(process)
    found = Bound(draws=32)(Dear(ExactMixture(process, LAW)), x_0, seeded(), cond)
    with pytest.raises(ImprobableError):
        assert_mean(found.log_prob - truth, tolerance=0.01)


@pytest.mark.parametrize("name", ["preserving", pytest.param("flow", marks=pytest.mark.slow)])
def test_the_flow_of_every_split_of_a_mixture(name):
    process = PROCESSES[name]
    x_0, cond, truth = case(process)
    few = slice(0, len(SPLITS))
    x_0, truth, cond = x_0[few], truth[few], _tree.map(lambda leaf: leaf[few], cond)
    found = ProbabilityFlow()(Answering(ExactMixture(process, LAW)), x_0, seeded(), cond)
    torch.testing.assert_close(found.log_prob, truth, rtol=0, atol=0.02)
    assert set(found.parts) == {"prior", "volume"}


@pytest.mark.parametrize("probes", [None, pytest.param(4, marks=pytest.mark.slow)])
def test_the_bound_along_paths_of_every_split_of_a_mixture(probes):
    process = PROCESSES["preserving"]
    x_0, cond, truth = case(process)
    found = ImplicitBound(draws=32, probes=probes)(Answering(ExactMixture(process, LAW)), x_0, seeded(), cond)
    assert_mean(found.log_prob - truth, tolerance=0.02)


ONE = GaussianMixture(torch.ones(1, dtype=FLOAT64), LAW.means[:1], LAW.covariances[:1])
CHAIN = chain_of_betas(SPACE, linear_betas(200, 1e-4, 0.08))


def gaussian_case(n):
    x_0 = ONE.sample(seeded(1), (n,))
    asked, given = splits(n)
    return x_0, question(CHAIN.process, asked, given, x_0), log_conditional(ONE, asked, given, x_0)


@pytest.mark.parametrize("three_terms", [False, True])
def test_the_bound_of_steps_of_every_split_of_a_gaussian(three_terms):
    x_0, cond, truth = gaussian_case(N)
    bound = StepBound(CHAIN, draws=64, three_terms=three_terms)
    found = bound(Answering(ExactMixture(CHAIN.process, ONE)), x_0, seeded(), cond)
    assert_mean(found.log_prob - truth, tolerance=0.05)


def test_importance_weights_of_every_split_of_a_gaussian():
    x_0, cond, truth = gaussian_case(len(SPLITS))
    found = ImportanceWeighted(CHAIN, trajectories=8)(Answering(ExactMixture(CHAIN.process, ONE)), x_0, seeded(), cond)
    assert_mean(found.log_prob - truth, tolerance=0.05)


TABLES = {
    "uniform": CTMC(Finite(3, (3, 3, 2)), rates.UniformRates((3, 3, 2))),
    "absorbing": CTMC(Finite(3, 4), rates.Absorbing(4)),
    "birth and death": CTMC(Finite(3, 3), rates.BirthDeath(3)),
    "bits": Binomial(Finite(3, 2), (0.3, 0.5, 0.6)),
}


def table(name):
    """All points, their probabilities, and every split of every one: log p(A | B) by summing."""
    sizes = {"uniform": (3, 3, 2), "absorbing": (3, 3, 2), "birth and death": (3, 3, 3), "bits": (2, 2, 2)}[name]
    points = torch.tensor(list(itertools.product(*map(range, sizes))))
    probs = torch.rand(len(points), generator=seeded(2), dtype=FLOAT64) ** 3 + 0.01
    probs = probs / probs.sum()
    rows, roles = points.repeat(len(SPLITS), 1), SPLITS.repeat_interleave(len(points), 0)
    asked, given = roles == ASKED, roles == GIVEN

    def mass(cells):
        return (((rows[:, None] == points) | ~cells[:, None]).all(-1) * probs).sum(1)

    return points, probs, rows, asked, given, (mass(asked | given) / mass(given)).log()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "birth and death" else ()) for name in TABLES]
)
def test_the_bound_of_every_split_of_a_table(name):
    points, probs, rows, asked, given, truth = table(name)
    process = TABLES[name]
    found = Bound(draws=64)(
        Answering(Exact(process, points, probs)), rows, seeded(), question(process, asked, given, rows)
    )
    assert_mean(found.log_prob - truth, tolerance=0.01)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in TABLES])
def test_the_bound_along_paths_of_every_split_of_a_table(name):
    points, probs, rows, asked, given, truth = table(name)
    process = TABLES[name]
    bound, cond = ImplicitBound(draws=64), question(process, asked, given, rows)
    found = bound(Answering(Exact(process, points, probs)), rows, seeded(), cond)
    assert_mean(found.log_prob - truth, tolerance=0.02)


def test_one_evaluation_at_the_end_of_time_is_a_probability_of_levels():
    """Of one cell that is asked alone, the statistic at t = 1 is p(A | B)."""
    points, probs, rows, asked, given, truth = table("uniform")
    process = TABLES["uniform"]
    alone = asked.sum(1) == 1
    rows, truth, which = rows[alone], truth[alone], asked[alone]
    cond = question(process, which, given[alone], rows)
    noise = process.prior(len(rows)).sample(seeded())
    stat = Answering(Exact(process, points, probs))(noise, torch.ones((), dtype=FLOAT64), cond)
    found = torch.gather(stat, -1, rows[..., None])[..., 0][which]
    torch.testing.assert_close(found, truth.exp(), rtol=1e-3, atol=1e-4)


LATTICE = Lattice(-1.0, 1.0, 3)


class TestDecoders:
    """Levels -1, 0 and 1 at each of three places, with the probabilities of a table."""

    PROCESS = edm(SPACE, sigma_min=0.02)

    @pytest.fixture
    def levels(self):
        points, probs, rows, asked, given, truth = table("birth and death")
        denoiser = Answering(Exact(self.PROCESS, points.double() - 1, probs))
        rows = rows.double() - 1
        return denoiser, rows, question(self.PROCESS, asked, given, rows), truth

    @pytest.mark.parametrize("decoder", [SoftmaxDecoder(LATTICE), BinDecoder(LATTICE)], ids=lambda d: type(d).__name__)
    def test_bits_are_those_of_what_is_asked(self, levels, decoder):
        denoiser, rows, cond, truth = levels
        found = Bound(draws=64, decoder=decoder)(denoiser, rows, seeded(), cond)
        assert_mean(found.log_prob - truth, tolerance=0.01)

    @pytest.mark.parametrize(
        "decoder", [SoftmaxDecoder(LATTICE), BinDecoder(LATTICE, denoised=False)], ids=lambda d: type(d).__name__
    )
    def test_given_numbers_cost_nothing_and_others_their_own(self, levels, decoder):
        """In a state so noisy that every number costs."""
        noisy = edm(SPACE, sigma_min=0.8)
        denoiser, rows, cond, _ = levels
        denoiser = Answering(Exact(noisy, denoiser.denoiser.atoms))
        z = noisy.marginal(rows, torch.zeros((), dtype=FLOAT64)).sample(seeded())
        found = decoder.log_prob(denoiser, rows, z, cond)
        each = torch.gather(decoder.log_probabilities(denoiser, z), -1, LATTICE.index(rows)[..., None])[..., 0]
        torch.testing.assert_close(found, (each * cond["asked"]).sum(1), rtol=1e-9, atol=1e-9)
        assert float(each.mean()) < -0.3


class TestPrices:
    PROCESS = product({"numbers": variance_preserving(Euclidean(2)), "angle": Brownian(Torus(1))})

    @pytest.fixture
    def x(self):
        return {"numbers": torch.randn(5, 2, generator=seeded(), dtype=FLOAT64), "angle": torch.rand(5, 1).double()}

    @staticmethod
    def kernel(process, t, x_0, x):
        return process.marginal(x_0, t).log_prob(x)

    @pytest.mark.parametrize(
        "t", [torch.tensor(0.3).double(), torch.linspace(0.1, 0.9, 5).double()], ids=["one", "each"]
    )
    def test_disjoint_cells_add_up(self, x, t):
        some = {"numbers": torch.tensor([[True, False]]).expand(5, 2), "angle": torch.ones(5, 1, dtype=torch.bool)}
        rest = _tree.map(torch.logical_not, some)
        parts = [total(self.PROCESS, mask, self.kernel, t, x, x) for mask in (some, rest)]
        torch.testing.assert_close(parts[0] + parts[1], total(self.PROCESS, None, self.kernel, t, x, x))
        first = variance_preserving(Euclidean(1)).marginal(x["numbers"][:, 1:], t).log_prob(x["numbers"][:, 1:])
        torch.testing.assert_close(parts[1], first)

    def test_the_prior_of_some_cells(self, x):
        some = {"numbers": torch.tensor([[True, False]]).expand(5, 2), "angle": torch.zeros(5, 1, dtype=torch.bool)}
        found = log_prior(self.PROCESS, x, some)
        torch.testing.assert_close(found, self.PROCESS.parts["numbers"].cell.prior(1).log_prob(x["numbers"][:, 0]))
        torch.testing.assert_close(log_prior(self.PROCESS, x), self.PROCESS.prior(5).log_prob(x))

    def test_what_is_not_a_number_elsewhere_costs_nothing(self, x):
        some = {"numbers": torch.tensor([[True, False]]).expand(5, 2), "angle": torch.zeros(5, 1, dtype=torch.bool)}
        spoilt = {"numbers": x["numbers"].clone(), "angle": x["angle"] * torch.nan}
        spoilt["numbers"][:, 1] = torch.nan
        t = torch.tensor(0.3).double()
        found, right = (total(self.PROCESS, some, self.kernel, t, x, y) for y in (spoilt, x))
        assert torch.equal(found, right)

    def test_numbers_that_are_asked_are_summed(self):
        numbers, asked = torch.tensor([[1.0, torch.nan], [2.0, 3.0]]), torch.tensor([[True, False], [True, True]])
        assert priced(asked, numbers).tolist() == [1.0, 5.0]
        assert priced(None, torch.ones(2, 3)).tolist() == [3.0, 3.0]

    @pytest.mark.parametrize("three_terms", [False, True])
    @pytest.mark.parametrize("process", [variance_preserving(SPACE), TABLES["uniform"]], ids=["Gaussian", "letters"])
    def test_steps_of_all_cells_are_those_of_points(self, process, three_terms):
        chain = Chain(process, even_times(12))
        points, probs, *_ = table("uniform")
        x_0 = points if isinstance(process, CTMC) else points.double() - 1
        everything = torch.ones(len(x_0), 3, dtype=torch.bool)
        denoiser = Answering(Exact(process, x_0, probs))
        bound = StepBound(chain, draws=4, three_terms=three_terms)
        whole = bound(denoiser, x_0, seeded(), question(process, everything, ~everything, x_0))
        joint = bound(denoiser, x_0, seeded())
        assert whole.parts.keys() == joint.parts.keys()
        torch.testing.assert_close(whole.log_prob, joint.log_prob, rtol=1e-5, atol=1e-5)

    def test_steps_of_disjoint_cells_add_up(self):
        chain = Chain(self.PROCESS.parts["numbers"], even_times(12))
        x, some = torch.randn(5, 2, generator=seeded(), dtype=FLOAT64), torch.tensor([[True, False]]).expand(5, 2)
        price = lambda chain, t, x: chain.decoded(x, x)  # noqa: E731
        one, other, both = (total_of_chain(chain, mask, price, torch.tensor(1), x) for mask in (some, ~some, None))
        torch.testing.assert_close(one + other, both)
