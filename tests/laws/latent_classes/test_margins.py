"""Margins of finite cells are those of the data, and how cells depend on each other stays."""

import torch

from unnoise.laws import CategoricalComponents, NormalComponents, ProductMixture
from unnoise.laws.latent_classes.margins import with_margins

WEIGHTS = torch.tensor([0.2, 0.5, 0.3])


def drawn(*shape, seed=0):
    probs = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    return CategoricalComponents(probs / probs.sum(-1, keepdim=True))


def margins(law):
    return torch.einsum("k,kcs->cs", law.weights, law.parts.probs)


def test_margins_are_those_of_the_base_and_odds_ratios_stay():
    law, base = ProductMixture(WEIGHTS, drawn(3, 2, 4)), drawn(1, 2, 4, seed=1)
    found = with_margins(law, base, torch.ones(5, 2).bool())
    torch.testing.assert_close(margins(found), base.probs[0], rtol=1e-3, atol=1e-4)
    assert (margins(law) - base.probs[0]).abs().max() > 0.05
    odds = [one.parts.probs[0, 0, 0] * one.parts.probs[1, 0, 1] for one in (law, found)]
    other = [one.parts.probs[0, 0, 1] * one.parts.probs[1, 0, 0] for one in (law, found)]
    torch.testing.assert_close(odds[0] / other[0], odds[1] / other[1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.parts.probs.sum(-1), torch.ones(3, 2))


def test_cells_with_holes_stay():
    law, known = ProductMixture(WEIGHTS, drawn(3, 2, 4)), torch.ones(5, 2).bool()
    known[0, 1] = False
    found = with_margins(law, drawn(1, 2, 4, seed=1), known)
    assert torch.equal(found.parts.probs[:, 1], law.parts.probs[:, 1])
    assert not torch.equal(found.parts.probs[:, 0], law.parts.probs[:, 0])


def test_states_that_no_row_has_stay_impossible_and_numbers_as_they_are():
    probs = torch.tensor([[[0.5, 0.5, 0.0]], [[0.25, 0.75, 0.0]]])
    parts = {"a": CategoricalComponents(probs), "b": NormalComponents(torch.zeros(2, 1), torch.ones(2, 1))}
    base = {
        "a": CategoricalComponents(torch.tensor([[[0.9, 0.1, 0.0]]])),
        "b": NormalComponents(torch.ones(1, 1), torch.ones(1, 1)),
    }
    known = {name: torch.ones(4, 1).bool() for name in parts}
    found = with_margins(ProductMixture(torch.tensor([0.5, 0.5]), parts), base, known)
    assert (found.parts["a"].probs[..., 2] == 0).all()
    assert found.parts["b"] is parts["b"]
