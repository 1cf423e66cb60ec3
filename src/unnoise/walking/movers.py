"""How particles move, on flat spaces and on all others."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.chains import (
    Blocks,
    Hamiltonian,
    Independence,
    Kernel,
    Metropolis,
    NumberWalk,
    RandomWalk,
    Relabelled,
    Stretch,
    Within,
)
from unnoise.laws import Law, LogDensity
from unnoise.laws.students import Students
from unnoise.spaces import Space
from unnoise.spaces.products import OneFactor

GAIN = 1.0  # of the logarithm of a step size, per acceptance that is missing
JITTER = 0.3  # of the logarithm of every chain's own step size
LEAP = 64.0  # the longest step where sites jump; chances of leaps of counts are sums that grow with it
OUTER = 0.025  # share of numbers at either end that does not say how far numbers walk
WIDE_JITTER = 1.0  # the same where one factor serves laws of several widths, as of numbers for every letter beside them
LEAPS = 4
STRETCHES, MOST_STRETCHES = 3, 64  # of every direction in a round, where tails are powers; and of all
WANTED = {Hamiltonian: 0.75, RandomWalk: 0.3, NumberWalk: 0.3, Metropolis: 0.6}  # acceptances
CAREFUL = 0.9  # of longer paths, whose steps have to suit the ends of a bend as well as its middle
DRAWN = 0.5  # acceptance of blocks, below which their sites see each other
LONGEST = 2.0  # step of the leapfrog in units of deviations, where it becomes unstable
MOST_PARTS, ROWS_PER_PART = 24, 60  # of a fitted mixture; rows for each dimension
SPACE_ROUNDS, BLOCK_ROUNDS = (5, 5), (1, 15)  # the fewest and the most, times as many as where mixtures are proposed
TAILS = 30.0  # degrees of freedom of what is proposed
SHARING = 10  # steps of EM for the shares of two laws


def adapted(kernel: Kernel[Any], acceptance: float) -> Kernel[Any]:
    """With a longer step where it is accepted more often than wanted, and a shorter one where less."""
    if isinstance(kernel, Within):
        return replace(kernel, kernel=adapted(kernel.kernel, acceptance))
    wanted = WANTED.get(type(kernel))
    if wanted is None:
        return kernel
    if isinstance(kernel, Hamiltonian) and kernel.leaps > LEAPS:
        wanted = CAREFUL
    step = kernel.step_size * math.exp(GAIN * (acceptance - wanted))
    return replace(kernel, step_size=min(step, LONGEST) if isinstance(kernel, Hamiltonian) else step)  # type: ignore[type-var]


@dataclass
class FlatMover:
    """On $R^d$: proposals from mixtures that are fitted to the particles, then moves in units of their covariance.

    Attributes:
        step_size: of the moves, as it was found so far; None before the first.
        sloped: whether the target has gradients.
        modes: a law around each that is known; None where there are fewer than two.
        heavy: a centre, (d,), and directions and coordinates, (k, d), along which tails are powers, and particles are
            stretched; None of light ones.
        leaps: of a Hamiltonian step; without gradients a random walk in the place of every LEAPS.
    """

    sloped: bool = True
    modes: Students | None = None
    heavy: tuple[Tensor, Tensor, Tensor] | None = None
    step_size: float | None = None
    leaps: int = LEAPS
    times = (1, 1)

    def kernels(self, target: LogDensity[Tensor], x: Tensor, populations: int) -> list[Kernel[Any]]:
        """Each half of the populations moves by what the other half looks like, so that none follows itself."""
        half = len(x) // populations * (populations // 2)
        laws = [fitted(x[half:], self.modes), fitted(x[:half], self.modes)]
        factor = common_factor(
            x, torch.cat([laws[0].nearest(x[:half]), len(laws[0].means) + laws[1].nearest(x[half:])])
        )
        size = x.shape[1]
        if self.step_size is None:
            self.step_size = 0.5 * size**-0.25 if self.sloped else 2.38 * size**-0.5
        local: Kernel[Any] = (
            Hamiltonian(target, self.step_size, self.leaps, factor, JITTER)
            if self.sloped
            else RandomWalk(target, self.step_size, factor, JITTER)
        )
        return [Independence(target, Halves(laws[0], laws[1], half)), *self._walks * [local], *self._stretches(target)]

    def adapted(self, kernels: list[Kernel[Any]], acceptances: list[float]) -> list[Kernel[Any]]:
        """The local moves with a better step."""
        local = adapted(kernels[1], acceptances[1])
        self.step_size = local.step_size
        return [kernels[0], *self._walks * [local], *kernels[1 + self._walks :]]

    @property
    def _walks(self) -> int:
        return 1 if self.sloped else self.leaps // LEAPS

    def _stretches(self, target: LogDensity[Tensor]) -> list[Kernel[Any]]:
        if self.heavy is None:
            return []
        stretch: Kernel[Any] = Stretch(target, *self.heavy)
        count = len(self.heavy[1])
        return min(STRETCHES * (count + (count > 1)), MOST_STRETCHES) * [stretch]


@dataclass
class SpaceMover:
    """On any space: Metropolis' rule on its own moves, with steps of several lengths; on sites by blocks, if they help.

    Every factor of a product moves by itself, real ones in units of their covariance, as letters and angles would
    hardly move by the steps of a number that is as small as 1e-4. Real numbers and counts also walk together in units
    of their covariance.

    Attributes:
        blocks: of sites that do not see each other; empty where none are known.
        step_size: of the space's own moves, as it was found so far.
        blocked: whether blocks were accepted so far.
        stride: the step size in units of the covariance, as it was found so far.
        steps: those of the factors of a product, by name, as they were found so far.
    """

    blocks: tuple[tuple[int, ...], ...] = ()
    step_size: float = 0.1
    blocked: bool = True
    stride: float = 1.0
    steps: dict[str, float] = field(default_factory=dict)

    @property
    def times(self) -> tuple[int, int]:
        """More rounds than where mixtures are proposed; of blocks as many as are needed."""
        return BLOCK_ROUNDS if self.blocks and self.blocked else SPACE_ROUNDS

    def kernels(self, target: LogDensity[Any], x: Any, populations: int) -> list[Kernel[Any]]:
        """Those that adapt."""
        space: Any = target.support
        if self.blocks and self.blocked:
            return [Blocks(target, self.blocks), *([Relabelled(target)] if len(space.sizes) == 1 else [])]
        kernels: list[Kernel[Any]] = [Within(self._of_one(factor)) for factor in space.factors(target, x)]
        kernels = kernels or [Metropolis(target, self.step_size, JITTER)]
        walked = torch.stack(space.numbers()).any(0)
        if not bool(walked.any()):
            return kernels
        factor = _robust_units(_tree.ravel(_tree.map(Tensor.double, x))[:, walked])
        return [*kernels, NumberWalk(target, self.stride, factor, WIDE_JITTER)]

    def adapted(self, kernels: list[Kernel[Any]], acceptances: list[float]) -> list[Kernel[Any]]:
        """With a better step, or without blocks where many of them are refused."""
        if isinstance(kernels[0], Blocks):
            self.blocked = acceptances[0] > DRAWN
            return self.kernels(kernels[0].target, None, 0)
        better = [_held(adapted(*pair)) for pair in zip(kernels, acceptances, strict=True)]
        for kernel in better:
            if isinstance(kernel, Within):
                self.steps = {**self.steps, kernel.factor.name: kernel.step_size}
            elif isinstance(kernel, NumberWalk):
                self.stride = kernel.step_size
            else:
                self.step_size = kernel.step_size
        return better

    def _of_one(self, factor: OneFactor) -> Kernel[Any]:
        step = self.steps.get(factor.name)
        if not bool(factor.space.numbers()[0].all()):
            return Metropolis(factor, self.step_size if step is None else step, JITTER)
        numbers = factor.x[factor.name].double()
        return Hamiltonian(factor, step or 0.5 * numbers.shape[1] ** -0.25, LEAPS, _robust_units(numbers), WIDE_JITTER)


def _held(kernel: Any) -> Any:
    """With a step no longer than half of what a space allows, nor than leaps of counts may be."""
    if isinstance(kernel, Within):
        return replace(kernel, kernel=_held(kernel.kernel))
    if not isinstance(kernel, Metropolis):
        return kernel
    space: Space[Any, Any] = cast(Any, kernel.target.support)
    longest = LEAP if space.jumps else 1e6
    return replace(kernel, step_size=min(kernel.step_size, 0.5 * space.longest_move, longest))


def _robust_units(numbers: Tensor) -> Tensor:
    """Of (n, d) with the outermost of every axis drawn in, as a few may lie a million times as far as the others."""
    ends = torch.tensor([OUTER, 1 - OUTER], dtype=numbers.dtype, device=numbers.device)
    low, high = torch.quantile(numbers, ends, dim=0)
    return _units(torch.where(low < high, numbers.clamp(low, high), numbers))


def _units(numbers: Tensor) -> Tensor:
    """A factor of the covariance of (n, d)."""
    return common_factor(numbers, torch.zeros(len(numbers), dtype=torch.long, device=numbers.device))


@dataclass(frozen=True)
class Halves(Law[Tensor]):
    """One law for the first rows, another for the rest."""

    first: Law[Tensor]
    rest: Law[Tensor]
    rows: int

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (n, d)."""
        (n,) = shape
        return torch.cat([self.first.sample(rng, (self.rows,)), self.rest.sample(rng, (n - self.rows,))])

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        return torch.cat([self.first.log_prob(x[: self.rows]), self.rest.log_prob(x[self.rows :])])


def fitted(x: Tensor, modes: Students | None = None) -> Students:
    """A mixture of normal laws, nearly, of points (n, d): by EM, and one of each mode, in the shares that fit best."""
    found = _by_em(x)
    if modes is None:
        return found
    other = by_modes(x, modes)
    there, here = other.log_prob(x), found.log_prob(x)
    share = x.new_tensor(0.5)
    for _ in range(SHARING):
        share = torch.sigmoid(there - here + torch.logit(share)).mean().clamp(0.02, 0.98)
    return Students(
        torch.cat([(1 - share) * found.weights, share * other.weights]),
        torch.cat([found.means, other.means]),
        torch.cat([found.factors, other.factors]),
        torch.cat([found.freedom, other.freedom]),
    )


def by_modes(x: Tensor, modes: Students | None = None) -> Students:
    """A law of the points that each mode made, or one; of few points its shape leans towards the common one."""
    part = torch.zeros(len(x), dtype=torch.long, device=x.device) if modes is None else modes.nearest(x)
    count = torch.bincount(part)
    size, kept = x.shape[1], count > 0
    means = x.new_zeros(len(count), size).index_add_(0, part, x) / count.clamp(min=1)[:, None]
    common = common_factor(x, part)
    units = torch.linalg.solve_triangular(common, (x - means[part]).T, upper=False).T
    pieces = torch.split(units[part.argsort()], count[kept].tolist())
    lean, unit = float(size + 1), torch.eye(size, dtype=x.dtype, device=x.device)
    shapes = torch.stack([(rows.T @ rows + lean * unit) / (len(rows) + lean) for rows in pieces])
    weights = count[kept].to(x) / len(x)
    return Students(weights, means[kept], common @ torch.linalg.cholesky(shapes), torch.full_like(weights, TAILS))


def halves(x: Tensor, modes: Students | None = None) -> Halves:
    """Of either half of points (n, d) the law of the other one, as of `by_modes`, which knows none of these."""
    half = len(x) // 2
    return Halves(by_modes(x[half:], modes), by_modes(x[:half], modes), half)


def _by_em(x: Tensor) -> Students:
    """In units of the covariance of x."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    size = x.shape[1]
    centre, factor = x.mean(0), _units(x)
    units = torch.linalg.solve_triangular(factor, (x - centre).T, upper=False).T
    parts = int(min(max(len(x) // (ROWS_PER_PART * size), 1), MOST_PARTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = GaussianMixture(parts, reg_covar=1e-6, max_iter=40, random_state=0).fit(units.cpu().double().numpy())
    means, covariances, weights = (x.new_tensor(v) for v in (found.means_, found.covariances_, found.weights_))
    kept = weights > 1e-8
    factors = factor @ torch.linalg.cholesky(covariances[kept])
    return Students(weights[kept], centre + means[kept] @ factor.T, factors, x.new_full((int(kept.sum()),), TAILS))


def common_factor(x: Tensor, part: Tensor) -> Tensor:
    """A lower triangular factor of the covariance within parts, of points (n, d) that belong to these, (n,).

    In more dimensions than a tenth of the points it leans towards the diagonal.
    """
    count = torch.bincount(part).clamp(min=1)
    means = x.new_zeros(len(count), x.shape[1]).index_add_(0, part, x) / count[:, None]
    rest = x - means[part]
    scale = rest.square().mean(0).sqrt().clamp(min=1e-150)
    correlation = (rest / scale).T @ (rest / scale) / len(x)
    lean = min(0.5, x.shape[1] / len(x)) + 1e-10
    unit = torch.eye(len(correlation), dtype=x.dtype, device=x.device)
    root: Tensor = torch.linalg.cholesky((1 - lean) * correlation + lean * unit)
    return scale[:, None] * root
