r"""Events on the globe: volcanoes, earthquakes, fires (De Bortoli et al. 2022, arXiv 2202.02763).

Random splits 80/10/10, seeds 0 to 4; negative log-likelihood of the test points in nats, with respect to area on the
unit sphere, by the probability flow. Many points repeat (of 827 volcanoes 267 are distinct), and a likelihood can grow
without bound on repeats, so there are two figures: as published, and on the test points whose coordinates are not in
the training set. The baseline is a von Mises-Fisher kernel density, tuned and fitted on the same splits. Its kappa is
bounded, and so is our resolution, by the time at which noising begins.

The denoiser is that of a blurred kernel density and a network that learns to correct it. Training evaluates each point
without the kernels of its own fold, one tenth of the data, so that the network learns the correction for new points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.kernel_score import KernelScore
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser
from unnoise.evaluation import ProbabilityFlow, SphereKernelDensity
from unnoise.networks import MLP
from unnoise.processes import Brownian, until_mixed
from unnoise.spaces import Sphere
from unnoise.training import Arrays, learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DISTINCT = "-distinct"  # a set without its repeats
SETS = ("volcano", f"volcano{DISTINCT}", "earthquake", "fire")
PUBLISHED = {"volcano": -4.92, "earthquake": -0.19, "fire": -1.33}
SOURCE = "RSGM, De Bortoli et al. 2022, table 1"
SEEDS = 5
FLOOR = 1e-5  # the time at which noising begins: a blur of 0.0032 rad, that of kappa = 1e5
MOST_KAPPA = 1e5
FOLDS = 10


@dataclass(frozen=True)
class Split:
    """Unit vectors, (n, 3)."""

    train: Tensor
    validation: Tensor
    test: Tensor
    unseen: Tensor  # which test points have coordinates that are not in the training set, (n,)


def places(path: Path) -> np.ndarray[Any, Any]:
    """Latitude and longitude in degrees, (n, 2)."""
    lines = (line for line in path.read_text().splitlines() if line[:1] in "-0123456789")
    return np.genfromtxt(lines, delimiter=",")


def unit_vectors(degrees: np.ndarray[Any, Any]) -> Tensor:
    """Points of the sphere, (n, 3), float64."""
    latitude, longitude = np.radians(degrees).T
    level = np.cos(latitude)
    return torch.from_numpy(np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], 1))


def split(degrees: np.ndarray[Any, Any], seed: int) -> Split:
    """80/10/10 at random."""
    order = np.random.default_rng(seed).permutation(len(degrees))
    tenth = len(degrees) // 10
    test, validation, train = np.split(degrees[order], [tenth, 2 * tenth])
    known = {tuple(place) for place in train}
    unseen = torch.tensor([tuple(place) not in known for place in test])
    return Split(unit_vectors(train), unit_vectors(validation), unit_vectors(test), unseen)


def run(setting: Setting) -> Outcome:
    """Every set and every seed; one map per set."""
    sets, seeds = (SETS[:1], 1) if setting.quick else (SETS, SEEDS)
    measured: dict[str, Any] = {"noising_begins_at": FLOOR, "kernel_density_largest_kappa": MOST_KAPPA}
    published = {f"{name}_nll": Published(PUBLISHED[name], SOURCE) for name in sets if name in PUBLISHED}
    figures = {}
    for i, name in enumerate(sets):
        degrees = places(setting.file(f"earth/{name.removesuffix(DISTINCT)}.csv"))
        degrees = np.unique(degrees, axis=0) if name.endswith(DISTINCT) else degrees
        scores: dict[str, list[float]] = {}
        for seed in range(seeds):
            done = (i * seeds + seed) / (len(sets) * seeds)
            tell = partial(_said, setting, name, seed, setting.part(done, done + 1 / (len(sets) * seeds)))
            parts = split(degrees, setting.seed + seed)
            denoiser, found = _one(parts, setting.quick, setting.seed + seed, tell)
            for metric, value in found.items():
                scores.setdefault(metric, []).append(value)
            if seed == 0:
                figures[f"-{name}"] = _figure(denoiser, parts, degrees, setting.quick)
        for metric, values in scores.items():
            measured[f"{name}_{metric}"] = float(np.mean(values))
            measured[f"{name}_{metric}_se"] = float(np.std(values, ddof=min(1, len(values) - 1)) / len(values) ** 0.5)
    notes = (
        f"nats per point, area on the unit sphere (uniform: 2.531); mean and standard error over {seeds} splits",
        f"noising begins at time {FLOOR:g}, a blur of {FLOOR**0.5:.4f} rad, which caps the resolution as the kernel "
        f"density's kappa <= {MOST_KAPPA:g} does",
        "'unseen' are test points whose coordinates are not in the training set; 'volcano-distinct' are the 267 places "
        "of the 827 volcanoes",
    )
    return Outcome(measured, published, figures, notes)


def _said(setting: Setting, name: str, seed: int, tell: Any, share: float, words: str) -> None:
    tell(share, f"{name}, split {seed}: {words}")


def _one(parts: Split, quick: bool, seed: int, tell: Any) -> tuple[Denoiser, dict[str, float]]:
    process = Brownian(Sphere(2), until_mixed(Sphere(2), FLOOR))
    flow, rng = ProbabilityFlow(tolerance=1e-4), generator(seed)
    looked_at = parts.validation[: 20 if quick else 300]
    kernels = SphereKernelDensity.fit(parts.train.numpy(), parts.validation.numpy(), MOST_KAPPA)
    folds = torch.arange(len(parts.train)) % FOLDS
    denoiser = learn(
        process,
        partial(MLP, width=128, depth=4),
        Arrays(parts.train.float(), folds),
        tell=lambda share, words: tell(0.9 * share, words),
        known=KernelScore(process, parts.train.float(), folds, kernels.kappa, kernels.uniform),
        judge=lambda found: float(flow(found, looked_at, rng).log_prob.mean()),
        steps=30 if quick else 1200,
        batch_size=256,
        ema=0.995,
        looks=4,
        learning_rate=1e-3,
        seed=seed,
    )
    tell(0.95, "likelihood")
    test = parts.test[:20] if quick else parts.test
    unseen = parts.unseen[: len(test)]
    nll = -flow(denoiser, test, rng).log_prob
    reference = -torch.from_numpy(kernels.score_samples(test.numpy()))
    return denoiser, {
        "nll": float(nll.mean()),
        "nll_unseen": float(nll[unseen].mean()),
        "kernel_density_nll": float(reference.mean()),
        "kernel_density_nll_unseen": float(reference[unseen].mean()),
        "share_unseen": float(unseen.double().mean()),
        "kernel_density_kappa": kernels.kappa,
    }


def _figure(denoiser: Denoiser, parts: Split, degrees: np.ndarray[Any, Any], quick: bool) -> Figure:
    """The log density on a grid."""
    rows = 10 if quick else 60
    latitude = np.linspace(-89, 89, rows)
    longitude = np.linspace(-179, 179, 2 * rows)
    grid = np.stack(np.meshgrid(latitude, longitude, indexing="ij"), -1).reshape(-1, 2)
    flow = ProbabilityFlow(tolerance=1e-2)
    ours = flow(denoiser, unit_vectors(grid), generator(0)).log_prob.numpy().reshape(rows, 2 * rows)
    return figures.density_map([("log density", ours)], latitude, longitude, (degrees[:, 0], degrees[:, 1]))


EXPERIMENT = Experiment("earth", "volcanoes, earthquakes and fires on the globe (RSGM), beside a kernel density", run)
