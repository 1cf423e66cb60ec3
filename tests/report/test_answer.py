"""An answer to a question about a model, of few rows and of rows that were trained on."""

from __future__ import annotations

from unnoise.report.answer import Answer


def test_a_fault_is_a_fault_of_few_rows_too_and_a_virtue_is_not() -> None:
    good, bad = (Answer("pairs", "?", "0.1", "So.", verdict) for verdict in (True, False))
    assert good.measured_on(100) == good
    assert good.measured_on(99).good is None
    assert "99 held-out rows are too few" in good.measured_on(99).sentence
    assert bad.measured_on(10, repeated=1.0) == bad
    assert good.measured_on(1000, repeated=0.5) == good
    assert good.measured_on(1000, repeated=0.8).sentence.startswith("80 % of these rows are training rows")
