from __future__ import annotations

import warnings

import pytest
import torch

from unnoise._errors import warn
from unnoise.data import Schema


@pytest.mark.parametrize("wrap", [lambda call: call, torch.no_grad(), torch.inference_mode(False)])
def test_a_warning_shows_the_line_of_the_user(wrap) -> None:
    rows = [[1.0, 7.0], [2.0, 7.0]]
    with pytest.warns(UserWarning, match="1 column holds a single value") as caught:
        wrap(lambda: Schema.infer(rows))()
    assert caught[0].filename == __file__


def test_a_category_of_warnings_can_be_silenced() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", FutureWarning)
        warn("not heard", FutureWarning)
