"""How to go on: what to do next, why, and the command for it, from what was measured."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unnoise.report import trust
from unnoise.report.answer import FEWEST, LEVEL, REPEATED
from unnoise.report.training import ending_of

if TYPE_CHECKING:
    from unnoise.evaluation import MarginDistance
    from unnoise.report.measured import Assessment

MOST_LEVELS = 20  # whole numbers of a column, up to which they may be levels in an order
MOST_KINDS = 4  # columns that get an advice


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes:
        key: a word for it.
        what: to do.
        why: what was measured.
        command: to type; empty if there is none.
    """

    key: str
    what: str
    why: str
    command: str = ""


@dataclass(frozen=True)
class Names:
    """How commands call the files; by default in words to be replaced.

    Args:
        model: the folder of the model.
        data: the rows that were held out.
        train: the training rows.
        better: a folder for another model.
        fit: the command that fits the model, where it is none of `unnoise fit`.
        data_options: the options that say how the rows that were held out are read, as ("--sheet", "May").
        train_options: those that say it of the training rows.
    """

    model: str = "MODEL"
    data: str = "HELD_OUT"
    train: str = "TRAIN"
    better: str = "BETTER"
    fit: str = ""
    data_options: tuple[str, ...] = ()
    train_options: tuple[str, ...] = ()


_OFFERED = {
    "--constraint": ("rule", "Keep what holds between columns."),
    "--column": ("kind", "Say what columns are."),
}


def advice(found: Assessment, names: Names = Names()) -> list[Advice]:
    """What to do next, the most urgent first; to use the model if there is nothing to mend."""
    wrong = {one.key for one in found.answers if one.good is False}
    told = [
        *_not_held_out(found, names),
        *_longer(found, names, wrong),
        *_kinds(found, names),
        *_rules(found, names),
        *_more_rows(found, names, wrong),
        *_unmeasured(found, names),
    ]
    if not wrong:
        draw = _line("unnoise", "sample", names.model, "-n", "1000", "-o", "new.csv")
        use = Advice("use", "Use it.", _praise(found), draw)
        told = [*told, use] if any(one.good is None for one in found.answers) else [use, *told]
    return told


def refit(found: Assessment, names: Names, *options: str, kinds: Mapping[str, str] | None = None) -> str:
    """The command that fits another model like this one, with other options, or other kinds of columns."""
    model = found.model
    if names.fit:
        return " ".join([names.fit, shlex.join(options)])
    said = {**(model.kinds or {}), **(kinds or {})}
    columns = model.schema_.feature_names or ()
    given = [name for name in model.schema_.conditions if name in columns]
    rules = [model.constraints] if isinstance(model.constraints, str) else model.constraints or ()
    words = ["unnoise", "fit", names.train, *names.train_options, "-o", names.better]
    words += [word for name, kind in said.items() for word in ("--column", f"{name}={kind}")]
    words += ["--condition", ",".join(given)] if given else []
    words += ["--labels", "LABELS"] if len(given) < len(model.schema_.conditions) else []
    words += [word for rule in rules for word in ("--constraint", rule)]
    return _line(*words, *options)


def _longer(found: Assessment, names: Names, wrong: set[str]) -> Iterator[Advice]:
    """More training, if that can help; no more of it, if it cannot."""
    model, ending = found.model, ending_of(found.model)
    if model.quick:
        if wrong - {"copies"}:
            yield Advice("network", "Train a network.", "This is a quick model, a mixture.", refit(found, names))
        return
    if ending.falling and wrong - {"copies"}:
        options = [] if ending.by_time else ["--steps", str(3 * len(model.losses_))]
        options += [] if model.time_limit is None else ["--time", _time(3 * model.time_limit)]
        more = names.fit or _line("unnoise", "fit", names.train, *names.train_options, "-o", names.model, "--resume")
        yield Advice("longer", "Train longer.", ending.words, f"{more} {shlex.join(options)}")
    elif ending.unseen and wrong:
        why = "No rows were held out while training, so nobody knows whether it was long enough."
        yield Advice("validate", "Hold out rows while training.", why, refit(found, names, "--validation", "0.1"))
    elif wrong & {"likelihood", "classifiers", "margins", "pairs"}:
        yield Advice("enough", "Longer training does not help.", ending.words)
    if "likelihood" in wrong and "mixture" in found.rivals:
        why = "Held-out rows are likelier under a mixture, which is fitted in seconds."
        yield Advice("quick", "Or take the quick model.", why, refit(found, names, "--quick"))


def _kinds(found: Assessment, names: Names) -> Iterator[Advice]:
    """Another kind for columns that are off, if their values look like it."""
    if found.standing is None:
        return
    bad = [one for one in found.standing.margins if one.p_value <= LEVEL]
    for one in bad[:MOST_KINDS]:
        kind, why = _kind(found, one)
        if kind:
            what = f"Say that {one.name} is {kind}."
            yield Advice("kind", what, why, refit(found, names, kinds={one.name: kind}))


def _kind(found: Assessment, one: MarginDistance) -> tuple[str, str]:
    """A kind that suits the values of a column better than its own, and why; empty if there is none."""
    schema, columns = found.model.schema_, found.columns
    if columns is None or found.tables is None or one.categorical:
        return "", ""
    kind = next((f.kind for f in schema.factors.values() if one.name in f.columns), "")
    values = found.tables[0][:, columns.names.index(one.name)]
    seen = np.unique(values[~np.isnan(values)])
    off = f"Its share of samples is off ({trust.atom_words(one, columns)})" if one.value is not None else "It is off"
    if not len(seen) or kind not in ("numbers", "number", "count"):
        return "", ""
    whole = bool(np.all(seen == np.round(seen)))
    if kind != "number" and one.value is not None:
        return "number", f"{off}, and a kind without noise on its values keeps the shares of single ones."
    low, high = float(seen[0]), float(seen[-1])
    if not whole and _turns(low, high):
        return "degrees", f"{off}, and its values from {low:.4g} to {high:.4g} may be angles, whose ends meet."
    if whole and len(seen) <= MOST_LEVELS:
        return "ordered", f"{off}, and it has {len(seen)} whole numbers alone, as grades have."
    return "", ""


def _turns(low: float, high: float) -> bool:
    """Whether values fill a whole turn in degrees."""
    return (-180.5 <= low < -170 and 170 < high <= 180.5) or (-0.5 <= low < 10 and 350 < high <= 360.5)


def _rules(found: Assessment, names: Names) -> Iterator[Advice]:
    """What holds in all training rows and the model does not keep, and what numbers look like."""
    for sentence in found.offers[:MOST_KINDS]:
        said = re.search(r": [^:]*(--constraint|--column) (.+)$", sentence)
        if said:
            key, what = _OFFERED[said.group(1)]
            again = refit(found, names, said.group(1), *shlex.split(said.group(2)))
            yield Advice(key, what, f"{sentence[: said.start()]}.", again)


def _more_rows(found: Assessment, names: Names, wrong: set[str]) -> Iterator[Advice]:
    ending = ending_of(found.model)
    if "copies" in wrong:
        why = "Samples repeat training rows, or lie nearer to them than chance: so few rows are learnt by heart."
        again = refit(found, names, "--validation", "0.2")
        yield Advice("rows", "Give more rows, and hold out more of them.", why, again)
    elif ending.early and wrong:
        why = f"{ending.words} A network that stops helping so soon has learnt its rows by heart."
        yield Advice("rows", "Give more rows.", why)


def _not_held_out(found: Assessment, names: Names) -> Iterator[Advice]:
    if found.repeated > REPEATED:
        why = f"{100 * found.repeated:.0f} % of these rows are training rows, on which every model looks good."
        yield Advice("held out", "Measure on rows that were held out.", why, _evaluate("OTHERS", names))


def _unmeasured(found: Assessment, names: Names) -> Iterator[Advice]:
    open_ones = {one.key for one in found.answers if one.good is None}
    if found.train is None and open_ones & {"copies", "likelihood"}:
        why = "Without the training rows there are no rivals, and nobody can know of copies."
        yield Advice("train", "Give the training rows too.", why, _evaluate(names.data, names))
    rows = len(found.test) if found.tables is None else len(found.tables[0])
    if rows < FEWEST:
        why = f"{rows:,} held-out rows show only great faults; {FEWEST} or more show small ones."
        yield Advice("test", "Measure on more rows.", why, _evaluate("MORE_HELD_OUT", names))


def _evaluate(data: str, names: Names) -> str:
    said = names.data_options if data == names.data else names.train_options
    return _line("unnoise", "evaluate", names.model, data, "--train", names.train, *said, "--report", "report.html")


def _praise(found: Assessment) -> str:
    left = sum(one.good is not True for one in found.answers)
    some = f"; {left} of {len(found.answers)} questions are open" if left else ""
    return f"Nothing that was measured is wrong{some}."


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f}m" if seconds >= 120 else f"{seconds:.0f}s"


def _line(*words: str) -> str:
    return shlex.join(words)
