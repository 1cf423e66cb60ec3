r"""Bits per dimension, the one place where nats of a density become bits of a code.

Data of whole numbers b are modelled as states $x = (b - m)/s$. A log-probability of the whole numbers, or a bound on
it, is $\log P$; a log density of states says $\log P = \log p(x) - d\log s$ once the cell of width $1/s$ that a whole
number stands for is counted. The convention, of every paper that gives bits per dimension of 8-bit images:

$$\text{bits per dimension} = \frac{-\log P}{d\log 2} = \frac{-\log p(x)}{d\log 2} + \log_2 s.$$

Where bytes were divided by 256, $s = 256$ and the last term is 8. Uniform noise over all bytes costs 8 bits.
"""

from __future__ import annotations

import math

from unnoise._errors import InputError


def bits_per_dimension(nats: float, dimensions: int, *, step: float = 1.0) -> float:
    """What a dimension costs in a code.

    Args:
        nats: the log-likelihood of a row: of probabilities, or of a density of states.
        dimensions: how many numbers a row has.
        step: for a density, how far apart in its own units two neighbouring whole numbers are; 1 for probabilities.

    Raises:
        InputError: no dimensions, or a step that is not positive.

    >>> bits_per_dimension(-784 * math.log(256), 784)  # a uniform law over bytes
    8.0
    >>> bits_per_dimension(0.0, 784, step=1 / 256)  # the uniform density on [0, 1), of bytes divided by 256
    8.0
    """
    if dimensions < 1 or not step > 0:
        raise InputError(f"got {dimensions} dimensions and a step of {step}; expected at least 1 and a positive step")
    return -nats / (dimensions * math.log(2)) - math.log2(step)
