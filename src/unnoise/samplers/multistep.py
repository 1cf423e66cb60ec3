r"""Multistep solvers: earlier outputs are used again, at one evaluation per step.

In a `Form` the reverse is $y_s = y_t + \int N\,d\,\text{variable}$. A solver of order q integrates the polynomial
through the last q values of N exactly: $y_s = y_t + \sum_j w_j N_j$, with weights of the times alone, computed once per
run in float64, for any grid.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import flag, function, instance, whole
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Look
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian, map_leaves
from unnoise.samplers.base import Move, Sampler, require_gaussian
from unnoise.samplers.forms import DataForm, Form, NoiseForm, VelocityForm
from unnoise.samplers.grids import Grid, LogNormalGrid, UniformLogSNR

GIVEN_GRID = LogNormalGrid(-0.5, 1.6, 0.4)  # of a form that somebody chose
MOST_ORDER = 20  # which the nodes integrate exactly
NODES, MASSES = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(20))

Quadrature = Callable[[Form, Tensor, Tensor, Tensor], Tensor]


class Rule(NamedTuple):
    """What is chosen by the number of steps where nobody says."""

    order: int
    form: Form
    corrected: bool
    grid: Grid

    @classmethod
    def by_default(cls, steps: int) -> Rule:
        """The best of those tried on the flows of docs/solvers.md.

        Few steps are taken at higher noise, where it is decided into which mode a point falls. A corrector and a
        higher order pay once steps are short.
        """
        few = steps < 12
        grid = LogNormalGrid(0.7, 2.4, 0.15) if few else LogNormalGrid()
        return cls(3 if steps < 28 else 4, VelocityForm(2.0, power=0.4), not few, grid)

    @classmethod
    def of(cls, form: Form, steps: int) -> Rule:
        """For a form that somebody chose: large steps make polynomials swing, so few do better with less."""
        return cls(2 if steps < 12 else 3, form, steps >= 10 and not form.noisy, GIVEN_GRID)


def exact(form: Form, known: Tensor, start: Tensor, end: Tensor) -> Tensor:
    r"""Weights (q,) that integrate polynomials in `form.argument` through the places `known`, (q,), exactly."""
    places = start + (end - start) * (NODES + 1) / 2
    shares = _lagrange(form.argument(known), form.argument(places))
    return (shares * form.rate(places) * MASSES).sum(1) * (end - start) / 2


def in_variable(form: Form, known: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The same for polynomials in the variable of the form itself: Adams and Bashforth."""
    first, last = form.variable(start), form.variable(end)
    places = first + (last - first) * (NODES + 1) / 2
    return (_lagrange(form.variable(known), places) * MASSES).sum(1) * (last - first) / 2


def midpoint(form: Form, known: Tensor, start: Tensor, end: Tensor) -> Tensor:
    r"""The polynomial at the middle in $\lambda$ stands for all of the step."""
    return _lagrange(known, (0.5 * (start + end))[None])[:, 0] * (form.variable(end) - form.variable(start))


class Multistep(Sampler):
    r"""A multistep solver of any order, in any form, on Gaussian processes and products of them.

    The default did best of the fixed rules that were tried at 5 to 40 steps (docs/solvers.md); `tune` fits a model
    better. It is `VelocityForm(2, power=0.4)` of order 3, or 4 from 28 steps on. From 12 steps on every value of N also
    corrects the step that led to it, at no cost (UniC; Zhao et al. 2023, arXiv 2302.04867); fewer are taken at higher
    noise.

    `DataForm` with order 2 or 3 is DPM-Solver++ (arXiv 2211.01095), with churn its SDE, with a corrector UniPC;
    `NoiseForm` is DEIS (arXiv 2204.13902), with `in_variable` linear multistep; order 1 in either is DDIM.

    Args:
        order: of the polynomial, plus one; less at first.
        form: what is integrated.
        corrected: correct every step by the value at its end; not in a form with noise.
        quadrature: how polynomials are integrated.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> Multistep(denoiser, steps=10).sample(3, torch.Generator().manual_seed(0)).abs()
    tensor([[1.],
            [1.],
            [1.]])
    """

    def __init__(
        self,
        denoiser: Denoiser,
        steps: int = 25,
        order: int | None = None,
        form: Form | None = None,
        corrected: bool | None = None,
        quadrature: Quadrature = exact,
        grid: Grid | None = None,
    ) -> None:
        super().__init__(denoiser, steps, grid)
        require_gaussian(denoiser, type(self).__name__)
        whole(least=1, most=MOST_ORDER, or_none=True, order=order)
        instance(Form, or_none=True, form=form)
        flag(or_none=True, corrected=corrected)
        function(quadrature=quadrature)
        rule = Rule.by_default(steps) if form is None else Rule.of(form, steps)
        self.order = rule.order if order is None else order
        self.form = rule.form
        self.corrected = rule.corrected if corrected is None else corrected
        self.quadrature = quadrature
        if grid is None:
            self.grid = rule.grid
        if self.corrected and self.form.noisy:
            raise InputError("a corrector would undo the noise that this form adds: give corrected=False or churn=0")

    def moves(self, times: Tensor, looks: Sequence[Look] | None = None) -> Move:
        """Steps that remember those before them."""
        return _Run(self, times, looks)

    def plan(self) -> dict[str, Any]:
        """The times and all numbers of the steps between them, for those who take the steps elsewhere.

        Raises:
            InputError: the process is a product, or the form adds noise.
        """
        process, times = self.process, self._times()
        if not isinstance(process, Gaussian):
            raise InputError(f"got {process}, whose factors have steps of their own; expected one Gaussian process")
        table = _Table.of(self, process, times)
        if any(table.fresh):
            raise InputError("got a form that adds noise; expected churn=0 for a plan")
        found = asdict(table) | {"times": times.tolist(), "memory": self.order}
        found["prior"] = float(process.prior(1).scale)
        del found["fresh"]
        return found

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """A step without memory."""
        return self.moves(torch.stack([t, s]))(state, t, s, rng, cond)


def dpm_solver_pp(denoiser: Denoiser, steps: int = 25, churn: float = 0.0, grid: Grid | None = None) -> Multistep:
    """DPM-Solver++(2M) as published, and SDE-DPM-Solver++(2M) with churn 1 (Lu et al. 2022, arXiv 2211.01095).

    Args:
        denoiser: of a Gaussian process.
        steps: each asks the network once.
        churn: 0 for the probability flow, 1 for the SDE.
        grid: where the steps stand; by default even in the log signal-to-noise ratio.
    """
    grid = UniformLogSNR() if grid is None else grid
    return Multistep(denoiser, steps, 2, DataForm(churn), corrected=False, quadrature=midpoint, grid=grid)


def linear_multistep(denoiser: Denoiser, steps: int = 25, order: int = 4, grid: Grid | None = None) -> Multistep:
    r"""Adams and Bashforth's method for $d\tilde x/d\tilde\sigma$, as in k-diffusion's `sample_lms`.

    Args:
        denoiser: of a Gaussian process.
        steps: each asks the network once.
        order: how many of the last derivatives the polynomial goes through.
        grid: where the steps stand; that of `Multistep` by default.
    """
    return Multistep(denoiser, steps, order, NoiseForm(), corrected=False, quadrature=in_variable, grid=grid)


@dataclass(frozen=True)
class _Table:
    """Entry k is of the step from times[k]."""

    of_data: list[float]
    of_state: list[float]
    kept: list[float]
    weights: list[list[float]]
    corrections: list[list[float]]
    fresh: list[float]

    @classmethod
    def of(cls, sampler: Multistep, process: Gaussian, times: Tensor) -> _Table:
        """In float64, once for all runs over the same levels."""
        rule = sampler.form, sampler.quadrature, sampler.order, sampler.corrected
        levels = (tuple(part.tolist()) for part in process.logs(times.double()))
        return (_kept if all(isinstance(part, Hashable) for part in rule) else cls.at)(*rule, *levels)

    @classmethod
    def at(
        cls,
        form: Form,
        quadrature: Quadrature,
        order: int,
        corrected: bool,
        log_alphas: Sequence[float],
        log_sigmas: Sequence[float],
    ) -> _Table:
        """Of a rule at these levels."""
        log_alpha, log_sigma = (torch.tensor(part, dtype=torch.float64) for part in (log_alphas, log_sigmas))
        lam, count = log_alpha - log_sigma, len(log_alpha) - 1
        scale = log_alpha.exp() * form.scale(lam)  # x / y

        def weights(k: int, newest: int) -> list[float]:
            known = lam[max(0, k + 1 - order) : newest + 1]
            return (scale[k + 1] * quadrature(form, known, lam[k], lam[k + 1])).tolist()

        return cls(
            form.of_data(lam).tolist(),
            (form.of_state(lam) / log_alpha.exp()).tolist(),
            (scale[1:] / scale[:-1]).tolist(),
            [weights(k, k) for k in range(count)],
            [weights(k, k + 1) for k in range(count)] if corrected else [],
            (log_alpha[1:].exp() * form.fresh(lam[:-1], lam[1:])).tolist(),
        )


_kept = functools.lru_cache(maxsize=32)(_Table.at)


class _Run:
    """Tables, and what the network said before."""

    def __init__(self, sampler: Multistep, times: Tensor, looks: Sequence[Look] | None = None) -> None:
        self.denoiser, self.times, self.looks, self.index = sampler.denoiser, times, looks, 0
        self.paths = map_leaves(
            lambda process: _Path(_Table.of(sampler, process, times), sampler.order), sampler.process
        )

    def __call__(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The next step."""
        if self.looks is None:
            self.looks = self.denoiser.along(self.times, state)
        k, self.index = self.index, self.index + 1
        stat = self.looks[k](state, cond)
        return _tree.map(lambda x, path, value: path.advanced(k, x, value, rng), state, self.paths, stat)


class _Path:
    def __init__(self, table: _Table, memory: int) -> None:
        self.table, self.memory = table, memory
        self.before: Tensor | None = None  # before the last step
        self.values: list[Tensor] = []  # of N, the newest last

    def advanced(self, k: int, x: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        """Correct the last step, then make the next."""
        table = self.table
        value = stat * table.of_data[k]
        if table.of_state[k]:
            value.add_(x, alpha=table.of_state[k])
        self.values.append(value)
        if table.corrections and self.before is not None:
            x = self._summed(table.kept[k - 1], self.before, table.corrections[k - 1])
        self.before = x
        x = self._summed(table.kept[k], x, table.weights[k])
        if table.fresh[k]:
            x.add_(standard_normal(tuple(x.shape), x, rng), alpha=table.fresh[k])
        del self.values[: -self.memory]
        return x

    def _summed(self, kept: float, x: Tensor, weights: list[float]) -> Tensor:
        total = x * kept
        for weight, value in zip(reversed(weights), reversed(self.values), strict=False):
            total.add_(value, alpha=weight)
        return total


def _lagrange(known: Tensor, places: Tensor) -> Tensor:
    """1 at one known place, 0 at the others, (q, places)."""
    at, others = known[None, :, None], known[:, None, None]
    return torch.where(at == others, 1.0, (places - others) / (at - others)).prod(0)
