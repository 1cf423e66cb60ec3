"""Heads of factors side by side."""

from __future__ import annotations

from functools import partial

import torch

from unnoise.heads import X0, Eps, Hidden, JointHead, joint
from unnoise.processes import CTMC, edm, product, rates, variance_preserving
from unnoise.spaces import Euclidean, Finite

INNER = product({"b": variance_preserving(Euclidean((1, 2)))})
PROCESS = product({"a": variance_preserving(Euclidean(2)), "rest": INNER})
POINTS = {"a": torch.zeros(4, 2), "rest": {"b": torch.zeros(4, 1, 2)}}
HALF = torch.tensor(0.5)


def test_the_output_is_split_as_the_heads_say():
    output = torch.arange(16.0).reshape(4, 4)
    head = JointHead({"a": X0(PROCESS.parts["a"]), "rest": JointHead({"b": X0(INNER.parts["b"])})})
    stat = head.estimate(output, POINTS, HALF)
    assert torch.equal(stat["a"], output[:, :2])
    assert torch.equal(stat["rest"]["b"][:, 0], output[:, 2:])


def test_the_network_sees_one_factor_after_the_other(rng):
    x = {"a": torch.randn(4, 2, generator=rng), "rest": {"b": torch.randn(4, 1, 2, generator=rng)}}
    own = PROCESS.parts["a"].head.inputs(x["a"], HALF), INNER.parts["b"].head.inputs(x["rest"]["b"], HALF).flatten(1)
    assert torch.equal(PROCESS.head.inputs(x, HALF), torch.cat(own, 1))
    assert PROCESS.head.input_shape == PROCESS.head.output_shape == (4,)


def test_factors_of_another_precision_meet_in_the_default_one():
    head = product({"a": edm(Euclidean(2)), "b": CTMC(Finite(1, 3), rates.Absorbing(3))}).head
    x = {"a": torch.zeros(4, 2, dtype=torch.float64), "b": torch.zeros(4, 1, dtype=torch.int64)}
    assert head.inputs(x, HALF).dtype == torch.float32


def test_some_factors_may_have_other_heads_than_their_own():
    found = joint(PROCESS, {"rest": partial(joint, parts={"b": Eps})})
    assert found == JointHead({"a": PROCESS.parts["a"].head, "rest": JointHead({"b": Eps(INNER.parts["b"])})})


def test_a_whole_is_timeless_where_all_factors_are():
    masks = Hidden(CTMC(Finite(1, 3), rates.Absorbing(3)))
    assert JointHead({"a": masks, "b": masks}).timeless
    assert not JointHead({"a": masks, "b": edm(Euclidean(1)).head}).timeless


def test_what_is_faded_is_so_in_every_factor(rng):
    x = {"a": torch.randn(4, 2, generator=rng), "rest": {"b": torch.randn(4, 1, 2, generator=rng)}}
    own = PROCESS.parts["a"].head.faded(x["a"], HALF), INNER.parts["b"].head.faded(x["rest"]["b"], HALF).flatten(1)
    assert torch.equal(PROCESS.head.faded(x, HALF), torch.cat(own, 1))
    assert not torch.allclose(PROCESS.head.faded(x, HALF), PROCESS.head.inputs(x, HALF))
