"""Steps that multiply keep the target, and come from its middle to ends of any power."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains import Density, Stretch, run
from unnoise.testing import ImprobableError, assert_law

BOTH = torch.tensor([0, 1])
CENTRE = torch.tensor([2.0, -1.0], dtype=torch.float64)
TARGET = Density(lambda x: -torch.log1p((x - CENTRE).square()).sum(-1))  # Cauchy laws


def cauchy(n: int, rng: torch.Generator) -> Tensor:
    uniform = torch.rand(n, 2, dtype=torch.float64, generator=rng)
    return CENTRE + torch.tan(torch.pi * (uniform - 0.5))


class Unweighed(Stretch):
    """Without the volume, as if steps that multiply were as likely back as forth."""

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y, correction = super().propose(x, rng)
        return y, torch.zeros_like(correction)


def stretched(kind: type[Stretch], start: Tensor, steps: int) -> Tensor:
    x: Tensor = run(kind(TARGET, CENTRE, BOTH), start, steps, torch.Generator().manual_seed(1)).x
    return x


def far(x: Tensor) -> Tensor:
    """How far along either axis: uniform up to one."""
    return (torch.atan(x - CENTRE).abs() / (torch.pi / 2)).flatten()


def assert_kept(x: Tensor) -> None:
    assert_law(far(x), lambda share: share)


def test_the_target_is_kept_and_without_the_volume_it_is_not() -> None:
    start = cauchy(4000, torch.Generator().manual_seed(0))
    assert_kept(stretched(Stretch, start, 20))
    with pytest.raises(ImprobableError):
        assert_kept(stretched(Unweighed, start, 20))


def test_from_near_the_centre_it_finds_the_ends() -> None:
    start = CENTRE + 0.1 * torch.randn(4000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert_kept(stretched(Stretch, start, 200))


def test_other_axes_and_sides_stay() -> None:
    start = cauchy(500, torch.Generator().manual_seed(0))
    x = run(Stretch(TARGET, CENTRE, torch.tensor([1])), start, 5, torch.Generator().manual_seed(1)).x
    assert torch.equal(x[:, 0], start[:, 0])
    assert torch.equal((x - CENTRE).sign(), (start - CENTRE).sign())
    assert float((x[:, 1] != start[:, 1]).double().mean()) > 0.8


@pytest.mark.parametrize("axes", [torch.zeros(0, dtype=torch.long), torch.tensor([0.5]), torch.tensor([[0]])])
def test_axes_that_are_none_are_refused(axes: Tensor) -> None:
    with pytest.raises(InputError, match=r"expected the numbers of some, \(k,\)"):
        Stretch(TARGET, CENTRE, axes)
