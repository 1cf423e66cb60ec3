"""Seven torsion angles of RNA on the torus T^7 (Huang et al. 2022, arXiv 2208.07949; Chen and Lipman 2023).

The set of the Riemannian papers: 9,478 nucleotides. A model with nothing but defaults learns them, and once more given
the base; beside it, on the same splits, kernel densities of twenty widths at once, weighted by the validation part.
"""

from __future__ import annotations

import gzip
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from experiments.base import Experiment, Outcome, Published, Setting
from experiments.mixed_kernels import TorusKernels
from unnoise import DenoisingMarkovModel
from unnoise.report import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANGLES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "chi")
BASE = "base"
TO_RADIANS = len(ANGLES) * math.log(180 / math.pi)  # nats, from a density per degree
MOST_KAPPA = 1e4  # as narrow as the noise where noising begins, .01 radians
SHOWN = ("epsilon", "zeta")


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    seeds: int = 3
    steps: int | None = None  # of training; the model's own number
    test: int | None = None

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """A small version takes seconds."""
        return cls(1, 5, 10) if setting.quick else cls()


def nucleotides(setting: Setting) -> pl.DataFrame:
    """Angles in degrees, and the base."""
    with gzip.open(setting.file("torsion/rna_fff.tsv.gz")) as file:
        table = pl.read_csv(file.read(), separator="\t", has_header=False, new_columns=["name", BASE, *ANGLES])
    return table.select(BASE, *ANGLES)


def run(setting: Setting) -> Outcome:
    """Every split: kernels, the model, and both given the base."""
    sizes, table = Sizes.of(setting), nucleotides(setting)
    scores: dict[str, list[float]] = {}
    pictures = {}
    for seed in range(sizes.seeds):
        order = np.random.default_rng(setting.seed + seed).permutation(len(table))
        parts = [table[rows] for rows in np.split(order, [8 * len(table) // 10, 9 * len(table) // 10])]
        parts[2] = parts[2][: sizes.test]
        for place, given in enumerate((False, True)):
            setting.tell((seed + 0.5 * place) / sizes.seeds, f"split {seed}{', given the base' if given else ''}")
            found, model = _one(parts, given, setting.seed + seed, sizes)
            name = "given the base" if given else "angles"
            for metric, value in found.items():
                scores.setdefault(f"{name}: {metric}", []).append(value)
            if seed == 0 and not given:
                pictures[""] = _figure(parts[2], model)
    measured: dict[str, Any] = {"widest kappa of kernels": MOST_KAPPA}
    for metric, values in scores.items():
        measured[metric] = float(np.mean(values))
        measured[f"{metric}_se"] = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
    published = {"angles: nll": Published(-5.20, "Riemannian flow matching, Chen and Lipman 2023, from memory")}
    return Outcome(measured, published, pictures, _notes(sizes))


def _one(
    parts: list[pl.DataFrame], given: bool, seed: int, sizes: Sizes
) -> tuple[dict[str, float], DenoisingMarkovModel]:
    train, validation, test = (part if given else part.drop(BASE) for part in parts)
    start = time.process_time()
    model = DenoisingMarkovModel(
        kinds=dict.fromkeys(ANGLES, "degrees"),
        condition=BASE if given else None,
        steps=sizes.steps,
        random_state=seed,
        progress=False,
    )
    model.fit(train, validation_data=validation)
    seconds = time.process_time() - start
    ours = model.score_samples(test) + TO_RADIANS
    theirs = _by_base(parts) if given else _kernels(*(_radians(part) for part in parts))
    return {
        "nll": -float(ours.mean()),
        "mixed-width kernels' nll": -float(theirs.mean()),
        "training, CPU seconds": seconds,
    }, model


def _kernels(train: Tensor, validation: Tensor, test: Tensor) -> Tensor:
    return TorusKernels.fit(train, validation, MOST_KAPPA).log_prob(test)


def _by_base(parts: list[pl.DataFrame]) -> Tensor:
    """Kernels and weights of their own for each base."""
    bases = parts[0][BASE].unique(maintain_order=True)
    return torch.cat([_kernels(*(_radians(part.filter(pl.col(BASE) == base)) for part in parts)) for base in bases])


def _radians(table: pl.DataFrame) -> Tensor:
    return torch.from_numpy(np.radians(table.select(ANGLES).to_numpy()))


def _figure(test: pl.DataFrame, model: DenoisingMarkovModel) -> Figure:
    new = model.sample(len(test), seed=0)
    real, made = ({name: table[name].to_numpy() for name in SHOWN} for table in (test, new))
    return plots.angle_pairs(real, made, SHOWN, 360.0, (-180.0, -180.0))


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"nats per nucleotide, density per radian of each of seven angles; mean and standard error over {sizes.seeds} "
        "random splits 80/10/10; many nucleotides are of related structures, as in the papers' own splits",
        "the model has nothing but defaults, and its density is that of its probability flow; noising begins at .01 "
        f"radians, and kernels are as narrow as kappa = {MOST_KAPPA:g}, the same",
        "given the base: angles alone are scored; kernels have weights of their own for each base",
    )


EXPERIMENT = Experiment("rna-torsions", "seven torsion angles of RNA on the torus T^7, beside mixed-width kernels", run)
