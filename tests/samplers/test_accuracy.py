"""A spread that no standardised data have is told of, and one that they can have is not."""

from __future__ import annotations

import warnings

import pytest
import torch

from unnoise.processes import CTMC, edm, product, rates
from unnoise.samplers import InaccurateSamplesWarning
from unnoise.samplers.accuracy import warn_of_spread
from unnoise.spaces import Euclidean, Finite

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
