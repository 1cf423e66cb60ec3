"""A residual multilayer perceptron, for vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from unnoise._checks import flag
from unnoise.networks.embedding import Embedding, Shape, check_inputs, check_size, shapes, zeroed


class MLP(nn.Module):
    r"""`depth` pre-activation residual layers, $h \leftarrow h + W\,\mathrm{silu}(\mathrm{norm}(h) + e)$.

    Args:
        input_shape: shape of one input.
        cond_features: numbers per condition; 0 for none.
        output_shape: of one output; as the input by default.
        embedding: width of the embedding.
        beside: whether the condition also stands beside the input, where a first layer can compare them.

    >>> MLP((3,), width=32, depth=2)(torch.zeros(5, 3), torch.zeros(())).shape
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
        beside: bool = False,
    ) -> None:
        flag(beside=beside)
        input_shape, self.output_shape = shapes(input_shape, output_shape)
        ends = math.prod(input_shape) + math.prod(self.output_shape)
        check_size(depth, width, lambda: width * (depth * (width + embedding) + ends), embedding=embedding)
        super().__init__()
        self.embedding = Embedding(embedding, cond_features)
        self.numbers, self.beside = math.prod(input_shape), beside and cond_features > 0
        self.first = nn.Linear(self.numbers + (cond_features if self.beside else 0), width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.shifts = nn.ModuleList(nn.Linear(embedding, width) for _ in range(depth))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = zeroed(nn.Linear(width, math.prod(self.output_shape)))

    def at_levels(self, levels: Tensor, cond: Tensor | None = None) -> list[tuple[Tensor, ...]]:
        """What the layers are told of each of these levels, (k,), and of conditions (n, cond_features): for `forward`.

        A run over many levels works this out once, by products of matrices, and not once per level.
        """
        embedded = nn.functional.silu(self.embedding.at_each(levels, cond))
        return list(zip(*(shift(embedded).unbind() for shift in self.shifts), strict=True))

    def forward(
        self, x: Tensor, level: Tensor, cond: Tensor | None = None, shifts: tuple[Tensor, ...] | None = None
    ) -> Tensor:
        """From x (n, *input_shape), level () or (n,), cond (n, cond_features) or None; shifts of `at_levels`."""
        check_inputs(x, level, cond, (self.numbers,), self.first.weight, reshapes=True)
        if shifts is None:
            embedded = nn.functional.silu(self.embedding(level, cond))
            shifts = tuple(shift(embedded) for shift in self.shifts)
        seen = x.reshape(x.shape[0], self.numbers)
        if self.beside and cond is not None:
            seen = torch.cat([seen, cond.expand(x.shape[0], -1)], 1)
        h = self.first(seen)
        for norm, shift, layer in zip(self.norms, shifts, self.layers, strict=True):
            h = h + layer(nn.functional.silu(norm(h) + shift))
        out: Tensor = self.last(nn.functional.silu(h))
        return out.reshape(x.shape[0], *self.output_shape)
