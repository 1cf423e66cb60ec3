r"""Protein torsions and amino-acid types, learnt jointly: angles on a torus and a letter of a finite set.

Every residue of the Top8000 set (Richardson Laboratory) of eight types is a point $(\phi, \psi, \chi_1)$ of the torus
$T^3$ and its type. A mixture of product laws learns both by EM: types share components, so that each is learnt from the
residues of all. The mixture is known in closed form at every noise level, so it is a denoiser as any other, of Brownian
motion on the torus beside jumps among the types, and needs no network; at a few residues the bound of that denoiser
says whether the two agree.

The rival has, for each type, a kernel density of twenty widths at once, weighted by validation residues. Splits are by
protein structure, so that no structure is in two parts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from experiments.base import Experiment, Outcome, Setting
from experiments.mixed_kernels import TorusKernels
from unnoise import _tree
from unnoise._seeding import generator
from unnoise.denoisers import ExactProductMixture
from unnoise.evaluation import Bound
from unnoise.laws import CategoricalComponents, ProductMixture, WrappedNormalComponents
from unnoise.processes import CTMC, Brownian, product, rates
from unnoise.report import plots
from unnoise.spaces import Finite, Torus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TYPES = ("arg", "lys", "gln", "met", "his", "trp", "cys", "cis_pro")
ANGLES = ("phi", "psi", "chi1")
COMPONENTS, STEPS = 800, 40  # of EM
FIRST_VARIANCE = 0.05  # of every angle
PRIOR_ROWS, PRIOR_VARIANCE = 4, 0.01  # residues of so much variance that every component has more
AT_ONCE = 1024  # residues
MOST_TEST, MOST_VALIDATION = 4000, 1000  # residues; the latter of each type
MOST_KAPPA = 1e4
BOUNDED = 50  # test residues where the bound is asked
PARTS = 36  # of a circle, the emptiest of which has the cut


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
    """Fit jointly; score held-out structures; Ramachandran plots."""
    state, structures = residues(setting)
    train, validation, test = _split(state, structures, setting.seed)
    if setting.quick:
        train, validation, test = (_some(part, 500) for part in (train, validation, test))
    test, rng = _some(test, MOST_TEST), generator(setting.seed)
    setting.tell(0.0, "mixture")
    law = mixture(train, COMPONENTS, rng)
    setting.tell(0.6, "kernel densities")
    frequency = torch.bincount(train["type"][:, 0], minlength=len(TYPES)).double() / len(train["type"])
    of_type = frequency.log()[test["type"][:, 0]]
    ours = law.log_prob(test).double()
    theirs = kernels_by_type(train, validation, test) + of_type
    known = {"angles": torch.ones_like(test["angles"]).bool(), "type": torch.zeros_like(test["type"]).bool()}
    apart = law.log_prob(test, known).double() + of_type
    setting.tell(0.95, "bound and samples")
    samples = law.sample(rng, (len(test["type"]),))
    shares = torch.bincount(samples["type"][:, 0], minlength=len(TYPES)).double() / len(test["type"])
    measured = {
        "components": len(law.weights),
        "validation_nll": -float(law.log_prob(_some(validation, MOST_TEST)).mean()),
        **_nll("nll", -ours),
        **_nll("mixed_kernels_by_type_nll", -theirs),
        **_nll("angles_and_types_apart_nll", -apart),
        **_nll("gain", ours - theirs),
        **_nll("bound_less_nll", _slack(law, _some(test, 4 if setting.quick else BOUNDED), rng)),
        "largest_error_of_a_type_share": float((shares - frequency).abs().max()),
    }
    notes = (
        "nats per residue, density per radian of each of the three angles, times the probability of the type",
        "all densities are exact; 'gain' is the mean over test residues of how much more ours gives them than kernels",
        "kernels have validation residues to weigh their widths, ours has training residues alone; no kernel is "
        f"narrower than kappa = {MOST_KAPPA:g}, but they give the narrowest little weight",
        "'apart' is the product of ours of the angles alone and of the types' shares",
        f"'bound_less_nll' is of ours as a denoiser, at {BOUNDED} test residues",
    )
    return Outcome(measured, {}, {"": _figure(test, samples)}, notes)


def mixture(train: dict[str, Tensor], components: int, rng: torch.Generator) -> ProductMixture:
    r"""Of angles and types, by EM on circles that are cut where fewest residues are, and closed again.

    The log of a weight times a density is linear in $1, x, x^2$ and the flags of the type, so a step of EM is a softmax
    between two products of matrices. The first components lie around residues drawn at random: most where most are.
    """
    cuts = torch.stack([_emptiest(angle) for angle in train["angles"].T])
    x = cuts + torch.remainder(train["angles"] - cuts, 2 * math.pi)
    kinds = torch.nn.functional.one_hot(train["type"][:, 0], len(TYPES)).float()
    features = torch.cat([torch.ones(len(x), 1), x, x.square(), kinds], 1)
    shares = (kinds.sum(0, dtype=torch.float64) + 0.5) / (len(x) + 0.5 * len(TYPES))
    count = min(components, len(x) // 5)
    around = features[torch.randperm(len(x), generator=rng)[:count]].double()
    around[:, 1 + x.shape[1] : 1 + 2 * x.shape[1]] += FIRST_VARIANCE
    law = _refitted(around, shares)
    for _ in range(STEPS):
        scores = _scores(law)
        sums = [torch.softmax(part @ scores, 1).T @ part for part in torch.split(features, AT_ONCE)]
        law = _refitted(torch.stack(sums).sum(0, dtype=torch.float64), shares)
    return law


def _refitted(sums: Tensor, shares: Tensor) -> ProductMixture:
    """The M step, from weighted sums of features, (K, 1 + 2d + types); a few residues more keep components apart."""
    d = (sums.shape[1] - 1 - len(shares)) // 2
    count, first, second, kinds = torch.split(sums, [1, d, d, len(shares)], 1)
    means = first / count.clamp(min=1e-9)
    variances = (second - means * first).clamp(min=0) + PRIOR_ROWS * PRIOR_VARIANCE
    angles = WrappedNormalComponents(means.float(), (variances / (count + PRIOR_ROWS)).float())
    types = CategoricalComponents(((kinds + shares) / (count + 1)).float()[:, None])
    weights = (count[:, 0] + 0.1) / (count + 0.1).sum()
    return ProductMixture(weights.float(), {"angles": angles, "type": types})


def _scores(law: ProductMixture) -> Tensor:
    """What features are multiplied with to give log weight and density of each component, (1 + 2d + types, K)."""
    means, variances = law.parts["angles"].means.double(), law.parts["angles"].variances.double()
    constant = law.weights.double().log() - 0.5 * (means.square() / variances + (2 * math.pi * variances).log()).sum(1)
    kinds = law.parts["type"].probs[:, 0].double().log()
    return torch.cat([constant[:, None], means / variances, -0.5 / variances, kinds], 1).T.float()


def kernels_by_type(train: dict[str, Tensor], validation: dict[str, Tensor], test: dict[str, Tensor]) -> Tensor:
    """The log density of angles given the type, from kernels at the training angles of that type."""
    result = torch.empty(len(test["type"]), dtype=torch.float64)
    for kind in range(len(TYPES)):
        known, judges, asked = (part["angles"][part["type"][:, 0] == kind] for part in (train, validation, test))
        if len(asked):
            kernels = TorusKernels.fit(known, judges[:MOST_VALIDATION], MOST_KAPPA)
            result[test["type"][:, 0] == kind] = kernels.log_prob(asked)
    return result


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


def _emptiest(angle: Tensor) -> Tensor:
    """The middle of the part of the circle that has fewest of the angles, ()."""
    counts = torch.histc(angle, PARTS, -math.pi, math.pi)
    return (counts.argmin() + 0.5) * (2 * math.pi / PARTS) - math.pi


def _nll(name: str, values: Tensor) -> dict[str, float]:
    """Mean and standard error of rows."""
    return {name: float(values.mean()), f"{name}_se": float(values.std()) / len(values) ** 0.5}


def _slack(law: ProductMixture, x: dict[str, Tensor], rng: torch.Generator) -> Tensor:
    """How much more the denoiser's bound is than the exact -log p, (n,)."""
    process: Any = product(
        {"angles": Brownian(Torus(3)), "type": CTMC(Finite(1, len(TYPES)), rates.UniformRates(len(TYPES)))}
    )
    return law.log_prob(x) - Bound(draws=64)(ExactProductMixture(process, law), x, rng).log_prob


def _figure(test: dict[str, Tensor], samples: dict[str, Tensor]) -> Figure:
    real, new = (
        {name: np.degrees(state["angles"][:, i].numpy()) for i, name in enumerate(ANGLES)} for state in (test, samples)
    )
    return plots.angle_pairs(real, new, ANGLES[:2], 360.0, (-180.0, -180.0))


EXPERIMENT = Experiment("torsions", "protein torsions and amino-acid types, jointly, on a torus x a finite set", run)
