from __future__ import annotations

import pytest
import torch
from gaussians import ATOMS, PLANE, PROCESSES, case
from toys import EXAMPLES

from unnoise.processes import rectified_flow
from unnoise.testing.case import informative_times
from unnoise.testing.noised import in_double

WEIGHTS = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)


def test_informative_times_are_where_the_noise_level_decides_not_the_clock() -> None:
    levels = []
    for process in PROCESSES.values():
        times = torch.tensor(informative_times(process, ATOMS.double(), WEIGHTS, 0), dtype=torch.float64)
        assert (times.diff() > 0).all()
        levels.append(process.log_snr(times))
    spread = torch.stack(levels).amax(0) - torch.stack(levels).amin(0)
    assert spread.max() < 0.6  # a grid of 101 times is that coarse for the widest range of noise


@pytest.mark.parametrize("name", EXAMPLES)
def test_informative_times_exist_on_any_space(name: str) -> None:
    process, atoms = EXAMPLES[name]
    early, middle, late = informative_times(process, in_double(atoms), torch.ones(3, dtype=torch.float64) / 3, 0)
    assert 0 < early < middle < late < 1


def test_a_case_knows_its_atoms() -> None:
    one = case(rectified_flow(PLANE))
    assert torch.equal(one.atom(5), ATOMS[1].double())
    assert one.many(1).shape == (one.draws, 2)
    assert [label for _, label, _ in one.each_time()] == ["t = 0.35", "t = 0.45", "t = 0.57"]
    weights = one.other_weights(3, one.rng("weights"))
    assert [float(w.sum()) for w in weights] == pytest.approx([1.0, 1.0, 1.0])
    assert one.noised(torch.tensor(0.5, dtype=torch.float64)).weights is one.weights
    assert one.flat(ATOMS).shape == (4, 2)
