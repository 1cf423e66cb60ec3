"""What was measured of a model: its numbers, and what pictures show."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from unnoise.data import Encoded
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import Calibration, ClassifierTest, Memorisation, TableRegion
from unnoise.model import DenoisingMarkovModel
from unnoise.report import holes, trust
from unnoise.report.answer import Answer
from unnoise.report.holes import Known
from unnoise.report.rivals import Floats, Standing


@dataclass(frozen=True)
class Quantity:
    """One measured number.

    Attributes:
        value: itself.
        standard_error: of it; 0 where it is exact.
        unit: such as "nats per row".

    >>> print(Quantity(2.796, 0.034, "nats per residue"))
    2.796 ± 0.034 nats per residue
    """

    value: float
    standard_error: float = 0.0
    unit: str = ""

    def __str__(self) -> str:
        error = f" ± {self.standard_error:.2g}" if self.standard_error else ""
        return f"{self.value:.4g}{error} {self.unit}".rstrip()


@dataclass(frozen=True)
class Pair:
    """The two columns that depend most on each other.

    Attributes:
        of: the column that is asked.
        given: the column that is given; of levels and numbers, the levels.
        nats: their mutual information in the held-out rows, with the bias of few rows taken off.
    """

    of: str
    given: str
    nats: float


@dataclass
class Assessment:
    """Measurements of a model on test data, and what its pictures show.

    Attributes:
        numbers: name -> quantity.
        likelihoods: name -> (nats per row, standard error over rows), the model first, then baselines.
        descriptions: name -> what was measured.
        known: which cells of the test rows and of the samples are known, of which alone everything is measured.
        log_probs: name -> log densities of the test rows, in nats, as `likelihoods` sums them up.
        classifier: the test by a multilayer perceptron.
        copies: distances to the training rows, if there are any.
        columns: of the table that the data are; None of images, sequences and other data without columns.
        tables: the rows of the table, held-out ones and samples.
        standing: how samples stand in it.
        repeated: the share of held-out rows that are training rows by more than chance.
        rivals: name -> how the samples of a simpler model stand.
        regions: of the table, that in which samples are too many or too few first.
        pair: the two columns that depend most on each other.
        offers: sentences about what holds between columns in all training rows, and could be kept.
        answers: to what a reader asks first.
        calibration: of draws given the conditions, or else the column that the pair is asked given.
    """

    model: DenoisingMarkovModel
    test: Encoded
    samples: Any
    train: Encoded | None
    conditions: Any
    seed: int
    seconds: float = 0.0
    numbers: dict[str, Quantity] = field(default_factory=dict)
    likelihoods: dict[str, tuple[float, float]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    known: Known = field(default=Known(None, None))
    log_probs: dict[str, Floats] = field(default_factory=dict)
    classifier: ClassifierTest | None = None
    copies: Memorisation | None = None
    columns: JudgedColumns | None = None
    tables: tuple[Floats, Floats] | None = None
    standing: Standing | None = None
    repeated: float = 0.0
    rivals: dict[str, Standing] = field(default_factory=dict)
    regions: tuple[TableRegion, ...] = ()
    pair: Pair | None = None
    offers: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    calibration: Calibration | None = None

    def features(self, states: Any, known: Any = None) -> Floats:
        """States as the rows of real numbers that statistics use, alike wherever nothing is known."""
        states = holes.blanked(self.model.schema_, states, known)
        features: Floats = self.model.denoiser_.process.space.features(states).flatten(1).double().numpy()
        return features

    @property
    def has_holes(self) -> bool:
        """Whether some cells of the test rows are not known, or may be missing by the model."""
        return self.test.known is not None or bool(self.model.schema_.missing)

    def measured(self) -> dict[str, float]:
        """All numbers by name, standard errors as `..._se`."""
        flat: dict[str, float] = {}
        for name, number in self.numbers.items():
            flat |= {name: number.value} | ({f"{name}_se": number.standard_error} if number.standard_error else {})
        return flat

    def details(self) -> dict[str, Any]:
        """What is no single number: the answers, margins and pairs by name, and how rivals stand."""
        found: dict[str, Any] = {"trust": [asdict(answer) for answer in self.answers]}
        if self.standing is not None and self.columns is not None:
            found["margins"] = [
                asdict(one) | {"words": trust.atom_words(one, self.columns)} for one in self.standing.margins
            ]
            found["pairs"] = [asdict(one) for one in self.standing.pairs]
            found["regions"] = [asdict(one) | {"words": trust.region_words(one, self.columns)} for one in self.regions]
            found["rivals"] = {name: _summed(one) for name, one in self.rivals.items()}
        if self.calibration is not None:
            found["calibration"] = [asdict(answer) for answer in self.calibration.answers]
        return found


def _summed(one: Standing) -> dict[str, Any]:
    """How a rival stands, in its worst numbers."""
    found = {"trees_auc": one.trees.auc, "trees_p_value": one.trees.p_value, "c2st_accuracy": one.classifier.accuracy}
    found |= {"c2st_p_value": one.classifier.p_value, "worst_margin": one.margins[0].distance}
    pair = one.pairs[0].distance if one.pairs else None
    ratio = None if one.copying is None else one.copying.ratio
    log_prob = None if one.log_prob is None else one.log_prob[0]
    return {**found, "worst_pair": pair, "copying_mixed_ratio": ratio, "nats_per_row": log_prob}
