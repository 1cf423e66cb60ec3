"""For small images: a perceptron that sees all pixels at once, and convolutions beside what it says of each."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from unnoise._checks import refuse, whole
from unnoise.networks.embedding import MOST_WIDTH, Embedding, Shape, check_inputs, check_size, shapes, zeroed
from unnoise.networks.mlp import MLP
from unnoise.networks.unet import ConvolutionBlock


class SmallImage(nn.Module):
    r"""$b + C(x, M(x))$: an MLP M of the whole image says `told` numbers of each pixel, convolutions C look around it.

    For images of a few hundred pixels, which a perceptron can see all at once, and soon knows how their parts go
    together; what lies near each other the convolutions tell. b is a bias of each place, as edges are mostly empty. A
    `UNet` of as many weights takes more than twice the time for a step, and learns less in it.

    Args:
        input_shape: (channels, height, width) of one input.
        cond_features: numbers per condition; 0 for none.
        output_shape: of one output, with as many rows and columns; as the input by default.
        width: of the MLP.
        depth: of the MLP.
        told: numbers that it says of each pixel.
        channels: of the convolutions, a multiple of 8.

    >>> SmallImage((1, 8, 8), width=16, channels=8)(torch.zeros(2, 1, 8, 8), torch.zeros(2)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        input_shape: Shape,
        cond_features: int = 0,
        output_shape: Shape | None = None,
        width: int = 384,
        depth: int = 4,
        told: int = 8,
        channels: int = 32,
    ) -> None:
        input_shape, output_shape = shapes(input_shape, output_shape, 3)
        if len(input_shape) != 3 or input_shape[1:] != output_shape[1:]:
            expected = f"(channels, height, width) in and out, both as large; in is {input_shape}"
            refuse("output_shape", output_shape, expected)
        whole(least=1, most=MOST_WIDTH, told=told)
        told_shape = (told, *input_shape[1:])
        ends = math.prod(input_shape) + math.prod(told_shape)
        check_size(depth, width, lambda: width * (depth * width + ends), channels=channels)
        if channels % 8:
            refuse("channels", channels, "a multiple of 8")
        super().__init__()
        self.input_shape = input_shape
        self.whole = MLP(input_shape, cond_features, told_shape, width=width, depth=depth, beside=True)
        nn.init.normal_(self.whole.last.weight, std=0.5 / math.sqrt(width))
        self.embedding = Embedding(4 * channels, cond_features)
        self.first = nn.Conv2d(input_shape[0] + told, channels, 3, padding=1)
        self.block = ConvolutionBlock(channels, channels, 4 * channels)
        self.norm = nn.GroupNorm(8, channels)
        self.last = zeroed(nn.Conv2d(channels, output_shape[0], 3, padding=1))
        self.bias = nn.Parameter(torch.zeros(output_shape))

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """From x (n, *input_shape), level () or (n,), cond (n, cond_features) or None."""
        check_inputs(x, level, cond, self.input_shape, self.first.weight)
        h = self.first(torch.cat([x, self.whole(x, level, cond)], 1))
        h = self.block(h, nn.functional.silu(self.embedding(level, cond)))
        out: Tensor = self.last(nn.functional.silu(self.norm(h)))
        return out + self.bias
