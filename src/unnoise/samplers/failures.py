"""Why a sampler met numbers that are not finite: the cause that is found, and what to do about it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import NonFiniteError
from unnoise.denoisers import Denoiser
from unnoise.processes import Gaussian, leaves


def check_finite(state: Any, index: int, t: Tensor, cause: Callable[[], str]) -> None:
    """Stop at a state that is not finite.

    Raises:
        NonFiniteError: naming the step, the time, the leaf, and the cause.
    """
    for name, leaf in _tree.leaves(state):
        if not leaf.is_floating_point() or leaf.sum().isfinite():
            continue  # the sum is quicker to check; where it overflows, the rows decide
        rows = ~torch.isfinite(leaf).reshape(len(leaf), -1).all(1)
        if rows.any():
            raise NonFiniteError(
                f"the sampler met non-finite values at step {index + 1}, t = {float(t):.4g}, in "
                f"{f'the leaf {name!r}' if name else 'the state'} ({int(rows.sum())} of {len(rows)} rows); {cause()}"
            )


def cause_of(denoiser: Denoiser, times: Tensor, before: Any, t: Tensor, cond: Any) -> str:
    """The most probable cause of a failure after the state `before` at time t, and what to do."""
    if cond is not None and not _is_finite(cond):
        return "the condition holds NaN or infinite numbers: remove or fill them"
    if not all(_is_finite(part) for part in itertools.chain(denoiser.parameters(), denoiser.buffers())):
        return "the weights of the denoiser are not finite: its training diverged"
    for name, factor, _ in leaves(denoiser.process):
        if isinstance(factor, Gaussian):
            levels = factor.log_snr(times.double())
            if not levels.isfinite().all() or (levels.diff() <= 0).any():
                which = f" of {name!r}" if name else ""
                return (
                    f"the schedule{which} has a signal-to-noise ratio that is infinite, or does not fall from t = 0 to "
                    "t = 1: give one that does"
                )
    if not _is_finite(denoiser(before, t, cond)):
        return f"the denoiser gives non-finite numbers at t = {float(t):.4g} for finite states: was it trained?"
    return "states grew without bound: try more sampling steps, or check that the model was trained"


def _is_finite(tree: Any) -> bool:
    return all(bool(torch.isfinite(leaf).all()) for _, leaf in _tree.leaves(tree))
