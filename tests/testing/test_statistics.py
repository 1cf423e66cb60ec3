from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.testing.statistics import mean_is_zero, standard_errors


def normal(n: int, k: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_p_values_are_uniform_when_the_mean_is_zero() -> None:
    p = torch.tensor([mean_is_zero(normal(60, 4, seed) @ normal(4, 4)) for seed in range(400)]).sort().values
    gap = (p - torch.linspace(0, 1, 400)).abs().max()
    assert gap < 0.1  # Kolmogorov's test at 5e-4


def test_it_is_students_test_in_one_dimension() -> None:
    from scipy.stats import ttest_1samp

    rows = normal(50, 1) + 0.3
    assert mean_is_zero(rows, 1e-12) == pytest.approx(ttest_1samp(rows[:, 0].numpy(), 0.0).pvalue, rel=1e-9)


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
    assert mean_is_zero(narrow + bias) > 0.01
    assert mean_is_zero(narrow + bias, 1e-9) < 1e-12
    assert mean_is_zero(narrow + 10 * bias) < 1e-12


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(InputError, match="at least 120 draws"):
        mean_is_zero(normal(50, 12))


def test_standard_errors() -> None:
    rows = torch.tensor([[1.0, 5.0], [3.0, 5.0]], dtype=torch.float64)
    assert standard_errors(rows).tolist() == pytest.approx([2.0, 0.0])
