from __future__ import annotations

import pytest
import torch
from checked import OF_BRIDGE, OF_GAUSSIAN, OF_KERNEL, assert_checked
from gaussians import ATOMS, PROCESSES, Flow
from scipy.special import smirnov
from toys import EXAMPLES

from unnoise._errors import InputError
from unnoise.processes import rectified_flow
from unnoise.spaces import Euclidean
from unnoise.testing import PropertyError, assert_probable, check_process

FEW = {"vp-cosine", "edm", "rectified-flow"}  # one of each path: others differ in the schedule, which has its own tests


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in PROCESSES]
)
def test_the_processes_of_the_package_keep_the_properties(name: str) -> None:
    assert_checked(check_process(PROCESSES[name], ATOMS), OF_KERNEL, OF_BRIDGE, OF_GAUSSIAN)


@pytest.mark.slow
def test_in_more_dimensions_and_on_images() -> None:
    rng = torch.Generator().manual_seed(0)
    check_process(rectified_flow(Euclidean(5)), torch.randn(4, 5, generator=rng), functions=4)
    check_process(rectified_flow(Euclidean((1, 2, 2))), torch.randn(4, 1, 2, 2, generator=rng), functions=4)


@pytest.mark.parametrize(
    ("name", "families"), [("chain", (OF_KERNEL, OF_BRIDGE)), ("circle", (OF_KERNEL,)), ("product", (OF_KERNEL,))]
)
def test_processes_that_are_not_in_the_package_keep_the_properties(name: str, families: tuple) -> None:
    process, atoms = EXAMPLES[name]
    assert_checked(check_process(process, atoms, draws=2000, functions=4), *families)


class ScoreMissingHalf(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return 2 * super().kl_rate(stat, target, x_t, t)


def test_a_broken_process_raises_a_table_that_says_what_and_by_how_much() -> None:
    with pytest.raises(PropertyError) as caught:
        check_process(ScoreMissingHalf(Euclidean(2)), ATOMS, draws=2000)
    table = str(caught.value)
    assert table.startswith("ScoreMissingHalf(")
    broken = [line for line in table.splitlines() if "BROKEN" in line]
    assert any("the KL rate is phi" in line and "error 0.5 > 1e-06" in line for line in broken)
    assert not any("the reverse" in line for line in broken)


@pytest.mark.parametrize(
    ("atoms", "weights"),
    [(ATOMS[:2], None), (ATOMS, torch.ones(3)), (ATOMS, torch.tensor([1.0, 1.0, 1.0, 0.0]))],
    ids=["two atoms", "three weights for four atoms", "a weight of zero"],
)
def test_what_the_properties_need_is_said(atoms, weights) -> None:
    with pytest.raises(InputError, match="3 or more atoms, each with a positive weight"):
        check_process(rectified_flow(Euclidean(2)), atoms, weights)


@pytest.mark.slow
def test_a_seed_decides_the_findings_and_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    found = [check_process(rectified_flow(Euclidean(2)), ATOMS, draws=1000, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"draws": 0}, "got draws = 0; expected a whole number from 2"),
        ({"draws": 1e3}, "got draws = 1000.0; expected a whole number"),
        ({"functions": 0}, "got functions = 0; expected a whole number from 1"),
        ({"functions": True}, "got functions = True; expected a whole number"),
        ({"times": ()}, r"got times = \(\); expected a sequence of 1 or more numbers"),
        ({"times": (0.5, float("nan"))}, r"got times\[1\] = nan; expected a finite number at least 0 and at most 1"),
        ({"churns": (-1.0,)}, r"got churns\[0\] = -1.0; expected a finite number at least 0"),
        ({"weights": torch.tensor([1, 2, 3, 4.0]).div(0)}, "got weights = inf; expected a tensor of finite numbers"),
    ],
    ids=str,
)
def test_wrong_options_are_refused(options: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        check_process(rectified_flow(Euclidean(2)), ATOMS, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_with_many_draws_there_is_still_nothing_to_see(name: str) -> None:
    check_process(PROCESSES[name], ATOMS, draws=100_000)


@pytest.mark.slow
def test_p_values_of_the_properties_are_uniform() -> None:
    """Or larger: Smirnov's one-sided test over 100 seeds for each statistical property."""
    found: dict[str, list[float]] = {}
    for seed in range(100):
        for finding in check_process(PROCESSES["vp-cosine"], ATOMS, seed=seed).findings:
            if finding.p_value is not None:
                found.setdefault(finding.claim, []).append(finding.p_value)
    for claim, values in found.items():
        p = torch.tensor(values, dtype=torch.float64).sort().values
        above = torch.arange(1, 101, dtype=torch.float64) / 100 - p  # too many small p-values, beyond chance
        assert_probable(smirnov(100, float(above.max())), claim)
