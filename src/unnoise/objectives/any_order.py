"""The likelihood of masked data, in random orders."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.denoisers import Denoiser, conditions
from unnoise.objectives.base import ALL, Loss, Objective, check_batch
from unnoise.objectives.times import low_discrepancy
from unnoise.processes import Process, is_masked, leaves, map_leaves


class AnyOrder(Objective):
    r"""$\frac{d}{m}\sum_{i \in M} -\log p(x_i | x_{\bar M})$, M a random set of m of d cells, m uniform in 1 ... d.

    Its mean is the cross-entropy of one cell after the other in a random order, an upper bound on
    $-\log p(x_0)$ in nats: the diffusion bound of masks, whose integral over time is done exactly (Ou et al. 2024,
    arXiv 2406.03736; Uria et al. 2014, arXiv 1310.1757). Where the condition is a question, d counts the cells that are
    asked; a row that asks none costs nothing, and counts in the mean.

    For processes that hide sites behind masks, `rates.Absorbing`, and products of them; else InputError.

    >>> from unnoise import denoisers, spaces
    >>> from unnoise.processes import CTMC, rates
    >>> x_0 = torch.tensor([[0, 1], [1, 0]])
    >>> exact = denoisers.Exact(CTMC(spaces.Finite(2, 3), rates.Absorbing(3)), x_0)
    >>> loss = AnyOrder()(exact, x_0.repeat(500, 1), None, torch.Generator().manual_seed(0))
    >>> print(f"{loss.value.mean():.2f}")  # log 2
    0.69
    """

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The loss of `rows`."""
        process = denoiser.process
        require_masked(process, "AnyOrder", "objectives.Denoising")
        check_batch(process, x_0, cond)
        n, device = _tree.length(x_0), _tree.first(x_0).device
        asked = every_cell(x_0) if (found := denoiser.asked(cond)) is None else found
        count = _tree.ravel(asked).sum(1)
        many = ((low_discrepancy(n, rng).to(device) * count).floor().long() + 1).minimum(count).clamp(min=1)
        places = _tree.map(lambda mask: uniform_places(mask, rng), asked)
        last = _tree.ravel(places).sort(1, descending=True).values.gather(1, many[:, None] - 1)[:, 0]
        masked = _tree.map(lambda place, mask: mask & (place >= expand(last, place)), places, asked)
        x_t, t, price = hide(process, x_0, masked), masked_time(process, many, count), count / many
        x_0, x_t, masked, price, t, cond = (conditions.at(p, rows) for p in (x_0, x_t, masked, price, t, cond))
        return Loss(price * cross_entropy(denoiser(x_t, t, cond), x_0, masked))


def require_masked(process: Process[Any], asker: str, instead: str) -> None:
    """Raise InputError unless noise hides sites behind masks, and does nothing else."""
    if not is_masked(process):
        got = f"{asker} needs noise that hides sites behind masks (rates.Absorbing), and got {process}"
        raise InputError(f"{got}: use {instead}, which takes any process with a kernel")


def every_cell(x_0: Any) -> Any:
    """All cells of these points, as a tree of masks."""
    return _tree.map(lambda x: torch.ones_like(x, dtype=torch.bool), x_0)


def uniform_places(mask: Tensor, rng: torch.Generator) -> Tensor:
    """Random places of the cells in the mask, in (0, 1]; minus one elsewhere."""
    places = 1 - torch.rand(mask.shape, generator=rng, device=rng.device, dtype=torch.float64)
    return torch.where(mask, places.to(mask.device), -1.0)


def hide(process: Process[Any], x_0: Any, masked: Any) -> Any:
    """The points, with masks on these cells."""
    return map_leaves(lambda part, x, mask: torch.where(mask, part.blank().to(x), x), process, x_0, masked)


def masked_time(process: Process[Any], many: Tensor, count: Tensor) -> Tensor:
    """When so many of the cells are masked on average, (n,)."""
    part: Any = next(leaves(process))[1]
    share = ((many - 0.5) / count.clamp(min=1)).double()
    time: Tensor = part.schedule.inverse(-torch.log1p(-share)).float()
    return time


def cross_entropy(stat: Any, x_0: Any, masked: Any) -> Tensor:
    r"""$-\sum\log p(x_i)$ over the masked cells, (n,)."""

    def of_leaf(law: Tensor, x: Tensor, mask: Tensor) -> Tensor:
        likely = law.gather(-1, x[..., None])[..., 0].clamp(min=torch.finfo(law.dtype).tiny)
        return torch.where(mask, -likely.log(), 0.0).flatten(1).sum(1)

    costs = _tree.map(of_leaf, stat, x_0, masked)
    return torch.stack([cost for _, cost in _tree.leaves(costs)]).sum(0)
