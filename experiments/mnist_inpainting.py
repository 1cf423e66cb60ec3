r"""Handwritten digits whose centre is missing: a chain on $\{0, \dots, 255\}^{784}$ fills it in.

The experiment of Benton et al. 2024 (arXiv 2211.03595) and of the talk on it: of a test digit the middle 14 x 14 pixels
are missing, and are drawn given the border and which digit it is, or given the border alone. One set of weights, which
learnt from random masks and is not told the digit in three rows of ten, answers both, and any other mask. Beside what
is noisy it sees what a Gaussian law of the training digits makes of it (`inpainting_factors`).

Beside it: the same network and the same words on Gaussian noise, trained for about as long; a Gaussian law of the
training digits given the border; the training digit with the nearest border.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import masks, mnist
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.fillings import KINDS, ROUNDS, Trained, trained
from experiments.inpainting import LATTICE, Filling
from experiments.inpainting_rivals import NONE, Known
from experiments.picture_scores import mean_and_error, psnr, spread_and_error, ssim
from unnoise._seeding import generator
from unnoise.evaluation import Bound, SoftmaxDecoder, bits_per_dimension
from unnoise.report import plots
from unnoise.samplers import Ancestral, Sampler, TauLeaping

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AT_ONCE = 32  # pictures: 196 sites x 256 states x 32 rows are 6.4 MB
SHOWN, HIDDEN = 10, 0.3  # columns of a figure, and the grey of what is missing
SHORT = {"chain": "chain", "Gaussian noise": "noise", "Gaussian law": "Gaussian", "nearest training digit": "nearest"}
GIVEN = {"border and digit": True, "border": False}
Way = Callable[[int], tuple[Tensor, Tensor]]  # of how many draws: (draws, n, 28, 28), and the posterior mean


@dataclass(frozen=True)
class Size:
    """The sizes of the experiment."""

    digits: int
    averaged: int  # of the digits, for which several draws are averaged
    draws: int
    steps: int
    compared: tuple[int, ...]
    others: int  # digits under each of the other masks, and for numbers of steps
    bounded: int
    times: int

    @classmethod
    def of(cls, setting: Setting) -> Size:
        """Minutes, or a few seconds."""
        quick = cls(12, 12, 2, 2, (2,), 10, 2, 2)
        return quick if setting.quick else cls(200, 24, 8, 20, (10, 50), 32, 64, 32)


@dataclass(frozen=True)
class Digits:
    """Test digits.

    Attributes:
        bytes: (n, 28, 28).
        labels: (n,); -1 where they are not told.
    """

    bytes: Tensor
    labels: Tensor

    @property
    def pictures(self) -> Tensor:
        """In [0, 1]."""
        return self.bytes / 255

    def first(self, n: int, told: bool = True) -> Digits:
        """The first n of them, with or without their labels."""
        labels = self.labels[:n]
        return Digits(self.bytes[:n], labels if told else torch.full_like(labels, NONE))

    @property
    def cond(self) -> dict[str, Tensor]:
        """As fillings take it."""
        return {"picture": self.bytes, "label": self.labels}


@dataclass(frozen=True)
class Study:
    """What all measurements need."""

    setting: Setting
    size: Size
    made: dict[str, Trained]
    known: Known
    test: Digits

    def ways(self, digits: Digits, missing: Tensor) -> dict[str, Way]:
        """All methods, for these digits and this mask."""
        truth, labels, seed = digits.pictures, digits.labels, self.setting.seed
        found: dict[str, Way] = {}
        for kind, made in self.made.items():
            sampler = Ancestral(made.filling.given(missing), self.size.steps)
            found[kind] = partial(_drawn, sampler, digits, missing, seed)
        found["Gaussian law"] = lambda draws: self.known.gaussian(truth, labels, missing, draws, seed)
        nearest = self.known.nearest(truth, labels, missing)
        found["nearest training digit"] = lambda draws: (nearest.expand(draws, *nearest.shape), nearest)
        return found


def run(setting: Setting) -> Outcome:
    """Train both, then ask for the centre, and for other masks."""
    size = Size.of(setting)
    train, test = mnist.read(setting)
    pictures, labels = LATTICE.index(train.images)[:, 0], train.labels
    shares = {"chain": (0.0, 0.4), "Gaussian noise": (0.4, 0.7)}
    made = {kind: trained(kind, setting, pictures, labels, setting.part(*shares[kind])) for kind in KINDS}
    every = len(test) // size.digits
    held_out = Digits(LATTICE.index(test.images[::every])[: size.digits, 0], test.labels[::every][: size.digits])
    study = Study(setting, size, made, Known(pictures / 255, labels), held_out)
    measured: dict[str, Any] = {f"{kind}: cpu minutes": one.cpu_seconds / 60 for kind, one in made.items()}
    rows: dict[str, Tensor] = {}
    for k, (name, told) in enumerate(GIVEN.items()):
        setting.tell(0.7 + 0.08 * k, f"the centre given {name}")
        found, shown = _centre(study, name, told)
        measured |= found | _bits(study, name, told)
        rows |= shown
    setting.tell(0.86, "numbers of steps")
    measured |= _steps(study)
    setting.tell(0.92, "other masks")
    found, others = _others(study)
    some = held_out.first(SHOWN).pictures
    first = {"original": some, "missing": torch.where(masks.centre(), HIDDEN, some)}
    return Outcome(
        measured | found,
        {
            "border and digit, chain: psnr": Published(16.63, "Benton et al. 2024, discrete; region not stated"),
            "border and digit, chain: ssim": Published(0.757, "Benton et al. 2024, discrete; region not stated"),
            "border and digit, Gaussian noise: psnr": Published(16.75, "Benton et al. 2024, continuous, rounded"),
            "border and digit, Gaussian noise: ssim": Published(0.723, "Benton et al. 2024, continuous, rounded"),
        },
        {"": _grid(first | rows), "-masks": _grid(others)},
        _notes(study),
    )


def drawn(sampler: Sampler, digits: Digits, missing: Tensor, draws: int, seed: int) -> tuple[Tensor, Tensor]:
    """Completed digits in [0, 1], (draws, n, 28, 28), and their mean."""
    filling: Any = sampler.denoiser
    rng, found = generator(seed), digits.pictures.expand(draws, -1, -1, -1).clone()
    for one in found:
        x = sampler.sample(len(digits.labels), rng, digits.cond, batch_size=AT_ONCE)
        one[:, missing] = filling.bytes(x) / 255
    return found, found.mean(0)


def _drawn(sampler: Sampler, digits: Digits, missing: Tensor, seed: int, draws: int) -> tuple[Tensor, Tensor]:
    return drawn(sampler, digits, missing, draws, seed)


def scores(name: str, found: Tensor, truth: Tensor, missing: Tensor) -> dict[str, float]:
    """PSNR and SSIM of the whole picture and of what was missing, with errors."""
    measured: dict[str, float] = {}
    for where, region in {"": torch.ones_like(missing), "missing part, ": missing}.items():
        metrics = {
            "psnr": psnr(found, truth, region),
            "ssim": ssim(found, truth, region),
            "ssim of 7 x 7": ssim(found, truth, region, uniform=True),
        }
        for metric, values in metrics.items():
            key = f"{name}: {where}{metric}"
            measured[key], measured[f"{key}_se"] = mean_and_error(values)
    return measured


def apart(name: str, draws: Tensor, truth: Tensor) -> dict[str, float]:
    """What the squared error of one draw is made of, with errors."""
    measured: dict[str, float] = {}
    parts = zip(("variance of draws", "squared error of their mean"), spread_and_error(draws, truth), strict=True)
    for part, values in parts:
        measured[f"{name}: {part}"], measured[f"{name}: {part}_se"] = mean_and_error(values)
    return measured


def _centre(study: Study, name: str, told: bool) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Single draws of all digits, means of several draws of some; and rows of the figure."""
    missing, size = masks.centre(), study.size
    digits, some = study.test.first(size.digits, told), study.test.first(size.averaged, told)
    measured: dict[str, float] = {}
    rows: dict[str, Tensor] = {}
    for way, answer in study.ways(digits, missing).items():
        (draw,), _ = answer(1)
        measured |= scores(f"{name}, {way}", draw, digits.pictures, missing)
        again = draw[None]
        if way != "nearest training digit":
            again, mean = study.ways(some, missing)[way](size.draws)
            measured |= scores(f"{name}, {way}, mean of {size.draws} draws", mean, some.pictures, missing)
            measured |= apart(f"{name}, {way}", again, some.pictures)
        shown = [draw, again[-1]] if way == "chain" else [draw]
        for who, one in zip((SHORT[way], "again"), shown, strict=False):
            rows[f"{who},\n{'border + digit' if told else 'border alone'}"] = one[:SHOWN]
    return measured, rows


def _bits(study: Study, name: str, told: bool) -> dict[str, float]:
    """Bits per missing pixel: upper bounds of both networks, and what the pixel's place tells."""
    digits, missing = study.test.first(study.size.bounded, told), masks.centre()
    measured: dict[str, float] = {}
    for kind, made in study.made.items():
        filling: Filling = made.filling.given(missing)
        decoder = None if kind == "chain" else SoftmaxDecoder(LATTICE)
        bound = Bound(draws=study.size.times, batch_size=AT_ONCE, decoder=decoder)
        x_0 = filling.states(digits.bytes[:, missing])
        nats = bound(filling, x_0, generator(study.setting.seed), digits.cond).log_prob
        key = f"{name}, {kind}: bits"
        measured[key], measured[f"{key}_se"] = mean_and_error(bits_per_dimension(1.0, int(missing.sum())) * nats)
    key = f"{name}, histogram: bits"
    measured[key], measured[f"{key}_se"] = mean_and_error(
        study.known.histogram_bits(digits.pictures, digits.labels, missing)
    )
    return measured


def _steps(study: Study) -> dict[str, float]:
    """The chain by bridges in more and fewer steps, and by tau-leaping."""
    digits, missing = study.test.first(study.size.others), masks.centre()
    filling = study.made["chain"].filling.given(missing)
    samplers: dict[str, Sampler] = {f"bridges, {n} steps": Ancestral(filling, n) for n in study.size.compared}
    samplers |= {f"tau-leaping, {n} steps": TauLeaping(filling, n) for n in study.size.compared if n > 1}
    measured: dict[str, float] = {}
    for name, sampler in samplers.items():
        (draw,), _ = drawn(sampler, digits, missing, 1, study.setting.seed)
        measured |= scores(f"border and digit, {name}", draw, digits.pictures, missing)
    return measured


def _others(study: Study) -> tuple[dict[str, float], dict[str, Tensor]]:
    """The other masks: single draws of some digits, and rows of a figure."""
    digits = study.test.first(study.size.others)
    measured: dict[str, float] = {}
    rows: dict[str, Tensor] = {"original": digits.pictures[:SHOWN]}
    for name, missing in masks.asked(generator(study.setting.seed)).items():
        if name == "centre":
            continue
        rows[f"missing:\n{name}"] = torch.where(missing, HIDDEN, digits.pictures[:SHOWN])
        for way, answer in study.ways(digits, missing).items():
            if way == "Gaussian noise":
                continue
            draws, _ = answer(1)
            measured |= scores(f"{name}, {way}", draws[0], digits.pictures, missing)
            if way != "nearest training digit":
                rows[f"{SHORT[way]},\n{name}"] = draws[0][:SHOWN]
    return measured, rows


def _grid(rows: dict[str, Tensor]) -> Figure:
    return plots.class_grid({name: row.numpy()[:, None] for name, row in rows.items()}, value_range=(0.0, 1.0))


def _notes(study: Study) -> tuple[str, ...]:
    size = study.size
    weights = sum(weight.numel() for weight in study.made["chain"].filling.parameters())
    kept = [kind for kind, one in study.made.items() if one.reused]
    return (
        f"{size.digits} test digits, every {10_000 // size.digits}th; border and digit, border: the centre 14 x 14 is "
        "missing, given all other pixels, with or without the digit; other masks: given the digit",
        "psnr and ssim are means over pictures, of single draws unless it says mean of draws; all draws are bytes, and "
        "the pixels that are given are put in as they were; whole pictures unless it says missing part; SSIM by a "
        "Gaussian window of 11 x 11 pixels that lies within the picture; ssim of 7 x 7: by a window of 7 x 7 pixels",
        f"variance of draws, squared error of their mean: per pixel, of {size.averaged} digits and {size.draws} draws "
        "each, without bias; they add up to the squared error of one draw, and are alike for draws of the true law",
        f"chain and Gaussian noise: {size.steps} steps of `samplers.Ancestral`, which draws x_0 and the bridge from it",
        f"bits: -log2 p of the missing bytes per missing pixel; of the networks an upper bound, on {size.bounded} "
        "digits; of the histogram what the place, and the digit where it is told, says of a byte alone",
        f"one U-Net of {weights:,} weights for all masks, with and without the digit, and another for Gaussian noise; "
        "each trained on one thread of a CPU, whose minutes are given, on batches of 64, "
        f"{sum(ROUNDS):,} steps each in {len(ROUNDS)} rounds; both see what a Gaussian law of each digit makes of "
        "the border and the noisy pixels, whose fitting is counted"
        + (f"; read from the cache, where another run left them: {', '.join(kept)}" if kept else ""),
        "the published model is given the border alone by its code, and the digit too by the talk; its region is not "
        "stated",
    )


EXPERIMENT = Experiment("mnist-inpainting", "digits whose centre is missing, filled in by a chain on bytes", run)
