r"""Sequential measurements of a given density: only values of $\log p$ are known, not the score of the noisy law.

Two targets of Grenioux et al. 2024 (SLIPS, arXiv 2402.10758; code h2o64/slips): a ring of 8 Gaussians of variance 0.7
at radius 10, and two modes in $R^8$, $\frac23 N(-\frac23 1, 0.05 I) + \frac13 N(\frac43 1, 0.05 I)$. Their row 'OAT' is
sequential measurements with importance sampling. The measurements give the weights of the modes. A jump returns a mean,
whose variance is too small; a few steps of Metropolis-adjusted Langevin on p correct it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from unnoise._seeding import generator
from unnoise.chains import (
    MALA,
    AtNoise,
    LangevinPosterior,
    Localization,
    PlugIn,
    PosteriorMean,
    Sequential,
    TemperedPosterior,
    UnreliableEstimate,
    growing_levels,
    tune,
)
from unnoise.chains.estimates import Estimated
from unnoise.denoisers import Denoiser, ExactMixture
from unnoise.evaluation import sliced_wasserstein, wasserstein
from unnoise.processes import edm
from unnoise.report import plots
from unnoise.targets import Modes, ring

Tell = Callable[[float, str], None]

RADIUS, VARIANCE = 10.0, 0.7
RING = ring(8, RADIUS, math.sqrt(VARIANCE))
DIMENSION = 8
PAIR = Modes(torch.tensor([2.0, 1.0]), torch.tensor([[-2 / 3], [4 / 3]]).repeat(1, DIMENSION), math.sqrt(0.05))
BLOCK = 2048  # rows of the cheaper W2, whose error is known from several of them
SOURCE = "SLIPS, Grenioux et al. 2024, row OAT of the 8 Gaussians"


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    ring: int = 8192  # as published
    draws: int = 256  # as published, in antithetic pairs
    pair: int = 500
    particles: int = 64
    measurements: int = 6  # of the first level, for the ring
    pair_measurements: int = 8
    finish: int = 60


QUICK = Sizes(ring=100, draws=64, pair=30, particles=16, measurements=2, pair_measurements=2, finish=10)


def run(setting: Setting) -> Outcome:
    """The ring by importance sampling, the two modes by every estimator."""
    sizes = QUICK if setting.quick else Sizes()
    on_ring, ring_panels = _ring(sizes, generator(setting.seed), setting.part(0.0, 0.6))
    on_pair, pair_draws = _pair(sizes, generator(setting.seed), setting.part(0.6, 1.0))
    notes = (
        "W2: exact optimal transport; floor: the same between two exact samples of that size, which is most of it "
        "here, since modes are 7.7 apart and each holds an eighth of the draws give or take chance",
        "shares_p_value: of the chi-squared test that draws are spread over the 8 modes as the target is",
        "two modes: weight of the first, 2/3 in the target, of independent draws, by localization with one estimate "
        "per measurement; the estimators see log p (and its gradient) only; 'exact' has the score in closed form",
        "doubtful: the share of measurements at which the estimator itself warned; effective draws: what it claims, "
        "the median over draws at the first and at the last measurement",
    )
    exact = _along(PAIR.sample(generator(setting.seed), (20_000,)))
    two_modes = plots.marginals(dict.fromkeys(pair_draws, exact), pair_draws)
    drawn = {"": figures.clouds(ring_panels), "-two-modes": two_modes}
    return Outcome(on_ring | on_pair, {"ring_w2": Published(0.91, SOURCE)}, drawn, notes)


def _ring(sizes: Sizes, rng: torch.Generator, tell: Tell) -> tuple[dict[str, float], list[tuple[str, Tensor]]]:
    smoothed = AtNoise(PlugIn(edm(RING.space), RING, sizes.draws, rng))
    levels = growing_levels(RADIUS, sizes.measurements, last=math.sqrt(VARIANCE))
    sampler = Sequential(smoothed, levels, steps=2, first=2 * sizes.measurements)
    jumps, doubtful = _quietly(sampler, torch.zeros(sizes.ring, 2), rng, lambda k, words: tell(0.6 * k, words))
    draws = _finished(RING, jumps, sizes, rng)
    exact, other = RING.sample(rng, (sizes.ring,)), RING.sample(rng, (sizes.ring,))
    tell(0.7, "optimal transport of the ring")
    found = {
        "ring_rows": float(sizes.ring),
        "ring_measurements": float(len(levels)),
        "ring_doubtful": doubtful,
        "ring_w2": wasserstein(draws, exact, max_rows=sizes.ring),
        "ring_w2_floor": wasserstein(other, exact, max_rows=sizes.ring),
        "ring_shares_p_value": _shares_p_value(draws),
        "ring_jumps_variance": _within(RING, jumps),
        "ring_variance": _within(RING, draws),
    }
    for name, rows in (("ring_w2_of_2048", draws), ("ring_w2_of_2048_floor", other)):
        several = [wasserstein(part, RING.sample(rng, (len(part),))) for part in torch.split(rows, BLOCK)]
        found |= _averaged(name, torch.tensor(several))
    return found, [("exact", exact), ("jumps", jumps), ("jumps, then MALA", draws)]


def _pair(sizes: Sizes, rng: torch.Generator, tell: Tell) -> tuple[dict[str, float], dict[str, Tensor]]:
    """What every estimator leads to, and its draws along the line through both modes."""
    process = edm(PAIR.space)
    denoisers: dict[str, Denoiser] = {
        "exact": ExactMixture(process, PAIR.mixture),
        "plug_in": PlugIn(process, PAIR, 16 * sizes.particles, rng),
        "langevin": LangevinPosterior(process, PAIR, 60, rng),
        "tempered": TemperedPosterior(process, PAIR, sizes.particles, rng),
    }
    reference, other = PAIR.sample(rng, (20 * sizes.pair,)), PAIR.sample(rng, (sizes.pair,))
    measured = {"pair_rows": float(sizes.pair), "pair_sliced_w2_floor": sliced_wasserstein(other, reference)}
    shown = {}
    for i, (name, denoiser) in enumerate(denoisers.items()):
        found, draws = _localized(denoiser, sizes, rng, lambda k, words, i=i: tell((i + k) / 4, words))  # type: ignore[misc]
        measured |= {f"pair_{name}_{what}": value for what, value in found.items()}
        measured[f"pair_{name}_sliced_w2"] = sliced_wasserstein(draws, reference)
        shown[f"{name.replace('_', '-')}: weight {found['weight']:.3f}"] = _along(draws)
    return measured, shown


def _localized(denoiser: Denoiser, sizes: Sizes, rng: torch.Generator, tell: Tell) -> tuple[dict[str, float], Tensor]:
    """One measurement after another, each with one estimate; then MALA."""
    levels = growing_levels(math.sqrt(DIMENSION * (4 / 3) ** 2 - 0.05), sizes.pair_measurements, last=math.sqrt(0.05))
    effective = _watched(denoiser)
    jumps, doubtful = _quietly(Localization(AtNoise(denoiser), levels), torch.zeros(sizes.pair, DIMENSION), rng, tell)
    draws = _finished(PAIR, jumps, sizes, rng)
    weight = float((PAIR.responsibility(draws)[:, 0] > 0.5).double().mean())
    found = {
        "weight": weight,
        "weight_se": math.sqrt(weight * (1 - weight) / sizes.pair),
        "weight_error": abs(weight - float(PAIR.weights[0])),
        "variance": _within(PAIR, draws),
    }
    if effective:
        claims = {
            "doubtful": doubtful,
            "first_effective": effective[0],
            "last_effective": effective[-1],
        }
        found |= claims
    return found, draws


def _watched(denoiser: Denoiser) -> list[float]:
    """How many effective draws a denoiser claims every time, as it goes on; nothing of a closed form."""
    effective: list[float] = []
    if isinstance(denoiser, Estimated):
        estimate = denoiser.estimate

        def noted(y: Tensor, sigma: float) -> PosteriorMean:
            found = estimate(y, sigma)
            effective.append(float(found.effective.median()))
            return found

        denoiser.estimate = noted  # type: ignore[method-assign]
    return effective


def _quietly(
    sampler: Sequential | Localization, start: Tensor, rng: torch.Generator, tell: Tell
) -> tuple[Tensor, float]:
    """Samples, and the share of the measurements at which the estimator warned."""
    doubtful: set[int] = set()

    def on_step(k: int, state: Any) -> None:
        if caught:
            doubtful.add(k)
            caught.clear()
        tell((k + 1) / sampler.reports, f"measurement {k + 1} of {sampler.reports}")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnreliableEstimate)
        samples = sampler.sample(start, rng, on_step=on_step)
    return samples, len(doubtful) / sampler.reports


def _finished(target: Modes, jumps: Tensor, sizes: Sizes, rng: torch.Generator) -> Tensor:
    """MALA on p itself, too short to leave a mode."""
    return tune(MALA(target, 0.5 * target.scale**2), jumps, rng, steps=sizes.finish).state.x


def _within(target: Modes, x: Tensor) -> float:
    """The variance per coordinate around the nearest mode, over that of the target."""
    nearest = target.means[target.responsibility(x).argmax(1)]
    return float((x - nearest).square().mean() / target.scale**2)


def _shares_p_value(x: Tensor) -> float:
    from scipy.stats import chisquare

    counts = RING.responsibility(x).argmax(1).bincount(minlength=len(RING.weights))
    return float(chisquare(counts.numpy()).pvalue)


def _averaged(name: str, values: Tensor) -> dict[str, float]:
    error = {f"{name}_se": float(values.std() / len(values) ** 0.5)} if len(values) > 1 else {}
    return {name: float(values.mean()), **error}


def _along(x: Tensor) -> Tensor:
    along: Tensor = x.sum(1) / DIMENSION**0.5
    return along


EXPERIMENT = Experiment("given-density", "sequential sampling of a given density: ring of 8, two modes (SLIPS)", run)
