r"""Events on the globe: volcanoes, earthquakes, fires (De Bortoli et al. 2022, arXiv 2202.02763).

Random splits 80/10/10, seeds 0 to 4; negative log-likelihood of the test points in nats, with respect to area on the
unit sphere. Many points repeat (of 827 volcanoes 267 are distinct), and a likelihood can grow without bound on repeats.
So sets stand as published and with every place once, and no kernel is narrower than $\kappa = 10^5$, 0.18 degrees.

The rival is a kernel density of fourteen von Mises-Fisher widths at once, weighted by the validation part. Ours has
heat kernels, of these widths and as wide as the points lie apart where they are, weighed by points that carry none. Its
density and its score are known at every noise level, so it is a denoiser as any other that needs no training; the
probability flow, at a few test points, says whether the two agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.kernel_score import KernelScore
from experiments.mixed_kernels import SphereKernels
from unnoise._seeding import generator
from unnoise.evaluation import ProbabilityFlow
from unnoise.processes import Brownian, until_mixed
from unnoise.spaces import Sphere

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DISTINCT = "-distinct"  # a set without its repeats
SETS = ("volcano", f"volcano{DISTINCT}", "earthquake", f"earthquake{DISTINCT}", "fire")
PUBLISHED = {"volcano": -4.92, "earthquake": -0.19, "fire": -1.33}
SOURCE = "RSGM, De Bortoli et al. 2022, table 1"
SEEDS = 5
FLOOR = 1e-5  # the time at which noising begins: a blur of 0.0032 rad, that of kappa = 1e5
MOST_KAPPA = 1e5
FLOWN = 4  # test points whose likelihood is also found by the flow


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
    measured: dict[str, Any] = {"largest_kappa": MOST_KAPPA, "finest_scale_degrees": math.degrees(MOST_KAPPA**-0.5)}
    published = {f"{name}_nll": Published(PUBLISHED[name], SOURCE) for name in sets if name in PUBLISHED}
    figures = {}
    for i, name in enumerate(sets):
        degrees = places(setting.file(f"earth/{name.removesuffix(DISTINCT)}.csv"))
        degrees = np.unique(degrees, axis=0) if name.endswith(DISTINCT) else degrees
        scores: dict[str, list[float]] = {}
        for seed in range(seeds):
            setting.tell((i * seeds + seed) / (len(sets) * seeds), f"{name}, split {seed}")
            parts = split(degrees, setting.seed + seed)
            ours, found = _one(parts)
            for metric, value in found.items():
                scores.setdefault(metric, []).append(value)
            if seed == 0:
                measured[f"{name}_flow_error"] = _flow_error(ours, parts.test[: 3 if setting.quick else FLOWN])
                figures[f"-{name}"] = _figure(ours, degrees, setting.quick)
        for metric, values in scores.items():
            measured[f"{name}_{metric}"] = float(np.mean(values))
            measured[f"{name}_{metric}_se"] = float(np.std(values, ddof=min(1, len(values) - 1)) / len(values) ** 0.5)
    notes = (
        f"nats per point, area on the unit sphere (uniform: 2.531); mean and standard error over {seeds} splits",
        f"no kernel of any density is narrower than kappa = {MOST_KAPPA:g}, {math.degrees(MOST_KAPPA**-0.5):.2f} "
        "degrees: where points repeat, narrower ones would raise every likelihood without bound",
        "'unseen' are test points whose coordinates are not in the training set; 'distinct' sets have every place once",
        f"'flow_error' is the mean distance of the flow's log-likelihood from the closed form, at {FLOWN} test points",
    )
    return Outcome(measured, published, figures, notes)


def _one(parts: Split) -> tuple[KernelScore, dict[str, float]]:
    """Ours and the rival, and what they give the test points."""
    found = {"share_unseen": float(parts.unseen.double().mean())}
    kernels = SphereKernels.fit_adaptive(parts.train, parts.validation, MOST_KAPPA)
    rival = SphereKernels.fit(parts.train, parts.validation, MOST_KAPPA)
    ours = KernelScore(Brownian(Sphere(2), until_mixed(Sphere(2), FLOOR)), kernels)
    nll, reference = -ours.log_prob(parts.test), -rival.log_prob(parts.test)
    for prefix, values, law in (("", nll, kernels), ("mixed_kernels_", reference, rival)):
        finest = (law.kappas >= MOST_KAPPA).double().mean(1)
        found |= {
            f"{prefix}nll": float(values.mean()),
            f"{prefix}nll_unseen": float(values[parts.unseen].mean()),
            f"{prefix}share_of_finest": float(law.weights[:-1] @ finest),
        }
    return ours, found | {"gain": float((reference - nll).mean())}


def _flow_error(ours: KernelScore, x: Tensor) -> float:
    by_flow = ProbabilityFlow(tolerance=1e-3)(ours, x, generator(0)).log_prob
    return float((by_flow - ours.log_prob(x)).abs().mean())


def _figure(denoiser: KernelScore, degrees: np.ndarray[Any, Any], quick: bool) -> Figure:
    """The log density on a grid."""
    rows = 10 if quick else 45
    latitude = np.linspace(-89, 89, rows)
    longitude = np.linspace(-179, 179, 2 * rows)
    grid = np.stack(np.meshgrid(latitude, longitude, indexing="ij"), -1).reshape(-1, 2)
    ours = denoiser.log_prob(unit_vectors(grid)).numpy().reshape(rows, 2 * rows)
    return figures.density_map([("log density", ours)], latitude, longitude, (degrees[:, 0], degrees[:, 1]))


EXPERIMENT = Experiment("earth", "volcanoes, earthquakes and fires on the globe (RSGM), beside a kernel density", run)
