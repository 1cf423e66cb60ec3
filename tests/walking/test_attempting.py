"""Attempts: when the next one begins, and what is measured of one."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from unnoise.chains import Density
from unnoise.laws.students import Students
from unnoise.spaces import Euclidean, Finite
from unnoise.walking import attempting
from unnoise.walking.attempting import Attempts, numbers
from unnoise.walking.functions import Tried
from unnoise.walking.population import NOWHERE
from unnoise.walking.record import Annealing, Record
from unnoise.walking.scouting import Mode
from unnoise.walking.verdict import Verdict
from unnoise.walking.wide import wide_law

SPACE = Euclidean(2)


@pytest.fixture
def attempts(monkeypatch):
    """Of a normal law, with few particles, from a wide guess without modes."""
    monkeypatch.setattr(attempting, "PARTICLES", 256)
    target = Tried(Density(lambda x: -0.5 * x.square().sum(-1), SPACE), SPACE)
    rng = torch.Generator().manual_seed(0)
    return Attempts(target, wide_law(SPACE), [], None, None, True, True, (), 10, rng, lambda done, note: None, NOWHERE)


@pytest.mark.parametrize(("trusted", "made"), [([True], 1), ([False, True], 2), ([False] * 3, 3)])
def test_attempts_end_with_the_first_that_is_trusted(attempts, monkeypatch, trusted, made):
    names = []

    class Done:
        def __init__(self, good):
            self.verdict = type("Verdict", (), {"trusted": good})

    def one(self, effort, name):
        names.append((effort, name))
        return Done(trusted[len(names) - 1])

    monkeypatch.setattr(Attempts, "_one", one)
    monkeypatch.setattr(Attempts, "_overlooked", lambda self, done: [])
    assert attempts.best().verdict.trusted == trusted[-1]
    assert names == [(attempting.EFFORTS[i], f"attempt {i}") for i in range(made)]


PLACE = torch.tensor([4.0, -4.0], dtype=torch.float64)


def far(x):
    """A narrow mode with half of the mass, far from a wide one."""
    narrow = -0.5 * ((x - PLACE) / 0.1).square().sum(-1) - 2 * math.log(0.1)
    return torch.logaddexp(-0.5 * x.square().sum(-1), narrow)


@pytest.fixture
def blind(attempts):
    """Attempts at both modes that know the wide one alone."""
    wide = Mode(torch.zeros(2, dtype=torch.float64), 0.0, torch.eye(2, dtype=torch.float64), 9)
    guess = Students(torch.ones(1), torch.zeros(1, 2, dtype=torch.float64), wide.factor[None], torch.ones(1) * 9)
    return replace(attempts, target=Tried(Density(far, SPACE), SPACE), guess=guess, modes=[wide])


def test_a_last_look_meets_modes_with_mass_that_have_no_draw(blind, monkeypatch):
    monkeypatch.setattr(attempting, "PROBES", 2**13)
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(4, 1000, 2, dtype=torch.float64, generator=rng)

    def looked(x, log_z=math.log(2 * math.pi)):
        record = Record(x, None, torch.ones(4, 1), torch.full((4,), log_z), None, Annealing([], [], [], []))
        return blind._overlooked(attempting.Attempt(record, None, blind.modes))

    (mode,) = looked(x)
    assert float((mode.centre - PLACE).norm()) < 1e-3
    assert mode.met > 0
    assert looked(torch.cat([x, PLACE + 0.1 * x], 1)) == []  # draws are there
    assert looked(x, log_z=20.0) == []  # it has hardly any mass


def test_what_was_overlooked_is_doubted_and_known_to_the_next_attempt(blind, monkeypatch):
    known, found = [], Mode(PLACE, 9.0, 0.1 * torch.eye(2, dtype=torch.float64), 1)

    def one(self, effort, name):
        known.append((len(self.modes), len(self.guess.means)))
        return attempting.Attempt(None, Verdict(True, (), (), 1.0, 0.0), self.modes)

    monkeypatch.setattr(Attempts, "_one", one)
    monkeypatch.setattr(Attempts, "_overlooked", lambda self, done: [found] if len(self.modes) < 2 else [])
    assert blind.best().verdict.trusted
    assert known == [(1, 1), (2, 2)]
    monkeypatch.setattr(attempting, "EFFORTS", attempting.EFFORTS[:1])
    verdict = blind.best().verdict
    assert not verdict.trusted
    assert "met a mode that no draw is near" in str(verdict)


def test_the_next_guess_covers_what_the_particles_of_a_doubted_attempt_cover(blind, monkeypatch):
    """A thin turned ridge, of which a guess made of modes knows nothing."""
    along = torch.randn(4, 500, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    across = torch.randn(4, 500, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    turn = torch.tensor([[0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
    x = torch.cat([1000 * along, 0.1 * across], 2) @ turn
    guesses, record = [], Record(x, None, torch.ones(4, 1), torch.zeros(4), None, Annealing([], [], [], []))

    def one(self, effort, name):
        guesses.append(self.guess)
        return attempting.Attempt(record, Verdict(False, ("a doubt",), (), 1.0, 0.0), self.modes)

    monkeypatch.setattr(Attempts, "_one", one)
    blind.best()
    log_p = -0.5 * along[..., 0].square() - 0.5 * across[..., 0].square() - math.log(2 * math.pi * 100)
    first, second, third = (float((guess.log_prob(x.flatten(0, 1)) - log_p.flatten()).mean()) for guess in guesses)
    assert first < -5
    assert second == pytest.approx(math.log(0.5), abs=0.2)
    assert third == pytest.approx(math.log(0.75), abs=0.2)
    user = replace(blind, modes=[], guess=wide_law(SPACE))
    assert user._learnt(attempting.Attempt(record, None, [])) is user.guess


def test_particles_of_an_attempt_are_those_of_both_moments(attempts):
    found = attempts._one(attempting.EFFORTS[0], "attempt 0")
    assert found.record.particles.shape == (attempting.POPULATIONS, 512, 2)
    assert found.verdict.trusted
    drawn = found.drawn(3000, torch.Generator().manual_seed(1))
    assert len(drawn.unique(dim=0)) == len(found.record.particles.flatten(0, 1).unique(dim=0))


def test_particles_that_never_moved_are_counted_and_whole_numbers_are_not():
    x = torch.arange(8.0).reshape(4, 2)
    assert attempting._stuck(x, x, x) == 1
    assert attempting._stuck(x, x, x + torch.tensor([[1.0], [0.0], [0.0], [0.0]])) == 0.75
    assert attempting._stuck(x, x + 1, x) == 0.0
    assert attempting._stuck(x.long(), x.long(), x.long()) == 0
    assert numbers({"a": x, "b": x.long()}).shape == (4, 4)


@pytest.mark.parametrize(("flat", "share"), [(True, 0.005), (True, 0.02), (False, 0.0)])
def test_a_target_ends_at_edges_where_the_last_moves_met_some(attempts, monkeypatch, flat, share):
    """Whatever was met before."""
    seen, attempts = [], replace(attempts, flat=flat)
    attempts.target.evaluations = attempts.target.outside = 10**6

    def moved(target, x, mover, populations, rng, rounds, *_):
        seen.append(rounds)
        target.evaluations, target.outside = target.evaluations + 1000, target.outside + round(1000 * share)
        return x, []

    monkeypatch.setattr(attempting, "annealed", lambda *_, **__: SimpleNamespace(x=torch.zeros(8, 2)))
    monkeypatch.setattr(attempting, "moved", moved)
    monkeypatch.setattr(Attempts, "_summed", lambda self, found, each, early, late, smooth, learnt: smooth)
    assert attempts._one(attempting.Effort(0.5, 2, 6), "attempt 0") == (flat and share < attempting.EDGE)
    assert seen == [3, 3]


def test_labels_and_shares_are_of_both_moments_and_refusals_are_counted(attempts, monkeypatch):
    """Two particles of each population, at either of two modes."""
    judged, unit = [], torch.eye(2, dtype=torch.float64)
    modes = [Mode(torch.full((2,), 9.0 * i, dtype=torch.float64), 0.0, unit, 9) for i in range(2)]
    early, late = torch.tensor([0, 0, 0, 1, 1, 1, 0, 0]), torch.tensor([0, 1, 1, 1, 1, 0, 0, 0])
    monkeypatch.setattr(attempting, "judged", judged.append)
    monkeypatch.setattr(attempting, "bridged", lambda *_: None)
    monkeypatch.setattr(attempting, "freedom", lambda *_: math.inf)
    monkeypatch.setattr(attempting, "novelty", lambda target, law, before, after: torch.zeros(len(after)))
    attempts = replace(attempts, modes=modes)
    attempts.target.evaluations, attempts.target.outside, attempts.target.refused = 30, 7, 3
    x = [9.0 * at.double()[:, None].expand(-1, 2) for at in (early, late)]
    found = SimpleNamespace(x=x[0] + 1, log_z=torch.zeros(4), annealing=Annealing([1.0], [], [], []))
    record = attempts._summed(found, 2, *x, smooth=False).record
    assert record.labels.tolist() == [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert record.shares[:, 1].tolist() == [0.25, 0.75, 0.75, 0.0]
    assert (record.particles[..., 0] == 9.0 * record.labels).all()
    assert judged[0].refused == pytest.approx(0.1)


def test_as_many_particles_as_draws_are_asked_for():
    """At both moments of four populations; more where modes are weighed, fewer of large points."""
    assert attempting._particles(Euclidean(1), 1, 100_000) == 12_500
    assert attempting._particles(Euclidean(1), 1, 10) == attempting.PARTICLES
    assert attempting._particles(Euclidean(1), 2, 10) == attempting.MORE_PARTICLES
    assert attempting._particles(Euclidean(2**16), 1, 10) == 64
    assert attempting._particles(Finite(1, 2**13), 0, 10) == 2**10  # as all neighbours of all are asked at once


def test_a_narrow_mode_that_a_particle_fell_into_is_met(blind, monkeypatch):
    """The probes see nothing, and so few particles are far from the share that its height and width say."""
    monkeypatch.setattr(attempting, "PROBES", 1)
    x = torch.randn(4, 1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    log_z = torch.full((4,), math.log(2 * math.pi))
    record = Record(x, None, torch.ones(4, 1), log_z, None, Annealing([], [], [], []))
    assert blind._overlooked(attempting.Attempt(record, None, blind.modes)) == []
    x[2, 5] = PLACE
    (mode,) = blind._overlooked(attempting.Attempt(record, None, blind.modes))
    assert float((mode.centre - PLACE).norm()) < 1e-3


@pytest.mark.parametrize(("share", "seen"), [(0.02, 1), (0.001, 0)])
def test_what_has_hardly_a_share_of_the_mass_is_not_overlooked(blind, monkeypatch, share, seen):
    monkeypatch.setattr(attempting, "PROBES", 2**13)
    x = torch.randn(4, 1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    log_z = torch.full((4,), math.log(2 * math.pi / share))  # of which the narrow mode has this share
    record = Record(x, None, torch.ones(4, 1), log_z, None, Annealing([], [], [], []))
    assert len(blind._overlooked(attempting.Attempt(record, None, blind.modes))) == seen


def test_annealing_that_is_given_up_is_told(attempts, monkeypatch):
    """It went on in silence from a temperature above that of the target."""
    monkeypatch.setattr(importlib.import_module("unnoise.walking.population"), "MOST_RISES", 1)
    narrow = Tried(Density(lambda x: -0.5 * (1e6 * x).square().sum(-1), SPACE), SPACE)
    done = replace(attempts, target=narrow)._one(attempting.EFFORTS[0], "one")
    assert done.record.annealing.betas[-1] < 1
    assert "temperatures came down to 1/" in done.verdict.doubts[0]
