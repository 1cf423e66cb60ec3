"""Blocks of real numbers and pictures as conditions, each with mean 0 and spread 1 over the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from torch import nn

from unnoise.data import _numerics
from unnoise.data._checked import check, check_scale, check_shape
from unnoise.data._numerics import Floats, Values
from unnoise.data.features.base import Block, as_values, stacked, whole
from unnoise.networks import ImageEncoder

_LEAST = float(np.finfo(np.float64).tiny)
CODE = 64  # numbers that an encoder makes of one value


@dataclass(frozen=True)
class Vector(Block):
    """Real numbers of any shape, each with its own mean and spread.

    >>> seen = Vector.fit(np.array([[1.0, 10.0], [3.0, 30.0]]), "seen")
    >>> seen.features(np.array([[3.0, 20.0]]), "seen")
    array([[1., 0.]])
    """

    name: ClassVar[str] = "vector"
    shape: tuple[int, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        check_shape(self.shape)
        size = math.prod(self.shape)
        check(len(self.means) == len(self.scales) == size, "means, scales", self.means, f"{size} numbers each")
        for scale in self.scales:
            check_scale(scale, _LEAST)

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """Means and spreads; a number that never varies is only centred."""
        values = whole(stacked(values, column), column)
        found = [_numerics.moments(part) for part in values.reshape(len(values), -1).T]
        return cls(values.shape[1:], tuple(mean for mean, _ in found), tuple(scale or 1.0 for _, scale in found))

    @property
    def block(self) -> tuple[int, ...]:
        """As the data had it."""
        return self.shape

    @property
    def width(self) -> int:
        """All numbers of a value."""
        return math.prod(self.shape)

    def features(self, values: Values, column: str) -> Floats:
        """The numbers, standardised."""
        flat = self.checked(stacked(values, column), column).reshape(len(values), -1).astype(np.float64)
        found: Floats = (flat - np.array(self.means)) / np.array(self.scales)
        return found

    def __str__(self) -> str:
        return f"vector, {' x '.join(map(str, self.shape))} numbers"


@dataclass(frozen=True)
class Picture(Block):
    """Grey pictures (H, W) or pictures of several channels (C, H, W), each channel with its mean and spread.

    A small convolutional network reads them, `networks.ImageEncoder` or that of `encoders`, called with the shape
    (C, H, W) and how many numbers it makes of a picture.

    >>> photos = Picture.fit(np.arange(32, dtype=np.uint8).reshape(2, 4, 4), "photo")
    >>> str(photos), photos.width
    ('image, 1 x 4 x 4', 16)
    """

    name: ClassVar[str] = "image"
    shape: tuple[int, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        check_shape(self.shape)
        check(len(self.shape) in (2, 3), "shape", self.shape, "(height, width) or (channels, height, width)")
        channels = self.channels[0]
        check(len(self.means) == len(self.scales) == channels, "means, scales", self.means, f"{channels} numbers each")
        for scale in self.scales:
            check_scale(scale, _LEAST)

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The mean and the spread of every channel."""
        values = whole(stacked(values, column), column)
        check(values.ndim in (3, 4), f"the condition '{column}'", values.shape, "pictures (n, H, W) or (n, C, H, W)")
        channels = values[:, None] if values.ndim == 3 else values
        found = [_numerics.moments(channels[:, i]) for i in range(channels.shape[1])]
        return cls(values.shape[1:], tuple(mean for mean, _ in found), tuple(scale or 1.0 for _, scale in found))

    @property
    def block(self) -> tuple[int, ...]:
        """As the data had it."""
        return self.shape

    @property
    def channels(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return self.shape if len(self.shape) == 3 else (1, *self.shape)

    @property
    def width(self) -> int:
        """All pixels."""
        return math.prod(self.shape)

    @property
    def layout(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return self.channels

    def encoder(self, make: Callable[..., nn.Module] | None) -> nn.Module:
        """A convolutional network."""
        return (make or ImageEncoder)(self.channels, CODE)

    @property
    def code(self) -> int:
        """The numbers that stand for a picture."""
        return CODE

    def features(self, values: Values, column: str) -> Floats:
        """The pixels, standardised, channel by channel."""
        pictures = self.checked(stacked(values, column), column).reshape(-1, *self.channels).astype(np.float64)
        means, scales = (np.array(numbers)[:, None, None] for numbers in (self.means, self.scales))
        found: Floats = ((pictures - means) / scales).reshape(len(pictures), -1)
        return found

    def checked(self, values: Values, column: str) -> Values:
        """The values; grey pictures may have a channel of their own or none."""
        return super().checked(self._with_channel(values), column)

    def given(self, value: Any, column: str, n: int) -> Values:
        """Pictures of n rows, from one for all rows or one for each."""
        return super().given(self._with_channel(stacked(as_values(value, column), column)), column, n)

    def _with_channel(self, values: Values) -> Values:
        """Grey pictures in the shape of the data."""
        if self.channels[0] > 1 or values.shape == self.shape:
            return values
        if (
            len(self.shape) == 3
            and values.ndim in (2, 3)
            and values.shape[-2:] == self.shape[1:]
            and values.shape[1:] != self.shape
        ):
            return values[..., None, :, :]
        return values[:, 0] if len(self.shape) == 2 and values.shape[1:] == self.channels else values

    def noun(self, shape: tuple[int, ...]) -> str:
        """As pictures of 1 x 8 x 8."""
        if len(shape) not in (2, 3):
            return super().noun(shape)
        return f"pictures of {' x '.join(map(str, shape if len(shape) == 3 else (1, *shape)))}"

    @property
    def example(self) -> Any:
        """Words for a picture."""
        return f"a picture of shape {self.shape}"

    def __str__(self) -> str:
        return f"image, {' x '.join(map(str, self.channels))}"
