"""Slopes that lead elsewhere tell of narrow modes, and of these alone."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.laws.students import Students
from unnoise.spaces import Euclidean
from unnoise.walking import probing
from unnoise.walking.functions import Differences, Tried
from unnoise.walking.probing import AROUND, LENGTHS, around, beside, unexplained

F64 = torch.float64
PLACE = torch.tensor([3.0, 0.0, 0.0, 0.0], dtype=F64)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(d=4, scale=1.0):
    return Students(torch.ones(1), torch.zeros(1, d, dtype=F64), scale * torch.eye(d, dtype=F64)[None], torch.ones(1))


def wide(x):
    return -0.5 * x.square().sum(-1)


def narrow(x):
    return -0.5 * ((x - PLACE) / 0.2).square().sum(-1) - 4 * math.log(0.2)


def far(x):
    """A mode a fifth as wide, where the wide one has hardly a draw."""
    return torch.logaddexp(wide(x), narrow(x))


def test_points_lie_at_all_distances_from_parts():
    x = beside(normal(200, scale=7.0), 4000, LENGTHS, rng())
    length = (x.norm(dim=1) / (7 * math.sqrt(200))).log()
    low, high = map(math.log, LENGTHS)
    assert float(length.quantile(0.25)) == pytest.approx(low + 0.25 * (high - low), abs=0.15)
    assert float(length.quantile(0.75)) == pytest.approx(low + 0.75 * (high - low), abs=0.15)


@pytest.mark.parametrize("freedom", [1.0, 5.0, math.inf])
def test_slopes_of_an_elliptical_density_lead_back_whatever_its_tails(freedom):
    def log_prob(x):
        squared = (x / torch.tensor([1.0, 1e3, 1e-3, 5.0])).square().sum(-1)
        return -0.5 * squared if math.isinf(freedom) else -0.5 * (freedom + 4) * torch.log1p(squared / freedom)

    law = Students(
        torch.ones(1), torch.zeros(1, 4, dtype=F64),
        torch.diag(torch.tensor([1.0, 1e3, 1e-3, 5.0], dtype=F64))[None], torch.ones(1),
    )  # fmt: skip
    assert len(unexplained(Density(log_prob), law, 1000, 100, rng())) == 0


def test_those_that_are_left_belong_to_a_narrow_mode():
    left = unexplained(Density(far), normal(), 2**15, 10**6, rng())
    assert len(left) > 20
    assert float((narrow(left) > wide(left) - 3).double().mean()) > 0.95
    assert len(unexplained(Density(far), normal(), 2**15, 7, rng())) == 7


def test_values_in_single_precision_tell_as_much():
    class Single(Density):
        def log_prob_and_score(self, x):
            values, slopes = super().log_prob_and_score(x)
            return values.float(), slopes

    left, known = (unexplained(kind(far), normal(), 2**15, 10**6, rng()) for kind in (Single, Density))
    assert len(left) > 20
    assert torch.equal(left, known)


def test_of_many_that_are_left_the_steepest_for_their_height_are_taken():
    """Beside a bent ridge half of all points are left, and a handful belongs to a narrow mode."""
    place = torch.tensor([0.0, 0.0, 3.0, 0.0], dtype=F64)

    def ridge(x):
        return wide(torch.cat([x[:, :1], x[:, 1:2] - 1.5 * x[:, :1].square(), x[:, 2:]], 1))

    def spike(x):
        return -0.5 * ((x - place) / 0.2).square().sum(-1) - 4 * math.log(0.2)

    def of_spike(left):
        return float((spike(left) > ridge(left)).double().mean())

    target = Density(lambda x: torch.logaddexp(ridge(x), spike(x)))
    every = unexplained(target, normal(), 2**15, 10**6, rng())
    assert len(every) > 2**13
    few = unexplained(target, normal(), 2**15, 64, rng())
    assert len(few.unique(dim=0)) == 64
    assert of_spike(few) > 3 * of_spike(every)


def test_of_values_alone_there_are_fewer_points():
    target = Tried(Density(far), Euclidean(4))
    left = unexplained(Differences(target), normal(), 9 * 2**13, 10**6, rng())
    assert target.evaluations == 9 * 2**13
    assert 0 < len(left) < 100


def test_a_box_leads_nowhere():
    """Where there is no slope or no density no climb would begin."""
    box = Density(lambda x: torch.where((x.abs() <= 9).all(-1), 0 * x.sum(-1), -math.inf))
    assert len(unexplained(box, normal(), 1000, 100, rng())) == 0


def apart():
    """A narrow part and a wide one, far from each other."""
    means = torch.tensor([[0.0, 0.0], [1e6, 0.0]], dtype=F64)
    factors = torch.tensor([1e-3, 1.0], dtype=F64)[:, None, None] * torch.eye(2, dtype=F64)
    return Students(torch.ones(2), means, factors, torch.ones(2))


def test_points_lie_beside_their_part_in_its_own_units():
    x = beside(apart(), 400, LENGTHS, rng())
    narrow = x[:, 0] < 5e5
    assert 100 < int(narrow.sum()) < 300
    assert float(x[narrow].norm(dim=1).max()) < 1
    assert float((x[~narrow] - apart().means[1]).norm(dim=1).min()) > 1e-3


def test_those_that_are_kept_of_many_are_beside_every_part():
    """Where all slopes lead away."""
    law = apart()
    away = Density(lambda x: (x[:, None] - law.means).square().sum(-1).amin(1))
    left = unexplained(away, law, 200, 20, rng())
    assert len(left) == 20
    assert 0 < int((left[:, 0] < 5e5).sum()) < 20


def test_points_around_a_place_are_as_far_from_it_as_their_part():
    place = torch.tensor([300.0, *[0.0] * 99], dtype=F64)
    x = around(normal(100, scale=3.0), place, 4000, rng())
    length = ((x - place).norm(dim=1) / 300).log()
    low, high = map(math.log, AROUND)
    assert float((x.mean(0) - place).abs().max()) < 3
    assert float(length.quantile(0.25)) == pytest.approx(low + 0.25 * (high - low), abs=0.1)
    assert float(length.quantile(0.75)) == pytest.approx(low + 0.75 * (high - low), abs=0.1)


def test_points_around_a_part_itself_lie_beside_it():
    length = (around(normal(200, scale=7.0), torch.zeros(200, dtype=F64), 4000, rng()).norm(dim=1)).log()
    low, high = (math.log(7 * math.sqrt(200) * end) for end in LENGTHS)
    assert float(length.quantile(0.5)) == pytest.approx(0.5 * (low + high), abs=0.15)


@pytest.mark.parametrize(("rough", "explained"), [(0.3, True), (0.0, False)])
def test_slopes_lead_back_to_parts_whose_widths_are_known_roughly(monkeypatch, rough, explained):
    """Far from both parts a few per cent of a width move the border between them by much."""
    monkeypatch.setattr(probing, "ROUGH", rough)
    means = torch.zeros(2, 20, dtype=F64)
    means[1, 0] = 19.0
    widths = torch.tensor([1.4, 1.0], dtype=F64)

    def law(scales):
        return Students(
            torch.ones(2, dtype=F64), means, scales[:, None, None] * torch.eye(20, dtype=F64), torch.ones(2)
        )

    def log_prob(x):
        away = (x[:, None] - means).square().sum(-1)
        return torch.logsumexp(-20 * widths.log() - 0.5 * away / widths**2, 1)

    left = unexplained(Density(log_prob), law(widths * torch.tensor([0.95, 1.05])), 2**13, 10**6, rng())
    assert (len(left) < 10) == explained
