from __future__ import annotations

import torch
from toys import EXAMPLES

from unnoise.laws import GaussianMixture
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import check_law
from unnoise.testing.noised import Noised, in_double, repeated, rows

ATOMS = torch.tensor([[1.0, 0.0], [-1.0, 2.0]], dtype=torch.float64)
WEIGHTS = torch.tensor([0.3, 0.7], dtype=torch.float64)
T = torch.tensor(0.4, dtype=torch.float64)


def test_noised_atoms_are_a_gaussian_mixture() -> None:
    process = variance_preserving(Euclidean(2))
    alpha, sigma = process.alpha_sigma(T)
    mixture = GaussianMixture(WEIGHTS, alpha * ATOMS, sigma**2 * torch.eye(2, dtype=torch.float64).expand(2, 2, 2))
    noised = Noised(process, ATOMS, WEIGHTS, T)
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(noised.log_prob(x), mixture.log_prob(x))
    assert noised.sample(torch.Generator().manual_seed(0), (3, 5)).shape == (3, 5, 2)
    posterior = noised.component_log_prob(x)
    torch.testing.assert_close(posterior, mixture.component_log_prob(x))


def test_it_is_a_law_on_a_nested_state() -> None:
    process, atoms = EXAMPLES["product"]
    weights = torch.full((3,), 1 / 3, dtype=torch.float64)
    law, later = (Noised(process, in_double(atoms), weights, torch.tensor(t, dtype=torch.float64)) for t in (0.5, 0.7))
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
