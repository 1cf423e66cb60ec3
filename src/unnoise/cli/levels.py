"""What a typed word means among the levels of a column: one as it is written, in other capitals, or a truth value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from unnoise._alike import plain, truth_of


class Levels:
    """The levels of a column by the words for them.

    >>> levels = Levels(["ja", "nein"])
    >>> levels.find("JA"), levels.find("no"), levels.find("perhaps")
    ('ja', 'nein', None)
    """

    def __init__(self, levels: Iterable[Any]) -> None:
        self._exact = {str(level): level for level in levels}
        truths = {truth_of(word): word for word in self._exact}
        self._truths = truths if len(truths) == len(self._exact) == 2 and None not in truths else {}
        words = [plain(word) for word in self._exact]
        times = Counter(words)
        self._plain = {one: word for one, word in zip(words, self._exact, strict=True) if times[one] == 1}

    def __bool__(self) -> bool:
        return bool(self._exact)

    def find(self, word: str) -> str | None:
        """The level that is meant, as text; None if there is none."""
        if word in self._exact:
            return word
        return self._plain.get(plain(word)) or (self._truths.get(truth_of(word)) if self._truths else None)

    def value(self, word: str) -> Any:
        """The level that is meant in its own type, or the word."""
        found = self.find(word)
        return word if found is None else self._exact[found]
