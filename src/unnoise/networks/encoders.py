"""Conditions as a network sees them: what turns pictures, sequences and sets into the vector that backbones take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unnoise._checks import flag, instance, refuse, whole
from unnoise._errors import InputError
from unnoise.networks.embedding import MOST_WIDTH, Shape, check_batch, check_size, shapes

SMALLEST = 4  # rows and columns of a picture, from which it is not halved any more


class ImageEncoder(nn.Module):
    """Convolutions that halve a picture until it is 4 x 4 or smaller, then a linear map of all that is left.

    Args:
        input_shape: (channels, height, width) of one picture.
        features: numbers that stand for a picture.
        width: channels of the first convolution, a multiple of 4; each halving doubles them, up to 4 times as many.

    >>> ImageEncoder((1, 9, 9), 5, width=8)(torch.zeros(2, 1, 9, 9)).shape
    torch.Size([2, 5])
    """

    def __init__(self, input_shape: Shape, features: int = 64, width: int = 32) -> None:
        (channels, height, breadth), _ = shapes(input_shape, None, 3)
        whole(least=1, most=MOST_WIDTH, features=features)
        check_size(1, width, lambda: 9 * width * (channels + 32 * width) + 64 * width * features)
        if width % 4:
            refuse("width", width, "a multiple of 4")
        super().__init__()
        self.input_shape = (channels, height, breadth)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.SiLU()]
        current = width
        while max(height, breadth) > SMALLEST:
            wider = min(2 * current, 4 * width)
            layers += [nn.Conv2d(current, wider, 3, stride=2, padding=1), nn.GroupNorm(4, wider), nn.SiLU()]
            current, height, breadth = wider, (height + 1) // 2, (breadth + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(current * height * breadth, features))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (n, channels, height, width) as (n, features)."""
        check_batch(x, self.input_shape, next(self.parameters()))
        code: Tensor = self.layers(x)
        return code


class TokenEncoder(nn.Module):
    """A transformer over the tokens and one more place, from which the numbers are read.

    Args:
        input_shape: (places,) of one sequence.
        features: numbers that stand for a sequence.
        states: how many tokens there are, with 0, which fills what is after the end and is not looked at.
        width: numbers per place inside, a multiple of `heads`.

    >>> TokenEncoder((7,), 5, states=4, width=8)(torch.zeros(2, 7)).shape
    torch.Size([2, 5])
    """

    def __init__(
        self, input_shape: Shape, features: int = 64, states: int = 2, width: int = 64, depth: int = 1, heads: int = 4
    ) -> None:
        (places,), _ = shapes(input_shape, None, 1)
        whole(least=1, most=MOST_WIDTH, features=features)
        whole(least=1, states=states)
        check_size(depth, width, lambda: width * (12 * depth * width + places + states + features), heads=heads)
        if width % heads:
            raise InputError(f"got width {width} and {heads} heads; the width must be a multiple of the heads")
        super().__init__()
        self.tokens = nn.Embedding(states, width)
        self.positions = nn.Embedding(places + 1, width)
        options: Any = {"dim_feedforward": 2 * width, "dropout": 0.0, "batch_first": True, "norm_first": True}
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(width, heads, **options) for _ in range(depth))
        self.last = nn.Linear(width, features)

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of tokens (n, places), of any type, as (n, features)."""
        check_batch(x, (self.positions.num_embeddings - 1,), None)
        tokens = x.long()
        if tokens.device.type == "cpu" and tokens.numel():  # an accelerator would have to wait
            whole(most=self.tokens.num_embeddings - 1, token=int(tokens.min()))
            whole(most=self.tokens.num_embeddings - 1, token=int(tokens.max()))
        h = nn.functional.pad(self.tokens(tokens), (0, 0, 1, 0)) + self.positions.weight
        unseen = nn.functional.pad(tokens == 0, (1, 0), value=False)
        for layer in self.layers:
            h = layer(h, src_key_padding_mask=unseen)
        code: Tensor = self.last(h[:, 0])
        return code


class SetEncoder(nn.Module):
    r"""$\rho\big(\frac1m\sum_i\phi(u_i),\ \log m\big)$, whatever the order of the observations (Zaheer et al. 2017).

    The number m tells how sure one may be of the mean (Radev et al. 2020, arXiv 2003.06281).

    Args:
        input_shape: (numbers,) of one observation.
        features: numbers that stand for a set.
        width: of both networks, of one hidden layer each.

    >>> encoder = SetEncoder((2,), 5, width=8)
    >>> marked = torch.tensor([[[1.0, 2.0, 3.0], [1.0, 4.0, 5.0], [0.0, 0.0, 0.0]]])
    >>> torch.allclose(encoder(marked), encoder(marked[:, [1, 0]]), atol=1e-6)
    True
    """

    def __init__(self, input_shape: Shape, features: int = 64, width: int = 64) -> None:
        (numbers,), _ = shapes(input_shape, None, 1)
        whole(least=1, most=MOST_WIDTH, features=features)
        check_size(1, width, lambda: width * (numbers + 2 * width + features))
        super().__init__()
        self.numbers = numbers
        self.each = nn.Sequential(nn.Linear(numbers, width), nn.SiLU(), nn.Linear(width, width))
        self.every = nn.Sequential(nn.Linear(width + 1, width), nn.SiLU(), nn.Linear(width, features))

    def forward(self, x: Tensor) -> Tensor:
        """Sets (n, any, 1 + numbers), whose first number is 1 where there is an observation, as (n, features)."""
        check_batch(x, (None, 1 + self.numbers), next(self.parameters()))
        there, seen = x[..., :1], x[..., 1:]
        count = there.sum(1).clamp(min=1)
        mean = (there * self.each(seen)).sum(1) / count
        code: Tensor = self.every(torch.cat([mean, count.log()], -1))
        return code


class Conditioned(nn.Module):
    """A backbone behind encoders of its conditions, which are trained with it.

    A condition (n, numbers) is cut into parts, each part is read by its encoder, and the backbone is given what they
    make of them, side by side.

    Args:
        network: the backbone.
        encoders: one for each part, (n, *shape) -> (n, features); None for a part that is given as it is.
        layouts: the shape of each part; -1 as its first number stands for as many as there are, in all such parts
            alike, which come last.
        optional: whether one more number stands at the end, 1 where a row says nothing of its condition, else 0; the
            backbone is then given zeros and this number.

    >>> from unnoise.networks import MLP
    >>> network = Conditioned(MLP((3,), 5 + 2, width=8), [None, SetEncoder((1,), 5)], [(2,), (-1, 2)])
    >>> network(torch.zeros(4, 3), torch.zeros(4), torch.ones(4, 2 + 6)).shape
    torch.Size([4, 3])
    """

    def __init__(
        self,
        network: nn.Module,
        encoders: Sequence[nn.Module | None],
        layouts: Sequence[Shape],
        optional: bool = False,
    ) -> None:
        instance(nn.Module, network=network)
        instance(list, tuple, encoders=encoders, layouts=layouts)
        for encoder in encoders:
            instance(nn.Module, or_none=True, encoder=encoder)
        if len(encoders) != len(layouts) or not all(_is_layout(one) for one in layouts):
            refuse("layouts", layouts, f"{len(encoders)} shapes, one for each encoder")
        ragged = [one[0] == -1 for one in layouts]
        if ragged != sorted(ragged):
            refuse("layouts", layouts, "ones that begin with -1 after all others")
        flag(optional=optional)
        super().__init__()
        self.network, self.optional = network, optional
        self.encoders = nn.ModuleList(nn.Identity() if one is None else one for one in encoders)
        self.layouts = [tuple(one) for one in layouts]

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """As the backbone, with conditions (n, numbers)."""
        out: Tensor = self.network(x, level, self.read(cond))
        return out

    def read(self, cond: Tensor | None) -> Tensor:
        """What the backbone is given of conditions (n, numbers): (n, features), the same at every noise level."""
        parts = self._parts(cond)
        flat = torch.cat([encoder(part).flatten(1) for encoder, part in zip(self.encoders, parts, strict=True)], -1)
        if self.optional and cond is not None:
            unknown = cond[:, -1:]
            flat = torch.cat([(1 - unknown) * flat, unknown], -1)
        return flat

    def _parts(self, cond: Tensor | None) -> list[Tensor]:
        fixed = sum(math.prod(one) for one in self.layouts if one[0] != -1)
        each = sum(math.prod(one[1:]) for one in self.layouts if one[0] == -1)
        left = (0 if cond is None else cond.shape[-1]) - fixed - self.optional
        if cond is None or left < each or (left % each if each else left):
            got = "no conditions" if cond is None else f"conditions of {cond.shape[-1]} numbers"
            more = f", and a multiple of {each} more" if each else ""
            raise InputError(f"got {got} for a network whose encoders read {fixed + self.optional} numbers{more}")
        many = left // each if each else 0
        sizes = [math.prod(one) if one[0] != -1 else many * math.prod(one[1:]) for one in self.layouts]
        parts = torch.split(cond[:, : sum(sizes)], sizes, dim=-1)
        return [part.reshape(len(cond), *one) for part, one in zip(parts, self.layouts, strict=True)]


def _is_layout(one: object) -> bool:
    return (
        isinstance(one, tuple)
        and bool(one)
        and all(type(n) is int and (n > 0 or (n == -1 and i == 0)) for i, n in enumerate(one))
    )
