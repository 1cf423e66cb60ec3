"""The margins of a mixture as those of its rows, which priors of components move a little."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws.components import CategoricalComponents, Components
from unnoise.laws.product_mixture import ProductMixture

ROUNDS = 10
TINY = 1e-30


def with_margins(law: ProductMixture, base: Any, known: Any) -> ProductMixture:
    r"""The mixture whose finite cells have the margins of the base, of one group of cells.

    The joint law of component and state, $w_k p_k(s)$, is brought to both margins by turns, which keeps odds ratios.
    Cells that are missing in some rows stay, as what is seen of them need not be like all of them.

    Args:
        law: with weights (K,).
        base: the law of all rows, `Components` of one law, or a dict of them.
        known: a tree like base of bool tensors (n, *cells).

    References:
        Deming & Stephan 1940, On a least squares adjustment of a sampled frequency table (Annals of Mathematical
        Statistics 11): iterative proportional fitting.

    >>> parts = CategoricalComponents(torch.tensor([[[0.9, 0.1]], [[0.5, 0.5]]]))
    >>> law = ProductMixture(torch.tensor([0.5, 0.5]), parts)
    >>> base = CategoricalComponents(torch.tensor([[[0.6, 0.4]]]))
    >>> found = with_margins(law, base, torch.ones(3, 1).bool())
    >>> torch.einsum("k,kcs->cs", found.weights, found.parts.probs)
    tensor([[0.6000, 0.4000]])
    """

    def raked(part: Components, all_rows: Components, there: Tensor) -> Components:
        if not isinstance(part, CategoricalComponents) or not isinstance(all_rows, CategoricalComponents):
            return part
        probs, whole, weights = part.probs, all_rows.probs, law.weights.to(part.probs)
        for _ in range(ROUNDS):
            margin = torch.einsum("k,k...->...", weights, probs)
            probs = probs * whole[0] / margin.clamp(min=TINY)
            probs = probs / probs.sum(-1, keepdim=True).clamp(min=TINY)
        kept = there.all(0)[..., None]
        return CategoricalComponents(torch.where(kept, probs, part.probs))

    return ProductMixture(law.weights, _tree.map(raked, law.parts, base, known))
