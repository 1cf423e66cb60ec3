"""Which pictures an answer has: each class of factors has its own, and another registers with `panels`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

from unnoise.data import Schema
from unnoise.data._numerics import Values
from unnoise.data.factors import (
    AngleFactor,
    CategoryFactor,
    Factor,
    NumberFactor,
    PlaceFactor,
    ProportionFactor,
    SequenceFactor,
)
from unnoise.look import columns, pairs, wholes
from unnoise.look.answers import ByColumn
from unnoise.look.drawing import Plate, Side, Word, brief, percent
from unnoise.look.subjects import Subject, factors_of

SEEN = 6  # columns that are shown by default


@dataclass(frozen=True)
class Scene:
    """What pictures are made of.

    Attributes:
        schema: of the model.
        held: for each side its class of the style sheet, its label and its rows.
        exact: the probabilities of the levels of a column, or None.
    """

    schema: Schema
    held: Sequence[tuple[str, str, ByColumn]]
    exact: Callable[[str], Values | None]

    def sides(self, *names: str) -> list[Side]:
        """The rows that have all of these columns."""
        return [Side(look, label, tuple(rows.together(names))) for look, label, rows in self.held]

    def texts(self, name: str) -> list[Side]:
        """A column, as texts."""
        return [replace(side, values=(side.values[0].astype(object),)) for side in self.sides(name)]

    def word(self, name: str) -> Word:
        """How a number of the column is written."""
        return lambda value: self.schema.word(name, value) or brief(value)


def pictures(scene: Scene, names: Sequence[str]) -> list[Plate]:
    """Pictures of the columns, in this order; columns of a factor that are drawn together come once."""
    of, found, done = factors_of(scene.schema), [], set[str]()
    for name in names:
        if name in done:
            continue
        if name not in of:
            found += list(_plain(scene, name))
            continue
        factor = of[name]
        own = [one for one in names if of.get(one) is factor] if together(factor) else [name]
        done |= set(own)
        found += [_with_holes(scene, panel) for panel in panels(factor, own, scene)]
    return found


def pair(scene: Scene, about: dict[str, Subject], x: str, y: str) -> Plate:
    """Two columns against each other: as their factor draws them, else points, else shares."""
    of = factors_of(scene.schema)
    if x in of and of.get(y) is of[x] and together(of[x]):
        return next(iter(panels(of[x], [x, y], scene)))
    words = scene.word(x), scene.word(y)
    if all(about[name].numeric and not _leveled(of.get(name)) for name in (x, y)):
        return pairs.scatter((x, y), scene.sides(x, y), words)
    return pairs.shares((x, y), scene.sides(x, y), words)


def default_seen(about: dict[str, Subject], fixed: Sequence[str]) -> list[str]:
    """The first columns that are modelled and not fixed, and the last, which is often what a table is about."""
    open_ = [
        name for name, one in about.items() if not one.condition and (one.fixable or one.whole) and name not in fixed
    ]
    chosen = {*open_[: SEEN - 1], *open_[-1:]}
    return [name for name in about if name in chosen or any(name in about[one].together for one in chosen)]


@singledispatch
def panels(factor: Factor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    """Pictures of columns of a factor; by default histograms of numbers, and bars of all else."""
    for name in names:
        yield from _plain(scene, name)


@singledispatch
def together(factor: Factor) -> bool:
    """Whether columns of the factor are drawn as one."""
    return factor.joint


@together.register
def _angles_together(factor: AngleFactor) -> bool:
    return True


@together.register
def _tokens_together(factor: SequenceFactor) -> bool:
    return False


@panels.register
def _category_panels(factor: CategoryFactor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    for name in names:
        levels = [str(level) for level in factor.levels[factor.columns.index(name)]]
        yield columns.bars(name, scene.texts(name), levels, scene.exact(name))


@panels.register
def _number_panels(factor: NumberFactor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    for name in names:
        sides = scene.sides(name)
        images = factor.block and wholes.is_images(sides[0].values[0])
        yield from [wholes.images(name, sides)] if images else _plain(scene, name)


@panels.register
def _angle_panels(factor: AngleFactor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    start = {name: factor.starts[factor.columns.index(name)] for name in names}
    if len(names) > 1:
        x, y = names[:2]
        yield pairs.torus((x, y), scene.sides(x, y), factor.turn, (start[x], start[y]))
    for name in names:
        ends = start[name], start[name] + factor.turn
        yield columns.histogram(name, scene.sides(name), scene.word(name), ends)


@panels.register
def _place_panels(factor: PlaceFactor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    latitude, longitude = factor.columns
    yield pairs.world((latitude, longitude), scene.sides(latitude, longitude))


@panels.register
def _proportion_panels(factor: ProportionFactor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    for name in names:
        yield columns.histogram(name, scene.sides(name), scene.word(name), (0.0, 1.0))


@panels.register
def _sequence_panels(factor: SequenceFactor, names: Sequence[str], scene: Scene) -> Iterator[Plate]:
    for name in names:
        yield from [wholes.sequences(name, scene.sides(name))] if factor.letters else _plain(scene, name)


def _leveled(factor: Factor | None) -> bool:
    return isinstance(factor, CategoryFactor)


def _plain(scene: Scene, name: str) -> Iterator[Plate]:
    sides = scene.sides(name)
    if all(side.values[0].dtype.kind in "iuf" for side in sides):
        yield columns.histogram(name, sides, scene.word(name))
        return
    texts = scene.texts(name)
    levels = sorted({str(value) for side in texts for value in side.values[0].tolist()})
    yield columns.bars(name, texts, levels)


def _with_holes(scene: Scene, panel: Plate) -> Plate:
    """With a sentence on how often the column is missing."""
    name = panel.title
    if name not in scene.schema.missing:
        return panel
    shares = ", ".join(f"{label} {percent(rows.missing(name))}" for _, label, rows in reversed(scene.held))
    return replace(panel, caption=f"{panel.caption.rstrip('.')}. Missing: {shares}.")
