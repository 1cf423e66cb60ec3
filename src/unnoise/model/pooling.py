"""The network of a table, pooled with a mixture of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unnoise.data import Encoded, Schema
from unnoise.denoisers import Answering, Denoiser, ExactProductMixture, Neural, Pooled
from unnoise.laws.latent_classes import COMPONENTS
from unnoise.model import quick
from unnoise.training.validation import SLACK

PASSES = 32  # of training over its rows, in which a mixture may have all components, and in fewer in proportion
TIME = 0.1  # of a time limit that the mixture may take
CLOSE = 0.02  # to which the share is found
LITTLE = 0.1  # nats of a row, which a pool has to save beside the better of both


def is_pooled(schema: Schema, denoiser: Denoiser) -> bool:
    """Whether a mixture knows as much of the rows: where all cells are hidden by masks, and nothing else is given."""
    return isinstance(denoiser, Neural) and denoiser.head.timeless and not schema.conditions


def mixture_beside(
    network: Neural, rows: Encoded, schema: Schema, passes: float, **options: Any
) -> ExactProductMixture | None:
    """A mixture of the rows that the network has learnt from, so often; None if they are too wide for one.

    It takes a small part of the time of training, however short that was.

    Args:
        network: of whose process it is.
        rows: to fit it to.
        schema: of the rows.
        passes: how often training has seen each row.
        options: `weights`, `seed`, `time_limit` and `show` of `quick.fitted`.
    """
    if not quick.most_components(network.process, schema):
        return None
    components = max(1, round(COMPONENTS * min(1.0, passes / PASSES)))
    return quick.fitted(network.process, rows, schema, components=components, **options)


def pooled(network: Neural, beside: ExactProductMixture, loss: Callable[[Denoiser], float]) -> tuple[Denoiser, str]:
    """Both, where that costs less of rows that neither has seen, else the better one; and words.

    The network has the greatest share that costs no more than the mixture, and gives up at most a quarter of what the
    best share saves, as where its weights are kept: it is too sure of digits, which costs much and shows little, and
    knows more of how columns depend, which samples show (trees tell the network's of california with an AUC of .63
    after 800 steps, at such a share of .64, at the best one of .68). Where a pool saves little, the better one is
    alone, as a network of few rows that knows less blurs what the mixture knows.

    Args:
        network: after its training.
        beside: the mixture.
        loss: of those rows.
    """
    from scipy.optimize import brentq, minimize_scalar

    both = Pooled(network, beside).requires_grad_(False).eval()

    def cost(share: float) -> float:
        both.share.fill_(share)
        return loss(Answering(both))

    alone, least = cost(1.0), cost(0.0)
    found = minimize_scalar(cost, bounds=(0.0, 1.0), method="bounded", options={"xatol": CLOSE})
    best, place = min((found.fun, found.x), (least, 0.0))
    if min(alone, least) - best < LITTLE:
        if alone <= least:
            return network, ""
        place = 0.0
    most = min(least, best + SLACK * (alone - best))
    both.share.fill_(place if place == 0 else brentq(lambda s: cost(s) - most, place, 1.0, xtol=CLOSE))
    words = f"{len(beside.weights):,} components, of which held-out rows give it {1 - float(both.share):.2f}"
    return both, f"; pooled with a mixture of {words}"
