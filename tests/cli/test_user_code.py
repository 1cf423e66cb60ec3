"""Objects that a user names as MODULE:OBJECT."""

from __future__ import annotations

import math

import pytest

from unnoise._errors import InputError
from unnoise.cli import user_code


def test_an_object_is_found_by_its_name() -> None:
    assert user_code.find("math:pi") == math.pi
    assert user_code.find("pathlib:Path.home")


@pytest.mark.parametrize(
    ("target", "match"),
    [
        ("math", "got 'math'; expected MODULE:OBJECT, as in my_module:my_process"),
        ("nowhere_at_all:x", "the module 'nowhere_at_all' is neither installed nor in this folder"),
        ("math:tau.pie", "math:tau.pie does not exist: math has no 'pie'"),
    ],
)
def test_what_is_not_there_is_said(target: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        user_code.find(target)


def test_an_error_is_told_with_the_line_that_raised_it() -> None:
    def broken() -> float:
        return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        broken()
    assert user_code.needs_nothing(broken)
    assert not user_code.needs_nothing(math.sqrt)
    assert user_code.describe(caught.value).startswith("test_user_code.py, line ")
    assert user_code.describe(caught.value).endswith("in broken, raised ZeroDivisionError: division by zero")
