r"""Dead leaves (Sohl-Dickstein et al. 2015, arXiv 1503.03585, table 1): discs that hide one another.

The image model of Lee, Mumford and Huang 2001: discs at uniform places and of uniform grey cover the image. Their
radius r has the density $\propto r^{-3}$, so that the law is the same at all scales between the smallest and the
largest. Discs are rendered from the front to the back, so an image is an exact draw.

K is the published bound on $\log p$ in bits per pixel of data of unit variance, with $\beta_1 = 0.001$ as in the
published code; the gain is over white noise of unit variance. Two equal pixels have no density, so K grows without
bound as $\beta_1$ falls: compare it only at the same $\beta_1$. No model can exceed $-\frac12\log_2(2\pi
e\,\sigma_1^2/\alpha_1^2)$, 2.94 bits, the value of known pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from experiments.base import Experiment, Outcome, Published, Setting
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser, ExactMixture
from unnoise.evaluation import Bound, Estimate, StepBound, bits_per_dimension
from unnoise.laws import GaussianMixture
from unnoise.networks import UNet
from unnoise.processes import Chain, Gaussian, even_times, variance_preserving
from unnoise.report import plots
from unnoise.samplers import Heun
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.training import learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 16
SMALLEST, LARGEST = 2.0, 16.0  # radii in pixels
FIRST = 1e-3  # beta_1, the variance of the first noise
STEPS = 1000
NULL_BITS = -0.5 * math.log2(2 * math.pi * math.e)  # of a pixel of data of unit variance
SHOWN = 10
SOURCE = "Sohl-Dickstein et al. 2015, table 1"


@dataclass(frozen=True)
class Size:
    """The sizes of the experiment."""

    train: int
    test: int
    width: int
    steps: int
    draws: int

    @classmethod
    def of(cls, setting: Setting) -> Size:
        """The full sizes, or those of a quick run."""
        return cls(64, 10, 8, 5, 8) if setting.quick else cls(20_000, 300, 24, 2200, 64)


def leaves(n: int, side: int, rng: torch.Generator) -> Tensor:
    r"""Images (n, 1, side, side) of discs that hide one another, of mean 0 and variance 1.

    Greys are uniform in $[-\sqrt3, \sqrt3]$. Discs are laid from the front to the back on what is still bare, which is
    the law of discs that fell for ever (Kendall and Thonnes 1999), and an image is done when nothing is.

    >>> images = leaves(20, 8, torch.Generator().manual_seed(0))
    >>> images.shape, bool((images.abs() <= 3**0.5).all())
    (torch.Size([20, 1, 8, 8]), True)
    """
    found = torch.zeros(n, side, side)
    bare = torch.ones(n, side, side, dtype=torch.bool)
    open_ones, line = torch.arange(n), torch.arange(side) + 0.5
    while len(open_ones):
        column = (len(open_ones), 1, 1)
        u, x, y, grey = torch.rand(4, *column, generator=rng)
        radius = (SMALLEST**-2 + (LARGEST**-2 - SMALLEST**-2) * u) ** -0.5  # inverts the law of r^-3
        x, y = (place * (side + 2 * LARGEST) - LARGEST for place in (x, y))
        seen = ((line - x) ** 2 + (line[:, None] - y) ** 2 < radius**2) & bare[open_ones]
        found[open_ones] = torch.where(seen, math.sqrt(12) * (grey - 0.5), found[open_ones])
        bare[open_ones] &= ~seen
        open_ones = open_ones[bare[open_ones].flatten(1).any(1)]
    return found[:, None]


def run(setting: Setting) -> Outcome:
    """Render, train, bound held-out images in bits per pixel, sample, and denoise."""
    size, rng = Size.of(setting), generator(setting.seed)
    setting.tell(0.0, "rendering")
    train, test = leaves(size.train, SIDE, rng), leaves(size.test, SIDE, rng)
    process = variance_preserving(Euclidean((1, SIDE, SIDE)), LinearLogSNR(math.log((1 - FIRST) / FIRST), -9.0))
    denoiser = learn(
        process,
        partial(UNet, width=size.width, multipliers=(1, 2, 2), blocks=1, attention=False),
        train,
        tell=setting.part(0.1, 0.8),
        steps=size.steps,
        batch_size=64,
        learning_rate=2e-3,
        ema=0.995,
        precision="float32" if setting.quick else "bfloat16",
        seed=setting.seed,
    )
    setting.tell(0.8, "the bounds")
    gaussian, chain = _gaussian(process, train), Chain(process, even_times(STEPS))
    measured: dict[str, float] = {"null_bits": NULL_BITS, "ceiling_bits": _ceiling(process)}
    measured |= _bits("", StepBound(chain, draws=size.draws)(denoiser, test, rng))
    measured |= _bits("continuous_", Bound(draws=size.draws)(denoiser, test, rng))
    measured |= _bits("gaussian_", Bound(draws=size.draws)(gaussian, test.flatten(1), rng))
    setting.tell(0.9, "sampling")
    figure = _figure(process, denoiser, test, rng)
    published = {"k_bits": Published(1.489, SOURCE), "gain_bits": Published(3.536, SOURCE)}
    notes = (
        f"our own rendering, {SIDE} x {SIDE} pixels, radii from {SMALLEST:g} to {LARGEST:g}; the published images are "
        "not public and larger, so absolute values do not compare: a larger image tells more of each of its pixels",
        f"bits per pixel of {size.test} held-out images; k is the bound of T = {STEPS} steps with beta_1 = {FIRST:g}, "
        "continuous the same without end of steps, gaussian that of the best Gaussian law of all pixels; se is that of "
        "Monte Carlo, rows_se that of the choice of images; the published MCGSM stands at 1.244 bits",
        f"a U-Net of {sum(weight.numel() for weight in denoiser.parameters()):,} weights, {size.steps:,} steps of 64 "
        f"of {size.train:,} images",
    )
    return Outcome(measured, published, {"": figure}, notes)


def _gaussian(process: Gaussian, train: Tensor) -> Denoiser:
    """The denoiser of the Gaussian law with the moments of the images, as vectors."""
    rows = train.flatten(1)
    count = rows.shape[1]
    law = GaussianMixture(torch.ones(1), rows.mean(0)[None], (rows.T.cov() + 1e-5 * torch.eye(count))[None])
    return ExactMixture(variance_preserving(Euclidean(count), process.schedule), law)


def _ceiling(process: Gaussian) -> float:
    """The bound of a model that knows every pixel, in bits."""
    return -bits_per_dimension(-float(process.reconstruction(torch.zeros(1, 1, SIDE, SIDE))[0]), SIDE**2)


def _bits(name: str, found: Estimate) -> dict[str, float]:
    """The bound, its gain over the null, its errors and its parts, in bits per pixel; larger is better."""
    mean, error = found.mean
    values = {
        "k_bits": mean,
        "k_bits_se": error,
        "k_bits_rows_se": float(found.log_prob.std()) / len(found.log_prob) ** 0.5,
    }
    values |= {f"part_{part}_bits": float(nats.mean()) for part, nats in found.parts.items()}
    bits = {name + metric: -bits_per_dimension(nats, SIDE**2) for metric, nats in values.items()}
    return bits | {
        f"{name}gain_bits": bits[f"{name}k_bits"] - NULL_BITS,
        f"{name}gain_bits_se": bits[f"{name}k_bits_se"],
    }


def _figure(process: Gaussian, denoiser: Denoiser, test: Tensor, rng: torch.Generator) -> Figure:
    """Leaves, samples, and leaves found again under noise as strong as they are."""
    t = process.time_at(torch.tensor(0.0))
    noisy = process.marginal(test[:SHOWN], t).sample(rng)
    rows = {
        "rendered": test[SHOWN : 2 * SHOWN] if len(test) >= 2 * SHOWN else test,
        "samples": Heun(denoiser, steps=40).sample(SHOWN, rng),
        "under noise": noisy / process.alpha_sigma(t)[0],
        "denoised": denoiser(noisy, t),
        "the truth": test[:SHOWN],
    }
    return plots.class_grid(rows, value_range=(-math.sqrt(3), math.sqrt(3)))


EXPERIMENT = Experiment(
    "dead-leaves", "discs that hide one another, in bits per pixel (Sohl-Dickstein et al. 2015)", run
)
