"""Rows with holes in an assessment: what is known is measured, and which cells are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from light import judges
from small_models import tiny

from unnoise import DenoisingMarkovModel, InputError, evaluate, samplers
from unnoise.data import Schema
from unnoise.evaluation import Bound, classifier_test
from unnoise.report import Assessment, holes, page_of
from unnoise.testing import ImprobableError, assert_probable

FEW = Bound(draws=2)
QUICK = partial(samplers.Euler, steps=8)
REAL = {"a": "real", "b": "real"}


def frame(n: int, seed: int) -> pd.DataFrame:
    """A number and a level, of which each may be missing, where the number says whether the level is."""
    rng = np.random.default_rng(seed)
    a, level = rng.normal(size=n), rng.choice(["u", "v"], n).astype(object)
    level[a > 1] = None
    return pd.DataFrame({"a": a, "b": np.where(rng.random(n) < 0.5, np.nan, 100 * rng.normal(size=n)), "level": level})


@pytest.fixture(scope="module")
def found() -> Assessment:
    model = tiny(steps=2, likelihood=FEW, sampler=QUICK, kinds=REAL).fit(frame(60, 0))
    with judges():
        return evaluate(model, frame(40, 1), train=frame(60, 0))


def test_samples_have_the_holes_that_their_flags_say() -> None:
    schema = Schema.infer(frame(60, 0), kinds=REAL)
    test, samples = schema.encode(frame(40, 1)), schema.encode(frame(40, 2)).x
    known = holes.known(schema, test, samples)
    assert known.test is test.known
    for data, part in ((frame(40, 1), known.test), (frame(40, 2), known.samples)):
        np.testing.assert_array_equal(part["numbers"].numpy(), data[["a", "b"]].notna())
        np.testing.assert_array_equal(part["category"].numpy(), data[["level"]].notna())
        assert part["missing"].all()


def test_of_a_model_without_flags_samples_have_the_holes_of_the_data() -> None:
    schema = Schema.infer(frame(60, 0).dropna(), kinds=REAL)
    test = schema.encode(frame(40, 1))
    known = holes.known(schema, test, schema.encode(frame(90, 2).dropna()[:40]).x)
    np.testing.assert_array_equal(known.samples["numbers"].numpy(), frame(40, 1)[["a", "b"]].notna())
    np.testing.assert_array_equal(known.samples["category"].numpy(), frame(40, 1)[["level"]].notna())
    whole = schema.encode(frame(40, 1).dropna())
    none = holes.known(schema, whole, whole.x)
    assert (none.test, none.samples) == (None, None)


def test_what_stands_in_a_hole_does_not_matter() -> None:
    schema = Schema.infer(frame(60, 0), kinds=REAL)
    rows = schema.encode(frame(40, 1))
    blank = holes.blanked(schema, rows.x, rows.known)
    other = {**rows.x, "numbers": torch.where(rows.known["numbers"], rows.x["numbers"], 7.0)}
    assert all(torch.equal(blank[name], leaf) for name, leaf in holes.blanked(schema, other, rows.known).items())
    assert torch.equal(blank["numbers"][rows.known["numbers"]], rows.x["numbers"][rows.known["numbers"]])
    assert not torch.equal(blank["numbers"], rows.x["numbers"])


def test_perfect_samples_with_holes_are_not_told_from_data() -> None:
    """Those without holes are, and so is what stands in their holes if it is looked at."""
    schema = Schema.infer(frame(60, 0), kinds=REAL)
    test, perfect = schema.encode(frame(100, 1)), schema.encode(frame(100, 2))
    strange = torch.where(perfect.known["numbers"], perfect.x["numbers"], 9.0)
    samples = {**perfect.x, "numbers": strange}
    whole = {**samples, "missing": torch.zeros_like(samples["missing"])}

    def features(x: Any, known: Any) -> np.ndarray:
        return schema.process().space.features(holes.blanked(schema, x, known)).flatten(1).double().numpy()

    def p_value(x: Any, looks: bool = False) -> float:
        known = holes.Known(None, None) if looks else holes.known(schema, test, x)
        return classifier_test(features(test.x, known.test), features(x, known.samples)).p_value

    assert_probable(p_value(samples), "perfect samples cannot be told from data")
    for broken in (p_value(whole), p_value(samples, looks=True)):
        with pytest.raises(ImprobableError):
            assert_probable(broken, "samples have the holes of data, and what stands in holes is not looked at")


def test_the_likelihood_is_that_of_what_is_known(found: Assessment) -> None:
    schema, known = found.model.schema_, found.known.test
    units = found.numbers["bound_part_units"].value
    assert units == pytest.approx(float(schema.volumes(known).mean()))
    assert units != pytest.approx(schema.log_volume)
    assert found.descriptions["unnoise, lower bound"].startswith("lower bound, Monte Carlo error")
    assert not [name for name in found.numbers if "bits" in name]


def test_copies_are_sought_among_what_is_known(found: Assessment) -> None:
    blank = holes.blanked(found.model.schema_, found.train.x, found.train.known)
    np.testing.assert_array_equal(found.features(found.train.x, found.train.known), found.features(blank))
    again = evaluate(found.model, frame(60, 0)[:30], train=frame(60, 0), likelihood=FEW)
    assert again.numbers["copying_near_share_held_out"].value == 1, "held-out rows that are training rows"


def test_baselines_are_left_out_with_a_word() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    holed = np.where(np.random.default_rng(1).random((40, 2)) < 0.1, np.nan, rows)
    model = tiny(steps=2, likelihood=FEW).fit(rows)
    with pytest.warns(UserWarning, match="the baselines of the likelihood know whole rows alone, so there are none"):
        found = evaluate(model, holed, train=rows)
    assert list(found.likelihoods) == ["unnoise, lower bound"]
    assert not [name for name in found.numbers if "bits" in name]


def test_a_model_of_the_joint_law_alone_says_that_holes_are_beyond_it() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    model: DenoisingMarkovModel = tiny(steps=2, roles="joint", likelihood=FEW).fit(rows)
    with pytest.raises(InputError, match="knows the joint law of all columns alone"):
        evaluate(model, np.where(rows > 1, np.nan, rows))


def test_a_report_of_rows_with_holes_shows_what_is_known(found: Assessment, tmp_path: Path) -> None:
    page_of(found).write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Empty cells are left out" in text
    assert "How often each column is empty" in text
    assert "Of rows with empty cells it is that of what is known." in text


def test_noise_is_shown_on_whole_rows() -> None:
    x, seen = torch.arange(6.0).reshape(3, 2), torch.tensor([[True, True], [True, False], [True, True]])
    assert holes.whole(x, seen).tolist() == [[0, 1], [4, 5]]
    assert holes.whole(x, None) is x
