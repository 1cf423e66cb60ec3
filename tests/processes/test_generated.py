"""A user's own generator: in disguise, processes whose kernel is known; and one where everything is enumerated."""

from __future__ import annotations

import math

import pytest
import torch
from spin_glass import DATA, GENERATOR, POINTS, PROCESS, ExactRatios, noised
from spin_glass import rates as interacting

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact, Neural
from unnoise.laws import Categorical, Normal
from unnoise.networks import MLP, Transformer
from unnoise.processes import CTMC, DiffusionProcess, JumpProcess, variance_preserving
from unnoise.processes.rates import Refresh
from unnoise.samplers import Euler
from unnoise.schedules import Linear
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
SCHEDULE = Linear(0.1, 12.0, tau_min=1e-9)
KNOWN = variance_preserving(Euclidean(2), SCHEDULE)
MEAN, VARIANCE = 0.7, 0.4


def own(space):
    """The same process as KNOWN, written as a user would."""
    return DiffusionProcess(
        space,
        drift=lambda x, t: -0.5 * SCHEDULE.rate(t) * x,
        scale=lambda t: SCHEDULE.rate(t).sqrt(),
        prior_law=lambda n: Normal(torch.zeros(n, *space.event_shape, dtype=FLOAT64), torch.ones(()), 1),
    )


class GaussianScore(Denoiser):
    """The exact score of noised N(MEAN, VARIANCE) data; `factor` spoils it."""

    def __init__(self, process, factor=1.0):
        super().__init__()
        self.process, self.factor = process, factor
        self.register_buffer("like", torch.zeros((), dtype=FLOAT64))

    def forward(self, x_t, t, cond=None):
        alpha = torch.exp(-0.5 * SCHEDULE.value(t)).reshape(-1, 1)
        return -self.factor * (x_t - alpha * MEAN) / (1 + alpha**2 * (VARIANCE - 1))


@pytest.fixture
def x(rng):
    return torch.randn(7, 2, generator=rng, dtype=FLOAT64)


TIMES = {"one time": torch.tensor(0.3, dtype=FLOAT64), "a time per row": torch.linspace(0.1, 0.9, 7, dtype=FLOAT64)}


@pytest.mark.parametrize("t", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("churn", [0.0, 0.5, 1.0])
def test_it_is_the_process_that_it_spells_out(t, churn, x):
    """Forward and reverse, the statistic of one being the score of the other."""
    process, x_0 = own(Euclidean(2)), x.flip(0)
    pairs = (
        (process.forward(x, t), KNOWN.forward(x, t)),
        (process.reverse(x, KNOWN.score(x, x_0, t), t, churn=churn), KNOWN.reverse(x, x_0, t, churn=churn)),
    )
    for mine, known in pairs:
        torch.testing.assert_close(mine.drift, known.drift, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(mine.scale.expand(7, 2), known.scale.expand(7, 2), rtol=1e-9, atol=1e-9)


def moments(samples):
    return float(samples.mean()), float(samples.var())


def test_samples_of_the_exact_score_are_the_data(rng):
    """Within five standard errors and a bias of Euler's method; half the score is seen."""
    process = own(Euclidean(2))
    samples = Euler(GaussianScore(process), steps=200).sample(4000, rng)
    mean, variance = moments(samples)
    assert abs(mean - MEAN) < 5 * (VARIANCE / 8000) ** 0.5 + 0.01
    assert abs(variance - VARIANCE) < 5 * VARIANCE * (2 / 8000) ** 0.5 + 0.01
    spoilt = Euler(GaussianScore(process, 0.5), steps=200).sample(4000, rng)
    assert abs(moments(spoilt)[1] - VARIANCE) > 0.2


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4), (3, 2), ()], ids=["vector", "image", "matrix", "scalar"])
def test_a_network_of_its_head_gives_the_score_times_the_scale(shape, rng):
    process = own(Euclidean(shape))
    head = process.head
    points, t = torch.randn(5, *shape, generator=rng), torch.linspace(0.1, 0.9, 5)
    inputs = head.inputs(points, t)
    assert inputs.shape == (5, *head.input_shape)
    assert len(head.input_shape) == (3 if len(shape) == 3 else 1)
    output = torch.randn(5, *head.output_shape, generator=rng)
    score = head.estimate(output, points, t)
    assert score.shape == points.shape
    scale = SCHEDULE.rate(t).sqrt().reshape(5, *[1] * len(shape))
    torch.testing.assert_close(scale * score, output.reshape(points.shape))
    network = MLP(head.input_shape, 0, head.output_shape, width=8)
    assert Neural(process, network)(points, t).shape == points.shape


def test_its_level_and_prior_are_plain():
    process = own(Euclidean(2))
    assert process.noise_conditioning(torch.tensor([0.0, 0.5, 1.0])).tolist() == [-1, 0, 1]
    law = process.prior(3)
    torch.testing.assert_close(law.log_prob(law.mean), torch.full((3,), -math.log(2 * math.pi), dtype=FLOAT64))


# ---- jumps


def disguised(known):
    """A CTMC, written as a user would."""
    return JumpProcess(
        known.space,
        rates=lambda x, t: known.schedule.rate(t) * known.rates.stationary.expand(*x.shape, -1),
        prior_law=known.prior,
    )


CHAINS = {
    "equal sites": CTMC(Finite(4, 3), Refresh((0.5, 0.2, 0.3))),
    "a grid": CTMC(Finite((2, 2), 3), Refresh((0.5, 0.2, 0.3))),
    "unequal sites": CTMC(Finite(2, (3, 2)), Refresh(((0.5, 0.2, 0.3), (0.6, 0.4, 0.0)))),
}


@pytest.mark.parametrize("churn", [1.0, 1.5])
@pytest.mark.parametrize("known", CHAINS.values(), ids=CHAINS)
def test_jumps_are_those_of_the_chain_that_they_spell_out(known, churn, rng):
    """Reverse rates are linear in the ratios, so that ratios of one leave the rates back of the chain."""
    process, t = disguised(known), torch.linspace(0.1, 0.9, 6, dtype=FLOAT64)
    x = known.prior(6).sample(rng)
    torch.testing.assert_close(process.forward(x, t).rates, known.forward(x, t).rates, rtol=1e-12, atol=1e-12)
    atoms = known.prior(4).sample(rng)
    stat = Exact(known, atoms, torch.ones(4, dtype=FLOAT64))(x, t)
    expected = known.reverse(x, stat, t, churn=churn).rates
    back = known.rates.into(x, known.schedule.rate(t).reshape(-1, *[1] * (x.ndim - 1)))
    ratios = known.reverse(x, stat, t).rates / torch.where(back > 0, back, 1.0)
    torch.testing.assert_close(process.reverse(x, ratios, t, churn=churn).rates, expected, rtol=1e-9, atol=1e-12)
    one = process.reverse(x[:1], ratios[:1], t[0]).rates
    torch.testing.assert_close(one, process.reverse(x, ratios, t).rates[:1])


def test_rates_back_of_sites_that_see_each_other():
    """Against the matrix of the whole generator, entry by entry."""
    rates = PROCESS.reverse(POINTS, torch.ones(9, 2, 3, dtype=FLOAT64), torch.tensor(0.5, dtype=FLOAT64)).rates
    for i, x in enumerate(POINTS):
        for j, y in enumerate(POINTS):
            (differs,) = (x != y).nonzero(as_tuple=True)
            if len(differs) == 1:
                site = int(differs)
                assert float(rates[i, site, y[site]]) == pytest.approx(float(GENERATOR[j, i]), rel=1e-12)


def test_the_reverse_of_the_exact_ratios_undoes_the_noise():
    """K q + (d/dt) q = 0, on all points at once: the flow of mass of the reverse is minus that of the noise."""
    t = torch.tensor(0.5, dtype=FLOAT64)
    law = noised(t)
    torch.testing.assert_close(law, DATA @ torch.matrix_exp(0.375 * GENERATOR), rtol=1e-12, atol=1e-14)

    def flow(ratios):
        rates, total = PROCESS.reverse(POINTS, ratios, t).rates, torch.zeros(9, dtype=FLOAT64)
        for i, x in enumerate(POINTS):
            for site in range(2):
                for state in range(3):
                    y = x.clone()
                    y[site] = state
                    mass = law[i] * rates[i, site, state]
                    total[i] -= mass
                    total[3 * y[0] + y[1]] += mass
        return total

    exact = ExactRatios()(POINTS, t.expand(9)).detach()
    torch.testing.assert_close(flow(exact), -law @ GENERATOR, rtol=1e-12, atol=1e-14)
    assert float((flow(exact**0.8) + law @ GENERATOR).abs().max()) > 1e-3


def test_samples_of_the_exact_ratios_are_the_data(rng):
    """Frequencies within five standard errors and a bias of Euler's method; spoilt ratios are seen."""
    n = 4000

    def gap(denoiser):
        x = Euler(denoiser, steps=64).sample(n, rng)
        frequencies = torch.bincount(3 * x[:, 0] + x[:, 1], minlength=9) / n
        return ((frequencies - DATA).abs() / (DATA * (1 - DATA) / n).sqrt()).max()

    assert float(gap(ExactRatios())) < 6
    assert float(gap(ExactRatios(0.5))) > 10


def test_networks_of_its_head_give_positive_ratios(rng):
    process, t = PROCESS, torch.linspace(0.1, 0.9, 9)
    assert interacting(POINTS, t[:, None, None]).shape == (9, 2, 3)
    network = MLP(process.head.input_shape, 0, process.head.output_shape, width=8)
    assert (Neural(process, network)(POINTS, t) == 1).all()
    wide = JumpProcess(Finite(800, 3), interacting, lambda n: Categorical(torch.ones(n, 800, 3) / 3, 1))
    shapes = wide.head.input_shape, wide.head.output_shape
    assert shapes == ((3, 800), (3, 800))
    transformer = Transformer(shapes[0], 0, shapes[1], width=8, depth=1, heads=2)
    torch.nn.init.normal_(transformer.last.weight, generator=rng)
    ratios = Neural(wide, transformer)(torch.zeros(2, 800, dtype=torch.int64), t[:2])
    assert ratios.shape == (2, 800, 3)
    assert (ratios > 0).all()
    assert (ratios[..., 0] == 1).all()
    assert not (ratios[..., 1:] == 1).any()


def test_there_is_no_ratio_to_a_state_that_does_not_exist():
    """A network is taught the statistic; at a site of two states a third one has none, whatever lies beside it."""
    process = disguised(CHAINS["unequal sites"])
    law = Categorical(torch.tensor([[0.5, 0.2, 0.3], [0.6, 0.4, 0.0]], dtype=FLOAT64), 1)
    x = torch.tensor([[0, 1], [2, 0]])
    found = process.statistic(law.log_prob, x)
    shares = law.probs / law.probs.expand(2, 2, 3).gather(-1, x[..., None])
    torch.testing.assert_close(found, shares)
    assert (found[:, 1, 2] == 0).all()


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_churn_adds_what_undoes_itself(chain, rng):
    """As much forward as back: with churn^2 = 3 twice the jumps back, and the noise once."""
    t = torch.tensor(0.4, dtype=FLOAT64)
    x = chain.prior(6).sample(rng)
    stat = chain.target(x.flip(0), x, t)
    back, forward = chain.reverse(x, stat, t).rates, chain.forward(x, t).rates
    home = x[..., None]
    found, wanted = (
        rates.scatter(-1, home, 0.0) for rates in (chain.reverse(x, stat, t, churn=3**0.5).rates, 2 * back + forward)
    )
    torch.testing.assert_close(found, wanted)


LINE = Euclidean(1)


def one_number(drift=lambda x, t: -0.5 * x, scale=torch.ones_like, points=None):
    def prior(n):
        return Normal(torch.zeros(points or n, 1, dtype=FLOAT64), torch.ones((), dtype=FLOAT64), event_ndim=1)

    return DiffusionProcess(LINE, drift, scale, prior)


def run(process, n=3):
    head = process.head
    network = MLP(head.input_shape, 0, head.output_shape, width=8, depth=1)
    return Euler(Neural(process, network), steps=12).sample(n, torch.Generator().manual_seed(0))


def test_a_scale_may_be_a_number():
    torch.testing.assert_close(run(one_number(scale=lambda t: 1.0)), run(one_number()))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"drift": lambda x, t: x[:, 0]}, r"got drift of shape \(3,\); expected \(3, 1\)"),
        ({"scale": lambda t: torch.ones(2, 5)}, r"got scale of shape \(2, 5\); expected \(3, 1\)"),
        ({"points": 2}, r"got 2 points from the law that process.prior\(3\) gives; expected 3"),
    ],
)
def test_functions_that_give_another_shape_are_refused(wrong, words):
    """A prior of two points made two samples of three, and a drift without its last axis a matrix."""
    with pytest.raises(InputError, match=words):
        run(one_number(**wrong))


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (lambda x, t: -torch.ones(*x.shape, 3), "got rates that are negative or NaN"),
        (lambda x, t: torch.full((*x.shape, 3), torch.nan), "got rates that are negative or NaN"),
        (lambda x, t: torch.ones(len(x), 2), r"got rates of shape \(\d, 2\); expected"),
        (lambda x, t: None, "got rates = None; expected a Tensor"),
    ],
)
def test_rates_that_are_none_are_refused(rates, words):
    """Negative ones, and NaN, made samples in silence."""
    uniform = lambda n: Categorical(torch.full((n, 2, 3), 1 / 3), event_ndim=1)  # noqa: E731
    with pytest.raises(InputError, match=words):
        run(JumpProcess(Finite(2, 3), rates, uniform))
    made = run(JumpProcess(Finite(2, 3), lambda x, t: 1 - 4 * torch.nn.functional.one_hot(x, 3).float(), uniform))
    assert made.shape == (3, 2)  # what is said of staying is not looked at


def test_a_prior_that_is_no_law_is_refused():
    with pytest.raises(InputError, match=r"got prior_law = .*; expected a laws.Law"):
        run(DiffusionProcess(LINE, lambda x, t: -x, torch.ones_like, lambda n: torch.zeros(n, 1)))
