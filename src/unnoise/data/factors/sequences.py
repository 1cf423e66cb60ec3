"""Rows of tokens, whole numbers or text, as a point of a finite space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._checked import TEXT, check, check_distinct, check_dtype, check_shape
from unnoise.data._numerics import Values
from unnoise.data.factors.base import Columns, Factor, expect, quoted, refuse, stacked
from unnoise.processes import CTMC, rates
from unnoise.spaces import Finite

MOST = 2**16  # different tokens, and letters of a text
END = "\x00"  # fills shorter texts


@dataclass(frozen=True)
class SequenceFactor(Factor):
    r"""A sequence of tokens: whole numbers from 0 (an array, or a column each), or one column of text.

    An end sign, a token of its own, fills shorter texts.

    >>> words = SequenceFactor.fit({"word": np.array(["GATTACA", "CAT"], dtype=object)})
    >>> words.shape, words.letters
    ((7,), '\x00ACGT')
    >>> words.decode(words.encode({"word": np.array(["CAT"], dtype=object)}))["word"]
    array(['CAT'], dtype=object)
    """

    kind: ClassVar[str] = "sequence"
    measure: ClassVar[str] = "probability of the sequence"
    shape: tuple[int, ...]
    states: int
    letters: str
    dtype: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shape(self.shape)
        apart = len(self.columns) == 1 if self.letters or len(self.shape) > 1 else self.shape == (len(self.columns),)
        check(apart and bool(self.shape), "shape", self.shape, f"one of {len(self.columns)} columns")
        check(0 < self.states <= MOST, "states", self.states, f"1 to {MOST}")
        check_dtype(self.dtype, text=True)
        check((self.dtype == TEXT) == bool(self.letters), "dtype", self.dtype, "one of the tokens")
        if self.letters:
            check_distinct(self.letters, "letters")
            check(len(self.letters) == self.states, "states", self.states, "the number of letters")

    @property
    def block(self) -> tuple[int, ...]:
        """Of a column that holds whole sequences of tokens."""
        return self.shape if len(self.shape) > 1 else ()

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The alphabet, or the largest token."""
        first = next(iter(columns.values()))
        if first.dtype == object:
            expect(len(columns) == 1, f"A sequence of text is one column; got {quoted(list(columns))}.")
            texts = _texts(first, next(iter(columns)))
            longest = max(map(len, texts))
            expect(
                longest <= MOST,
                f"Column '{next(iter(columns))}' holds a text of {longest} letters; cut it to {MOST} or fewer.",
            )
            ends = END if any(len(text) < longest for text in texts) else ""
            letters = ends + "".join(sorted(set("".join(texts))))
            return cls(tuple(columns), (longest,), len(letters), letters, "object")
        numbers = _table(columns)
        _check(numbers, None, list(columns))
        return cls(tuple(columns), numbers.shape[1:], int(numbers.max()) + 1, "", str(first.dtype))

    def process(self) -> CTMC:
        """Each token becomes a mask at a random time."""
        return CTMC(Finite(self.shape, self.states + 1), rates.Absorbing(self.states + 1))

    @property
    def anywhere(self) -> Tensor:
        """The first token everywhere."""
        return torch.zeros(self.shape, dtype=torch.int64)

    def encode(self, columns: Columns) -> Tensor:
        """The index of each token, int64."""
        if self.letters:
            (name,) = self.columns
            return torch.from_numpy(self._spelt(_texts(columns[name], name), name))
        numbers = _table({name: columns[name] for name in self.columns})
        _check(numbers, self.states, self.columns)
        return torch.from_numpy(numbers.astype(np.int64))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Texts or whole numbers, as in the data."""
        places = x.numpy()
        if self.letters:
            table = np.array(list(self.letters), dtype=object)  # an array of texts would drop the end, a zero
            texts = ["".join(row).split(END)[0] for row in table[places]]
            return {self.columns[0]: np.array(texts, dtype=object)}
        if self.block:
            return {self.columns[0]: places.astype(self.dtype)}
        return {name: places[:, i].astype(self.dtype) for i, name in enumerate(self.columns)}

    def restore(self, values: Values, column: str) -> Values:
        """Texts as they are; tokens in the type of the data."""
        return values if self.letters else super().restore(values, column)

    def _spelt(self, texts: list[str], name: str) -> Values:
        place = {letter: i for i, letter in enumerate(self.letters)}
        length = self.shape[0]
        for row, text in enumerate(texts):
            if len(text) > length or (len(text) < length and END not in place):
                raise InputError(
                    f"Column '{name}' holds a text of {len(text)} letters in row {row}; the model was fitted on "
                    f"{'at most ' if END in place else ''}{length}."
                )
            if unknown := [letter for letter in text if letter not in place]:
                shown = self.letters.strip(END)
                raise InputError(f"Column '{name}' holds {unknown[0]!r} in row {row}; the fitted letters are {shown}.")
        return np.array([[place[letter] for letter in text.ljust(length, END)] for text in texts], dtype=np.int64)

    def __str__(self) -> str:
        what = f"letters {self.letters.strip(END)}" if self.letters else f"{self.states} tokens"
        return f"sequence of {' x '.join(map(str, self.shape))} places, {what}"


def _texts(values: Values, name: str) -> list[str]:
    texts: list[str] = values.tolist()
    if odd := [text for text in texts if not isinstance(text, str) or not text or END in text]:
        raise InputError(f"Column '{name}' is declared a sequence, but holds {odd[0]!r:.100}; expected texts.")
    return texts


def _table(columns: Columns) -> Values:
    first = next(iter(columns.values()))
    return first if first.ndim > 1 else stacked(columns, list(columns))


def _check(numbers: Values, states: int | None, columns: list[str] | tuple[str, ...]) -> None:
    whole = numbers.dtype.kind in "iub" or (numbers.dtype.kind == "f" and bool((numbers == np.rint(numbers)).all()))
    if not whole or numbers.size == 0:  # whole numbers beside holes are floats
        raise InputError(f"A sequence is made of whole numbers from 0, but {quoted(columns)} hold {numbers.dtype}.")
    top = MOST if states is None else states
    bad = (numbers < 0) | (numbers >= top)
    refuse(
        bad,
        lambda row: (
            f"Row {row} of {quoted(columns)} holds a token {numbers[row][bad[row]].flat[0]}; expected whole numbers "
            f"from 0 to {top - 1}."
        ),
    )
