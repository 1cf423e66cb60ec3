r"""Discrete walk-jump sampling of antibodies (Frey et al. 2023, arXiv 2306.12360), and of an RNA family.

One network denoises one-hot sequences at one noise level. Chains start from noise, take 100 steps on the smoothed law
with the published settings, and jump. Others start at training sequences. The published antibodies use the AHo
numbering; these are heavy or light chains from structures, aligned by three conserved residues (`families`). The RNA
data is aligned, and large enough to compare pairs of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import figures
from experiments import sequence_scores as scores
from experiments.antibody_judge import Judge
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.families import Family, antibodies, rna
from unnoise._seeding import generator
from unnoise.chains import AtNoise, DiscreteWalkJump
from unnoise.denoisers import Exact
from unnoise.heads import Letters
from unnoise.laws import Categorical
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.objectives.times import OneLevel
from unnoise.objectives.weightings import SimpleWeighting
from unnoise.processes import variance_exploding
from unnoise.spaces import Euclidean, Finite
from unnoise.training import learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGMAS = (0.5, 1.0)
WALK = 100  # steps before the jump
SHOWN = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, *range(25, 101, 5))  # steps in the picture of a chain
SOURCE = "dWJS, Frey et al. 2023 (arXiv 2306.12360): other data, all of their properties"
CHEMISTRY = ("DE", "KRH", "NQST", "AVLIM", "FWY", "GP", "C")


@dataclass(frozen=True)
class Effort:
    """How much is done: steps of training are this share of all."""

    training: float = 1.0
    looks: int = 10
    samples: int = 1000
    walk: int = WALK
    sigmas: tuple[float, ...] = SIGMAS


QUICK = Effort(0.03, 1, 50, 10, SIGMAS[:1])


@dataclass(frozen=True)
class Learner:
    """A family, and how its denoisers are trained."""

    family: Family
    network: Callable[..., torch.nn.Module]
    steps: int
    looks: int

    @cached_property
    def space(self) -> Finite:
        """Where its sequences live."""
        return Finite(self.family.columns, len(self.family.letters))

    def at(self, sigma: float, seed: int, tell: Any) -> DiscreteWalkJump:
        """A sampler at one noise level, of the denoiser that is best on validation data."""
        space = self.space
        validation = space.features(self.family.validation)
        denoiser = learn(
            variance_exploding(Euclidean((space.sites, space.states))),
            self.network,
            space.features(self.family.train),
            tell=tell,
            objective=Denoising(SimpleWeighting(), OneLevel(sigma)),
            head=Letters,
            judge=lambda found: -denoising(AtNoise(found), validation, sigma)[0],
            looks=self.looks,
            steps=self.steps,
            batch_size=64,
            learning_rate=2e-3,
            weight_decay=1.0,
            ema=0.99,
            seed=seed,
        )
        return DiscreteWalkJump(AtNoise(denoiser), sigma, space=space)


@torch.no_grad()
def denoising(noisy: AtNoise | Sites, onehot: Tensor, sigma: float) -> tuple[float, float]:
    """Squared error per letter, and share of letters that the largest probability gets right, on fixed noise."""
    noise = torch.randn((4, *onehot.shape), generator=generator(0))
    x = onehot.expand_as(noise).flatten(0, 1)
    found = noisy.denoise(x + sigma * noise.flatten(0, 1), sigma)
    right = (found.argmax(-1) == x.argmax(-1)).double().mean()
    return float((found - x).square().sum(-1).mean()), float(right)


def run(setting: Setting) -> Outcome:
    """Antibodies at two levels with their pictures, and RNA at the same levels."""
    seed, effort = setting.seed, QUICK if setting.quick else Effort()
    judge = Judge(antibodies(setting.file("antibody/sabdab_chains.csv.gz")))
    learners = _learners(setting, judge, effort)
    measured: dict[str, Any] = {"antibody_sequences_left_out": judge.chains.left_out} | _floors(judge, learners)
    figures: dict[str, Figure] = {}
    tasks = [(name, sigma) for name in learners for sigma in effort.sigmas]
    for i, (name, sigma) in enumerate(tasks):
        learner, tell = learners[name], partial(_said, setting.part(i / len(tasks), (i + 1) / len(tasks)), name, sigma)
        sampler = learner.at(sigma, seed, tell)
        samples = replace(sampler, steps=effort.walk).sample(effort.samples, generator(seed))
        found = _denoised(sampler, learner.family) | scores.compared(samples, learner.family, learner.family.held_out)
        if name == "antibody":
            found |= judge(samples) | _from_seeds(sampler, judge, effort, generator(seed))
            found |= _from_training(sampler, judge, effort, generator(seed))
            figures = figures or _figures(sampler, samples, judge, generator(seed))
        measured |= {f"{name}_sigma{sigma}_{metric}": value for metric, value in found.items()}
    return Outcome(measured, {"antibody_sigma0.5_W_property": Published(0.065, SOURCE)}, figures, NOTES)


def _learners(setting: Setting, judge: Judge, effort: Effort) -> dict[str, Learner]:
    """A shallow network for few sequences, a deeper one for more."""
    shallow, deep = partial(MLP, width=128, depth=1), partial(MLP, width=256, depth=2)
    found = {"antibody": Learner(judge.family, shallow, int(1000 * effort.training), effort.looks)}
    if not setting.quick:
        family = rna(setting.file("rf00379/RF00379.fasta.gz"), setting.seed)
        found["rna"] = Learner(family, deep, int(2500 * effort.training), effort.looks)
    return found


NOTES = (
    "chains start at U(0, 1)^d + N(0, sigma^2) and walk 100 steps at delta = 0.5, friction 1, then jump; 1,000 of them",
    "aligned by Cys 23, Trp 41 and Cys 104, gaps at one place within each block between them; heavy and light chains "
    "in one model of 147 columns x 21 letters, of which the gap is one",
    "valid: without gaps, the rule finds the conserved residues again, and the length is one of the training data; "
    "gaps_in_place: the rule would put the gaps where the sample has them",
    "published for scale, at sigma = .1, .5, 3: W_property .378, .065, .130, of other data and properties; ours is the "
    "mean over length, hydropathy and charge of the Wasserstein-1 distance to held-out chains in units of the training "
    "deviation, and floor_ is the same of training data",
    "heavy_: of the samples that a classifier calls heavy, against held-out heavy chains; heavy_share is that of "
    "chains from nowhere, and seeds_of_the_same_kind says how many that start at test sequences stay of their kind",
    "from_training_: of chains that start at training sequences, which have the right shares of kinds and lengths from "
    "the start; from_training_drawn_: with letters drawn by their probabilities, column by column, where a jump reads "
    "the most probable ones",
    "distances count columns that differ; kernel_density_ is the denoiser of the training data themselves, sites_ that "
    "of independent columns with their training frequencies",
)


def _said(tell: Any, name: str, sigma: float, share: float, words: str) -> None:
    tell(0.9 * share, f"{name}, sigma = {sigma}: {words}")


def _denoised(sampler: DiscreteWalkJump, family: Family) -> dict[str, float]:
    """How well letters are told from noise: on held-out and on training data, beside two denoisers without learning."""
    space, sigma = sampler.space, sampler.sigma
    train, test = space.features(family.train), space.features(family.test)
    error, accuracy = denoising(sampler.noisy, test, sigma)
    train_error, train_accuracy = denoising(sampler.noisy, train[: len(test)], sigma)
    return {
        "denoising_error": error,
        "denoising_accuracy": accuracy,
        "train_denoising_error": train_error,
        "train_denoising_accuracy": train_accuracy,
        "kernel_density_denoising_error": denoising(AtNoise(Exact(sampler.noisy.process, train)), test, sigma)[0],
        "sites_denoising_error": denoising(Sites(train.mean(0)), test, sigma)[0],
    }


@dataclass(frozen=True)
class Sites:
    """Columns that know nothing of each other: Bayes' rule with their frequencies, (columns, letters)."""

    frequencies: Tensor

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        r"""$p_a e^{y_a/\sigma^2}$, normalised."""
        return torch.softmax(self.frequencies.clamp(min=1e-3).log() + y / sigma**2, -1)


def _from_seeds(sampler: DiscreteWalkJump, judge: Judge, effort: Effort, rng: torch.Generator) -> dict[str, float]:
    """What becomes of test sequences: columns that differ after a tenth of a walk and after all of it, and kinds."""
    seeds = judge.family.test.repeat(-(-effort.samples // len(judge.family.test)), 1)
    soon, late = (replace(sampler, steps=steps).sample(seeds, rng) for steps in (effort.walk // 10, effort.walk))
    same = (judge.heavy(late) > 0.5) == (judge.heavy(seeds) > 0.5)
    return {
        "distance_to_seed_after_a_tenth": float((soon != seeds).sum(1).double().mean()),
        "distance_to_seed": float((late != seeds).sum(1).double().mean()),
    } | scores.with_errors({"seeds_of_the_same_kind": same})


def _from_training(sampler: DiscreteWalkJump, judge: Judge, effort: Effort, rng: torch.Generator) -> dict[str, float]:
    """What walks from training sequences find: the most probable letters, and letters drawn by their probabilities."""
    known = judge.family.train
    y = sampler.walk(known.repeat(-(-effort.samples // len(known)), 1), effort.walk, rng).x
    found: dict[str, float] = {}
    for letters, rows in (
        ("", sampler.jump(y)),
        ("drawn_", Categorical(sampler.probabilities(y), event_ndim=1).sample(rng)),
    ):
        of_rows = judge(rows) | scores.compared(rows, judge.family, judge.family.held_out)
        found |= {f"from_training_{letters}{metric}": value for metric, value in of_rows.items()}
    return found


def _floors(judge: Judge, learners: dict[str, Learner]) -> dict[str, float]:
    """What training data score against held-out data: more cannot be asked of what learns from them."""
    found = {f"antibody_floor_{metric}": value for metric, value in judge.floors().items()}
    for name, learner in learners.items():
        family, states = learner.family, len(learner.family.letters)
        of_train = scores.correlations(family.train, family.held_out, states)
        of_train["nearest_training_distance"] = float(scores.distances(family.held_out, family.train, states).median())
        found |= {f"{name}_floor_{metric}": value for metric, value in of_train.items()}
    return found


def _figures(sampler: DiscreteWalkJump, samples: Tensor, judge: Judge, rng: torch.Generator) -> dict[str, Figure]:
    """Logos of heavy chains, held out and made; one chain from nowhere, step by step."""
    letters = judge.family.letters
    heavy = samples[judge.heavy(samples) > 0.5]
    logos = figures.logos(judge.heavy_held_out, heavy if len(heavy) else samples, letters, CHEMISTRY)
    jumps = sampler.jump(sampler.walk(1, WALK, rng, keep=1).kept[:, 0])
    shown = [step - 1 for step in SHOWN]
    rows = figures.letter_rows(jumps[shown], letters, CHEMISTRY, [f"{step}" for step in SHOWN], "step of the walk")
    return {"-logo": logos, "-chain": rows}


EXPERIMENT = Experiment("antibody", "antibodies and RNA by discrete walk-jump sampling (dWJS)", run)
