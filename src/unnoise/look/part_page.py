"""The page of a part of an image: drawn anew given the rest, or kept while the rest is drawn; which parts surprise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from unnoise._errors import InputError, NonFiniteError
from unnoise.data._numerics import Values
from unnoise.look import patches, saying, wholes
from unnoise.look.asking import Inquiry, inquiry
from unnoise.look.drawing import Numbers, svg
from unnoise.look.judging import begun
from unnoise.look.pages import Visit, render, sentence
from unnoise.look.patches import Box
from unnoise.report.plots.images import as_images, common_range, to_unit

SIDES = ("top", "left", "bottom", "right")  # fields of the form
TOLD = 8  # of the most surprising parts, in a table
UNKNOWN = 0.4  # the brightness of pixels that the model is not shown


@dataclass(frozen=True)
class PartShown:
    """What the page shows of a part.

    Attributes:
        shown: the image with the part marked.
        given: what the model is shown.
        draws: what it makes of that.
        map: how surprising each part of the image is; None until that is asked for.
        worst: of the most surprising parts: where, and nats for a pixel.
        fault: why there is no answer, or "".
    """

    shown: Markup
    given: Markup = Markup("")
    draws: Markup = Markup("")
    map: Markup | None = None
    worst: tuple[tuple[str, str], ...] = ()
    fault: str = ""


def page(look: Visit) -> str:
    """The page as HTML.

    Raises:
        InputError: the data are no images, or the model answers no questions.
    """
    name = patches.image_column(look.answers, look.about)
    if name is None:
        raise InputError("This page is for models of images that answer questions; see the others above.")
    start, seed, keep = look.number("row", 0, 0, 10**9), look.number("seed", 0, 0, 2**31), look.one("do") == "keep"
    asked = inquiry(look.answers.schema, look.about, look.fields)
    y = _beside(look, asked, start)
    drawn = {} if y is None or look.answers.data is not None else {one: values[0] for one, values in y.items()}
    base = begun(look.answers, start, Inquiry(drawn, tuple(f"{one}={value}" for one, value in drawn.items())))
    image = base.columns[name][0]
    size = patches.size_of(image)
    box = box_of(look, size)
    part = _part(look, image, box, asked, y, seed, keep=keep)
    tell = bool(look.one("surprise"))
    return render(
        "part.html",
        look,
        start=start,
        seed=seed,
        keep=keep,
        size=size,
        box=box,
        part=part,
        asked=asked,
        outside=[one for one in look.about.values() if one.name not in base.columns],
        has_data=look.answers.data is not None,
        more="" if part.fault or tell else look.address(surprise=1),
        python=_python(look, image, box, asked, y, seed, keep=keep),
        next_=look.address(row=start + 1, surprise=None),
        again=look.address(seed=seed + 1, surprise=None),
    )


def box_of(look: Visit, size: tuple[int, int]) -> Box:
    """The rectangle that the form says, within the image; by default its lower half."""
    height, width = size
    usual = {"top": height // 2, "left": 0, "bottom": height, "right": width}
    most = {"top": height, "left": width, "bottom": height, "right": width}
    found = {side: look.number(side, usual[side], 0, most[side]) for side in SIDES}
    top, bottom = sorted((found["top"], found["bottom"]))
    left, right = sorted((found["left"], found["right"]))
    return Box(top, left, bottom, right)


def _beside(look: Visit, asked: Inquiry, start: int) -> Any:
    """Conditions of the image: those that were chosen, else those of the row of the data, else examples."""
    answers = look.answers
    conditions = answers.schema.conditions
    if asked.given or not conditions:
        return {name: [value] for name, value in asked.given.items()} or None
    if answers.y is None or answers.data is None:
        return {name: [getattr(kind, "example", None)] for name, kind in conditions.items()}
    return answers.conditions_of_data(slice(start % len(answers.data), start % len(answers.data) + 1))


def _part(look: Visit, image: Values, box: Box, asked: Inquiry, y: Any, seed: int, *, keep: bool) -> PartShown:
    answers, start, size = look.answers, look.number("row", 0, 0, 10**9), patches.size_of(image)
    ends = common_range(as_images(image[None]))
    shown = picture(to_unit(as_images(image[None]), ends)[0], "The image", box)
    if not asked.ready:
        return PartShown(shown, fault="Mend what is marked, and the answer comes.")
    hidden = box.inside(size) ^ keep
    try:
        key = ("part", start, box, keep, asked.key, seed)
        draws = answers.kept(key, lambda: patches.redrawn(answers, image, hidden, y, seed))
        squares = patches.patches_of(size)
        known = ("surprise", start, asked.key)
        told = answers.known(known)
        if told is None and look.one("surprise"):
            told = answers.kept(known, lambda: patches.surprises(answers, image, squares, y, seed=0))
    except (InputError, NonFiniteError) as error:
        return PartShown(shown, fault=sentence(InputError(str(error))))
    held = to_unit(as_images(image[None]), ends)[0]
    held[hidden] = UNKNOWN
    row = "".join(wholes.image(one, f"Draw {i + 1}") for i, one in enumerate(to_unit(as_images(draws), ends)))
    map_, worst = (None, ()) if told is None else _surprise(told, squares, size)
    return PartShown(shown, Markup(wholes.image(held, "What the model is shown")), Markup(row), map_, worst)


def _surprise(told: Numbers, squares: list[Box], size: tuple[int, int]) -> tuple[Markup, tuple[tuple[str, str], ...]]:
    """A picture, bright where the image surprises, and its brightest places in words."""
    flat = np.zeros((*size, 1))
    for square, value in zip(squares, told.tolist(), strict=True):
        flat[square.inside(size)] = value
    order = np.argsort(-told, kind="stable")[:TOLD].tolist()
    worst = tuple((where(squares[i]), f"{told[i]:.2f}") for i in order)
    unit = to_unit(flat[None], (float(told.min()), float(told.max())))[0]
    return picture(unit, "Surprise: the brighter, the less likely given the rest", None), worst


def where(box: Box) -> str:
    """A rectangle in words.

    >>> where(Box(4, 0, 8, 8)), where(Box(3, 5, 4, 6))
    ('rows 4 to 7, columns 0 to 7', 'row 3, column 5')
    """
    pairs = (("row", box.top, box.bottom - 1), ("column", box.left, box.right - 1))
    return ", ".join(f"{one} {low}" if low == high else f"{one}s {low} to {high}" for one, low, high in pairs)


def picture(unit: Numbers, words: str, box: Box | None) -> Markup:
    """A large image (H, W, channels) of numbers from 0 to 1, with a rectangle marked."""
    height, width = unit.shape[:2]
    parts = [f'<image href="{wholes.png(unit)}" width="{width}" height="{height}"/>']
    if box is not None and box.area:
        at = f'x="{box.left}" y="{box.top}" width="{box.right - box.left}" height="{box.bottom - box.top}"'
        parts.append(f'<rect class="chosen" {at}/>')
    return svg(width, height, str(escape(words)), *parts, look="picture")


def _python(look: Visit, image: Values, box: Box, asked: Inquiry, y: Any, seed: int, *, keep: bool) -> str:
    """The lines that draw the same."""
    start, data = look.number("row", 0, 0, 10**9), look.answers.data
    place = f"{box.top}:{box.bottom}, {box.left}:{box.right}"
    place = f":, :, {place}" if image.ndim == 3 and image.shape[0] in (1, 3) else f":, {place}"
    if data is not None:
        first = start % len(data)
        images = f"unnoise.data.files.read({look.data!r})[{first}:{first + 1}]"
    else:
        known = "" if y is None else f"given={saying.literal({name: one for name, (one,) in y.items()})}, "
        images = f"model.sample(1, {known}seed={start})"
    hide = f"images[{place}] = numpy.nan"
    if keep:
        hide = f"kept = images[{place}].copy()\nimages[:] = numpy.nan\nimages[{place}] = kept"
    beside = "" if y is None else f"{_written(y)}, "
    return (
        f"{saying.opening(look.model)}import numpy\n\nimages = {images}.astype(float)\n{hide}  # to be drawn\n"
        f"drawn = model.impute(images, {beside}draws={patches.DRAWS}, seed={seed})"
    )


def _written(y: Any) -> str:
    """The conditions of one row as they are written in Python; of a picture a word."""
    if isinstance(y, dict):
        return saying.literal({name: [*values] for name, values in y.items()})
    values = np.asarray(y)
    return saying.literal(values.tolist()) if values.ndim == 1 else "labels"
