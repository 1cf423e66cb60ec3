"""What all pages share: who is asked, which columns are listed, how a template becomes HTML."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from unnoise._errors import InputError
from unnoise._version import __version__
from unnoise.look.answers import Answers
from unnoise.look.asking import Fields
from unnoise.look.patches import image_column
from unnoise.look.subjects import Subject

if TYPE_CHECKING:
    from jinja2 import Environment

LISTED = 60  # columns at once; a search finds the others
VIEWS = {"": "Ask", "row": "A row of your own", "part": "Part of an image", "noise": "Noise and back"}  # by their place
OF_IMAGES = {"part"}  # views that models of other data have not


@dataclass(frozen=True)
class Visit:
    """One look at a page.

    Attributes:
        answers: the model.
        about: its columns.
        fields: of the address.
        view: the place below the root.
        root: the start of all addresses, with the token.
        model: the folder as it was typed.
        data: the file as it was typed, or None.

    >>> Visit.number_in({"n": ["7"]}, "n", 1, most=5), Visit.number_in({"n": ["x"]}, "n", 1)
    (5, 1)
    """

    answers: Answers
    about: dict[str, Subject]
    fields: Fields
    view: str
    root: str
    model: str
    data: str | None = None

    def one(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return next(iter(self.fields.get(name, ())), default)

    def number(self, name: str, default: int, least: int = 0, most: int = 10**6) -> int:
        """A whole number in a field, within bounds; the default where there is none."""
        return self.number_in(self.fields, name, default, least, most)

    @staticmethod
    def number_in(fields: Fields, name: str, default: int, least: int = 0, most: int = 10**6) -> int:
        """As `number`, of any fields."""
        text = next(iter(fields.get(name, ())), "").strip()
        return min(max(int(text), least), most) if text.isdecimal() and len(text) < 12 else default

    def address(self, view: str | None = None, **changed: Any) -> str:
        """This look with some fields changed; None takes one away."""
        kept = {name: values for name, values in self.fields.items() if name not in changed}
        new = {name: value for name, value in changed.items() if value is not None}
        query = urlencode({**kept, **new}, doseq=True)
        return f"{self.root}{self.view if view is None else view}" + (f"?{query}" if query else "")


@dataclass(frozen=True)
class Listing:
    """The columns of the form: those that a search found, and how many there are."""

    found: Sequence[Subject]
    total: int
    words: str = field(default="")


def visit(answers: Answers, fields: Fields, view: str, root: str, model: str, data: str | None) -> Visit:
    """A look at a page."""
    return Visit(answers, answers.about, fields, view, root, model, data)


def listing(about: Mapping[str, Subject], sought: str, first: Sequence[str] = ()) -> Listing:
    """The columns whose names or kinds hold what is sought; those in `first` come first where nothing is."""
    part = sought.strip().casefold()
    kinds = {name: re.split(r"\d", one.words)[0].casefold() for name, one in about.items()}  # without the range
    names = [name for name in about if part in name.casefold() or part in kinds[name]]
    if not part:
        names = [*(name for name in first if name in about), *(name for name in names if name not in first)]
    shown = names[:LISTED]
    words = "" if len(names) <= LISTED else f"{LISTED} of {len(names):,} columns; search for the others."
    return Listing([about[name] for name in shown], len(names), words or ("" if names else "No column is called so."))


def render(template: str, look: Visit, **more: Any) -> str:
    """A page."""
    schema = look.answers.schema
    images = image_column(look.answers, look.about) is not None
    views = [(place, words) for place, words in VIEWS.items() if images or place not in OF_IMAGES]
    shared = {
        "look": look,
        "title": look.model,
        "kinds": schema.kinds,
        "views": [(place, words, look.root + place, place == look.view) for place, words in views],
        "version": __version__,
        "names": list(look.about),
    }
    return _environment().get_template(template).render(shared | more)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("unnoise.look"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["short"] = lambda words: words.partition(": ")[0].partition(", in ")[0]
    return environment


def sentence(error: InputError) -> str:
    """What an error says, for the page: with a full stop."""
    words = str(error).strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."


def hidden(fields: Fields, shown: Sequence[str], prefixes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The fields of columns that are not listed, which a form must keep.

    Args:
        fields: of the address.
        shown: the columns that are listed, which have fields of their own.
        prefixes: before the names of columns.
    """
    for name, values in fields.items():
        prefix = next((one for one in prefixes if name.startswith(one)), None)
        column = None if prefix is None else name[len(prefix) :]
        if column is not None and column not in shown:
            yield from ((name, value) for value in values)
