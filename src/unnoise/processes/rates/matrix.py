r"""Rates given as a matrix.

A reversible generator, $\pi_i R_{ij} = \pi_j R_{ji}$, is similar to the symmetric $\Pi^{1/2} R\,\Pi^{-1/2}$ of
orthogonal eigenvectors: $P_B = \Pi^{-1/2} U e^{\Lambda B} U^T \Pi^{1/2}$, to about 1e-15 of the largest entry. Any
other is exponentiated by a non-negative series and squaring, $P_B = (e^{-qh}\sum_k \frac{(qh)^k}{k!} J^k)^{2^m}$ with
$J = I + R/q$, $h = B/2^m$: dearer, but it keeps the digits of tiny entries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from unnoise._checks import flag, real, whole
from unnoise._errors import InputError
from unnoise.processes.rates.base import as_numbers
from unnoise.processes.rates.dense import MOST_STATES, Dense

TERMS = 24  # of the exponential series at q B <= 1/2: the rest is below 1e-31
TINY = 1e-9  # relative size of what should be zero


class Reversible(Dense):
    """A generator that is in detailed balance with a stationary law without zeros."""

    def transition(self, integral: Tensor) -> Tensor:
        """By the spectrum; rounding below zero is cut off."""
        values, right, left = (part.to(integral) for part in self._spectrum)
        return ((right * torch.exp(integral[:, None] * values)[:, None, :]) @ left).clamp_(min=0)

    @cached_property
    def _spectrum(self) -> tuple[Tensor, Tensor, Tensor]:
        r"""$\Lambda$, $\Pi^{-1/2} U$ and $U^T\Pi^{1/2}$."""
        root = self.stationary.sqrt()
        symmetric = root[:, None] * self.generator / root
        values, vectors = torch.linalg.eigh(0.5 * (symmetric + symmetric.T))
        return values.clamp(max=0), vectors / root[:, None], vectors.T * root


@dataclass(frozen=True)
class GaussianTarget(Reversible):
    r"""Jumps towards the middle at rate $e^{-(i - j)^2/\sigma_r^2}$, and back by detailed balance with a Gaussian.

    $\pi_i \propto e^{-(i - m)^2/2\sigma^2}$ with $m = (S - 1)/2$. Campbell et al. 2022 (arXiv 2205.14987), appendix E;
    for images Benton et al. 2024 (arXiv 2211.03595).

    Args:
        states: S, how many a site has.
        reach: $\sigma_r$, how far a jump goes, in states.
        width: $\sigma$ of the target in states; 2 S by default.
        normalised: whether rates are scaled to a spectral gap of 1.

    >>> bool(GaussianTarget(8, width=2.0).stationary.argmax() in (3, 4))
    True
    """

    ordinal = True
    states: int
    reach: float = 6.0
    width: float | None = None
    normalised: bool = True

    def __post_init__(self) -> None:
        whole(least=2, most=MOST_STATES, states=self.states)
        real(above=0, reach=self.reach)
        real(above=0, or_none=True, width=self.width)
        flag(normalised=self.normalised)

    @cached_property
    def stationary(self) -> Tensor:
        """A discretised Gaussian."""
        width = 2 * self.states if self.width is None else self.width
        return torch.softmax(-0.5 * (self._places() / width) ** 2, 0)

    @cached_property
    def generator(self) -> Tensor:
        """Jumps that are the rarer the longer they are."""
        places = self._places()
        jumps = torch.exp(-(((places[:, None] - places) / self.reach) ** 2))
        outwards = places.abs() > places.abs()[:, None] + 0.25
        ratio = self.stationary / self.stationary[:, None]
        jumps = (jumps * torch.where(outwards, ratio, 1.0)).fill_diagonal_(0.0)
        generator = jumps - torch.diag(jumps.sum(1))
        return generator / _gap(generator) if self.normalised else generator

    def _places(self) -> Tensor:
        """States as distances from the middle."""
        return torch.arange(self.states, dtype=torch.float64) - 0.5 * (self.states - 1)


@dataclass(frozen=True)
class RateMatrix(Reversible):
    """Any generator with one stationary law, given as its matrix of rates.

    Args:
        matrix: R, (S, S): rates off the diagonal, rows that sum to zero, one stationary law; else InputError.
        normalised: whether rates are scaled to a spectral gap of 1.
        ordered: whether states that are numbered alike are alike.

    >>> RateMatrix([[-1.0, 1.0], [2.0, -2.0]]).stationary
    tensor([0.6667, 0.3333], dtype=torch.float64)
    """

    matrix: tuple[tuple[float, ...], ...] = field(repr=False)
    normalised: bool
    ordered: bool

    def __init__(
        self, matrix: Tensor | Sequence[Sequence[float]], normalised: bool = True, ordered: bool = False
    ) -> None:
        flag(normalised=normalised, ordered=ordered)
        rows = tuple(map(tuple, _checked(as_numbers("matrix", matrix)).tolist()))
        vars(self).update(matrix=rows, normalised=normalised, ordered=ordered, ordinal=ordered)

    @cached_property
    def generator(self) -> Tensor:
        """The matrix, scaled."""
        given = torch.tensor(self.matrix, dtype=torch.float64)
        return given / _gap(given) if self.normalised else given

    @cached_property
    def stationary(self) -> Tensor:
        r"""The only solution of $\pi R = 0$, $\sum\pi = 1$, by least squares."""
        generator = self.generator
        equations = torch.cat([generator.T / generator.abs().max(), torch.ones_like(generator[:1])])
        right = torch.zeros(len(equations), 1, dtype=generator.dtype)
        right[-1] = 1
        law = torch.linalg.lstsq(equations, right).solution[:, 0]
        law = torch.where(law > 1e-14, law, 0.0)
        return law / law.sum()

    @property
    def data(self) -> Tensor:
        """All states, also those that noise leaves for good."""
        return torch.ones(len(self.matrix), dtype=torch.bool)

    def transition(self, integral: Tensor) -> Tensor:
        """By the spectrum where reversible, else the series."""
        return super().transition(integral) if self._reversible else _series(self.generator.to(integral), integral)

    @cached_property
    def _reversible(self) -> bool:
        flow = self.stationary[:, None] * self.generator
        return bool((self.stationary > TINY).all() and (flow - flow.T).abs().max() <= TINY * flow.abs().max())


def _series(generator: Tensor, integral: Tensor) -> Tensor:
    """By positive terms, squared again and again: nothing is subtracted."""
    fastest = -generator.diagonal().min()
    doublings = max(0, math.ceil(math.log2(max(float((fastest * integral).max()), 1e-300)) + 1))
    identity = torch.eye(len(generator), dtype=generator.dtype, device=generator.device)
    jump = identity + generator / fastest
    step = (fastest * integral / 2**doublings)[:, None, None]
    total = identity.expand(len(integral), -1, -1)
    for k in range(TERMS, 0, -1):
        total = identity + step / k * (jump @ total)
    total = torch.exp(-step) * total
    for _ in range(doublings):
        total = total @ total
    return total


def _gap(generator: Tensor) -> float:
    return -float(torch.linalg.eigvals(generator).real.sort(descending=True).values[1])


def _checked(matrix: Tensor) -> Tensor:
    """The generator, with rows that sum to zero to the last digit."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise InputError(f"got a rate matrix of shape {tuple(matrix.shape)}; expected (S, S) with S at least 2")
    if not torch.isfinite(matrix).all():
        raise InputError("got a rate matrix with NaN or infinite entries; every rate must be a finite number")
    jumps = matrix - torch.diag(matrix.diagonal())
    if (jumps < 0).any():
        i, j = (jumps < 0).nonzero()[0].tolist()
        raise InputError(f"got the negative rate {float(matrix[i, j]):g} from {i} to {j}; rates are 0 or more")
    sums, size = matrix.sum(1), max(float(matrix.abs().max()), 1e-300)
    if sums.abs().max() > 1e-6 * size:
        row = int(sums.abs().argmax())
        got = f"a rate matrix whose row {row} sums to {float(sums[row]):g}"
        raise InputError(f"got {got}; rows must sum to 0, so put minus the sum of the other rates on the diagonal")
    exact = jumps - torch.diag(jumps.sum(1))
    if int((torch.linalg.svdvals(exact) < TINY * size).sum()) != 1:
        never = "so noise would never forget where data was; connect the states by rates above 0"
        raise InputError(f"got a rate matrix with more than one stationary law, {never}")
    return exact
