"""Discrete walk-jump over small laws of which every sequence is known: letters come as often as they should."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from noisy import of_atoms, of_function
from scipy.stats import chi2_contingency

from unnoise._errors import InputError
from unnoise.chains import AtNoise, DiscreteWalkJump, WalkJump, run
from unnoise.spaces import Finite
from unnoise.testing import ImprobableError, assert_mean, assert_probable

SIGMA, CHAINS, STEPS = 0.8, 20_000, 80
STEP_BIAS = 3e-3  # of probabilities, by the size of the steps


def everything(space: Finite) -> torch.Tensor:
    """All sequences of a space of one axis of sites, (product of sizes, sites)."""
    sizes = space.sizes if len(space.sizes) > 1 else space.sizes * space.sites
    return torch.cartesian_prod(*map(torch.arange, sizes)).reshape(-1, space.sites)


class Known:
    """A law of which all sequences and weights are known, and its smoothing in closed form."""

    def __init__(self, space: Finite, weights: torch.Tensor) -> None:
        self.space, self.sequences, self.weights = space, everything(space), weights / weights.sum()
        self.noisy = of_atoms(space.features(self.sequences), self.weights)

    def sampler(self, sigma: float = SIGMA, noisy: AtNoise | None = None, steps: int = STEPS) -> DiscreteWalkJump:
        return DiscreteWalkJump(noisy or self.noisy, sigma, steps, delta=0.25, space=self.space)

    def without_walk(self, rng: torch.Generator, n: int = CHAINS) -> torch.Tensor:
        """Draws of X + sigma N, without a walk."""
        x = self.space.features(self.sequences[torch.multinomial(self.weights, n, replacement=True, generator=rng)])
        return (x + SIGMA * torch.randn(x.shape, generator=rng))[:, None]

    def mean(self) -> torch.Tensor:
        """E[X], one-hot."""
        return (self.weights[:, None, None] * self.space.features(self.sequences)).sum(0)

    def assert_alike(self, first: torch.Tensor, second: torch.Tensor) -> None:
        """Fail if two sets of sequences have different laws, by those seen ten times."""
        known = {tuple(row): number for number, row in enumerate(self.sequences.tolist())}
        numbers = [torch.tensor([known[tuple(row)] for row in rows.tolist()]) for rows in (first, second)]
        counts = torch.stack([number.bincount(minlength=len(known)) for number in numbers])
        p_value = chi2_contingency(counts[:, counts.sum(0) >= 10].numpy()).pvalue
        assert_probable(p_value, "two sets of sequences have one law")


def potts(space: Finite, rng: torch.Generator) -> Known:
    """Random fields and couplings: sites that depend on each other, unequal sizes included."""
    onehot = space.features(everything(space)).flatten(1)
    fields = torch.randn(onehot.shape[1], generator=rng)
    couplings = torch.randn(onehot.shape[1], onehot.shape[1], generator=rng) / 3
    return Known(space, (onehot @ fields + (onehot @ couplings * onehot).sum(1)).exp())


@pytest.fixture(params=[Finite(4, 2), Finite(3, (2, 4, 3))], ids=["equal", "unequal"])
def law(request) -> Known:
    return potts(request.param, torch.Generator().manual_seed(3))


def test_letters_after_a_walk_have_the_law_of_letters_after_noise(law, rng):
    sampler = law.sampler()
    walked, exact = sampler.sample(CHAINS, rng), sampler.jump(law.without_walk(rng))
    law.space.check(walked)
    law.assert_alike(walked, exact)


def test_the_same_from_sequences_of_the_law(law, rng):
    sampler = law.sampler()
    start = law.sequences[:1].expand(CHAINS, -1)
    law.assert_alike(sampler.sample(start, rng), sampler.jump(law.without_walk(rng)))


@pytest.mark.parametrize("sigma", [0.7, 0.95])
def test_a_walk_at_another_level_is_found_out(law, rng, sigma):
    wrong = law.sampler(sigma)
    with pytest.raises(ImprobableError):
        law.assert_alike(wrong.sample(CHAINS, rng), law.sampler().jump(law.without_walk(rng)))


def test_a_walk_with_twice_the_score_is_found_out(law, rng):
    """What a wrong mass, or kicks that forget their half, would do; friction alone changes no law."""

    doubled = of_function(lambda y, sigma: 2 * law.noisy.denoise(y, sigma) - y, law.space.sites, law.space.states)
    walked = law.sampler(noisy=doubled).walk(CHAINS, STEPS, rng).x
    sampler = law.sampler()
    with pytest.raises(ImprobableError):
        law.assert_alike(sampler.jump(walked), sampler.jump(law.without_walk(rng)))
    with pytest.raises(ImprobableError):
        assert_mean(sampler.probabilities(walked), law.mean(), tolerance=STEP_BIAS)


def test_probabilities_after_a_walk_average_to_those_of_the_law(law, rng):
    """E[E[X | Y]] = E[X], up to what the step size may shift."""
    sampler = law.sampler()
    found = sampler.probabilities(sampler.walk(CHAINS, STEPS, rng).x)
    assert_mean(found, law.mean(), tolerance=STEP_BIAS)
    torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:-1]), rtol=0, atol=1e-5)


def test_little_noise_gives_back_the_sequences_themselves(law, rng):
    sampler = law.sampler(0.1, steps=20)
    assert torch.equal(sampler.sample(law.sequences, rng), law.sequences)


def test_it_is_walk_jump_on_one_hot_sequences(law):
    first, second = (torch.Generator().manual_seed(5) for _ in range(2))
    sampler = law.sampler()
    expected = WalkJump(law.noisy, SIGMA, delta=0.25).walk(law.space.features(law.sequences), 7, first).x
    assert torch.equal(sampler.walk(law.sequences, 7, second).x, expected)


def test_a_walk_goes_on_and_every_kept_step_can_be_read(law, rng):
    sampler = law.sampler()
    trace = sampler.walk(10, 6, rng, keep=2)
    assert sampler.jump(trace.kept.flatten(0, 1)).shape == (30, law.space.sites)
    assert run(sampler.kernel, trace.state, 5, rng).x.shape == (10, 1, law.space.sites, law.space.states)


def test_letters_that_a_site_lacks_are_never_read(rng):
    """Even where a network believes in them."""

    space = Finite(3, (2, 4, 3))
    noisy = of_function(lambda y, sigma: torch.arange(4.0).expand(y.shape), 3, 4)
    sampler = DiscreteWalkJump(noisy, 1.0, space=space)
    assert sampler.jump(torch.zeros(5, 1, 3, 4)).unique(dim=0).tolist() == [[1, 3, 2]]


def test_pictures_of_letters_are_sequences_too(rng):
    space = Finite((2, 3), 3)
    known = torch.randint(3, (4, 2, 3), generator=rng)
    sampler = DiscreteWalkJump(of_atoms(space.features(known)), 0.2, steps=10, space=space)
    assert torch.equal(sampler.sample(known, rng), known)


class TestFaults:
    space = Finite(3, (2, 4, 3))

    @pytest.fixture
    def sampler(self) -> DiscreteWalkJump:
        return DiscreteWalkJump(of_atoms(self.space.features(everything(self.space))), space=self.space)

    @pytest.mark.parametrize("numbers", [{"sigma": 0.0}, {"delta": -1.0}, {"friction": math.nan}])
    def test_numbers_that_mean_nothing(self, sampler, numbers):
        with pytest.raises(InputError, match="expected a positive number"):
            replace(sampler, **numbers)

    def test_letters_that_a_site_lacks(self, sampler, rng):
        with pytest.raises(InputError, match="got the state 2 at row 0, site \\(0,\\)"):
            sampler.sample(torch.tensor([[2, 0, 0]]), rng)

    def test_sequences_already_written(self, sampler, rng):
        with pytest.raises(InputError):
            sampler.sample(torch.zeros(1, 3, 4), rng)

    def test_no_chains(self, sampler, rng):
        with pytest.raises(InputError, match="got start = 0; expected a whole number from 1"):
            sampler.sample(0, rng)

    def test_a_denoiser_of_another_alphabet(self, rng):
        space = Finite(3, 5)
        sampler = DiscreteWalkJump(of_function(lambda y, sigma: y[..., :4], 3, 5), 1.0, space=space)
        with pytest.raises(InputError, match=r"the shape \(2, 3, 4\); expected \(2, 3, 5\)"):
            sampler.jump(torch.zeros(2, 1, 3, 5))
