"""A transformer, for sequences and sets of sites."""

from __future__ import annotations

from torch import Tensor, nn

from unnoise._checks import refuse, whole
from unnoise._errors import InputError
from unnoise.networks.embedding import MOST_WIDTH, Embedding, Shape, check_inputs, check_size, shapes, zeroed


class Transformer(nn.Module):
    r"""A stack of `depth` blocks of attention and MLP over the sites, modulated by noise level and condition.

    A block is $h \leftarrow h + g_1\,\mathrm{attention}(m_1(h))$, $h \leftarrow h + g_2\,\mathrm{mlp}(m_2(h))$ with
    $m(h) = (1 + s)\,\mathrm{norm}(h) + b$; $g$, $s$ and $b$ are linear in the embedding. Gates and the last layer start
    at zero (Vaswani et al. 2017, arXiv 1706.03762; Peebles and Xie 2023, arXiv 2212.09748).

    Args:
        input_shape: (channels, sites) of one input; positions are learnt, so the number of sites is fixed.
        cond_features: numbers per condition; 0 for none.
        output_shape: (channels, sites) of one output; as the input by default.
        width: numbers per site inside, a multiple of `heads`.
        depth: blocks.
        heads: of attention.
        window: how many sites in a row, an odd number, the first layer sees around each. More than one where neighbours
            say most of a site, as in text: attention is long in finding them.

    >>> import torch
    >>> Transformer((3, 20), output_shape=(5, 20), width=16, depth=1)(torch.zeros(2, 3, 20), torch.zeros(())).shape
    torch.Size([2, 5, 20])
    """

    def __init__(
        self,
        input_shape: Shape,
        cond_features: int = 0,
        output_shape: Shape | None = None,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        window: int = 1,
    ) -> None:
        input_shape, output_shape = shapes(input_shape, output_shape)
        _check(input_shape, output_shape)
        (channels, sites), channels_out = input_shape, output_shape[0]
        whole(least=1, most=MOST_WIDTH, window=window)
        if window % 2 == 0:
            refuse("window", window, "an odd number, as many sites to the left as to the right")
        seen = channels * window
        check_size(depth, width, lambda: width * (18 * depth * width + seen + sites + channels_out), heads=heads)
        if width % heads:
            raise InputError(f"got width {width} and {heads} heads; the width must be a multiple of the heads")
        super().__init__()
        self.input_shape = input_shape
        self.embedding = Embedding(width, cond_features)
        self.first = nn.Linear(channels, width) if window == 1 else nn.Conv1d(channels, width, window, padding="same")
        self.positions = nn.Embedding(sites, width)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.last = zeroed(nn.Linear(width, channels_out))
        nn.init.normal_(self.positions.weight, std=0.5)

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """From x (n, *input_shape), level () or (n,), cond (n, cond_features) or None."""
        check_inputs(x, level, cond, self.input_shape, self.first.weight)
        embedded = nn.functional.silu(self.embedding(level, cond))
        h = self._first(x) + self.positions.weight
        for block in self.blocks:
            h = block(h, embedded)
        out: Tensor = self.last(self.norm(h))
        return out.transpose(1, 2)

    def _first(self, x: Tensor) -> Tensor:
        first: Tensor = self.first(x).transpose(1, 2) if isinstance(self.first, nn.Conv1d) else self.first(x.mT)
        return first


class AttentionBlock(nn.Module):
    """Self-attention over the sites, then an MLP at every site; both residual and gated."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.modulation = zeroed(nn.Linear(width, 6 * width))
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, h: Tensor, embedded: Tensor) -> Tensor:
        """The next features of h: (n, sites, width), embedded: (n or 1, width)."""
        scale_1, shift_1, gate_1, scale_2, shift_2, gate_2 = self.modulation(embedded)[:, None].chunk(6, -1)
        h = h + gate_1 * self._attention(self.norm_1(h) * (1 + scale_1) + shift_1)
        out: Tensor = h + gate_2 * self.mlp(self.norm_2(h) * (1 + scale_2) + shift_2)
        return out

    def _attention(self, h: Tensor) -> Tensor:
        parts = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.project(h).chunk(3, -1))
        mixed = nn.functional.scaled_dot_product_attention(*parts)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


def _check(input_shape: Shape, output_shape: Shape) -> None:
    if len(input_shape) != 2 or len(output_shape) != 2 or input_shape[1] != output_shape[1]:
        got = f"the shapes {input_shape} and {output_shape}"
        raise InputError(f"got {got}; a transformer expects (channels, sites) in and out, with as many sites")
