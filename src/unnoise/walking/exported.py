"""Draws as ArviZ reads them: chains are populations."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.walking.record import Record, thinned

if TYPE_CHECKING:
    import arviz

MISSING = "InferenceData needs ArviZ: pip install 'unnoise[arviz]'."


def check_arviz() -> Any:
    """ArviZ, or an InputError where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own plans
        try:
            import arviz
        except ImportError:
            raise InputError(MISSING) from None
    return arviz


def inference_data(record: Record, n: int, about: dict[str, Any]) -> arviz.InferenceData:
    """About n draws: a chain for every population, the mode of each draw, and what is said about them.

    Args:
        record: of the walk.
        n: draws of all populations together.
        about: attributes of the posterior, of kinds that netCDF knows.
    """
    library, each = check_arviz(), -(-n // len(record.log_z))
    drawn = dict(_tree.leaves(thinned(record.particles, each)))
    numbers = {name or "x": leaf.detach().cpu().numpy() for name, leaf in drawn.items()}
    labels = None if record.labels is None else {"mode": thinned(record.labels, each).cpu().numpy()}
    named = {"inference_library": "unnoise"} | about
    return library.from_dict(posterior=numbers, sample_stats=labels, posterior_attrs=named)
