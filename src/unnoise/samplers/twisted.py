r"""Samples of p(x) r(x), for a learnt p and a given positive r: asymptotically exact, by weights.

Sequential Monte Carlo on the reverse process (Wu, Trippe, Naesseth, Blei, Cunningham 2023, arXiv 2306.17775). With the
sampler's own steps $p(x_s | x_t)$, proposals q, and twists $\tilde r_t$, particles are weighted by

$$\tilde r_1(x_1),\quad \frac{p(x_s | x_t)}{q(x_s | x_t)}\frac{\tilde r_s(x_s)}{\tilde r_t(x_t)},\ \dots,\quad
\frac{r(x_0)}{\tilde r_0(x_{t=0})},$$

whose product is $r(x_0)\,p/q$ along the path. Twists and proposals only decide how even the weights are.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, function, real, whole
from unnoise.denoisers import Denoiser, Guided, conditions
from unnoise.denoisers.likelihoods import LogR, log_values
from unnoise.processes import Bridged, Gaussian, leaves, map_leaves
from unnoise.samplers.ancestral import Ancestral
from unnoise.samplers.base import OnStep, Sampler, batches, default_batch_size
from unnoise.samplers.euler import Euler
from unnoise.samplers.grids import Grid
from unnoise.samplers.particles import Particles, Population

STILL_POSSIBLE = -2.0  # nats from the least of its group, where r is 0 before the end


class TwistedSMC(Sampler):
    r"""The twisted diffusion sampler.

    On Gaussian processes and their products the twist is that of `denoisers.Guided`, warm, and proposals are shifted by
    $\Sigma\,\rho\,\nabla\log\tilde r_t(x_t)$, where $\Sigma$ is the variance of the step and $\rho$ the ratio of
    $\alpha/(\alpha^2 + \sigma^2)$ at s and t. Other spaces propose the sampler's own step, and their twist is r at one
    draw of a step to the end: r needs no gradient. Steps are `Ancestral`, or `Euler` without a bridge.

    Where `Particles.ess` is small, take more particles or steps.

    Args:
        log_r: log r of points, (n, *event) or a dict of factors to (n,), or one of `denoisers.likelihoods`; bounded
            above, perhaps minus infinity.
        particles: of every independent group.
        steps: noise levels.
        guidance: scale of the shift; by default 1 on Gaussian processes.

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
        denoiser: Denoiser,
        log_r: LogR,
        particles: int = 256,
        steps: int = 100,
        *,
        guidance: float | None = None,
        grid: Grid | None = None,
    ) -> None:
        super().__init__(denoiser, steps, grid)
        function(log_r=log_r)
        whole(least=1, most=MOST_STEPS, particles=particles)
        real(or_none=True, guidance=guidance)
        gaussian = all(isinstance(factor, Gaussian) for _, factor, _ in leaves(self.process))
        self.guidance = float(gaussian) if guidance is None else guidance
        self.guided = Guided(denoiser, log_r, self.guidance, warm=True) if gaussian or self.guidance else None
        kind = Ancestral if isinstance(self.process, Bridged) else Euler
        self.proposal = kind(denoiser, steps, grid=self.grid)
        self.log_r, self.particles = log_r, particles

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor] | None:
        """Those of the proposals, where r says nothing."""
        return self.proposal.spreads(process, times, deviation)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """A proposal for every row, without weights: for `run` alone."""
        stat, slope, _ = self._evaluate(state, t, cond, rng)
        return self._propose(state, stat, slope, t, s, rng)[0]

    def groups(self, n: int, cond: Any = None) -> int:
        """How many runs make n samples."""
        count = n if cond is not None else -(-n // self.particles)
        return -(-count // self._at_once(default_batch_size(self.process.space.event_shape)))

    @torch.no_grad()
    def weigh(
        self,
        groups: int,
        rng: torch.Generator,
        cond: Any = None,
        *,
        batch_size: int | None = None,
        on_step: OnStep = None,
    ) -> Particles:
        """Weighted particles in independent groups.

        Args:
            groups: how many.
            rng: of all randomness.
            cond: one row per group, or one row for all.
            batch_size: particles at once; by default half a million numbers.
            on_step: `on_step(index, t, state)` sees all particles of every run.
        """
        whole(least=1, groups=groups)
        cond = conditions.for_rows(cond, groups)
        parts = batches(groups, self._at_once(batch_size or default_batch_size(self.process.space.event_shape)))
        found = Particles.joined(
            [self._weighed(rows.stop - rows.start, rng, conditions.at(cond, rows), on_step) for rows in parts]
        )
        found.check_alive(each=cond is not None)
        return found

    def _sample(self, n: int, rng: torch.Generator, cond: Any, batch_size: int, on_step: OnStep) -> Any:
        """Points of equal weight.

        Without conditions they come from as few groups as hold n, with copies where weights were uneven: use `weigh`
        for averages. With conditions, every row has its own group.
        """
        groups = n if cond is not None else -(-n // self.particles)
        found = self.weigh(groups, rng, cond, batch_size=batch_size, on_step=on_step)
        if cond is not None:
            return _tree.map(lambda leaf: leaf[:, 0], found.draw(1, rng))
        found = found.alive()
        drawn = found.draw(-(-n // len(found.log_normaliser)), rng)
        return _tree.map(lambda leaf: leaf.flatten(0, 1)[:n], drawn)

    def _at_once(self, batch_size: int) -> int:
        return max(1, batch_size // self.particles)

    def _weighed(self, groups: int, rng: torch.Generator, cond: Any, on_step: OnStep) -> Particles:
        if cond is not None:
            cond = _tree.map(lambda leaf: leaf.repeat_interleave(self.particles, 0), cond)
        times = self._times()
        self._warn_of_steps(times)
        x = self.start(groups * self.particles, rng)
        stat, slope, twist = self._evaluate(x, times[0], cond, rng)
        weights = twist.double().reshape(groups, self.particles)
        population = Population(x, stat, slope, twist, weights, weights.new_zeros(groups))
        sizes = [population.resample(times[0], rng)]
        for index, (t, s) in enumerate(itertools.pairwise(times)):
            self._move(population, t, s, rng, cond)
            sizes.append(population.resample(s, rng))
            if on_step is not None:
                on_step(index, float(s), population.x)
        x = self.process.decode(population.x, population.stat, rng)
        return population.result(x, log_values(self.log_r, x), sizes)

    def _evaluate(self, x: Any, t: Tensor, cond: Any, rng: torch.Generator) -> tuple[Any, Any, Tensor]:
        """The log twist is finite."""
        slope = None
        if self.guided is not None:
            stat, slope, twist = self.guided.guide(x, t, cond)
        else:
            stat = self.denoiser(x, t, cond)
            twist = log_values(self.log_r, self.process.decode(x, stat, rng))
        return stat, slope, _finite(twist, self.particles)

    def _move(self, population: Population, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any) -> None:
        x, gain = self._propose(population.x, population.stat, population.slope, t, s, rng)
        gain = gain - population.twist.double()
        population.x = x
        population.stat, population.slope, population.twist = self._evaluate(x, s, cond, rng)
        gain = (gain + population.twist).reshape(population.log_weights.shape)
        population.log_weights = population.log_weights + gain

    def _propose(
        self, x: Any, stat: Any, slope: Any, t: Tensor, s: Tensor, rng: torch.Generator
    ) -> tuple[Any, Tensor | float]:
        r"""The points, and $\log p/q$ of them."""
        if slope is None:
            return self.proposal.law(stat, x, t, s).sample(rng), 0.0

        def propose(process: Any, x: Tensor, stat: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
            law = process.ancestral(stat, x, t, s)
            shift = self.guidance * _speed(process, t, s) * law.scale**2 * slope
            proposal = replace(law, mean=law.mean + shift)
            moved = proposal.sample(rng)
            return moved, law.log_prob(moved) - proposal.log_prob(moved)

        found = map_leaves(propose, self.process, x, stat, slope)
        gains = [gain for _, (_, gain) in _tree.leaves(found)]
        return _tree.map(lambda pair: pair[0], found), torch.stack(gains).sum(0)


def _finite(twist: Tensor, particles: int) -> Tensor:
    """The log twists, (groups x particles), finite: minus infinity becomes two nats below the least of the group.

    Where r is 0 on the way, a point may still end where it is not. Any number is right, as the next weights are divided
    by it; a very low one would favour the first points with r > 0.
    """
    zero = torch.isneginf(twist)
    if not zero.any():
        return twist
    least = twist.masked_fill(zero, math.inf).reshape(-1, particles).amin(1)
    least = torch.where(torch.isfinite(least), least, 0.0).repeat_interleave(particles)
    return torch.where(zero, least + STILL_POSSIBLE, twist)


def _speed(process: Gaussian, t: Tensor, s: Tensor) -> float:
    r"""$\rho$: how much faster the denoised point of unit-variance data moves with x_s than with x_t."""
    alpha, sigma = process.alpha_sigma(torch.stack([t, s]))
    later, sooner = (alpha / (alpha**2 + sigma**2)).tolist()
    return float(sooner / later)
