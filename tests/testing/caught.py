"""What it means that a check catches a broken twin."""

from __future__ import annotations

import math

from unnoise.testing import FAILURE_RATE, Finding


def assert_caught(finding: Finding) -> None:
    """The property is broken by numbers that are finite: a twin that crashes proves nothing."""
    assert not finding.passed, f"not caught: {finding}"
    assert "nan" not in finding.detail, finding
    assert "inf" not in finding.detail, finding
    if finding.p_value is not None:
        assert finding.p_value <= FAILURE_RATE
    if finding.error is not None:
        assert math.isfinite(finding.error)
        assert finding.error > finding.bound
