"""Rows that are made, asked, filled and scored where columns are often exactly others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise import DenoisingMarkovModel
from unnoise.data import Schema, inference
from unnoise.model.questions import Flags, Rows, drawn
from unnoise.model.ties import Ties
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean

N = 3000
SHARES = {"x": 0.4, "y": 0.1}  # of payments that are the bill


def bills(n: int = N, seed: int = 0) -> pd.DataFrame:
    """Bills that are paid in full in more rows of one group than of the other, and what is sent back in some."""
    draw = np.random.default_rng(seed)
    group = draw.choice(list(SHARES), n)
    bill, paid, back = (draw.lognormal(8, 1, n).round(2) for _ in range(3))
    paid = np.where(draw.random(n) < pd.Series(group).map(SHARES), bill, paid)
    return pd.DataFrame(
        {"group": group, "bill": bill, "paid": paid, "back": np.where(draw.random(n) < 0.1, paid, back)}
    )


def share(rows: pd.DataFrame, one: str = "bill", other: str = "paid") -> torch.Tensor:
    return torch.from_numpy((rows[one] == rows[other]).to_numpy(dtype=np.float64, copy=True))


def fitted(**options: Any) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(progress=False, random_state=0, **options).fit(bills())


@pytest.fixture(scope="module")
def quick() -> DenoisingMarkovModel:
    return fitted(quick=True)


@pytest.fixture(scope="module")
def twin() -> DenoisingMarkovModel:
    """Without ties, as models were."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "tied", lambda *_: {})
        return fitted(quick=True)


def counts(rows: pd.DataFrame) -> torch.Tensor:
    """How many rows are tied in each group, and are not."""
    of = [share(rows[rows["group"] == group]) for group in SHARES]
    return torch.stack([part for one in of for part in (one.sum(), (1 - one).sum())])


def laws() -> torch.Tensor:
    found = counts(bills())
    return found / found.sum()


def test_samples_have_as_many_ties_as_the_data_in_each_group(quick: DenoisingMarkovModel) -> None:
    assert_frequencies(counts(quick.sample(1000, seed=0)), laws())


def test_a_model_without_them_has_none(twin: DenoisingMarkovModel) -> None:
    with pytest.raises(ImprobableError):
        assert_frequencies(counts(twin.sample(1000, seed=0)), laws())


def test_a_short_network_has_them_too() -> None:
    new = fitted(steps=100, validation=0).sample(1000, seed=0)  # and no mixture beside it
    assert_mean(share(new), share(bills()).mean(), tolerance=0.03)
    assert_mean(share(new, "paid", "back"), share(bills(), "paid", "back").mean(), tolerance=0.03)


def test_a_payment_that_is_given_is_that_of_the_bill_as_often_and_exactly(quick: DenoisingMarkovModel) -> None:
    paid = bills(1000, seed=6)["paid"].to_numpy()
    new = quick.sample(1000, given={"paid": paid, "group": "x"}, seed=0)
    assert (new["paid"] == paid).all()
    assert_mean(share(new), SHARES["x"], tolerance=0.03)
    same = quick.sample(50, given={"bill": paid[0], "paid": paid[0]}, seed=0)
    assert share(same).all()


def test_ranges_of_both_keep_their_ties(quick: DenoisingMarkovModel) -> None:
    new = quick.sample(600, given={"paid": (2000.0, 4000.0), "bill": (1000.0, 9000.0)}, seed=0)
    assert new["paid"].between(2000, 4000).all()
    assert new["bill"].between(1000, 9000).all()
    data = bills(200_000, seed=1)
    inside = data[data["paid"].between(2000, 4000) & data["bill"].between(1000, 9000)]
    assert_mean(share(new), share(inside).mean(), tolerance=0.06)


def test_holes_are_filled_by_the_other_column_in_as_many_rows(quick: DenoisingMarkovModel) -> None:
    rows = bills(1000, seed=2)
    for column in ("bill", "paid"):
        filled = quick.impute(rows.assign(**{column: np.nan}), seed=0)
        assert_mean(share(filled), share(bills()).mean(), tolerance=0.03)
    middle = quick.impute(rows.assign(bill=np.nan), point="mean")
    assert not share(middle).any()  # it stays open what they are tied to


def test_likelihoods_are_those_of_the_rows_that_are_made(quick: DenoisingMarkovModel) -> None:
    """A tied payment given its bill and group has the probability of a tie, and the other way round; sums agree."""
    rows = bills(400, seed=3)
    tied = share(rows).bool().numpy()
    for of, given in (("paid", "bill"), ("bill", "paid")):
        found = np.exp(quick.score_samples(rows, of=of, given=[given, "group"]))
        for group, chance in SHARES.items():
            inside = found[tied & (rows["group"] == group)]
            assert abs(inside.mean() - chance) < 0.06
    together = quick.score_samples(rows, of=["bill", "paid"])
    one_by_one = quick.score_samples(rows, of="bill") + quick.score_samples(rows, of="paid", given="bill")
    np.testing.assert_allclose(together, one_by_one, atol=1e-4)
    parts = quick.score_samples(rows, of="paid") + quick.score_samples(rows, of="bill", given="paid")
    np.testing.assert_allclose(together[~tied], parts[~tied], atol=1e-4)


def test_held_out_rows_are_likelier(quick: DenoisingMarkovModel, twin: DenoisingMarkovModel) -> None:
    rows = bills(1000, seed=4)
    gain = quick.score_samples(rows) - twin.score_samples(rows)
    assert gain[share(rows).bool().numpy()].mean() > 3.0  # nats: the probability of a cell and of a cent in it
    assert abs(gain[~share(rows).bool().numpy()].mean()) < 1.0


def test_one_column_stands_for_all_that_are_alike() -> None:
    """A given one, else the base; what is not known to be tied follows nothing."""
    schema = Schema.infer(bills())
    ties = Ties(schema)
    x = schema.encode(bills(4)).x
    every = {name: torch.ones_like(part, dtype=torch.bool) for name, part in x.items()}
    nothing = {name: torch.zeros_like(mask) for name, mask in every.items()}
    x |= {"tied": torch.tensor([[1, 0], [1, 1], [0, 1], [0, 0]])}
    tied = nothing | {"tied": every["tied"]}
    columns = {name: schema.cells([name])["number"] for name in ("bill", "paid", "back")}

    def follows(known: list[str], asked: list[str]) -> list[set[str]]:
        told = tied | {
            "number": torch.stack([sum(columns[n] for n in known) > 0 if known else nothing["number"][0]] * 4)
        }
        wanted = nothing | {"number": torch.stack([sum(columns[n] for n in asked) > 0] * 4)}
        cells = ties.followed(x, told, wanted)["number"]
        return [{name for name, own in columns.items() if row[own].any()} for row in cells]

    assert follows([], ["bill", "paid", "back"]) == [{"paid"}, {"paid", "back"}, {"back"}, set()]
    assert follows(["paid"], ["bill", "back"]) == [{"bill"}, {"bill", "back"}, {"back"}, set()]
    assert follows(["back"], ["bill", "paid"]) == [{"paid"}, {"bill", "paid"}, {"paid"}, set()]
    assert not any(mask.any() for mask in ties.followed(x, nothing, every).values())
    assert (
        ties.among(nothing | {"number": torch.stack([columns["bill"] | columns["paid"]] * 4)})["tied"].tolist()
        == [[True, False]] * 4
    )


def test_ties_are_asked_first_and_then_the_values_that_do_not_follow() -> None:
    schema = Schema.infer(bills())
    flags, x = Flags(schema), schema.encode(bills(4)).x
    nothing = {name: torch.zeros_like(part, dtype=torch.bool) for name, part in x.items()}
    asked = []

    def ask(rows: Rows, masks: Any) -> Any:
        asked.append(masks)
        return rows.x | {"tied": torch.ones_like(rows.x["tied"])}

    made = drawn(Rows(x, nothing, None), flags, ask)
    first, then = asked
    assert first["tied"].all()
    assert not first["number"].any()
    assert not first["category"].any()
    assert torch.equal(then["number"][0], schema.cells(["bill"])["number"])
    assert then["category"].all()
    assert not then["tied"].any()
    values = schema.values(made.x)
    np.testing.assert_array_equal(values["bill"], values["back"])
    assert all(mask.all() for mask in made.known.values())


def test_rows_with_holes_are_tied_where_both_are_there() -> None:
    rows = bills()
    rows.loc[np.random.default_rng(5).random(N) < 0.3, "bill"] = np.nan
    model = DenoisingMarkovModel(progress=False, random_state=0, quick=True).fit(rows)
    new = model.sample(1500, seed=0)
    there = new["bill"].notna()
    assert_mean(share(new[there]), share(rows[rows["bill"].notna()]).mean(), tolerance=0.02)
    assert not share(new[~there]).any()


@pytest.mark.slow
def test_credit_cards_are_paid_in_full_as_often(shared_data: Any) -> None:
    """A bill of the month before in an eighth of the rows, of which a mixture without ties had a hundredth."""
    file = shared_data / "default/default_of_credit_card_clients.csv.gz"
    rows = pd.read_csv(file, nrows=3000)[["BILL_AMT2", "BILL_AMT3", "PAY_AMT1", "PAY_AMT2", "AGE"]]
    new = DenoisingMarkovModel(progress=False, random_state=0, quick=True).fit(rows).sample(3000, seed=0)
    for bill, paid in (("BILL_AMT2", "PAY_AMT1"), ("BILL_AMT3", "PAY_AMT2")):
        real, made = (share(one[one[bill] != 0], bill, paid).sum() / len(one) for one in (rows, new))
        assert real > 0.1
        assert abs(made - real) < 0.03
