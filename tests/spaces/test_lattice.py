"""Levels of numbers: where they are, and what is none."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.spaces import Lattice

FLOAT64 = torch.float64


def test_bytes_are_where_they_were():
    lattice = Lattice.of_bytes(0.1307, 0.3081)
    levels = (torch.arange(256, dtype=FLOAT64) / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(lattice.levels(levels), levels)
    assert lattice.last == pytest.approx(float(levels[-1]))
    assert torch.equal(lattice.index(levels + 0.4 * lattice.step), torch.arange(256))
    assert torch.equal(lattice.value(torch.arange(256), levels), lattice.levels(levels))


@pytest.mark.parametrize(("first", "step", "count"), [(0.0, 0.0, 3), (0.0, -1.0, 3), (math.inf, 1.0, 3), (0.0, 1.0, 1)])
def test_what_is_no_lattice_is_refused(first, step, count):
    with pytest.raises(InputError, match=r"; expected a (whole|finite) number"):
        Lattice(first, step, count)
