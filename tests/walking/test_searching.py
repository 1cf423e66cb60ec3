"""Searches find where numbers have their mass, and the law around these places is normalised and drawn as it says."""

from __future__ import annotations

import importlib
import math

import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.spaces import Counts, Euclidean, Finite, product
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean
from unnoise.walking.asking import asked
from unnoise.walking.beginning import first_points, guessed
from unnoise.walking.functions import Function, Tried
from unnoise.walking.population import NOWHERE
from unnoise.walking.searching import NearPlaces, Numbers, Places, falls_along, searched
from unnoise.walking.wide import wide_law

F64 = torch.float64
SPACE = product({"x": Euclidean(2), "bit": Finite(1, 2), "n": Counts(1)})
MEANS = torch.tensor([0.5, 20.0, 3e3, 1e6], dtype=F64)


def poissons(n):
    return (MEANS.log() * n - torch.lgamma(n.double() + 1) - MEANS).sum(1)


def near(space, centres, widths):
    places = Places(
        torch.tensor(centres, dtype=F64), torch.tensor(widths, dtype=F64), torch.tensor([0.3, 0.7]).double()
    )
    return NearPlaces(wide_law(space), Numbers(space), places)


def test_numbers_are_put_where_they_were():
    numbers = Numbers(SPACE)
    x = {"x": torch.tensor([[0.5, 2.0]]), "bit": torch.tensor([[1]]), "n": torch.tensor([[10**9]])}
    assert numbers.of(x).tolist() == [[0.5, 2.0, 1e9]]
    assert [kind.tolist() for kind in numbers.kinds] == [[True, True, False, True], [False, False, True]]
    put = numbers.put(x, torch.tensor([[1.0, 3.0, 4.0]], dtype=F64))
    assert {name: leaf.tolist() for name, leaf in put.items()} == {"x": [[1.0, 3.0]], "bit": [[1]], "n": [[4]]}
    assert put["n"].dtype == torch.int64


def test_searches_end_at_modes_of_every_size():
    target = Tried(Function(poissons, Counts(4), False), Counts(4))
    start = wide_law(Counts(4)).sample(torch.Generator().manual_seed(0), (20,))
    found = searched(target, start, Numbers(Counts(4)))
    assert bool((((found.centres - MEANS) / MEANS.sqrt()).abs() < 1.1).all())
    assert bool(((found.widths[:, 1:] / MEANS[1:].sqrt() - 1).abs() < 0.5).all())
    assert target.evaluations < 20_000
    assert float(found.weights.sum()) == pytest.approx(1)


def test_other_parts_stay_and_decide():
    def log_prob(at):
        return -0.5 * ((at["x"] - 1e3 * at["bit"]) / torch.tensor([1e-3, 10.0])).square().sum(1) - at["n"][:, 0]

    rng = torch.Generator().manual_seed(1)
    start = wide_law(SPACE).sample(rng, (10,)) | {"bit": torch.arange(10)[:, None] % 2}
    found = searched(Function(log_prob, SPACE, True), start, Numbers(SPACE))
    torch.testing.assert_close(found.centres[:, :2], 1e3 * start["bit"].double().expand(-1, 2), rtol=1e-4, atol=0.5)
    assert bool((found.centres[:, 2] == 0).all())
    torch.testing.assert_close(found.widths[:, 0] / 1e-3, torch.ones(10, dtype=F64), rtol=0.3, atol=0)


def test_places_that_lie_together_are_one_with_the_weight_of_all():
    centres, widths = (
        [[0.0, 5.0], [0.01, 5.9], [0.0, 5.0], [0.3, 5.0]],
        [[0.1, 1.0], [0.12, 0.9], [0.1, 9.0], [0.1, 1.0]],
    )
    weights = torch.tensor([0.4, 0.1, 0.2, 0.3], dtype=F64)
    found = Places(torch.tensor(centres, dtype=F64), torch.tensor(widths, dtype=F64), weights).merged()
    assert found.centres.tolist() == [centres[0], centres[3], centres[2]]
    assert found.widths.tolist() == [widths[0], widths[3], widths[2]]
    assert found.weights.tolist() == pytest.approx([0.5, 0.3, 0.2])


def test_a_guess_knows_a_place_of_numbers_once():
    """A law around every place that a search found made walks on products take minutes."""
    space = product({"x": Euclidean(2), "bit": Finite(1, 2)})
    question, rng = asked(lambda at: -0.5 * (at["x"] - 9 * at["bit"]).square().sum(1), space=space), torch.Generator()
    first = first_points(question, 64, rng.manual_seed(5))
    target = Tried(question.density(first), space)
    guess, _, _ = guessed(target, question, first, False, True, rng, NOWHERE)
    assert isinstance(guess, NearPlaces)
    assert len(guess.places.weights) == 2
    assert float(guess.places.weights.sum()) == pytest.approx(1)


def test_chances_of_counts_sum_to_one_and_are_those_of_draws():
    law = near(Counts(1), [[0.0], [40.0]], [[0.5], [6.0]])
    chances = law.log_prob(torch.arange(200_000)[:, None]).exp()
    rest = wide_law(Counts(1)).log_prob(torch.arange(200_000)[:, None]).exp().sum()
    beyond = 0.5 * (1 - rest) + 0.5 * (0.3 * 0.5 + 0.7 * 6 / (0.5 + math.atan(40.5 / 6) / math.pi)) / math.pi / 200_000
    assert float(chances.sum() + beyond) == pytest.approx(1, abs=1e-6)
    drawn = law.sample(torch.Generator().manual_seed(2), (20_000,))[:, 0].clamp(max=60)
    shares = torch.cat([chances[:60], 1 - chances[:60].sum()[None]])
    assert_frequencies(torch.bincount(drawn, minlength=61), shares)
    with pytest.raises(ImprobableError):
        assert_frequencies(torch.bincount(drawn, minlength=61), shares.roll(1))


def test_the_law_of_a_product_is_normalised():
    law = near(SPACE, [[0.0, 5.0, 3.0], [1.0, -5.0, 30.0]], [[0.1, 1.0, 2.0], [1.0, 0.01, 5.0]])
    x = law.sample(torch.Generator().manual_seed(3), (20_000,))
    narrow = near(SPACE, [[0.0, 5.0, 3.0], [0.0, 5.0, 3.0]], [[0.1, 1.0, 2.0], [0.1, 1.0, 2.0]])
    assert_mean((narrow.log_prob(x) - law.log_prob(x)).exp(), 1.0)
    assert float((x["bit"] == 1).double().mean()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("log_prob", "space"),
    [
        (lambda n: 0.0 * n.sum(1), Counts(1)),
        (lambda at: -at["x"][:, 0].square(), product({"x": Euclidean(2), "bit": Finite(1, 2)})),
    ],
)
def test_what_does_not_fall_along_a_number_is_refused(log_prob, space):
    with pytest.raises(InputError, match="does not seem to be integrable: along some line"):
        unnoise.walk(log_prob, space=space, n=10)


def test_what_falls_too_slowly_is_refused_and_a_tail_that_has_an_integral_is_not():
    space, numbers = product({"x": Euclidean(1), "n": Counts(1)}), Numbers(product({"x": Euclidean(1), "n": Counts(1)}))
    x = wide_law(space).sample(torch.Generator().manual_seed(4), (8,))
    for power, falling in ((1.0, False), (1.1, True)):

        def log_prob(at, power=power):
            return -torch.log1p(at["x"][:, 0].square()) - power * torch.log1p(at["n"][:, 0].double())

        target = Tried(Function(log_prob, space, True), space)
        assert falls_along(target, x, numbers, searched(target, x, numbers)) == falling
    with pytest.raises(InputError, match="far out its logarithm does not go on falling"):
        unnoise.walk(lambda n: -torch.log1p(n[:, 0].double()), space=Counts(1), n=10)


def test_counts_of_very_different_sizes_are_walked_on(monkeypatch):
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 128)
    found = unnoise.walk(poissons, space=Counts(4), n=100)
    assert found.trusted
    assert found.log_z == pytest.approx(0, abs=0.2)
    away = (found.record.particles.flatten(0, 1) - MEANS) / MEANS.sqrt()
    assert_mean(away.mean(1), 0.0)
    assert_mean(away.square().mean(1), 1.0)
