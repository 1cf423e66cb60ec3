r"""Bits per dimension of d whole numbers b, from the log-probability P or from the density of states $x = (b - m)/s$.

A whole number is a cell of width $1/s$, so $\log P = \log p(x) - d\log s$ and

$$\text{bits per dimension} = \frac{-\log P}{d\log 2} = \frac{-\log p(x)}{d\log 2} + \log_2 s,$$

as in papers on 8-bit images. For bytes divided by 256, $s = 256$ and the last term is 8.
"""

from __future__ import annotations

import math

from unnoise._checks import real, whole


def bits_per_dimension(nats: float, dimensions: int, *, step: float = 1.0) -> float:
    """The length of a code per dimension.

    Args:
        nats: log-likelihood of a row.
        dimensions: numbers in a row.
        step: 1/s, the distance of whole numbers in units of the density; 1 for a probability.

    >>> bits_per_dimension(-784 * math.log(256), 784)  # uniform bytes
    8.0
    """
    real(nats=nats)
    whole(least=1, dimensions=dimensions)
    real(above=0, step=step)
    return -nats / (dimensions * math.log(2)) - math.log2(step)
