"""What the model answers: rows, probabilities and what they stand beside; the last few answers are kept."""

from __future__ import annotations

import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from unnoise._errors import InputError
from unnoise.data import Schema, frames, holes
from unnoise.data._numerics import Values
from unnoise.data.conditions import taken
from unnoise.data.factors import CategoryFactor
from unnoise.data.holes import Mask
from unnoise.look.asking import Inquiry
from unnoise.look.subjects import factors_of, plain_words, subjects, words_in
from unnoise.model import DenoisingMarkovModel

T = TypeVar("T")

BESIDE_SEED = 1  # other than the usual one, so that the same noise does not make rows alike
KEPT = 24  # answers
FIRST_SECONDS = 0.4  # that the first rows of an answer may take
SLOW_SECONDS = 2.0  # of a draw after which no other one is made to see how long they take
FEWEST, FIRST_ROWS = 16, (32, 64, 128, 256)  # rows of a first answer
AVERAGED = 128  # rows over which probabilities are averaged where a range or a set is fixed
FEWEST_ALIKE = 30  # rows of the data that meet what is fixed, to be shown


@dataclass(frozen=True)
class ByColumn:
    """Rows by column.

    Attributes:
        rows: in the form of the data.
        columns: the values, whatever stands where there is none.
        present: where the columns with holes have a value.
        notes: what the model warned of.

    >>> rows = ByColumn(None, {"a": np.array([1.0, 2.0])}, {"a": np.array([True, False])})
    >>> len(rows), rows.values("a").tolist(), rows.missing("a")
    (2, [1.0], 0.5)
    """

    rows: Any
    columns: Mapping[str, Values]
    present: Mapping[str, Mask]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def values(self, name: str) -> Values:
        """The values of a column where there are some."""
        values = self.columns[name]
        return values[self.present[name]] if name in self.present else values

    def together(self, names: Iterable[str]) -> list[Values]:
        """The values of columns in the rows that have all of them."""
        names = list(names)
        there = np.ones(len(self), dtype=bool)
        for name in names:
            there &= self.present.get(name, there)
        return [self.columns[name][there] for name in names]

    def missing(self, name: str) -> float:
        """The share of rows without a value of the column."""
        return float(1 - self.present[name].mean()) if name in self.present else 0.0

    def at(self, index: Any) -> ByColumn:
        """Some of the rows, by their numbers or a mask."""
        columns = {name: values[index] for name, values in self.columns.items()}
        present = {name: mask[index] for name, mask in self.present.items()}
        return replace(self, rows=None, columns=columns, present=present)


def read(schema: Schema, rows: Any, notes: Iterable[str] = ()) -> ByColumn:
    """Rows in the form of the data, by column."""
    columns, present = holes.split(schema.container.split(rows))
    return ByColumn(rows, columns, present, tuple(dict.fromkeys(notes)))


class Stopped(Exception):
    """Nobody waits for this answer any more."""


class Answers:
    """A model that is asked again and again, by one thread at a time.

    Args:
        model: a fitted one.
        data: rows to show beside its own, or None for what it draws when nothing is fixed.
        y: conditions of the data that are no columns of them.

    Attributes:
        about: the columns.
        stop: ends what is being drawn by a `Stopped`, while it is set.

    >>> from unnoise.look.asking import Inquiry
    >>> model = DenoisingMarkovModel(quick=True).fit(np.random.default_rng(0).normal(size=(50, 2)))
    >>> answers = Answers(model)
    >>> len(answers.rows(Inquiry({"x0": 1.0}, ("x0=1.0",)), 5, seed=0))
    5
    """

    def __init__(self, model: DenoisingMarkovModel, data: Any = None, y: Any = None) -> None:
        self.model, self.schema = model, model.schema_
        model.set_params(progress=False)
        self.data = None if data is None else read(self.schema, self.schema.selected(data))
        self.y = y
        self.about = subjects(self.schema)
        self._counted = {name for name in self.schema.container.columns if self.schema.container.is_counted(name)}
        self.stop = threading.Event()
        self._kept = OrderedDict[Hashable, Any]()

    @cached_property
    def first(self) -> int:
        """How many rows come in the time that a first answer may take; seen at the first use."""
        start = time.perf_counter()
        self.rows(Inquiry(self.examples, tuple(f"{name}={value}" for name, value in self.examples.items())), FEWEST, 0)
        middle = time.perf_counter()
        if middle - start > SLOW_SECONDS:
            return FEWEST
        self._drawn(self.examples, FIRST_ROWS[0], 0)
        once = min(middle - start, time.perf_counter() - middle)  # the first draw also builds what all draws need
        return max((size for size in FIRST_ROWS if once * size / FIRST_ROWS[0] <= FIRST_SECONDS), default=FEWEST)

    @property
    def answers_questions(self) -> bool:
        """Whether columns can be fixed; else the model knows the joint law alone."""
        try:
            self.model.answering()
        except InputError:
            return False
        return True

    def rows(self, asked: Inquiry, n: int, seed: int) -> ByColumn:
        """New rows given what is fixed: those of `model.sample(n, given=..., seed=seed)`.

        Raises:
            InputError: what is fixed is next to impossible, or leaves nothing open.
        """
        return self.kept(("rows", asked.key, n, seed), lambda: self._drawn(asked.given, n, seed))

    def beside(self, n: int) -> ByColumn:
        """The data; without any, rows of the model given nothing, or given the first of each condition it needs."""
        return self.data if self.data is not None else self.kept(("beside", n), lambda: self._unconditional(n))

    def alike(self, asked: Inquiry) -> ByColumn | None:
        """The rows of the data that meet what is fixed; None without data, or where they are few or all."""
        if self.data is None or not asked.given:
            return None
        inside = self.meets(asked, self.data)
        return self.data.at(inside) if FEWEST_ALIKE <= inside.sum() < len(inside) else None

    def support(self, asked: Inquiry) -> int | None:
        """How many rows of the data meet what is fixed; None without data, or where nothing is."""
        return None if self.data is None or not asked.given else int(self.meets(asked, self.data).sum())

    def meets(self, asked: Inquiry, rows: ByColumn) -> Mask:
        """Which rows meet what is fixed of columns, (n,) bool."""
        with quietly():
            said = self.schema.given(asked.given, 1)
        inside = np.ones(len(rows), dtype=bool)
        for name, value in asked.given.items():
            if name not in rows.columns:
                continue  # a condition that is no column
            there = rows.present.get(name, np.ones(len(rows), dtype=bool))
            if value is None:
                inside &= ~there
            elif name in said.within:
                inside &= there & said.within[name].holds(rows.columns[name])
            elif name in said.columns:
                inside &= there & (rows.columns[name] == said.columns[name][0][0])
        return inside

    def probabilities(self, asked: Inquiry, name: str, n: int, seed: int) -> Values | None:
        """The probability of each level of a column given what is fixed, (levels,); None for other columns.

        Exact where values are fixed; where ranges or sets are, a mean over rows drawn from them.
        """
        factor = factors_of(self.schema).get(name)
        if not isinstance(factor, CategoryFactor) or name in asked.given or not self.answers_questions:
            return None
        outside = [one for one in self.schema.conditions if one not in self.schema.container.columns]
        if outside:
            return None
        return self.kept(("proba", asked.key, name, n, seed), lambda: self._probabilities(asked, name, n, seed))

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made before, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]  # type: ignore[no-any-return]

    def words(self, name: str, values: Values) -> list[str]:
        """The values of a column as a person reads them."""
        return words_in(self.schema, name, values) if name in self._counted else plain_words(values)

    def go_on(self) -> None:
        """Raise `Stopped` if nobody waits any more."""
        if self.stop.is_set():
            raise Stopped

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Look at every evaluation of a network whether to go on."""

        def look(*_: Any) -> None:  # which copies of a network share, as they would not share a method's object
            self.go_on()

        hooks = [network.register_forward_pre_hook(look) for network in self.model.denoiser_.children()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def known(self, key: Hashable) -> Any:
        """What was made before, or None."""
        return self._kept.get(key)

    def conditions_of_data(self, index: Any) -> Any:
        """What stands beside some rows of the data."""
        return taken(self.y, index)

    def _drawn(self, given: Mapping[str, Any], n: int, seed: int) -> ByColumn:
        with _noted() as notes, self.stoppable():
            rows = self.model.sample(n, given=dict(given) or None, seed=seed)
        return read(self.schema, rows, notes)

    @property
    def examples(self) -> dict[str, Any]:
        """A value for each condition that no question can leave open."""
        inside = self.schema.container.columns
        needed = [name for name in self.schema.conditions if name in inside or not self.schema.may_be_unknown]
        return {name: getattr(self.schema.conditions[name], "example", None) for name in needed}

    def _unconditional(self, n: int) -> ByColumn:
        return self._drawn(self.examples, n, BESIDE_SEED)

    def _probabilities(self, asked: Inquiry, name: str, n: int, seed: int) -> Values | None:
        given = {one: value for one, value in asked.given.items() if one not in self.schema.constants}
        spread = any(isinstance(value, set | tuple) for value in given.values())
        frame = frames.opened(self.rows(asked, n, seed).rows)
        if frame is None:
            return None
        frame = frame[: AVERAGED if spread else 1]
        others = [one for one in frame.columns if str(one) in given] or [name]  # of itself nothing is looked at
        with quietly():
            return np.asarray(self.model.predict_proba(frame.select(others).to_native(), name).mean(0))


@contextmanager
def _noted() -> Iterator[list[str]]:
    """The sentences of warnings."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    found += [str(one.message) for one in caught if issubclass(one.category, UserWarning)]


@contextmanager
def quietly() -> Iterator[None]:
    """Without warnings, where they were said before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
