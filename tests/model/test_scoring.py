"""Log-likelihoods of some columns given others, against counts of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.toys.knowing import holed, knowing, levels
from unnoise import DenoisingMarkovModel, InputError
from unnoise.denoisers import AnyQuestion
from unnoise.evaluation import Bound, Estimate, ProbabilityFlow
from unnoise.laws import GaussianMixture
from unnoise.model.scoring import _sum
from unnoise.testing import ImprobableError, assert_mean

MANY = Bound(draws=512)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return levels()


@pytest.fixture(scope="module")
def model(table: pd.DataFrame) -> Any:
    return knowing(table)


def counted(table: pd.DataFrame, row: pd.Series, of: list[str], given: list[str]) -> float:
    """The log of a share of rows."""
    agree = table[np.logical_and.reduce([table[name] == row[name] for name in given] or [np.ones(len(table), bool)])]
    return float(np.log(np.logical_and.reduce([agree[name] == row[name] for name in of]).mean()))


def off(found: Any, truth: Any) -> torch.Tensor:
    """Errors of all rows."""
    return found.log_prob - torch.as_tensor(truth)


@pytest.mark.parametrize(
    ("of", "given"),
    [(["b"], ["a"]), (["a", "c"], ["b"]), (["c"], []), (["a", "b"], []), (["b"], ["a", "c"]), (["a", "b", "c"], [])],
    ids=str,
)
def test_every_conditional_and_marginal_of_levels(table: Any, model: Any, of: list[str], given: list[str]) -> None:
    rows = table[:24]
    truth = [counted(table, row, of, given) for _, row in rows.iterrows()]
    found = model.estimate(rows, of=of, given=given or None, likelihood=MANY)
    assert_mean(off(found, truth))
    if given:
        joint = [counted(table, row, of + given, []) for _, row in rows.iterrows()]
        with pytest.raises(ImprobableError):
            assert_mean(off(found, joint))


def test_the_rest_is_scored_by_default(table: Any, model: Any) -> None:
    one, other = (model.score_samples(table[:5], of=of, given="a") for of in (None, ["b", "c"]))
    np.testing.assert_array_equal(one, other)
    assert "log p(b | a)" in model.schema_.measure_of(["b"], ["a"])


def test_densities_are_in_the_units_of_the_columns_that_are_asked() -> None:
    numbers = pd.DataFrame(
        {"n": np.r_[np.zeros(50), np.ones(50)] * 1000.0, "m": np.r_[np.zeros(50), np.ones(50)] * 0.1}
    )
    model = knowing(numbers, likelihood=ProbabilityFlow(), kinds={"n": "real", "m": "real"})
    joint, first = model.score_samples(numbers[::60]), model.score_samples(numbers[::60], of="n")
    second = model.score_samples(numbers[::60], of="m", given="n")
    np.testing.assert_allclose(first + second, joint, atol=0.05)
    # two atoms, each widened by the noise at t = 0: the same in their own spread, in other units
    given_n, given_m = second, model.score_samples(numbers[::60], of="n", given="m")
    np.testing.assert_allclose(given_n - given_m, np.log(1000 / 0.1), atol=0.05)


def test_a_row_with_holes_is_scored_by_what_is_known() -> None:
    data = holed(levels())
    model, rows = knowing(data), data
    found = model.estimate(rows, likelihood=MANY)
    known = [[name for name in ("a", "b", "c") if isinstance(row[name], str)] for _, row in rows.iterrows()]
    gone = data["b"].isna()
    truth = []
    for (index, row), names in zip(rows.iterrows(), known, strict=True):
        alike = data[gone == gone[index]]  # the flag is part of what is known
        truth.append(np.log(len(alike) / len(data)) + counted(alike, row, names, []))
    assert_mean(off(found, truth))
    shares = [np.log((gone == gone[index]).mean()) for index in rows.index]
    with pytest.raises(ImprobableError):
        assert_mean(off(found, np.array(truth) - shares))  # as if flags cost nothing


def test_holes_where_training_had_none_are_marginalised(table: Any, model: Any) -> None:
    rows = table[:24].copy()
    rows["b"] = None
    found = model.estimate(rows, likelihood=MANY)
    truth = [counted(table, row, ["a", "c"], []) for _, row in rows.iterrows()]
    assert_mean(off(found, truth))


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"of": "z"}, "no column 'z'"),
        ({"of": "a", "given": ["a"]}, "'a' in both of and given"),
        ({"given": ["a", "b", "c"]}, "nothing is left to score"),
    ],
)
def test_what_cannot_be_scored_is_refused(table: Any, model: Any, words: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        model.score_samples(table[:2], **words)


def test_numbers_given_levels_have_an_exact_density() -> None:
    """The flow of the numbers alone runs where levels have none; two bells of known place and width."""
    rng = np.random.default_rng(0)
    a = np.arange(60) % 2
    table = pd.DataFrame({"n": 10.0 * a + rng.normal(size=60), "a": np.array(["x", "y"])[a]})
    model = knowing(table, kinds={"n": "real"})
    scale, centre = table["n"].std(ddof=0), table["n"].mean()
    law = GaussianMixture(
        torch.ones(2) / 2,
        torch.tensor([[(-centre) / scale], [(10 - centre) / scale]]).float(),
        torch.full((2, 1, 1), float(scale**-2)),
    )
    model.denoiser_ = OfBells(model.denoiser_.process, law)
    rows = table[:6]
    found = model.estimate(rows, of="n", given="a")
    truth = torch.distributions.Normal(torch.tensor(10.0 * a[:6]), 1.0).log_prob(torch.tensor(rows["n"].to_numpy()))
    assert found.method.startswith("exact log density")
    np.testing.assert_allclose(found.log_prob, truth, atol=0.02)
    other = model.estimate(rows, of="n")
    assert (other.log_prob - truth).abs().max() > 0.5  # half of the mass is with the other level


@pytest.mark.slow
def test_whole_numbers_given_levels_are_weighed_over_their_cells() -> None:
    """The density of a bell, averaged over a cell, is the mass of the cell: by 64 points, not by one."""
    rng = np.random.default_rng(0)
    a = np.arange(200) % 2
    table = pd.DataFrame(
        {"n": np.floor(3.0 * a + 0.5 * rng.normal(size=200)).astype(int), "a": np.array(["x", "y"])[a]}
    )
    model = knowing(table, kinds={"n": "integer"})
    kind = model.schema_.factors["numbers"].coordinates[0]
    means = (torch.tensor([[0.0], [3.0]]) - kind.mean) / kind.scale
    law = GaussianMixture(torch.ones(2) / 2, means.float(), torch.full((2, 1, 1), (0.5 / kind.scale) ** 2))
    model.denoiser_ = OfBells(model.denoiser_.process, law)
    rows = table[:8]
    bell = torch.distributions.Normal(torch.tensor(3.0 * a[:8]), 0.5)
    k = torch.tensor(rows["n"].to_numpy())
    truth = (bell.cdf(k + 1.0) - bell.cdf(k.double())).log()
    found = model.estimate(rows, of="n", given="a", dequantisations=64)
    assert found.method.endswith("importance-weighted")
    np.testing.assert_allclose(found.log_prob, truth, atol=0.25)
    one = model.estimate(rows, of="n", given="a")
    assert (one.log_prob - truth).abs().max() > 0.25


class OfBells(AnyQuestion):
    """One bell for each level of a column, exactly."""

    def __init__(self, process: Any, law: GaussianMixture) -> None:
        super().__init__()
        self.process, self.law = process, law

    def answer(self, x: Any, t: torch.Tensor, roles: Any, cond: Any = None) -> Any:
        one_hot = torch.nn.functional.one_hot(x["category"][:, 0], 3).to(x["numbers"])
        weights = torch.where(roles.given["category"], one_hot[:, :2], 0.5 * torch.ones_like(one_hot[:, :2]))
        alpha, sigma = (part.to(x["numbers"]).reshape(-1, 1) for part in self.process.parts["numbers"].alpha_sigma(t))
        means, variance = self.law.means[:, 0].to(x["numbers"]), self.law.covariances[0, 0, 0].to(x["numbers"])
        total = alpha**2 * variance + sigma**2
        offset = x["numbers"] - alpha * means
        share = torch.softmax(weights.log() - 0.5 * offset**2 / total, 1)
        mean = (share * (means + alpha * variance / total * offset)).sum(1, keepdim=True)
        return {"numbers": mean, "category": one_hot[:, None]}

    def forward(self, x_t: Any, t: torch.Tensor, cond: Any = None) -> Any:
        raise AssertionError("nothing is asked of all")


def test_questions_that_are_asked_one_after_the_other_add_up_with_their_errors_and_parts() -> None:
    one, two = (torch.tensor([float(i), 2.0]).double() for i in (3, 4))
    first = Estimate(-one, one, {"prior": one, "flow": two}, "a flow", 7)
    second = Estimate(-two, two, {"prior": two}, "a bound")
    found = _sum([first, second], torch.tensor([0.5, 0.25]).double())
    assert found.log_prob.tolist() == [-6.5, -3.75]
    assert found.standard_error.tolist() == pytest.approx([5.0, 8**0.5])
    assert {name: part.tolist() for name, part in found.parts.items()} == {
        "prior": [7.0, 4.0],
        "flow": [4.0, 2.0],
        "units": [0.5, 0.25],
    }
    assert found.method == "a flow; a bound"
    assert found.degrees_of_freedom == 7


def test_the_law_of_whole_numbers_given_a_level_sums_to_one() -> None:
    """Over all values of their cells, of which each has its part."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.choice(["x", "y"], 2000), "b": rng.integers(0, 3000, 2000)})
    model = DenoisingMarkovModel(quick=True, random_state=0).fit(data)
    rows = pd.DataFrame({"a": "x", "b": np.arange(-3000, 6000)})
    assert np.exp(model.score_samples(rows, of="b", given="a")).sum() == pytest.approx(1.0, abs=0.02)
