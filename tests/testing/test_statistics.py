from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.testing import statistics
from unnoise.testing.statistics import (
    FAILURE_RATE,
    ImprobableError,
    assert_frequencies,
    assert_law,
    assert_mean,
    assert_mean_at_most,
    assert_probable,
    excess_p_value,
    frequencies_p_value,
    law_p_value,
    mean_is_zero,
    mean_p_value,
    standard_errors,
)

LEVEL, REPEATS = 0.05, 2000
FACES = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)


def normal(n: int, k: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rolled(n: int, rng: torch.Generator) -> torch.Tensor:
    return torch.multinomial(FACES, n, replacement=True, generator=rng).bincount(minlength=4)


def biased(n: int, rng: torch.Generator) -> torch.Tensor:
    return torch.randn(n, generator=rng, dtype=torch.float64) + 0.2


# p-values of a true claim at the edge of what it allows, each with few draws.
TRUE = {
    "mean of 5": lambda rng: mean_p_value(biased(5, rng), 0.2),
    "means of 5": lambda rng: mean_p_value(torch.randn(5, 7, generator=rng)),
    "mean up to a bias": lambda rng: mean_p_value(biased(20, rng), 0.1, tolerance=0.1),
    "mean at most": lambda rng: excess_p_value(biased(5, rng), 0.2),
    "Hotelling": lambda rng: mean_is_zero(torch.randn(40, 4, generator=rng, dtype=torch.float64), 1e-9),
    "frequencies": lambda rng: frequencies_p_value(rolled(200, rng), FACES),
    "law of 8": lambda rng: law_p_value(torch.rand(8, generator=rng, dtype=torch.float64), lambda x: x),
}


def rejections(p_value) -> torch.Tensor:
    """How often a claim was kept and rejected at the level."""
    rng = torch.Generator().manual_seed(0)
    rejected = sum(p_value(rng) <= LEVEL for _ in range(REPEATS))
    return torch.tensor([REPEATS - rejected, rejected])


@pytest.mark.parametrize("name", TRUE)
def test_a_true_claim_is_rejected_as_often_as_said(name: str) -> None:
    assert_frequencies(rejections(TRUE[name]), torch.tensor([1 - LEVEL, LEVEL]))


def test_the_normal_law_in_the_place_of_students_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What so many standard errors assume: with five draws the twin rejects twice as often as it says."""
    monkeypatch.setattr(statistics, "_below", lambda t, freedom: torch.special.ndtr(t))
    with pytest.raises(ImprobableError):
        assert_frequencies(rejections(TRUE["mean of 5"]), torch.tensor([1 - LEVEL, LEVEL]))


def test_what_is_false_is_rejected(rng: torch.Generator) -> None:
    values = biased(1000, rng)
    for claim in (
        lambda: assert_mean(values, 0.4),
        lambda: assert_mean(values, 0.5, tolerance=0.1),
        lambda: assert_mean(torch.stack([values] + [values - 0.2] * 20, 1)),
        lambda: assert_mean_at_most(values, 0.0),
        lambda: assert_frequencies(rolled(5000, rng), FACES.flip(0)),
        lambda: assert_law(values, torch.special.ndtr),
    ):
        with pytest.raises(ImprobableError, match="below the failure rate"):
            claim()


def test_what_is_true_is_kept(rng: torch.Generator) -> None:
    values = biased(1000, rng)
    assert_mean(values, 0.2)
    assert_mean(values, 0.3, tolerance=0.1)
    assert_mean(values.float()[:, None] + torch.arange(3), torch.arange(3) + 0.2)
    assert_mean_at_most(values, 0.2)
    assert_frequencies(rolled(5000, rng), FACES)
    assert_law(values - 0.2, torch.special.ndtr)


def test_the_message_says_where_and_by_how_much() -> None:
    values = torch.stack([normal(500, 1)[:, 0], normal(500, 1)[:, 0] + 1], 1)
    with pytest.raises(ImprobableError, match=r"p = .*: the mean of 500 values is 0 up to 0.1; it is 0.95794 at 1"):
        assert_mean(values, tolerance=0.1)
    with pytest.raises(ImprobableError, match=r"4 draws have the probabilities 1, 0; their frequencies are 0.5, 0.5"):
        assert_frequencies(torch.tensor([2, 2]), torch.tensor([1.0, 0.0]))


def test_a_p_value_is_judged_by_the_one_rate() -> None:
    assert_probable(2 * FAILURE_RATE)
    for p_value in (FAILURE_RATE / 2, 0.0, float("nan")):
        with pytest.raises(ImprobableError, match="heads and tails"):
            assert_probable(p_value, "heads and tails")


@pytest.mark.parametrize(
    ("values", "p_value"),
    [
        (torch.full((9,), 0.3), 1.0),
        (torch.full((9,), 0.3) + 1e-8, 1.0),
        (torch.full((9,), 0.31), 0.0),
        (torch.full((9,), torch.nan), 0.0),
        (torch.full((9,), torch.inf), 0.0),
    ],
    ids=["constant", "rounding", "another constant", "nan", "infinite"],
)
def test_values_that_do_not_vary(values: torch.Tensor, p_value: float) -> None:
    assert mean_p_value(values, 0.3) == p_value
    assert excess_p_value(values, 0.3) == p_value


def test_rare_values_are_counted_together() -> None:
    from scipy.stats import chisquare

    probs = torch.tensor([0.001, 0.499, 0.499, 0.001])
    expected = chisquare([49, 51], [49.9, 50.1]).pvalue
    assert frequencies_p_value(torch.tensor([1, 49, 50, 0]), probs) == pytest.approx(expected, rel=1e-6)
    assert frequencies_p_value(torch.tensor([80, 30, 30, 0]), probs) < FAILURE_RATE
    assert frequencies_p_value(torch.tensor([1, 50, 50]), torch.tensor([0.0, 0.5, 0.5])) == 0.0


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (lambda: mean_p_value(torch.ones(1)), "got 1 values; a mean is judged by how at least two"),
        (lambda: frequencies_p_value(torch.tensor([3, 2]), torch.tensor([0.5, 0.5])), "got 5 draws; too few"),
        (lambda: mean_is_zero(normal(50, 12)), "at least 120 draws"),
    ],
)
def test_too_few_draws_are_refused(claim, message: str) -> None:
    with pytest.raises(InputError, match=message):
        claim()


def test_it_is_students_test_in_one_dimension() -> None:
    from scipy.stats import ttest_1samp

    rows = normal(50, 1) + 0.3
    expected = ttest_1samp(rows[:, 0].numpy(), 0.0).pvalue
    assert mean_is_zero(rows, 1e-12) == pytest.approx(expected, rel=1e-9)
    assert mean_p_value(rows) == pytest.approx(expected, rel=1e-9)


def test_the_scale_and_the_correlation_of_the_columns_do_not_matter() -> None:
    rows = normal(500, 3) + 0.1
    mixed = rows @ torch.tensor([[1e6, 1.0, 0.0], [0.0, 1e-3, 0.5], [0.0, 0.0, 2.0]], dtype=torch.float64)
    assert mean_is_zero(mixed, 1e-12) == pytest.approx(mean_is_zero(rows, 1e-12), rel=1e-6)


def test_a_column_repeated_changes_nothing() -> None:
    rows = normal(500, 3) + 0.1
    assert mean_is_zero(torch.cat([rows, rows[:, :1]], 1)) == pytest.approx(mean_is_zero(rows), rel=0.01)


@pytest.mark.parametrize(
    ("rows", "p_value"),
    [
        (torch.zeros(100, 2, dtype=torch.float64), 1.0),
        (torch.full((100, 2), 1e-12, dtype=torch.float64), 1.0),
        (torch.full((100, 2), 2e-2, dtype=torch.float64), 0.0),
        (torch.cat([normal(100, 1), torch.ones(100, 1, dtype=torch.float64)], 1), 0.0),
        (torch.full((100, 2), torch.nan, dtype=torch.float64), 0.0),
    ],
    ids=["zeros", "rounding", "a constant", "one constant column", "nan"],
)
def test_what_does_not_vary_must_be_zero(rows: torch.Tensor, p_value: float) -> None:
    assert mean_is_zero(rows) == pytest.approx(p_value, abs=1e-7)


def test_a_thousandth_of_the_size_of_the_terms_is_forgiven_where_nothing_varies() -> None:
    narrow = torch.cat([normal(10_000, 1), 1e-6 * normal(10_000, 1, 1)], 1)
    bias = torch.tensor([0.0, 1e-3], dtype=torch.float64)
    assert mean_is_zero(narrow + bias) > FAILURE_RATE
    assert mean_is_zero(narrow + bias, 1e-9) < FAILURE_RATE
    assert mean_is_zero(narrow + 10 * bias) < FAILURE_RATE


def test_standard_errors() -> None:
    rows = torch.tensor([[1.0, 5.0], [3.0, 5.0]], dtype=torch.float64)
    assert standard_errors(rows).tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize("truth", [float("nan"), torch.tensor([0.0, float("nan")])])
def test_a_truth_that_is_not_a_number_is_never_met(truth: torch.Tensor | float) -> None:
    with pytest.raises(ImprobableError):
        assert_mean(normal(100, 2), truth)
    with pytest.raises(ImprobableError):
        assert_mean_at_most(normal(100, 2), float("nan"))


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_forgives_everything_is_refused(tolerance: float) -> None:
    with pytest.raises(InputError, match=r"got tolerance = .*; expected a finite number at least 0"):
        assert_mean(normal(100, 2), tolerance=tolerance)


def test_what_is_not_a_number_lies_no_number_of_standard_errors_away() -> None:
    assert standard_errors(torch.full((9, 1), torch.nan)).isnan().all()
    assert standard_errors(torch.zeros(9, 1)).tolist() == [0.0]


def test_what_is_no_claim_is_refused():
    with pytest.raises(InputError, match="got a p-value of 2; expected a probability"):
        assert_probable(2.0)
    with pytest.raises(InputError, match=r"got a truth of shape \(3,\) for means of shape \(2,\)"):
        assert_mean(torch.randn(50, 2), torch.zeros(3))
    with pytest.raises(InputError, match=r"got counts of shape \(2,\) for probabilities of shape \(3,\)"):
        assert_frequencies(torch.tensor([50, 50]), torch.full((3,), 1 / 3))
