"""Keep freed memory for the next step of a loop."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 2**25 - 2**16  # bytes; the C library does not keep larger blocks


def keep_freed(like: Tensor, blocks: int = 16) -> None:
    """Make the C library keep about twice `blocks` tensors of this size; nothing on a GPU.

    Fresh pages take up to half the time of a cheap step. glibc's bound is twice the largest block ever freed, so
    freeing an unused one raises it.
    """
    if like.device.type == "cpu":
        torch.empty(min(blocks * like.numel() * like.element_size(), MOST), dtype=torch.uint8)
