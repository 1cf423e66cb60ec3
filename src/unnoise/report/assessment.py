"""A model on held-out data: its likelihood beside baselines, its samples beside data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from unnoise import _tree
from unnoise._errors import InputError, warn
from unnoise._progress import progress
from unnoise._seeding import generator
from unnoise.data import Encoded
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import (
    Bound,
    Calibration,
    ClassifierTest,
    Estimate,
    Likelihood,
    MarginDistance,
    Memorisation,
    PairDistance,
)
from unnoise.evaluation.bits import bits_per_dimension
from unnoise.model import DenoisingMarkovModel
from unnoise.report import conditions, holes, trust
from unnoise.report.baselines import baselines
from unnoise.report.holes import Known
from unnoise.report.rivals import OtherModel, Rival, Standing, judged, rivals_of
from unnoise.report.trust import Answer

Floats = NDArray[np.float64]
MOST_ROWS = 1000  # test rows, by default
MORE = 10  # times as many rows of a table are judged: trees tell little from few, and cost little
FEWEST_ROWS = 10
OURS = "unnoise"


@dataclass(frozen=True)
class Quantity:
    """One measured number."""

    value: float
    standard_error: float = 0.0
    unit: str = ""

    def __str__(self) -> str:
        error = f" ± {self.standard_error:.2g}" if self.standard_error else ""
        return f"{self.value:.4g}{error} {self.unit}".rstrip()


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
        rivals: name -> how the samples of a simpler model stand.
        answers: to what a reader asks first.
        calibration: of draws given the conditions, if there are any.
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
    rivals: dict[str, Standing] = field(default_factory=dict)
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
            found["rivals"] = {name: _summed(one) for name, one in self.rivals.items()}
        if self.calibration is not None:
            found["calibration"] = [asdict(answer) for answer in self.calibration.answers]
        return found


def evaluate(
    model: DenoisingMarkovModel,
    test: Any,
    y: Any = None,
    *,
    train: Any = None,
    train_y: Any = None,
    likelihood: Likelihood | None = None,
    rivals: Mapping[str, DenoisingMarkovModel] | None = None,
    max_rows: int = MOST_ROWS,
    seed: int = 0,
) -> Assessment:
    """Measurements of a model on 10 held-out rows or more, for `unnoise.report.page_of`.

    Args:
        model: a fitted model.
        test: rows that it was not fitted on; of rows with holes what is known is measured, and which cells are.
        y: their conditions, if they are no columns.
        train: the rows that it was fitted on, for baselines and copies.
        train_y: the conditions of the training rows.
        likelihood: by default the model's; the lower bound is always measured too.
        rivals: name -> another model without conditions, fitted on the same training rows, to be judged alike in a
            table; simpler ones are added where there are training rows.
        max_rows: the most test rows, chosen at random; trees, margins and pairs of a table see ten times as many.
        seed: of all randomness.
    """
    check_is_fitted(model)
    start = time.monotonic()
    schema, rng = model.schema_, generator(seed)
    encoded = schema.encode(test, y)
    columns = JudgedColumns.of(schema)
    written = {} if columns is None else columns.written(test)
    others = {name: other.schema_.encode(test) for name, other in (rivals or {}).items()}
    every_row = _Judged(encoded, written)
    known = None if train is None else schema.encode(train, train_y)
    if (seen := min(len(encoded), max_rows)) < FEWEST_ROWS:
        raise InputError(f"got {seen} test rows; expected at least {FEWEST_ROWS} to measure a model")
    if len(encoded) > max_rows:
        chosen = torch.randperm(len(encoded), generator=rng)[:max_rows].sort().values
        written = {name: values[chosen.numpy()] for name, values in written.items()}
        encoded, others = encoded.rows(chosen), {name: rows.rows(chosen) for name, rows in others.items()}
    rows, cond = encoded.all(rng)
    result = Assessment(model, encoded, None, known, cond, seed)
    method = likelihood or model.likelihood_
    for way in (method,) if isinstance(method, Bound) else (method, Bound()):
        _likelihood(result, holes.estimate(model, encoded, rows, rng, way), way)
    if known is not None:
        _baselines(result, known, rows, rng)
    result.samples = holes.sampled(model, encoded, cond, rng)
    result.known = holes.known(schema, encoded, result.samples)
    _two_samples(result)
    if columns is not None:
        values = None if train is None else columns.written(train)
        more = len(every_row.test) > len(encoded)
        judged_on = every_row.at_most(MORE * max_rows, model, seed) if more else _Judged.of(result, written)
        _table(result, columns, judged_on, values, {name: (one, others[name]) for name, one in (rivals or {}).items()})
    own = {name for name in result.log_probs if name.startswith(OURS)}
    result.answers = trust.answers(
        result.classifier, result.copies, result.log_probs, own, result.standing, result.columns
    )
    result.calibration = conditions.calibrated(model, test, y, seed)
    if result.calibration is not None:
        result.answers.append(conditions.answer(result.calibration))
    result.seconds = time.monotonic() - start
    return result


def _likelihood(result: Assessment, estimate: Estimate, method: Likelihood) -> None:
    _, monte_carlo = estimate.mean
    name = "bound" if isinstance(method, Bound) else "exact"
    label = f"{OURS}, {'lower bound' if name == 'bound' else 'exact'}"
    _record(result, name, label, estimate.log_prob.double().numpy())
    result.numbers[f"{name}_monte_carlo_se"] = Quantity(monte_carlo, 0.0, "nats per row")
    for part, nats in estimate.parts.items():
        result.numbers[f"{name}_part_{part}"] = Quantity(*_over_rows(nats.double().numpy()), "nats per row")
    result.descriptions[label] = f"{estimate.method}, Monte Carlo error {monte_carlo:.2g} nats per row"


def _baselines(result: Assessment, known: Encoded, rows: Any, rng: torch.Generator) -> None:
    schema = result.model.schema_
    if len(schema.factors) - bool(schema.missing) != 1:
        return
    if result.has_holes or known.known is not None:
        return warn("the baselines of the likelihood know whole rows alone, so there are none where data have holes")
    (factor,) = schema.factors.values()
    with progress("fitting the baselines", result.model.progress) as update:
        fits = baselines(factor, known.all(rng)[0], rows, result.seed % 2**32)  # as scikit-learn has them
        for index, (label, description, log_prob) in enumerate(fits):
            _record(result, label.lower().replace(" ", "_"), label, log_prob + schema.log_volume)
            result.descriptions[label] = description
            update(min(1.0, (index + 1) / 3), label)


def _record(result: Assessment, name: str, label: str, log_prob: Floats) -> None:
    mean, error = _over_rows(log_prob)
    result.numbers[f"{name}_nats_per_row"] = Quantity(mean, error, "nats per row")
    if result.model.schema_.numbers is not None and not result.has_holes:
        count = _tree.numel_per_row(result.test.x)
        bits, spread = bits_per_dimension(mean, count), bits_per_dimension(-error, count)
        result.numbers[f"{name}_bits_per_dim"] = Quantity(bits, spread, "bits per dimension")
    result.likelihoods[label], result.log_probs[label] = (mean, error), log_prob


def _over_rows(nats: Floats) -> tuple[float, float]:
    return float(nats.mean()), float(nats.std() / len(nats) ** 0.5)


def _two_samples(result: Assessment) -> None:
    from unnoise.evaluation import classifier_test, energy_distance, memorisation

    test = result.features(result.test.x, result.known.test)
    samples = result.features(result.model.schema_.round_trip(result.samples), result.known.samples)
    result.classifier = found = classifier_test(test, samples)
    result.numbers["c2st_accuracy"] = Quantity(found.accuracy, found.standard_error)
    result.numbers["c2st_p_value"] = Quantity(found.p_value)
    result.descriptions["c2st"] = found.description
    distance = energy_distance(test, samples)
    result.numbers["energy_distance"] = Quantity(distance.value, distance.standard_error)
    result.numbers["energy_distance_floor"] = Quantity(distance.floor)
    if result.train is not None:
        result.copies = copies = memorisation(samples, test, result.features(result.train.x, result.train.known))
        result.numbers["copying_ratio"] = Quantity(copies.ratio, copies.ratio_se)
        result.numbers["copying_near_share"] = Quantity(copies.near_share)
        result.numbers["copying_near_share_held_out"] = Quantity(copies.held_out_near_share)


@dataclass(frozen=True, eq=False)
class _Judged:
    """Rows of a table, and as many samples: more than likelihoods are worth, as trees tell little from few.

    Args:
        test: held-out rows.
        written: their columns, as they are written.
        cond: their conditions.
        samples: states, None before they are drawn.
        known: which cells of both are known.
    """

    test: Encoded
    written: Mapping[str, Any]
    cond: Any = None
    samples: Any = None
    known: Known = Known(None, None)

    @classmethod
    def of(cls, result: Assessment, written: Mapping[str, Any]) -> _Judged:
        """What is assessed besides."""
        return cls(result.test, written, result.conditions, result.samples, result.known)

    def at_most(self, most: int, model: DenoisingMarkovModel, seed: int) -> _Judged:
        """So many of the rows, chosen at random, and as many new samples."""
        rng = generator(seed)
        chosen = torch.randperm(len(self.test), generator=rng)[:most].sort().values
        test = self.test.rows(chosen)
        _, cond = test.all(rng)
        samples = holes.sampled(model, test, cond, rng)
        known = holes.known(model.schema_, test, samples)
        written = {name: values[chosen.numpy()] for name, values in self.written.items()}
        return _Judged(test, written, cond, samples, known)


def _table(
    result: Assessment,
    columns: JudgedColumns,
    judged_on: _Judged,
    written_train: Mapping[str, Any] | None,
    others: Mapping[str, tuple[DenoisingMarkovModel, Encoded]],
) -> None:
    """What trees, margins and pairs say of samples, and of those of rivals; rows as they are written, not as states."""
    known, values = result.train, result.model.schema_.values(judged_on.samples, generator(result.seed))
    test = columns.rows(judged_on.test.x, judged_on.known.test, judged_on.cond, judged_on.written)
    samples = columns.rows(judged_on.samples, judged_on.known.samples, judged_on.cond, values)
    train = None if known is None else columns.rows(known.x, known.known, known.cond, written_train)
    result.columns, result.tables = columns, (test, samples)
    more: dict[str, Any] = {"names": columns.names, "categorical": columns.categorical, "seed": result.seed % 2**31}
    ours = next(iter(result.log_probs.values()))
    result.standing = judged(samples, test, train, classifier=result.classifier, log_prob=ours, **more)
    _record_standing(result, result.standing)
    rivals: list[Rival] = [OtherModel(name, model, columns, rows) for name, (model, rows) in others.items()]
    rivals += [] if train is None else rivals_of(train, more["seed"])
    with progress("judging the rivals", result.model.progress) as update:
        for index, rival in enumerate(rivals):
            drawn, log_prob = rival.sample(len(test), more["seed"]), rival.score_samples()
            if len(drawn) >= FEWEST_ROWS:
                result.rivals[rival.name] = judged(drawn, test, train, log_prob=log_prob, **more)
                result.descriptions[rival.name] = rival.description
            if log_prob is not None:
                result.log_probs[rival.name] = log_prob
            update((index + 1) / len(rivals), rival.name)


def _record_standing(result: Assessment, found: Standing) -> None:
    numbers, copying = result.numbers, found.copying
    numbers["trees_auc"] = Quantity(found.trees.auc, found.trees.standard_error)
    numbers["trees_p_value"] = Quantity(found.trees.p_value)
    result.descriptions["trees"] = found.trees.description
    worst_ones: dict[str, MarginDistance | PairDistance] = {"margin": found.margins[0]}
    if found.pairs:
        worst_ones["pair"] = found.pairs[0]
    for name, worst in worst_ones.items():
        numbers[f"worst_{name}"] = Quantity(worst.distance)
        numbers[f"worst_{name}_chance"] = Quantity(worst.chance)
        numbers[f"worst_{name}_p_value"] = Quantity(worst.p_value)
    if copying is not None:
        numbers["copying_mixed_ratio"] = Quantity(copying.ratio)
        numbers["copying_nearer_train"] = Quantity(copying.nearer_train, copying.nearer_train_se)
        for name in ("duplicates", "rare"):
            numbers[f"copying_{name}"] = Quantity(getattr(copying, name))
            numbers[f"copying_{name}_held_out"] = Quantity(getattr(copying, f"held_out_{name}"))


def _summed(one: Standing) -> dict[str, Any]:
    """How a rival stands, in its worst numbers."""
    found = {"trees_auc": one.trees.auc, "trees_p_value": one.trees.p_value, "c2st_accuracy": one.classifier.accuracy}
    found |= {"c2st_p_value": one.classifier.p_value, "worst_margin": one.margins[0].distance}
    pair = one.pairs[0].distance if one.pairs else None
    ratio = None if one.copying is None else one.copying.ratio
    log_prob = None if one.log_prob is None else one.log_prob[0]
    return {**found, "worst_pair": pair, "copying_mixed_ratio": ratio, "nats_per_row": log_prob}
