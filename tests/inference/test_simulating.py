"""The same seed gives the same simulations: at once, after a stop, by one process or several."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st
import torch

from unnoise._errors import InputError
from unnoise.inference import simulate
from unnoise.testing import ImprobableError, assert_mean

PRIOR = st.norm([0.0, 1.0], 1.0)


def by_row(theta):
    return theta[0] + np.random.normal(size=3)


def by_batch(theta):
    return theta + np.random.normal(size=theta.shape)


class Stopped(Exception):
    """As a person who stops a run."""


def stopping_at(calls):
    """A simulator like `by_row`, which a person stops."""
    left = [calls]

    def by_row(theta):
        left[0] -= theta.ndim == 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return theta[0] + np.random.normal(size=3)

    by_row.__qualname__ = "by_row"
    return by_row


def test_a_second_call_goes_on_to_the_same_bits(tmp_path):
    whole = simulate(PRIOR, by_row, 350)
    with pytest.raises(KeyboardInterrupt):
        simulate(PRIOR, stopping_at(230), 350, folder=tmp_path / "kept")
    assert 1 <= len(list((tmp_path / "kept").glob("*.safetensors"))) < 4
    found = simulate(PRIOR, by_row, 350, folder=tmp_path / "kept")
    assert np.array_equal(found.x, whole.x)
    assert np.array_equal(found.theta, whole.theta)
    more = simulate(PRIOR, by_row, 420, folder=tmp_path / "kept")
    assert np.array_equal(more.x[:350], whole.x)
    fewer = simulate(PRIOR, by_row, 120, folder=tmp_path / "kept")
    assert np.array_equal(fewer.x, whole.x[:120])


def test_what_is_kept_is_not_simulated_again(tmp_path):
    simulate(PRIOR, by_row, 200, folder=tmp_path / "kept")
    simulate(PRIOR, stopping_at(5), 200, folder=tmp_path / "kept")  # the trial, and rows to know it again


@pytest.mark.parametrize(
    ("prior", "simulator", "options", "words"),
    [
        (st.norm([0.0, 1.0], 2.0), by_row, {}, "of another prior"),
        (PRIOR, by_batch, {}, "of another simulator"),
        (PRIOR, by_row, {"seed": 1}, "with another seed"),
        (PRIOR, by_row, {"observations": 2}, "with another"),
    ],
)
def test_a_folder_of_others_is_refused(tmp_path, prior, simulator, options, words):
    simulate(PRIOR, by_row, 10, folder=tmp_path / "kept")
    with pytest.raises(InputError, match=words):
        simulate(prior, simulator, 10, folder=tmp_path / "kept", **options)


def test_a_simulator_with_its_own_chance_is_told_of(tmp_path):
    own = np.random.default_rng()

    def unseeded(theta):
        return theta + own.normal(size=theta.shape)

    with pytest.warns(UserWarning, match="give it an argument seed"):
        simulate(PRIOR, unseeded, 10, folder=tmp_path / "kept")
    with pytest.warns(UserWarning, match="give it an argument seed"):
        simulate(PRIOR, unseeded, 20, folder=tmp_path / "kept")


@pytest.mark.parametrize("simulator", [by_row, by_batch])
def test_seeds_tell_runs_apart(simulator):
    first, again, other = (simulate(PRIOR, simulator, 30, seed=seed).x for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not (first == other).any()


def test_rows_are_independent_across_chunks():
    found = simulate(PRIOR, by_row, 2000)
    noise = torch.from_numpy(found.x - found.theta[:, :1])
    assert_mean(noise)
    assert_mean(noise[:-100] * noise[100:])  # chunks have noise of their own
    with pytest.raises(ImprobableError):
        assert_mean(noise[:-100] * noise[:-100])


def test_sets_are_of_one_parameter():
    found = simulate(PRIOR, by_batch, 500, observations=4)
    assert found.x.shape == (500, 4, 2)
    noise = torch.from_numpy(found.x - found.theta[:, None])
    assert_mean(noise)
    assert_mean(noise[:, 0] * noise[:, 1])


def test_names_and_tensors_are_as_the_prior_draws_them():
    seen = []

    def simulator(theta):
        seen.append(theta)
        return theta["rate"][..., None] * torch.ones(2) + torch.as_tensor(theta["place"])[..., None]

    prior = {"rate": torch.distributions.Gamma(2.0, 1.0), "place": st.norm()}
    found = simulate(prior, simulator, 20)
    assert isinstance(seen[-1]["rate"], torch.Tensor)
    assert isinstance(seen[-1]["place"], np.ndarray)
    assert found.theta["rate"].shape == (20,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "got n = 0"),
        ({"observations": 0}, "observations"),
        ({"seed": -1}, "seed"),
        ({"workers": 0}, "workers"),
        ({"batch": 0}, "batch"),
        ({"folder": 3}, "folder"),
        ({"progress": 3}, "progress"),
        ({"simulator": lambda theta: np.full(3, np.nan)}, "NaN in all of x"),
        ({"prior": 3}, "prior = 3"),
    ],
)
def test_wrong_input_is_one_sentence(options, words):
    given = {"prior": PRIOR, "simulator": by_row, "n": 10} | options
    with pytest.raises(InputError, match=words):
        simulate(given.pop("prior"), given.pop("simulator"), given.pop("n"), **given)


@pytest.mark.slow
def test_several_processes_give_the_same_bits(tmp_path):
    alone, together = (simulate(PRIOR, by_row, 350, workers=workers) for workers in (1, 2))
    assert np.array_equal(alone.x, together.x)
    kept = simulate(PRIOR, lambda theta: by_row(theta), 350, workers=2, folder=tmp_path / "kept")
    assert np.array_equal(alone.x, kept.x)

    def failing(theta):
        return theta[0] if theta[1] < 2 else 1 / 0

    with pytest.raises(InputError, match="raised ZeroDivisionError"):
        simulate(PRIOR, failing, 350, workers=2)
