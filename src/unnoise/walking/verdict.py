"""Whether what populations found can be believed, in one boolean and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unnoise.walking.record import best_of

MIXED = 1.01  # R-hat, above which populations or times disagree (Vehtari et al. 2021, arXiv 1903.08008)
SURE = 4.0  # standard errors
UNSURE_Z = 0.1  # nats: the largest standard error of log Z that is believed
STUCK = 0.01  # share of particles that may never have moved
HEAVY = 0.499  # degrees of freedom of tails, of which draws have fewer than there are
STEEP = 4.5  # standard errors of a mean slope, or of a shift
HELD = 0.002  # share of a mode that counts
SAME, ROUNDING = 0.01, 1e-5  # nats, and relative, within which a log density is the same when it is asked again
MISSING = 0.5  # modes, as estimated
VAIN = 0.75  # share of climbs
REFUSED = 0.05  # share of evaluations without a value that is worth a word


@dataclass(frozen=True)
class Found:
    """What the populations are judged by.

    Attributes:
        arrived: particles, (populations, each, numbers), as they came to the last temperature.
        early: the same after the first half of the last moves.
        late: the same at their end.
        log_z: by annealing, (populations,).
        log_z_error: the standard error of all of them.
        log_z_bridge: by a bridge to a fitted law, and its standard error; None where no law is fitted.
        shares: of every mode, (populations, modes).
        met: how many climbs ended at each mode, (modes,); empty where none climbed.
        slope: the largest mean of a slope over particles, in standard errors; it is zero for draws of a density that
            falls to zero at all its ends (Stein 1972). Shifts tell it where the density jumps (`balance`). None where
            it has edges, or no slopes.
        moved_on: how far means, mean squares or the share of outer particles moved after the last temperature, in
            standard errors (`balance`).
        freedom: degrees of freedom of the heaviest tail.
        stuck: share of particles that never moved in the last rounds.
        vain: share of climbs that came to no mode, where some went higher than all modes; None where modes could have
            been looked for, and were not.
        refused: share of evaluations that were NaN or infinite.
        beta: the exponent that annealing came to; below 1 where it was given up.
        log_z_learnt: by a bridge to a denoiser, and its standard error; None where none was learnt.
    """

    arrived: Tensor
    early: Tensor
    late: Tensor
    log_z: Tensor
    log_z_error: float
    log_z_bridge: tuple[float, float] | None
    shares: Tensor
    met: Tensor
    slope: float | None
    moved_on: float
    freedom: float
    stuck: float
    vain: float | None
    refused: float
    beta: float
    log_z_learnt: tuple[float, float] | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said of draws.

    Attributes:
        trusted: whether nothing speaks against them.
        doubts: what does, a sentence each.
        notes: what is worth knowing besides.
        r_hat: the worst over numbers, of all populations at all three moments.
        log_z_error: the standard error of log Z, nats, by annealing or by the bridge, the `best_of` these.
    """

    trusted: bool
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    r_hat: float
    log_z_error: float

    def __str__(self) -> str:
        """A line for people."""
        if self.trusted:
            return f"trusted: independent populations agree (R-hat {self.r_hat:.3f})"
        return "not trusted: " + "; ".join(self.doubts)

    def doubted(self, doubt: str) -> Verdict:
        """The same with a doubt more."""
        return replace(self, trusted=False, doubts=(*self.doubts, doubt))


def overlooked(modes: int) -> str:
    """What is to be said where modes were found after all moves."""
    return (
        f"a last look around the draws met {'a mode' if modes == 1 else f'{modes} modes'} that no draw is near; give "
        "start=, points near all modes that you know"
    )


def changing(values: Tensor, again: Tensor) -> str | None:
    """What is to be said where a log density at the same points, (n,), is another one when it is asked again."""
    other = (~torch.isclose(again.double(), values.double(), rtol=ROUNDING, atol=SAME)).nonzero()
    if not len(other):
        return None
    row = int(other[0])
    return (
        f"the log density of the same point is {float(values[row]):.6g} and then {float(again[row]):.6g}; expected a "
        "function of the point alone: leave out random numbers, what it changes from call to call, and what rows see "
        "of each other"
    )


def cut_off(share: float) -> str:
    """What is to be said where floating point ends before the target does."""
    return (
        f"{share:.1%} of the draws lie so near to a bound that floating point hardly tells them from it, and what is "
        "nearer is missing; write it in coordinates on the whole line, such as log odds"
    )


def judged(found: Found) -> Verdict:
    """All checks at once."""
    r_hat, error = _worst_r_hat(found.arrived, found.early, found.late), found.log_z_error
    doubts = []
    if found.beta < 1:
        doubts.append(
            f"temperatures came down to 1/{found.beta:.2g} alone, in as many rises as are tried, so neither draws nor "
            "log Z are those of the density; give guess=, a law that is wider than it but not by much, or other units"
        )
    if not r_hat <= MIXED:
        doubts.append(
            f"independent populations, or earlier and later draws, disagree (R-hat {r_hat:.3g}, above {MIXED}): some "
            "part of the target is hard to reach; write it in coordinates in which it is less bent or narrow"
        )
    if not error <= UNSURE_Z:
        doubts.append(f"log Z is uncertain (standard error {error:.2g} nats, above {UNSURE_Z})")
    bridges = {"fitted mixture": found.log_z_bridge, "denoiser": found.log_z_learnt}
    for law, bridge in bridges.items():
        if bridge is None:
            continue
        apart = abs(float(found.log_z.mean()) - bridge[0])
        if apart > max(UNSURE_Z, SURE * math.hypot(error, bridge[1])):
            doubts.append(
                f"two estimates of log Z disagree: {float(found.log_z.mean()):.4g} by annealing, {bridge[0]:.4g} by a "
                f"bridge to a {law}"
            )
    if (modes := _disputed(found.shares, found.late.shape[1])) is not None:
        doubts.append(modes)
    if (missing := _missing(found.shares.mean(0), found.met)) >= MISSING:
        doubts.append(
            f"climbs met several modes but once, so about {missing:.0f} more are missing; give guess=, a law that is "
            "wider than the target, or start=, points near all modes that you know"
        )
    if found.slope is not None and found.slope > STEEP:
        doubts.append(
            f"the mean slope of the log density, or of its jumps, is {found.slope:.1f} standard errors from zero, so a "
            "part of the target is missing, such as a narrow neck; write it in other coordinates"
        )
    if found.moved_on > SURE:
        doubts.append(
            f"means, spreads or ends went on moving after the last temperature, by {found.moved_on:.1f} standard "
            "errors, so draws may not reach all ends of the target; write it in coordinates in which it is less bent "
            "or narrow"
        )
    if found.freedom < HEAVY:
        doubts.append(
            f"tails have {found.freedom:.2g} degrees of freedom, and draws do not reach their ends; write it in other "
            "coordinates, such as x = sinh(u)"
        )
    if found.stuck > STUCK:
        doubts.append(f"{found.stuck:.0%} of the chains never moved")
    if found.vain is not None and found.vain > VAIN:
        doubts.append(
            f"{found.vain:.0%} of the climbs came to no mode, and some went higher than all, as in a neck without an "
            "end, so a part of the target may be missing; write it in other coordinates"
        )
    notes = []
    if found.vain is None:
        notes.append("no climbs looked for modes, so one that is narrow may be missing")
    if found.refused > REFUSED:
        notes.append(f"{found.refused:.0%} of the evaluations were NaN or infinite, and were refused")
    _, told = best_of([(float(found.log_z.mean()), error), *bridges.values()])
    return Verdict(not doubts, tuple(doubts), tuple(notes), r_hat, told)


def _worst_r_hat(*moments: Tensor) -> float:
    """Every population at every moment is a chain, whose draws are its particles.

    Those that arrive as children of few, each population elsewhere, agree when they have moved, and still lack what
    none of them had.
    """
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]

    chains = torch.cat(moments).detach().cpu().double()
    varying = chains.flatten(0, 1).std(0) > 0
    if not bool(varying.any()):
        return math.inf
    with np.errstate(invalid="ignore"):  # bits that are one half of the time are equally far from their median
        found = array_stats.rhat(  # type: ignore[no-untyped-call]
            chains[..., varying].numpy(), chain_axis=0, draw_axis=1, method="rank"
        )
    return float(torch.as_tensor(found).max())


def _missing(shares: Tensor, met: Tensor) -> float:
    """How many modes no climb met, by how many were met once and twice, of those that hold mass (Chao 1984)."""
    held = shares[: len(met)] > HELD
    once, twice = int((held & (met < 2)).sum()), int((held & (met == 2)).sum())
    return once * (once - 1) / (2 * (twice + 1))


def _disputed(shares: Tensor, each: int) -> str | None:
    """A mode whose share differs more between populations than counting explains, if there is one."""
    if shares.shape[1] < 2:
        return None
    mean = shares.mean(0)
    spread = shares.std(0) / (mean * (1 - mean) / each).clamp(min=1e-12).sqrt()
    worst = int(torch.where(mean > 0, spread, 0.0).argmax())
    lowest, highest = float(shares[:, worst].min()), float(shares[:, worst].max())
    if float(spread[worst]) > SURE and highest - lowest > 0.02:
        return f"the share of a mode is {lowest:.3f} in one population and {highest:.3f} in another"
    return None
