from __future__ import annotations

import pytest
import torch
from gaussians import ATOMS, PROCESSES, Flow
from toys import EXAMPLES

from unnoise._errors import InputError
from unnoise.processes import rectified_flow
from unnoise.spaces import Euclidean
from unnoise.testing import LawBroken, check_process


@pytest.mark.parametrize("name", PROCESSES)
def test_the_processes_of_the_package_keep_the_laws(name: str) -> None:
    assert len(check_process(PROCESSES[name], ATOMS).findings) == 26


def test_in_more_dimensions_and_on_images() -> None:
    rng = torch.Generator().manual_seed(0)
    check_process(rectified_flow(Euclidean(5)), torch.randn(4, 5, generator=rng), functions=4)
    check_process(rectified_flow(Euclidean((1, 2, 2))), torch.randn(4, 1, 2, 2, generator=rng), functions=4)


@pytest.mark.parametrize(("name", "laws"), [("chain", 21), ("circle", 18), ("product", 18)])
def test_processes_that_are_not_in_the_package_keep_the_laws(name: str, laws: int) -> None:
    process, atoms = EXAMPLES[name]
    assert len(check_process(process, atoms, draws=2000, functions=4).findings) == laws


class ScoreMissingHalf(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return 2 * super().kl_rate(stat, target, x_t, t)


def test_a_broken_process_raises_a_table_that_says_what_and_by_how_much() -> None:
    with pytest.raises(LawBroken) as caught:
        check_process(ScoreMissingHalf(Euclidean(2)), ATOMS, draws=2000)
    table = str(caught.value)
    assert table.startswith("ScoreMissingHalf(")
    broken = [line for line in table.splitlines() if "BROKEN" in line]
    assert any("the price is phi" in line and "error 0.5 > 1e-06" in line for line in broken)
    assert not any("the reverse" in line for line in broken)


@pytest.mark.parametrize(
    ("atoms", "weights"),
    [(ATOMS[:2], None), (ATOMS, torch.ones(3)), (ATOMS, torch.tensor([1.0, 1.0, 1.0, 0.0]))],
    ids=["two atoms", "three weights for four atoms", "a weight of zero"],
)
def test_what_the_laws_need_is_said(atoms, weights) -> None:
    with pytest.raises(InputError, match="3 or more atoms, each with a positive weight"):
        check_process(rectified_flow(Euclidean(2)), atoms, weights)


def test_a_seed_decides_the_report_and_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    reports = [check_process(rectified_flow(Euclidean(2)), ATOMS, draws=1000, seed=seed) for seed in (0, 0, 1)]
    assert reports[0] == reports[1] != reports[2]
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_with_many_draws_there_is_still_nothing_to_see(name: str) -> None:
    check_process(PROCESSES[name], ATOMS, draws=100_000)


@pytest.mark.slow
def test_p_values_of_the_laws_are_uniform() -> None:
    """Kolmogorov's test over 100 seeds for each statistical law at once."""
    found: dict[str, list[float]] = {}
    for seed in range(100):
        for finding in check_process(PROCESSES["vp-cosine"], ATOMS, seed=seed).findings:
            if finding.p_value is not None:
                found.setdefault(finding.law, []).append(finding.p_value)
    assert len(found) == 11
    for law, values in found.items():
        p = torch.tensor(values, dtype=torch.float64).sort().values
        above = torch.arange(1, 101, dtype=torch.float64) / 100 - p  # too many small p-values, beyond chance
        assert above.max() < 0.3, law
        assert p[0] > 1e-5, law
