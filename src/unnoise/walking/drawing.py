r"""`unnoise.walk`: draws, evidence and a verdict from a log density alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function as checked_function
from unnoise._checks import instance, whole
from unnoise._seeding import generator
from unnoise.laws import HasRatios, Law, LogDensity
from unnoise.laws.students import Students
from unnoise.spaces import Space
from unnoise.walking.asking import asked
from unnoise.walking.beginning import FEWEST, TRIED, first_points, guessed, is_flat, somewhere
from unnoise.walking.evidence import bridged
from unnoise.walking.exported import inference_data
from unnoise.walking.functions import Function, Tried, TriedRatios
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.movers import FlatMover, SpaceMover
from unnoise.walking.packing import kept
from unnoise.walking.population import NOWHERE, Populations, Tell, annealed, moved
from unnoise.walking.record import Record
from unnoise.walking.scouting import Mode, climbed, law_of, modes_of
from unnoise.walking.sharing import shared
from unnoise.walking.verdict import Found, Verdict, judged

if TYPE_CHECKING:
    import arviz

POPULATIONS = 4
PARTICLES, MORE_PARTICLES = 2048, 4096  # of a population; where there are several modes
NUMBERS = 2**22  # of all particles at most
CLIMBS = 64  # from the ends of a walk, which may know more modes
EDGE = 0.01  # share of evaluations without density, from which on it ends at edges


@dataclass(frozen=True)
class Effort:
    """How hard to try: what is left effective by a rise, and rounds of moves after it and at the end."""

    effective: float
    rounds: int
    last: int


EFFORTS = (Effort(0.5, 2, 6), Effort(0.7, 4, 16), Effort(0.9, 8, 48))
SPACE_ROUNDS = 5  # times as many where no mixture is proposed
KNOWN = 8  # points by whose values a checkpoint knows a log density again
for one in (Students, Mode, Verdict):
    kept(one)


@dataclass(frozen=True)
class Walk:
    r"""What `walk` found.

    Attributes:
        draws: points of the target, (n, *event), or a dict of them on a product or by the names of parameters.
        log_z: $\log\int e^{\text{log\_prob}}$ with respect to the reference measure of the space, in nats.
        modes: where modes are, (m, d), on flat spaces; else None. Of parameters: the natural coordinates of the places
            where the density of their chart is highest.
        mode_weights: their probabilities, (m,); else None.
        verdict: whether draws can be believed; `verdict.trusted` in one boolean.
        evaluations: of the log density, with its gradient or without, in points.
        record: all particles, the integral of every population, and the way they came.
    """

    draws: Any
    log_z: float
    modes: Any
    mode_weights: Tensor | None
    verdict: Verdict
    evaluations: int
    populations: int
    record: Record

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against the draws."""
        return self.verdict.trusted

    def to_arviz(self) -> arviz.InferenceData:
        """About as many draws, as a chain for every population; needs `pip install 'unnoise[arviz]'`.

        `sample_stats` has the mode of each draw; the attributes of `posterior` have the integral and the verdict.
        """
        verdict = self.verdict
        about: dict[str, Any] = {"log_z": self.log_z, "log_z_error": verdict.log_z_error, "r_hat": verdict.r_hat}
        about |= {"trusted": int(verdict.trusted), "doubts": "; ".join(verdict.doubts)}  # netCDF has no truth values
        return inference_data(self.record, _tree.length(self.draws), about)


@torch.no_grad()
def walk(
    log_prob: Callable[[Any], Any] | LogDensity[Any] | Any = None,
    *,
    log_prior: Any = None,
    log_likelihood: Any = None,
    parameters: Any = None,
    space: Space[Any, Any] | None = None,
    dimension: int | None = None,
    n: int = 1000,
    start: Any = None,
    seed: int = 0,
    processes: int | None = None,
    checkpoint: Checkpoint = NOWHERE,
    tell: Tell = lambda done, note: None,
) -> Walk:
    r"""Draws from a density that is known up to a constant, on any space; no scale, step size or start need be given.

    On $R^d$ climbs from points of every length find modes (L-BFGS); Student laws around them, and wide ones, are a
    first guess q. Four independent populations pass from q to the target by $q^{1 - \beta} p^\beta$ with
    temperatures that choose themselves (Del Moral, Doucet, Jasra 2006). They move by Hamiltonian steps in units of
    their own covariance, and by proposals from mixtures that are fitted to other populations. Elsewhere they start from
    all over the space and move by `chains.Metropolis`. Where populations disagree it begins anew, with more effort, at
    most three times.

    Args:
        log_prob: a function of a batch of points, (n, *event) to (n,) or (n, 1), or of one point, in torch or NumPy; or
            a `laws.LogDensity`; or an object with a `log_prob`, or with a `log_prior` and a `log_likelihood`.
        log_prior: with `log_likelihood` in the place of `log_prob`: a function like it, a distribution of torch, or a
            dict of distributions by the names of parameters, whose supports are then the bounds.
        log_likelihood: the other term of the log density, a function.
        parameters: natural coordinates of the density: `walking.Positive()` and the like, or a constraint of torch, or
            a dict of these by their names. Functions then get a tensor (n, *shape), or a dict of them; draws and modes
            come back so. Chains move in a chart whose volume is accounted for, so `log_z` is that of these coordinates.
        space: where the points live; $R^d$ by default.
        dimension: d, where no space is given.
        n: draws to return.
        start: points near which climbs start too, (m, *event), or as `parameters` say.
        seed: of all randomness.
        processes: that evaluate a slow function, each a part of every batch; None asks this one alone.
        checkpoint: what to go on from, should it be interrupted.
        tell: gets the share done and a few words.

    Raises:
        InputError: neither space nor dimension; a function that works in no form; rows that see each other; a density
            that does not seem to be integrable, or that is zero wherever it was tried.

    >>> def log_prob(x):  # two modes, of which one is narrow
    ...     wide, narrow = -0.5 * x.square().sum(-1), -0.5 * ((x - 6) / 0.1).square().sum(-1)
    ...     return torch.logaddexp(wide + math.log(0.3), narrow + math.log(0.7 / 0.01))
    >>> found = walk(log_prob, dimension=2, n=500)
    >>> found.trusted, sorted(round(float(w), 1) for w in found.mode_weights)
    (True, [0.3, 0.7])
    >>> abs(found.log_z - math.log(2 * math.pi)) < 0.1
    True
    >>> from unnoise.walking import Positive
    >>> found = walk(lambda at: at["rate"].log() - at["rate"], parameters={"rate": Positive()}, n=500)
    >>> found.draws["rate"].shape, abs(found.log_z) < 0.1  # Gamma(2)
    (torch.Size([500]), True)
    """
    whole(least=1, n=n)
    checked_function(tell=tell)
    instance(Checkpoint, checkpoint=checkpoint)
    question = asked(
        log_prob, log_prior=log_prior, log_likelihood=log_likelihood, parameters=parameters, space=space,
        dimension=dimension,
    )  # fmt: skip
    space, rng = question.space, generator(seed)
    first = first_points(question, TRIED, rng)
    if start is not None:
        first = _tree.map(lambda a, b: torch.cat([b.to(a), a]), first, question.read(start))
    density = question.density(first)
    sloped = density.sloped if isinstance(density, Function) else True
    with shared(density, processes) as density:
        target = (TriedRatios if isinstance(density, HasRatios) else Tried)(density, space)
        first = somewhere(target, first, question, FEWEST if start is None else 1, rng)
        known = {"the seed": seed, "the space": repr(space), "n": n, "the sum of its first points": [_sum(first)]}
        heights = target.log_prob(first)
        checkpoint.begin(rng, known | {"the log density at some point": heights[:: -(-len(heights) // KNOWN)].tolist()})
        flat = is_flat(space)
        guess, modes = guessed(target, question, first, flat, sloped, rng, checkpoint)
        done = _attempted(target, guess, modes, flat, sloped, n, rng, tell, checkpoint)
    weights = done.record.shares.mean(0)
    there = weights > 0
    record = done.record.of_modes(there)
    return Walk(
        question.shown(done.drawn(n, rng)),
        float(torch.logsumexp(record.log_z, 0)) - math.log(POPULATIONS),
        question.shown(torch.stack([mode.centre for mode in done.modes])[there] if done.modes else None),
        weights[there] if done.modes else None,
        done.verdict,
        target.evaluations,
        POPULATIONS,
        record.shown(question.shown),
    )


@kept
@dataclass(frozen=True)
class _Attempt:
    record: Record
    verdict: Verdict
    modes: list[Mode]

    def drawn(self, n: int, rng: torch.Generator) -> Any:
        """Some of the particles, each once as long as there are enough."""
        particles = _tree.map(lambda leaf: leaf.flatten(0, 1), self.record.particles)
        count = _tree.length(particles)
        rows = torch.cat([torch.randperm(count, generator=rng) for _ in range(-(-n // count))])[:n]
        return _tree.map(lambda leaf: leaf[rows], particles)


def _attempted(
    target: Tried,
    guess: Law[Any],
    modes: list[Mode],
    flat: bool,
    sloped: bool,
    n: int,
    rng: torch.Generator,
    tell: Tell,
    checkpoint: Checkpoint,
) -> _Attempt:
    """The first attempt that is trusted, or the last."""
    for number, effort in enumerate(EFFORTS):
        name = f"attempt {number}"
        again = partial(_attempt, target, guess, modes, flat, sloped, n, effort, rng, tell, checkpoint, name)
        done = checkpoint.once(name, again, target)
        if done.verdict.trusted:
            break
    return done


def _attempt(
    target: Tried,
    guess: Law[Any],
    modes: list[Mode],
    flat: bool,
    sloped: bool,
    n: int,
    effort: Effort,
    rng: torch.Generator,
    tell: Tell,
    checkpoint: Checkpoint,
    name: str,
) -> _Attempt:
    mover = FlatMover(sloped, law_of(modes) if len(modes) > 1 else None) if flat else SpaceMover()
    times = 1 if flat else SPACE_ROUNDS
    each = _particles(target.space, len(modes), n)
    found: Populations = annealed(
        target, guess, mover, POPULATIONS, each, rng, rounds=times * effort.rounds, effective=effort.effective,
        tell=lambda done, note: tell(0.7 * done, note), checkpoint=checkpoint, name=f"{name}/rises",
    )  # fmt: skip
    half, outside, asked = times * effort.last // 2, target.outside, target.evaluations

    def later(x: Any, part: str) -> Any:
        return checkpoint.once(
            f"{name}/{part}",
            lambda: moved(target, x, mover, POPULATIONS, rng, half, checkpoint, f"{name}/{part}/moves", (target,))[0],
            target,
            mover,
        )

    early = later(found.x, "early")
    tell(0.85, "at the target")
    late = later(early, "late")
    edges = target.outside - outside > EDGE * (target.evaluations - asked)
    return _summed(target, found, modes, flat, each, early, late, flat and sloped and not edges, rng)


def _summed(
    target: Tried,
    found: Populations,
    modes: list[Mode],
    flat: bool,
    each: int,
    early: Any,
    late: Any,
    smooth: bool,
    rng: torch.Generator,
) -> _Attempt:
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
    bridge = bridged(target, late, POPULATIONS, rng, known) if flat else None
    verdict = judged(
        Found(
            _numbers(early).reshape(POPULATIONS, each, -1),
            _numbers(late).reshape(POPULATIONS, each, -1),
            found.log_z,
            bridge,
            shares,
            torch.tensor([mode.met for mode in modes if smooth], dtype=torch.long),
            _steepest(target, both) if smooth else None,
            _stuck(found.x, early, late),
            target.refused / max(target.evaluations, 1),
        )
    )
    particles = _tree.map(
        lambda a, b: torch.cat([leaf.unflatten(0, (POPULATIONS, each)) for leaf in (a, b)], 1), early, late
    )
    return _Attempt(Record(particles, labels, shares, found.log_z, bridge, found.annealing), verdict, modes)


def _particles(space: Space[Any, Any], modes: int, n: int) -> int:
    """Of every population; more where modes have to be weighed, fewer where points are large."""
    wanted = max(MORE_PARTICLES if modes > 1 else PARTICLES, -(-n // (2 * POPULATIONS)))
    size = max(1, math.prod(space.event_shape))
    return max(64, min(wanted, NUMBERS // (POPULATIONS * size)))


def _sum(x: Any) -> float:
    return float(_numbers(x).sum())


def _numbers(x: Any) -> Tensor:
    return _tree.ravel(_tree.map(lambda leaf: leaf.double(), x))


def _steepest(target: Tried, x: Tensor) -> float:
    """The largest mean slope in standard errors, of which early and late particles are not independent."""
    _, score = target.log_prob_and_score(x)
    error = score.std(0) / math.sqrt(len(x) / 1.5)
    return float((score.mean(0).abs() / error.clamp(min=1e-300)).max())


def _stuck(*moments: Any) -> float:
    """The share of particles with no real number that has changed; none of whole numbers, which come back."""
    leaves = [[leaf for _, leaf in _tree.leaves(x) if leaf.is_floating_point()] for x in moments]
    if not leaves[0]:
        return 0.0
    first, *others = ([leaf.flatten(1) for leaf in moment] for moment in leaves)
    same = [(a == b).all(1) for other in others for a, b in zip(first, other, strict=True)]
    return float(torch.stack(same).all(0).double().mean())
