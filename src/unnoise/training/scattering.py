"""A random order of very many examples, any part of which is found without the rest.

A Feistel network permutes the numbers of an even count of bits; what falls beyond the examples is permuted again until
it does not (Black and Rogaway 2002, Ciphers with arbitrary finite domains).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._checks import whole

ROUNDS = 8
_ODD = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))  # of MurmurHash3's last step
_SHIFT = np.uint64(33)


def scattered(places: Tensor, n: int, keys: tuple[int, ...]) -> Tensor:
    """Where the places 0, ..., n - 1 go in a permutation of them, int64; a pure function of the keys, one per round.

    >>> sorted(scattered(torch.arange(5), 5, (1, 2, 3, 4)).tolist())
    [0, 1, 2, 3, 4]
    """
    whole(least=1, most=2**62, n=n)
    half = np.uint64(max(1, ((n - 1).bit_length() + 1) // 2))
    found = places.numpy().astype(np.uint64)
    left = np.arange(len(found))
    while len(left):
        found[left] = _permuted(found[left], half, keys)
        left = left[found[left] >= np.uint64(n)]
    return torch.from_numpy(found.astype(np.int64))


def _permuted(numbers: NDArray[np.uint64], half: np.uint64, keys: tuple[int, ...]) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half) - np.uint64(1)
    high, low = numbers >> half, numbers & mask
    for key in keys:
        high, low = low, high ^ (_mixed(low ^ np.uint64(key)) & mask)
    return (high << half) | low


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each bit depends on all."""
    for odd in _ODD:
        numbers = (numbers ^ (numbers >> _SHIFT)) * odd
    return numbers ^ (numbers >> _SHIFT)
