"""Samples of a table beside held-out rows and beside those of rivals, and what of it goes into an assessment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from unnoise._progress import progress
from unnoise._seeding import generator
from unnoise.data import Encoded
from unnoise.data.offering import offered_by
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import MarginDistance, PairDistance, differing_regions
from unnoise.model import DenoisingMarkovModel
from unnoise.report import holes, trust
from unnoise.report.copies import repeated
from unnoise.report.holes import Known
from unnoise.report.measured import Assessment, Quantity
from unnoise.report.rivals import OtherModel, Rival, Standing, judged, rivals_of

FEWEST_ROWS = 10
FEWEST_FOR_REGIONS = 20


@dataclass(frozen=True, eq=False)
class Judged:
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
    def of(cls, result: Assessment, written: Mapping[str, Any]) -> Judged:
        """What is assessed besides."""
        return cls(result.test, written, result.conditions, result.samples, result.known)

    def at_most(self, most: int, model: DenoisingMarkovModel, seed: int) -> Judged:
        """So many of the rows, chosen at random, and as many new samples."""
        rng = generator(seed)
        chosen = torch.randperm(len(self.test), generator=rng)[:most].sort().values
        test = self.test.rows(chosen)
        _, cond = test.all(rng)
        samples = holes.sampled(model, test, cond, rng)
        known = holes.known(model.schema_, test, samples)
        written = {name: values[chosen.numpy()] for name, values in self.written.items()}
        return Judged(test, written, cond, samples, known)


def judge_table(
    result: Assessment,
    columns: JudgedColumns,
    judged_on: Judged,
    train_data: Any,
    others: Mapping[str, tuple[DenoisingMarkovModel, Encoded]],
) -> None:
    """What trees, margins, pairs and regions say of samples, and of those of rivals; rows as written, not as states."""
    written_train = None if train_data is None else columns.written(train_data)
    known, values = result.train, result.model.schema_.values(judged_on.samples, generator(result.seed))
    test = columns.rows(judged_on.test.x, judged_on.known.test, judged_on.cond, judged_on.written)
    samples = columns.rows(judged_on.samples, judged_on.known.samples, judged_on.cond, values)
    train = None if known is None else columns.rows(known.x, known.known, known.cond, written_train)
    result.columns, result.tables = columns, (test, samples)
    result.repeated = 0.0 if train is None else repeated(test, train)
    more: dict[str, Any] = {"names": columns.names, "categorical": columns.categorical, "seed": result.seed % 2**31}
    ours = next(iter(result.log_probs.values()))
    result.standing = judged(samples, test, train, classifier=result.classifier, log_prob=ours, **more)
    _record_standing(result, result.standing)
    if len(test) >= FEWEST_FOR_REGIONS:
        result.regions = differing_regions(test, samples, **more)
    named = result.model.schema_.feature_names is not None and train_data is not None
    if named and not trust.believable(result.standing)["pair"]:
        result.offers = offered_by(result.model.schema_, result.model.schema_.selected(train_data))
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
