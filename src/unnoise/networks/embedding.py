"""How a scalar noise level and a condition enter a network."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from unnoise._errors import InputError


class Embedding(nn.Module):
    r"""(level, cond) -> (n, width): sines and cosines of the level, and a linear map of the condition, through an MLP.

    Args:
        width: size of the embedding.
        cond_features: how many numbers describe the condition; 0 for none.
        frequencies: how many angular frequencies, log-spaced from 1 to `highest`.

    Raises:
        InputError: when called: a condition where there should be none, none where there should be one, or one of
            another width or precision.
    """

    frequencies: Tensor

    def __init__(self, width: int, cond_features: int = 0, frequencies: int = 16, highest: float = 64.0) -> None:
        super().__init__()
        octaves = torch.linspace(0, math.log(highest), frequencies).exp()
        self.register_buffer("frequencies", octaves, persistent=False)
        self.level = nn.Linear(2 * frequencies, width)
        self.cond = nn.Linear(cond_features, width) if cond_features else None
        self.out = nn.Linear(width, width)

    def forward(self, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """Embed levels of shape (n,) or (1,); one level without conditions gives one row, which broadcasts."""
        angles = level.reshape(-1, 1) * self.frequencies
        hidden = self.level(torch.cat([angles.sin(), angles.cos()], -1))
        if self.cond is not None:
            hidden = hidden + self.cond(self._checked(cond, level.dtype, self.cond.in_features))
        elif cond is not None:
            raise InputError(
                f"got a condition of shape {tuple(cond.shape)}, and the network was built without: build it with "
                "cond_features, or leave the condition out"
            )
        embedded: Tensor = self.out(nn.functional.silu(hidden))
        return embedded

    @staticmethod
    def _checked(cond: Tensor | None, kind: torch.dtype, features: int) -> Tensor:
        """The condition.

        Raises:
            InputError: there is none, or it has another width or precision than the network.
        """
        if cond is None:
            raise InputError(f"got no condition, and the network was built for one of {features} features")
        if cond.ndim != 2 or cond.shape[1] != features or cond.dtype != kind:
            raise InputError(
                f"got a condition of shape {tuple(cond.shape)} in {cond.dtype}; the network was built for (rows, "
                f"{features}) and computes in {kind}"
            )
        return cond
