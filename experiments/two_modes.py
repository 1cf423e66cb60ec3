r"""Two modes of unequal weight, $.8\,N(3\cdot 1_d, I) + .2\,N(-3\cdot 1_d, I)$, and which methods find the weights.

The target of Saremi, Park, Bach 2024 (arXiv 2305.19473). The distance of the modes, $6\sqrt d$, is too large for a
chain on p. Sequential measurements (SMS) start at a noise level that makes them one mode. All methods use the exact
score, with as many calls per sample as SMS; chains start from N(0, I), half way between the modes, and reverse
diffusions from their prior.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import figures
from experiments.at_equal_cost import (
    COMMON,
    JOINT,
    LAST,
    METHODS,
    POLISH,
    STEPS,
    WIDE,
    Problem,
    measured_in_turn,
    polished,
)
from experiments.base import Experiment, Outcome, Published, Setting
from unnoise._seeding import generator
from unnoise.chains import diagnostics
from unnoise.targets import TwoModes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIMENSIONS = (2, 8, 32, 128)
CHAINS, OTHERS = 20_000, 5_000  # of SMS, and of each of the others
NUMBERS = 2**21  # that the state of the others may hold: joint sampling keeps all measurements of a chain
REPEATS = 3  # of SMS, to tell its bias from noise

BAR = 0.01  # error of the weight
SMC = {2: 0.005, 8: 0.007, 32: 0.013, 128: 0.018}
SMC_SOURCE = "blackjax's adaptive tempered SMC from a normal of the target's own width, measured once on this target"

SMS = {"sms": "sequential (SMS), MALA last", "sms_jump": "sequential (SMS), jumps"}
NAMES = SMS | {name: words for name, (words, _) in METHODS.items()}


@dataclass(frozen=True)
class Found:
    """What a method made of one dimension."""

    target: TwoModes
    x: Tensor
    calls: int
    seconds: float

    @property
    def weight(self) -> tuple[float, float]:
        """The share of the heavier mode, and its standard error."""
        share = float(self._on_first.double().mean())
        return share, math.sqrt(share * (1 - share) / len(self.x))

    @property
    def variance(self) -> tuple[float, float]:
        """Around the nearer mean, per coordinate and in units of the target's, and its standard error."""
        centres = self.target.means[(~self._on_first).long()]
        squares = (self.x - centres).square().mean(1).double() / self.target.scale**2
        return float(squares.mean()), float(squares.std() / len(squares) ** 0.5)

    @property
    def error(self) -> float:
        """Of the weight."""
        return abs(self.weight[0] - float(self.target.weights[0]))

    @property
    def _on_first(self) -> Tensor:
        return self.x @ self.target.means[0] > 0

    def measured(self) -> dict[str, float]:
        """All of it by name."""
        (weight, weight_se), (variance, variance_se) = self.weight, self.variance
        return {
            "weight": weight,
            "weight_se": weight_se,
            "weight_error": self.error,
            "variance": variance,
            "variance_se": variance_se,
            "calls": self.calls,
            "chains": len(self.x),
            "seconds": self.seconds,
        }


def sequential(dimension: int, n: int, rng: torch.Generator) -> tuple[Found, Found]:
    """The jumps of SMS, and the samples that some exact steps make of them."""
    problem, began = Problem.of(dimension), time.monotonic()
    jumps = measured_in_turn(problem, problem.start(n, rng), rng)
    raw = Found(problem.target, jumps, problem.denoiser.calls, time.monotonic() - began)
    x = polished(problem, jumps, rng)
    return raw, Found(problem.target, x, problem.denoiser.calls, time.monotonic() - began)


def other(name: str, dimension: int, budget: int, n: int, rng: torch.Generator) -> Found:
    """One of the other methods, at a budget of score calls per sample."""
    problem, began = Problem.of(dimension, budget), time.monotonic()
    x = METHODS[name][1](problem, problem.start(n, rng), rng)
    return Found(problem.target, x, problem.denoiser.calls, time.monotonic() - began)


def _pooled(runs: list[Found]) -> Found:
    """All samples; the time of one run."""
    x = torch.cat([found.x for found in runs])
    return Found(runs[0].target, x, runs[0].calls, sum(found.seconds for found in runs) / len(runs))


def _at(
    dimension: int, setting: Setting, tell: Callable[[float, str], None]
) -> tuple[dict[str, Found], dict[str, Any]]:
    """Every method, and how much the runs of SMS differ."""
    rng = generator(setting.seed)
    n, most = (200, 100) if setting.quick else (CHAINS, OTHERS)
    pairs = []
    for repeat in range(REPEATS):
        tell(0.4 * repeat / REPEATS, f"d = {dimension}: SMS")
        pairs.append(sequential(dimension, n, rng))
    jumps, samples = ([pair[i] for pair in pairs] for i in range(2))
    found = {"sms": _pooled(samples), "sms_jump": _pooled(jumps)}
    for i, (name, (words, _)) in enumerate(METHODS.items()):
        tell(0.4 + 0.6 * i / len(METHODS), f"d = {dimension}: {words}")
        held = dimension * (JOINT if name == "jms" else 1)
        found[name] = other(name, dimension, found["sms"].calls, min(most, NUMBERS // held), rng)
    theory = diagnostics.jump_variance(1.0, LAST)
    spread = {
        "sms_weight_error_worst": max(run.error for run in samples),
        "sms_jump_variance_to_theory": found["sms_jump"].variance[0] / theory,
    }
    return found, spread


def run(setting: Setting) -> Outcome:
    """Every dimension in turn."""
    measured: dict[str, Any] = {"jump_variance_theory": diagnostics.jump_variance(1.0, LAST)}
    results: dict[int, dict[str, Found]] = {}
    dimensions = DIMENSIONS[:1] if setting.quick else DIMENSIONS
    work = [dimension**0.5 for dimension in dimensions]
    for i, dimension in enumerate(dimensions):
        part = setting.part(sum(work[:i]) / sum(work), sum(work[: i + 1]) / sum(work))
        found, spread = _at(dimension, setting, part)
        results[dimension] = found
        for name, one in found.items():
            measured |= {f"d{dimension}_{name}_{key}": value for key, value in one.measured().items()}
        measured |= {f"d{dimension}_{key}": value for key, value in spread.items()}
    published = {f"d{dimension}_sms_weight_error": Published(SMC[dimension], SMC_SOURCE) for dimension in results}
    notes = (
        f"SMS: growing_levels(sigma*, {COMMON}, last={LAST}), {STEPS} steps of each ('sms_jump': the jumps then), "
        f"{POLISH} steps of MALA on p that find a step size, and {POLISH} more, which give the modes their width back",
        f"SMS: {REPEATS} runs of {CHAINS:,} chains, pooled; '_worst' is the worst run's error; seconds, calls of one",
        "all chains start from N(0, I), half way between the modes; reverse diffusions and localization from "
        f"{WIDE:.0f} times the smallest noise that is log-concave",
        "calls: scores of p or of p blurred, per sample; variance: around the nearer mean, per coordinate (target: 1)",
        "for scale, measured once with other packages on this target: parallel tempering is wrong by 0.004 at d = 2, "
        "0.13 at d = 8 and 0.29 beyond, HMC from N(0, I) by 0.21 to 0.29",
    )
    figures = {"": _errors(results), "-diagonal": _diagonal(results)}
    return Outcome(measured, published, figures, notes)


def _errors(results: dict[int, dict[str, Found]]) -> Figure:
    panels = [
        (
            f"d = {dimension}",
            [(one.error, one.weight[1]) for one in found.values()],
            [one.variance for one in found.values()],
        )
        for dimension, found in results.items()
    ]
    return figures.weights_and_widths([NAMES[name] for name in results[DIMENSIONS[0]]], panels, bar=BAR, own=len(SMS))


def _diagonal(results: dict[int, dict[str, Found]]) -> Figure:
    panels = []
    for dimension, found in results.items():
        along = {name: found[name].x.mean(1) * dimension**0.5 for name in ("sms", "langevin")}
        centres = found["sms"].target.means.mean(1) * dimension**0.5
        panels.append((f"d = {dimension}", centres, along["sms"], along["langevin"]))
    return figures.two_modes(panels, weights=(0.8, 0.2), names=("SMS", "Langevin"))


EXPERIMENT = Experiment("two-modes", "two far modes: sequential measurements and all other chains (SMS)", run)
