from __future__ import annotations

import pytest
import torch
from gaussians import ATOMS, PLANE, PROCESSES, case
from toys import EXAMPLES

from unnoise.laws import GaussianMixture
from unnoise.processes import rectified_flow, variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import check_law
from unnoise.testing.case import NoisedAtoms, in_double, informative_times, repeated, rows

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


PAIR = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=torch.float64)
SHARES = torch.tensor([0.3, 0.7], dtype=torch.float64)
T = torch.tensor(0.4, dtype=torch.float64)


def test_noised_atoms_are_a_gaussian_mixture() -> None:
    process = variance_preserving(Euclidean(2))
    alpha, sigma = process.alpha_sigma(T)
    mixture = GaussianMixture(SHARES, alpha * PAIR, sigma**2 * torch.eye(2, dtype=torch.float64).expand(2, 2, 2))
    noised = NoisedAtoms(process, PAIR, SHARES, T)
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(noised.log_prob(x), mixture.log_prob(x))
    assert noised.sample(torch.Generator().manual_seed(0), (3, 5)).shape == (3, 5, 2)
    posterior = noised.component_log_prob(x)
    torch.testing.assert_close(posterior, mixture.component_log_prob(x))


def test_it_is_a_law_on_a_nested_state() -> None:
    process, atoms = EXAMPLES["product"]
    weights = torch.full((3,), 1 / 3, dtype=torch.float64)
    law, later = (
        NoisedAtoms(process, in_double(atoms), weights, torch.tensor(t, dtype=torch.float64)) for t in (0.5, 0.7)
    )
    assert check_law(law, later, features=process.space.features, draws=2000).failed == ()


def test_rows_and_repeats_reach_into_nested_states() -> None:
    state = {"a": torch.arange(6).reshape(3, 2), "b": {"c": torch.arange(3.0)}}
    one = rows(state, 1)
    assert one["a"].tolist() == [2, 3]
    assert one["b"]["c"] == 1.0
    assert repeated(one, 4)["a"].shape == (4, 2)
    assert repeated(one, 4)["b"]["c"].tolist() == [1.0] * 4
    assert in_double(state)["b"]["c"].dtype == torch.float64
    assert in_double(state)["a"].dtype == torch.int64
