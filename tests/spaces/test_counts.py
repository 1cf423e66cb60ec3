"""Counts: small moves, enumeration against loops, and what is said about wrong points."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from checked import OF_SPACE, assert_checked

from unnoise._errors import InputError
from unnoise.laws import BinomialThinning
from unnoise.processes import ImmigrationDeath
from unnoise.spaces import Counts, Jump, sites
from unnoise.testing import PropertyError, check_space

FLOAT64 = torch.float64
HALF = torch.tensor(0.5, dtype=FLOAT64)
SPACE = Counts(2)
POINTS = torch.tensor([[0, 3], [5, 1], [2, 9]])
LOCAL = partial(ImmigrationDeath(SPACE, mean=(2.0, 4.0)).forward, t=HALF)


def test_it_keeps_the_properties():
    assert_checked(check_space(SPACE, POINTS, LOCAL, draws=4000), OF_SPACE)


def test_arrays_keep_the_properties():
    space = Counts((2, 2))
    points = torch.tensor([[[0, 3], [1, 1]], [[5, 1], [0, 2]], [[2, 9], [4, 4]]])
    check_space(space, points, partial(ImmigrationDeath(space, mean=3.0).forward, t=HALF), draws=4000)


class Birthless(Counts):
    def apply(self, local, f, x):
        return super().apply(Jump(local.rates * torch.tensor([1.0, 0.0])), f, x)


class Doubled(Counts):
    def phi(self, local, log_f, x):
        return 2 * super().phi(local, log_f, x)


class Swapped(Counts):
    def move(self, x, local, dt):
        return super().move(x, Jump(local.rates.flip(-1)), dt)


TWINS = [
    (Birthless, "small moves follow the generator"),
    (Swapped, "small moves follow the generator"),
    (Doubled, "phi"),
]


@pytest.mark.parametrize(("twin", "law"), TWINS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_broken_twin_is_caught(twin, law):
    with pytest.raises(PropertyError, match=f"BROKEN  {law}"):
        check_space(twin(2), POINTS, LOCAL, draws=4000)


def neighbours(x):
    """All points one jump away, with site and direction."""
    for site in range(2):
        for direction, change in ((0, -1), (1, 1)):
            y = x.clone()
            y[:, site] += change
            yield site, direction, y


def smooth(x):
    return torch.sin(0.3 * x[..., 0] + 0.7 * x[..., 1]).double()


def rates(factor, x):
    """Some rates that depend on the point; no deaths of nobody."""
    death = factor * x.double() * (1 + 0.1 * x.double().flip(-1))
    return Jump(torch.stack([death, 1.0 + 0.2 * x.double()], -1))


@pytest.mark.parametrize("at_once", [sites.NUMBERS_AT_ONCE, 1], ids=["all neighbours at once", "one by one"])
class TestAgainstLoops:
    @pytest.fixture(autouse=True)
    def grouped(self, at_once, monkeypatch):
        monkeypatch.setattr(sites, "NUMBERS_AT_ONCE", at_once)

    def test_apply_and_phi(self):
        local, here = rates(0.5, POINTS), smooth(POINTS)
        applied, phi = 0.0, 0.0
        for site, direction, y in neighbours(POINTS):
            rate, change = local.rates[:, site, direction], smooth(y) - here
            applied = applied + rate * change
            phi = phi + torch.where(rate > 0, rate * (change.exp() - 1 - change), 0.0)
        torch.testing.assert_close(SPACE.apply(local, smooth, POINTS), applied)
        torch.testing.assert_close(SPACE.phi(local, smooth, POINTS), phi)

    def test_the_price_of_undoing(self):
        forward, reverse = partial(rates, 0.5), partial(rates, 0.8)
        expected = 0.0
        for site, direction, y in neighbours(POINTS):
            there, back = (part(POINTS).rates[:, site, direction] for part in (forward, reverse))
            returning = reverse(y.clamp(min=0)).rates[:, site, 1 - direction]
            cost = back - there + torch.xlogy(there, there) - torch.xlogy(there, returning)
            expected = expected + cost
        torch.testing.assert_close(SPACE.implicit(forward, reverse, POINTS), expected)
        probes = torch.arange(4)[:, None].expand(-1, len(POINTS))  # every neighbour once: no Monte Carlo error is left
        torch.testing.assert_close(SPACE.implicit(forward, reverse, POINTS, probes), expected)


def test_nothing_dies_where_nothing_is():
    local = Jump(torch.tensor([[[7.0, 0.0], [0.0, 0.0]]]))
    moved = SPACE.move(torch.tensor([[0, 3]]), local, torch.tensor(10.0)).sample(
        torch.Generator().manual_seed(0), (50,)
    )
    assert (moved == torch.tensor([0, 3])).all()


def test_long_moves_settle_where_births_and_deaths_balance():
    """Rates 1 of each and 20 births: a step of any length ends near Poisson(20), and not at 20 dt."""
    x = torch.full((1, 1), 20)
    law = Counts(1).move(x, Jump(torch.tensor([[[20.0, 20.0]]])), torch.tensor(50.0))
    assert isinstance(law, BinomialThinning)
    assert float(law.arrivals) == pytest.approx(20.0)
    assert float(law.kept) < 1e-20


def test_each_row_has_its_own_length_of_step():
    law = SPACE.move(POINTS, rates(0.5, POINTS), torch.tensor([0.0, 0.1, 0.2], dtype=FLOAT64))
    assert law.kept.shape == (3, 2)
    assert (law.kept[0] == 1).all()
    assert (law.arrivals[0] == 0).all()


BAD = {
    "floats": (POINTS.double(), "got torch.float64 where counts are due; .* convert with x.long()"),
    "negative": (-POINTS, r"got the count -3 at batch index \[0, 1\]"),
    "shape": (POINTS[:, :1], r"got points of shape \(1,\); Counts expects \(2,\)"),
}


@pytest.mark.parametrize(("points", "message"), BAD.values(), ids=BAD)
def test_what_is_no_count_is_refused_in_one_sentence(points, message):
    with pytest.raises(InputError, match=message):
        SPACE.check(points)


def test_a_space_without_sites_is_refused():
    with pytest.raises(InputError, match="a whole number or a tuple of 1 or more"):
        Counts(())
