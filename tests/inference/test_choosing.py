"""The better of two ways is kept, whichever it is, and said."""

from __future__ import annotations

import dataclasses

import pytest
from shifted_normal import exact
from simulated import UNTRAINED, noisy, normal_prior, of_reals

from unnoise.inference import PosteriorByLikelihood, posterior
from unnoise.inference.choosing import better
from unnoise.inference.points import PointLaw, untrained


def exact_network():
    return dataclasses.replace(of_reals(), held_out=of_reals().held_out.at(slice(20)))


def test_an_exact_likelihood_is_better_than_a_network_that_knows_nothing():
    network = posterior(normal_prior(), noisy, simulations=80, model=UNTRAINED)
    found = better(network, exact().model, seed=0)
    assert isinstance(found, PosteriorByLikelihood)
    assert found.choice.startswith("learnt by its likelihood: +")
    assert found.choice.endswith("beside a network, for each of 20 parameters held out")


def test_an_exact_network_is_better_than_a_likelihood_that_knows_nothing():
    blind = PointLaw(untrained(2, 2, 1), exact().model.units, "unknown")
    found = better(exact_network(), blind, seed=0)
    assert type(found) is type(of_reals())
    assert found.choice.startswith("learnt by a network: +")


def test_of_two_that_are_exact_the_network_is_kept():
    found = better(exact_network(), exact().model, seed=0)
    assert type(found) is type(of_reals())
    gain = float(found.choice.split(":")[1].split()[0])
    assert gain == pytest.approx(0, abs=0.1)
