"""A residual network of two-layer blocks, for the rows of tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unnoise.networks.embedding import Embedding, Shape, check_inputs, check_size, shapes, zeroed


class ResNet(nn.Module):
    r"""`depth` blocks $h \leftarrow h + W_2\,\mathrm{silu}(W_1\,\mathrm{norm}(h) + e)$, and a norm before the output.

    (Gorishniy et al. 2021, arXiv 2106.11959, without dropout, and with layer norms for batch norms.)

    Args:
        input_shape: shape of one input.
        cond_features: numbers per condition; 0 for none.
        output_shape: of one output; as the input by default.
        width: of the rows between blocks.
        depth: how many blocks.
        embedding: width of the embedding of level and condition.

    >>> ResNet((3,), width=32, depth=2)(torch.zeros(5, 3), torch.zeros(())).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        input_shape: Shape,
        cond_features: int = 0,
        output_shape: Shape | None = None,
        width: int = 256,
        depth: int = 4,
        embedding: int = 128,
    ) -> None:
        input_shape, self.output_shape = shapes(input_shape, output_shape)
        ends = math.prod(input_shape) + math.prod(self.output_shape)
        check_size(depth, width, lambda: width * (depth * (2 * width + embedding) + ends), embedding=embedding)
        super().__init__()
        self.embedding = Embedding(embedding, cond_features)
        self.first = nn.Linear(math.prod(input_shape), width)
        self.blocks = nn.ModuleList(_Block(width, embedding) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.last = zeroed(nn.Linear(width, math.prod(self.output_shape)))

    def begin(self, output: Tensor) -> None:
        """Give this output, (*output_shape), whatever is seen, until training tells otherwise."""
        with torch.no_grad():
            self.last.weight.zero_()
            self.last.bias.copy_(output.flatten())

    def at_levels(self, levels: Tensor, cond: Tensor | None = None) -> list[tuple[Tensor, ...]]:
        """What the blocks are told of each of these levels, (k,), and of conditions (n, cond_features): for `forward`.

        A run over many levels works this out once, by products of matrices, and not once per level.
        """
        embedded = nn.functional.silu(self.embedding.at_each(levels, cond))
        return list(zip(*(shift(embedded).unbind() for shift in self._shifts()), strict=True))

    def forward(
        self, x: Tensor, level: Tensor, cond: Tensor | None = None, shifts: tuple[Tensor, ...] | None = None
    ) -> Tensor:
        """From x (n, *input_shape), level () or (n,), cond (n, cond_features) or None; shifts of `at_levels`."""
        check_inputs(x, level, cond, (self.first.in_features,), self.first.weight, reshapes=True)
        if shifts is None:
            embedded = nn.functional.silu(self.embedding(level, cond))
            shifts = tuple(shift(embedded) for shift in self._shifts())
        h = self.first(x.reshape(x.shape[0], self.first.in_features))
        for block, shift in zip(self.blocks, shifts, strict=True):
            h = block(h, shift)
        out: Tensor = self.last(self.norm(h))
        return out.reshape(x.shape[0], *self.output_shape)

    def _shifts(self) -> Iterator[nn.Linear]:
        return (block.shift for block in self.blocks)  # type: ignore[misc]


class _Block(nn.Module):
    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(width), nn.Linear(width, width)
        self.shift, self.outer = nn.Linear(embedding, width), zeroed(nn.Linear(width, width))

    def forward(self, h: Tensor, shift: Tensor) -> Tensor:
        inner = self.inner(self.norm(h)) + shift
        out: Tensor = h + self.outer(nn.functional.silu(inner))
        return out
