"""Rows to begin components with: those of rare values that say more of other cells than a mixture has learnt."""

from __future__ import annotations

import pytest
import torch

from unnoise.laws.seeds import seeds_of


def rows(faults: int, n: int = 2000, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Cells of a few states, the last faults of which have a state of their own in all; and such rows apart."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.stack([torch.randint(0, size, (n,), generator=rng) for size in (6, 5, 4)], 1)
    x[n - faults :] = torch.tensor([7, 9, 8])
    apart = torch.stack([x[torch.randperm(n, generator=rng), cell] for cell in range(3)], 1)
    return x, apart


@pytest.mark.parametrize("faults", [10, 40, 60])
def test_rows_of_a_rare_value_are_found_once(faults: int) -> None:
    x, apart = rows(faults)
    x, apart = x[(order := torch.randperm(len(x)))], apart
    found = seeds_of(x, torch.ones_like(x).bool(), apart, 5)
    assert found.shape[1] == 1, "the states of all cells are of the same rows"
    assert found[:, 0].tolist() == (order >= len(x) - faults).tolist()


def test_what_a_mixture_has_learnt_is_not_begun_again() -> None:
    x, _ = rows(40)
    other, _ = rows(40, seed=1)
    assert seeds_of(x, torch.ones_like(x).bool(), other, 5).shape[1] == 0


def test_independent_cells_and_common_values_begin_nothing() -> None:
    _, apart = rows(40)
    assert seeds_of(apart, torch.ones_like(apart).bool(), rows(40, seed=2)[1], 5).shape[1] == 0
    half = torch.arange(400) % 2
    x = torch.stack([half, half, half], 1)
    assert seeds_of(x, torch.ones_like(x).bool(), x[torch.randperm(400)], 5).shape[1] == 0


def test_holes_are_no_values() -> None:
    x, apart = rows(40)
    known = torch.ones_like(x).bool()
    known[x[:, 0] == 7, 0] = False
    found = seeds_of(x, known, apart, 5)
    assert found.shape[1] == 0 or not found[(x[:, 1] != 9).nonzero()[:, 0]].any()
