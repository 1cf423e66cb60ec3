"""Masks of cells are taken together, and one leaf is taken apart."""

import torch

from unnoise.model.masks import apart, both, either, negated, nowhere

MASKS = {"flag": torch.tensor([True, False]), "value": torch.tensor([True, True])}
OTHER = {"flag": torch.tensor([False, False]), "value": torch.tensor([False, True])}


def listed(masks):
    return {name: mask.tolist() for name, mask in masks.items()}


def test_masks_are_taken_together():
    assert listed(both(MASKS, OTHER)) == {"flag": [False, False], "value": [False, True]}
    assert listed(either(MASKS, OTHER)) == {"flag": [True, False], "value": [True, True]}
    assert listed(negated(OTHER)) == {"flag": [True, True], "value": [True, False]}
    assert listed(nowhere(MASKS)) == {"flag": [False, False], "value": [False, False]}


def test_one_leaf_and_all_else_make_the_whole():
    alone, rest = apart(MASKS, "flag")
    assert listed(either(alone, rest)) == listed(MASKS)
    assert listed(both(alone, rest)) == listed(nowhere(MASKS))
    assert listed(alone) == {"flag": [True, False], "value": [False, False]}
    assert apart(MASKS, None)[1] is MASKS
