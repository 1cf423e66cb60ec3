"""What a model of a table should beat: simple models on the same training rows, judged alike.

`Rival` is all that a rival needs: a name, samples as rows of the table, and log densities of the test rows if it has
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unnoise._seeding import generator
from unnoise.data import Encoded
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import (
    ClassifierTest,
    Copying,
    GaussianCopula,
    IndependentColumns,
    MarginDistance,
    PairDistance,
    TreesTest,
    classifier_test,
    copying,
    margin_distances,
    pair_distances,
    trees_test,
)
from unnoise.model import DenoisingMarkovModel
from unnoise.report import holes

Floats = NDArray[np.float64]
FOLDS, MOST_SHOWN = 2, 1000  # of the classifier of a rival, which takes most of the time: folds, and rows
MOST_COLUMNS = 40  # whose pairs are compared
MOST_INDICATORS = 50  # of a column of levels, for a classifier of numbers


class Rival(Protocol):
    """A model to compare with."""

    @property
    def name(self) -> str:
        """In a few words."""

    @property
    def description(self) -> str:
        """What it is."""

    def sample(self, n: int, seed: int) -> Floats:
        """New rows of the table, (n, d): numbers, places of levels, NaN where missing; fewer if it has no more."""

    def score_samples(self) -> Floats | None:
        """Log densities of the test rows in the data's units, (m,) in nats; None if it has none."""


@dataclass(frozen=True)
class FittedRival:
    """A rival that has samples alone."""

    name: str
    description: str
    model: GaussianCopula | IndependentColumns = field(repr=False)

    def sample(self, n: int, seed: int) -> Floats:
        """New rows."""
        return self.model.sample(n, seed=seed)

    def score_samples(self) -> None:
        """No density: margins are those of the training rows, point by point."""


@dataclass(frozen=True)
class TrainingRows:
    """The training rows themselves: as good as samples can be, and all of them copies."""

    rows: Floats = field(repr=False)
    name: str = "the training rows"
    description: str = "rows that the model was fitted on, as if they were samples: what copying would get"

    def sample(self, n: int, seed: int) -> Floats:
        """Some of the rows, none twice."""
        return self.rows[np.random.default_rng(seed).permutation(len(self.rows))[:n]]

    def score_samples(self) -> None:
        """No density."""


@dataclass(frozen=True)
class OtherModel:
    """Another model of this package, fitted on the same training rows.

    Args:
        name: in a few words.
        model: fitted; of its own columns and process.
        columns: of the table that is judged.
        test: the test rows as its schema encodes them.
        description: what it is.
    """

    name: str
    model: DenoisingMarkovModel = field(repr=False)
    columns: JudgedColumns = field(repr=False)
    test: Encoded = field(repr=False)
    description: str = "another model, fitted on the same training rows"

    def sample(self, n: int, seed: int) -> Floats:
        """New rows, as the judged table has them."""
        data = self.model.sample(n, seed=seed)
        drawn = self.columns.schema.encode(data)
        return self.columns.rows(drawn.x, drawn.known, drawn.cond, self.columns.written(data))

    def score_samples(self) -> Floats:
        """Log densities of the test rows, or of what is known of them, by its own likelihood."""
        rng = generator(0)
        rows, _ = self.test.all(rng)
        found = holes.estimate(self.model, self.test, rows, rng, self.model.likelihood_)
        return np.asarray(found.log_prob.double().numpy())


def rivals_of(train: Floats, seed: int) -> list[Rival]:
    """The rivals that training rows alone make."""
    return [
        FittedRival(
            "Gaussian copula",
            "the margins of the training rows under the dependence of a Gaussian",
            GaussianCopula.fit(train, seed=seed),
        ),
        FittedRival(
            "independent columns",
            "the margins of the training rows, as if columns were independent",
            IndependentColumns(train),
        ),
        TrainingRows(train),
    ]


@dataclass(frozen=True)
class Standing:
    """How samples stand beside test rows.

    Attributes:
        trees: whether boosted trees tell them apart.
        classifier: whether a multilayer perceptron does.
        margins: of every column, the worst first.
        pairs: of every pair of columns, the worst first.
        copying: beside the training rows; None without them.
        log_prob: mean log density of the test rows and its standard error, in nats; None if there is none.
    """

    trees: TreesTest
    classifier: ClassifierTest
    margins: tuple[MarginDistance, ...]
    pairs: tuple[PairDistance, ...]
    copying: Copying | None
    log_prob: tuple[float, float] | None = None


def judged(
    samples: Floats,
    test: Floats,
    train: Floats | None,
    *,
    names: Sequence[str],
    categorical: Sequence[int],
    seed: int,
    classifier: ClassifierTest | None = None,
    log_prob: Floats | None = None,
) -> Standing:
    """Samples beside test rows; `classifier` is a test that has been made already."""
    few = range(min(test.shape[1], MOST_COLUMNS))
    levels = [place for place in categorical if place in few]
    if classifier is None:
        both = (indicators(rows[:MOST_SHOWN], test, categorical) for rows in (test, samples))
        classifier = classifier_test(*both, folds=FOLDS)
    return Standing(
        trees_test(test, samples, categorical=categorical, seed=seed),
        classifier,
        margin_distances(test, samples, categorical=categorical, names=names, seed=seed),
        pair_distances(test[:, few], samples[:, few], categorical=levels, names=[names[i] for i in few], seed=seed),
        None if train is None else copying(samples, test, train, categorical=categorical, seed=seed),
        None if log_prob is None else (float(log_prob.mean()), float(log_prob.std() / len(log_prob) ** 0.5)),
    )


def indicators(rows: Floats, like: Floats, categorical: Sequence[int]) -> Floats:
    """Rows as numbers alone: an indicator for each frequent level and for missing, else the mean of `like`."""
    parts = []
    for place, (values, theirs) in enumerate(zip(rows.T, like.T, strict=True)):
        seen = theirs[~np.isnan(theirs)]
        if place in categorical:
            levels, counts = np.unique(seen, return_counts=True)
            often = levels[np.argsort(-counts, kind="stable")[:MOST_INDICATORS]]
            parts.append((values[:, None] == often) + 0.0)
        else:
            parts.append(np.where(np.isnan(values), seen.mean() if len(seen) else 0.0, values)[:, None])
        parts.append(np.isnan(values)[:, None] + 0.0)
    return np.concatenate(parts, axis=1)
