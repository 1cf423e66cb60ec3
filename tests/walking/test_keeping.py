"""A walk that was interrupted goes on to the bits of one that was not, and to those of no other walk."""

from __future__ import annotations

import functools
import importlib
import tempfile
from pathlib import Path

import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.targets import Potts
from unnoise.walking import Checkpoint

F64 = torch.float64


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Walks of a part of a second, whose first attempt is never trusted enough."""
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 64)
    monkeypatch.setattr(module, "MORE_PARTICLES", 64)
    monkeypatch.setattr(importlib.import_module("unnoise.walking.movers"), "SPACE_ROUNDS", (1, 1))
    efforts = [module.Effort(0.7, 1, 2), module.Effort(0.7, 1, 4)]
    monkeypatch.setattr(module, "EFFORTS", tuple(efforts))


def two(x):
    """Modes of unequal width."""
    near, far = -0.5 * x.square().sum(-1), -0.5 * ((x - 5) / 0.5).square().sum(-1)
    return torch.logaddexp(near, far)


class Interrupting:
    """A log density that Ctrl-C hits at one of its calls."""

    def __init__(self, function, last):
        self.function, self.last, self.calls = function, last, 0

    def __call__(self, x):
        self.calls += 1
        if self.calls == self.last:
            raise KeyboardInterrupt
        return self.function(x)


def walked(function=two, path=None, **options):
    with Checkpoint(path, resume=options.pop("resume", False), every=options.pop("every", 0)) as checkpoint:
        return unnoise.walk(function, **{"dimension": 2, "n": 40, "checkpoint": checkpoint} | options)


SPINS = Potts((2, 3), 3, 0.8)
ON = {"real": (two, {}), "spins": (SPINS.log_prob, {"space": SPINS.space, "dimension": None})}


@functools.cache
def whole(name="real"):
    """An uninterrupted walk, and how often it asks."""
    function, options = ON[name]
    counting = Interrupting(function, 0)
    return walked(counting, **options), counting.calls


def interrupt(share, path, name="real", **more):
    function, options = ON[name]
    with pytest.raises(KeyboardInterrupt):
        walked(Interrupting(function, int(share * whole(name)[1])), path, **options, **more)


@pytest.mark.parametrize(
    ("name", "share", "every"),
    [
        ("real", 0.2, 0),
        pytest.param("real", 0.75, 0, marks=pytest.mark.slow),
        ("real", 0.97, 0),
        ("real", 0.85, 1000),
        ("spins", 0.6, 0),
    ],
)
def test_an_interrupted_walk_goes_on_to_the_same_bits(name, share, every, tmp_path):
    path = tmp_path / "walk"
    right, calls = whole(name)
    interrupt(share, path, name, every=every)
    assert path.exists()
    function, options = ON[name]
    counting = Interrupting(function, 0)
    found = walked(counting, path, resume=True, **options)
    assert torch.equal(found.draws, right.draws)
    assert torch.equal(found.record.log_z, right.record.log_z)
    assert (found.log_z, found.evaluations, found.verdict) == (right.log_z, right.evaluations, right.verdict)
    assert found.record.annealing == right.record.annealing
    assert counting.calls < (1.3 - share) * calls
    assert not path.exists()


def test_without_the_state_of_the_generator_it_ends_elsewhere(tmp_path, monkeypatch):
    """The broken twin."""
    path = tmp_path / "walk"
    interrupt(0.8, path)
    keep = Checkpoint.begin
    monkeypatch.setattr(Checkpoint, "begin", lambda self, rng, about: keep(self, torch.Generator(), about))
    assert not torch.equal(walked(two, path, resume=True).draws, whole()[0].draws)


def test_an_interruption_that_leaves_no_time_to_write_costs_what_came_since(tmp_path, monkeypatch):
    """As `kill -9` does."""
    path = tmp_path / "walk"
    monkeypatch.setattr(Checkpoint, "__exit__", lambda *given: None)
    interrupt(0.8, path)
    assert torch.equal(walked(two, path, resume=True).draws, whole()[0].draws)


@functools.cache
def half_way() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        interrupt(0.8, Path(folder) / "walk")
        return (Path(folder) / "walk").read_bytes()


@pytest.fixture
def interrupted(tmp_path) -> Path:
    path = tmp_path / "walk"
    path.write_bytes(half_way())
    return path


OTHERS = {
    "seed": ({"seed": 1}, "the seed was 0, and is 1 now"),
    "n": ({"n": 41}, "n was 40, and is 41 now"),
    "dimension": ({"dimension": 3}, r"the space was Euclidean\(.*2.*, and is Euclidean\(.*3"),
    "density": ({"function": lambda x: 1.01 * two(x)}, "the log density at some point was -"),
    "start": ({"start": torch.zeros(1, 2)}, "the log density at some point was|the sum of its first points was"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_walk_is_refused(name, interrupted):
    options, told = OTHERS[name]
    before = interrupted.read_bytes()
    with pytest.raises(InputError, match=f"is of another walk: {told}.*; walk as then, or delete it"):
        walked(path=interrupted, resume=True, **options)
    assert interrupted.read_bytes() == before


def test_a_file_is_neither_overwritten_nor_imagined(interrupted, tmp_path):
    with pytest.raises(InputError, match=r"interrupted: go on with resume=True \(--resume\), or begin anew"):
        Checkpoint(interrupted)
    with pytest.raises(InputError, match=r"there is no checkpoint .*none; walk without resuming"):
        Checkpoint(tmp_path / "none", resume=True)
    with Checkpoint(interrupted, overwrite=True) as checkpoint:
        assert unnoise.walk(two, dimension=2, n=40, checkpoint=checkpoint).draws.equal(whole()[0].draws)


def test_a_changed_byte_is_seen(interrupted):
    content = bytearray(interrupted.read_bytes())
    content[-9] ^= 1
    interrupted.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged or of another version .*checksum does not fit.*; delete it"):
        walked(path=interrupted, resume=True)
