r"""Digits by walking on noisy digits and jumping to clean ones: the figures of "An alternative view of diffusion".

Noise levels are in pixels of [0, 1]: 1 and 1/2. One chain of walk-jump (Saremi, Hyvarinen 2019, arXiv 1903.02334)
passes from digit to digit; at level 1 its jumps are blurred, at 1/2 they are sharper but the chain mixes more slowly.
Several measurements at level 1 avoid this trade-off: joint ones (JMS, arXiv 2112.09822; m = 4 and 16) or sequential
ones (SMS, arXiv 2305.19473), which call the same denoiser at decreasing levels. The denoiser of `mnist` is compared
with the best linear filter and with the posterior mean over the training digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from experiments import mnist
from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator
from unnoise.chains import AtNoise, Sequential, WalkJump, equal_levels, growing_levels
from unnoise.chains.base import OnStep
from unnoise.denoisers import Exact
from unnoise.evaluation import classifier_test, energy_distance, memorisation
from unnoise.laws.base import standard_normal
from unnoise.processes import variance_exploding
from unnoise.report import plots
from unnoise.samplers import Ancestral
from unnoise.training.learning import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGMAS = (1.0, 0.5)  # in pixels
APART = 10  # steps between jumps that are kept
FINEST = 0.05  # the level, in pixels, at which growing measurements end
SHOWN = 10


@dataclass(frozen=True)
class Size:
    """The sizes of the experiment."""

    chains: int
    steps: int
    first: int
    m: int
    test: int
    refer: int

    @classmethod
    def of(cls, setting: Setting) -> Size:
        """The full sizes, or those of a quick run."""
        return cls(8, 20, 4, 2, 40, 60) if setting.quick else cls(64, 200, 100, 16, 1000, 2000)


@dataclass(frozen=True)
class Walked:
    """What one way of sampling gave.

    Attributes:
        samples: one from every chain, (chains, 1, 28, 28).
        path: jumps along every chain, (kept, chains, 1, 28, 28); empty where there is one per chain.
    """

    samples: Tensor
    path: Tensor


def run(setting: Setting) -> Outcome:
    """Denoise held-out digits, walk and jump, measure, and look."""
    size, rng = Size.of(setting), generator(setting.seed)
    train, test = mnist.read(setting)
    made = mnist.trained(setting, train, setting.part(0.0, 0.5))
    setting.tell(0.5, "a classifier")
    noisy, reader = AtNoise(made.denoiser), mnist.Reader.fit(train, seed=setting.seed)
    measured: dict[str, Any] = {"classifier_accuracy": _accuracy(reader, test)}
    setting.tell(0.52, "denoising")
    measured |= denoising_errors(noisy, train, test.images[: size.test], rng)
    ways = _ways(made, noisy, size, rng, setting.part(0.55, 0.9))
    setting.tell(0.9, "looking at the samples")
    held_out = test.images[-size.refer :]
    for name, way in ({"held_out": Walked(test.images[: size.chains], held_out[:0])} | ways).items():
        found = judged(way, reader, train.images, held_out, setting.quick)
        measured |= {f"{name}_{metric}": value for metric, value in found.items()}
    measured["largest_class_entropy_nats"] = math.log(10)
    notes = (
        "noise levels and errors are in pixels of [0, 1]; errors are mean squares per pixel over held-out digits",
        f"chains start at uniform noise of their own; samples are the last jump of each of {size.chains} chains after "
        f"{size.steps} steps; classes are those seen in jumps {APART} steps apart",
        f"'sms' draws {size.m} measurements at level 1, and 'sms_fine' goes on with finer ones to level {FINEST:g}",
        "the classifier never saw noise or blur, so its confidence is that of a reader of clean digits",
        made.note,
    )
    figures = {
        "-jumps": _jumps_figure(noisy, test.images, rng),
        "-walks": _walks_figure(ways),
        "-samples": _samples_figure(test.images, ways),
    }
    return Outcome(measured, {}, figures, notes)


def denoising_errors(noisy: AtNoise, train: mnist.Digits, clean: Tensor, rng: torch.Generator) -> dict[str, float]:
    """Mean squared errors per pixel of four ways to take noise away, with standard errors over digits."""
    digits = AtNoise(Exact(variance_exploding(noisy.process.space), train.images))
    ways: dict[str, AtNoise | Linear] = {
        "network": noisy,
        "training_digits": digits,
        "linear": Linear.fit(train.images),
    }
    found = {}
    for sigma in SIGMAS:
        level = mnist.level(sigma)
        y = torch.add(clean, standard_normal(tuple(clean.shape), clean, rng), alpha=level)
        with torch.no_grad():
            guesses = {name: way.denoise(y, level) for name, way in ways.items()} | {"nothing": y}
        for name, guess in guesses.items():
            errors = (mnist.SPREAD * (guess - clean)).square().flatten(1).mean(1).double()
            found[f"denoising_{sigma:g}_{name}_mse"] = float(errors.mean())
            found[f"denoising_{sigma:g}_{name}_mse_se"] = float(errors.std() / len(errors) ** 0.5)
    return found


@dataclass(frozen=True)
class Linear:
    r"""Wiener's filter, $\mu + C(C + \sigma^2I)^{-1}(y - \mu)$ for data of mean $\mu$ and covariance C."""

    mean: Tensor
    variances: Tensor
    axes: Tensor

    @classmethod
    def fit(cls, images: Tensor) -> Linear:
        """Mean and covariance of the images."""
        rows = images.flatten(1)
        variances, axes = torch.linalg.eigh(torch.cov(rows.T))
        return cls(rows.mean(0), variances.clamp(min=0), axes)

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        """The filter at one level."""
        along = (y.flatten(1) - self.mean) @ self.axes
        return (self.mean + (along * (self.variances / (self.variances + sigma**2))) @ self.axes.T).reshape(y.shape)


def _ways(made: mnist.Trained, noisy: AtNoise, size: Size, rng: torch.Generator, tell: Tell) -> dict[str, Walked]:
    """Every way of sampling, each from guesses that are uniform pixels, as published."""
    guess = mnist.states(torch.rand((size.chains, *mnist.SHAPE), generator=rng))
    one = mnist.level(1.0)
    fine = growing_levels(one, size.m, mnist.level(FINEST))
    ways = {}
    for k, sigma in enumerate(SIGMAS):
        part = _counted(tell, k / 8, (k + 1) / 8, size.steps, f"walk-jump at {sigma:g}")
        ways[f"walk_jump_{sigma:g}"] = _walk_jump(noisy, mnist.level(sigma), guess, size.steps, rng, part)
    for k, m in enumerate((4, 16)):
        part = _counted(tell, (2 + k) / 8, (3 + k) / 8, size.steps, f"{m} joint measurements")
        jumps = WalkJump(noisy, one, size.steps, friction=0.5, m=m).sample(guess, rng, on_step=part)
        ways[f"joint_{m}"] = Walked(jumps, jumps[:0, None])
    centre = torch.zeros_like(guess)
    for name, sigmas, start, end in (("sms", equal_levels(one, size.m), 4, 5.5), ("sms_fine", fine, 5.5, 7.5)):
        part = _counted(tell, start / 8, end / 8, len(sigmas), f"{len(sigmas)} measurements in sequence")
        jumps = Sequential(noisy, sigmas, first=size.first).sample(centre, rng, on_step=part)
        ways[name] = Walked(jumps, jumps[:0, None])
    reverse = Ancestral(made.denoiser, max(2, size.steps // 4)).sample(size.chains, rng)
    return ways | {"reverse_diffusion": Walked(reverse, reverse[:0, None])}


def _walk_jump(noisy: AtNoise, level: float, guess: Tensor, steps: int, rng: torch.Generator, tell: OnStep) -> Walked:
    sampler = WalkJump(noisy, level, friction=0.5)
    trace = sampler.walk(guess, steps, rng, keep=APART, on_step=tell)
    path = torch.stack([sampler.jump(y) for y in trace.kept])
    return Walked(path[-1], path)


def _counted(tell: Tell, start: float, end: float, steps: int, words: str) -> OnStep:
    return lambda index, _: tell(start + (end - start) * (index + 1) / steps, words)


def judged(way: Walked, reader: mnist.Reader, train: Tensor, held_out: Tensor, quick: bool) -> dict[str, float]:
    """What a classifier, the training digits and held-out digits say of the samples."""
    samples = mnist.rounded(way.samples)
    probabilities = reader(samples)
    shares = torch.bincount(probabilities.argmax(1), minlength=10).double() / len(samples)
    rows, reference, known = (images.flatten(1).numpy() for images in (samples, held_out, train))
    near = memorisation(rows, reference[:200], known)
    test = classifier_test(reference, rows, folds=2 if quick else 5, max_epochs=5 if quick else 30)
    energy = energy_distance(reference, rows)
    found = {
        "confidence": float(probabilities.amax(1).mean()),
        "class_entropy_nats": float(torch.special.entr(shares).sum()),
        "classes": int((shares > 0).sum()),
        "copying_ratio": near.ratio,
        "copying_ratio_se": near.ratio_se,
        "energy_distance": energy.value,
        "energy_distance_se": energy.standard_error,
        "c2st_accuracy": test.accuracy,
        "c2st_accuracy_se": test.standard_error,
    }
    if len(way.path):
        classes = torch.stack([reader(mnist.rounded(jumps)).argmax(1) for jumps in way.path], 1).numpy()
        found["classes_visited_by_one_chain"] = float(np.mean([len(np.unique(chain)) for chain in classes]))
        found["classes_visited_by_all_chains"] = len(np.unique(classes))
        found["jumps_that_change_class_share"] = float((classes[:, 1:] != classes[:, :-1]).mean())
    return found


def _accuracy(reader: mnist.Reader, test: mnist.Digits) -> float:
    return float((reader(test.images).argmax(1) == test.labels).double().mean())


def _shown(images: Tensor) -> Tensor:
    return mnist.pixels(images[:SHOWN])


def _jumps_figure(noisy: AtNoise, test: Tensor, rng: torch.Generator) -> Figure:
    """Digits, noisy digits, and jumps from these."""
    rows = {"held-out digits": _shown(test)}
    for sigma in reversed(SIGMAS):
        y = torch.add(test[:SHOWN], standard_normal((SHOWN, *mnist.SHAPE), test, rng), alpha=mnist.level(sigma))
        with torch.no_grad():
            rows |= {
                f"noise {sigma:g}": _shown(y),
                f"jump from {sigma:g}": _shown(noisy.denoise(y, mnist.level(sigma))),
            }
    return plots.class_grid(rows, value_range=(0.0, 1.0))


def _walks_figure(ways: dict[str, Walked]) -> Figure:
    """Along a row, jumps of one chain, 10 steps apart."""
    rows = {
        f"level {sigma:g}, chain {k + 1}": mnist.pixels(ways[f"walk_jump_{sigma:g}"].path[: 2 * SHOWN, k])
        for sigma in SIGMAS
        for k in range(4)
    }
    return plots.class_grid(rows, value_range=(0.0, 1.0))


def _samples_figure(test: Tensor, ways: dict[str, Walked]) -> Figure:
    """Samples of every kind."""
    names = {
        "walk_jump_1": "walk-jump, level 1",
        "walk_jump_0.5": "walk-jump, level 1/2",
        "joint_4": "4 joint measurements",
        "joint_16": "16 joint measurements",
        "sms": "16 in sequence",
        "sms_fine": "in sequence, to 1/20",
        "reverse_diffusion": "reverse diffusion",
    }
    rows = {"held-out digits": test} | {shown: ways[name].samples for name, shown in names.items()}
    return plots.class_grid(
        {name: mnist.pixels(images[: 2 * SHOWN]) for name, images in rows.items()}, value_range=(0.0, 1.0)
    )


EXPERIMENT = Experiment("walk-jump-digits", "MNIST by walk-jump, joint and sequential measurements (Bach, Saremi)", run)
