r"""Hidden torsion angles of RNA filled by a model that was trained for any question, with log p of what was hidden.

A nucleotide is its seven torsion angles and its base, a point of $T^7 \times \{A, C, G, U\}$. Two questions are asked
of held-out structures: a random share of the angles is hidden, or the six of the backbone, so that only the base and
its angle chi are known. Rivals have closed forms: a mixture of von Mises laws, a kernel density, and the nearest rows.
"""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments import figures
from experiments.base import Experiment, Outcome, Setting
from experiments.circular_mixtures import CircularMixture, Floats, Mask, nearest
from experiments.imputing import energy_scores, mean_and_error
from unnoise import DenoisingMarkovModel
from unnoise._seeding import generator
from unnoise.denoisers import question
from unnoise.evaluation import Bound
from unnoise.networks import MLP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANGLES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "chi")
BASES = "ACGU"
HIDDEN = 0.4  # of the angles, where they are hidden at random
DRAWS, DONORS = 5, 10
STEPS, WIDTH = 4000, 256
COMPONENTS = (30, 100, 300)
KAPPAS = (20.0, 40.0, 80.0, 160.0)
QUESTIONS = ("random angles", "the backbone")


@dataclass(frozen=True)
class Nucleotides:
    """Angles in radians, (n, 7), and the numbers of bases, (n,)."""

    angles: Floats
    bases: Any

    def __len__(self) -> int:
        return len(self.bases)

    def at(self, rows: Any) -> Nucleotides:
        """Some of them."""
        return Nucleotides(self.angles[rows], self.bases[rows])

    def frame(self, known: Mask | None = None) -> Any:
        """A data frame, with holes where an angle is not known."""
        import polars as pl

        holes = np.zeros(self.angles.shape, dtype=bool) if known is None else ~known
        angles = {
            name: pl.Series(values).set(pl.Series(mask), None)
            for name, values, mask in zip(ANGLES, self.angles.T, holes.T, strict=True)
        }
        return pl.DataFrame(angles | {"base": [BASES[base] for base in self.bases]})


@dataclass(frozen=True)
class Split:
    """Nucleotides to learn, to choose by, and to be judged by; no structure is in two of them."""

    train: Nucleotides
    validation: Nucleotides
    test: Nucleotides


def read(setting: Setting) -> Split:
    """80/10/10 of the structures; the largest two, ribosomal subunits of half of all rows, are for training."""
    with gzip.open(setting.file("torsion/rna_fff.tsv.gz"), "rt", encoding="ascii") as lines:
        rows = [line.split() for line in lines]
    angles = np.radians(np.array([row[2:] for row in rows], dtype=np.float64))
    held = Nucleotides(angles, np.array([BASES.index(row[1]) for row in rows]))
    names, member, counts = np.unique([row[0] for row in rows], return_inverse=True, return_counts=True)
    lot = np.random.default_rng(setting.seed).permutation(len(names)) / len(names)
    lot[np.argsort(counts)[-2:]] = 0.0
    parts = [held.at((lot[member] >= low) & (lot[member] < high)) for low, high in ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0))]
    return Split(*(part.at(slice(150 if setting.quick else None)) for part in parts))


def masks(n: int, seed: int) -> dict[str, Mask]:
    """Which angles are known under each question, (n, 7)."""
    rng = np.random.default_rng(seed)
    scattered = rng.random((n, len(ANGLES))) >= HIDDEN
    scattered[np.arange(n), rng.integers(len(ANGLES), size=n)] = False  # each row asks something
    backbone = np.tile(np.array([name == "chi" for name in ANGLES]), (n, 1))
    return dict(zip(QUESTIONS, (scattered, backbone), strict=True))


def chords(one: Floats, other: Floats) -> Floats:
    """Squared chords between angles, 0 to 4."""
    return np.asarray(2 - 2 * np.cos(one - other))


def run(setting: Setting) -> Outcome:
    """Train, choose the rivals by validation rows, ask all of them the same."""
    split, rng = read(setting), np.random.default_rng(setting.seed)
    test, train = split.test, split.train
    setting.tell(0.0, "mixtures")
    rivals = {"mixture": _best_mixture(setting, split), "kernel density": _best_kernels(split)}
    setting.tell(0.3, "training the model")
    start = time.monotonic()
    model = fitted(setting, train)
    measured: dict[str, Any] = {"training_seconds": time.monotonic() - start}
    measured |= {
        "mixture_components": len(rivals["mixture"].weights),
        "kernel_kappa": rivals["kernel density"].kappas[0, 0],
    }
    everything = np.ones(test.angles.shape, dtype=bool)
    shown = {"held out": test.angles}
    for asked, known in masks(len(test), setting.seed).items():
        setting.tell(0.8, asked)
        draws = {
            "model": by_model(model, test, known, setting.seed),
            **{
                name: [law.draw(test.angles, test.bases, known, rng) for _ in range(DRAWS)]
                for name, law in rivals.items()
            },
            "nearest rows": _hot_decks(test, known, train, rng),
        }
        for name, filled in draws.items():
            found = mean_and_error(energy_scores(test.angles, filled, ~known, chords))
            measured[f"{asked}, {name}: energy"], measured[f"{asked}, {name}: energy_se"] = found
        logs = {name: _conditional(law, test, everything, known) for name, law in rivals.items()}
        logs["model"] = log_prob(setting, model, test, known)
        for name, values in logs.items():
            found = mean_and_error(values)
            measured[f"{asked}, {name}: log_p"], measured[f"{asked}, {name}: log_p_se"] = found
        gain = mean_and_error(logs["model"] - logs["mixture"])
        measured[f"{asked}: log_p over the mixture's"], measured[f"{asked}: log_p over the mixture's_se"] = gain
        shown |= {name: draws[name][0] for name in draws} if asked == QUESTIONS[1] else {}
    notes = (
        f"{len(test)} nucleotides of held-out structures; of random angles {HIDDEN:.0%} are hidden, and one at least",
        f"energy: {DRAWS} draws, root of the sum of squared chords over the hidden angles; less is better",
        "log_p: of the hidden angles given the rest, nats per nucleotide, density per radian; the model's is a lower "
        "bound, those of mixture and kernel density are exact, with sizes chosen by validation structures",
    )
    return Outcome(measured, {}, {"": _figure(shown)}, notes)


def fitted(setting: Setting, train: Nucleotides) -> DenoisingMarkovModel:
    """The model of angles and bases, for any question."""
    return DenoisingMarkovModel(
        kinds=dict.fromkeys(ANGLES, "radians"),
        steps=20 if setting.quick else STEPS,
        network=partial(MLP, width=32 if setting.quick else WIDTH),
        random_state=setting.seed,
        progress=False,
    ).fit(train.frame())


def by_model(model: DenoisingMarkovModel, test: Nucleotides, known: Mask, seed: int) -> list[Floats]:
    """Draws of what is hidden."""
    frames = model.impute(test.frame(known), draws=DRAWS, seed=seed)
    return [np.stack([frame[name].to_numpy() for name in ANGLES], 1) for frame in frames]


def log_prob(setting: Setting, model: DenoisingMarkovModel, test: Nucleotides, known: Mask) -> Floats:
    """A lower bound on log p of the hidden angles given what is known, row by row, (n,)."""
    schema, rng = model.schema_, generator(setting.seed)
    x, _ = schema.encode(test.frame()).all(rng)
    given = schema.encode(test.frame(known)).known
    asked = {name: ~mask for name, mask in given.items()}
    asks = question(model.denoiser_.process, asked, given, x)
    found = model.likelihood_of_states(x, asks, rng, Bound(draws=8 if setting.quick else 128))
    return np.asarray((found.log_prob + schema.volumes(asked)).numpy(), dtype=np.float64)


def _conditional(law: CircularMixture, test: Nucleotides, everything: Mask, known: Mask) -> Floats:
    """The exact log p of the hidden angles."""
    return law.log_prob(test.angles, test.bases, everything) - law.log_prob(test.angles, test.bases, known)


def _best_mixture(setting: Setting, split: Split) -> CircularMixture:
    counts = (5,) if setting.quick else COMPONENTS
    return _best([CircularMixture.fit(split.train.angles, split.train.bases, k, setting.seed) for k in counts], split)


def _best_kernels(split: Split) -> CircularMixture:
    return _best([CircularMixture.kernels(split.train.angles, split.train.bases, kappa) for kappa in KAPPAS], split)


def _best(laws: list[CircularMixture], split: Split) -> CircularMixture:
    """By the joint likelihood of validation rows."""
    held = split.validation
    everything = np.ones(held.angles.shape, dtype=bool)
    return max(laws, key=lambda law: float(law.log_prob(held.angles, held.bases, everything).mean()))


def _hot_decks(test: Nucleotides, known: Mask, train: Nucleotides, rng: np.random.Generator) -> list[Floats]:
    """The hidden angles of one of the nearest training rows."""
    donors = nearest(test.angles, test.bases, known, train.angles, train.bases, DONORS)
    lots = rng.integers(DONORS, size=(DRAWS, len(test)))
    return [np.where(known, test.angles, train.angles[donors[np.arange(len(test)), lot]]) for lot in lots]


def _figure(shown: dict[str, Floats]) -> Figure:
    """Two angles of the backbone: the truth, and draws given what does not lie in the backbone."""
    pair = [ANGLES.index("alpha"), ANGLES.index("gamma")]
    return figures.clouds(
        [(f"alpha, gamma: {title}", np.degrees(angles[:, pair]) % 360) for title, angles in shown.items()]
    )


EXPERIMENT = Experiment("imputation-rna", "hidden torsion angles of RNA, filled by a model of any question", run)
