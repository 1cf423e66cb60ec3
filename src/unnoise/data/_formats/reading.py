"""How a table is written: what a reader is told about it, where it cannot tell by itself."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from unnoise._checks import refuse
from unnoise._errors import InputError

HEADERS = ("auto", "yes", "no")
_NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "whitespace": " ", "comma": ",", "semicolon": ";", "bar": "|"}


@dataclass(frozen=True)
class Reading:
    """What is said about a file.

    Args:
        encoding: of its text, as latin-1, cp1252 or utf-16; None for UTF-8, or what its first bytes say.
        separator: between two fields, one letter or tab, space ...; None to find it.
        decimal: the sign before fractions, "." or ","; None for a point, or a comma where commas separate nothing.
        header: whether the first line holds names: yes, no, or auto.
        query: what to select, in SQL.
        names: names of columns that are expected; a first line of them is a header.
        text: columns that stay text, whatever stands in them.
        marked: those of them in which "?" is missing, as it is elsewhere among words.
        levels: columns that stay text where numbers would not be written as their cells are.
        sheet: the name of the one to read, of a file of Excel; None for the first.
        words: texts beside the numbers of columns, by their names, which are not missing there.
        like: what was said of a file that this one is probably written like, where it does not say otherwise.
    """

    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    header: str = "auto"
    query: str | None = None
    names: tuple[str, ...] = ()
    text: frozenset[str] = frozenset()
    marked: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    sheet: str | None = None
    words: Mapping[str, Collection[str]] = field(default_factory=dict)
    like: Reading | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", frozenset(self.text))
        object.__setattr__(self, "marked", frozenset(self.marked))
        object.__setattr__(self, "levels", frozenset(self.levels))
        if self.header not in HEADERS:
            refuse("header", self.header, "yes, no or auto")
        if self.decimal not in (None, ".", ","):
            refuse("decimal", self.decimal, "'.' or ','")
        if self.separator is not None:
            known = _NAMED.get(self.separator, self.separator)
            if len(known) != 1 or not known.isascii() or known.isalnum() or known in '"\r\n':
                refuse("separator", self.separator, "one sign, as ';' or '|', or the word tab or space")
            object.__setattr__(self, "separator", known)
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
                "".encode(self.encoding)
            except (LookupError, ValueError, TypeError):
                refuse("encoding", self.encoding, "the name of one, as utf-8, latin-1, cp1252 or utf-16")

    def refuse_unused(self, source: str, used: Collection[str]) -> None:
        """An InputError if something is said that changes nothing in a file of this kind."""
        for option in ("encoding", "separator", "decimal", "query", "sheet"):
            if getattr(self, option) is not None and option not in used:
                raise InputError(f"{source} is of a kind for which --{option} ({option}=) says nothing; leave it out.")
        if self.header != "auto" and "header" not in used:
            raise InputError(f"{source} is of a kind that holds its names; leave --header (header=) out.")
