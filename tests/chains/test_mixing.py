"""What chains remember of their starts: nothing where they are independent, all where they did not move."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Density, Langevin, StartCorrelation, diagnostics, run
from unnoise.laws import GaussianMixture
from unnoise.testing import ImprobableError, assert_mean

NORMAL = Density(lambda x: -0.5 * (x**2).sum(1))


def draws(rng, *shape):
    return torch.randn(shape, generator=rng, dtype=torch.float64)


class TestMemory:
    @pytest.mark.parametrize("d", [1, 3, 50])
    def test_in_standard_errors_it_is_standard_normal_for_independent_points(self, d, rng):
        found = [diagnostics.start_correlation(draws(rng, 200, d), draws(rng, 200, d)) for _ in range(400)]
        squares = torch.tensor([(one.correlation / one.error) ** 2 for one in found])
        assert_mean(squares, 1.0)
        with pytest.raises(ImprobableError):
            assert_mean(1.5**2 * squares, 1.0)  # an error that is a third too small
        assert not any(one.lasts for one in found)

    @pytest.mark.parametrize("rho", [-0.2, 0.1, 0.3])
    def test_where_little_is_kept_it_is_the_correlation_in_the_one_direction_that_counts(self, rho, rng):
        """Ends that vary along one line in 20 dimensions, as the jumps to two modes do."""
        start, line = draws(rng, 20, 5000, 20), torch.ones(20, dtype=torch.float64) / 20**0.5
        along = rho * (start @ line) + (1 - rho**2) ** 0.5 * draws(rng, 20, 5000)
        end = 3 + 7 * along[..., None] * line
        found = [diagnostics.start_correlation(*pair) for pair in zip(start, end, strict=True)]
        expected = rho / (1 + 2 * rho**2) ** 0.5  # E p = rho, E p^2 = 1 + 2 rho^2 for normal variables
        assert_mean(torch.tensor([one.correlation for one in found]), expected, tolerance=0.003)  # a ratio of means
        assert all(one.lasts for one in found)

    def test_it_fades_as_an_autoregression_does(self, rng):
        start = draws(rng, 50, 1000, 1)
        for steps in (2, 4):
            rho = 0.5**steps  # of Langevin with h = 1/2 on a standard normal
            ends = run(Langevin(NORMAL, 0.5), start.flatten(0, 1), steps, rng).x.view_as(start)
            found = [diagnostics.start_correlation(*pair).correlation for pair in zip(start, ends, strict=True)]
            expected, bias = rho / (1 + 2 * rho**2) ** 0.5, 0.002  # of a ratio of means of 1000
            assert_mean(torch.tensor(found), expected, tolerance=bias)
            with pytest.raises(ImprobableError):
                assert_mean(torch.tensor(found), 2 * expected, tolerance=bias)  # one step less

    def test_it_has_no_units_and_no_origin(self, rng):
        a, b = draws(rng, 500, 2), draws(rng, 500, 2)
        found = diagnostics.start_correlation(a, a + b)
        assert diagnostics.start_correlation(3 * a - 7, 1e-3 * (a + b) + 5).correlation == pytest.approx(
            found.correlation
        )
        assert 0 < found.correlation < diagnostics.start_correlation(a, a).correlation <= 1

    def test_few_chains_accuse_nobody_and_equal_starts_tell_nothing(self, rng):
        few = draws(rng, 10, 1)
        assert not diagnostics.start_correlation(few, few).lasts
        assert diagnostics.start_correlation(
            torch.ones(100, 2), torch.randn(100, 2, generator=rng)
        ) == StartCorrelation(0.0, 0.1)

    def test_a_little_is_forgiven(self):
        assert not StartCorrelation(0.015, 1e-4).lasts
        assert StartCorrelation(-0.03, 1e-3).lasts

    @pytest.mark.parametrize(("start", "end"), [((5, 2), (5, 3)), ((1, 2), (1, 2))])
    def test_shapes_that_tell_nothing(self, start, end):
        with pytest.raises(InputError, match="expected the same, with at least 2 chains"):
            diagnostics.start_correlation(torch.zeros(start), torch.zeros(end))


def test_chains_that_stay_in_their_mode_remember_it_and_shuffled_ones_do_not(rng):
    """The same ends with the starts of other chains: what is seen is memory, not the shape of the laws."""
    law = GaussianMixture(torch.tensor([0.8, 0.2]), torch.tensor([[4.0], [-4.0]]), torch.ones(2, 1, 1))
    start = 3 * torch.randn(2000, 1, generator=rng)
    end = run(Langevin(law, 0.1), start, 200, rng).x
    assert diagnostics.start_correlation(start, end).lasts
    assert not diagnostics.start_correlation(start.roll(1, 0), end).lasts
