r"""A denoiser that is trained on populations at the target, and proposes to them; kept where it pays.

Each half of the populations teaches a denoiser, which proposes to the other half, so that none follows itself. By the
paths of its steps backwards (`chains.reversing`) moves are exact, and log Z is known twice more: by importance sampling
and by a bridge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise.chains import ByPaths, Kernel, ReversePaths
from unnoise.chains.reversing import Paths, PathsBeside, PathsOfHalves
from unnoise.denoisers import Denoiser, Neural
from unnoise.heads import Fourier
from unnoise.laws import LogDensity
from unnoise.laws.categorical import effective_size
from unnoise.laws.students import Students
from unnoise.networks import MLP
from unnoise.processes import Gaussian, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.training import learn
from unnoise.walking.evidence import by_bridge
from unnoise.walking.functions import Tried
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.movers import FlatMover, common_factor, fitted
from unnoise.walking.population import Tell, moved
from unnoise.walking.record import LearntProposals

ROUNDS = 2  # of each of the two pilots; after each of the first points are learnt from
STEPS, BATCH, RATE, DECAY = 1200, 256, 3e-3, 0.995  # of the training
WIDTH, DEPTH, EMBEDDING, WAVES = 96, 3, 64, (1.0, 2.0, 4.0)  # of its network
LEVELS = 40  # steps backwards
SURE = 2.0  # standard errors of the correlations of both pilots, by which effective draws must rise
BESIDE = 0.1  # share of proposals by the mixture, whose tails are heavier


@dataclass
class LearntMover(FlatMover):
    """Proposals by paths, then moves in units of the covariance.

    Attributes:
        paths: that propose.
    """

    paths: Paths = field(kw_only=True)

    def kernels(self, target: LogDensity[Tensor], x: Tensor, populations: int) -> list[Kernel[Any]]:
        """They in the place of those of a mixture, which is one of what they draw from."""
        return [ByPaths(target, self.paths), *super().kernels(target, x, populations)[1:]]


def learnt_moves(
    target: Tried,
    x: Tensor,
    mover: FlatMover,
    populations: int,
    rng: torch.Generator,
    tell: Tell,
    checkpoint: Checkpoint,
    name: str,
) -> tuple[Tensor, FlatMover, LearntProposals]:
    """Particles some rounds later, the better of two movers, and what was learnt.

    Args:
        target: it.
        x: particles of it, population after population, (n, d).
        mover: of them so far.
        populations: how many there are.
        rng: of all randomness.
        tell: gets the share done and a few words.
        checkpoint: of what was reached, under a name.
        name: in the checkpoint.
    """
    half = len(x) // populations * (populations // 2)
    plain, points = _Pilot(target, x), [x]
    for number in range(ROUNDS):
        part = f"{name}/plain {number}"
        options = (mover, populations, rng, 1, checkpoint, f"{part}/moves", (target,))
        now = points[-1]
        points.append(checkpoint.once(part, lambda: moved(target, now, *options)[0], target, mover))  # noqa: B023
    without, most, _ = plain.effective(points[-1])
    each = torch.stack(points)
    halves = [each[:, half:].flatten(0, 1), each[:, :half].flatten(0, 1)]
    laws = [_taught(rows, mover.modes, rng, tell, checkpoint, f"{name}/denoiser {i}") for i, rows in enumerate(halves)]
    paths = PathsOfHalves(laws[0], laws[1], half)
    better = LearntMover(**vars(mover), paths=paths)
    tell(0.9, "proposals of the denoiser")
    pilot, x = _Pilot(target, points[-1]), points[-1]
    options = (better, populations, rng, ROUNDS, checkpoint, f"{name}/learnt/moves", (target,))
    after, accepted = checkpoint.once(f"{name}/learnt", lambda: moved(target, x, *options), target, better)
    rate, _, least = pilot.effective(after)
    evidence = checkpoint.once(f"{name}/evidence", lambda: _evidence(target, paths, after, half, rng), target)
    found = LearntProposals(least > most, rate, without, accepted[0], *evidence)
    return (after, better, found) if found.kept else (points[-1], mover, found)


class _Pilot:
    """Rounds of moves from some particles on, and what they cost."""

    def __init__(self, target: Tried, x: Tensor) -> None:
        self.target, self.x, self.asked = target, x, target.evaluations

    def effective(self, x: Tensor) -> tuple[float, float, float]:
        """Per evaluation, and what it is at most and at least."""
        each = (self.target.evaluations - self.asked) / len(x)
        found, most, least = (effective_per_evaluation(self.x, x, ROUNDS, each, off) for off in (0, -SURE, SURE))
        return found, most, least


def effective_per_evaluation(before: Tensor, after: Tensor, rounds: int, evaluations: float, off: float = 0.0) -> float:
    r"""Effective draws for each evaluation, by how far particles have forgotten where they were some rounds before.

    With r the highest rank correlation over particles, of a number or of its distance from the median, chains
    whose correlation falls by $\rho = r^{1/\text{rounds}}$ every round have $(1 - \rho)/(1 + \rho)$ effective draws a
    round. Below the standard error of r nothing is known of it.

    Args:
        before: particles, (n, d).
        after: the same later.
        rounds: between.
        evaluations: for each particle in all these rounds.
        off: standard errors that are added to r.

    >>> x, y = torch.randn(2, 10000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> round(effective_per_evaluation(x, 0.6 * x + 0.8 * y, 1, 3), 2)  # (1 - .6) / (1 + .6) / 3
    0.09
    """
    ranks = [_ranks(torch.cat([x, (x - before.median(0).values).abs()], 1)) for x in (before, after)]
    correlation = (ranks[0] * ranks[1]).mean(0)
    error = len(before) ** -0.5
    slowest = float((correlation.max() + off * error).clamp(error, 1.0)) ** (1 / rounds)
    effective: float = (1 - slowest) / (1 + slowest) * rounds
    return effective / evaluations


def _ranks(x: Tensor) -> Tensor:
    """Of every column, of mean zero and variance one."""
    ranks = x.argsort(0).argsort(0).double()
    return (ranks - ranks.mean(0)) / ranks.std(0)


def _taught(
    x: Tensor, modes: Students | None, rng: torch.Generator, tell: Tell, checkpoint: Checkpoint, name: str
) -> Paths:
    """What a denoiser draws that was trained on points, (n, d), beside the mixture that fits them."""
    centre, factor = x.mean(0), common_factor(x, torch.zeros(len(x), dtype=torch.long, device=x.device))
    u = torch.linalg.solve_triangular(factor, (x - centre).T, upper=False).T.contiguous()
    process = variance_preserving(Euclidean(x.shape[1]), LinearLogSNR())

    def trained() -> dict[str, Tensor]:
        seed = int(torch.randint(2**31, (), generator=rng))
        found = learn(
            process, _network, u.float(), head=_head, seed=seed, steps=STEPS, batch_size=BATCH, learning_rate=RATE,
            ema=DECAY, tell=lambda share, note: tell(0.85 + 0.02 * share, f"a denoiser: {note}"),
        )  # fmt: skip
        return {key: value.detach() for key, value in found.state_dict().items()}

    weights = checkpoint.once(name, trained)
    denoiser = _denoiser(process, weights)
    paths = ReversePaths.fitted(denoiser, u, rng, steps=LEVELS, centre=centre, factor=factor)
    return PathsBeside(paths, fitted(x, modes), BESIDE)


def _head(process: Gaussian) -> Fourier:
    return Fourier(process, frequencies=WAVES)


_network = partial(MLP, width=WIDTH, depth=DEPTH, embedding=EMBEDDING)


def _denoiser(process: Gaussian, weights: dict[str, Tensor]) -> Denoiser:
    head = _head(process)
    denoiser = Neural(process, _network(head.input_shape, 0, head.output_shape), _head)
    denoiser.load_state_dict(weights)
    return denoiser.requires_grad_(False).eval()


def _evidence(
    target: LogDensity[Tensor], paths: Paths, x: Tensor, half: int, rng: torch.Generator
) -> tuple[tuple[float, float], float, tuple[float, float] | None]:
    """Log Z by importance sampling, with its standard error, the share of draws that are effective; and by a bridge."""
    drawn, there = paths.drawn(len(x), rng)
    there = (target.log_prob(drawn) - there).double()
    here = (target.log_prob(x) - paths.traced(x, rng)).double()
    n, effective = len(x), float(effective_size(there))
    value = float(torch.logsumexp(there, 0)) - math.log(n)
    error = math.sqrt(max(1 / effective - 1 / n, 0.0))
    halves = [(there[rows], here[rows]) for rows in (slice(half), slice(half, None))]
    return (value, error), effective / n, by_bridge(halves)
