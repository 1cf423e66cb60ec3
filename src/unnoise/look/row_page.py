"""The page of a row of one's own: how likely it is, and what in it is surprising."""

from __future__ import annotations

import csv
import io
from typing import Any

from unnoise._errors import InputError, NonFiniteError
from unnoise.data.containers import Table
from unnoise.look import saying
from unnoise.look.asking import inquiry
from unnoise.look.judging import OWN, JudgedRow, OwnRow, frame_of, judged, own_row
from unnoise.look.pages import Visit, hidden, listing, render, sentence

SURPRISING = 0.05  # of draws are as unusual, or fewer


def page(look: Visit) -> str:
    """The page as HTML."""
    answers, start, seed = look.answers, look.number("row", 0, 0, 10**9), look.number("seed", 0, 0, 2**31)
    row = own_row(answers, look.about, look.fields, start)
    outside = {name: one for name, one in look.about.items() if name not in row.columns}
    asked = inquiry(answers.schema, outside, look.fields)
    ranked, most = bool(look.one("rank")), look.number("surprise", 0)
    result, fault = None, "Mend what is marked, and the answer comes." if row.faults or asked.faults else ""
    if not fault:
        try:
            y = conditions_of(look, asked.given, start)
            result = judged(answers, look.about, row, y, seed, ranked=ranked, most=most, beside=(start, asked.key))
        except (InputError, NonFiniteError) as error:
            fault = sentence(InputError(str(error)))
    found = listing(look.about, look.one("find"), [name for name in row.texts if row.texts[name] != row.base[name]])
    written = [one for one in found.found if one.name in row.columns and not one.whole]
    shown = [one.name for one in written]
    return render(
        "row.html",
        look,
        row=row,
        start=start,
        seed=seed,
        outside=list(outside.values()),
        asked=asked,
        listed=found,
        written=written,
        kept=list(hidden(look.fields, shown, [OWN])),
        result=result,
        surprising=SURPRISING,
        fault=fault,
        more="" if result is None else _more(look, result, ranked),
        has_data=answers.data is not None,
        count=0 if answers.data is None else len(answers.data),
        command=_command(look, row),
        python=_python(look, row, result),
        clear=look.address(**{name: None for name in look.fields if name.startswith(OWN)}),
        again=look.address(row=start + 1, **{name: None for name in look.fields if name.startswith(OWN)}),
    )


def _more(look: Visit, result: JudgedRow, ranked: bool) -> str:
    """Where the same is with more cells, and then with a rank; "" where nothing is left to look at."""
    if result.next:
        return look.address(surprise=result.next)
    return "" if ranked or result.rank is not None else look.address(rank=1)


def conditions_of(look: Visit, given: Any, start: int) -> Any:
    """Conditions beside the row: those that were chosen, else those of the row of the data."""
    schema, answers = look.answers.schema, look.answers
    outside = [name for name in schema.conditions if name not in schema.container.columns]
    if not outside:
        return None
    if given:
        return {name: [given[name]] for name in outside if name in given}
    if answers.y is not None and answers.data is not None:
        return answers.conditions_of_data(slice(start % len(answers.data), start % len(answers.data) + 1))
    examples = {name: getattr(schema.conditions[name], "example", None) for name in outside}
    return {name: [value] for name, value in examples.items()}


def _command(look: Visit, row: OwnRow) -> str:
    """The row as a file, and its score; nothing for rows of arrays."""
    if any(one.whole for one in look.about.values()):
        return ""
    with io.StringIO() as stream:
        csv.writer(stream, lineterminator="\n").writerows([list(row.texts), list(row.texts.values())])
        head, line = stream.getvalue().rstrip("\n").split("\n", 1)
    score = saying.command("unnoise", "score", look.model, "row.csv", "-o", "score.csv")
    return f"printf '%s\\n' {saying.command(head, line)} > row.csv\n{score}"


def _python(look: Visit, row: OwnRow, result: JudgedRow | None) -> str:
    schema, lines = look.answers.schema, [saying.opening(look.model)]
    if any(one.whole for one in look.about.values()):
        return "\n".join([*lines, "rows = ...  # an array of the shape that was fitted", "model.score_samples(rows)"])
    values = {name: _plainly(look, row, name) for name in schema.container.columns}
    if isinstance(schema.container, Table):
        library = type(frame_of(look.answers, row)).__module__.split(".")[0]
        frame = saying.literal({name: [value] for name, value in values.items()})
        lines += [f"import {library}\n", f"row = {library}.DataFrame({frame})"]
    else:
        lines += ["import numpy\n", f"row = numpy.array([{list(values.values())}], dtype=float)"]
    lines.append("model.score_samples(row)  # log p, nats")
    if result is not None and result.cells:
        first = result.cells[0].names
        others = [name for name in schema.columns_of_state if name not in first]
        lines.append("# the most surprising cell")
        lines.append(f"model.score_samples(row, of={list(first)!r}, given={others!r})")
    return "\n".join(lines)


def _plainly(look: Visit, row: OwnRow, name: str) -> Any:
    """A value as it is written in Python: dates as texts."""
    if not row.present[name]:
        return None
    (value,) = row.columns[name].tolist()
    return (look.answers.schema.word(name, value) if isinstance(value, int | float) else None) or value
