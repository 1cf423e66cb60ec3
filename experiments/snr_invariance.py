r"""The loss does not depend on the noise schedule, its variance does, and a schedule can be learnt (VDM).

Kingma et al. 2021 (arXiv 2107.00630, section 5): given the two ends of the log signal-to-noise ratio, the continuous
bound is an integral over it, the same for every schedule between them. So the mean of the one-draw estimate with
uniform times must be the same under linear beta, cosine, linear log SNR and a schedule that was trained jointly with
the denoiser to lower the variance. Two denoisers: a network on 8 x 8 digits, dequantised uniformly, and the exact one
of a mixture.

The ends are learnt too: they start much too close to each other, and are compared with fixed ends far apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser, ExactMixture, Neural
from unnoise.evaluation import Bound, bits_per_dimension
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP
from unnoise.objectives import VDM
from unnoise.processes import variance_preserving
from unnoise.schedules import Cosine, Learned, Linear, LinearLogSNR, Schedule
from unnoise.spaces import Euclidean
from unnoise.training import learn
from unnoise.training.learning import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 9.0  # log SNR at t = 0: a noise of 0.011 in units of the data's own spread
BOTTOM = -math.log(math.expm1(10.05))  # at t = 1: where linear beta ends
NARROW = 3.0  # ends at 3 and -3, to be widened by learning
LEVELS = 17  # of a pixel of the digits
BINS = 40  # of time, for the figure
LOOKS = 200  # levels at which the price is seen, for the least variance
COMPONENTS, DIMENSION = 12, 8  # of the mixture
RESAMPLES = 200  # of the bootstrap


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    steps: int = 3_000
    mixture_steps: int = 400
    draws: int = 100_000
    rows: int = 297
    bound_draws: int = 128

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """The full sizes, or those of a quick run."""
        return cls(20, 10, 2_000, 20, 4) if setting.quick else cls()


@dataclass(frozen=True)
class Case:
    """Data, and the same denoiser under any schedule.

    Attributes:
        draw: n rows of data.
        denoiser: for a schedule.
        learnt: the schedule that was trained.
    """

    draw: Callable[[int, torch.Generator], Tensor]
    denoiser: Callable[[Schedule], Denoiser]
    learnt: Schedule


@dataclass(frozen=True)
class Digits:
    """Pixels of 0 to 16, made continuous by uniform noise, of mean 0 at every pixel and variance 1 over all.

    Attributes:
        train: whole numbers, (n, 64).
        test: whole numbers, (n, 64).
        mean: of the pixels.
        spread: of the pixels, in levels.
    """

    train: Tensor
    test: Tensor
    mean: Tensor
    spread: float

    @classmethod
    def read(cls) -> Digits:
        """The digits that come with scikit-learn, 1500 to train on and 297 to test on, in a fixed random order."""
        from sklearn.datasets import load_digits

        pixels = torch.from_numpy(load_digits().data).float()
        pixels = pixels[torch.randperm(len(pixels), generator=generator(0))]
        train, test = pixels[:1500], pixels[1500:]
        mean = train.mean(0) + 0.5
        return cls(train, test, mean, float((train + 0.5 - mean).square().mean().sqrt()))

    def dequantised(self, pixels: Tensor, rng: torch.Generator) -> Tensor:
        """States of pixels."""
        return (pixels + torch.rand(pixels.shape, generator=rng) - self.mean) / self.spread

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """States of random training digits."""
        return self.dequantised(self.train[torch.randint(len(self.train), (n,), generator=rng)], rng)

    def bits_per_pixel(self, nats: float) -> float:
        """The cost of a digit, in nats per state, as bits per pixel: a bound on the code of the whole numbers."""
        return bits_per_dimension(-nats, self.train.shape[1], step=1 / self.spread)


def run(setting: Setting) -> Outcome:
    """Train, compare the schedules, and learn the ends."""
    sizes, digits, rng = Sizes.of(setting), Digits.read(), generator(setting.seed)
    cases = {
        "digits": _digits_case(digits, sizes, setting.seed, setting.part(0.0, 0.35)),
        "mixture": _mixture_case(sizes, setting.seed, setting.part(0.35, 0.45)),
    }
    measured: dict[str, Any] = {"log_snr_maximum": TOP, "log_snr_minimum": BOTTOM}
    curves = {}
    for i, (name, case) in enumerate(cases.items()):
        found, curves[name] = _compared(case, sizes, rng, setting.part(0.45 + 0.1 * i, 0.55 + 0.1 * i))
        measured |= {f"{name}_{metric}": value for metric, value in found.items()}
    measured |= _ends(digits, cases["digits"], sizes, setting, rng)
    notes = (
        f"one draw: a row of data, a time uniform in [0, 1] and noise; {sizes.draws:,} draws for every schedule; nats",
        "largest_z: of the differences of means between any two schedules, in their standard errors",
        "least_variance: what no schedule can go below, by Cauchy and Schwarz, from draws of the log-linear schedule",
        f"variance ratios have bootstrap standard errors over {RESAMPLES} resamples",
        "bits per pixel: of held-out digits of 17 levels, an upper bound by uniform dequantisation; 4.09 for noise",
        "published: equal means, and the learnt schedule's variance lowest, on CIFAR-10; no figure could be verified",
    )
    return Outcome(measured, {}, {"": _figure(curves)}, notes)


def fixed_schedules() -> dict[str, Schedule]:
    """Three schedules with the same ends."""
    first = math.log1p(math.exp(-TOP))  # of the integrated rate
    rate, growth = 0.1, 19.9  # the rate runs from 0.1 to 20
    tau_min = (math.sqrt(rate**2 + 2 * growth * first) - rate) / growth
    cosine = Cosine(*(2 / math.pi * math.atan(math.exp(-0.5 * end)) for end in (TOP, BOTTOM)))
    return {"linear beta": Linear(tau_min=tau_min), "cosine": cosine, "linear log SNR": LinearLogSNR(TOP, BOTTOM)}


def _digits_case(digits: Digits, sizes: Sizes, seed: int, tell: Tell) -> Case:
    """A network and the interior of its schedule, trained jointly."""
    denoiser = _trained(digits, Learned(TOP, BOTTOM), sizes, seed, tell)

    def under(schedule: Schedule) -> Denoiser:
        return Neural(variance_preserving(denoiser.process.space, schedule), denoiser.network)

    return Case(digits.draw, under, denoiser.process.schedule)


def _trained(digits: Digits, schedule: Learned, sizes: Sizes, seed: int, tell: Tell) -> Any:
    return learn(
        variance_preserving(Euclidean(64), schedule),
        partial(MLP, width=256, depth=3),
        digits.draw,
        tell=tell,
        objective=VDM(),
        steps=sizes.steps,
        batch_size=256,
        learning_rate=1e-3,
        seed=seed,
    )


def _mixture_case(sizes: Sizes, seed: int, tell: Tell) -> Case:
    """The exact denoiser, with which only the schedule learns."""
    rng = generator(seed)
    means = 1.2 * torch.randn(COMPONENTS, DIMENSION, generator=rng)
    roots = 0.15 * torch.randn(COMPONENTS, DIMENSION, DIMENSION, generator=rng)
    covariances = roots @ roots.mT + 0.01 * torch.eye(DIMENSION)
    law = GaussianMixture(torch.full((COMPONENTS,), 1 / COMPONENTS), means, covariances)
    schedule = Learned(TOP, BOTTOM)

    def under(schedule: Schedule) -> Denoiser:
        return ExactMixture(variance_preserving(Euclidean(DIMENSION), schedule), law)

    def draw(n: int, rng: torch.Generator) -> Tensor:
        return law.sample(rng, (n,))

    optimiser, denoiser = torch.optim.Adam(schedule.parameters(), lr=5e-3), under(schedule)
    for step in range(sizes.mixture_steps):
        optimiser.zero_grad()
        VDM()(denoiser, draw(256, rng), None, rng).value.mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        tell((step + 1) / sizes.mixture_steps, f"a schedule for the mixture, step {step + 1:,}")
    return Case(draw, under, schedule.requires_grad_(False))


def _compared(
    case: Case, sizes: Sizes, rng: torch.Generator, tell: Tell
) -> tuple[dict[str, float], dict[str, figures.ScheduleCurve]]:
    """Means and variances of one draw under every schedule."""
    found: dict[str, float] = {}
    curves: dict[str, figures.ScheduleCurve] = {}
    variances: dict[str, Tensor] = {}
    for i, (name, schedule) in enumerate((fixed_schedules() | {"learnt": case.learnt}).items()):
        tell(i / 4, f"draws under {name}")
        t, prices = _draws(case.draw, case.denoiser(schedule), sizes.draws, rng)
        variances[name] = _resampled_variances(prices, rng)
        curves[name] = _curve(schedule, t, prices, float(variances[name].std()))
        for metric, (value, error) in (("mean", curves[name].mean), ("variance", curves[name].variance)):
            found |= {f"{_key(name)}_{metric}": value, f"{_key(name)}_{metric}_se": error}
        if isinstance(schedule, LinearLogSNR):
            found["least_variance"] = _least_variance(t, prices)
    means = [curve.mean for curve in curves.values()]
    found["largest_z"] = max(abs(a - b) / math.hypot(e, f) for a, e in means for b, f in means if (a, e) != (b, f))
    for name in fixed_schedules():
        ratio = curves[name].variance[0] / curves["learnt"].variance[0]
        metric = f"{_key(name)}_to_learnt_variance_ratio"
        found |= {metric: ratio, f"{metric}_se": float((variances[name] / variances["learnt"]).std())}
    return found, curves


def _key(name: str) -> str:
    return name.replace(" ", "_").lower()


@torch.no_grad()
def _draws(
    draw: Callable[[int, torch.Generator], Tensor], denoiser: Denoiser, n: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Independent uniform times, and one estimate of the loss at each."""
    process: Any = denoiser.process
    times, prices = [], []
    for start in range(0, n, 5_000):
        x_0 = draw(min(5_000, n - start), rng)
        t = torch.rand(len(x_0), generator=rng)
        x_t = process.marginal(x_0, t).sample(rng)
        times.append(t)
        prices.append(process.kl_rate(denoiser(x_t, t), x_0, x_t, t).double())
    return torch.cat(times), torch.cat(prices)


def _curve(schedule: Schedule, t: Tensor, prices: Tensor, error: float) -> figures.ScheduleCurve:
    """What the figure shows; `error` is that of the variance."""
    grid = torch.linspace(0, 1, 201, dtype=torch.float64)
    log_snr = variance_preserving(Euclidean(1), schedule).log_snr(grid).detach()
    mean = float(prices.mean()), float(prices.std() / len(prices) ** 0.5)
    return figures.ScheduleCurve(log_snr, _binned(t, prices, BINS), mean, (float(prices.var()), error))


def _binned(t: Tensor, values: Tensor, bins: int) -> Tensor:
    """Means in even bins of time; 0 where there is nothing."""
    place = (t * bins).long().clamp(max=bins - 1)
    counts = torch.bincount(place, minlength=bins)
    return torch.bincount(place, values, minlength=bins) / counts.clamp(min=1)


def _least_variance(t: Tensor, prices: Tensor) -> float:
    r"""$(\int\sqrt{E[m^2]}\,d\lambda)^2 - (\int E[m]\,d\lambda)^2$, with time proportional to $\lambda$."""
    return float(_binned(t, prices.square(), LOOKS).sqrt().mean() ** 2 - prices.mean() ** 2)


def _resampled_variances(prices: Tensor, rng: torch.Generator) -> Tensor:
    """Variances of bootstrap resamples, (RESAMPLES,), by weights that are Poisson counts of mean 1."""
    found = []
    centred = prices - prices.mean()
    for _ in range(RESAMPLES):
        counts = torch.poisson(torch.ones(len(prices)), generator=rng).double()
        total = counts.sum()
        found.append((counts @ centred.square()) / total - ((counts @ centred) / total) ** 2)
    return torch.stack(found)


def _ends(digits: Digits, wide: Case, sizes: Sizes, setting: Setting, rng: torch.Generator) -> dict[str, float]:
    """The bound on held-out digits: with ends fixed apart, fixed too close, and learnt from too close."""
    tell = setting.part(0.65, 0.95)
    widened = _trained(digits, Learned(NARROW, -NARROW, learn_ends=True), sizes, setting.seed, tell)
    setting.tell(0.95, "bounds on held-out digits")
    first, last = widened.process.log_snr(torch.tensor([0.0, 1.0])).tolist()
    found = {"learnt_ends_log_snr_maximum": first, "learnt_ends_log_snr_minimum": last}
    narrow = wide.denoiser(LinearLogSNR(NARROW, -NARROW))
    denoisers = {"fixed_ends": wide.denoiser(LinearLogSNR(TOP, BOTTOM)), "narrow_ends": narrow, "learnt_ends": widened}
    x = digits.dequantised(digits.test[: sizes.rows], rng)
    for name, denoiser in denoisers.items():
        estimate = Bound(draws=sizes.bound_draws)(denoiser, x, rng)
        cost = -estimate.log_prob
        found[f"{name}_bits_per_pixel"] = digits.bits_per_pixel(float(cost.mean()))
        found[f"{name}_bits_per_pixel_se"] = float(cost.std() / len(cost) ** 0.5) / 64 / math.log(2)
        found |= {f"{name}_{part}_nats": -float(value.mean()) for part, value in estimate.parts.items()}
    return found


def _figure(curves: dict[str, dict[str, figures.ScheduleCurve]]) -> Figure:
    names = {"digits": "8 x 8 digits, a network", "mixture": "mixture, exact denoiser"}
    return figures.schedules({names[case]: found for case, found in curves.items()})


EXPERIMENT = Experiment("snr-invariance", "the schedule changes the variance of the loss, not its mean (VDM)", run)
