r"""Letters from the few before them, by counting: the rival of networks that needs no training.

With N(h, c) how often the letter c came after h, N(h) the sum, and T(h) how many letters came after h,

$$p(c | h) = \frac{N(h, c) + T(h)\,p(c | h')}{N(h) + T(h)},$$

where h' lacks the first letter of h (Witten and Bell 1991, IEEE Transactions on Information Theory 37).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Counts:
    """What came after histories of one length; a history is a whole number to the base of the letters."""

    pairs: Tensor
    of_pair: Tensor
    histories: Tensor
    of_history: Tensor
    kinds: Tensor

    @classmethod
    def of(cls, text: Tensor, length: int, letters: int) -> Counts:
        """In a text, (n,)."""
        history, following = _windows(text, length, letters)
        pairs, of_pair = _counted(history * letters + following)
        found, of_history = _counted(history)
        kinds = torch.bincount(torch.searchsorted(found, pairs // letters), minlength=len(found))
        return cls(pairs, of_pair, found, of_history, kinds)

    def smoothed(self, history: Tensor, letter: Tensor, shorter: Tensor, letters: int) -> Tensor:
        """p(letter | history), from what shorter histories say; that where this one never came."""
        both = _looked_up(self.pairs, self.of_pair, history * letters + letter)
        total, kinds = (_looked_up(self.histories, values, history) for values in (self.of_history, self.kinds))
        return torch.where(total > 0, (both + kinds * shorter) / (total + kinds).clamp(min=1), shorter)


@dataclass(frozen=True)
class NGrams:
    """Of histories of up to some letters."""

    counts: tuple[Counts, ...]
    letters: int

    @classmethod
    def of(cls, text: Tensor, most: int, letters: int) -> NGrams:
        """Of a text, (n,)."""
        return cls(tuple(Counts.of(text, length, letters) for length in range(most + 1)), letters)

    def log_prob(self, blocks: Tensor) -> Tensor:
        """In nats, of whole blocks (n, sites), whose histories begin where they do."""
        law = torch.full(blocks.shape, 1 / self.letters, dtype=torch.float64)
        for length, counts in enumerate(self.counts):
            history, letter = _windows(blocks, length, self.letters)
            law[:, length:] = counts.smoothed(history, letter, law[:, length:], self.letters)
        return law.log().sum(1)


def _windows(text: Tensor, length: int, letters: int) -> tuple[Tensor, Tensor]:
    """Along the last axis every history of this length, as a number, and the letter that follows."""
    windows = text.unfold(-1, length + 1, 1)
    powers = letters ** torch.arange(length)
    return (windows[..., :-1] * powers).sum(-1), windows[..., -1]


def _counted(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers that there are, in order, and how often."""
    found: tuple[Tensor, Tensor] = numbers.unique(return_counts=True)  # type: ignore[no-untyped-call]
    return found


def _looked_up(keys: Tensor, values: Tensor, wanted: Tensor) -> Tensor:
    """The values of keys, which are sorted, and zero of others."""
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == wanted, values[place], 0).double()
