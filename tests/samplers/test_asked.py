"""Every sampler ends where it was given, and in the cells that are asked with the conditional law."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from asked import FLOAT64, SPLITS, conditional, mixture, splits, uniforms

from unnoise import _tree
from unnoise.denoisers import Answering, Exact, ExactMixture, Guided, question
from unnoise.denoisers.likelihoods import Masked
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, Brownian, PureDeath, product, rates, variance_preserving
from unnoise.samplers import (
    DDIM,
    Adaptive,
    Ancestral,
    Euler,
    FirstHitting,
    Heun,
    Multistep,
    PredictorCorrector,
    TauLeaping,
    TwistedSMC,
    Uniformisation,
    dpm_solver_pp,
    grids,
)
from unnoise.spaces import Counts, Euclidean, Finite, Torus
from unnoise.testing import assert_frequencies, assert_law, assert_mean

LAW = mixture()
PROCESS = variance_preserving(Euclidean(3))
ANSWERING = Answering(ExactMixture(PROCESS, LAW))
EVEN = grids.UniformLogSNR()
GAUSSIAN = {
    "Multistep": partial(Multistep, steps=40),
    "Heun": partial(Heun, steps=40),
    "DDIM": partial(DDIM, steps=300, grid=EVEN),
    "random DDIM": partial(DDIM, steps=300, eta=1.0, grid=EVEN),
    "Adaptive": partial(Adaptive, tolerance=1e-3),
    "Ancestral": partial(Ancestral, steps=300, grid=EVEN),
    "Euler": partial(Euler, steps=600, grid=EVEN),
    "SDE solver": partial(dpm_solver_pp, steps=60, churn=1.0),
    "corrector": lambda denoiser: PredictorCorrector(Ancestral(denoiser, 150, grid=EVEN)),
    "no guidance": lambda denoiser: Multistep(Guided(denoiser, lambda x: 0 * x[:, 0], scale=0.0), 40),
}
SLOW = ("Ancestral", "no guidance", "Euler", "DDIM", "random DDIM", "corrector", "Adaptive", "Heun")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in GAUSSIAN]
)
def test_every_split_of_a_mixture(name):
    """Row by row another question; uniform by Rosenblatt's transform."""
    n = 40 * len(SPLITS)
    x_0, (asked, given) = LAW.sample(seeded(1), (n,)), splits(n)
    shuffled = torch.where(given, x_0, x_0.flip(0))  # what asked and unknown cells hold is of other rows
    cond = question(PROCESS, asked, given, shuffled)
    found = GAUSSIAN[name](ANSWERING).sample(n, seeded(), cond, batch_size=700)
    torch.testing.assert_close(found[~asked], shuffled[~asked], rtol=1e-6, atol=1e-6)
    assert_law(uniforms(LAW, asked, given, torch.where(given, x_0, found)), lambda x: x)


def test_a_given_cell_that_is_noised_is_seen():
    """The test above has the power to see it."""
    n = 40 * len(SPLITS)
    x_0, (asked, given) = LAW.sample(seeded(1), (n,)), splits(n)
    found = Multistep(ANSWERING, 40).sample(n, seeded(), question(PROCESS, asked, given & False, x_0))
    with pytest.raises(AssertionError):
        assert_law(uniforms(LAW, asked, given, torch.where(given, x_0, found)), lambda x: x)


@pytest.mark.parametrize("name", ["guided", pytest.param("not guided", marks=pytest.mark.slow)])
def test_twisted_particles_of_what_is_asked(name):
    """Given the first cell, and a noisy look at the second, what the third is; the groups are independent."""
    one = GaussianMixture(torch.ones(1, dtype=FLOAT64), LAW.means[:1], LAW.covariances[:1])
    first, seen = torch.tensor([True, False, False]), torch.tensor([False, True, False])
    values = torch.tensor([1.4, 0.2, 0.0], dtype=FLOAT64)
    look, scale = Masked(seen, values, 0.3), {"guided": None, "not guided": 0.0}[name]
    cond = question(PROCESS, ~first[None], first[None], values[None])
    sampler = TwistedSMC(Answering(ExactMixture(PROCESS, one)), look, 64, 60, guidance=scale, grid=EVEN)
    particles = sampler.weigh(60, seeded(), cond)
    x = _tree.map(lambda leaf: leaf[:, 0], particles.draw(1, seeded(1)))
    torch.testing.assert_close(x[:, 0], values[0].expand(60))
    law = conditional(one, ~first, first, values)
    gain = law.covariances[0, :, 0] / (law.covariances[0, 0, 0] + 0.3**2)
    assert_mean(x[:, 1:], law.means[0] + gain * (values[1] - law.means[0, 0]), tolerance=0.02)


WORDS = torch.tensor([[0, 1, 2], [0, 3, 1], [2, 1, 1], [3, 3, 2]])
WEIGHTS = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=FLOAT64)
LETTERS = {
    "Ancestral": (Ancestral, rates.UniformRates(4)),
    "TauLeaping": (TauLeaping, rates.UniformRates(4)),
    "leaps in order": (TauLeaping, rates.BirthDeath(4)),
    "Euler": (Euler, rates.BirthDeath(4)),
    "corrector": (lambda denoiser, steps: PredictorCorrector(Ancestral(denoiser, steps)), rates.UniformRates(4)),
    "FirstHitting": (FirstHitting, rates.Absorbing(5)),
    "Uniformisation": (Uniformisation, rates.UniformRates(4)),
}


COSTLY = ("Euler", "leaps in order", "Uniformisation")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in COSTLY else ()) for name in LETTERS]
)
def test_words_given_a_letter(name):
    """The second letter is given, the third unknown: the first is 0 or 2, or 0 or 3, by the weights of the words."""
    make, law = LETTERS[name]
    process = CTMC(Finite(3, law.stationary.shape[-1]), law)
    denoiser = Answering(Exact(process, WORDS, WEIGHTS))
    asked, given = torch.tensor([[True, False, False]]), torch.tensor([[False, True, False]])
    n = 400
    letters = torch.where(torch.arange(n) % 2 == 0, 1, 3)
    values = torch.stack([torch.zeros(n, dtype=torch.int64), letters, torch.full((n,), 2)], 1)
    cond = question(process, asked.expand(n, 3), given.expand(n, 3), values)
    steps = 2 if name in ("FirstHitting", "Uniformisation") else 100
    found = make(denoiser, steps).sample(n, seeded(), cond)
    assert torch.equal(found[:, 1:], values[:, 1:])
    for letter, probs in ((1, [0.25, 0.0, 0.75, 0.0]), (3, [1 / 3, 0.0, 0.0, 2 / 3])):
        counts = torch.bincount(found[letters == letter, 0], minlength=4)
        wanted = torch.tensor(probs, dtype=FLOAT64)
        assert_frequencies(counts, 0.99 * wanted + 0.01 / 4)  # an error of steps is no impossible letter


PARTS = {
    "x": variance_preserving(Euclidean(1)),
    "word": CTMC(Finite(2, 4), rates.UniformRates(4)),
    "count": PureDeath(Counts(1), mean=3.0),
    "angle": Brownian(Torus(1)),
}
ATOMS = {
    "x": torch.tensor([[1.0], [1.0], [-1.0], [-1.0]], dtype=FLOAT64),
    "word": torch.tensor([[0, 1], [2, 3], [0, 1], [3, 0]]),
    "count": torch.tensor([[0], [5], [5], [9]]),
    "angle": torch.tensor([[0.5], [-1.0], [2.0], [2.0]], dtype=FLOAT64),
}


@pytest.mark.parametrize(
    "make",
    [
        Euler,
        pytest.param(lambda denoiser, steps: PredictorCorrector(Euler(denoiser, steps)), marks=pytest.mark.slow),
    ],
)
def test_a_product_of_spaces(make):
    """Given x and one letter the other factors are those of an atom, row by row; what is unknown says nothing."""
    process = product(PARTS)
    denoiser, n = Answering(Exact(process, ATOMS, WEIGHTS)), 60
    which = torch.arange(n) % 4
    values = _tree.map(lambda leaf: leaf[which], ATOMS)
    nothing = _tree.map(lambda leaf: torch.zeros(leaf.shape, dtype=torch.bool), values)
    given = nothing | {"x": ~nothing["x"], "word": torch.tensor([[True, False]]).expand(n, 2)}
    asked = nothing | {"word": torch.tensor([[False, True]]).expand(n, 2), "count": ~nothing["count"]}
    found = make(denoiser, 60).sample(n, seeded(), question(process, asked, given, values))
    torch.testing.assert_close(found["x"], values["x"])
    torch.testing.assert_close(found["angle"], values["angle"], rtol=0, atol=1e-4)
    assert torch.equal(found["word"][:, 0], values["word"][:, 0])
    right = (found["word"] == values["word"]).all(1) & (found["count"] == values["count"]).all(1)
    assert float(right.double().mean()) > 0.8
