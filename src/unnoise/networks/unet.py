"""A U-Net, for images: residual blocks at halving resolutions, with skips."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unnoise._checks import counts, flag, refuse, whole
from unnoise.networks.embedding import Embedding, Shape, check_inputs, check_size, shapes, zeroed


class UNet(nn.Module):
    """An encoder and a decoder of residual blocks, modulated by noise level and condition (Ho et al. 2020).

    Odd sizes are halved rounding up and cropped on the way back.

    Args:
        input_shape: (channels, height, width) of one input.
        cond_features: numbers per condition; 0 for none.
        output_shape: of one output, with as many rows and columns; as the input by default.
        width: channels at the highest resolution, a multiple of 8.
        multipliers: channels at each resolution, as multiples of width.
        attention: whether the lowest resolution attends to itself.

    >>> UNet((1, 9, 9), width=8, multipliers=(1, 2))(torch.zeros(2, 1, 9, 9), torch.zeros(2)).shape
    torch.Size([2, 1, 9, 9])
    """

    def __init__(
        self,
        input_shape: Shape,
        cond_features: int = 0,
        output_shape: Shape | None = None,
        width: int = 64,
        multipliers: Shape = (1, 2, 2),
        blocks: int = 2,
        attention: bool = True,
    ) -> None:
        input_shape, output_shape = shapes(input_shape, output_shape, 3)
        if len(input_shape) != 3 or input_shape[1:] != output_shape[1:]:
            refuse(
                "output_shape",
                output_shape,
                f"(channels, height, width) in and out, both as large; in is {input_shape}",
            )
        multipliers = counts("multipliers", multipliers, least=1, most=1_000)
        whole(least=1, most=1_000, blocks=blocks)
        largest = 4 * max(multipliers) ** 2 + 8 * max(multipliers)
        check_size(blocks * len(multipliers), width, lambda: 9 * blocks * len(multipliers) * largest * width**2)
        flag(attention=attention)
        if width % 8:
            refuse("width", width, "a multiple of 8")
        super().__init__()
        channels, channels_out = input_shape[0], output_shape[0]
        embedding = 4 * width
        self.embedding = Embedding(embedding, cond_features)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        widths = [width * m for m in multipliers]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()  # `blocks` at each resolution
        current = width
        for size in [size for size in widths for _ in range(blocks)]:
            self.down.append(ConvolutionBlock(current, size, embedding))
            current = size
        self.middle = nn.ModuleList(ConvolutionBlock(current, current, embedding) for _ in range(2))
        self.attention = Attention(current) if attention else None
        for size in [size for size in reversed(widths) for _ in range(blocks)]:
            self.up.append(ConvolutionBlock(current + size, size, embedding))
            current = size
        self.blocks = blocks
        self.norm = nn.GroupNorm(8, current)
        self.last = zeroed(nn.Conv2d(current, channels_out, 3, padding=1))

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """From x (n, *input_shape), level () or (n,), cond (n, cond_features) or None."""
        check_inputs(x, level, cond, (self.first.in_channels, None, None), self.first.weight)
        embedded = nn.functional.silu(self.embedding(level, cond))
        h = self.first(x)
        skips: list[Tensor] = []
        for index, block in enumerate(self.down):
            new_resolution = index > 0 and index % self.blocks == 0
            h = block(nn.functional.avg_pool2d(h, 2, ceil_mode=True) if new_resolution else h, embedded)
            skips.append(h)
        h = self.middle[0](h, embedded)
        h = h if self.attention is None else self.attention(h)
        h = self.middle[1](h, embedded)
        for block in self.up:
            h = block(torch.cat([_upsample(h, skips[-1]), skips.pop()], 1), embedded)
        out: Tensor = self.last(nn.functional.silu(self.norm(h)))
        return out


class ConvolutionBlock(nn.Module):
    """Two 3x3 convolutions; the embedding scales and shifts between them."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(8, channels_in), nn.GroupNorm(8, channels_out)
        self.conv_1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * channels_out)
        self.skip = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """The features of x, (n, channels_in, height, width)."""
        h = self.conv_1(nn.functional.silu(self.norm_1(x)))
        scale, shift = self.modulation(embedded)[..., None, None].chunk(2, 1)
        h = self.conv_2(nn.functional.silu(self.norm_2(h) * (1 + scale) + shift))
        out: Tensor = self.skip(x) + h
        return out


class Attention(nn.Module):
    """Residual self-attention over the pixels, one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The sum of x, (n, channels, height, width), and what its pixels tell each other."""
        query, key, value = self.project(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, -1)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        return out


def _upsample(h: Tensor, like: Tensor) -> Tensor:
    if h.shape[-2:] == like.shape[-2:]:
        return h
    h = nn.functional.interpolate(h, scale_factor=2, mode="nearest")
    return h[..., : like.shape[-2], : like.shape[-1]]
