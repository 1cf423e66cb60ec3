"""Schedules that are known at whole steps."""

from __future__ import annotations

import pytest
import torch

from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.processes import Betas, LearnedBetas, erasing_betas, geometric_betas, linear_betas, variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import check_process

FLOAT64 = torch.float64
RULES = {"linear": linear_betas(7, 0.01, 0.3), "erasing": erasing_betas(7), "geometric": geometric_betas(7, 0.01)}


@pytest.mark.parametrize("betas", RULES.values(), ids=RULES)
def test_after_each_step_what_is_left_is_the_product(betas):
    schedule = Betas(betas)
    times = torch.linspace(0, 1, 7, dtype=FLOAT64)
    left = torch.cumprod(1 - torch.tensor(betas, dtype=FLOAT64), 0)
    torch.testing.assert_close(torch.exp(-schedule.value(times)), left, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(schedule.inverse(schedule.value(times)), times, rtol=0, atol=1e-12)


def test_the_rate_is_the_slope_between_steps():
    schedule = Betas(RULES["linear"])
    t = torch.linspace(0.02, 0.98, 50, dtype=FLOAT64)  # on no step
    slope = (schedule.value(t + 1e-6) - schedule.value(t - 1e-6)) / 2e-6
    torch.testing.assert_close(schedule.rate(t), slope, rtol=1e-6, atol=0)
    torch.testing.assert_close(schedule.inverse(schedule.value(t)), t, rtol=0, atol=1e-12)


def test_the_published_schedules():
    assert linear_betas()[0] == 1e-4
    assert linear_betas()[-1] == pytest.approx(0.02, abs=1e-15)
    assert len(linear_betas()) == 1000
    steps = 40
    assert erasing_betas(steps)[:-1] == pytest.approx(
        [1 / x for x in torch.linspace(40, 2, 40).tolist()[:-1]], rel=1e-6
    )
    assert erasing_betas(steps, first=1e-3) == (1e-3, *erasing_betas(steps)[1:])


def test_a_process_of_steps_keeps_the_laws_of_a_process():
    process = variance_preserving(Euclidean(2), Betas(linear_betas(60, 1e-3, 0.3)))
    check_process(process, torch.randn(4, 2, generator=torch.Generator().manual_seed(0)), draws=1000)
    assert decode(encode(process)) == process


def test_learned_betas_start_where_they_are_told_and_have_a_gradient():
    betas = RULES["erasing"]
    learned = LearnedBetas(betas)
    torch.testing.assert_close(learned.knots.detach(), Betas(betas).knots, rtol=1e-12, atol=0)
    assert learned.fixed().betas == pytest.approx(betas, rel=1e-9)
    learned.value(torch.tensor(0.0, dtype=FLOAT64)).backward()
    assert float(learned.logits.grad.abs().max()) == 0  # the first beta is no parameter
    learned.value(torch.tensor(1.0, dtype=FLOAT64)).backward()
    torch.testing.assert_close(learned.logits.grad, torch.tensor(betas[1:], dtype=FLOAT64), rtol=1e-9, atol=0)


@pytest.mark.parametrize("betas", [(0.1,), (0.1, 1.0), (0.0, 0.1)])
def test_impossible_betas_are_refused(betas):
    with pytest.raises(InputError, match=r"expected a (sequence of 2 or more|finite number above 0 and below 1)"):
        Betas(betas)


def test_a_list_is_the_same_as_a_tuple():
    assert Betas([0.1, 0.2]) == Betas((0.1, 0.2))
    assert hash(Betas([0.1, 0.2])) == hash(Betas((0.1, 0.2)))
