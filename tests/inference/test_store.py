"""A folder of simulations knows what it holds, and does without a damaged chunk."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.inference.store import DESCRIPTION, Store

CHUNK = np.zeros((3, 1)), np.array([[1.0], [np.nan], [2.0]])
ABOUT = {"seed": 0, "prior": [1.0, 2.0], "simulator": {"name": "f", "seen": [0.5, None]}}


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "kept")
    found.begin(ABOUT)
    found.write(0, CHUNK)
    return found


def test_it_gives_back_what_it_was_given(store):
    for held, given in zip(store.read(0), CHUNK, strict=True):
        np.testing.assert_array_equal(held, given)
    assert store.read(1) is None


def test_a_damaged_chunk_is_simulated_anew(store):
    (path,) = store.folder.glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert store.read(0) is None


def test_the_same_is_found_again_up_to_rounding(store):
    store.begin(ABOUT | {"prior": [1.0, 2.0 + 1e-9]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "with another seed"),
        ({"prior": [1.0, 2.1]}, "of another prior"),
        ({"prior": [1.0]}, "of another prior"),
        ({"simulator": {"name": "g", "seen": [0.5, None]}}, "of another simulator"),
        ({"simulator": {"name": "f", "seen": [0.5, 0.5]}}, "of another simulator"),
        ({"colour": 3}, "with another colour"),
    ],
)
def test_others_are_refused(store, change, words):
    with pytest.raises(InputError, match=f"holds simulations {words}; name another folder"):
        store.begin(ABOUT | change)


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="other files than simulations"):
        Store(tmp_path).begin(ABOUT)
    with pytest.raises(InputError, match="is a file"):
        Store(tmp_path / "notes.txt").begin(ABOUT)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / DESCRIPTION).write_text("[1]")
    with pytest.raises(InputError, match="describes no simulations"):
        Store(tmp_path / "b").begin(ABOUT)
