"""Independent laws by name, nested."""

from __future__ import annotations

import torch

from unnoise.laws import Independent, Normal
from unnoise.testing import check_law

ONE = torch.ones((), dtype=torch.float64)


def pair(scale: float) -> Independent:
    first = Normal(torch.zeros(2, dtype=torch.float64), scale * ONE, event_ndim=1)
    second = Normal(torch.ones(1, dtype=torch.float64), 2 * scale * ONE, event_ndim=1)
    return Independent({"a": first, "rest": Independent({"b": second})})


def test_it_keeps_the_properties_of_a_law():
    check_law(pair(1.0), pair(1.3), draws=4000)


def test_log_densities_add_and_broadcast(rng):
    law = Independent({"a": Normal(torch.zeros(1, 5, 2), torch.ones(()), 1), "b": Normal(torch.zeros(5), ONE, 0)})
    x = {"a": torch.randn(7, 1, 2, generator=rng), "b": torch.randn(7, 1, generator=rng)}
    expected = law.parts["a"].log_prob(x["a"]) + law.parts["b"].log_prob(x["b"])
    assert law.log_prob(x).shape == (7, 5)
    assert torch.equal(law.log_prob(x), expected)


def test_draws_are_laid_out_as_asked_for(rng):
    x = pair(1.0).sample(rng, (3, 4))
    assert x["a"].shape == (3, 4, 2)
    assert x["rest"]["b"].shape == (3, 4, 1)


def test_entropies_and_divergences_add():
    zero, one = torch.zeros(4, 2), torch.ones(())
    law, wide = Normal(zero, one, 1), Normal(zero, 2 * one, 1)
    pair, other = Independent({"a": law, "b": wide}), Independent({"a": wide, "b": wide})
    torch.testing.assert_close(pair.entropy(), law.entropy() + wide.entropy())
    torch.testing.assert_close(pair.kl(other), law.kl(wide))
