"""A part of an image: drawn anew given the rest of it, or kept while the rest is drawn; and which parts surprise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.data._numerics import Values
from unnoise.data.holes import Mask
from unnoise.evaluation import Bound
from unnoise.evaluation.closed_form import own_likelihood
from unnoise.look.answers import Answers, quietly
from unnoise.look.drawing import Numbers
from unnoise.look.judging import repeated
from unnoise.look.subjects import Subject, factors_of
from unnoise.look.wholes import is_images
from unnoise.model.masks import negated
from unnoise.model.scoring import estimated_masks

DRAWS = 8
MOST_PATCHES = 100  # whose surprise is told; of larger images they have several pixels
AT_ONCE = 25  # patches
TERMS = 64  # of the bound on each, which takes a second where the exact flow would take a minute


@dataclass(frozen=True)
class Box:
    """Pixels from `top` to before `bottom`, and from `left` to before `right`.

    >>> Box(1, 0, 3, 2).inside((3, 3)).astype(int)
    array([[0, 0, 0],
           [1, 1, 0],
           [1, 1, 0]])
    """

    top: int
    left: int
    bottom: int
    right: int

    def inside(self, size: tuple[int, int]) -> Mask:
        """Which pixels of an image are, (height, width) bool."""
        mask = np.zeros(size, dtype=bool)
        mask[self.top : self.bottom, self.left : self.right] = True
        return mask

    @property
    def area(self) -> int:
        """How many pixels."""
        return (self.bottom - self.top) * (self.right - self.left)


def image_column(answers: Answers, about: Mapping[str, Subject]) -> str | None:
    """The column of images, where the data are images and can be asked about in part; else None."""
    whole = [name for name, one in about.items() if one.whole and not one.condition]
    if len(whole) != 1 or not answers.answers_questions:
        return None
    factor = factors_of(answers.schema)[whole[0]]
    return whole[0] if is_images(factor.decode(factor.anywhere[None])[whole[0]]) else None


def size_of(image: Values) -> tuple[int, int]:
    """The height and the width of one image in any of its forms.

    >>> size_of(np.zeros((3, 8, 6))), size_of(np.zeros((8, 6, 1))), size_of(np.zeros((8, 6)))
    ((8, 6), (8, 6), (8, 6))
    """
    height, width = image.shape[1:] if image.ndim == 3 and image.shape[0] in (1, 3) else image.shape[:2]
    return int(height), int(width)


def over(mask: Mask, image: Values) -> Mask:
    """The mask of pixels, (..., height, width), over the channels of an image, where it has some."""
    if image.ndim == 2:
        return mask
    return mask[..., None, :, :] if image.shape[0] in (1, 3) else mask[..., None]


def redrawn(answers: Answers, image: Values, hidden: Mask, y: Any, seed: int) -> Values:
    """Draws of the hidden pixels given the others, (draws, *shape).

    Args:
        answers: the model.
        image: one, in a form of the data.
        hidden: (height, width) bool.
        y: conditions that are no columns, for one row.
        seed: of the draws.

    Raises:
        InputError: every pixel is hidden, or none.
    """
    if hidden.all() or not hidden.any():
        raise InputError("Some pixels must be drawn and some kept; choose a smaller rectangle, or one with pixels.")
    holes = np.where(over(hidden, image), np.nan, image)
    with quietly(), answers.stoppable():
        return np.concatenate(answers.model.impute(holes[None], y, draws=DRAWS, seed=seed))


def patches_of(size: tuple[int, int]) -> list[Box]:
    """Squares that cover an image, as small as few enough of them can be.

    >>> len(patches_of((8, 8))), len(patches_of((28, 28))), patches_of((28, 28))[-1]
    (64, 100, Box(top=27, left=27, bottom=28, right=28))
    """
    height, width = size
    side = math.ceil(math.sqrt(height * width / MOST_PATCHES))
    return [
        Box(top, left, min(top + side, height), min(left + side, width))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def surprises(answers: Answers, image: Values, patches: Sequence[Box], y: Any, seed: int) -> Numbers:
    r"""$-\log p(\text{patch} \mid \text{the rest of the image})$ for a pixel of each patch, on average, in nats."""
    found, size = [], size_of(image)
    with quietly(), answers.stoppable():
        for start in range(0, len(patches), AT_ONCE):
            answers.go_on()
            some = patches[start : start + AT_ONCE]
            hidden = over(np.stack([one.inside(size) for one in some]), image)
            found.append(_log_probs(answers, image, hidden, repeated(y, len(some)), seed + start))
    return -np.concatenate(found) / [one.area for one in patches]


def _log_probs(answers: Answers, image: Values, hidden: Mask, y: Any, seed: int) -> Numbers:
    """Of the hidden pixels of an image given the others, with others hidden in every row."""
    schema, n = answers.schema, len(hidden)
    known = schema.encode(np.where(hidden, np.nan, image), y).known
    encoded = schema.encode(np.repeat(image[None], n, axis=0), y)
    likelihood = None if own_likelihood(answers.model.denoiser_) else Bound(draws=TERMS)
    found = estimated_masks(answers.model, encoded, negated(known), generator(seed), likelihood)
    return found.log_prob.double().numpy()
