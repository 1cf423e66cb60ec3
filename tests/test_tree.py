"""Mapping over states, which may nest."""

from __future__ import annotations

import torch

from unnoise import _tree

NESTED = {"x": torch.zeros(4, 3), "inner": {"y": torch.ones(4), "z": torch.zeros(4, 2, 5)}}


def test_map_keeps_the_structure_and_pairs_leaves_by_name():
    other = {"inner": {"z": torch.tensor(3.0), "y": torch.tensor(2.0)}, "x": torch.tensor(1.0)}
    total = _tree.map(lambda a, b: a + b, NESTED, other)
    assert {name: float(leaf.flatten()[0]) for name, leaf in _tree.leaves(total)} == {
        "x": 1.0,
        "inner.y": 3.0,
        "inner.z": 3.0,
    }
    assert total["inner"]["z"].shape == (4, 2, 5)


def test_map_of_a_bare_leaf_is_a_call():
    assert _tree.map(lambda a, b: a * b, 3, 5) == 15


def test_leaves_are_named_by_their_path():
    assert [name for name, _ in _tree.leaves(NESTED)] == ["x", "inner.y", "inner.z"]
    assert [name for name, _ in _tree.leaves(torch.zeros(2))] == [""]


def test_first_length_and_size():
    assert _tree.first(NESTED) is NESTED["x"]
    assert _tree.length(NESTED) == 4
    assert _tree.numel_per_row(NESTED) == 3 + 1 + 10


def test_concatenate_undoes_slicing():
    parts = [_tree.map(lambda leaf, rows=rows: leaf[rows], NESTED) for rows in (slice(0, 1), slice(1, 4))]
    joined = _tree.concatenate(parts)
    for (name, leaf), (_, expected) in zip(_tree.leaves(joined), _tree.leaves(NESTED), strict=True):
        assert torch.equal(leaf, expected), name


def test_expand_broadcasts_times_against_events():
    x = torch.zeros(4, 3, 2)
    assert _tree.expand(torch.tensor(0.5), x).shape == ()
    assert _tree.expand(torch.zeros(4), x).shape == (4, 1, 1)
    assert _tree.expand(torch.zeros(4, 3), x).shape == (4, 3, 1)
    assert _tree.expand(torch.zeros(4), torch.zeros(4)).shape == (4,)
