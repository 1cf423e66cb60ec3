"""Categorical components."""

import torch

from unnoise.laws import Categorical, CategoricalComponents

PROBS = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0)).softmax(-1)


def test_they_are_categorical_laws():
    parts, x = CategoricalComponents(PROBS), torch.tensor([[0, 3], [2, 1]])
    torch.testing.assert_close(parts.log_prob(x), Categorical(PROBS, 1).log_prob(x[:, None]))


def test_impossible_states_never_have_mass():
    x, known = torch.tensor([[0, 1], [1, 0], [1, 1]]), torch.tensor([[True, True], [True, False], [True, True]])
    base = CategoricalComponents.of(x, known, torch.tensor([True, True, False]))
    assert (base.probs[..., 2] == 0).all()
    torch.testing.assert_close(
        base.probs[0, :, :2], torch.tensor([[1.5, 2.5], [0.5, 2.5]]) / torch.tensor([[4.0], [3.0]])
    )


def test_the_law_of_all_rows_has_one_row_more_in_equal_parts():
    x = torch.tensor([[0]] * 7 + [[1]] * 2)
    law = CategoricalComponents.of(x, torch.ones_like(x, dtype=torch.bool), torch.ones(100, dtype=torch.bool))
    torch.testing.assert_close(law.probs[0, 0, :3], torch.tensor([7.01, 2.01, 0.01]) / 10)
