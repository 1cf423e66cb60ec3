"""Do chains remember where they began? Then they hold the shares of the start, not those of the target."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from unnoise._errors import InputError, warn

SURE = 4.0  # standard errors; false in one of 16 000 runs
HARMFUL = 0.02  # of the distance from start to target


class NotMixedWarning(RuntimeWarning):
    """Chains ended before they forgot where they began: their points are no draws yet. Walk on, or start nearer."""


@dataclass(frozen=True)
class StartCorrelation:
    r"""What the ends of chains still say of their starts.

    Attributes:
        correlation: between -1 and 1; 0 where all is forgotten.
        error: its standard error then.
    """

    correlation: float
    error: float

    @property
    def lasts(self) -> bool:
        """Whether memory is certain, and enough to matter."""
        return abs(self.correlation) > max(SURE * self.error, HARMFUL)

    def __str__(self) -> str:
        """The number and its error."""
        sure = abs(self.correlation) / self.error
        return f"correlation {self.correlation:.3f} with the start, {sure:.1f} standard errors"


def start_correlation(start: Tensor, end: Tensor) -> StartCorrelation:
    r"""The correlation over chains of start and end.

    $r = \mathrm{mean}\,p_i/\sqrt{\mathrm{mean}\,p_i^2}$ for $p_i = (a_i - \bar a)\cdot(b_i - \bar b)$. For jumps $E[X |
    Y]$, which hardly vary within a mode, r asks whether the start chose the mode. About a share $|r|$ of the difference
    in law between start and target is left. Starts must differ; a mode that no chain came near is never missed.

    Args:
        start: (n, *event), drawn independently.
        end: of the same chains, (n, *event).

    >>> import torch
    >>> a, b = torch.randn(2, 1000, 3, generator=torch.Generator().manual_seed(0))
    >>> start_correlation(a, b).lasts, start_correlation(a, b + 0.5 * a).lasts
    (False, True)
    """
    if start.shape != end.shape or len(start) < 2:
        raise InputError(
            f"got starts of shape {tuple(start.shape)} and ends of shape {tuple(end.shape)}; expected the same, with "
            "at least 2 chains"
        )
    a, b = ((x - x.mean(0)).flatten(1) for x in (start, end))
    products = (a * b).sum(1).double()
    size = float(products.square().mean().sqrt())
    correlation = float(products.mean()) / size if size > 0 else 0.0
    return StartCorrelation(correlation, 1 / math.sqrt(len(start)))


def warn_if_kept(found: StartCorrelation, where: str, remedy: str) -> None:
    """Warn (`NotMixedWarning`) at the line that asked for samples, where memory lasts."""
    if found.lasts:
        warn(
            f"{where} still remembers where it began ({found}), so modes have the weights of the start: {remedy}",
            NotMixedWarning,
        )
