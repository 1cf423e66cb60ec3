"""Memory that work done over and over asks for again and again."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 2**25 - 2**16  # bytes; of larger blocks the C library keeps none


def keep_freed(like: Tensor, blocks: int = 16) -> None:
    """Make the C library hold on to freed memory, up to about twice `blocks` tensors of this size.

    GNU's gives memory back to the system from a bound on, twice the largest block that it has ever seen freed, and
    then every step of a loop pays for fresh pages: half of the time of a cheap one. So this frees a large block, which
    nobody has touched and which therefore costs nothing. Elsewhere than on a CPU it does nothing.
    """
    if like.device.type == "cpu":
        torch.empty(min(blocks * like.numel() * like.element_size(), MOST), dtype=torch.uint8)
