"""The exact sampler of masked sequences."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact
from unnoise.processes import CTMC, edm
from unnoise.processes.rates import Absorbing, UniformRates
from unnoise.samplers import FirstHitting
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_frequencies, check_sampler

FLOAT64 = torch.float64
WORDS = torch.tensor([[0, 0], [1, 4], [3, 1]])
PROCESSES = {
    "words": (CTMC(Finite(2, 6), Absorbing(6)), WORDS),
    "unequal": (CTMC(Finite(2, (5, 6)), Absorbing((5, 6))), WORDS),
    "images": (
        CTMC(Finite((2, 2), 3), Absorbing(3)),
        torch.tensor([[[0, 1], [0, 1]], [[1, 1], [0, 0]], [[1, 0], [1, 1]]]),
    ),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_it_keeps_the_laws(name):
    process, atoms = PROCESSES[name]
    check_sampler(FirstHitting, process, atoms, draws=2000, steps=16)


class TooEarly(FirstHitting):
    """Every mask for itself: the next of m masks falls as if there were one."""

    def _uniform(self, shape, rng, device):
        drawn = super()._uniform(shape, rng, device)
        return drawn if len(shape) == 2 else drawn**0.5


def test_a_broken_twin_is_caught():
    process, atoms = PROCESSES["words"]
    failed = check_sampler(TooEarly, process, atoms, draws=4000, steps=16, raises=False).failed
    assert any("half way" in finding.claim for finding in failed)


def test_frequencies_are_exact_at_two_steps(rng):
    process, atoms = PROCESSES["words"]
    weights = torch.tensor([0.1, 0.3, 0.6], dtype=FLOAT64)
    samples = FirstHitting(Exact(process, atoms, weights)).sample(20_000, rng)
    counts = (samples[:, None] == atoms).all(-1).sum(0)
    assert int(counts.sum()) == 20_000
    assert_frequencies(counts, weights)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, torch.full((3,), 1 / 3))


class Counting(Denoiser):
    """Counts the rows that it is asked for."""

    def __init__(self, process, atoms):
        super().__init__()
        self.process, self.exact, self.rows = process, Exact(process, atoms), 0

    def forward(self, x_t, t, cond=None):
        self.rows += len(x_t)
        return self.exact(x_t, t, cond)


def test_it_looks_once_at_every_site(rng):
    process, atoms = PROCESSES["words"]
    denoiser = Counting(process, atoms)
    FirstHitting(denoiser).sample(500, rng)
    assert denoiser.rows == pytest.approx(500 * (2 + 1), abs=5)


def test_rates_without_masks_are_refused():
    with pytest.raises(InputError, match=r"^FirstHitting needs a process that jumps .*, not Gaussian: use samplers"):
        FirstHitting(Exact(edm(Euclidean(1)), torch.zeros(1, 1)))
    with pytest.raises(InputError, match=r"^FirstHitting needs sites that wait behind a mask.* got UniformRates: use"):
        FirstHitting(Exact(CTMC(Finite(2, 5), UniformRates(5)), WORDS))
