r"""DDPM on handwritten digits, by the two algorithms that every lecture prints (Ho et al. 2020, arXiv 2006.11239).

Algorithm 1 trains $\hat\epsilon$ by the simple loss at T = 1000 steps with $\beta$ on a line from 1e-4 to 0.02;
algorithm 2 samples step by step. The evidence lower bound of the same chain is given in bits per dimension of the 8-bit
pixels, for three variances of the reverse steps. Bytes are made continuous by uniform noise within one of 256 levels,
so a bound on the density bounds the probability of the bytes too (Theis et al. 2016, arXiv 1511.01844).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from experiments import mnist
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.walk_jump_digits import Walked, judged
from unnoise import evaluation
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser
from unnoise.evaluation import StepBound, nearest_training
from unnoise.heads.gaussian import Eps
from unnoise.objectives import ddpm
from unnoise.processes import (
    AnalyticVariance,
    Chain,
    LargeVariance,
    ReverseVariance,
    SmallVariance,
    chain_of_betas,
    linear_betas,
)
from unnoise.report import plots
from unnoise.samplers import Ancestral
from unnoise.spaces import Euclidean
from unnoise.training import learn
from unnoise.training.learning import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10
LEVELS = 256
SOURCE = "Ho et al. 2020, table 1: CIFAR-10, another data set, only to give a scale"


@dataclass(frozen=True)
class Size:
    """The sizes of the experiment."""

    chain: Chain[Tensor]
    width: int
    steps: int
    samples: int
    rows: int
    draws: int
    judges: int

    @classmethod
    def of(cls, setting: Setting) -> Size:
        """The lecture's chain, or seconds of a short one."""
        space = Euclidean(mnist.SHAPE)
        if setting.quick:
            return cls(chain_of_betas(space, linear_betas(50, 2e-3, 0.3)), 8, 10, 20, 4, 8, 40)
        return cls(chain_of_betas(space, linear_betas(1000)), 24, 3000, 100, 100, 128, 2000)


@dataclass(frozen=True)
class Dequantised:
    """Digits as a source of batches, each time with new uniform noise within the levels of their bytes."""

    images: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, None]:
        """The states at these indices."""
        return dequantised(self.images[indices], rng), None


def dequantised(images: Tensor, rng: torch.Generator) -> Tensor:
    """States whose pixels are spread over (byte + u) / 256, u uniform."""
    noise = torch.rand(images.shape, generator=rng, dtype=images.dtype)
    return mnist.states(((mnist.pixels(images) * 255).round() + noise) / LEVELS)


def bits_per_dimension(nats: float) -> float:
    """What a byte costs, given the log density of a whole image of states in nats."""
    return evaluation.bits_per_dimension(nats, math.prod(mnist.SHAPE), step=1 / (LEVELS * mnist.SPREAD))


def run(setting: Setting) -> Outcome:
    """Algorithm 1, algorithm 2, the bound, and what others say of the samples."""
    size, rng = Size.of(setting), generator(setting.seed)
    train, test = mnist.read(setting)
    denoiser = trained(size, train.images, setting.seed, setting.part(0.0, 0.6))
    setting.tell(0.6, "sampling")
    samples, path = sampled(denoiser, size, rng, setting.part(0.6, 0.8))
    setting.tell(0.8, "the bound")
    measured = bounds(size, denoiser, train.images, test.images[: size.rows], rng)
    setting.tell(0.9, "judging the samples")
    reader = mnist.Reader.fit(train, seed=setting.seed)
    held_out = test.images[-size.judges :]
    for name, images in {"": samples, "held_out_": test.images[: size.samples]}.items():
        found = judged(Walked(images, images[:0, None]), reader, train.images, held_out, setting.quick)
        measured |= {f"{name}{metric}": value for metric, value in found.items()}
    notes = (
        f"bits per dimension bound the cost of {size.rows} test images of 8-bit pixels, made continuous by uniform "
        "noise; se is the Monte Carlo error, rows_se that of the choice of images",
        "parts are means over images, in bits per dimension, and sum to the bound with the scale of the pixels, "
        f"{bits_per_dimension(0.0):.4f}",
        f"a U-Net of {sum(weight.numel() for weight in denoiser.parameters()):,} weights, {size.steps:,} steps of 64 "
        f"digits; {size.samples} samples by {size.chain.steps} steps",
    )
    published = {"bound_small_bits_per_dim": Published(3.75, SOURCE)}
    figures = {
        "-samples": _samples_figure(samples),
        "-path": _path_figure(path, size.chain.steps),
        "-neighbours": _near(samples, train),
    }
    return Outcome(measured, published, figures, notes)


def trained(size: Size, images: Tensor, seed: int, tell: Tell) -> Denoiser:
    """Algorithm 1."""

    def network(*shapes: Any) -> nn.Module:
        return mnist.Patched(*shapes, width=size.width, multipliers=(1, 2, 2), blocks=1)

    return learn(
        size.chain.process,
        network,
        Dequantised(images),
        tell=tell,
        objective=ddpm(size.chain.steps),
        head=Eps,
        steps=size.steps,
        batch_size=64,
        learning_rate=2e-3,
        ema=0.998,
        precision="bfloat16",
        seed=seed,
    )


def sampled(
    denoiser: Denoiser, size: Size, rng: torch.Generator, tell: Tell
) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """Algorithm 2: samples, and the first few of them on their way, as (step, states)."""
    last = size.chain.steps
    kept = [round(last * share) for share in (0.99, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1, 0.05)]
    path: list[tuple[int, Tensor]] = []

    def see(index: int, _: float, state: Tensor) -> None:
        if last - 1 - index in kept:
            path.append((last - 1 - index, state[:SHOWN].clone()))
        tell((index + 1) / last, f"step {index + 1:,} of {last:,}")

    samples = Ancestral(denoiser, last).sample(size.samples, rng, batch_size=size.samples, on_step=see)
    return samples, [*path, (0, samples[:SHOWN])]


def bounds(size: Size, denoiser: Denoiser, train: Tensor, test: Tensor, rng: torch.Generator) -> dict[str, float]:
    """The bound with three variances, and its parts with the best one number per step."""
    seen, images = dequantised(train[: 2 * SHOWN], rng), dequantised(test, rng)
    analytic = AnalyticVariance.estimate(size.chain.process, size.chain.times, denoiser, seen, rng)
    rules: dict[str, ReverseVariance] = {"small": SmallVariance(), "large": LargeVariance(), "analytic": analytic}
    per_bit = math.prod(mnist.SHAPE) * math.log(2)
    measured = {}
    for name, rule in rules.items():
        chain = dataclasses.replace(size.chain, variance=rule)
        found = StepBound(chain, draws=size.draws, three_terms=True)(denoiser, images, rng)
        nats, error = found.mean
        measured[f"bound_{name}_bits_per_dim"] = bits_per_dimension(nats)
        measured[f"bound_{name}_bits_per_dim_se"] = error / per_bit
        measured[f"bound_{name}_bits_per_dim_rows_se"] = float(found.log_prob.std()) / len(images) ** 0.5 / per_bit
        measured |= {
            f"bound_{name}_part_{part}_bits_per_dim": -float(nats.mean()) / per_bit
            for part, nats in found.parts.items()
        }
    return measured


def _samples_figure(samples: Tensor) -> Figure:
    return plots.image_grid(mnist.pixels(samples), value_range=(0.0, 1.0))


def _path_figure(path: list[tuple[int, Tensor]], last: int) -> Figure:
    """Rows are samples, columns the steps of the reverse, as shares of all, after which they are seen."""
    frames = [mnist.pixels(states[:6]) for _, states in path]
    return plots.filmstrip(frames, [step / last for step, _ in path], value_range=(0.0, 1.0))


def _near(samples: Tensor, train: mnist.Digits) -> Figure:
    rows, known = (images.flatten(1).numpy() for images in (samples[: 2 * SHOWN], train.images))
    nearest = torch.from_numpy(nearest_training(rows, known).indices[:, 0])
    shown, near = (mnist.pixels(images) for images in (samples[: 2 * SHOWN], train.images[nearest]))
    return plots.neighbour_grid(shown, near, value_range=(0.0, 1.0))


EXPERIMENT = Experiment("ddpm", "MNIST by the two algorithms of DDPM (Ho et al. 2020), with its bound in bits", run)
