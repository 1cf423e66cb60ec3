r"""Protein torsions and amino-acid types, learnt jointly: angles on a torus and a letter of a finite set.

Every residue of the Top8000 set (Richardson Laboratory) of eight types is a point $(\phi, \psi, \chi_1)$ of the torus
$T^3$ and its type. One denoiser learns both; the bound on $-\log p(\text{angles}, \text{type})$ is that of the product
process. It is compared with a model of independent angles and types, and with one kernel density for each type. Splits
are by protein structure, so that no structure is in two parts.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from experiments.base import Experiment, Outcome, Setting
from unnoise import _tree
from unnoise._seeding import generator
from unnoise.evaluation import Bound
from unnoise.networks import MLP
from unnoise.processes import CTMC, Brownian, product, rates
from unnoise.report import plots
from unnoise.samplers import Euler
from unnoise.spaces import Finite, Torus
from unnoise.training import learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TYPES = ("arg", "lys", "gln", "met", "his", "trp", "cys", "cis_pro")
ANGLES = ("phi", "psi", "chi1")
MOST_TEST = 4000
KAPPAS = (40.0, 80.0, 160.0, 320.0, 640.0)  # of the kernel densities that are tried


def residues(setting: Setting) -> tuple[dict[str, Tensor], np.ndarray[Any, Any]]:
    """Angles in radians and types of all residues, and the structure each belongs to."""
    with np.load(setting.file("torsion/protein_top8000.npz")) as archive:
        angles = [archive[name][:, :3] * (math.pi / 180_000) for name in TYPES]
        structures = np.concatenate([archive[f"{name}_pdb"] for name in TYPES])
    types = np.repeat(np.arange(len(TYPES)), [len(part) for part in angles])
    state = {
        "angles": torch.from_numpy(np.concatenate(angles).astype(np.float32)),
        "type": torch.from_numpy(types)[:, None],
    }
    return state, structures


def run(setting: Setting) -> Outcome:
    """Train jointly; bound on held-out structures; Ramachandran plots by type."""
    state, structures = residues(setting)
    train, validation, test = _split(state, structures, setting.seed)
    if setting.quick:
        train, validation, test = (_some(part, 200) for part in (train, validation, test))
    test = _some(test, MOST_TEST)
    process = product(
        {"angles": Brownian(Torus(3)), "type": CTMC(Finite(1, len(TYPES)), rates.UniformRates(len(TYPES)))}
    )
    denoiser = learn(
        process,
        partial(MLP, width=256, depth=4),
        train,
        tell=setting.part(0.0, 0.7),
        steps=30 if setting.quick else 4000,
        batch_size=512,
        learning_rate=1e-3,
        seed=setting.seed,
    )
    setting.tell(0.7, "bound")
    rng = generator(setting.seed)
    found = Bound(draws=16 if setting.quick else 256)(denoiser, test, rng)
    nats, monte_carlo = found.mean
    setting.tell(0.85, "kernel densities")
    frequency = torch.bincount(train["type"][:, 0], minlength=len(TYPES)).double() / len(train["type"])
    kappa = max(KAPPAS, key=lambda value: float(_by_type(_some(train, 20_000), _some(validation, 1000), value).mean()))
    types = frequency.log()[test["type"][:, 0]]
    given_type = _by_type(train, test, kappa) + types
    apart = _kernel_density(train["angles"], test["angles"], kappa) + types
    setting.tell(0.95, "samples")
    samples = Euler(denoiser, steps=20 if setting.quick else 300).sample(len(test["type"]), rng)
    shares = torch.bincount(samples["type"][:, 0], minlength=len(TYPES)).double() / len(test["type"])
    rows = len(test["type"])
    measured = {
        "nll_bound": -nats,
        "nll_bound_se": float(found.log_prob.std()) / rows**0.5,
        "nll_bound_monte_carlo_se": monte_carlo,
        "kernel_density_by_type_nll": -float(given_type.mean()),
        "kernel_density_by_type_nll_se": float(given_type.std()) / rows**0.5,
        "angles_and_types_apart_nll": -float(apart.mean()),
        "angles_and_types_apart_nll_se": float(apart.std()) / rows**0.5,
        "kernel_density_kappa": kappa,
        "largest_error_of_a_type_share": float((shares - frequency).abs().max()),
    }
    notes = (
        "nats per residue, density per radian of each of the three angles, times the probability of the type",
        "the joint model's figure is a bound on the negative log-likelihood, the kernel densities' are exact",
    )
    return Outcome(measured, {}, {"": _figure(test, samples)}, notes)


def _split(
    state: dict[str, Tensor], structures: np.ndarray[Any, Any], seed: int
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """80/10/10 by structure, each in random order."""
    draws = np.random.default_rng(seed)
    names, member = np.unique(structures, return_inverse=True)
    lot = draws.permutation(len(names))[member] / len(names)
    parts = []
    for low, high in ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0)):
        chosen = torch.from_numpy(draws.permutation(np.flatnonzero((lot >= low) & (lot < high))))
        parts.append({name: leaf[chosen] for name, leaf in state.items()})
    return parts[0], parts[1], parts[2]


def _some(state: dict[str, Tensor], most: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = _tree.map(lambda leaf: leaf[:most], state)
    return found


def _by_type(train: dict[str, Tensor], test: dict[str, Tensor], kappa: float) -> Tensor:
    """The log density of angles given the type, from kernels at the training angles of that type."""
    result = torch.empty(len(test["type"]), dtype=torch.float64)
    for kind in range(len(TYPES)):
        known, asked = train["type"][:, 0] == kind, test["type"][:, 0] == kind
        if asked.any():
            result[asked] = _kernel_density(train["angles"][known], test["angles"][asked], kappa)
    return result


def _kernel_density(points: Tensor, x: Tensor, kappa: float) -> Tensor:
    """The log of a mean of products of von Mises kernels, with 1 % of the uniform law."""
    scale = -3 * math.log(2 * math.pi * float(torch.special.i0e(torch.tensor(kappa, dtype=torch.float64))))
    places = torch.cat([points.cos(), points.sin()], 1).double()
    rows = torch.cat([x.cos(), x.sin()], 1).double()
    kernels = torch.cat([torch.logsumexp(kappa * (part @ places.T - 3), 1) for part in torch.split(rows, 256)])
    density = kernels + scale - math.log(len(points))
    uniform = torch.tensor(math.log(0.01) - 3 * math.log(2 * math.pi), dtype=torch.float64)
    return torch.logaddexp(density + math.log(0.99), uniform)


def _figure(test: dict[str, Tensor], samples: dict[str, Tensor]) -> Figure:
    real, new = (
        {name: np.degrees(state["angles"][:, i].numpy()) for i, name in enumerate(ANGLES)} for state in (test, samples)
    )
    return plots.angle_pairs(real, new, ANGLES[:2], 360.0, (-180.0, -180.0))


EXPERIMENT = Experiment("torsions", "protein torsions and amino-acid types, jointly, on a torus x a finite set", run)
