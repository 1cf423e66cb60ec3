"""Keep freed memory for the next step of a loop."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 2**25 - 2**16  # bytes; the C library does not keep larger blocks


def keep_freed(like: Tensor, blocks: int = 16) -> None:
    """Make the C library keep freed memory, up to about twice `blocks` tensors of this size; nothing on a GPU.

    glibc returns memory to the system above a bound, twice the largest block that was ever freed. Fresh pages then take
    up to half of the time of a cheap step. Freeing one large unused block raises the bound at no cost.
    """
    if like.device.type == "cpu":
        torch.empty(min(blocks * like.numel() * like.element_size(), MOST), dtype=torch.uint8)
