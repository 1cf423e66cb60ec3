"""Views of solids: pictures of random rotations by one camera, or by two, as conditions for a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from experiments.solids import SIZE, SOLIDS
from unnoise.spaces import Rotations

NAMES = tuple(SOLIDS)
CAMERA = Rotations.from_rotation_vector(torch.tensor([0.0, 2 * math.pi / 3, 0.0]))  # takes the first view to the second
CAMERAS = {"one view": torch.eye(3)[None], "two views": torch.stack([torch.eye(3), CAMERA])}
SHAPE = (2, SIZE, SIZE)  # a picture for each camera; black where a camera gave none
BOTH = 1 / 3  # the share of training views by both cameras


@dataclass(frozen=True, eq=False)
class Views:
    """Rotations of each solid, (solids, n, 3, 3), and both cameras' pictures, (solids, n, 32, 32), as bytes."""

    rotations: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def drawn(cls, count: int, rng: torch.Generator, on_solid: Callable[[int], None] = lambda done: None) -> Views:
        """Of uniform rotations, so many for each solid; `on_solid` is told how many solids are done."""
        found = []
        for done, solid in enumerate(SOLIDS.values()):
            rotations = Rotations().uniform(count).sample(rng).float()
            pictures = (solid.draw(view).mul(255).round().byte() for view in (rotations, CAMERA @ rotations))
            found.append((rotations, *pictures))
            on_solid(done + 1)
        return cls(*(torch.stack(part) for part in zip(*found, strict=True)))

    def of(self, solid: int, both: bool) -> tuple[Tensor, Tensor]:
        """All rotations of a solid, and conditions (n, numbers) by the first camera or by both."""
        numbers = torch.full((self.rotations.shape[1],), solid)
        first, second = self.first[solid].float() / 255, self.second[solid].float() / 255
        return self.rotations[solid], _condition(first, second if both else torch.zeros_like(first), numbers)

    def __len__(self) -> int:
        return self.rotations.shape[:2].numel()

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Training examples: a view by both cameras, or by one.

        What the second camera alone has seen is a view by the first, of the solid as the second saw it.
        """
        solid, row = indices // self.rotations.shape[1], indices % self.rotations.shape[1]
        which = torch.rand(len(indices), generator=rng)
        both, turned = which < BOTH, which > 0.5 * (1 + BOTH)
        rotations = self.rotations[solid, row]
        rotations = torch.where(turned[:, None, None], CAMERA @ rotations, rotations)
        first, second = self.first[solid, row].float() / 255, self.second[solid, row].float() / 255
        shown = torch.where(turned[:, None, None], second, first)
        return rotations, _condition(shown, torch.where(both[:, None, None], second, 0.0), solid)


def _condition(first: Tensor, second: Tensor, solid: Tensor) -> Tensor:
    """Of pictures (n, 32, 32) in [0, 1] and the numbers of solids, (n,)."""
    pictures = torch.stack([first, second], 1).flatten(1)
    return torch.cat([pictures, nn.functional.one_hot(solid, len(NAMES)).to(pictures)], -1)
