"""A sampler that meets numbers that are not finite says why."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser, Exact, ExactMixture, Neural
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP
from unnoise.processes import (
    CTMC,
    Brownian,
    PureDeath,
    WrightFisher,
    edm,
    product,
    rates,
    rectified_flow,
    variance_preserving,
)
from unnoise.samplers import (
    DDIM,
    Ancestral,
    Euler,
    Heun,
    InaccurateSamplesWarning,
    Multistep,
    Perturbed,
    PredictorCorrector,
    Sampler,
    TwistedSMC,
    grids,
)
from unnoise.samplers.checks import warn_of_spread
from unnoise.schedules import Cosine, Geometric, Linear, LinearLogSNR
from unnoise.spaces import Counts, Euclidean, Finite, Simplex, Sphere

PROCESS = edm(Euclidean(2))


def message(sampler, cond=None):
    with pytest.raises(NonFiniteError, match=r"^the sampler met non-finite values at step .*; ") as caught:
        sampler.sample(4, torch.Generator().manual_seed(0), cond)
    return str(caught.value)


def test_a_condition_that_is_not_finite():
    denoiser = Neural(PROCESS, MLP((2,), 1, width=8, depth=1))
    assert "the condition holds NaN or infinite numbers" in message(
        Ancestral(denoiser, 4), torch.full((4, 1), math.nan)
    )
    assert Ancestral(denoiser, 4).sample(4, torch.Generator().manual_seed(0), torch.zeros(4, 1)).isfinite().all()


def test_weights_that_are_not_finite():
    denoiser = Neural(PROCESS, MLP((2,), width=8, depth=1))
    with torch.no_grad():
        next(denoiser.parameters()).fill_(math.nan)
    assert "the weights of the denoiser are not finite: its training diverged" in message(Ancestral(denoiser, 4))


class Answers(Denoiser):
    """Answers a function of the state."""

    process = PROCESS

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x_t, t, cond=None):
        return self.answer(x_t)


def test_a_denoiser_that_gives_no_numbers():
    sampler = DDIM(Answers(lambda x: torch.where(x.abs() < 1e6, math.nan, x)), 4)
    assert "the denoiser gives non-finite numbers at t = 1 for finite states" in message(sampler)


@pytest.mark.filterwarnings("ignore:.* are too coarse")
def test_states_that_grow():
    assert "states grew without bound: try more sampling steps" in message(
        Euler(Answers(lambda x: torch.full_like(x, 3e38)), 5)
    )


@pytest.mark.parametrize(("give", "held"), [(lambda x: None, "type NoneType"), (lambda x: x[:, :1], r"shape \(4, 1\)")])
def test_a_step_that_gives_no_state_of_the_form_before(give, held):
    class Lost(Sampler):
        def step(self, state, t, s, rng, cond=None):
            return give(state)

    with pytest.raises(InputError, match=f"a step of the sampler gave a state of {held}; expected a tensor of shape"):
        Lost(Answers(torch.zeros_like), 4).sample(4, torch.Generator().manual_seed(0))


@pytest.mark.filterwarnings("ignore:noise at t = 1 keeps", "ignore:.* are too coarse")
def test_a_schedule_that_does_not_fall(monkeypatch):
    monkeypatch.setattr(type(PROCESS), "log_snr", lambda process, t: 20 * t - 10)
    assert "the schedule has a signal-to-noise ratio that is infinite, or does not fall" in message(
        DDIM(Answers(lambda x: math.nan * x), 4)
    )


PLAIN = edm(Euclidean(2))
NORMAL = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
TWO_POINTS = NORMAL.sign() + 1e-3
OUTLIERS = torch.where(NORMAL > 2.5, 9.0, 0.1 * NORMAL)


@pytest.mark.parametrize("x", [NORMAL, TWO_POINTS, OUTLIERS, 50 * NORMAL[:5]], ids=["normal", "two", "tails", "few"])
def test_what_standardised_data_may_look_like_is_no_matter(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_spread(PLAIN, x, conditional=False)


@pytest.mark.parametrize(("factor", "conditional"), [(4.0, False), (0.01, False), (100.0, True)])
def test_what_they_cannot_look_like_is_told_of(factor, conditional):
    with pytest.warns(InaccurateSamplesWarning, match=r"^the samples have .* times the spread of the data"):
        warn_of_spread(PLAIN, factor * NORMAL, conditional)


@pytest.mark.parametrize("factor", [0.01, 8.0])
def test_given_a_condition_samples_may_lie_close_together_or_far_out(factor):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_spread(PLAIN, factor * NORMAL, conditional=True)


def test_only_gaussian_factors_are_standardised():
    words = CTMC(Finite(2, 100), rates.UniformRates(100))
    x = {"number": 9 * NORMAL, "word": torch.full((500, 2), 99)}
    with pytest.warns(InaccurateSamplesWarning, match="the samples of 'number' have") as seen:
        warn_of_spread(product({"number": PLAIN, "word": words}), x, conditional=False)
    assert len(seen) == 1


LINE, WORDS = Euclidean(1), Finite(2, 3)
ENDS = {
    "normal": (variance_preserving(LINE), variance_preserving(LINE, Cosine(tau_max=0.5)), math.sqrt(0.5)),
    "exploding": (edm(LINE), edm(LINE, sigma_max=1.0), math.sqrt(0.5)),
    "letters": (CTMC(WORDS, rates.Absorbing(3)), CTMC(WORDS, rates.Absorbing(3), Cosine(tau_max=0.5)), 0.5),
    "walks": (CTMC(WORDS, rates.BirthDeath(3)), CTMC(WORDS, rates.BirthDeath(3), Linear(1.0, 1.0)), math.exp(-1)),
    "sphere": (Brownian(Sphere(2)), Brownian(Sphere(2), Geometric(1e-4, 0.5)), math.exp(-0.5)),
    "deaths": (PureDeath(Counts(1)), PureDeath(Counts(1), schedule=Linear(1.0, 1.0)), math.exp(-1)),
    "shares": (WrightFisher(Simplex(3)), WrightFisher(Simplex(3), 2.0, Geometric(1e-4, 0.5)), math.exp(-1.5)),
}


@pytest.mark.parametrize(("whole", "short", "kept"), ENDS.values(), ids=ENDS)
def test_noise_that_ends_too_early_is_told_of(whole, short, kept):
    """The prior knows nothing of the data."""
    assert whole.kept() < 0.02
    assert short.kept() == pytest.approx(kept, rel=1e-3)
    rng = torch.Generator().manual_seed(0)
    with pytest.warns(InaccurateSamplesWarning, match=r"^noise of 'b' at t = 1 keeps a correlation of 0\.\d+ with"):
        Euler(Exact(product({"a": whole, "b": short}), atoms(whole)), 4).start(2, rng)
    Euler(Exact(product({"a": whole, "b": whole}), atoms(whole)), 4).start(2, rng)


def atoms(process):
    point = process.prior(1).sample(torch.Generator().manual_seed(0))
    point = 0 * point if isinstance(process, CTMC) else point
    return {"a": point, "b": point}


def test_it_is_the_correlation_of_data_with_their_noise():
    process, rng = variance_preserving(LINE, LinearLogSNR(8.0, 0.5)), torch.Generator().manual_seed(0)
    x_0 = torch.randn(20_000, 1, generator=rng)
    x_1 = process.marginal(x_0, torch.ones(())).sample(rng)
    assert process.kept() == pytest.approx(float(torch.corrcoef(torch.cat([x_0, x_1], 1).T)[0, 1]), abs=0.02)


NORMALS = {"vp": variance_preserving(LINE), "edm": edm(LINE), "straight": rectified_flow(LINE)}
COARSE = {
    "heun": (Heun, 2),
    "more heun": (Heun, 4),
    "even heun": (lambda denoiser, steps: Heun(denoiser, steps, grid=grids.UniformGrid()), 4),
    "euler": (Euler, 3),
    "half": (lambda denoiser, steps: Euler(denoiser, steps, churn=0.5), 3),
    "ancestral": (Ancestral, 2),
    "ddim": (DDIM, 2),
    "half ddim": (lambda denoiser, steps: DDIM(denoiser, steps, eta=0.5), 2),
    "perturbed": (lambda denoiser, steps: Perturbed(denoiser, lambda x: 0 * x[:, 0], steps), 2),
    "corrected": (lambda denoiser, steps: PredictorCorrector(Euler(denoiser, steps)), 3),
    "often corrected": (lambda denoiser, steps: PredictorCorrector(Euler(denoiser, steps), 3, 0.5), 3),
}


@pytest.mark.parametrize("process", NORMALS.values(), ids=NORMALS)
@pytest.mark.parametrize(("make", "steps"), COARSE.values(), ids=COARSE)
def test_steps_that_diverge_are_told_of_by_what_they_make_of_normal_data(process, make, steps):
    """And that is what they make of them."""
    rng = torch.Generator().manual_seed(0)
    for deviation in (0.5, 1.0):
        law = GaussianMixture(torch.ones(1), torch.zeros(1, 1), torch.full((1, 1, 1), deviation**2))
        sampler = make(ExactMixture(process, law), steps)
        with pytest.warns(InaccurateSamplesWarning, match=rf"^{steps} steps of \w+ are too coarse: samples"):
            found = sampler.run(sampler.start(4000, rng), rng)
        wide = sampler.width(process, sampler.grid(process, steps), deviation)
        assert float(found.square().mean().sqrt()) == pytest.approx(wide, rel=0.05)


@pytest.mark.parametrize("process", NORMALS.values(), ids=NORMALS)
@pytest.mark.filterwarnings("ignore:.* are too coarse")
def test_corrections_widen_what_collapsed(process):
    """By as much as is foretold."""
    rng, law = torch.Generator().manual_seed(0), GaussianMixture(torch.ones(1), torch.zeros(1, 1), torch.ones(1, 1, 1))
    plain = Ancestral(ExactMixture(process, law), 2)
    mended = PredictorCorrector(plain, corrections=5)
    narrow, wide = (sampler.width(process, sampler.grid(process, 2), 1.0) for sampler in (plain, mended))
    assert wide > 2 * narrow
    found = mended.run(mended.start(4000, rng), rng)
    assert float(found.square().mean().sqrt()) == pytest.approx(wide, rel=0.05)


def test_particles_of_coarse_steps_are_told_of():
    sampler = TwistedSMC(Exact(NORMALS["vp"], torch.zeros(1, 1)), lambda x: 0 * x[:, 0], particles=4, steps=2)
    with pytest.warns(InaccurateSamplesWarning, match=r"^2 steps of TwistedSMC are too coarse: samples have 0\.00"):
        sampler.sample(4, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("process", NORMALS.values(), ids=NORMALS)
@pytest.mark.parametrize(("make", "steps"), [(Heun, 18), (Euler, 50), (Multistep, 3), (DDIM, 5), (DDIM, 1)])
def test_steps_that_do_not_are_not(process, make, steps):
    make(Exact(process, torch.zeros(1, 1)), steps).sample(2, torch.Generator().manual_seed(0))
