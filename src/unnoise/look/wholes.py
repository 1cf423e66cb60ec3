"""Pictures of columns whose values are more than a number: images, and sequences of letters."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from unnoise.data._numerics import Values
from unnoise.look.drawing import MODEL, Numbers, Plate, Side, percent, svg
from unnoise.report.plots.images import as_images, common_range, to_unit

MOST_IMAGES = 24  # of each side
MOST_PLACES = 60  # of a logo
MOST_ROWS = 12  # sequences that are written out
FEWEST_BITS = 0.02  # of a letter that is drawn
LOGO = 120.0  # units high
GAP = "-"  # where a sequence has ended


def is_images(values: Values) -> bool:
    """Whether these are images: (n, H, W), or with one or three channels."""
    shape = values.shape[1:]
    return len(shape) == 2 or (len(shape) == 3 and (shape[0] in (1, 3) or shape[-1] in (1, 3)))


def images(name: str, sides: Sequence[Side]) -> Plate:
    """Images of each side, in rows, on one range of brightness."""
    sizes = common_range(*(as_images(side.values[0]) for side in sides if len(side.values[0])))
    parts, rows = [], []
    for side in reversed(sides):
        if not len(side.values[0]):
            continue
        unit = to_unit(as_images(side.values[0]), sizes)
        shown = "".join(image(one, f"{side.label}, {i + 1}") for i, one in enumerate(unit[:MOST_IMAGES]))
        parts.append(f'<h4>{escape(side.label)}</h4><div class="images {escape(side.look)}">{shown}</div>')
        rows.append((side.label, f"{len(unit):,}", percent(float(unit.mean())), percent(float(unit.std()))))
    words = "; ".join(f"{label}: mean brightness {mean}" for label, _, mean, _ in rows)
    header = ("images of", "how many", "mean brightness", "spread of brightness")
    return Plate(name, Markup("".join(parts)), words, header, tuple(rows), wide=True)


def image(unit: Numbers, words: str) -> str:
    """One image (H, W, channels) of numbers from 0 to 1, small."""
    return f'<img src="{png(unit)}" alt="{escape(words)}" width="64" loading="lazy">'


def png(unit: Numbers) -> str:
    """One image (H, W, channels) of numbers from 0 to 1, as an address that holds it."""
    from PIL import Image

    held = np.rint(255 * unit).astype(np.uint8)
    picture = Image.fromarray(held[..., 0] if held.shape[-1] == 1 else held)
    with io.BytesIO() as stream:
        picture.save(stream, format="PNG")
        data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/png;base64,{data}"


def sequences(name: str, sides: Sequence[Side]) -> Plate:
    """Logos on one scale, as high at each place as its letters tell, and some rows of each side."""
    parts, held = [], [list(map(str, side.values[0].tolist())) for side in sides]
    letters = frequencies([text for texts in held for text in texts])[0]
    tallest = max((float(bits(texts, letters).sum(1).max(initial=0)) for texts in held if texts), default=0.0)
    for side, texts in zip(reversed(sides), reversed(held), strict=True):
        drawing = logo(texts, f"Logo of {name}, {side.label}", letters, tallest)
        parts.append(f"<h4>{escape(side.label)}</h4>{drawing}")
        shown = "".join(f"<li><code>{escape(one)}</code></li>" for one in texts[:MOST_ROWS])
        parts.append(f'<ol class="sequences scroll">{shown}</ol>')
    model = next(side for side in sides if side.look == MODEL)
    table = [(str(place + 1), *row) for place, row in enumerate(_likeliest(list(map(str, model.values[0].tolist()))))]
    words = f"Letters as high as they are frequent, times what their place tells: {tallest:.2g} bits at the highest."
    header = ("place", "likeliest letter", "share")
    return Plate(name, Markup("".join(parts)), words, header, tuple(table), wide=True)


def logo(texts: Sequence[str], words: str, letters: Sequence[str], tallest: float) -> Markup:
    """A picture of the `bits` of texts, in which a place of `tallest` bits is as high as there is room."""
    if not texts:
        return Markup("")
    shown, parts = bits(texts, letters), []
    for place, row in enumerate(shown / max(tallest, FEWEST_BITS)):
        base = LOGO
        for k in np.argsort(row, kind="stable").tolist():
            if (height := float(row[k]) * LOGO) > FEWEST_BITS * LOGO:
                move = f"translate({14 * place + 7:.0f} {base:.1f}) scale(1 {height / 11.5:.3f})"
                parts.append(f'<text class="letter k{k % 6}" transform="{move}">{escape(letters[k])}</text>')
                base -= height
    return svg(14 * len(shown), LOGO + 2, words, *parts, look="logo")


def bits(texts: Sequence[str], letters: Sequence[str]) -> Numbers:
    r"""What the letters a of the first places tell, $p_a (\log_2 k + \sum_b p_b \log_2 p_b)$ of k; (places, letters).

    >>> bits(["AB", "AC"], ["A", "B", "C", "D"])
    array([[2. , 0. , 0. , 0. ],
           [0. , 0.5, 0.5, 0. ]])
    """
    own, counts = frequencies(texts)
    shares = np.zeros((min(len(counts), MOST_PLACES), len(letters)))
    shares[:, [letters.index(letter) for letter in own]] = counts[:MOST_PLACES]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(shares > 0, shares * np.log2(shares), 0.0).sum(1)
    told: Numbers = shares * (max(np.log2(len(letters)), 1.0) - entropy)[:, None]
    return told


def frequencies(texts: Sequence[str]) -> tuple[list[str], Numbers]:
    """The letters, and their shares at each place, (places, letters); a gap where a text has ended.

    >>> frequencies(["AB", "A"])
    (['-', 'A', 'B'], array([[0. , 1. , 0. ],
           [0.5, 0. , 0.5]]))
    """
    length = max(map(len, texts), default=0)
    table = np.array([list(one.ljust(length, GAP)) for one in texts]).reshape(len(texts), length)
    letters = sorted(set(table.ravel().tolist()))
    return letters, np.stack([(table == letter).mean(0) for letter in letters], axis=1)


def _likeliest(texts: Sequence[str]) -> list[tuple[str, str]]:
    if not texts:
        return []
    letters, counts = frequencies(texts)
    return [(letters[int(row.argmax())], percent(float(row.max()))) for row in counts]
