"""Blocks of sites keep the target whether or not their sites see each other; a twin that takes all does not."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Blocks, Density, Relabelled, blocks_of, run
from unnoise.laws import LogDensity
from unnoise.spaces import Finite
from unnoise.targets import Ising, Potts
from unnoise.testing import ImprobableError, assert_mean

RING = Potts(6, 3, 0.9, field=(0.0, 0.4, -0.3))
TOGETHER = ((0, 1, 2, 3, 4, 5),)  # with neighbours, which see each other
COLOURS = ((0, 2, 4), (1, 3, 5))


@dataclass(frozen=True)
class Uneven(LogDensity):
    """Three sites of 2, 4 and 3 states, the last of which does not see the others; no other state is ever asked."""

    support = Finite(3, (2, 4, 3))

    def log_prob(self, x):
        self.support.check(x)
        return (x[..., 0] * x[..., 1]).double() + 0.5 * x[..., 2]


def ends(kernel, steps=25, n=2000):
    rng = torch.Generator().manual_seed(0)
    return run(kernel, torch.randint(3, (n, 6), generator=rng), steps, rng)


def agreement(x):
    return (x == x.roll(1, -1)).double().mean(-1)


def test_any_blocks_keep_the_target_and_colours_are_never_refused(monkeypatch):
    colours, together = ends(Blocks(RING, COLOURS)), ends(Blocks(RING, TOGETHER))
    assert colours.acceptance == pytest.approx(1)
    assert together.acceptance < 0.9
    for trace in (colours, together):
        assert_mean(agreement(trace.x), RING.mean_agreement)
        assert_mean((trace.x[:, 2] == 1).double(), float(RING.marginals[2, 1]))
    module = importlib.import_module("unnoise.chains.blocks")
    monkeypatch.setattr(module, "accepted", lambda ratio, rng: (ratio == ratio, ratio.exp()))  # it takes every proposal
    with pytest.raises(ImprobableError):
        assert_mean(agreement(ends(Blocks(RING, TOGETHER)).x), RING.mean_agreement)


def test_sites_of_other_sizes_are_drawn_without_asking_for_states_that_they_lack():
    target = Uneven()
    start = torch.zeros(2000, 3, dtype=torch.long)
    blocks = blocks_of(target, start[:2], 3)
    assert blocks == ((0, 2), (1,))
    x = run(Blocks(target, blocks), start, 20, torch.Generator().manual_seed(1)).x
    high = sum(math.exp(k) for k in range(4))
    assert_mean(x[:, 0].double(), high / (high + 4))
    with pytest.raises(InputError, match="whose sites have the same states"):
        Relabelled(target)


def test_colours_of_a_chessboard_are_found_and_too_many_are_none():
    board = blocks_of(Ising((4, 6), 0.3), torch.zeros(1, 4, 6, dtype=torch.long), 2)
    assert board == tuple(tuple(s for s in range(24) if (s // 6 + s) % 2 == k) for k in (0, 1))
    assert blocks_of(Ising((4, 6), 0.3), torch.zeros(1, 4, 6, dtype=torch.long), 1) == ()
    assert blocks_of(Ising((70, 70), 0.3), torch.zeros(1, 70, 70, dtype=torch.long), 2) == ()  # too many sites


def test_new_names_keep_the_target_and_its_field():
    """Where all sites agree their field decides, and they go on agreeing."""
    rng = torch.Generator().manual_seed(0)
    x = run(Relabelled(RING), torch.zeros(2000, 6, dtype=torch.long), 20, rng).x
    right = math.exp(2.4) / (1 + math.exp(2.4) + math.exp(-1.8))
    assert_mean(x[:, 0].eq(1).double(), right)
    with pytest.raises(ImprobableError):
        assert_mean(x[:, 0].eq(1).double(), 1 / 3)
    assert bool((x == x[:, :1]).all())


@pytest.mark.parametrize("blocks", [((0, 1, 2, 3, 4), (5,)), ((5,), (0, 1, 2, 3, 4))])
def test_what_is_accepted_is_the_mean_over_blocks(blocks):
    """A site by itself is always drawn from its law."""
    trace = run(Blocks(RING, blocks), torch.zeros(200, 6, dtype=torch.long), 3, torch.Generator().manual_seed(0))
    assert 0.5 < trace.acceptance < 0.98


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Blocks(RING, ((0, 1), (3, 4, 5))), "expected the sites 0 to 5"),
        (lambda: Blocks(Density(lambda x: x.sum(-1)), ((0,),)), "draws sites of a Finite space"),
        (lambda: Relabelled(Density(lambda x: x.sum(-1))), "sites have the same states"),
        (lambda: run(Blocks(RING, COLOURS), torch.full((1, 6), 3), 1, torch.Generator()), "got the state 3"),
    ],
)
def test_what_is_no_space_of_sites_is_refused(make, told):
    with pytest.raises(InputError, match=told):
        make()
