"""Deformed files are read rightly, or refused in one sentence, and a reader that is wrong is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.fuzzer import fault, faults


def test_a_few_files() -> None:
    assert faults(0, 30) == []


@pytest.mark.slow
def test_many_files() -> None:
    assert faults(1, 300) == []


def test_a_wrong_reading_is_seen(tmp_path: Path) -> None:
    assert "for ['5', '3']" in str(fault("none", b"a,b\n1,2\n3,4\n", {"a": ["5", "3"], "b": ["2", "4"]}, tmp_path))
    assert "refused" in str(fault("none", b"a,b\n1,2\n3\n", {"a": ["1"], "b": ["2"]}, tmp_path))
