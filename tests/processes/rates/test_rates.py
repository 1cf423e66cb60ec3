"""All rates: transitions are the exponential of the generator, and every operation is what its matrix says."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes.rates import (
    Absorbing,
    BirthDeath,
    Cyclic,
    GaussianTarget,
    RateMatrix,
    Refresh,
    UniformRates,
)

FLOAT64 = torch.float64
S = 5
ONE_WAY = torch.rand(S, S, generator=torch.Generator().manual_seed(0), dtype=FLOAT64)
ONE_WAY -= torch.diag(ONE_WAY.sum(1))
LINE = [[-1, 1, 0, 0, 0], [1, -3, 2, 0, 0], [0, 2, -3, 1, 0], [0, 0, 1, -2, 1], [0, 0, 0, 4, -4]]
RATES = {
    "refresh": Refresh([0.1, 0.2, 0.3, 0.15, 0.25]),
    "uniform": UniformRates(S),
    "absorbing": Absorbing(S),
    "birth and death": BirthDeath(S),
    "cyclic": Cyclic(S),
    "gaussian": GaussianTarget(S, reach=2.0, width=2.0),
    "matrix": RateMatrix(LINE),
    "one way": RateMatrix(ONE_WAY),
}
TIMES = torch.tensor([1e-4, 0.03, 0.4, 1.0, 3.0, 10.0], dtype=FLOAT64)
EXACT = {"rtol": 1e-10, "atol": 1e-13}
STATES = torch.arange(S)


@pytest.fixture(params=RATES.values(), ids=RATES)
def rates(request):
    return request.param


def matrix_of(rates, integral):
    return rates.row(STATES, integral)


def generator_of(rates):
    jumps = rates.out(STATES, torch.ones((), dtype=FLOAT64))
    return jumps - torch.diag(jumps.sum(1))


@pytest.mark.parametrize("integral", TIMES)
class TestTransitions:
    def test_they_are_the_exponential_of_the_generator(self, rates, integral):
        expected = torch.linalg.matrix_exp(generator_of(rates) * integral)
        torch.testing.assert_close(matrix_of(rates, integral), expected, rtol=1e-9, atol=1e-13)

    def test_rows_sum_to_one(self, rates, integral):
        sums = matrix_of(rates, integral).sum(1)
        torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=1e-12)

    def test_they_are_a_semigroup(self, rates, integral):
        half = matrix_of(rates, integral / 2)
        torch.testing.assert_close(half @ half, matrix_of(rates, integral), **EXACT)

    def test_columns_are_columns_and_pushing_is_a_product(self, rates, integral, rng):
        matrix = matrix_of(rates, integral)
        torch.testing.assert_close(rates.column(STATES, integral), matrix.T, **EXACT)
        v = torch.rand(3, 2, S, generator=rng, dtype=FLOAT64)
        torch.testing.assert_close(rates.push(v, integral), v @ matrix, **EXACT)

    def test_undoing_is_the_sum_over_where_it_came_from(self, rates, integral, rng):
        """beta R(y, x) sum_a p(a) P(a, y) / P(a, x), where P(a, x) > 0."""
        matrix, rate = matrix_of(rates, integral), torch.tensor(1.7, dtype=FLOAT64)
        stats = torch.softmax(torch.randn(2, 4, S, generator=rng, dtype=FLOAT64), -1)
        x = torch.tensor([0, 1, 3, 4])
        column = matrix.T[x]
        odds = torch.where(column > 0, 1 / torch.where(column > 0, column, 1), 0)
        expected = rate * rates.into(x, torch.ones((), dtype=FLOAT64)) * ((stats * odds) @ matrix)
        for found, wanted in zip(rates.undone(x, rate, integral, *stats), expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_rates_in_and_out_are_the_generator_off_its_diagonal(rates):
    one = torch.ones((), dtype=FLOAT64)
    torch.testing.assert_close(rates.into(STATES, one), rates.out(STATES, one).T)
    assert torch.equal(rates.out(STATES, one).diagonal(), torch.zeros(S, dtype=FLOAT64))
    assert (rates.out(STATES, one) >= 0).all()


def test_the_stationary_law_stays(rates):
    law = rates.stationary
    torch.testing.assert_close(law @ generator_of(rates), torch.zeros(S, dtype=FLOAT64), rtol=0, atol=1e-12)
    torch.testing.assert_close(law.sum(), torch.ones((), dtype=FLOAT64))


@pytest.mark.parametrize("name", [name for name in RATES if name not in ("one way", "absorbing")])
def test_detailed_balance(name):
    flow = RATES[name].stationary[:, None] * generator_of(RATES[name])
    torch.testing.assert_close(flow, flow.T, rtol=0, atol=1e-12)


def test_the_spectral_gap_is_one(rates):
    values = torch.linalg.eigvals(generator_of(rates)).real.sort(descending=True).values
    assert float(values[1]) == pytest.approx(-1, abs=1e-9)


def test_every_example_has_its_own_time(rates, rng):
    """Rows, columns, products and reverse rates for a batch of times are those of each time alone."""
    x = torch.randint(S, (6, 3), generator=rng)
    integral = TIMES[:, None]
    v = torch.softmax(torch.randn(6, 3, S, generator=rng, dtype=FLOAT64), -1)
    batched = (
        rates.row(x, integral),
        rates.column(x, integral),
        rates.push(v, integral),
        *rates.undone(x, integral, integral, v, v.flip(0)),
    )
    for i, time in enumerate(TIMES):
        alone = (
            rates.row(x[i], time),
            rates.column(x[i], time),
            rates.push(v[i], time),
            *rates.undone(x[i], time, time, v[i], v.flip(0)[i]),
        )
        for one, other in zip(batched, alone, strict=True):
            torch.testing.assert_close(one[i], other, rtol=1e-9, atol=1e-13)


def test_groups_of_examples_do_not_change_the_result(rng, monkeypatch):
    rates, x = BirthDeath(S), torch.randint(S, (6, 3), generator=rng)
    v = torch.rand(6, 3, S, generator=rng, dtype=FLOAT64)

    def results():
        integral = TIMES[:, None]
        return rates.row(x, integral), rates.push(v, integral), *rates.undone(x, integral, integral, v)

    whole = results()
    monkeypatch.setattr("unnoise.processes.rates.dense.NUMBERS_AT_ONCE", 2 * S * S)
    for one, other in zip(whole, results(), strict=True):
        assert torch.equal(one, other)


def test_the_precision_is_that_of_the_time(rates):
    integral = torch.tensor(0.3)
    assert rates.row(STATES, integral).dtype == torch.float32
    assert rates.out(STATES, integral).dtype == torch.float32
    torch.testing.assert_close(rates.row(STATES, integral).double(), rates.row(STATES, integral.double()))


def test_the_schedule_begins_at_data_and_ends_at_noise(rates):
    start, end = rates.schedule.value(torch.tensor([0.0, 1.0], dtype=FLOAT64))
    assert (matrix_of(rates, start).diagonal() > 1 - 2e-4).all()
    assert (matrix_of(rates, end) - rates.stationary).abs().max() < 2e-3


class TestUnequalSites:
    def test_each_site_has_its_own_law(self):
        rates = UniformRates((2, 4))
        row = rates.row(torch.tensor([[1, 3]]), torch.tensor(50.0, dtype=FLOAT64))
        torch.testing.assert_close(row[0], torch.tensor([[0.5, 0.5, 0, 0], [0.25] * 4], dtype=FLOAT64))

    def test_each_site_has_its_own_mask(self):
        rates = Absorbing((2, 4))
        row = rates.row(torch.tensor([[0, 2]]), torch.tensor(0.0, dtype=FLOAT64).log1p())
        assert row[0].argmax(-1).tolist() == [0, 2]
        assert rates.data.tolist() == [[True, False, False, False], [True, True, True, False]]
        late = rates.row(torch.tensor([[0, 2]]), torch.tensor(50.0, dtype=FLOAT64))
        assert late[0].argmax(-1).tolist() == [1, 3]

    def test_they_agree_with_sites_alone(self, rng):
        joint, integral = Refresh([[0.5, 0.5, 0], [0.2, 0.3, 0.5]]), torch.tensor(0.7, dtype=FLOAT64)
        v = torch.softmax(torch.randn(4, 2, 3, generator=rng, dtype=FLOAT64), -1)
        v[:, 0, 2] = 0
        x = torch.tensor([[0, 2], [1, 0], [1, 1], [0, 1]])
        for site, alone in enumerate((Refresh([0.5, 0.5, 0]), Refresh([0.2, 0.3, 0.5]))):
            (found,) = joint.undone(x, integral, integral, v)
            (expected,) = alone.undone(x[:, site], integral, integral, v[:, site])
            torch.testing.assert_close(found[:, site], expected)


BAD = {
    "a row": (lambda: RateMatrix([[-1.0, 2.0], [1.0, -1.0]]), "whose row 0 sums to 1; rows must sum to 0"),
    "a rate": (lambda: RateMatrix([[1.0, -1.0], [1.0, -1.0]]), "the negative rate -1 from 0 to 1"),
    "no law": (lambda: RateMatrix(torch.zeros(2, 2)), "more than one stationary law"),
    "two islands": (
        lambda: RateMatrix([[-1.0, 1, 0, 0], [1, -1, 0, 0], [0, 0, -1, 1], [0, 0, 1, -1]]),
        "more than one stationary law",
    ),
    "a shape": (lambda: RateMatrix(torch.zeros(2, 3)), r"of shape \(2, 3\); expected \(S, S\)"),
    "a NaN": (lambda: RateMatrix([[-1.0, 1.0], [float("nan"), 0.0]]), "NaN or infinite"),
    "no probabilities": (lambda: Refresh([0.5, 0.6]), "probabilities that sum to 1"),
    "one state": (lambda: UniformRates(1), "expected a whole number from 2"),
    "a short line": (lambda: BirthDeath(1), "expected a whole number from 2"),
    "a short circle": (lambda: Cyclic(2), "got states = 2; expected a whole number from 3"),
    "no reach": (lambda: GaussianTarget(5, reach=0.0), r"got reach = 0\.0; expected a finite number above 0"),
}


@pytest.mark.parametrize(("make", "said"), BAD.values(), ids=BAD)
def test_what_are_no_rates_is_said(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_rates_are_values():
    assert UniformRates(3) == UniformRates(3) != UniformRates(4)
    assert hash(RateMatrix(LINE)) == hash(RateMatrix(torch.tensor(LINE, dtype=FLOAT64)))
    assert UniformRates(3) != Absorbing(3)
