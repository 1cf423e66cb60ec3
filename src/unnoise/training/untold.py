"""Examples of which some are not told their condition, so that one network learns the law given it and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import instance, real
from unnoise.training.dataset import Dataset, Digested
from unnoise.training.questions import Holed


@dataclass(frozen=True, eq=False)
class Untold:
    """A dataset whose conditions are zeros and then a 1 in a share of the rows, where nothing is said.

    As in classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598).

    Args:
        data: the examples, whose conditions all end in 0.
        share: of rows that are not told.

    >>> from unnoise.training import Arrays
    >>> data = Untold(Arrays(torch.zeros(4, 1), torch.tensor([[5.0, 0.0]]).expand(4, 2)), share=0.5)
    >>> data.batch(torch.arange(4), torch.Generator().manual_seed(0))[1]
    tensor([[0., 1.],
            [5., 0.],
            [0., 1.],
            [0., 1.]])
    """

    data: Dataset
    share: float

    def __post_init__(self) -> None:
        instance(Dataset, data=self.data)
        real(least=0, below=1, share=self.share)

    def __len__(self) -> int:
        return len(self.data)

    def digest(self) -> str | None:
        """That of the data."""
        return self.data.digest() if isinstance(self.data, Digested) else None

    def known_at(self, indices: Tensor) -> Any:
        """Where the rows say something, as the data do."""
        return self.data.known_at(indices) if isinstance(self.data, Holed) else None

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """The examples at these indices, some without their condition."""
        x, cond = self.data.batch(indices, rng)
        if cond is None:
            return x, None
        told = (torch.rand(len(cond), 1, generator=rng, device=rng.device) >= self.share).to(cond)
        return x, torch.cat([cond[:, :-1] * told, 1 - told], dim=1)
