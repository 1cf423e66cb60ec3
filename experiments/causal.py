"""The rival of denoisers of text: a transformer that sees what came before, trained by the same loop."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unnoise.denoisers import Denoiser
from unnoise.objectives import Objective
from unnoise.objectives.base import ALL, Loss

ANY_TIME = torch.tensor(0.5)  # the network is not told it
SMALLEST = 1e-30


class Causal(nn.Module):
    """Blocks as those of `Transformer`, of PyTorch, whose sites see only those before them.

    Args:
        input_shape: (channels, sites).
        cond_features: 0.
        output_shape: (channels, sites) of the output.
        width: numbers per site inside.
        depth: blocks.
        heads: of attention.
    """

    def __init__(
        self,
        input_shape: tuple[int, int],
        cond_features: int,
        output_shape: tuple[int, int],
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
    ) -> None:
        super().__init__()
        channels, sites = input_shape
        options: Any = {"dropout": 0.0, "activation": nn.GELU(approximate="tanh"), "batch_first": True}
        layers = (nn.TransformerEncoderLayer(width, heads, 4 * width, norm_first=True, **options) for _ in range(depth))
        self.layers = nn.ModuleList(layers)
        self.first, self.positions = nn.Linear(channels, width), nn.Embedding(sites, width)
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, output_shape[0])
        self.register_buffer("unseen", nn.Transformer.generate_square_subsequent_mask(sites), persistent=False)

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """From x (n, channels, sites), for every site what follows the sites before it."""
        before = nn.functional.pad(x[..., :-1], (1, 0))
        h = self.first(before.mT) + self.positions.weight
        for layer in self.layers:
            h = layer(h, src_mask=self.unseen, is_causal=True)
        out: Tensor = self.last(self.norm(h))
        return out.mT


class NextLetter(Objective):
    """-log p of the letters, each given those before it, in nats: a likelihood, not a bound."""

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The sum over letters."""
        likely = denoiser(x_0[rows], ANY_TIME).gather(-1, x_0[rows][..., None])[..., 0]
        return Loss(-likely.clamp(min=SMALLEST).log().sum(1))


@torch.no_grad()
def continued(denoiser: Denoiser, n: int, rng: torch.Generator) -> Tensor:
    """Letters that are drawn one after the other, (n, sites)."""
    (sites,) = denoiser.process.space.event_shape
    x = torch.zeros(n, sites, dtype=torch.long)
    for site in range(sites):
        law = denoiser(x, ANY_TIME)[:, site]
        x[:, site] = torch.multinomial(law, 1, generator=rng)[:, 0]
    return x
