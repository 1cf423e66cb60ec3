r"""`unnoise.walk`: draws, evidence and a verdict from a log density alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import flag, instance, whole
from unnoise._checks import function as checked_function
from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.laws import HasRatios, Law, LogDensity
from unnoise.spaces import Space
from unnoise.walking.asking import asked
from unnoise.walking.attempting import POPULATIONS, Attempts, numbers
from unnoise.walking.beginning import FEWEST, TRIED, apart, first_points, guessed, is_flat, somewhere, stretched
from unnoise.walking.exported import inference_data
from unnoise.walking.functions import Driftless, Function, Tried, TriedRatios
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.population import NOWHERE, Tell
from unnoise.walking.record import Record
from unnoise.walking.sharing import shared
from unnoise.walking.verdict import HELD, Verdict, changing, cut_off
from unnoise.walking.wide import neighbours

if TYPE_CHECKING:
    import arviz

AGAIN = 128  # draws at which the log density is asked twice
KNOWN = 8  # points by whose values a checkpoint knows a log density again


@dataclass(frozen=True)
class Walk:
    r"""What `walk` found.

    Attributes:
        draws: points of the target, (n, *event), or a dict of them on a product or by the names of parameters.
        log_z: $\log\int e^{\text{log\_prob}}$ with respect to the reference measure of the space, in nats; by annealing
            or by a bridge to a fitted mixture, whichever has the smaller standard error.
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

    @property
    def mode_weight_errors(self) -> Tensor | None:
        """The standard errors of `mode_weights`, over populations, (modes,); None where these are."""
        return None if self.mode_weights is None else self.record.share_errors()

    def to_arviz(self) -> arviz.InferenceData:
        """About as many draws, as a chain for every population; needs `pip install 'unnoise[arviz]'`.

        `sample_stats` has the mode of each draw; the attributes of `posterior` have the integral and the verdict.
        """
        verdict = self.verdict
        about: dict[str, Any] = {"log_z": self.log_z, "log_z_error": verdict.log_z_error, "r_hat": verdict.r_hat}
        about |= {"trusted": int(verdict.trusted), "doubts": "; ".join(verdict.doubts)}  # netCDF has no truth values
        return inference_data(self.record, _tree.length(self.draws), about)


@torch.inference_mode(False)
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
    guess: Law[Any] | None = None,
    seed: int = 0,
    processes: int | None = None,
    learn: bool = False,
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
        log_prob: a function of a batch of points, (n, *event) to (n,) or (n, 1), or of one point, in torch or NumPy, or
            of its numbers as arguments; or a `laws.LogDensity`, or a distribution of torch or SciPy; or an object with
            a `log_prob`, or with a `log_prior` and a `log_likelihood`.
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
        guess: a normalised law on the space that is wider than the target, such as a prior: populations begin there,
            without climbs, which saves time where the density is costly, and leaves modes untold.
        seed: of all randomness.
        processes: that evaluate a slow function, each a part of every batch; None asks this one alone.
        learn: train a denoiser on the populations, which proposes moves where that makes more effective draws of an
            evaluation, and is one more estimate of `log_z`; for costly densities on $R^d$ that are bent, or have
            several modes.
        checkpoint: what to go on from, should it be interrupted.
        tell: gets the share done and a few words.

    Raises:
        InputError: neither space nor dimension; a function that works in no form; rows that see each other; a density
            that does not seem to be integrable, or that is zero wherever it was tried; `learn` elsewhere than on $R^d$.

    >>> import math
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
    flag(learn=learn)
    checked_function(tell=tell)
    instance(Checkpoint, checkpoint=checkpoint)
    instance(Law, or_none=True, guess=guess)
    question = asked(
        log_prob, log_prior=log_prior, log_likelihood=log_likelihood, parameters=parameters, space=space,
        dimension=dimension,
    )  # fmt: skip
    space, rng = question.space, generator(seed)
    neighbours(space)  # raises where they are too many
    if learn and not is_flat(space):
        raise InputError(
            f"learn=True (--learn) trains a denoiser of points of R^d, and these live on {space}: leave it out"
        )
    first = first_points(question, TRIED, rng) if guess is None else guess.sample(rng, (TRIED,))
    if start is not None:
        first = _tree.map(lambda a, b: torch.cat([b.to(a), a]), first, question.read(start))
    density = question.density(first)
    sloped, flat = density.sloped if isinstance(density, Function) else True, is_flat(space)
    density = density if sloped or flat else Driftless(density)
    with shared(density, processes) as density:
        kind = TriedRatios if isinstance(density, HasRatios) else Tried
        target = kind(density, space, lambda count: tell(0.0, f"looking for modes: {count:,} points"))
        first = somewhere(target, first, question, FEWEST if start is None else 1, rng)
        known = {
            "the seed": seed,
            "the space": repr(space),
            "n": n,
            "whether a denoiser learns": learn,
            "the sum of its first points": [float(numbers(first).sum())],
        }
        heights = target.log_prob(first)
        if (told := changing(heights, target.log_prob(first))) is not None:
            raise InputError(told)
        checkpoint.begin(rng, known | {"the log density at some point": heights[:: -(-len(heights) // KNOWN)].tolist()})
        if guess is None:
            wide, modes, vain = guessed(target, question, first, flat, sloped, rng, checkpoint)
        else:
            wide, modes, vain = guess, [], None
        heavy = checkpoint.once("heavy tails", lambda: stretched(target, modes, sloped), target)
        blocks = checkpoint.once("blocks", lambda: apart(target, first), target)
        target.heard = lambda count: None  # from here on temperatures are told
        done = Attempts(target, wide, modes, vain, heavy, flat, sloped, blocks, n, rng, tell, checkpoint, learn).best()
        once_more = _asked_again(target, done.record.particles)
    beside = 0.0 if question.chart is None else question.chart.at_bounds(done.record.particles.flatten(0, 1))
    verdict = done.verdict.doubted(cut_off(beside)) if beside > HELD else done.verdict
    verdict = verdict if once_more is None else verdict.doubted(once_more)
    weights = done.record.shares.mean(0)
    there = weights > 0
    record = done.record.of_modes(there)
    return Walk(
        question.shown(done.drawn(n, rng)),
        record.integral()[0],
        question.shown(torch.stack([mode.centre for mode in done.modes])[there] if done.modes else None),
        weights[there] if done.modes else None,
        verdict,
        target.evaluations,
        POPULATIONS,
        record.shown(question.shown),
    )


def _asked_again(target: LogDensity[Any], particles: Any) -> str | None:
    """A doubt where the density of a draw depends on chance, on calls before, or on the other rows of a batch."""
    x = _tree.map(lambda leaf: leaf.flatten(0, 1), particles)
    x = _tree.map(lambda leaf: leaf[:: max(1, len(leaf) // AGAIN)], x)
    parts = (slice(None, None, 2), slice(1, None, 2))
    first, again = target.log_prob(x), torch.empty(_tree.length(x), dtype=torch.float64)
    for part in parts:
        again[part] = target.log_prob(_tree.map(lambda leaf, part=part: leaf[part], x)).double().cpu()
    return changing(first.cpu(), again)
