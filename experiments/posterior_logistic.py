r"""Bayesian logistic regression on real data: do different samplers agree?

The posterior of 31 coefficients (an intercept and 30 standardised features, prior $N(0, I)$) given 80 % of the 569
tumours of the breast-cancer data (Wolberg, Street, Mangasarian 1995). A long run of Metropolis-adjusted Langevin, which
is exact, is the reference. It is compared with underdamped Langevin, with sequential measurements whose denoiser is
estimated from the log density alone, and with Laplace's approximation. Differences of means and of variances are in
units of their Monte Carlo error.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator
from unnoise.chains import (
    BAOAB,
    MALA,
    AtNoise,
    LangevinPosterior,
    PlugIn,
    Sequential,
    UnreliableEstimate,
    growing_levels,
    tune,
)
from unnoise.chains import (
    run as walk,
)
from unnoise.chains.diagnostics import agreement
from unnoise.processes import edm
from unnoise.report import plots
from unnoise.spaces import Euclidean
from unnoise.targets import LogisticRegression, Target

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEST_SHARE = 0.2
SIGMA, MEASUREMENTS = 0.4, 4  # the level of the first measurements: posteriors given one are easy to walk on
SHOWN = 5  # coefficients whose chains are drawn


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    chains: int = 64
    steps: int = 5_000
    reference_steps: int = 20_000
    tuning: int = 1_000
    sequential: int = 256
    inner: int = 100  # steps of the chains behind every estimate of the denoiser
    first: int = 10
    finish: int = 100
    keep: int = 10


QUICK = Sizes(8, 100, 200, 50, 8, 10, 1, 5, 2)


@dataclass(frozen=True)
class Draws:
    """What a sampler gave: moments of chains, (m, n, d); or independent draws, (1, n, d)."""

    kept: Tensor

    @property
    def pooled(self) -> Tensor:
        """All of them, (mn, d)."""
        return self.kept.flatten(0, 1)

    def mean(self, function: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """The mean of a function of the coefficients, and its Monte Carlo error, (d,) each."""
        values = function(self.kept.double())
        size = agreement(values).bulk if len(values) > 1 else values.shape[1]
        return values.mean((0, 1)), values.flatten(0, 1).std(0) / size**0.5


@dataclass(frozen=True)
class Split:
    """The posterior given the training cases, and the cases that are held out."""

    target: LogisticRegression
    features: Tensor
    labels: Tensor

    @classmethod
    def drawn(cls, rng: torch.Generator) -> Split:
        """A random fifth of the cases held out."""
        whole = LogisticRegression.breast_cancer()
        order = torch.randperm(len(whole.labels), generator=rng)
        test, train = order.tensor_split([round(TEST_SHARE * len(order))])
        target = LogisticRegression(whole.features[train], whole.labels[train], whole.scale)
        return cls(target, whole.features[test], whole.labels[test])

    def judged(self, name: str, coefficients: Tensor) -> dict[str, float]:
        """Accuracy of the posterior mean of the chance, on the cases held out, and their mean log-likelihood."""
        accuracy = self.target.accuracy(coefficients, self.features, self.labels)
        chance = torch.sigmoid(self.features.double() @ coefficients.double().T).mean(1)
        likely = torch.where(self.labels == 1, chance, 1 - chance).log()
        n = len(self.labels)
        return {
            f"{name}_held_out_accuracy": accuracy,
            f"{name}_held_out_accuracy_se": math.sqrt(accuracy * (1 - accuracy) / n),
            f"{name}_held_out_log_likelihood": float(likely.mean()),
            f"{name}_held_out_log_likelihood_se": float(likely.std() / n**0.5),
        }


def run(setting: Setting) -> Outcome:
    """Every sampler on one posterior, each against the reference."""
    sizes = QUICK if setting.quick else Sizes()
    rng = generator(setting.seed)
    split = Split.drawn(rng)
    mode, covariance = laplace(split.target)
    setting.tell(0.02, "the reference")
    start = _spread(mode, covariance, sizes.chains, rng)
    reference, step = _mala(split.target, start, sizes, sizes.reference_steps, rng)
    setting.tell(0.3, "MALA")
    samplers = {"mala": _mala(split.target, start, sizes, sizes.steps, rng)[0]}
    setting.tell(0.4, "underdamped")
    samplers["underdamped"] = _underdamped(split.target, start, covariance, sizes, rng)
    samplers["sequential"], doubts = _sequential(split.target, mode, sizes, rng, setting.part(0.5, 1.0))
    measured: dict[str, Any] = {"dimension": len(mode), "training_cases": len(split.target.labels)}
    measured |= {"mala_step_size": step, **_mixed("reference", reference), **doubts}
    measured |= split.judged("reference", reference.pooled)
    for name, draws in samplers.items():
        measured |= _compared(name, draws, reference) | split.judged(name, draws.pooled)
        measured |= _mixed(name, draws) if len(draws.kept) > 1 else {}
    measured |= _laplace_error(mode, covariance, reference) | split.judged("mode", mode[None])
    return Outcome(measured, {}, _figures(samplers, reference, mode, covariance, sizes), _notes(sizes))


def laplace(target: LogisticRegression, rounds: int = 30) -> tuple[Tensor, Tensor]:
    """The mode, by Newton's method, and the inverse of minus the Hessian there, in double precision."""
    x = target.features.double()
    w = x.new_zeros(x.shape[1])
    prior = torch.eye(len(w), dtype=torch.float64) / target.scale**2
    for _ in range(rounds):
        chance = torch.sigmoid(x @ w)
        precision = (x.T * (chance * (1 - chance))) @ x + prior
        w = w + torch.linalg.solve(precision, target.score(w[None])[0])
    return w, torch.linalg.inv(precision)


def _mala(target: Target, start: Tensor, sizes: Sizes, steps: int, rng: torch.Generator) -> tuple[Draws, float]:
    """As many steps as the tuning again are thrown away after it.

    Not from the prior: far out, where the gradient is steep, MALA refuses every step of the size that suits the bulk.
    """
    tuned = tune(MALA(target, 1e-3), start, rng, steps=sizes.tuning)
    settled = walk(tuned.kernel, tuned.state, sizes.tuning, rng).state
    return Draws(walk(tuned.kernel, settled, steps, rng, keep=sizes.keep).kept), tuned.kernel.step_size


def _spread(mode: Tensor, covariance: Tensor, chains: int, rng: torch.Generator) -> Tensor:
    """Starting points, half as wide again as Laplace's approximation: wider than the posterior, as R-hat asks."""
    root = torch.linalg.cholesky(covariance).float()
    points: Tensor = mode.float() + 1.5 * torch.randn(chains, len(mode), generator=rng) @ root.T
    return points


def _underdamped(target: Target, start: Tensor, covariance: Tensor, sizes: Sizes, rng: torch.Generator) -> Draws:
    """BAOAB with a quarter of the step at which it would diverge, in the stiffest direction."""
    stiffest = float(torch.linalg.eigvalsh(covariance)[0]) ** 0.5
    kernel = BAOAB(target, 0.5 * stiffest, friction=0.05)
    settled = walk(kernel, start, 2 * sizes.tuning, rng).state
    return Draws(walk(kernel, settled, sizes.steps, rng, keep=sizes.keep).kept)


def _sequential(
    target: Target, mode: Tensor, sizes: Sizes, rng: torch.Generator, tell: Callable[[float, str], None]
) -> tuple[Draws, dict[str, float]]:
    """SMS with estimated denoisers from the mode, a few steps of MALA at the end; and how much is to be believed."""
    levels = growing_levels(SIGMA, MEASUREMENTS, last=SIGMA / 4)
    start = mode.float().expand(sizes.sequential, -1)
    process = edm(Euclidean(len(mode)))
    estimated = LangevinPosterior(process, target, sizes.inner, rng, chains=4)
    sampler = Sequential(AtNoise(estimated), levels, steps=2, first=sizes.first)

    def on_step(k: int, state: Any) -> None:
        tell((k + 1) / len(levels), f"measurement {k + 1} of {len(levels)}")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnreliableEstimate)
        jumps = sampler.sample(start, rng, on_step=on_step)
    tuned = tune(MALA(target, 1e-3), jumps, rng, steps=sizes.finish)
    doubts = {"sequential_warnings": float(len(caught)), "sequential_measurements": float(len(levels))}
    for name, level in (("first", levels[0]), ("last", SIGMA / 4)):
        y = start + level * torch.randn(start.shape, generator=rng)
        for estimator, found in (
            ("langevin_posterior", estimated.estimate(y, level)),
            ("plug_in", PlugIn(process, target, 1024, rng).estimate(y, level)),
        ):
            doubts[f"{estimator}_effective_draws_at_{name}_level"] = float(found.effective.median())
    return Draws(tuned.state.x[None]), doubts


def _mixed(name: str, draws: Draws) -> dict[str, float]:
    found = agreement(draws.kept)
    return {
        f"{name}_r_hat": float(found.r_hat.max()),
        f"{name}_ess_bulk": float(found.bulk.min()),
        f"{name}_ess_tail": float(found.tail.min()),
    }


def _compared(name: str, draws: Draws, reference: Draws) -> dict[str, float]:
    """Means and variances against the reference's: z-scores, and the worst differences."""
    centre = reference.pooled.double().mean(0)
    scores = {}
    for what, function in (("mean", lambda x: x), ("variance", lambda x: (x - centre) ** 2)):
        (a, se_a), (b, se_b) = draws.mean(function), reference.mean(function)
        z = (a - b) / torch.hypot(se_a, se_b)
        scores[f"{name}_{what}_z_rms"] = float(z.square().mean().sqrt())
        scores[f"{name}_{what}_z_worst"] = float(z.abs().max())
        unit = b if what == "variance" else reference.pooled.double().std(0)
        scores[f"{name}_{what}_worst_difference"] = float(((a - b) / unit).abs().max())
    return scores


def _laplace_error(mode: Tensor, covariance: Tensor, reference: Draws) -> dict[str, float]:
    mean, spread = reference.pooled.double().mean(0), reference.pooled.double().std(0)
    return {
        "laplace_mean_worst_difference": float(((mode - mean) / spread).abs().max()),
        "laplace_variance_worst_difference": float((covariance.diagonal() / spread**2 - 1).abs().max()),
    }


def _figures(
    samplers: dict[str, Draws], reference: Draws, mode: Tensor, covariance: Tensor, sizes: Sizes
) -> dict[str, Figure]:
    from sklearn.datasets import load_breast_cancer

    names = ["intercept", *map(str, load_breast_cancer().feature_names)]
    half = 1.645 * covariance.diagonal().sqrt()
    quantiles = torch.tensor([0.05, 0.5, 0.95])
    ends = {
        name: draws.pooled.quantile(quantiles, 0) if len(draws.pooled) < 100_000 else _quantiles(draws, quantiles)
        for name, draws in {"long run": reference, **samplers}.items()
    }
    ends["Laplace"] = torch.stack([mode - half, mode, mode + half])
    return {
        "": figures.intervals(names, ends, unit="coefficient, with its 90 % interval"),
        "-chains": plots.mixing(samplers["mala"].kept[..., :SHOWN], every=sizes.keep, names=names[:SHOWN]),
    }


def _quantiles(draws: Draws, levels: Tensor) -> Tensor:
    """`Tensor.quantile` takes at most 16 million numbers; the sort does not."""
    ranked = draws.pooled.sort(0).values
    return ranked[(levels * (len(ranked) - 1)).round().long()]


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"{sizes.chains} chains, {sizes.steps:,} steps after the start; the reference {sizes.reference_steps:,}; "
        f"sequential: {sizes.sequential} independent draws, {sizes.finish} MALA steps at the end",
        "z-scores: differences to the reference over their joint Monte Carlo error, one per coefficient; rms 1 and "
        "worst about 2.5 of 31 where samplers agree; differences of means in posterior deviations, of variances as a "
        "share",
        "ESS: the worst coefficient's (rank-normalised; Vehtari et al. 2021)",
    )


EXPERIMENT = Experiment("posterior-logistic", "31 coefficients on breast cancer: samplers agree, Laplace beside", run)
