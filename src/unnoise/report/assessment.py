"""A model on held-out data: its likelihood beside baselines, its samples beside data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted

from unnoise import _tree
from unnoise._errors import InputError, warn
from unnoise._progress import progress
from unnoise._seeding import generator
from unnoise.data import Encoded
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import Bound, Estimate, Likelihood
from unnoise.evaluation.bits import bits_per_dimension
from unnoise.model import DenoisingMarkovModel
from unnoise.report import conditions, holes, trust
from unnoise.report.baselines import baselines
from unnoise.report.conditionals import strongest
from unnoise.report.copies import repeated
from unnoise.report.judging import FEWEST_ROWS, Judged, judge_table
from unnoise.report.measured import Assessment as Assessment
from unnoise.report.measured import Quantity as Quantity
from unnoise.report.rivals import Floats

MOST_ROWS = 1000  # test rows, by default
MORE = 10  # times as many rows of a table are judged: trees tell little from few, and cost little
OURS = "unnoise"


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
    every_row = Judged(encoded, written)
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
        more = len(every_row.test) > len(encoded)
        judged_on = every_row.at_most(MORE * max_rows, model, seed) if more else Judged.of(result, written)
        also = {name: (one, others[name]) for name, one in (rivals or {}).items()}
        judge_table(result, columns, judged_on, train, also)
    result.pair = strongest(result)
    given = [] if schema.conditions or result.pair is None else [result.pair.given]
    result.calibration = conditions.calibrated(model, test, y, seed, given)
    result.answers = trust.answers(_evidence(result), conditions.answer(result.calibration))
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


def _evidence(result: Assessment) -> trust.Evidence:
    if result.classifier is None:
        raise TypeError("answers come after the classifier")
    own = {name for name in result.log_probs if name.startswith(OURS)}
    rows = len(result.test) if result.tables is None else len(result.tables[0])
    return trust.Evidence(
        result.log_probs,
        own,
        result.classifier,
        result.copies,
        result.standing,
        result.columns,
        result.rivals,
        rows,
        len(result.test),
        result.repeated,
    )


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
        train = result.features(result.train.x, result.train.known)
        result.copies = copies = memorisation(samples, test, train)
        result.repeated = repeated(test, train)
        result.numbers["copying_ratio"] = Quantity(copies.ratio, copies.ratio_se)
        result.numbers["copying_near_share"] = Quantity(copies.near_share)
        result.numbers["copying_near_share_held_out"] = Quantity(copies.held_out_near_share)
