"""What a typed word means among the levels of a column: one as it is written, in other capitals, or a truth value."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

_TRUE = "true t yes y on 1 1.0 ja j oui o vrai si sì sí sim verdadero vero wahr да истина ✓ ✔"
_FALSE = "false f no n off 0 0.0 nein non faux não nao falso falsch нет ложь ✗ ✘"
_WORDS = {**dict.fromkeys(_TRUE.split(), True), **dict.fromkeys(_FALSE.split(), False)}


def truth_of(word: str) -> bool | None:
    """What a word for true or false says, in any capitals.

    >>> truth_of("YES"), truth_of("nein"), truth_of("maybe")
    (True, False, None)
    """
    return _WORDS.get(_plain(word))


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
        plain = [_plain(word) for word in self._exact]
        pairs = zip(plain, self._exact, strict=True)
        self._plain = {one: word for one, word in pairs if plain.count(one) == 1}

    def __bool__(self) -> bool:
        return bool(self._exact)

    def find(self, word: str) -> str | None:
        """The level that is meant, as text; None if there is none."""
        if word in self._exact:
            return word
        return self._plain.get(_plain(word)) or (self._truths.get(truth_of(word)) if self._truths else None)

    def value(self, word: str) -> Any:
        """The level that is meant in its own type, or the word."""
        found = self.find(word)
        return word if found is None else self._exact[found]


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).strip().casefold()
