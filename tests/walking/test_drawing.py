"""`unnoise.walk`: right on what is hard, and without trust where it is wrong."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.laws import LogDensity
from unnoise.laws.students import Students
from unnoise.spaces import Euclidean, Finite, Sphere, product
from unnoise.targets import Funnel, Potts
from unnoise.testing import ImprobableError, assert_mean
from unnoise.walking import Annealing, Positive, Record, Verdict, drawing
from unnoise.walking.attempting import Attempt
from unnoise.walking.scouting import Mode

F64 = torch.float64
NORMAL = torch.ones(1), torch.zeros(1, 1, dtype=F64), torch.eye(1, dtype=F64)[None], torch.ones(1)


def narrow_and_wide(x):
    """.9 N(4, .1^2 I) + .1 N(0, I)."""
    near, far = -0.5 * x.square().sum(-1), -0.5 * ((x - 4) / 0.1).square().sum(-1)
    return torch.logaddexp(near + math.log(0.1), far + math.log(0.9 / 0.01)) - math.log(2 * math.pi)


@pytest.mark.slow
def test_a_narrow_mode_with_most_of_the_mass_is_found():
    found = unnoise.walk(narrow_and_wide, dimension=2, n=4000)
    assert found.trusted
    assert float((found.draws[:, 0] > 2).double().mean()) == pytest.approx(0.9, abs=0.03)
    assert sorted(found.mode_weights.tolist()) == pytest.approx([0.1, 0.9], abs=0.03)
    assert found.log_z == pytest.approx(0, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_heavy_tails_of_ten_numbers_have_all_their_mass(turned):
    noise = torch.randn(10, 10, dtype=F64, generator=torch.Generator().manual_seed(100))
    turn = torch.linalg.qr(noise)[0] if turned else torch.eye(10, dtype=F64)
    found = unnoise.walk(lambda x: -torch.log1p((x @ turn).square()).sum(-1), dimension=10, n=4000)  # Cauchy laws
    assert found.trusted
    share = 2 * torch.atan((found.draws @ turn).abs()) / math.pi  # uniform
    assert_mean(share, 0.5, tolerance=0.01)
    assert_mean((share > 0.9).double(), 0.1, tolerance=0.01)
    assert found.log_z == pytest.approx(10 * math.log(math.pi), abs=0.1)


@pytest.mark.slow
def test_scales_from_small_to_large_need_no_word():
    scales = torch.logspace(-4, 4, 5, dtype=F64)
    found = unnoise.walk(lambda x: -0.5 * ((x - 7) / scales).square().sum(-1), dimension=5, n=4000, seed=1)
    assert found.trusted
    units = (found.draws - 7) / scales
    assert_mean(units.flatten(), 0.0)
    assert float(units.std()) == pytest.approx(1, abs=0.03)
    assert found.log_z == pytest.approx(2.5 * math.log(2 * math.pi), abs=0.15)


def test_values_without_gradients_are_enough():
    def cauchy(x):
        return -np.log1p(np.square(x)).sum(-1)

    found = unnoise.walk(cauchy, dimension=1, n=8000)
    size = found.draws.abs()[:, 0]
    assert float(size.quantile(0.5)) == pytest.approx(1, abs=0.08)
    assert float(size.quantile(0.9)) == pytest.approx(6.31, abs=0.6)
    assert found.log_z == pytest.approx(math.log(math.pi), abs=0.1)


def refused_without_slope(target, x):
    """What counted before: no density where torch finds no slope."""
    values, score = target.log_density.log_prob_and_score(x)
    good = torch.isfinite(score).all(1) & torch.isfinite(values)
    target.evaluations += len(x)
    return torch.where(good, values, -math.inf), torch.where(good[:, None], score, 0.0)


@pytest.mark.parametrize("broken", [False, True])
def test_mass_where_torch_finds_no_slope_is_not_left_out(broken, monkeypatch):
    """The slope of log(x)^2 is NaN for negative x, also where it does not count."""

    def trapped(x):
        return torch.where(x[:, 0] > 0, -(x[:, 0].log() ** 2), -x[:, 0].square())

    monkeypatch.setattr(importlib.import_module("unnoise.walking.attempting"), "PARTICLES", 1024)
    if broken:
        monkeypatch.setattr(
            importlib.import_module("unnoise.walking.functions").Tried, "log_prob_and_score", refused_without_slope
        )
    found = unnoise.walk(trapped, dimension=1, n=2000)
    negative, positive = math.sqrt(math.pi) / 2, math.sqrt(math.pi) * math.exp(0.25)
    share = (found.draws[:, 0] < 0).double()
    if broken:
        with pytest.raises(ImprobableError):
            assert_mean(share, negative / (negative + positive), tolerance=0.01)
        return
    assert found.trusted
    assert_mean(share, negative / (negative + positive), tolerance=0.01)
    assert found.log_z == pytest.approx(math.log(negative + positive), abs=0.05)


def test_two_poles_of_a_sphere_have_their_shares():
    found = unnoise.walk(lambda x: 20 * x[..., 2] ** 2 + x[..., 2] / 2, space=Sphere(2), n=4000)
    assert found.trusted
    assert float((found.draws[:, 2] > 0).double().mean()) == pytest.approx(0.726, abs=0.03)
    assert found.modes is None


def test_spins_and_products_are_walked_on():
    potts = Potts((2, 3), 3, 0.8)
    found = unnoise.walk(potts, n=2000)
    agreement = potts._agreements(found.draws) / 12
    assert_mean(agreement, potts.mean_agreement)
    with pytest.raises(ImprobableError):
        assert_mean(agreement, 0.5)
    assert found.log_z == pytest.approx(potts.log_normaliser, abs=0.1)


class Mixed(LogDensity):
    """A real number around a state of three, which is as likely as its number."""

    support = product({"a": Euclidean(1), "s": Finite(1, 3)})

    def log_prob(self, x):
        state = x["s"][..., 0].double()
        return -0.5 * ((x["a"][..., 0] - 5 * state) / 0.3) ** 2 + (state + 1).log()


@pytest.mark.slow
def test_a_product_of_real_and_finite():
    found = unnoise.walk(Mixed(), n=2000, seed=2)
    shares = torch.bincount(found.draws["s"][:, 0], minlength=3) / 2000
    right = torch.tensor([1, 2, 3]) / 6
    assert not found.trusted or float((shares - right).abs().max()) < 0.05
    assert float((found.draws["a"] - 5 * found.draws["s"]).std()) == pytest.approx(0.3, abs=0.03)


def test_the_same_seed_gives_the_same_draws(monkeypatch):
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 128)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])
    one, two, other = (unnoise.walk(lambda x: -x.square().sum(-1), dimension=1, n=50, seed=s).draws for s in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_points_may_have_several_axes(monkeypatch):
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 256)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])
    centre = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=F64)
    found = unnoise.walk(
        lambda x: -0.5 * (x - centre).square().sum((-1, -2)), space=Euclidean((2, 2)), n=1000, start=centre[None]
    )
    assert found.draws.shape == (1000, 2, 2)
    assert float((found.draws.mean(0) - centre).abs().max()) < 0.2
    assert found.modes.shape == (1, 2, 2)


@pytest.mark.slow
def test_a_neck_that_is_missed_is_told_of():
    """Eight schools in the centred form, where log tau has the deviation 1.19."""
    effects = torch.tensor([28.0, 8, -3, 7, -1, 1, 18, 12])
    errors = torch.tensor([15.0, 10, 16, 11, 9, 11, 10, 18])

    def log_prob(u):
        mu, log_tau, theta = u[:, :1], u[:, 1:2], u[:, 2:]
        tau = log_tau.exp()
        prior = -0.5 * (mu / 5) ** 2 - torch.log1p((tau / 5) ** 2) - 7 * log_tau
        return prior[:, 0] - 0.5 * (((theta - mu) / tau) ** 2 + ((effects - theta) / errors) ** 2).sum(1)

    found = unnoise.walk(log_prob, dimension=10, n=4000)
    assert not found.trusted or float(found.draws[:, 1].std()) == pytest.approx(1.19, abs=0.1)


@pytest.mark.slow
def test_a_funnel_is_right_or_not_trusted():
    found = unnoise.walk(Funnel(), n=4000)
    assert not found.trusted or float(found.draws[:, 0].std()) == pytest.approx(3, abs=0.15)


WRONG = {
    "flat": (lambda x: 0 * x.sum(-1), {"dimension": 2}, "does not seem to be integrable"),
    "a slope": (lambda x: x.sum(-1), {"dimension": 2}, "does not seem to be integrable"),
    "free logits": (
        lambda x: torch.log_softmax(x, -1) @ torch.tensor([3.0, 5.0, 2.0], dtype=x.dtype),
        {"dimension": 3},
        "does not seem to be integrable: along some line .* add a prior",
    ),
    "nowhere": (lambda x: x.sum(-1) - torch.inf, {"dimension": 2}, r"not finite at any of [\d,]+ points"),
    "infinite": (lambda x: x.sum(-1) + torch.inf, {"dimension": 2}, r"NaN or plus infinity at all of [\d,]+ points"),
    "flat, values alone": (lambda x: 0 * np.sum(x, -1), {"dimension": 2}, "does not seem to be integrable"),
    "a slope, values alone": (lambda x: np.asarray(x).sum(-1), {"dimension": 60}, "does not seem to be integrable"),
    "no dimension": (lambda x: -x.square().sum(-1), {}, "give dimension=, or space="),
    "rows": (lambda x: x.sum() + 0 * x[:, 0], {"dimension": 2}, "rows see each other"),
    "start": (lambda x: -x.square().sum(-1), {"dimension": 2, "start": torch.zeros(3, 5)}, "Euclidean expects"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_walked_on_is_told(name):
    function, options, told = WRONG[name]
    with pytest.raises(InputError, match=told):
        unnoise.walk(function, **options)


@pytest.mark.parametrize("parameters", [None, Positive(2)])
def test_climbs_begin_at_the_points_that_are_given(parameters, monkeypatch):
    class Enough(Exception):
        pass

    def somewhere(target, first, *_):
        raise Enough(first)

    monkeypatch.setattr(drawing, "somewhere", somewhere)
    start = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=F64)
    size = {"dimension": 2} if parameters is None else {"parameters": parameters}
    with pytest.raises(Enough) as caught:
        unnoise.walk(lambda x: -x.square().sum(-1), start=start, **size)
    (first,) = caught.value.args
    assert len(first) == 2 + drawing.TRIED
    torch.testing.assert_close(first[:2], start if parameters is None else start.log())


def test_what_is_returned_is_that_of_the_modes_with_draws_in_natural_coordinates(monkeypatch):
    """One of three modes has no particle; the integral is the mean of those of the populations."""
    labels = torch.tensor([[0, 0, 2], [0, 2, 2], [0, 0, 0], [2, 2, 2]])
    shares = torch.stack([(labels == i).double().mean(1) for i in range(3)], 1)
    z = torch.linspace(-1, 1, 12, dtype=F64).reshape(4, 3, 1)
    log_z = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=F64)
    record = Record(z, labels, shares, log_z, None, Annealing([0.0, 1.0], [2.0], [[0.5]], [0.5]))
    modes = [Mode(torch.tensor([float(i)], dtype=F64), 0.0, torch.eye(1, dtype=F64)) for i in range(3)]
    done = Attempt(record, Verdict(True, (), (), 1.0, 0.1), modes)
    monkeypatch.setattr(drawing.Attempts, "best", lambda self: done)
    found = unnoise.walk(lambda x: x.log() - x, parameters=Positive(), guess=Students(*NORMAL), n=12)
    torch.testing.assert_close(found.modes, torch.tensor([0.0, 2.0], dtype=F64).exp())
    torch.testing.assert_close(found.mode_weights, torch.tensor([0.5, 0.5], dtype=F64))
    assert found.log_z == pytest.approx(math.log((1 + math.e + math.e**2 + math.e**3) / 4))
    torch.testing.assert_close(found.record.particles, z[..., 0].exp())
    assert found.record.labels.tolist() == (labels // 2).tolist()
    torch.testing.assert_close(found.draws.sort().values, z.flatten().exp())


def by_chance(x):
    noise = torch.rand(len(x), dtype=F64, generator=CHANCE)
    return -0.5 * x.square().sum(1) + torch.where((x > 1.9).all(1) & (x < 3).all(1), noise, 0.0)


def by_calls(x):
    """After the walk."""
    if CALLS:
        CALLS.append(len(x))
    return -0.5 * x.square().sum(1) + 0.1 * len(CALLS)


def by_rows(x):
    return -0.5 * x.square().sum(1) + (len(x) > 100) * x[:, 0].mean()


def alike(x):
    return -0.5 * x.square().sum(1)


def by_chance_near(x):
    """Of which a point or two are among the first three seldom, and among all first points mostly."""
    noise = torch.rand(len(x), dtype=F64, generator=CHANCE)
    return -0.5 * x.square().sum(1) + torch.where((x[:, 0] > 1) & (x[:, 0] < 3), noise, 0.0)


def test_chance_is_told_by_all_first_points():
    with pytest.raises(InputError, match=r"of the same point is .* and then .*; .* leave out random numbers"):
        unnoise.walk(by_chance_near, dimension=2)


CHANCE = torch.Generator().manual_seed(0)
CALLS: list[int] = []


@pytest.mark.parametrize("density", [by_chance, by_calls, by_rows, alike])
def test_draws_of_a_density_that_changes_where_nobody_tried_it_are_not_trusted(density, monkeypatch):
    z = torch.linspace(-1, 2, 1200, dtype=F64).reshape(4, 150, 2)
    log_z = torch.zeros(4, dtype=F64)
    record = Record(z, None, torch.ones(4, 1), log_z, None, Annealing([0.0, 1.0], [2.0], [[0.5]], [0.5]))
    CALLS.clear()

    def best(self):
        CALLS.append(0)
        return Attempt(record, Verdict(True, (), (), 1.0, 0.1), [])

    monkeypatch.setattr(drawing.Attempts, "best", best)
    law = Students(torch.ones(1), torch.zeros(1, 2, dtype=F64), torch.eye(2, dtype=F64)[None], torch.ones(1))
    found = unnoise.walk(density, dimension=2, guess=law, n=12)
    assert found.trusted == (density is alike)
    said = "".join(found.verdict.doubts)
    assert ("the log density of the same point is" in said) == (density is not alike)
