"""Every check of the verdict stays quiet on good draws, and speaks on bad ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from unnoise.walking.verdict import Found, judged

F64 = torch.float64


def good() -> Found:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 1000, 3, dtype=F64, generator=rng)
    return Found(
        *x,
        torch.tensor([1.0, 1.02, 0.98, 1.0]),
        0.01,
        (1.0, 0.02),
        torch.full((4, 2), 0.5),
        torch.tensor([9, 8]),
        1.0,
        1.0,
        1.0,
        0.0,
        0.0,
        0.0,
        1.0,
    )


def test_spins_that_are_one_half_of_the_time_are_no_warning():
    """Beside their median all of them are equally far."""
    x = torch.arange(1000).remainder(2).double()[None, :, None].expand(4, -1, 2)
    assert judged(replace(good(), arrived=x, early=x, late=1 - x)).trusted


def test_good_draws_are_trusted():
    verdict = judged(good())
    assert verdict.trusted
    assert not verdict.doubts
    assert not verdict.notes
    assert verdict.r_hat < 1.01
    assert str(verdict).startswith("trusted")


def shifted(x):
    return x + torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=F64)[:, None, None]


BAD = {
    "annealing was given up": ({"beta": 0.25}, "temperatures came down to 1/0.25 alone"),
    "one population is elsewhere": ({"late": shifted(good().late), "early": shifted(good().early)}, "disagree"),
    "children of few as they came": ({"arrived": shifted(good().arrived)}, "disagree"),
    "it still moves": ({"late": good().late + 0.5}, "earlier and later draws, disagree"),
    "nothing ever moved": (dict.fromkeys(("arrived", "early", "late"), 0 * good().late), "R-hat inf"),
    "log Z is not known": ({"log_z_error": 0.4}, "log Z is uncertain (standard error 0.4 nats"),
    "two estimates": ({"log_z_bridge": (2.0, 0.02)}, "two estimates of log Z disagree"),
    "shares": ({"shares": torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])}, "the share of a mode"),
    "modes met once": (
        {"shares": torch.full((4, 3), 1 / 3), "met": torch.tensor([9, 1, 1])},
        "about 1 more are missing",
    ),
    "a neck is missing": ({"slope": 6.0}, "a part of the target is missing"),
    "ends are missing": ({"moved_on": 6.0}, "went on moving after the last temperature, by 6.0 standard errors"),
    "heavy tails": ({"freedom": 0.2}, "tails have 0.2 degrees of freedom"),
    "stuck": ({"stuck": 0.3}, "30% of the chains never moved"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_doubt_has_its_cause(name):
    changed, told = BAD[name]
    verdict = judged(replace(good(), **changed))
    assert not verdict.trusted
    assert told in " ".join(verdict.doubts)
    assert str(verdict).startswith("not trusted: ")


def test_many_refusals_are_a_note():
    verdict = judged(replace(good(), refused=0.2))
    assert verdict.trusted
    assert verdict.notes == ("20% of the evaluations were NaN or infinite, and were refused",)


def test_two_estimates_differ_where_both_a_tenth_of_a_nat_and_four_errors_lie_between():
    for apart, error in ((0.11, 0.04), (0.09, 0.0)):
        assert judged(replace(good(), log_z_bridge=(1 + apart, error))).trusted
    assert not judged(replace(good(), log_z_bridge=(1.15, 0.02))).trusted


def test_the_error_is_what_a_surer_estimate_leaves_unexplained():
    """Of annealing, 1 by .01, and of a bridge."""
    for bridge, error in (((1.03, 0.02), 0.01), ((1.09, 0.02), 0.05), ((1.0, 0.002), 0.002)):
        assert judged(replace(good(), log_z_bridge=bridge)).log_z_error == pytest.approx(error)


@pytest.mark.parametrize("value", [0.7, 1.3])
def test_a_bridge_may_be_off_to_either_side_by_its_own_error(value):
    """Beyond what is believed of both without an error."""
    assert not judged(replace(good(), log_z_bridge=(value, 0.02))).trusted
    assert judged(replace(good(), log_z_bridge=(value, 0.1))).trusted


def test_modes_without_mass_that_were_met_but_once_tell_of_no_others():
    found = replace(good(), shares=torch.tensor([[1.0, 0.0, 0.0]]).expand(4, 3), met=torch.tensor([9, 1, 1]))
    assert judged(found).trusted


def test_one_number_that_disagrees_is_enough():
    late = good().late.clone()
    late[..., 2] += 0.5
    verdict = judged(replace(good(), late=late))
    assert verdict.r_hat > 1.01
    assert not verdict.trusted


def test_climbs_that_come_to_no_mode_are_a_doubt_and_none_at_all_a_note():
    assert judged(replace(good(), vain=0.7)) == judged(good())
    doubted = judged(replace(good(), vain=0.9))
    assert not doubted.trusted
    assert doubted.doubts[0].startswith("90% of the climbs came to no mode")
    unlooked = judged(replace(good(), vain=None))
    assert unlooked.trusted
    assert unlooked.notes == ("no climbs looked for modes, so one that is narrow may be missing",)
