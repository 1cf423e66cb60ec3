"""Whether samples can be what a model of standardised data means, judged by their spread alone."""

from __future__ import annotations

import warnings
from typing import Any

from unnoise.processes import Gaussian, Process, leaves

FEWEST = 32  # numbers, below which chance decides
WIDEST, WIDEST_GIVEN = 2.0, 10.0  # of the median size, without conditions and with
NARROWEST = 0.1  # root mean square, without conditions


class InaccurateSamplesWarning(RuntimeWarning):
    """Samples that are spread as no standardised data are: the sampler was too coarse, or the model is wrong."""


def warn_of_spread(process: Process[Any], x: Any, conditional: bool) -> None:
    r"""Warn where a Gaussian factor of samples is far wider or narrower than data of unit mean square.

    Half of such data lie within $\sqrt2$, whatever their law (Chebyshev), so that a median size above 2 cannot be
    theirs. Given a condition they may lie far out, or close together: then only a median above 10 is told of.

    >>> import torch
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> warnings.simplefilter("error")
    >>> warn_of_spread(edm(Euclidean(1)), torch.randn(100, 1), conditional=False)
    """
    for name, factor, (leaf,) in leaves(process, x):
        if not isinstance(factor, Gaussian) or leaf.numel() < FEWEST:
            continue
        size, spread = float(leaf.abs().median()), float(leaf.square().mean().sqrt())
        wide = size > (WIDEST_GIVEN if conditional else WIDEST)
        if wide or (spread < NARROWEST and not conditional):
            warnings.warn(
                f"the samples{f' of {name!r}' if name else ''} have {spread:.3g} times the spread of the data, so they "
                "are wrong: take more sampling steps or another sampler, or train longer",
                InaccurateSamplesWarning,
                stacklevel=3,
            )
