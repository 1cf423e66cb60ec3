"""Few rows of states in order say much of the states between them."""

import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import CategoricalComponents, OrderedComponents

STATES = 60


def base(probs=None):
    probs = torch.full((STATES,), 1 / STATES) if probs is None else probs
    return OrderedComponents.of_base(CategoricalComponents(probs[None, None]), torch.ones(1, STATES).bool())


def refitted(law, counts, rows):
    return law.refitted((counts[None, None],), law, torch.tensor([float(rows)])).probs[0, 0]


def counts_at(*states):
    return torch.zeros(STATES).index_add(0, torch.tensor(states), torch.ones(len(states)))


def test_the_base_stays_where_nothing_was_seen():
    law = base()
    torch.testing.assert_close(refitted(law, torch.zeros(STATES), 10), law.probs[0, 0], rtol=1e-4, atol=1e-6)


def test_what_lies_between_and_around_rows_is_likely_and_what_is_far_is_not():
    found = refitted(base(), counts_at(*range(20, 28, 2), *range(20, 28, 2), *range(20, 28, 2)), 100)
    near = found[16:31].sum()
    assert near > 0.7
    plain = CategoricalComponents(base().probs)
    twin = plain.refitted((counts_at(*range(20, 28, 2))[None, None],), plain, torch.tensor([100.0])).probs[0, 0]
    assert twin[16:31].sum() < 0.35


def test_the_mean_and_the_variance_of_scores_are_those_of_the_rows():
    """Of many rows of a normal law, within what a base of sixty states can tell."""
    law = base()
    z = law.scores[0].double()
    weights = torch.softmax(-((z - 0.5) ** 2) / (2 * 0.3**2) - z.square() / -2, 0)
    found = refitted(law, 1e4 * weights.float(), 1e9).double()
    mean = (found * z).sum()
    assert abs(float(mean) - float((weights * z).sum())) < 0.02
    spread = ((found * (z - mean) ** 2).sum()).sqrt()
    assert abs(float(spread) - 0.3) < 0.03


def test_states_of_many_rows_stand_for_themselves():
    probs = torch.full((STATES,), 0.7 / (STATES - 1))
    probs[0] = 0.3
    law = base(probs)
    assert law.scores[0].isnan().tolist() == [True] + [False] * (STATES - 1)
    found = refitted(law, counts_at(*(4 * [1, 2, 3])), 1000)
    assert found[0] < 0.1  # next to all rows seen, but none was there
    assert found[1:8].sum() > 0.5
    assert found[40:].sum() < 0.05


def test_of_states_without_an_order_it_is_a_plain_law():
    law = CategoricalComponents(torch.full((1, 2, STATES), 1 / STATES))
    flags = torch.zeros(2, STATES).bool()
    ordered = OrderedComponents.of_base(law, flags)
    counts = torch.rand(3, 2, STATES, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([3.0, 0.5])
    torch.testing.assert_close(
        ordered.refitted((counts,), ordered, rows).probs, law.refitted((counts,), law, rows).probs
    )


def test_cells_are_chosen_with_their_scores():
    probs = torch.rand(1, 3, STATES, generator=torch.Generator().manual_seed(0))
    law = CategoricalComponents(probs / probs.sum(-1, keepdim=True))
    ordered = OrderedComponents.of_base(law, torch.ones(3, STATES).bool())
    some = ordered.only(torch.tensor([True, False, True]))
    assert torch.equal(some.probs, law.probs[:, [0, 2]])
    assert torch.equal(some.scores, ordered.scores[[0, 2]])
    assert type(ordered.plain) is CategoricalComponents


def test_flags_of_another_shape_and_several_components_are_refused():
    law = CategoricalComponents(torch.full((2, 1, 4), 0.25))
    with pytest.raises(InputError, match="flags of the states of one component"):
        OrderedComponents.of_base(law, torch.ones(1, 4).bool())
    with pytest.raises(InputError, match=r"flags of the states of one component, \(1, 4\)"):
        OrderedComponents.of_base(law.at(torch.tensor([0])), torch.ones(1, 5).bool())
