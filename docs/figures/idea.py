"""The figure of docs/idea.md: noise and its reverse on the line, on the circle and on twelve levels.

python docs/figures/idea.py
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from unnoise import spaces
from unnoise.denoisers import Exact
from unnoise.processes import CTMC, Brownian, HasKernel, rates, variance_preserving
from unnoise.samplers import Euler

PICTURE = Path(__file__).resolve().parents[1] / "_static" / "idea.png"
POINTS, STEPS, PATHS = 3000, 100, 12

turn = torch.linspace(0, 2 * math.pi, 16)
WORLDS: dict[str, tuple[HasKernel[Any], Tensor, tuple[float, float]]] = {
    "numbers": (
        variance_preserving(spaces.Euclidean(1)),
        torch.cat([0.25 * torch.sin(turn) - 1.3, 0.12 * torch.cos(turn) + 1.2])[:, None],
        (-3.2, 3.2),
    ),
    "angles": (
        Brownian(spaces.Torus(1)),
        torch.cat([0.3 * torch.sin(turn) - 1.9, 0.15 * torch.cos(turn) + 2.4])[:, None],
        (-math.pi, math.pi),
    ),
    "levels": (CTMC(spaces.Finite(1, 12), rates.BirthDeath(12)), torch.tensor([[2], [3], [3], [9]]), (-0.5, 11.5)),
}


def noised(process: HasKernel[Any], atoms: Tensor, rng: torch.Generator) -> Tensor:
    """Paths of the noise, by small steps of its generator from the data: (times, points)."""
    x = atoms[torch.randint(len(atoms), (POINTS,), generator=rng)]
    path = [x]
    for t in torch.linspace(0, 1, STEPS)[:-1]:
        x = process.space.move(x, process.forward(x, t), torch.tensor(1 / (STEPS - 1))).sample(rng)
        path.append(x)
    return torch.stack(path)[..., 0]


def denoised(process: HasKernel[Any], atoms: Tensor, rng: torch.Generator) -> Tensor:
    """Paths of the reverse with the exact denoiser, from noise to data: (times, points)."""
    path: list[Tensor] = []
    Euler(Exact(process, atoms), steps=STEPS).sample(POINTS, rng, on_step=lambda index, t, x: path.append(x.clone()))
    return torch.stack(path)[..., 0]


def draw() -> Figure:
    """A row for each world: the density of the paths, and a few of them."""
    rng = torch.Generator().manual_seed(0)
    figure = Figure(figsize=(8.6, 6.0), layout="constrained")
    axes = figure.subplots(len(WORLDS), 2, sharex="col", sharey="row")
    for row, (name, (process, atoms, span)) in zip(axes, WORLDS.items(), strict=True):
        bins = 12 if name == "levels" else 80
        for place, path in zip(row, (noised(process, atoms, rng), denoised(process, atoms, rng)), strict=True):
            counts = torch.stack([torch.histc(part.float(), bins, *span) for part in path])
            image = (counts / counts.max(1, keepdim=True).values).sqrt().T  # faint tails are to be seen
            place.imshow(image, origin="lower", aspect="auto", extent=(0, 1, *span), cmap="Blues", vmin=0, vmax=1.3)
            times = torch.linspace(0, 1, len(path))
            few = path[:, :PATHS].float()
            if name == "angles":
                few[torch.diff(few, dim=0, prepend=few[:1]).abs() > math.pi] = math.nan  # once round: no line
            place.plot(
                times,
                few,
                color="#d55e00",
                linewidth=0.5,
                alpha=0.8,
                drawstyle="steps-post" if bins == 12 else "default",
            )
            place.set_ylim(*span)
        row[0].set_ylabel(name)
    axes[0, 0].set_title("noise")
    axes[0, 1].set_title("its reverse")
    for place, ends in zip(axes[-1], (("data, t = 0", "noise, t = 1"), ("noise, t = 1", "data, t = 0")), strict=True):
        place.set_xticks([0, 1], ends)
        for label, side in zip(place.get_xticklabels(), ("left", "right"), strict=True):
            label.set_horizontalalignment(side)
    return figure


if __name__ == "__main__":
    draw().savefig(PICTURE, dpi=160)
