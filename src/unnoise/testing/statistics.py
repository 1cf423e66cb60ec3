"""The statistics behind all p-values, and the one rate at which a right object may fail a test of chance.

A test is a p-value that is uniform, or larger, where the claim holds; it fails below `FAILURE_RATE`. `assert_mean`,
`assert_frequencies` and `assert_law` know the law of their statistic at any number of draws. Other p-values go through
`assert_probable`. All raise `ImprobableError`. A bias that a claim allows is its `tolerance`, and no part of chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import real
from unnoise._errors import InputError

FAILURE_RATE = 1e-6  # how often a true claim is rejected
FORGIVEN = 1e-3  # of the size of the terms, for rounding and finite differences
LEAST_EXPECTED = 10.0  # draws in a cell; lesser cells are counted together


class ImprobableError(AssertionError):
    """A true claim would hardly ever give such draws: about once in a million tests."""


def assert_probable(p_value: float, claim: str = "the claim") -> None:
    """Fail if a p-value is below the failure rate.

    Raises:
        ImprobableError: it is.
        InputError: it is above 1.

    >>> assert_probable(0.3)
    """
    if p_value > 1 + FORGIVEN:
        raise InputError(f"got a p-value of {p_value:.6g}; expected a probability, from 0 to 1")
    if not p_value > FAILURE_RATE:
        raise ImprobableError(f"p = {p_value:.2g}, below the failure rate {FAILURE_RATE:g}: {claim}")


def assert_mean(values: Tensor, truth: Tensor | float = 0.0, *, tolerance: float = 0.0) -> None:
    """Fail unless independent values, (n, *shape), have the mean `truth`, up to a bias of `tolerance` in each place.

    Args:
        values: independent along the first axis.
        truth: a number, or one for each place.
        tolerance: the bias that is allowed, in the values' units.

    Raises:
        ImprobableError: they would hardly ever have such a mean.

    >>> draws = torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0))
    >>> assert_mean(draws, 0.0)
    >>> assert_mean(draws, 0.1)
    Traceback (most recent call last):
    unnoise.testing.statistics.ImprobableError: p = ...
    """
    p_value = mean_p_value(values, truth, tolerance)
    mean, wanted = values.detach().double().mean(0), torch.as_tensor(truth).detach().double()
    distance = (mean - wanted).abs().nan_to_num(torch.inf)
    at = int(distance.argmax())
    seen, expected = (float(side.expand_as(distance).flatten()[at]) for side in (mean, wanted))
    claim = f"the mean of {len(values)} values is {expected:.5g} up to {tolerance:g}; it is {seen:.5g} at {at}"
    assert_probable(p_value, claim)


def assert_mean_at_most(values: Tensor, bound: float) -> None:
    """Fail if the mean of independent values, (n, *shape), is above `bound` in any place, beyond chance.

    Raises:
        ImprobableError: values of a mean of at most `bound` would hardly ever have such a one.

    >>> assert_mean_at_most(torch.randn(10_000, generator=torch.Generator().manual_seed(0)), 0.0)
    """
    seen = float(values.detach().double().mean(0).max())
    claim = f"the mean of {len(values)} values is at most {bound:.5g}; it is {seen:.5g}"
    assert_probable(excess_p_value(values, bound), claim)


def assert_frequencies(counts: Tensor, probs: Tensor) -> None:
    """Fail unless counts, (k,), are those of independent draws with probabilities `probs`, (k,).

    >>> assert_frequencies(torch.tensor([480, 520]), torch.tensor([0.5, 0.5]))
    """
    found = _short([round(value, 4) for value in (counts / counts.sum()).tolist()])
    claim = f"{int(counts.sum())} draws have the probabilities {_short(probs)}; their frequencies are {found}"
    assert_probable(frequencies_p_value(counts, probs), claim)


def assert_law(samples: Tensor, cdf: Callable[[Tensor], Any]) -> None:
    """Fail unless independent real samples, (n,), have the distribution function `cdf`.

    >>> assert_law(torch.rand(1000, generator=torch.Generator().manual_seed(0)), lambda x: x)
    """
    claim = f"{samples.numel()} samples, {_short(samples)}, follow the law of the distribution function"
    assert_probable(law_p_value(samples, cdf), claim)


def mean_p_value(values: Tensor, truth: Tensor | float = 0.0, tolerance: float = 0.0) -> float:
    r"""The p-value of "independent values, (n, *shape), have the mean `truth` up to `tolerance` in every place".

    Student's test in each place: at a bias of $\tau$ it is $F(-(d - \tau)/e) + F(-(d + \tau)/e)$ with
    $d = |\bar x - \mu|$, e the standard error, and F Student's law with n - 1 degrees of freedom; exact for normal
    values. The least of k places is judged by $1 - (1 - p)^k$ (Sidak 1967). NaN gives 0.
    """
    real(least=0, tolerance=tolerance)
    distance, error, freedom = _student(values, truth)
    allowed = tolerance + _rounding(values, truth)
    p_value = _below((allowed - distance) / error, freedom) + _below(-(distance + allowed) / error, freedom)
    return _least(torch.where(error > 0, p_value, (distance <= allowed).double()), values)


def excess_p_value(values: Tensor, bound: float) -> float:
    """The p-value of "independent values, (n, *shape), have means of at most `bound`", by Student's one-sided test."""
    _, error, freedom = _student(values, bound)
    excess = values.detach().double().mean(0) - bound - _rounding(values, bound)
    return _least(torch.where(error > 0, _below(-excess / error, freedom), (excess <= 0).double()), values)


def frequencies_p_value(counts: Tensor, probs: Tensor) -> float:
    """The p-value of "counts, (k,), are of draws with probabilities `probs`", by Pearson's chi-square.

    Cells of fewer than ten expected draws are merged; impossible draws give 0.
    """
    from scipy.special import chdtrc

    counts, probs = counts.double(), probs.detach().double()
    if counts.shape != probs.shape:
        raise InputError(f"got counts of shape {tuple(counts.shape)} for probabilities of shape {tuple(probs.shape)}")
    if bool((counts[probs <= 0] > 0).any()):
        return 0.0
    expected, order = torch.sort(counts.sum() * probs / probs.sum(), descending=True)
    kept = int((expected >= LEAST_EXPECTED).sum())
    if float(expected[kept:].sum()) < LEAST_EXPECTED:
        kept -= 1  # the rest joins the least of the others
    if kept < 1:
        raise InputError(f"got {int(counts.sum())} draws; too few to compare frequencies of {len(probs)} values")
    cells = [torch.cat([part[:kept], part[kept:].sum(0, keepdim=True)]) for part in (counts[order], expected)]
    return float(chdtrc(kept, float(((cells[0] - cells[1]) ** 2 / cells[1]).sum())))


def law_p_value(samples: Tensor, cdf: Callable[[Tensor], Any]) -> float:
    """The p-value of "independent real samples, (n,), follow `cdf`", by Kolmogorov's test, exact at every n."""
    from scipy.stats import kstwo

    ordered, n = samples.detach().double().flatten().sort().values, samples.numel()
    values, ranks = torch.as_tensor(cdf(ordered)).double(), torch.arange(n + 1, dtype=torch.float64) / n
    gap = float(torch.maximum(values - ranks[:-1], ranks[1:] - values).max())
    return float(kstwo.sf(gap, n)) if gap == gap else 0.0


def mean_is_zero(rows: Tensor, tolerated: float = FORGIVEN) -> float:
    r"""The p-value of "the mean of the independent rows, (n, k), is zero", by Hotelling's test with a tolerance.

    $T^2 = \bar x^T (S/n + \tau^2 I)^{-1}\bar x$ and $\frac{n - \nu}{\nu(n - 1)} T^2 \sim F(\nu, n - \nu)$ with
    $\nu = \mathrm{tr}\,S(S + n\tau^2 I)^{-1}$ degrees of freedom. At $\tau = 0$ it is the test of Hotelling (1931) with
    $\nu = k$: exact for normal rows, nearly so for others of light tails with n much above k. It sees small differences
    of many columns together, which `mean_p_value` does not. The tolerance $\tau$, in the units of the rows, forgives
    rounding and finite differences, also where rows hardly vary. NaN gives 0.

    >>> rows = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> mean_is_zero(rows) > 0.01, mean_is_zero(rows + 0.3) < 1e-20
    (True, True)
    """
    from scipy.special import fdtrc

    if not torch.isfinite(rows).all():
        return 0.0
    n, mean = len(rows), rows.mean(0)
    centred = rows - mean
    values, axes = torch.linalg.eigh(centred.T @ centred / (n - 1) / n)
    values = values.clamp(min=0)
    freedom = max(1.0, float((values / (values + tolerated**2)).sum()))
    if n < 10 * freedom:
        raise InputError(f"got {n} draws for a test of {freedom:.0f} numbers; give at least {10 * freedom:.0f} draws")
    squared = float(((mean @ axes) ** 2 / (values + tolerated**2)).sum())
    return float(fdtrc(freedom, n - freedom, squared * (n - freedom) / (freedom * (n - 1))))


def standard_errors(rows: Tensor) -> Tensor:
    """The mean of each column in units of its standard error, (k,)."""
    error = rows.std(0) / len(rows) ** 0.5
    return torch.where(error == 0, 0.0, rows.mean(0) / error.clamp(min=torch.finfo(rows.dtype).tiny))


def _student(values: Tensor, truth: Tensor | float) -> tuple[Tensor, Tensor, int]:
    """Distances from the truth, standard errors, degrees of freedom."""
    n, rows = len(values), values.detach().double()
    if n < 2:
        raise InputError(f"got {n} values; a mean is judged by how at least two of them differ")
    mean, wanted = rows.mean(0), torch.as_tensor(truth).detach().double()
    if wanted.ndim and wanted.shape != mean.shape:
        raise InputError(f"got a truth of shape {tuple(wanted.shape)} for means of shape {tuple(mean.shape)}")
    distance = (mean - wanted).abs()
    return distance, rows.std(0).expand_as(distance) / n**0.5, n - 1


def _rounding(values: Tensor, truth: Tensor | float) -> float:
    kind = values.dtype if values.is_floating_point() else torch.float64
    largest = max(float(torch.as_tensor(part).detach().abs().max()) for part in (values, truth))
    return 16 * torch.finfo(kind).eps * largest


def _below(t: Tensor, freedom: int) -> Tensor:
    from scipy.special import stdtr

    return torch.as_tensor(stdtr(freedom, t.numpy()))


def _least(p_values: Tensor, values: Tensor) -> float:
    """Sidak's p-value of the least; 0 for NaN."""
    if not torch.isfinite(values).all():
        return 0.0
    return float(-torch.expm1(p_values.numel() * torch.log1p(-p_values.min().clamp(max=1.0))))


def _short(values: Any) -> str:
    shown = [f"{float(value):.4g}" for value in torch.as_tensor(values).flatten()[:6]]
    return ", ".join([*shown, "..."] if len(torch.as_tensor(values).flatten()) > 6 else shown)
