from __future__ import annotations

import pytest
import torch

from unnoise import InputError
from unnoise.testing import FAILURE_RATE, Finding, Findings, PropertyError
from unnoise.testing.findings import conclude, exact, generator, reproducible, statistical

ROWS = torch.randn(2000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
KEPT = Finding("water is wet", True, p_value=0.4)
UNSEEN = Finding("the drift is tangent", None, detail="the space is no manifold")
BROKEN = Finding("the earth is flat", False, error=2.0, bound=1e-6, detail="at the horizon")


def test_an_exact_property_names_the_worst_place_and_both_sides() -> None:
    sides = {"here": (torch.ones(2), torch.ones(2)), "there": (torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0]))}
    finding = exact("a claim", sides, 1e-8)
    assert (finding.passed, finding.error, finding.bound) == (False, 0.5, 1e-8)
    assert finding.detail == "there: 4 against 2"
    assert exact("a claim", sides, 0.6).passed


def test_an_exact_property_is_judged_against_a_size_if_one_is_given() -> None:
    sides = {"here": (torch.tensor([1e-3]), torch.tensor([0.0]))}
    assert not exact("a claim", sides, 0.01).passed
    assert exact("a claim", sides, 0.01, size=1.0).passed


def test_nan_keeps_no_property() -> None:
    bad = {"good": (torch.ones(9), torch.ones(9)), "bad": (torch.full((9,), torch.nan), torch.ones(9))}
    assert not exact("a claim", bad, 1e9).passed
    assert exact("a claim", bad, 1e9).detail.startswith("bad")
    finding = statistical("a claim", {"bad": (ROWS * torch.nan, ROWS)})
    assert not finding.passed
    assert finding.p_value == 0.0


def test_a_statistical_property_forgives_chance_and_nothing_else() -> None:
    other = torch.randn(2000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert statistical("a claim", {"here": (ROWS, other)}).passed
    finding = statistical("a claim", {"here": (ROWS, other), "there": (ROWS[:, 0] + 0.3, other[:, 0])})
    assert not finding.passed
    assert finding.p_value < FAILURE_RATE
    assert finding.detail.startswith("there: mean 0.2769 against -0.0015")


def test_the_table_says_which_properties_are_broken() -> None:
    found = Findings("nature", (KEPT, BROKEN))
    assert found.failed == (BROKEN,)
    lines = str(found).splitlines()
    assert lines[0] == "nature: 1 of 2 properties kept"
    assert lines[1] == "  kept    water is wet       p = 0.4"
    assert lines[2] == "  BROKEN  the earth is flat  error 2 > 1e-06         at the horizon"


def test_what_was_not_looked_at_is_not_kept() -> None:
    found = Findings("nature", (KEPT, UNSEEN))
    assert (found.looked_at, found.failed) == ((KEPT,), ())
    lines = str(found).splitlines()
    assert lines[0] == "nature: 1 of 1 properties kept, 1 not looked at"
    assert lines[2] == "  -       the drift is tangent                          the space is no manifold"


@pytest.mark.parametrize("findings", [(), (UNSEEN,)], ids=["none", "none looked at"])
@pytest.mark.parametrize("raises", [True, False])
def test_no_property_at_all_is_no_success(findings: tuple[Finding, ...], raises: bool) -> None:
    with pytest.raises(InputError, match="no property of nature could be looked at"):
        conclude("nature", findings, raises=raises)


def test_two_sides_of_zero_agree_at_any_size() -> None:
    assert exact("a claim", {"here": (torch.zeros(2), torch.zeros(2))}, 1e-8, size=0.0).passed
    assert not exact("a claim", {"here": (torch.zeros(2), torch.ones(2))}, 1e-8, size=0.0).passed


def test_a_broken_property_raises_the_table_if_wanted() -> None:
    with pytest.raises(PropertyError, match="1 of 2 properties kept"):
        conclude("nature", [KEPT, BROKEN], raises=True)
    assert issubclass(PropertyError, AssertionError)
    assert conclude("nature", [KEPT, BROKEN], raises=False).failed == (BROKEN,)
    assert conclude("nature", [KEPT], raises=True).failed == ()


def test_every_property_and_every_seed_has_its_own_randomness() -> None:
    def drawn(seed: int, claim: str) -> float:
        return float(torch.rand((), generator=generator(seed, claim)))

    assert drawn(0, "a") == drawn(0, "a")
    assert len({drawn(0, "a"), drawn(1, "a"), drawn(0, "b")}) == 3


def test_draws_must_depend_on_their_generator_alone():
    """Equal seeds, equal draws; other seeds, others; and the generator of torch itself stands where it stood."""
    fair = reproducible("fair", lambda rng: torch.rand(3, generator=rng))
    with torch.random.fork_rng():
        greedy = reproducible("greedy", lambda rng: torch.rand(3, generator=rng) + 0 * torch.rand(3))
    fixed = reproducible("fixed", lambda rng: torch.ones(3))
    assert (fair.passed, greedy.passed, fixed.passed) == (True, False, False)
    assert greedy.detail.endswith("global generator: False")
