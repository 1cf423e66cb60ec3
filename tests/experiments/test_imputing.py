"""The score of fillings, and the closed forms that a network is compared with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from experiments.adult import Table
from experiments.chained import Forest, Scales, filled, hot_decks, ridge, started
from experiments.circular_mixtures import CircularMixture, nearest
from experiments.conditional_gaussians import Gaussians
from experiments.imputing import energy_scores
from unnoise.testing import assert_probable

EVERYTHING = np.ones((1, 2), dtype=bool)


def squares(one, other):
    return (one - other) ** 2


def test_the_energy_score_is_what_its_definition_says():
    truth, hidden = np.array([[0.0, 0.0], [1.0, 5.0]]), np.array([[True, True], [True, False]])
    draws = [np.array([[3.0, 4.0], [1.0, 9.0]]), np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 2.0], [0.0, 0.0]])]
    first = (5 + 0 + 2) / 3 - (5 + math.hypot(3, 2) + 2) / 3 / 2
    second = (0 + 2 + 1) / 3 - (2 + 1 + 3) / 3 / 2
    assert energy_scores(truth, draws, hidden, squares) == pytest.approx([first, second])


def test_the_energy_score_prefers_the_true_law_to_its_mean_and_to_a_wide_one():
    """By far: the differences are ten standard errors of 2000 rows."""
    rng, shape = np.random.default_rng(0), (2000, 3)
    truth, hidden = rng.normal(size=shape), np.ones(shape, dtype=bool)

    def score(spread):
        draws = [spread * rng.normal(size=shape) for _ in range(5)]
        return energy_scores(truth, draws, hidden, squares).mean()

    assert score(1.0) < min(score(0.5), score(1.5)) - 0.03
    assert score(1.0) < energy_scores(truth, [0 * truth] * 5, hidden, squares).mean() - 0.3


def circular():
    return CircularMixture(
        np.array([0.3, 0.7]),
        np.array([[0.0, 1.0], [2.0, -1.0]]),
        np.array([[4.0, 2.0], [1.0, 8.0]]),
        np.array([[0.9, 0.1], [0.2, 0.8]]),
    )


def grid(law, known_first):
    """The density of the second angle given the first and letter 1, on a grid."""
    second = np.linspace(-np.pi, np.pi, 401)[:-1]
    angles = np.stack([np.full_like(second, known_first), second], 1)
    letters = np.ones(len(second), dtype=int)
    joint = np.exp(law.log_prob(angles, letters, np.ones(angles.shape, dtype=bool)))
    known = law.log_prob(angles[:1], letters[:1], np.array([[True, False]]))
    return second, joint / np.exp(known)


def test_a_conditional_of_a_circular_mixture_is_a_density_and_its_draws_follow_it():
    law, n = circular(), 4000
    second, density = grid(law, 0.7)
    step = second[1] - second[0]
    assert density.sum() * step == pytest.approx(1.0, abs=1e-9)
    known = np.tile([True, False], (n, 1))
    angles = law.draw(np.full((n, 2), 0.7), np.ones(n, dtype=int), known, np.random.default_rng(0))
    assert (angles[:, 0] == 0.7).all()
    held = np.cumsum(density) * step
    wrapped = (angles[:, 1] + np.pi) % (2 * np.pi) - np.pi
    found = stats.kstest(wrapped, lambda x: np.interp(x, second + step / 2, held))
    assert_probable(float(found.pvalue), "draws of the second angle given the first")


def test_em_finds_a_mixture_again():
    law, rng = circular(), np.random.default_rng(1)
    letters = rng.integers(2, size=3000)
    angles = law.draw(np.zeros((3000, 2)), letters, np.zeros((3000, 2), dtype=bool), rng)
    everything = np.ones(angles.shape, dtype=bool)
    fitted = CircularMixture.fit(angles[:2000], letters[:2000], 2, 0)
    known = np.zeros_like(everything)
    test = slice(2000, None)

    def score(one):
        parts = [one.log_prob(angles[test], letters[test], mask[test]) for mask in (everything, known)]
        return float((parts[0] - parts[1]).mean())

    assert score(fitted) == pytest.approx(score(law), abs=0.03)


def test_nearest_nucleotides_are_near_in_what_is_known():
    train = np.array([[0.0, 3.0], [3.0, 0.0], [0.1, 0.1]])
    letters = np.zeros(3, dtype=int)
    found = nearest(np.array([[-0.1, 9.0]]), letters[:1], np.array([[True, False]]), train, letters, 2)
    assert set(found[0].tolist()) == {0, 2}


def test_the_conditional_of_gaussians_is_joint_over_marginal():
    rng, d, known = np.random.default_rng(0), 3, np.array([True, False, True])
    roots = rng.normal(size=(2, d, d))
    law = Gaussians(np.array([0.4, 0.6]), rng.normal(size=(2, d)), roots @ roots.transpose(0, 2, 1) + np.eye(d))
    x = np.array([[0.5, 0.0, -1.0]])
    places = np.linspace(-30, 30, 6001)
    rows = np.where(known, x, places[:, None])
    density = np.exp(law.log_prob(rows) - law.log_prob(x, known))
    step = places[1] - places[0]
    found = law.given(np.repeat(x, 5000, 0), known)
    assert density.sum() * step == pytest.approx(1.0, abs=1e-6)
    assert found.mean[0, 0] == pytest.approx((density * places).sum() * step, abs=1e-6)
    draws = found.draw(rng)[:, 0]
    p_value = stats.kstest(draws, lambda v: np.interp(v, places + step / 2, np.cumsum(density) * step)).pvalue
    assert_probable(float(p_value), "draws of the conditional of a mixture of Gaussians")


@pytest.fixture(scope="module")
def tables():
    """The first category says the first number and the second category; all else is noise."""
    rng = np.random.default_rng(0)
    levels = rng.integers(2, size=(400, 9))
    levels[:, 1] = levels[:, 0]
    numbers = rng.normal(size=(400, 6))
    numbers[:, 0] = 10.0 * levels[:, 0]
    truth = Table(numbers, levels)
    hidden = np.zeros((100, 15), dtype=bool)
    hidden[:, [0, 7]] = True
    return truth.at(slice(100, None)), truth.at(slice(100)), hidden


def is_found(found, truth):
    near = abs(found.numbers[:, 0] - truth.numbers[:, 0]) < 4
    return near.mean() > 0.85 and (found.levels[:, 1] == truth.levels[:, 1]).mean() > 0.85


def test_chained_models_find_what_follows_from_the_rest_and_leave_it_alone(tables):
    train, truth, hidden = tables
    scales, start = Scales.of(train, [2] * 9), started(truth, hidden, train)
    assert not is_found(start, truth)
    rng = np.random.default_rng(0)
    fills = {column: ridge(train, scales, column) for column in (0, 7)}
    forests = {column: Forest.fit(train, column, 0, 8) for column in (0, 7)}
    never = fills[0]
    ways = [
        [fills.get(column, never) for column in range(15)],
        [forests[column].predict if column in forests else never for column in range(15)],
        [(lambda rows, c=column: forests[c].draw(rows, rng)) if column in forests else never for column in range(15)],
    ]
    for way in ways:
        found = filled(start, hidden, way, 2)
        assert is_found(found, truth)
        assert (found.numbers[:, 1:] == truth.numbers[:, 1:]).all()


def test_hot_decks_take_hidden_cells_from_one_near_row(tables):
    train, _, _ = tables
    scales = Scales.of(train, [2] * 9)
    hidden = np.zeros((300, 15), dtype=bool)
    hidden[:, [1, 9]] = True
    (deck,) = hot_decks(train, hidden, train, scales, 1, np.random.default_rng(0))
    place = (deck.numbers[:, 1, None] == train.numbers[:, 1]).argmax(1)
    assert (train.numbers[place, 1] == deck.numbers[:, 1]).all()
    assert (train.levels[place, 3] == deck.levels[:, 3]).all()
    assert (deck.numbers[:, 0] == train.numbers[:, 0]).all()
    known = np.delete(np.arange(6), 1)
    apart = np.abs(train.numbers[place][:, known] - train.numbers[:, known]).mean()
    assert apart < 0.8 * np.abs(train.numbers[::-1][:, known] - train.numbers[:, known]).mean()
