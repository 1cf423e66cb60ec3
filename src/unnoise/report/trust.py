"""Can I trust it? A sentence and a number a question, beside those of rivals, and whether the answer is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import (
    ClassifierTest,
    MarginDistance,
    Memorisation,
    PairDistance,
    RegionCondition,
    TableRegion,
    TreesTest,
)
from unnoise.report import copies
from unnoise.report.answer import LEVEL, Answer
from unnoise.report.rivals import Floats, Standing

NAMED = 4  # rivals


def telling(classifier: ClassifierTest, trees: TreesTest | None) -> Answer:
    """Whether any classifier tells samples from data; "cannot tell" takes all of them."""
    tells = [f"MLP, p = {classifier.p_value:.2g}"] if classifier.p_value <= LEVEL else []
    number = f"MLP accuracy {classifier.accuracy:.3g}"
    if trees is not None:
        tells = ([f"trees, p = {trees.p_value:.2g}"] if trees.p_value <= LEVEL else []) + tells
        number = f"trees AUC {trees.auc:.3g}, {number}"
    who = "An MLP cannot" if trees is None else "Neither trees nor an MLP can"
    cannot = f"{who} tell samples from {classifier.rows:,} held-out rows; 0.5 is chance."
    sentence = f"Samples are told from held-out rows by {' and by '.join(tells)}; 0.5 is chance." if tells else cannot
    return Answer("classifiers", "Are samples like data to every classifier?", number, sentence, not tells)


def _by_chance(worst: MarginDistance | PairDistance) -> str:
    """Chance is a mean, so it says little without the p-value."""
    return f"by chance {worst.chance:.2g} on average, p = {worst.p_value:.2g}"


def margin(found: tuple[MarginDistance, ...], columns: JudgedColumns) -> Answer:
    """Whether each column is distributed as in the data."""
    bad = [one for one in found if one.p_value <= LEVEL]
    worst = bad[0] if bad else found[0]
    number = f"{worst.name}: {worst.distance:.3g} ({_by_chance(worst)})"
    if not bad:
        sentence = "No column differs by more than chance; the worst is named."
    else:
        atom = "" if worst.value is None else f", {atom_words(worst, columns)}"
        sentence = f"{len(bad)} of {len(found)} columns differ by more than chance{atom}."
    return Answer("margins", "Is each column as in the data?", number, sentence, not bad)


def pair(found: tuple[PairDistance, ...]) -> Answer:
    """Whether columns hang together as in the data."""
    bad = [one for one in found if one.p_value <= LEVEL]
    worst = bad[0] if bad else found[0]
    number = f"{worst.first}, {worst.second}: {worst.distance:.3g} ({_by_chance(worst)})"
    sentence = "No pair of columns differs by more than chance; the worst is named."
    if bad:
        sentence = f"{len(bad)} of {len(found)} pairs of columns differ by more than chance{_correlations(worst)}."
    return Answer("pairs", "Do columns hang together as in the data?", number, sentence, not bad)


def _correlations(worst: PairDistance) -> str:
    if worst.correlations is None:
        return ""
    return f", correlation {worst.correlations[0]:.2f} in the data, {worst.correlations[1]:.2f} in the samples"


def atom_words(one: MarginDistance, columns: JudgedColumns) -> str:
    """The value that differs most: `gain = 0: .917 in the data, .444 in the samples`."""
    if one.value is None:
        return ""
    held, drawn = (f"{share:.3f}" for share in (one.share, one.share_of_samples))
    return f"{columns.words(one.name, one.value)}: {held} in the data, {drawn} in the samples"


def region_words(one: TableRegion, columns: JudgedColumns) -> str:
    """A region in words: `age above 60.5, sex not Male`.

    Args:
        one: the region.
        columns: of the table, with the words of levels.
    """
    return ", ".join(_condition_words(condition, columns) for condition in one.conditions)


def _condition_words(one: RegionCondition, columns: JudgedColumns) -> str:
    if one.level is not None:
        words = columns.words(one.name, one.level)
        return words if one.is_level else f"{one.name} not {words.removeprefix(one.name).removeprefix(' =').strip()}"
    low, high = ("" if bound is None else columns.number(one.name, bound) for bound in (one.low, one.high))
    if low and high:
        return f"{one.name} {low} to {high}"
    return f"{one.name} above {low}" if low else f"{one.name} up to {high}"


def likelihood(log_probs: Mapping[str, Floats], own: set[str]) -> Answer:
    """Whether held-out rows are at least as likely as under every rival, row by row.

    Args:
        log_probs: name -> log densities of the same rows; ours first.
        own: the names that are ours.
    """
    question = "Is held-out data as likely as under every rival?"
    ours, others = next(iter(log_probs)), [name for name in log_probs if name not in own]
    if not others:
        alone = f"{log_probs[ours].mean():.4g} nats per row"
        return Answer("likelihood", question, alone, "Not compared: no rival has a likelihood of such data here.", None)
    best = max(others, key=lambda name: float(log_probs[name].mean()))
    gaps = log_probs[ours] - log_probs[best]
    mean, error = float(gaps.mean()), float(gaps.std() / len(gaps) ** 0.5)
    good = mean >= -2 * error
    bound = " Ours is a lower bound." if "bound" in ours else ""
    side = "above" if mean >= 0 else "below"
    sentence = f"{ours} is {abs(mean):.3g} ± {error:.2g} nats per row {side} the best rival, {best}.{bound}"
    return Answer("likelihood", question, f"{mean:+.3g} nats per row", sentence, bool(np.isfinite(mean) and good))


def believable(one: Standing) -> dict[str, bool]:
    """Which measures of samples are within chance."""
    found = {
        "trees": one.trees.p_value > LEVEL,
        "classifier": one.classifier.p_value > LEVEL,
        "margin": all(margin.p_value > LEVEL for margin in one.margins),
        "pair": all(pair.p_value > LEVEL for pair in one.pairs),
    }
    return found | ({} if one.copying is None else {"copying": not any(copies.reasons(one.copying))})


@dataclass(frozen=True)
class Evidence:
    """What answers are made of.

    Attributes:
        log_probs: name -> log densities of the same rows; ours first.
        own: the names of these that are ours.
        classifier: the test by a multilayer perceptron.
        near: distances to the training rows, if there are any.
        standing: how samples of a table stand.
        columns: of the table.
        rivals: name -> how the samples of a simpler model stand.
        rows: that were held out and judged.
        scored: of these, whose likelihood was measured.
        repeated: the share of them that are training rows by more than chance.
    """

    log_probs: Mapping[str, Floats]
    own: set[str]
    classifier: ClassifierTest
    near: Memorisation | None
    standing: Standing | None
    columns: JudgedColumns | None
    rivals: Mapping[str, Standing]
    rows: int
    scored: int
    repeated: float = 0.0


def answers(found: Evidence, calibration: Answer) -> list[Answer]:
    """The answers to all questions, what matters most first; of data that are no table, those that can be asked."""
    standing, rivals = found.standing, found.rivals
    scored = {name: f"{log_prob.mean():.4g}" for name, log_prob in found.log_probs.items()}
    ratios = {name: one.copying.ratio for name, one in rivals.items() if one.copying is not None}
    told = {name: f"{one.trees.auc:.2f}" for name, one in rivals.items()}
    copied = {name: f"{ratio:.2f}" for name, ratio in ratios.items() if np.isfinite(ratio)}
    margins = {name: f"{one.margins[0].distance:.2g}" for name, one in rivals.items()}
    pairs = {name: f"{one.pairs[0].distance:.2g}" for name, one in rivals.items() if one.pairs}
    trees, copying = (None, None) if standing is None else (standing.trees, standing.copying)
    judged = [
        (likelihood(found.log_probs, found.own), _beside("nats per row", scored)),
        (telling(found.classifier, trees), _beside("trees AUC", told) or "chance: 0.5"),
        (calibration, ""),
        (copies.answer(copying, found.near), _beside("distance ratio", copied) or "as new as held-out rows: 1"),
    ]
    if standing is not None and found.columns is not None:
        judged.append((margin(standing.margins, found.columns), _beside("worst column", margins)))
        judged += [(pair(standing.pairs), _beside("worst pair", pairs))] if standing.pairs else []
    few = {"likelihood", "calibration"}  # of which fewer rows are scored
    return [
        replace(one, beside=beside or one.beside).measured_on(
            found.scored if one.key in few else found.rows, found.repeated
        )
        for one, beside in judged
    ]


def _beside(what: str, numbers: Mapping[str, str]) -> str:
    """The numbers of rivals in a line: `trees AUC: mixture 0.71, Gaussian copula 0.93`."""
    return f"{what}: {', '.join(f'{name} {words}' for name, words in list(numbers.items())[:NAMED])}" if numbers else ""
