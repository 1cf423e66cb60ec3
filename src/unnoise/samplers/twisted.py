r"""Samples of p(x) r(x), for a learnt p and a given positive r: asymptotically exact, by weights.

Sequential Monte Carlo on the reverse process (Wu, Trippe, Naesseth, Blei, Cunningham 2023, arXiv 2306.17775). With the
sampler's own steps $p(x_s | x_t)$, proposals q, and twists $\tilde r_t$ that end at r, particles are weighted by

$$\tilde r_1(x_1),\quad \frac{p(x_s | x_t)}{q(x_s | x_t)}\frac{\tilde r_s(x_s)}{\tilde r_t(x_t)},\ \dots,\quad
\frac{r(x_0)}{\tilde r_0(x_{t=0})},$$

whose product is $r(x_0)\,p/q$ along the path, whatever twists and proposals are. These decide how even the weights are,
and not what they converge to: the law of the unsteered sampler's samples, times r.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser, Guided
from unnoise.denoisers.likelihoods import LogR, log_values
from unnoise.processes import Bridged, Gaussian
from unnoise.samplers.ancestral import Ancestral
from unnoise.samplers.base import Sampler, batches, default_batch_size
from unnoise.samplers.euler import Euler
from unnoise.samplers.grids import Grid

OnStep = Callable[[int, float, Any], None]


@dataclass(frozen=True)
class Particles:
    r"""Independent groups of weighted points.

    Attributes:
        x: points, (groups, particles, *event).
        log_weights: (groups, particles), in float64; the weights of each group sum to one.
        log_normaliser: an estimate of $\log E_p[r]$ by each group, (groups,); without bias before the logarithm. Minus
            infinity where r is 0 at all particles of the group, whose weights then mean nothing.
        ess: effective sample size $1/\sum w^2$ of each group, (steps + 1, groups): at every noise level, and at last of
            the result.
    """

    x: Any
    log_weights: Tensor
    log_normaliser: Tensor
    ess: Tensor

    def mean(self, f: Callable[[Any], Tensor] = lambda x: x) -> Tensor:
        """The estimate of E[f(x)] under p r by all groups, f mapping (n, *event) to (n, ...).

        A group counts by its share of the normaliser, which makes the estimate better as groups are added.
        """
        values = f(_tree.map(lambda leaf: leaf.flatten(0, 1), self.x))
        weights = (self.log_weights + self.log_normaliser[:, None]).flatten().softmax(0)
        mean: Tensor = torch.tensordot(weights.to(values), values, 1)
        return mean

    def alive(self) -> Particles:
        """The groups in which r is not 0 at all particles."""
        groups = torch.isfinite(self.log_normaliser)
        x = _tree.map(lambda leaf: leaf[groups.to(leaf.device)], self.x)
        return Particles(x, self.log_weights[groups], self.log_normaliser[groups], self.ess[:, groups])

    def draw(self, count: int, rng: torch.Generator) -> Any:
        """`count` points of each group by their weights, (groups, count, *event), with as few copies as can be."""
        chosen = systematic(self.log_weights, count, rng)
        groups = torch.arange(len(chosen), device=chosen.device)[:, None]
        return _tree.map(lambda leaf: leaf[groups.to(leaf.device), chosen.to(leaf.device)], self.x)


@dataclass
class _Swarm:
    """What the particles, (groups x particles) rows, carry from one noise level to the next."""

    x: Any
    stat: Any
    slope: Tensor | None
    twist: Tensor
    log_weights: Tensor  # (groups, particles), since the last resampling
    log_normaliser: Tensor  # (groups,), of all before

    def settle(self) -> None:
        """Put the mean weight of every group into its normaliser."""
        mean = torch.logsumexp(self.log_weights, 1) - math.log(self.log_weights.shape[1])
        self.log_normaliser = self.log_normaliser + mean
        self.log_weights = self.log_weights - mean[:, None]

    def take(self, rows: Tensor) -> None:
        """Put these rows in the place of all."""
        self.x, self.stat = (_tree.map(lambda leaf: leaf[rows], tree) for tree in (self.x, self.stat))
        self.slope, self.twist = None if self.slope is None else self.slope[rows], self.twist[rows]


class TwistedSMC:
    r"""The twisted diffusion sampler: see the module.

    On Gaussian processes the twist is that of `denoisers.Guided`, warm, and proposals are shifted by
    $\Sigma\,\rho\,\nabla\log\tilde r_t(x_t)$, where $\Sigma$ is the variance of the step and $\rho$ the ratio of
    $\alpha/(\alpha^2 + \sigma^2)$ at s and t: how much more x_s tells of x_0, for data of unit variance. Other spaces
    propose the sampler's own step, and their twist is r at one draw of what a step to the end would give; so r needs no
    gradient, and steps no density. All steps are `Ancestral`, and `Euler` where a bridge is not known.

    How good it is can be told from `Particles.ess` alone where r is informative: where only a few particles are left,
    more are needed, or more steps, since guidance is as good as its steps are short.

    Args:
        denoiser: what is learnt, or a sampler, whose denoiser, steps and grid are taken.
        log_r: log r of points, (n, *event) to (n,): a function or one of `denoisers.likelihoods`; bounded above, and
            minus infinity where something must not be.
        particles: of every group. Groups are independent.
        steps: noise levels.
        guidance: scale of the shift of proposals; 0 proposes without. By default 1 on Gaussian processes.
        ess_threshold: a group is resampled where its effective share is below.
        floor: where r is 0 on the way, a point may still end where it is not. Until the end its log twist is this many
            nats from the least of those of its group at which r is not 0; at the end its weight is 0. At minus many,
            the first points to come where r is not 0 take all weight, and averages converge very slowly.
        grid: where the times lie.

    Raises:
        InputError: settings out of range; an r that is NaN or infinite.
        NonFiniteError: r is 0 at the ends of all particles.

    >>> from unnoise.denoisers import Exact, likelihoods
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(edm(Euclidean(2)), torch.tensor([[-1.0, 0.0], [1.0, 2.0], [1.0, -2.0]]))
    >>> seen = likelihoods.Masked(torch.tensor([True, False]), torch.tensor([1.0, 0.0]), scale=0.1)
    >>> found = TwistedSMC(denoiser, seen, particles=64, steps=30).sample(64, torch.Generator().manual_seed(0))
    >>> found[:, 0].unique(), found[:, 1].round().unique()
    (tensor([1.]), tensor([-2.,  2.]))
    """

    def __init__(
        self,
        denoiser: Denoiser | Sampler,
        log_r: LogR,
        particles: int = 256,
        steps: int = 100,
        *,
        guidance: float | None = None,
        ess_threshold: float = 0.5,
        floor: float = -2.0,
        grid: Grid | None = None,
    ) -> None:
        if isinstance(denoiser, Sampler):
            steps, grid = denoiser.steps, denoiser.grid
        denoiser = denoiser if isinstance(denoiser, Denoiser) else denoiser.denoiser
        if particles < 1 or not 0 <= ess_threshold <= 1:
            raise InputError(
                f"got {particles} particles and a threshold of {ess_threshold}; expected at least 1, and one in [0, 1]"
            )
        if not -math.inf < floor <= 0:
            raise InputError(f"got a floor of {floor} nats; expected a finite number, at most 0")
        gaussian = isinstance(denoiser.process, Gaussian)
        self.guidance = float(gaussian) if guidance is None else guidance
        self.guided = Guided(denoiser, log_r, self.guidance, warm=True) if gaussian or self.guidance else None
        kind = Ancestral if isinstance(denoiser.process, Bridged) else Euler
        self.sampler: Sampler = kind(denoiser, steps, grid=grid)
        self.denoiser, self.process, self.log_r = denoiser, denoiser.process, log_r
        self.particles, self.ess_threshold, self.floor = particles, ess_threshold, floor

    def sample(self, n: int, rng: torch.Generator, cond: Any = None, *, on_step: OnStep | None = None) -> Any:
        """N points of equal weight.

        Without conditions they come from as few groups as hold n, and points of a group are copies of one another where
        the weights were uneven: use `weigh` for averages. With conditions, (n, ...), every row has a group of its own.
        """
        if cond is not None:
            return _tree.map(lambda leaf: leaf[:, 0], self.weigh(n, rng, cond, on_step=on_step).draw(1, rng))
        found = self.weigh(-(-n // self.particles), rng, on_step=on_step).alive()
        drawn = found.draw(-(-n // len(found.log_normaliser)), rng)
        return _tree.map(lambda leaf: leaf.flatten(0, 1)[:n], drawn)

    @torch.no_grad()
    def weigh(self, groups: int, rng: torch.Generator, cond: Any = None, *, on_step: OnStep | None = None) -> Particles:
        """Weighted particles in independent groups; `cond` holds one row per group.

        Raises:
            NonFiniteError: r is 0 at all particles, of all groups, or of a group that has a condition of its own.
        """
        if groups < 1:
            raise InputError(f"got {groups} groups of particles; expected at least 1")
        at_once = max(1, default_batch_size(self.process.space.event_shape) // self.particles)
        parts = []
        for rows in batches(groups, at_once):
            part = None if cond is None else _tree.map(lambda leaf, rows=rows: leaf[rows], cond)
            parts.append(self._run(rows.stop - rows.start, rng, part, on_step))
        found = Particles(
            _tree.concatenate([part.x for part in parts]),
            torch.cat([part.log_weights for part in parts]),
            torch.cat([part.log_normaliser for part in parts]),
            torch.cat([part.ess for part in parts], 1),
        )
        _check_alive(found.log_normaliser, self.particles, each=cond is not None)
        return found

    def _run(self, groups: int, rng: torch.Generator, cond: Any, on_step: OnStep | None) -> Particles:
        if cond is not None:
            cond = _tree.map(lambda leaf: leaf.repeat_interleave(self.particles, 0), cond)
        times = self.sampler.grid(self.process, self.sampler.steps)
        x = self.sampler.start(groups * self.particles, rng)
        stat, slope, twist = self._look(x, times[0], cond, rng)
        weights = twist.double().reshape(groups, self.particles)
        swarm = _Swarm(x, stat, slope, twist, weights, weights.new_zeros(groups))
        sizes = [self._resample(swarm, times[0], rng)]
        for index, (t, s) in enumerate(itertools.pairwise(times)):
            self._move(swarm, t, s, rng, cond)
            sizes.append(self._resample(swarm, s, rng))
            if on_step is not None:
                on_step(index, float(s), swarm.x)
        return self._end(swarm, torch.stack(sizes), rng)

    def _look(self, x: Any, t: Tensor, cond: Any, rng: torch.Generator) -> tuple[Any, Tensor | None, Tensor]:
        """The statistic, the gradient of the log twist where there is one, and the log twist, which is finite."""
        slope: Tensor | None = None
        if self.guided is not None:
            stat, slope, twist = self.guided.look(x, t, cond)
        else:
            stat = self.denoiser(x, t, cond)
            twist = log_values(self.log_r, self.process.decode(x, stat, rng))
        return stat, slope, _hopeful(twist, self.particles, self.floor)

    def _move(self, swarm: _Swarm, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any) -> None:
        """Propose and weigh."""
        law = self._law(swarm.stat, swarm.x, t, s)
        gain = -swarm.twist.double()
        if swarm.slope is None or not isinstance(self.process, Gaussian):
            x = law.sample(rng)
        else:
            shift = self.guidance * _gain_of_sight(self.process, t, s) * law.scale**2 * swarm.slope
            proposal = replace(law, mean=law.mean + shift)
            x = proposal.sample(rng)
            gain += law.log_prob(x) - proposal.log_prob(x)
        swarm.x = x
        swarm.stat, swarm.slope, swarm.twist = self._look(x, s, cond, rng)
        swarm.log_weights = swarm.log_weights + (gain + swarm.twist).reshape(swarm.log_weights.shape)

    def _law(self, stat: Any, x: Any, t: Tensor, s: Tensor) -> Any:
        """The law of the sampler's own step; a `Normal` on Gaussian processes."""
        if isinstance(self.process, Bridged):
            return self.process.ancestral(stat, x, t, s)
        return self.process.space.move(x, self.process.reverse(x, stat, t), t - s)

    def _resample(self, swarm: _Swarm, t: Tensor, rng: torch.Generator) -> Tensor:
        """Where weights have become uneven, copy the heavy particles over the light ones; the ESS before that."""
        _check_finite(swarm.log_weights, t)
        size = effective_size(swarm.log_weights)
        uneven = size < self.ess_threshold * self.particles
        if not uneven.any():
            return size
        swarm.settle()
        own = torch.arange(self.particles, device=size.device).expand_as(swarm.log_weights)
        chosen = torch.where(uneven[:, None], systematic(swarm.log_weights, self.particles, rng), own)
        rows = (chosen + self.particles * torch.arange(len(size), device=size.device)[:, None]).flatten()
        swarm.take(rows)
        swarm.log_weights = swarm.log_weights.masked_fill(uneven[:, None], 0.0)
        return size

    def _end(self, swarm: _Swarm, sizes: Tensor, rng: torch.Generator) -> Particles:
        """From the last noise level to data, where the twist gives way to r itself."""
        groups = len(swarm.log_weights)
        x = self.process.decode(swarm.x, swarm.stat, rng)
        change = log_values(self.log_r, x).double() - swarm.twist
        swarm.log_weights = swarm.log_weights + change.reshape(groups, -1)
        _check_finite(swarm.log_weights, torch.zeros(()))
        dead = torch.isneginf(swarm.log_weights).all(1)
        swarm.log_normaliser = swarm.log_normaliser.masked_fill(dead, -math.inf)
        swarm.log_weights = swarm.log_weights.masked_fill(dead[:, None], 0.0)
        swarm.settle()
        return Particles(
            _tree.map(lambda leaf: leaf.unflatten(0, (groups, -1)), x),
            swarm.log_weights.log_softmax(1),
            swarm.log_normaliser,
            torch.cat([sizes, effective_size(swarm.log_weights)[None].masked_fill(dead, 0.0)]),
        )


def _hopeful(twist: Tensor, particles: int, floor: float) -> Tensor:
    """Log twists, (groups x particles), with a finite number in the place of every minus infinity: see `TwistedSMC`.

    Any number will do, also one that depends on all particles: weights are divided by it again at the next step.
    """
    zero = torch.isneginf(twist)
    if not zero.any():
        return twist
    least = twist.masked_fill(zero, math.inf).reshape(-1, particles).amin(1)
    least = torch.where(torch.isfinite(least), least, 0.0).repeat_interleave(particles)
    return torch.where(zero, least + floor, twist)


def _gain_of_sight(process: Gaussian, t: Tensor, s: Tensor) -> float:
    r"""$\rho$: how much faster the denoised point of unit-variance data moves with x_s than with x_t."""
    alpha, sigma = process.alpha_sigma(torch.stack([t, s]))
    later, sooner = (alpha / (alpha**2 + sigma**2)).tolist()
    return float(sooner / later)


def effective_size(log_weights: Tensor) -> Tensor:
    r"""$(\sum w)^2/\sum w^2$ over the last axis (Kong, Liu, Wong 1994): from 1, one weight is all, to their number.

    >>> effective_size(torch.tensor([[0.0, 0.0], [0.0, -50.0]]))
    tensor([2., 1.])
    """
    return torch.exp(2 * torch.logsumexp(log_weights, -1) - torch.logsumexp(2 * log_weights, -1))


def systematic(log_weights: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Indices of `count` draws from every row of weights, (rows, count), by one uniform number per row.

    A particle of weight w is drawn w x count times, rounded up or down at random (Carpenter, Clifford, Fearnhead 1999).

    >>> systematic(torch.tensor([[0.5, 0.25, 0.25, 0.0]]).log(), 4, torch.Generator().manual_seed(0))
    tensor([[0, 0, 1, 2]])
    """
    below = log_weights.double().softmax(-1).cumsum(-1)
    shift = torch.rand((len(below), 1), generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
    heights = (shift + torch.arange(count, device=below.device)) / count * below[:, -1:]
    return torch.searchsorted(below, heights, right=True).clamp_(max=log_weights.shape[-1] - 1)


def _check_finite(log_weights: Tensor, t: Tensor) -> None:
    bad = log_weights.isnan() | torch.isposinf(log_weights)
    if bad.any():
        raise NonFiniteError(
            f"the weights of {int(bad.sum())} of {bad.numel()} particles are not finite at t = {float(t):.4g}: the "
            "denoiser gives NaN or infinite numbers there; check that it was trained"
        )


def _check_alive(log_normaliser: Tensor, particles: int, each: bool) -> None:
    dead = torch.isneginf(log_normaliser)
    if dead.all() or (each and dead.any()):
        where = f"all {particles} particles of group {int(dead.nonzero()[0])}" if each else f"all {particles} particles"
        raise NonFiniteError(
            f"r is 0 at {where} where they end, so nothing is left to be weighed; take more particles, or an r that "
            "falls off smoothly, which can guide them"
        )
