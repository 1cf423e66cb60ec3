"""Batches in pieces, by this process or by others, have the values of the whole."""

from __future__ import annotations

import importlib
import os
import threading

import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.chains import Density
from unnoise.spaces import Euclidean, Finite, product
from unnoise.targets import Potts
from unnoise.walking.functions import Function
from unnoise.walking.sharing import ROWS, shared

MINE = """
import os
import torch

PARENT = {parent}

def log_prob(x):
    return -0.5 * x.square().sum(-1) - 0.1 * x.sum(-1).square()

def failing(x):
    if os.getpid() != PARENT:
        raise ValueError("no luck")
    return log_prob(x)

def ending(x):
    if os.getpid() != PARENT:
        os._exit(3)
    return log_prob(x)

def positive(x):
    if min(x) <= 0:
        raise ValueError("outside")
    return -sum(x)
"""


def log_prob(x):
    return -0.5 * x.square().sum(-1) - 0.1 * x.sum(-1).square()


def test_pieces_are_put_together():
    density = Density(log_prob, Euclidean(3))
    x = torch.randn(2 * ROWS + 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with shared(density, 1) as pieces:
        assert torch.equal(pieces.log_prob(x), density.log_prob(x))
        value, score = pieces.log_prob_and_score(x)
        torch.testing.assert_close(score, density.score(x), rtol=0, atol=0)
        assert torch.equal(value, density.log_prob(x))
        assert pieces.support == Euclidean(3)
    with shared(density, None) as same:
        assert same is density


def test_slopes_of_a_factor_come_from_the_pieces():
    """Moves on products and on shares differentiate values."""
    space = product({"x": Euclidean(2), "bit": Finite(1, 2)})
    density = Function(lambda at: log_prob(at["x"]) * (1 + at["bit"][:, 0]), space, True)
    rng = torch.Generator().manual_seed(0)
    x = {
        "x": torch.randn(ROWS + 5, 2, generator=rng, dtype=torch.float64),
        "bit": torch.randint(2, (ROWS + 5, 1), generator=rng),
    }
    with shared(density, 1) as pieces:
        (value, found), (right, expected) = (space.reversible(one, x) for one in (pieces, density))
    torch.testing.assert_close(value, right)
    torch.testing.assert_close(found["x"].drift, expected["x"].drift)
    torch.testing.assert_close(found["bit"].rates, expected["bit"].rates)


def test_what_cannot_be_shared_is_refused():
    lock = threading.Lock()

    def locked(x):
        with lock:
            return log_prob(x)

    with pytest.raises(InputError, match=r"cannot be sent to other processes .*make it a function of a module"):
        unnoise.walk(locked, dimension=1, processes=2)
    with pytest.raises(InputError, match="got processes = 2 and Potts, which is fast"):
        unnoise.walk(Potts((2, 2), 2, 0.5), processes=2)
    with pytest.raises(InputError, match="processes = 0; expected a whole number"):
        unnoise.walk(log_prob, dimension=1, processes=0)


@pytest.mark.slow
def test_several_processes_give_the_same_draws_and_tell_what_fails(tmp_path, monkeypatch):
    (tmp_path / "shared_by_processes.py").write_text(MINE.format(parent=os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("shared_by_processes")
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 128)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])
    one, two = (unnoise.walk(mine.log_prob, dimension=3, n=60, processes=k) for k in (1, 2))
    assert torch.equal(one.draws, two.draws)
    with pytest.raises(InputError, match=r"shared_by_processes.py, line 12, in failing, ValueError: no luck"):
        unnoise.walk(mine.failing, dimension=3, processes=2)
    with pytest.raises(InputError, match="ended by itself"):
        unnoise.walk(mine.ending, dimension=3, processes=2)


@pytest.mark.slow
def test_what_is_raised_outside_the_support_ends_no_process(tmp_path, monkeypatch):
    (tmp_path / "raising_outside.py").write_text(MINE.format(parent=os.getpid()))
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("raising_outside")
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 64)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])
    one, two = (unnoise.walk(mine.positive, dimension=5, n=60, processes=k) for k in (1, 2))
    assert torch.equal(one.draws, two.draws)
    assert (two.draws > 0).all()
