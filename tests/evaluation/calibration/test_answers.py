"""All checks in one call, and their answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from linear import log_density, posterior

from unnoise._errors import InputError
from unnoise.evaluation import Calibration, Posteriors, calibration
from unnoise.testing.statistics import assert_probable


def found(kind: str, seed: int = 0, **more: Any) -> Calibration:
    draws, truths, x = posterior(kind, seed=seed)
    few = draws[:, :9]
    densities = {"log_probs": log_density(kind, few, x), "log_prob_truths": log_density(kind, truths, x)}
    given = Posteriors(draws, truths, x, names=["a", "b"], given=("c", "d"), **densities)
    return calibration(given, trials=0, **more)


def test_an_exact_posterior_passes_every_check() -> None:
    for seed in range(2):
        for answer in found("exact", seed).answers:
            assert_probable(answer.p_value, answer.question)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("exact", set()),
        ("narrow", {"ranks", "intervals", "density", "points", "local"}),
        ("wide", {"ranks", "intervals", "density", "points", "local"}),
        ("shifted", {"ranks", "density", "local"}),
        ("blind", {"points", "local"}),
    ],
)
def test_each_check_sees_what_its_page_says(kind: str, seen: set[str]) -> None:
    """At a level that an exact posterior meets once in 10,000 runs, which these are none of."""
    result = found(kind, level=1e-4)
    bad = {answer.key for answer in result.answers if not answer.good}
    assert bad >= seen
    assert bad <= seen | ({"intervals", "points"} if kind == "shifted" else set())  # from some sides it is seen
    assert result.good == (kind == "exact")


def test_it_is_read_a_line_a_check() -> None:
    lines = str(found("blind")).splitlines()
    assert lines[0] == "calibration of a, b given c, d: 300 rows, 20 draws of each"
    assert len(lines) == 6
    assert lines[1].startswith("yes  Does each column's truth fall anywhere among its draws? No difference")
    assert lines[4].startswith("NO   Are truths as near to points of reference")
    assert lines[4].endswith("blind to what was given. (p < 1e-12)")
    narrow = str(found("narrow")).splitlines()
    assert "a: draws are too narrow; b: draws are too narrow. (p " in narrow[1]


def test_what_cannot_be_asked_is_left_out() -> None:
    rng = np.random.default_rng(0)
    draws, truths = rng.integers(0, 3, (30, 8, 1)).astype(float), rng.integers(0, 3, (30, 1)).astype(float)
    result = calibration(Posteriors(draws, truths, categorical=[0]))
    assert [answer.key for answer in result.answers] == ["ranks", "points"]
    assert result.intervals is result.density is result.local is None


class Model:
    """Draws a posterior whatever it is asked, and remembers it."""

    def posteriors(self, held_out: Any, y: Any = None, **asked: Any) -> Posteriors:
        self.asked = {"held_out": held_out, "y": y, **asked}
        return Posteriors(*posterior("exact"))


def test_a_model_is_asked_for_its_posteriors() -> None:
    model = Model()
    assert isinstance(calibration(model, "rows", given=["x"], draws=7, density_draws=0, trials=0, seed=3), Calibration)
    counts = {"draws": 7, "density_draws": 0, "max_rows": 300}
    assert model.asked == {"held_out": "rows", "y": None, "of": None, "given": ["x"], **counts, "seed": 3}


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="a fitted model, or Posteriors"):
        calibration("model", np.zeros((20, 2)))
    given = Posteriors(*posterior("exact"))
    with pytest.raises(InputError, match="Posteriors alone"):
        calibration(given, given=["x"])
    with pytest.raises(InputError, match="got draws = 0; expected a whole number from 1"):
        calibration(given, draws=0)
    with pytest.raises(InputError, match=r"got density_draws = 2\.5"):
        calibration(given, density_draws=2.5)
