"""A posterior in a folder gives the same draws, and a damaged or foreign folder a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simulated import UNTRAINED, cube, in_cube

from unnoise._errors import InputError
from unnoise.inference import AmortisedPosterior, posterior

BESIDE = "posterior.safetensors"
X = np.array([0.8, -0.5])


@pytest.fixture(scope="module")
def made():
    return posterior(cube(), in_cube, simulations=100, model=UNTRAINED)


@pytest.fixture
def folder(made, tmp_path):
    made.save(tmp_path / "kept")
    return tmp_path / "kept"


def test_the_same_draws_and_densities_come_back(made, folder):
    found = AmortisedPosterior.load(folder, prior=cube())
    assert torch.equal(found.sample(20, X, seed=0), made.sample(20, X, seed=0))
    assert found.check(X) == made.check(X)
    assert torch.equal(found.held_out.theta, made.held_out.theta)
    assert found.parameters == made.parameters
    theta = made.sample(3, X, seed=0)
    np.testing.assert_array_equal(found.log_prob(theta, X), made.log_prob(theta, X))
    assert found.with_prior(cube()).effective_sample_size(X) == pytest.approx(4000)


def test_a_folder_is_replaced_only_when_told(made, folder, tmp_path):
    with pytest.raises(InputError, match="overwrite=True"):
        made.save(folder)
    made.save(folder, overwrite=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="holds no posterior"):
        made.save(tmp_path / "mine", overwrite=True)


def test_a_damaged_file_is_a_sentence(folder):
    content = bytearray((folder / BESIDE).read_bytes())
    content[-1] ^= 1
    (folder / BESIDE).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read: its checksum does not fit"):
        AmortisedPosterior.load(folder)


def test_other_folders_and_priors_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="holds no posterior"):
        AmortisedPosterior.load(tmp_path)
    with pytest.raises(InputError, match="with other bounds"):
        AmortisedPosterior.load(folder, prior=cube(3))
