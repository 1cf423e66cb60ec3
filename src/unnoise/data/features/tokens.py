"""Sequences of tokens as conditions: texts, or whole numbers from 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from torch import nn

from unnoise._errors import InputError
from unnoise.data._checked import check, check_distinct, check_shape
from unnoise.data._numerics import Floats, Values
from unnoise.data.features.base import Block, is_block, whole
from unnoise.data.features.vectors import CODE
from unnoise.networks import TokenEncoder

MOST = 2**16  # different tokens, and places


@dataclass(frozen=True)
class Tokens(Block):
    """Texts of any length up to the longest, or rows of whole numbers from 0, which may differ in length.

    Place by place 0 after the end, else the token's number plus 1. A small transformer reads them,
    `networks.TokenEncoder` or that of `encoders`, called with (places,), how many numbers it makes, and how many
    tokens there are, with the end.

    >>> words = Tokens.fit(np.array(["GATTACA", "CAT"], dtype=object), "word")
    >>> words.features(np.array(["CAT"], dtype=object), "word")
    array([[2., 1., 4., 0., 0., 0., 0.]])
    """

    name: ClassVar[str] = "sequence"
    places: int
    states: int
    letters: str

    def __post_init__(self) -> None:
        check_shape((self.places,))
        check(
            0 < self.states <= MOST and self.places <= MOST,
            "states, places",
            (self.states, self.places),
            f"up to {MOST}",
        )
        if self.letters:
            check_distinct(self.letters, "letters")
            check(len(self.letters) == self.states, "states", self.states, "the number of letters")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The letters that occur, or the largest token, and the longest."""
        if _is_text(values):
            texts = values.tolist()
            letters = "".join(sorted(set("".join(texts))))
            return cls(max(map(len, texts)), max(1, len(letters)), letters or "?")
        rows = _rows(values, column)
        most = max((int(row.max()) for row in rows if len(row)), default=0)
        return cls(max(1, *map(len, rows)), most + 1, "")

    @property
    def block(self) -> tuple[int, ...]:
        """A text is one value; tokens are a row of them."""
        return () if self.letters else (self.places,)

    @property
    def width(self) -> int:
        """One number per place."""
        return self.places

    @property
    def layout(self) -> tuple[int, ...]:
        """(places,)."""
        return (self.places,)

    def encoder(self, make: Callable[..., nn.Module] | None) -> nn.Module:
        """A small transformer."""
        return (make or TokenEncoder)((self.places,), CODE, self.states + 1)

    @property
    def code(self) -> int:
        """The numbers that stand for a sequence."""
        return CODE

    def given(self, value: Any, column: str, n: int) -> Values:
        """Sequences of n rows, from one for all rows or one for each."""
        if isinstance(value, str):
            return np.full(n, value, dtype=object)
        if self.letters:
            values = np.array(list(value), dtype=object)
        else:
            single = np.ndim(value[0]) == 0 if len(value) else True
            values = np.empty(n if single else len(value), dtype=object)
            for row in range(len(values)):
                values[row] = np.asarray(value if single else value[row])
        if len(values) != n:
            raise InputError(
                f"The condition '{column}' was given {len(values)} values; give one, or one for each of {n} rows."
            )
        return values

    def features(self, values: Values, column: str) -> Floats:
        """The tokens plus 1, and 0 after the end."""
        rows = self._spelt(values, column) if self.letters else _rows(values, column)
        found = np.zeros((len(rows), self.places))
        for row, tokens in enumerate(rows):
            if len(tokens) > self.places:
                raise InputError(
                    f"The condition '{column}' has {len(tokens)} places in row {row}; the model was fitted on at most "
                    f"{self.places}."
                )
            if len(tokens) and int(max(tokens)) >= self.states:
                raise InputError(
                    f"The condition '{column}' holds the token {int(max(tokens))} in row {row}; expected whole numbers "
                    f"from 0 to {self.states - 1}."
                )
            found[row, : len(tokens)] = np.asarray(tokens) + 1
        return found

    def _spelt(self, values: Values, column: str) -> list[list[int]]:
        place = {letter: i for i, letter in enumerate(self.letters)}
        found = []
        for row, text in enumerate(values.tolist()):
            if not isinstance(text, str):
                raise InputError(f"The condition '{column}' holds {text!r:.100} in row {row}; expected a text.")
            if unknown := [letter for letter in text if letter not in place]:
                raise InputError(
                    f"The condition '{column}' holds {unknown[0]!r} in row {row}; the fitted letters are "
                    f"{self.letters}."
                )
            found.append([place[letter] for letter in text])
        return found

    def __str__(self) -> str:
        what = f"letters {self.letters}" if self.letters else f"{self.states} tokens"
        return f"sequence of up to {self.places} places, {what}"


def _is_text(values: Values) -> bool:
    return values.dtype == object and all(isinstance(one, str) for one in values.flat)


def _rows(values: Values, column: str) -> list[Any]:
    """Arrays of whole numbers from 0; NaN ends a row."""
    if not is_block(values):
        raise InputError(
            f"The condition '{column}' is a sequence, but holds {values.flat[0]!r:.100}; expected texts or rows of "
            "tokens."
        )
    rows = []
    for row, held in enumerate(values):
        tokens = np.asarray(held)
        tokens = tokens[~np.isnan(tokens)] if tokens.dtype.kind == "f" else tokens
        if tokens.ndim != 1:
            raise InputError(
                f"The condition '{column}' holds an array of shape {tokens.shape} in row {row}; expected a row of "
                "tokens."
            )
        whole(tokens[None], column)
        if len(tokens) and (int(tokens.min()) < 0 or (tokens != np.rint(tokens)).any() or int(tokens.max()) >= MOST):
            raise InputError(
                f"The condition '{column}' holds what is no token in row {row}; expected whole numbers from 0 to "
                f"{MOST - 1}."
            )
        rows.append(tokens.astype(np.int64))
    return rows
