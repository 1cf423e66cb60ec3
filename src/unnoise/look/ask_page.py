"""The first page: what is fixed, and what the model says of all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from unnoise._errors import InputError, NonFiniteError
from unnoise.look import saying, views
from unnoise.look.answers import FEWEST_ALIKE, ByColumn
from unnoise.look.asking import FROM, IS, MISSING, TO, Inquiry, inquiry, typed_of
from unnoise.look.drawing import ALIKE, DATA, MODEL, Plate
from unnoise.look.pages import Visit, hidden, listing, render, sentence
from unnoise.look.subjects import factors_of

ROWS = 1000  # that an answer comes to, where nothing else is said
MOST_ROWS = 20_000
GROWTH = 4  # from one look at an answer to the next
IN_TABLE = 12  # rows that are written out
MOST_SEEN = 24  # columns in pictures
MOST_COLUMNS = 40  # of a table


@dataclass(frozen=True)
class AnswerShown:
    """What the page shows of an inquiry.

    Attributes:
        rows: how many were drawn.
        panels: of each column.
        pair: of two.
        table: the first rows, as texts.
        notes: what the model warned of.
        fault: why there is no answer, or "".
        support: how many rows of the data are like this, where these are too few to be shown; else "".
        next: the address of the same with more rows, or "".
        key: the classes of the style sheet, and what they stand for.
    """

    rows: int = 0
    panels: tuple[Plate, ...] = ()
    pair: Plate | None = None
    table: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    fault: str = ""
    support: str = ""
    next: str = ""
    key: tuple[tuple[str, str], ...] = ()


def page(look: Visit) -> str:
    """The page as HTML."""
    asked = inquiry(look.answers.schema, look.about, look.fields)
    seen = seen_of(look, asked)
    x, y = pair_of(look, seen)
    answer = _answer(look, asked, seen, x, y)
    found = listing(look.about, look.one("find"), [*_fixed(look), *seen])
    shown = [subject.name for subject in found.found]
    prefixes = (IS, FROM, TO, MISSING)
    kept = list(hidden(look.fields, shown, prefixes)) + [("see", one) for one in seen if one not in shown]
    n, seed = rows_of(look)
    wanted = n or max(answer.rows, ROWS)
    return render(
        "ask.html",
        look,
        asked=asked,
        answer=answer,
        listed=found,
        typed={name: typed_of(look.fields, name) for name in shown},
        kept=kept,
        seen=seen,
        pair=(x, y),
        pairable=pairable(look, seen),
        rows=look.one("rows"),
        usual=ROWS,
        seed=seed,
        command=saying.sample_command(look.model, wanted, asked.words, seed, f"new.{suffixes(look)[0]}"),
        python=saying.sample_python(look.model, wanted, asked.given, seed),
        saves=[(suffix, look.address(f"save.{suffix}", rows=wanted, grow=None)) for suffix in suffixes(look)],
        wanted=wanted,
        order=tabled(look, [*seen, *asked.given]),
        total=len(look.answers.schema.container.columns),
        again=look.address(seed=seed + 1, grow=None),
        clear=look.root,
        all_=look.address(rows=ROWS, grow=None),
    )


def rows_of(look: Visit) -> tuple[int, int]:
    """How many rows are wanted, 0 where that is left open, and the seed."""
    return look.number("rows", 0, 0, MOST_ROWS), look.number("seed", 0, 0, 2**31)


def suffixes(look: Visit) -> tuple[str, ...]:
    """The files that rows can be saved as."""
    return ("csv", "parquet") if not any(subject.whole for subject in look.about.values()) else ("npy",)


def seen_of(look: Visit, asked: Inquiry) -> list[str]:
    """The columns to show: those that are ticked, else the first that are open."""
    chosen = [name for name in look.about if name in set(look.fields.get("see", ()))]
    inside = look.answers.schema.container.columns
    chosen = [name for name in chosen if name in inside][:MOST_SEEN]
    return chosen or views.default_seen(look.about, list(asked.given))


def pairable(look: Visit, seen: Sequence[str]) -> list[str]:
    """The columns that can stand in a pair: those that are seen, and those that were chosen."""
    chosen = {*seen, look.one("x"), look.one("y")}
    inside = look.answers.schema.container.columns
    return [name for name, one in look.about.items() if name in chosen and name in inside and not one.whole]


def pair_of(look: Visit, seen: Sequence[str]) -> tuple[str, str]:
    """The two columns to draw against each other, by default two that are not drawn as one; or two empty texts."""
    open_ = pairable(look, seen)
    x, y = (look.one(side) for side in ("x", "y"))
    if x in open_ and y in open_ and x != y:
        return x, y
    numbers = [name for name in open_ if look.about[name].numeric]
    of = factors_of(look.answers.schema)
    pairs = combinations([*numbers, *(name for name in open_ if name not in numbers)], 2)
    apart = (pair for pair in pairs if of.get(pair[0]) is not of.get(pair[1]) or not views.together(of[pair[0]]))
    return next(apart, ("", ""))


def _fixed(look: Visit) -> list[str]:
    return [name for name in look.about if typed_of(look.fields, name)]


def _answer(look: Visit, asked: Inquiry, seen: list[str], x: str, y: str) -> AnswerShown:
    """Few rows first where the number is left open, and the address of the same with all."""
    if not asked.ready:
        return AnswerShown(fault="Mend what is marked, and the answer comes.")
    answers, (n, seed) = look.answers, rows_of(look)
    first = n or min(look.number("grow", answers.first, 1), ROWS)
    try:
        drawn = answers.rows(asked, first, seed)
        held = _held(look, asked, drawn)
        scene = views.Scene(answers.schema, held, lambda name: answers.probabilities(asked, name, first, seed))
        panels = tuple(views.pictures(scene, seen))
        both = views.pair(scene, look.about, x, y) if x else None
    except (InputError, NonFiniteError) as error:
        return AnswerShown(fault=sentence(InputError(str(error))))
    more = look.address(grow=GROWTH * first) if not n and first < ROWS else ""
    key = tuple((side, label) for side, label, _ in held)
    table = table_of(look, drawn, tabled(look, [*seen, *asked.given]))
    support = _few(answers.support(asked))
    return AnswerShown(first, panels, both, tuple(table), drawn.notes, support=support, next=more, key=key)


def _few(count: int | None) -> str:
    """How far the data bear an answer out, where they say little.

    >>> _few(0), _few(1), _few(12), _few(30), _few(None)  # doctest: +NORMALIZE_WHITESPACE
    ('No row of the data is like this: the answer rests on rows that are near.',
     'Only 1 row of the data is like this, too few to stand beside.',
     'Only 12 rows of the data are like this, too few to stand beside.', '', '')
    """
    if count is None or count >= FEWEST_ALIKE:
        return ""
    if not count:
        return "No row of the data is like this: the answer rests on rows that are near."
    rows = "1 row of the data is" if count == 1 else f"{count} rows of the data are"
    return f"Only {rows} like this, too few to stand beside."


def _held(look: Visit, asked: Inquiry, drawn: ByColumn) -> list[tuple[str, str, ByColumn]]:
    answers = look.answers
    whole = answers.beside(ROWS if answers.data is not None else min(len(drawn), ROWS))
    held = [] if answers.data is None and not asked.given else [(DATA, _words(answers.data is not None), whole)]
    alike = answers.alike(asked)
    held += [] if alike is None else [(ALIKE, f"data, the {len(alike):,} rows like this", alike)]
    return [*held, (MODEL, "model, given this" if asked.given else "model", drawn)]


def _words(is_data: bool) -> str:
    return "data, all rows" if is_data else "model, nothing fixed"


def table_of(look: Visit, drawn: ByColumn, names: Sequence[str], most: int = IN_TABLE) -> list[tuple[str, ...]]:
    """The first rows as texts, of some columns; a hole is empty, and an array has no text."""
    few = drawn.at(slice(0, most))
    columns = []
    for name in names:
        texts = _typed(look.answers.words(name, few.columns[name]), few.columns[name].dtype.kind == "f")
        there = few.present.get(name)
        columns.append(texts if there is None else [one if ok else "" for one, ok in zip(texts, there, strict=True)])
    return list(zip(*columns, strict=True))


def _typed(texts: list[str], real: bool) -> list[str]:
    """With a point in all numbers of a column of real ones, as in the rows that are saved."""
    return [f"{text}.0" if real and text.lstrip("-").isdigit() else text for text in texts]


def tabled(look: Visit, first: Sequence[str] = ()) -> list[str]:
    """The columns of a table, in their order: all, or those that are asked about and as many others as fit."""
    inside = [name for name in look.answers.schema.container.columns if not look.about[name].whole]
    chosen = {*first, *[name for name in inside if name not in first][: MOST_COLUMNS - len(first)]}
    return [name for name in inside if name in chosen]
