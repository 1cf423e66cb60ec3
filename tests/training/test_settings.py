from __future__ import annotations

import math

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.training import Settings


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"steps": 0}, "got steps = 0; expected a whole number from 1"),
        ({"steps": 1.5}, "got steps = 1.5; expected a whole number"),
        ({"steps": True}, "got steps = True; expected a whole number"),
        ({"batch_size": "64"}, "got batch_size = '64'; expected a whole number"),
        ({"accumulate": 0}, "got accumulate = 0; expected a whole number from 1"),
        ({"warmup": -1}, "got warmup = -1; expected a whole number from 0"),
        ({"seed": 2**64}, "got seed = 18446744073709551616; expected a whole number from 0"),
        ({"warmup": math.nan}, "got warmup = nan; expected a whole number"),
        (
            {"batch_size": 2**13, "accumulate": 2**13},
            "got batch_size * accumulate = 67108864; expected at most 16,777,216",
        ),
        ({"seed": -3}, "got seed = -3; expected a whole number from 0"),
        ({"learning_rate": 0.0}, "got learning_rate = 0.0; expected a finite number above 0"),
        ({"learning_rate": math.inf}, "got learning_rate = inf; expected a finite number"),
        ({"learning_rate": "fast"}, "got learning_rate = 'fast'; expected a finite number"),
        ({"weight_decay": math.nan}, "got weight_decay = nan; expected a finite number at least 0"),
        ({"ema": 1.0}, "got ema = 1.0; expected a finite number at least 0 and below 1"),
        ({"clip": 0}, "got clip = 0; expected a finite number above 0 or None"),
        ({"time_limit": -1.0}, "got time_limit = -1.0; expected a finite number above 0 or None"),
        ({"checkpoint_every": -1}, "got checkpoint_every = -1; expected a finite number at least 0"),
        ({"device": None}, "got device = None; expected the name of a device, such as 'auto' or 'cpu'"),
        ({"compile": "yes"}, "got compile = 'yes'; expected True or False"),
        ({"precision": "float16"}, "got precision = 'float16'; expected 'float32' or 'bfloat16'"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(given: dict, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings(**given)
    assert str(caught.value).startswith(sentence)


def test_edges_and_numpy_numbers_are_accepted() -> None:
    Settings(steps=np.int64(5), learning_rate=np.float32(0.1), warmup=0, clip=None, ema=0.0, checkpoint_every=0)


def test_the_rate_warms_up_linearly_and_falls_along_a_cosine() -> None:
    settings = Settings(steps=1000, learning_rate=0.1, warmup=100)
    assert settings.rate(progress=0.0, step=0) == pytest.approx(0.001)
    assert settings.rate(progress=0.0, step=49) == pytest.approx(0.05)
    assert settings.rate(progress=0.0, step=100) == pytest.approx(0.1)
    assert settings.rate(progress=0.25, step=250) == pytest.approx(0.1 * (1 + math.sqrt(0.5)) / 2)
    assert settings.rate(progress=1.0, step=1000) == pytest.approx(0.0, abs=1e-12)


def test_warm_up_takes_at_most_a_fifth_of_a_short_training() -> None:
    settings = Settings(steps=10, learning_rate=1.0, warmup=100)
    assert [settings.rate(0.0, step) for step in range(3)] == [0.5, 1.0, 1.0]


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert Settings(warmup=0, learning_rate=0.3).rate(0.0, 0) == 0.3


def test_progress_is_the_larger_of_steps_and_time() -> None:
    settings = Settings(steps=100, time_limit=10.0)
    assert settings.progress(step=30, elapsed=1.0) == pytest.approx(0.3)
    assert settings.progress(step=30, elapsed=6.0) == pytest.approx(0.6)
    assert settings.progress(step=30, elapsed=60.0) == 1.0
    assert Settings(steps=100).progress(step=30, elapsed=1e9) == pytest.approx(0.3)
