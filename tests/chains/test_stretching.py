"""Steps that multiply keep the target, and come from its middle to ends of any power."""

from __future__ import annotations

import pytest
import scipy.stats
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains import Density, Stretch, run
from unnoise.testing import ImprobableError, assert_law

CENTRE = torch.tensor([2.0, -1.0], dtype=torch.float64)
MIXING = torch.tensor([[1.0, 0.5], [-0.3, 2.0]], dtype=torch.float64)  # coordinates to points, by its columns
BACK = torch.linalg.inv(MIXING)
TARGET = Density(lambda x: -torch.log1p(sources(x).square()).sum(-1))  # Cauchy laws, mixed


def sources(x: Tensor) -> Tensor:
    found: Tensor = (x - CENTRE) @ BACK.T
    return found


def cauchy(n: int, rng: torch.Generator) -> Tensor:
    uniform = torch.rand(n, 2, dtype=torch.float64, generator=rng)
    return CENTRE + torch.tan(torch.pi * (uniform - 0.5)) @ MIXING.T


class Unweighed(Stretch):
    """Without the volume, as if steps that multiply were as likely back as forth."""

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y, correction = super().propose(x, rng)
        return y, torch.zeros_like(correction)


class OfRankOne(Stretch):
    """With the volume of one coordinate where all are stretched."""

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y, correction = super().propose(x, rng)
        ratio = sources(y) / sources(x)
        same = torch.isclose(ratio[:, 0], ratio[:, 1])
        return y, torch.where(same, 0.5 * correction, correction)


def stretched(kind: type[Stretch], start: Tensor, steps: int) -> Tensor:
    x: Tensor = run(kind(TARGET, CENTRE, MIXING.T, BACK), start, steps, torch.Generator().manual_seed(1)).x
    return x


def far(x: Tensor) -> Tensor:
    """How far along either axis: uniform up to one."""
    return (torch.atan(sources(x)).abs() / (torch.pi / 2)).flatten()


def assert_kept(x: Tensor) -> None:
    assert_law(far(x), lambda share: share)


def test_the_target_is_kept_and_without_the_volume_it_is_not() -> None:
    start = cauchy(4000, torch.Generator().manual_seed(0))
    assert_kept(stretched(Stretch, start, 20))
    for wrong in (Unweighed, OfRankOne):
        with pytest.raises(ImprobableError):
            assert_kept(stretched(wrong, start, 20))


def test_from_near_the_centre_it_finds_the_ends() -> None:
    start = CENTRE + 0.1 * torch.randn(4000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert_kept(stretched(Stretch, start, 200))


def test_other_coordinates_and_sides_stay() -> None:
    start = cauchy(500, torch.Generator().manual_seed(0))
    kernel = Stretch(TARGET, CENTRE, MIXING.T[1:], BACK[1:])
    before, after = sources(start), sources(run(kernel, start, 5, torch.Generator().manual_seed(1)).x)
    assert torch.allclose(after[:, 0], before[:, 0], rtol=1e-6)
    assert torch.equal(after.sign(), before.sign())
    assert float((after[:, 1] != before[:, 1]).double().mean()) > 0.8


def test_all_coordinates_stretch_as_far_as_one_tail_that_they_share() -> None:
    target = Density(lambda x: -5.5 * torch.log1p(x.square().sum(-1)))  # a Cauchy law in ten dimensions
    start = torch.randn(2000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kernel = Stretch(target, torch.zeros(10, dtype=torch.float64), torch.eye(10, dtype=torch.float64))
    x = run(kernel, start, 400, torch.Generator().manual_seed(1)).x
    squared = x.square().sum(1)
    shares = torch.from_numpy(scipy.stats.f(10, 1).cdf((squared / 10).numpy()))
    assert_law(shares, lambda share: share)


ONE = torch.ones(1, 2, dtype=torch.float64)


@pytest.mark.parametrize(
    ("directions", "coordinates", "told"),
    [
        (torch.zeros(0, 2), None, r"expected \(k, 2\), k at least 1"),
        (torch.tensor(0), None, r"expected \(k, 2\), k at least 1"),
        (torch.eye(3), None, r"expected \(k, 2\)"),
        (torch.eye(2), torch.eye(2)[:1], r"shapes \(2, 2\) and \(1, 2\)"),
        (ONE, None, "coordinates=torch.linalg.pinv"),
        (ONE, ONE, "products are not one"),
    ],
)
def test_directions_that_are_none_are_refused(directions: Tensor, coordinates: Tensor | None, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Stretch(TARGET, CENTRE, directions, coordinates)
    assert Stretch(TARGET, CENTRE, ONE, torch.linalg.pinv(ONE.T))
