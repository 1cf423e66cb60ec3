"""Can I trust it? One number and one sentence a question, and whether the answer is good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import ClassifierTest, Copying, MarginDistance, Memorisation, PairDistance, TreesTest
from unnoise.report.rivals import Floats, Standing

LEVEL = 0.005  # p-value from which an answer is bad: so often a perfect model gets one


@dataclass(frozen=True)
class Answer:
    """The answer to a question.

    Attributes:
        key: a word for it.
        question: in words.
        number: the number that answers it, in words.
        sentence: what it means.
        good: whether one can trust the model in this; None if it was not checked.
    """

    key: str
    question: str
    number: str
    sentence: str
    good: bool | None


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


def margin(found: tuple[MarginDistance, ...], columns: JudgedColumns) -> Answer:
    """Whether each column is distributed as in the data."""
    worst = found[0]
    bad = [one for one in found if one.p_value <= LEVEL]
    number = f"{worst.name}: {worst.distance:.3g} (chance {worst.chance:.2g})"
    if not bad:
        sentence = "No column differs by more than chance; the worst is named."
    else:
        atom = "" if worst.value is None else f", {atom_words(worst, columns)}"
        sentence = f"{len(bad)} of {len(found)} columns differ by more than chance{atom}."
    return Answer("margins", "Is each column as in the data?", number, sentence, not bad)


def pair(found: tuple[PairDistance, ...]) -> Answer:
    """Whether columns hang together as in the data."""
    worst = found[0]
    bad = sum(one.p_value <= LEVEL for one in found)
    number = f"{worst.first}, {worst.second}: {worst.distance:.3g} (chance {worst.chance:.2g})"
    sentence = "No pair of columns differs by more than chance; the worst is named."
    if bad:
        sentence = f"{bad} of {len(found)} pairs of columns differ by more than chance{_correlations(worst)}."
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


def copies(found: Copying | None, near: Memorisation | None) -> Answer:
    """Whether samples are copies of the training rows, or tell who was among them."""
    question = "Are samples new, no copies of training rows?"
    if found is not None:
        reasons = list(_reasons(found))
        number = f"duplicates {100 * found.duplicates:.2g} % (held-out {100 * found.held_out_duplicates:.2g} %)"
        if np.isfinite(found.ratio):  # else most held-out rows repeat training rows
            number = f"distance ratio {found.ratio:.3g}, {number}"
        sentence = (
            f"Samples repeat training rows no more often than held-out rows do, and {100 * found.nearer_train:.0f} % "
            "lie nearer to a training row than to a held-out row, no more than chance."
        )
        return Answer("copies", question, number, "; ".join(reasons) + "." if reasons else sentence, not reasons)
    if near is None:
        return Answer("copies", question, "not checked", "Without the training rows nobody knows: give --train.", None)
    n, m = len(near.sample_distances), len(near.held_out_distances)
    more = _more(near.near_share, n, near.held_out_near_share, m)
    sentence = (
        f"{100 * near.near_share:.2g} % of samples are as near to a training row as the nearest "
        f"{100 * near.held_out_near_share:.2g} % of held-out rows."
    )
    return Answer("copies", question, f"distance ratio {near.ratio:.3g}", sentence, not more)


def _reasons(found: Copying) -> Iterator[str]:
    """What says that samples are copies."""
    from scipy.special import ndtr

    n, m = found.rows
    if _more(found.duplicates, n, found.held_out_duplicates, m):
        yield (
            f"{100 * found.duplicates:.2g} % of samples repeat a training row, of held-out rows "
            f"{100 * found.held_out_duplicates:.2g} %"
        )
    excess = found.nearer_train - 0.5
    if excess > 0 and (found.nearer_train_se == 0 or ndtr(-excess / found.nearer_train_se) <= LEVEL):
        yield (
            f"{100 * found.nearer_train:.0f} % of samples lie nearer to a training row than to a held-out row, "
            "so they tell who was in the training data"
        )
    if _more(found.rare, n, found.held_out_rare, m):
        yield (
            f"{100 * found.rare:.2g} % of samples have a level that fewer than 3 training rows have, of held-out rows "
            f"{100 * found.held_out_rare:.2g} %"
        )


def _more(share: float, n: int, usual: float, m: int) -> bool:
    """Whether a share is larger than the usual one, by Fisher's exact test."""
    from scipy.stats import hypergeom

    ours, theirs = round(share * n), round(usual * m)
    return bool(hypergeom.sf(ours - 1, n + m, ours + theirs, n) <= LEVEL)


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
        "margin": one.margins[0].p_value > LEVEL,
        "pair": not one.pairs or one.pairs[0].p_value > LEVEL,
    }
    return found | ({} if one.copying is None else {"copying": not any(_reasons(one.copying))})


def answers(
    classifier: ClassifierTest | None,
    near: Memorisation | None,
    log_probs: Mapping[str, Floats],
    own: set[str],
    standing: Standing | None,
    columns: JudgedColumns | None,
) -> list[Answer]:
    """The answers to all questions; of data that are no table, those that can be asked."""
    found = []
    if classifier is not None:
        found.append(telling(classifier, None if standing is None else standing.trees))
    if standing is not None and columns is not None:
        found.append(margin(standing.margins, columns))
        found += [pair(standing.pairs)] if standing.pairs else []
    return [*found, copies(None if standing is None else standing.copying, near), likelihood(log_probs, own)]
