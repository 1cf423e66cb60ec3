"""Numbers with an exponent, in the form of their file."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data._scientific import Scientific


def test_new_numbers_have_the_digits_of_the_form() -> None:
    numbers = np.array([0.00123456, -250.0, 0.0, 9.99996e99])
    assert Scientific(".", 3, 3).texts(numbers).tolist() == ["1.235E-03", "-2.500E+02", "0.000E+00", "1.000E+100"]
    shifted = Scientific(".", 4, 4, "D", shifted=True).texts(numbers).tolist()
    assert shifted == ["0.1235D-02", "-0.2500D+03", "0.0000D+00", "0.1000D+101"]


@pytest.mark.parametrize("pattern", ["0", "0.00", "0.0X+00", "E+00"])
def test_patterns_of_others_are_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of numbers with an exponent"):
        Scientific.of(pattern)
