"""How likely a row of one's own is, and which of its cells is the surprising one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, singledispatch
from typing import Any

import numpy as np
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.data import Encoded
from unnoise.data._numerics import Values
from unnoise.data.factors import AngleFactor, CategoryFactor, Factor
from unnoise.data.holes import Mask
from unnoise.evaluation import RandomOrders
from unnoise.evaluation.closed_form import own_likelihood
from unnoise.look.answers import Answers, ByColumn, quietly
from unnoise.look.asking import LONGEST, Fields, Inquiry, value_of
from unnoise.look.drawing import Word, percent
from unnoise.look.subjects import Subject, factors_of
from unnoise.model.masks import both, negated
from unnoise.model.questions import Rows, answered, every_cell
from unnoise.model.scoring import estimated_cells
from unnoise.model.ties import Ties
from unnoise.processes import is_masked, leaves
from unnoise.samplers import FirstHitting

Unusual = tuple[str, float | None]  # what is likely in place of a value, and the share of draws that are as far out

OWN = "v."  # before the name of a column, of a row of one's own
DRAWS = 99  # of each cell, given the rest of the row
COMPARED, AT_ONCE = 100, 25  # rows whose likelihoods the row's stands beside, in parts
OTHERS = ("others",)  # under which their likelihoods are kept
MANY, FEW_DRAWS = 40, 9  # cells, beyond which each has few draws at first
FEW_SITES = 64  # of a cell, which are drawn faster one by one; a number has two, a text one for each letter
GROWTH = 4  # of the number of cells that were looked at, from one answer to the next


@dataclass(frozen=True)
class OwnRow:
    """A row that a person wrote.

    Attributes:
        base: the texts of the row that it began as.
        texts: what it holds; "" where nothing is known.
        columns: one value each, whatever stands where there is none.
        present: whether there is one.
        faults: by column, what cannot be meant.
    """

    base: Mapping[str, str]
    texts: Mapping[str, str]
    columns: Mapping[str, Values]
    present: Mapping[str, bool]
    faults: Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """What the model says of a cell, given the rest of the row.

    Attributes:
        names: its columns.
        words: what stands there.
        log_prob: of it given the rest, nats.
        expected: what would be likely there.
        tail: the share of draws that are as unusual, or None where that means nothing.
    """

    names: tuple[str, ...]
    words: str
    log_prob: float
    expected: str
    tail: float | None


@dataclass(frozen=True)
class JudgedRow:
    """What the model says of a row.

    Attributes:
        log_prob: of all that is known of it, nats.
        standard_error: its Monte Carlo error.
        measure: the unit, in words.
        method: how it was computed, in words.
        rank: the share of other rows that are less likely, or None.
        cells: the most surprising first.
        count: how many there are, of which not all may have been looked at.
    """

    log_prob: float
    standard_error: float
    measure: str
    method: str
    rank: float | None
    cells: tuple[Cell, ...]
    count: int

    @property
    def next(self) -> int:
        """How many cells to look at then; 0 if these are all."""
        return 0 if len(self.cells) == self.count else max(MANY, GROWTH * len(self.cells))


def own_row(answers: Answers, about: Mapping[str, Subject], fields: Fields, start: int) -> OwnRow:
    """A row of the data, or a draw, with what a person wrote in place of some cells."""
    base = begun(answers, start)
    schema = answers.schema
    texts = {name: answers.words(name, base.columns[name])[0] if _there(base, name) else "" for name in base.columns}
    written = {name: next(iter(fields[OWN + name]))[:LONGEST].strip() for name in texts if fields.get(OWN + name)}
    changed = {name: text for name, text in written.items() if text != texts[name] and not about[name].whole}
    columns, present = dict(base.columns), {name: _there(base, name) for name in base.columns}
    faults: dict[str, str] = {}
    present |= {name: False for name, text in changed.items() if not text}
    told_ = {}
    for name, text in changed.items():
        if text:
            try:
                told_[name] = value_of(schema, about[name], text)
            except InputError as error:
                faults[name] = str(error)
    context = {name: base.columns[name][0] for name in schema.conditions if name in base.columns}
    for name in told_:
        group = {one: base.columns[one][0] for one in about[name].together if present[one]}
        group |= {one: told_[one] for one in about[name].together if one in told_}
        try:
            with quietly():
                said = schema.given(context | group, 1)
            columns[name], present[name] = said.columns[name][0], True
        except InputError as error:
            faults[name] = str(error)
    return OwnRow(texts, texts | changed, columns, present, faults)


def begun(answers: Answers, start: int, asked: Inquiry | None = None) -> ByColumn:
    """One row of the data; where there are none a draw given what is asked, by default examples of conditions."""
    if answers.data is not None:
        index = np.array([start % len(answers.data)])
        return answers.data.at(index)
    return answers.rows(asked or Inquiry(answers.examples, tuple(answers.examples)), 1, start)


def _there(row: ByColumn, name: str) -> bool:
    return bool(np.all(row.present[name][0])) if name in row.present else True


def frame_of(answers: Answers, row: OwnRow) -> Any:
    """The row in the form of the data."""
    missing: dict[str, Mask] = {name: np.ones(1, dtype=bool) for name, there in row.present.items() if not there}
    return answers.schema.container.join(row.columns, missing)


def judged(
    answers: Answers,
    about: Mapping[str, Subject],
    row: OwnRow,
    y: Any,
    seed: int,
    *,
    ranked: bool = True,
    most: int | None = None,
    beside: Hashable = None,
) -> JudgedRow:
    """What the model says of a row; its rank among others only if it is asked for, or they were scored before.

    Args:
        answers: the model.
        about: its columns.
        row: a row of one's own.
        y: the conditions beside it that are no columns, or None.
        seed: of what is drawn.
        ranked: whether other rows are scored, too.
        most: of many cells, how many are looked at, in the order of the columns; None for all.
        beside: what tells these conditions from others.

    Raises:
        InputError: nothing of it is known.
    """
    model, schema = answers.model, answers.schema
    key = (seed, beside, *row.texts.items())
    with quietly(), answers.stoppable():
        found = answers.kept(("row", *key), lambda: model.estimate(frame_of(answers, row), y, seed=seed))
        others = answers.kept(OTHERS, lambda: _others(answers)) if ranked else answers.known(OTHERS)
        groups = groups_of(answers, about, row) if answers.answers_questions else []
        are_many = len(groups) > MANY
        some = groups[:most] if are_many else groups
        cells = _cells(answers, row, y, seed, some, FEW_DRAWS if are_many else DRAWS, key)
        if are_many and len(cells) == len(groups):
            cells = answers.kept(("again", *key), lambda: _surer(answers, row, y, seed, cells))
    log_prob = float(found.log_prob[0])
    rank = None if others is None else float((others < log_prob).mean())
    error, count = float(found.standard_error[0]), len(groups)
    return JudgedRow(log_prob, error, schema.measure, found.method, rank, tuple(cells), count)


def _others(answers: Answers) -> Values | None:
    """The log-likelihoods of other rows, of the data if there are any; None where conditions are not at hand."""
    outside = [name for name in answers.schema.conditions if name not in answers.schema.container.columns]
    if outside and (answers.y is None or answers.data is None):
        return None
    rows, found = answers.beside(COMPARED).rows, []
    for start in range(0, min(COMPARED, len(rows)), AT_ONCE):
        answers.go_on()
        part = slice(start, min(start + AT_ONCE, COMPARED))
        found.append(answers.model.score_samples(rows[part], answers.conditions_of_data(part), seed=start))
    return np.concatenate(found)


def groups_of(answers: Answers, about: Mapping[str, Subject], row: OwnRow) -> list[tuple[str, ...]]:
    """The columns of each cell that can be judged: those that are there, or that could have been missing."""
    missing = set(answers.schema.missing)
    names = (name for name in answers.schema.columns_of_state if not about[name].whole)
    groups = dict.fromkeys(about[name].together for name in names)
    return [group for group in groups if all(row.present[name] for name in group) or set(group) <= missing]


def _cells(
    answers: Answers,
    row: OwnRow,
    y: Any,
    seed: int,
    groups: Sequence[tuple[str, ...]],
    draws: int,
    key: tuple[Hashable, ...],
) -> list[Cell]:
    """What is said of cells, the most surprising first; each is looked at once, in parts that grow."""
    found: list[Cell] = []
    while len(found) < len(groups):
        start, stop = len(found), min(max(MANY, GROWTH * len(found)), len(groups))
        part = _cells_of(answers, row, y, groups[start:stop], draws, seed)
        found += answers.kept(("cells", start, stop, *key), partial(list, part))
    return sorted(found, key=_surprise)


def _surer(answers: Answers, row: OwnRow, y: Any, seed: int, cells: Sequence[Cell]) -> list[Cell]:
    """With more draws of the most surprising."""
    again = _cells_of(answers, row, y, [cell.names for cell in cells[:MANY]], DRAWS, seed)
    return [*sorted(again, key=_surprise), *cells[MANY:]]


def _surprise(cell: Cell) -> tuple[float, float]:
    return (1.0 if cell.tail is None else cell.tail, cell.log_prob)


def _cells_of(
    answers: Answers, row: OwnRow, y: Any, groups: Sequence[tuple[str, ...]], draws: int, seed: int
) -> Iterator[Cell]:
    """Cells, those of one factor at a time; of missing ones the probability that they are."""
    of, one = factors_of(answers.schema), answers.schema.encode(frame_of(answers, row), y)
    by_factor: dict[Any, list[tuple[str, ...]]] = {}
    for names in groups:
        by_factor.setdefault((of[names[0]].columns, row.present[names[0]]), []).append(names)
    for (_, there), own in by_factor.items():
        encoded = one.rows(torch.zeros(len(own), dtype=torch.int64))
        likelihood = RandomOrders() if _one_by_one(answers, own) else None
        log_probs = estimated_cells(answers.model, encoded, own, generator(seed), likelihood).log_prob.tolist()
        if not there:
            for names, log_prob in zip(own, log_probs, strict=True):
                yield Cell(names, "missing", log_prob, "", float(np.exp(log_prob)))
            continue
        values = _drawn(answers, encoded, own, draws, seed)
        for i, (names, log_prob) in enumerate(zip(own, log_probs, strict=True)):
            words, (name, *others) = ", ".join(row.texts[name] for name in names), names
            likely = values[name][i * draws : (i + 1) * draws]
            expected: Unusual = ("", None)
            if not others:
                expected = unusual(of[name], row.columns[name][0], likely, partial(_word, answers, name))
            yield Cell(names, words, log_prob, *expected)


def _word(answers: Answers, name: str, value: float) -> str:
    return answers.words(name, np.array([value]))[0]


def _drawn(
    answers: Answers, encoded: Encoded, groups: Sequence[tuple[str, ...]], draws: int, seed: int
) -> dict[str, Values]:
    """Draws of other columns in each row, given all else that it says: one row after the other."""
    schema, n, rng = answers.schema, len(encoded), generator(seed)
    x, cond = encoded.all(rng)
    known = every_cell(schema, n) if encoded.known is None else encoded.known
    asked = _tree.map(lambda *rows: torch.stack(rows), *[schema.cells_with(names) for names in groups])
    rows = Rows(x, both(known, negated(asked)), cond).repeated(draws)
    every = _tree.map(lambda mask: mask.repeat_interleave(draws, 0), asked)
    sampler = FirstHitting if _one_by_one(answers, groups) else None
    return schema.values(answered(rows, every, Ties(schema), answers.model.asker(rng, sampler=sampler)).x, rng)


def _one_by_one(answers: Answers, groups: Sequence[tuple[str, ...]]) -> bool:
    """Whether cells are drawn and weighed exactly, by an evaluation for each of their few sites, all behind masks.

    By small steps, as all cells of a row are drawn, it would be some hundred evaluations, and a bound.
    """
    model, process = answers.model, answers.model.denoiser_.process
    own = model.sampler or model.likelihood or own_likelihood(model.denoiser_)
    schedules = {getattr(part, "schedule", None) for _, part, _ in leaves(process)}
    if own is not None or not is_masked(process) or len(schedules) > 1:
        return False
    counts = [sum(int(mask.sum()) for _, mask in _tree.leaves(answers.schema.cells(names))) for names in groups]
    return max(counts, default=0) <= FEW_SITES


def repeated(y: Any, n: int) -> Any:
    """The conditions of one row, which are no columns, for n rows."""
    if y is None:
        return None
    return {name: [part[0]] * n for name, part in y.items()} if isinstance(y, dict) else [y[0]] * n


@singledispatch
def unusual(factor: Factor, value: Any, draws: Values, words: Word) -> Unusual:
    """What is likely in place of a value, in words, and the share of draws that are as far out on either side."""
    if draws.dtype.kind not in "iuf":
        return "", None
    low, high = np.percentile(draws, [5, 95], method="nearest")
    below, above = (float((side.sum() + 1) / (len(draws) + 1)) for side in (draws <= value, draws >= value))
    ends = [words(float(end)) for end in (low, high)]
    likely = f"nearly always {ends[0]}" if ends[0] == ends[1] else f"nine of ten from {ends[0]} to {ends[1]}"
    return likely, min(1.0, 2 * min(below, above))


@unusual.register
def _level_unusual(factor: CategoryFactor, value: Any, draws: Values, words: Word) -> Unusual:
    """Levels are as unusual as those that are drawn as seldom."""
    counts = Counter(map(str, draws.tolist()))
    own = counts[str(value)]
    seldom = sum(count for count in counts.values() if count <= own)
    top = ", ".join(f"{level} {percent(count / len(draws))}" for level, count in counts.most_common(2))
    return top, (seldom + 1) / (len(draws) + 1)


@unusual.register
def _angle_unusual(factor: AngleFactor, value: Any, draws: Values, words: Word) -> Unusual:
    """Angles are as unusual as those that are as far from the middle of the draws, around the circle."""
    turn, start = factor.turn, factor.starts[0]
    middle = float(np.angle(np.exp(2j * np.pi * draws.astype(np.float64) / turn).mean()) * turn / (2 * np.pi))
    far, own = (np.abs(np.mod(one - middle + turn / 2, turn) - turn / 2) for one in (draws, np.float64(value)))
    around = start + float(np.mod(middle - start, turn))
    return f"around {words(around)}", float(((far >= own).sum() + 1) / (len(draws) + 1))
