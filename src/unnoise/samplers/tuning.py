r"""A solver that chooses its steps, order and form for a given number of evaluations.

A pilot of a few starts is solved finely. A method of order q errs by
$h^{q+1}|d^q N/d\lambda^q\;d\,\text{variable}/d\lambda|$ in a step of length h, N what a `Form` integrates, so steps of
equal error lie as densely as the (q+1)-th root of that: the monitor. The candidate that ends nearest to the fine
solution is taken.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, instance, whole
from unnoise._errors import NonFiniteError
from unnoise.denoisers import Denoiser
from unnoise.denoisers.base import check_denoiser
from unnoise.processes import leaves
from unnoise.samplers.forms import Form, NoiseForm, VelocityForm
from unnoise.samplers.grids import Fitted, Grid, Karras, LogNormalGrid, UniformLogSNR
from unnoise.samplers.multistep import GIVEN_GRID, Multistep

FINE = 129  # evaluations of the reference, of order 4 and corrected: errs below 1e-5
EVERY = 2  # is kept for the monitor
SMOOTHING = 2.0  # kept levels, deviation of the monitor's smoothing
ORDERS = (2, 3, 4)
FEWEST = 6  # evaluations, below which order 1 is tried too
UNIFORM = (0.2, 0.4, 0.6)  # shares of a fitted grid that are uniform
FEW: tuple[Grid, ...] = (
    GIVEN_GRID,
    LogNormalGrid(-1.0, 1.2, 0.4),
    UniformLogSNR(),
)  # for every method
OTHERS: tuple[Grid, ...] = (
    LogNormalGrid(0.0, 1.2, 0.4),
    *(LogNormalGrid(mean, 1.6, 0.4) for mean in (-1.0, 0.0)),
    *(LogNormalGrid(mean, 1.2, 0.6) for mean in (-1.0, -0.5)),
    LogNormalGrid(-0.5, 2.2, 0.4),
    Karras(),
)
FINALISTS = 8  # methods tried on every grid
ROUNDS = 5  # around the best
MARGIN = 0.1  # by which a choice must beat the default on the pilot: chance


def tune(denoiser: Denoiser, evaluations: int, rng: torch.Generator, rows: int = 64, cond: Any = None) -> Multistep:
    r"""The `Multistep` that solves a pilot best with so many network evaluations.

    It chooses the order (2 to 4), whether steps are corrected, the form (`VelocityForm` of three widths, or
    `NoiseForm`), and the grid: a `grids.Fitted` to the monitor, or one with a name. The best has the least mean
    distance to the fine solution. The default `Multistep` is taken unless it is beaten by 10 %.

    The pilot costs 129 evaluations of `rows` starts, and 170 to 220 times `evaluations` more, once.

    Args:
        denoiser: of Gaussian processes.
        evaluations: what one sample may cost.
        rng: of the pilot's starts.
        rows: starts of the pilot.
        cond: one row per start of the pilot.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> solver = tune(denoiser, 5, torch.Generator().manual_seed(0), rows=8)
    >>> solver.sample(2, torch.Generator().manual_seed(1)).abs()
    tensor([[1.],
            [1.]])
    """
    check_denoiser(denoiser=denoiser)
    whole(least=2, most=MOST_STEPS, evaluations=evaluations, rows=rows)
    instance(torch.Generator, rng=rng)
    return _best(Pilot.of(denoiser, rows, rng, cond), evaluations)


class _Method(NamedTuple):
    """A solver without its grid."""

    order: int
    corrected: bool
    form: Form

    @classmethod
    def of(cls, solver: Multistep) -> _Method:
        return cls(solver.order, solver.corrected, solver.form)

    def solver(self, denoiser: Denoiser, evaluations: int, grid: Grid) -> Multistep:
        return Multistep(denoiser, evaluations, self.order, self.form, self.corrected, grid=grid)


class _Seen(NamedTuple):
    """A Gaussian factor at every kept level."""

    process: Any  # Gaussian
    states: list[Tensor]
    stats: list[Tensor]


class Pilot:
    """A few starts and their fine solution.

    Attributes:
        denoiser: whose flow it is.
        starts: at t = 1.
        ends: of the flow.
        cond: of the starts.
    """

    def __init__(self, denoiser: Denoiser, starts: Any, rng: torch.Generator, cond: Any = None) -> None:
        watched = _Watched(denoiser)
        fine = Multistep(watched, FINE, 4, corrected=True, grid=UniformLogSNR())
        self.denoiser, self.starts, self.cond, self.rng = denoiser, starts, cond, rng
        self.ends = fine.run(starts, rng, cond)
        self.seen = watched.seen
        self.times = fine.grid(fine.process, FINE)[::EVERY]

    @classmethod
    def of(cls, denoiser: Denoiser, rows: int, rng: torch.Generator, cond: Any = None) -> Pilot:
        """With starts from the prior."""
        return cls(denoiser, Multistep(denoiser).start(rows, rng), rng, cond)

    def score(self, solver: Multistep) -> float:
        """The mean distance to the ends; infinite for a solver that diverges."""
        try:
            found = solver.run(self.starts, self.rng, self.cond)
        except NonFiniteError:
            return math.inf
        return float(_tree.ravel(_tree.map(torch.sub, found, self.ends)).norm(dim=1).mean())

    def forms(self) -> tuple[Form, ...]:
        """`VelocityForm` as wide as the data, half as wide and twice; and `NoiseForm`, its wide limit."""
        own = float(_tree.ravel(self.ends).square().mean().sqrt())
        return *(VelocityForm(factor * own) for factor in (0.5, 1.0, 2.0)), NoiseForm()

    def fitted(self, form: Form, order: int, uniform: float) -> Fitted:
        """The grid on which steps of this order err alike."""
        levels = -0.5 * self.seen[0].process.log_snr(self.times)
        return Fitted.of(levels, self._monitor(form, order), uniform)

    def _monitor(self, form: Form, order: int) -> Tensor:
        """At every kept level; these are even in log SNR."""
        total = torch.zeros(len(self.times), dtype=torch.float64)
        for factor in self.seen:
            lam = 0.5 * factor.process.log_snr(self.times)
            alpha = factor.process.alpha_sigma(self.times)[0]
            data, state = form.of_data(lam).tolist(), (form.of_state(lam) / alpha).tolist()
            values = [a * z + b * x for a, z, b, x in zip(data, factor.stats, state, factor.states, strict=True)]
            bends = torch.stack(values).double().diff(n=order, dim=0).flatten(1).square().sum(1).cpu()
            places = np.arange(len(bends)) + 0.5 * order
            bends = torch.from_numpy(np.interp(np.arange(len(total)), places, bends.numpy()))
            total += bends * torch.gradient(form.variable(lam))[0].square()
        return _smoothed(total ** (0.5 / (order + 1)))


def _best(pilot: Pilot, evaluations: int) -> Multistep:
    """Every method on a few grids, the best on all, then their neighbours."""

    def solvers(methods: Iterable[_Method], more: bool) -> Iterator[Multistep]:
        for method in methods:
            for grid in _grids(pilot, method, more):
                yield method.solver(pilot.denoiser, evaluations, grid)

    orders = ORDERS if evaluations >= FEWEST else (1, *ORDERS)
    methods = [_Method(*choice) for choice in itertools.product(orders, (False, True), pilot.forms())]

    def scored(some: Iterable[Multistep]) -> Iterator[tuple[float, Multistep]]:
        return ((pilot.score(one), one) for one in some)

    score = operator.itemgetter(0)
    ranked = sorted(scored(solvers(methods, more=False)), key=score)
    finalists = list(dict.fromkeys(_Method.of(one) for _, one in ranked))[:FINALISTS]
    best = min([ranked[0], *scored(solvers(finalists, more=True))], key=score)
    for _ in range(ROUNDS):
        found = min([best, *scored(_neighbours(best[1]))], key=score)
        if found is best:
            break
        best = found
    default = Multistep(pilot.denoiser, evaluations)
    return best[1] if best[0] < (1 - MARGIN) * pilot.score(default) else default


def _grids(pilot: Pilot, method: _Method, more: bool) -> Iterator[Grid]:
    shares = UNIFORM[1:] if more else UNIFORM[:1]
    yield from (pilot.fitted(method.form, max(method.order, 2), share) for share in shares)
    yield from OTHERS if more else FEW


def _neighbours(solver: Multistep) -> Iterator[Multistep]:
    method, grid = _Method.of(solver), solver.grid
    if isinstance(method.form, VelocityForm):
        for factor in (0.7, 1.4):
            wider = method._replace(form=VelocityForm(factor * method.form.sigma_data))
            yield wider.solver(solver.denoiser, solver.steps, grid)
    if isinstance(grid, LogNormalGrid):
        changes: list[dict[str, float]] = [{"mean": grid.mean + shift} for shift in (-0.25, 0.25)]
        changes += [{"deviation": grid.deviation * factor} for factor in (0.85, 1.15)]
        changes += [{"uniform": min(max(grid.uniform + shift, 0.05), 0.95)} for shift in (-0.1, 0.1)]
        for change in changes:
            yield method.solver(solver.denoiser, solver.steps, replace(grid, **change))


def _smoothed(values: Tensor) -> Tensor:
    places = torch.arange(len(values), dtype=values.dtype)
    weights = torch.exp(-0.5 * ((places[:, None] - places) / SMOOTHING) ** 2)
    return weights @ values / weights.sum(1)


class _Watched(Denoiser):
    """Remembers every other question and answer."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser, self.process = denoiser, denoiser.process
        self.seen = [_Seen(process, [], []) for _, process, _ in leaves(denoiser.process)]
        self.calls = 0

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        stat = self.denoiser(x_t, t, cond)
        if self.calls % EVERY == 0:
            for seen, (_, _, (state, value)) in zip(self.seen, leaves(self.process, x_t, stat), strict=True):
                seen.states.append(state)
                seen.stats.append(value)
        self.calls += 1
        return stat
