r"""Bits per dimension of handwritten digits: a bound, the flow, and codes without a network.

MNIST, 28 x 28 bytes. The states are the standardised bytes, not dequantised, under a variance-preserving process whose
log SNR falls linearly, as in variational diffusion models (Kingma et al. 2021, arXiv 2107.00630). The decoder at t = 0
is a softmax over 256 levels, so the bound holds for the probability of the bytes. `heads.LatticeHead` can
express that four pixels of five are black, and that one in three of the others is 253 or near it.

The flow of the same denoiser has an exact density, which bounds the same probability by
`evaluation.NoiseCells`: $\log P(x) \ge E[\log p(y) + \log P(x | \alpha_0 y) - \log q(y | x)]$.
"""

from __future__ import annotations

import io
import lzma
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from experiments import mnist
from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator, seeded
from unnoise.denoisers import Denoiser, Neural
from unnoise.evaluation import (
    Bound,
    DequantisedLikelihood,
    Estimate,
    NoiseCells,
    ProbabilityFlow,
    SoftmaxDecoder,
    bits_per_dimension,
)
from unnoise.heads import LatticeHead
from unnoise.objectives import Denoising
from unnoise.processes import variance_preserving
from unnoise.report import plots
from unnoise.samplers import Heun
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Lattice
from unnoise.training import Arrays, Settings, TrainState, load, train
from unnoise.training.learning import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LATTICE = Lattice.of_bytes(mnist.MEAN, mnist.SPREAD)
PROCESS = variance_preserving(Euclidean(mnist.SHAPE), LinearLogSNR(13.0, -8.0))  # at first an eighth of a level
PIXELS = math.prod(mnist.SHAPE)
COMMON = (0, 251, 252, 253, 254, 255)  # bytes: black, and the white of strokes, which is most often 253
SHOWN = 10


@dataclass(frozen=True)
class Size:
    """The sizes of the experiment."""

    width: int
    seconds: float
    steps: int
    rows: int
    draws: int
    flows: int
    probes: int
    tolerance: float

    @classmethod
    def of(cls, setting: Setting) -> Size:
        """Ten minutes of training, or a few seconds."""
        quick = cls(8, 60.0, 3, 8, 4, 2, 2, 1e-2)
        return quick if setting.quick else cls(24, 600.0, 20_000, 500, 64, 32, 4, 1e-4)


def run(setting: Setting) -> Outcome:
    """Train on bytes, bound held-out ones, and put the codes beside it."""
    size, rng = Size.of(setting), generator(setting.seed)
    known, held_out = mnist.read(setting)
    state = trained(size, known.images, setting, setting.part(0.0, 0.7))
    denoiser, test = state.ema.requires_grad_(False).eval(), held_out.images[: size.rows]
    setting.tell(0.7, "the bound")
    bound = Bound(draws=size.draws, decoder=SoftmaxDecoder(LATTICE))(denoiser, test, rng)
    setting.tell(0.8, "the flow")
    flow = exact(denoiser, test[: size.flows], size, rng)
    measured = _bits("bound", bound) | _bits("flow", flow)
    gap = bits_per_dimension(1.0, PIXELS) * (bound.log_prob[: size.flows] - flow.log_prob)
    measured |= {"flow_less_bound": -float(gap.mean()), "flow_less_bound_rows_se": _error(gap)}
    measured |= codes(as_bytes(known.images), as_bytes(test))
    measured |= {"training_steps": state.step, "training_seconds": state.elapsed}
    setting.tell(0.95, "sampling")
    samples = Heun(denoiser, steps=5 if setting.quick else 60).sample(5 if setting.quick else 60, rng)
    notes = (
        f"bits per dimension of the bytes of {len(test)} held-out digits; se is the Monte Carlo error of the mean, "
        "rows_se that of the choice of digits; parts sum to the whole",
        f"bound: {bound.method}",
        f"flow: {flow.method}, of the first {len(flow.log_prob)} digits, with {size.probes} probes and tolerance "
        f"{size.tolerance:g}; flow_less_bound is over the same digits",
        f"a U-Net of {sum(weight.numel() for weight in denoiser.parameters()):,} weights trained on one thread of a "
        f"CPU for {state.elapsed / 60:.0f} minutes ({state.step:,} steps of 32 digits): no accelerator, "
        "and no more time, was used",
        "histogram: every pixel coded by its own frequencies in the training set; zlib and lzma: all these test images "
        "one after the other; png: each as a file of its own",
    )
    figures = {"": _samples(samples), "-costs": _costs(test, bound), "-codes": _codes(measured)}
    return Outcome(measured, {}, figures, notes)


def trained(size: Size, images: Tensor, setting: Setting, tell: Tell) -> TrainState:
    """By the bound itself; where the setting names a cache, from the checkpoint that is there."""
    head = LatticeHead(PROCESS, LATTICE, atoms=COMMON)
    with seeded(setting.seed):
        shapes = head.input_shape, 0, head.output_shape
        network: nn.Module = mnist.Patched(*shapes, width=size.width, multipliers=(1, 2, 2), blocks=1, attention=False)
    settings: dict[str, Any] = dict(steps=size.steps, time_limit=size.seconds, batch_size=32, learning_rate=2e-3)
    settings |= dict(ema=0.998, seed=setting.seed, device="cpu", checkpoint_every=60)
    precision: Any = "float32" if setting.quick else "bfloat16"
    state = TrainState(Neural(PROCESS, network, lambda process: head), Settings(**settings, precision=precision))
    kept = None if setting.cache is None or setting.quick else Path(setting.cache) / "digits-bits.safetensors"
    if kept is not None and kept.is_file():
        load(state, kept)
    for step in train(state, Denoising(), Arrays(images), checkpoint=kept):
        tell(step.progress, f"step {step.index + 1:,}, {bits_per_dimension(-step.loss, PIXELS):.3f} bits")
    return state


def exact(denoiser: Denoiser, images: Tensor, size: Size, rng: torch.Generator) -> Estimate:
    """The density of the flow, as a bound on the probability of the bytes."""
    density = ProbabilityFlow(tolerance=size.tolerance, probes=size.probes)
    return DequantisedLikelihood(density, NoiseCells(SoftmaxDecoder(LATTICE)))(denoiser, images, rng)


def as_bytes(images: Tensor) -> Tensor:
    """States as the bytes that they stand for, (n, 784), uint8."""
    return LATTICE.index(images).flatten(1).to(torch.uint8)


def codes(known: Tensor, test: Tensor) -> dict[str, float]:
    """What a byte costs without a network, in bits."""
    content, count = test.numpy().tobytes(), test.numel()
    pictures = sum(len(_png(image)) for image in test)
    return {
        "histogram": histogram_bits(known, test),
        "zlib": 8 * len(zlib.compress(content, 9)) / count,
        "lzma": 8 * len(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)) / count,
        "png": 8 * pictures / count,
    }


def histogram_bits(known: Tensor, test: Tensor) -> float:
    """Pixels that know nothing of each other: frequencies of the 256 levels at every place, each seen 1/256 more."""
    places = torch.arange(known.shape[1])
    counts = torch.full((known.shape[1], 256), 1 / 256)
    counts.index_put_((places.expand(known.shape), known.long()), torch.ones(()), accumulate=True)
    log_share = (counts / counts.sum(1, keepdim=True)).log()
    nats: Tensor = log_share[places, test.long()].double().sum(1)
    return bits_per_dimension(float(nats.mean()), known.shape[1])


def _png(image: Tensor) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image.reshape(mnist.SHAPE[1:]).numpy()).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _bits(name: str, found: Estimate) -> dict[str, float]:
    """The figure, its two errors and its parts."""
    mean, error = found.mean
    each = bits_per_dimension(1.0, PIXELS) * found.log_prob
    values = {f"{name}_bits_per_dim": bits_per_dimension(mean, PIXELS)}
    values |= {f"{name}_bits_per_dim_se": bits_per_dimension(-error, PIXELS)}
    values |= {f"{name}_bits_per_dim_rows_se": _error(each)}
    parts = {part: bits_per_dimension(float(nats.mean()), PIXELS) for part, nats in found.parts.items()}
    return values | {f"{name}_part_{part}": bits for part, bits in parts.items()}


def _error(values: Tensor) -> float:
    """The standard error of a mean."""
    return float(values.double().std()) / math.sqrt(len(values))


def _samples(samples: Tensor) -> Figure:
    return plots.image_grid(mnist.pixels(samples), value_range=(0.0, 1.0))


def _costs(test: Tensor, bound: Estimate) -> Figure:
    """The digits that cost least and those that cost most, with their bits per dimension."""
    cost = bits_per_dimension(1.0, PIXELS) * bound.log_prob
    order = cost.argsort()
    chosen = torch.cat([order[:SHOWN], order[-SHOWN:]])
    return plots.image_grid(
        mnist.pixels(test[chosen]), [f"{value:.2f}" for value in cost[chosen]], value_range=(0.0, 1.0)
    )


def _codes(measured: dict[str, float]) -> Figure:
    """Bits per dimension, fewer are better."""
    names = {"bound": "bound, softmax decoder", "flow": "flow, dequantised by its noise"}
    values = [measured[f"{name}_bits_per_dim"] for name in names]
    errors = [measured[f"{name}_bits_per_dim_rows_se"] for name in names]
    others = {"lzma": "lzma", "zlib": "zlib", "png": "png files", "histogram": "histogram of every pixel"}
    values += [measured[name] for name in others]
    words, unit = [*names.values(), *others.values()], "bits per dimension"
    return plots.likelihood_bars(words, values, errors + [0.0] * len(others), unit, higher_is_better=False)


EXPERIMENT = Experiment("digits-bits", "bits per dimension of MNIST, by the bound and by the flow", run)
