"""An attempt at a target: annealed populations, moves at the end, and what all of it says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws import Law, LogDensity
from unnoise.laws.students import Students
from unnoise.spaces import Space
from unnoise.walking.balance import moved_on, novelty, steepest
from unnoise.walking.climbing import Climbs, climbed
from unnoise.walking.evidence import bridged
from unnoise.walking.functions import Differences, Tried
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.learning import learnt_moves
from unnoise.walking.movers import LEAPS, FlatMover, SpaceMover, by_modes, fitted, halves
from unnoise.walking.packing import kept
from unnoise.walking.population import Populations, Tell, annealed, moved
from unnoise.walking.probing import unexplained
from unnoise.walking.record import LearntProposals, Record
from unnoise.walking.scouting import TAILS, Mode, climbed_both, law_of, modes_of, widened
from unnoise.walking.tails import freedom
from unnoise.walking.verdict import HELD, Found, Verdict, judged, overlooked
from unnoise.walking.wide import neighbours

POPULATIONS = 4
PARTICLES, MORE_PARTICLES = 2048, 4096  # of a population; where there are several modes
NUMBERS = 2**22  # of all particles at most
NEIGHBOURS = 2**23  # of all particles of a population at most, on sites
CLIMBS = 64  # from the ends of a walk, which may know more modes
PROBES, MOST_CLIMBS = 2**18, 256  # points around trusted particles, and those of which climbs begin
LEARNT = 0.5  # share of the next guess: of a doubted attempt's particles
OVERLOOKED = 0.25  # the same: of modes that it overlooked
LEAST_LIKELY, ROWS = 16, 2**14  # points of either kind of which climbs begin; points that are asked at once
MISSED = 0.1  # share of its mass, below which a mode lacks particles
LONG = 32  # leaps of attempts after a doubted one
EDGE = 0.01  # share of evaluations without density, from which on it ends at edges


@dataclass(frozen=True)
class Effort:
    """How hard to try: what is left effective by a rise, and rounds of moves after it and at the end."""

    effective: float
    rounds: int
    last: int
    leaps: int = LEAPS


EFFORTS = (Effort(0.5, 2, 6), Effort(0.7, 4, 16, LONG), Effort(0.9, 8, 48, LONG))
for one in (Students, Climbs, Mode, Verdict):
    kept(one)


@kept
@dataclass(frozen=True)
class Attempt:
    """All particles, the verdict, and the modes that are known at the end."""

    record: Record
    verdict: Verdict
    modes: list[Mode]

    def drawn(self, n: int, rng: torch.Generator) -> Any:
        """Some of the particles, each once as long as there are enough."""
        particles = _tree.map(lambda leaf: leaf.flatten(0, 1), self.record.particles)
        count = _tree.length(particles)
        rows = torch.cat([torch.randperm(count, generator=rng) for _ in range(-(-n // count))])[:n]
        return _tree.map(lambda leaf: leaf[rows], particles)


@dataclass(frozen=True)
class Attempts:
    """Everything that attempts share.

    Attributes:
        target: what is walked on.
        guess: where populations begin.
        modes: that climbs found; none where there are no climbs.
        vain: share of climbs that found none, of a density without a top; None where there are no climbs.
        heavy: the highest mode, and directions and coordinates along which tails are powers; None of light ones.
        flat: whether points are vectors.
        sloped: whether the target has slopes.
        blocks: of sites that do not see each other; none on other spaces.
        n: draws that are asked for.
        rng: of all randomness.
        tell: gets the share done and a few words.
        checkpoint: what is kept.
        learn: whether a denoiser learns to propose.
    """

    target: Tried
    guess: Law[Any]
    modes: list[Mode]
    vain: float | None
    heavy: tuple[Tensor, Tensor, Tensor] | None
    flat: bool
    sloped: bool
    blocks: tuple[tuple[int, ...], ...]
    n: int
    rng: torch.Generator
    tell: Tell
    checkpoint: Checkpoint
    learn: bool = False

    def best(self) -> Attempt:
        """The first that is trusted, and beside which nothing was overlooked; or the last."""
        now = self
        for number, effort in enumerate(EFFORTS):
            name = f"attempt {number}"
            done = self.checkpoint.once(name, lambda: now._one(effort, name), self.target)  # noqa: B023
            if not done.verdict.trusted:
                now = replace(now, guess=now._learnt(done))
                continue
            new = self.checkpoint.once(f"{name}, overlooked", lambda: now._overlooked(done), self.target)  # noqa: B023
            if not new:
                break
            done = replace(done, verdict=done.verdict.doubted(overlooked(len(new))))
            guess = widened(cast(Students, now.guess), law_of(new), OVERLOOKED)
            now = replace(now, guess=guess, modes=sorted([*now.modes, *new], key=lambda mode: -mode.height))
        return done

    def _learnt(self, done: Attempt) -> Law[Any]:
        """A guess that covers, by half, the particles of a doubted attempt, with heavy tails to all their ends.

        A first guess is made of modes, and hardly reaches a funnel's mouth or what is far along a bent ridge.
        """
        if not (self.modes and isinstance(self.guess, Students)):
            return self.guess
        law = fitted(done.record.particles.flatten(0, 1), law_of(done.modes) if len(done.modes) > 1 else None)
        return widened(self.guess, replace(law, freedom=torch.full_like(law.freedom, TAILS)), LEARNT)

    def _overlooked(self, done: Attempt) -> list[Mode]:
        """Modes whose share of the mass, by Laplace, is far above that of the particles.

        Slopes that lead beside all known modes lead to them; or a few points that fell into a narrow one, of the
        particles, which stay there, and of as many draws of what is known as slopes are asked for.
        """
        if not self.modes:
            return []
        target = self.target if self.sloped else Differences(self.target)
        x = done.record.particles.flatten(0, 1)
        law = by_modes(x, law_of(done.modes))
        points = torch.cat([unexplained(target, law, PROBES, MOST_CLIMBS, self.rng), _least_likely(target, law, x)])
        climbs = climbed_both(target, points, self.modes[0])
        whole = done.record.integral()[0] - 0.5 * x.shape[1] * math.log(2 * math.pi)

        def missed(mode: Mode) -> bool:
            share = math.exp(min(0.0, mode.log_mass - whole))
            return share > HELD and float(mode.near(x).double().mean()) < MISSED * share

        new = (mode for mode in modes_of(target, climbs, self.modes) if all(mode is not one for one in self.modes))
        return [mode.met_by(climbs) for mode in new if missed(mode)]

    def _one(self, effort: Effort, name: str) -> Attempt:
        target, checkpoint = self.target, self.checkpoint
        known = law_of(self.modes) if len(self.modes) > 1 else None
        flat = FlatMover(self.sloped, known, self.heavy, leaps=effort.leaps)
        mover: Any = flat if self.flat else SpaceMover(self.blocks)
        each = _particles(target.space, len(self.modes), self.n)
        found: Populations = annealed(
            target, self.guess, mover, POPULATIONS, each, self.rng, rounds=effort.rounds,
            effective=effort.effective, tell=lambda done, note: self.tell(0.7 * done, note), checkpoint=checkpoint,
            name=f"{name}/rises",
        )  # fmt: skip
        half, outside, asked = effort.last // 2, target.outside, target.evaluations

        def later(x: Any, part: str) -> Any:
            part = f"{name}/{part}"
            options = (mover, POPULATIONS, self.rng, half, checkpoint, f"{part}/moves", (target,))
            return checkpoint.once(part, lambda: moved(target, x, *options)[0], target, mover)

        early = later(found.x, "early")
        self.tell(0.85, "at the target")
        x, learnt = early, None
        if self.learn:
            x, mover, learnt = learnt_moves(
                target, early, mover, POPULATIONS, self.rng, self.tell, checkpoint, f"{name}/learning"
            )
        late = later(x, "late")
        edges = target.outside - outside > EDGE * (target.evaluations - asked)
        return self._summed(found, each, early, late, self.flat and self.sloped and not edges, learnt)

    def _summed(
        self, found: Populations, each: int, early: Any, late: Any, smooth: bool, learnt: LearntProposals | None = None
    ) -> Attempt:
        target, modes = self.target, self.modes
        both = _tree.map(lambda a, b: torch.cat([a, b]), early, late)
        shares, labels = torch.ones(POPULATIONS, 1, dtype=torch.float64), None
        if modes:
            if smooth:
                modes = modes_of(target, climbed(target, late[:: max(1, len(late) // CLIMBS)]), modes)
            labels = law_of(modes).nearest(both).reshape(2, POPULATIONS, each)
            kinds = torch.arange(len(modes), device=labels.device)
            shares = (labels[..., None] == kinds).double().mean((0, 2)).cpu()
            labels = labels.transpose(0, 1).flatten(1).cpu()
        known = law_of(modes) if len(modes) > 1 else None
        bridge = bridged(target, late, POPULATIONS, self.rng, known) if self.flat else None
        news = [novelty(target, halves(found.x, known), found.x, late)] if self.flat else []
        particles = _tree.map(
            lambda a, b: torch.cat([leaf.unflatten(0, (POPULATIONS, each)) for leaf in (a, b)], 1), early, late
        )
        record = Record(particles, labels, shares, found.log_z, bridge, found.annealing, learnt)
        verdict = judged(
            Found(
                numbers(found.x).reshape(POPULATIONS, each, -1),
                numbers(early).reshape(POPULATIONS, each, -1),
                numbers(late).reshape(POPULATIONS, each, -1),
                record.log_z,
                record.log_z_error(),
                bridge,
                shares,
                torch.tensor([mode.met for mode in modes if smooth], dtype=torch.long),
                steepest(target, both) if smooth else None,
                moved_on(numbers(found.x), numbers(late), POPULATIONS, *news),
                freedom(target, modes[0]) if modes else math.inf,
                _stuck(found.x, early, late),
                self.vain if self.flat else 0.0,
                target.refused / max(target.evaluations, 1),
                record.annealing.betas[-1],
                record.log_z_learnt,
            )
        )
        return Attempt(record, verdict, modes)


def _least_likely(target: LogDensity[Tensor], law: Students, x: Tensor) -> Tensor:
    """Of points x and draws of a law those where p is far above it, and those where p is highest, (m, d)."""
    rng = torch.Generator().manual_seed(0)  # of its own, as no draw of a walk depends on it
    seen = torch.cat([x, law.sample(rng, (min(PROBES, NUMBERS // x.shape[1]),))])
    heights = torch.cat([target.log_prob(rows) for rows in torch.split(seen, ROWS)])
    each = min(LEAST_LIKELY, len(seen))
    both = torch.stack([torch.nan_to_num(v, nan=-math.inf) for v in (heights, heights - law.log_prob(seen))])
    return seen[both.topk(each).indices.flatten()]


def _particles(space: Space[Any, Any], modes: int, n: int) -> int:
    """Of every population; more where modes have to be weighed, fewer where points are large."""
    wanted = max(MORE_PARTICLES if modes > 1 else PARTICLES, -(-n // (2 * POPULATIONS)))
    size = max(1, math.prod(space.event_shape))
    return max(64, min(wanted, NUMBERS // (POPULATIONS * size), NEIGHBOURS // max(1, neighbours(space))))


def numbers(x: Any) -> Tensor:
    """All numbers of points side by side, (n, numbers), in double precision."""
    return _tree.ravel(_tree.map(lambda leaf: leaf.double(), x))


def _stuck(*moments: Any) -> float:
    """The share of particles with no real number that has changed; none of whole numbers, which come back."""
    leaves = [[leaf for _, leaf in _tree.leaves(x) if leaf.is_floating_point()] for x in moments]
    if not leaves[0]:
        return 0.0
    first, *others = ([leaf.flatten(1) for leaf in moment] for moment in leaves)
    same = [(a == b).all(1) for other in others for a, b in zip(first, other, strict=True)]
    return float(torch.stack(same).all(0).double().mean())
