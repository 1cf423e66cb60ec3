"""Values survive tensors and JSON, and unknown kinds do not pass."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest
import torch

from unnoise.laws.students import Students
from unnoise.walking.packing import contiguous, packed, unpacked
from unnoise.walking.verdict import Verdict


def there_and_back(value):
    tensors = {}
    text = json.dumps(packed(value, tensors))
    return unpacked(json.loads(text), tensors)


def test_trees_of_all_kinds_come_back():
    verdict = Verdict(False, ("a doubt",), (), math.inf, 0.1 + 0.2)
    law = Students(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None], torch.ones(1))
    x = {"a": torch.randn(3, 2, generator=torch.Generator().manual_seed(0)), "b": torch.tensor([[True]])}
    found = there_and_back([verdict, (law, None), {"x": x, "n": 3}])
    assert found[0] == verdict
    assert isinstance(found[1], tuple)
    assert torch.equal(found[1][0].factors, law.factors)
    assert found[2]["x"]["b"].dtype == torch.bool
    assert torch.equal(found[2]["x"]["a"], x["a"])


def test_tensors_lie_as_they_will_in_a_file():
    turned = torch.arange(6.0).reshape(2, 3).T
    found = contiguous([{"x": turned}])
    assert found[0]["x"].is_contiguous()
    assert torch.equal(found[0]["x"], turned)


@dataclass(frozen=True)
class Unknown:
    number: int


@pytest.mark.parametrize("value", [Unknown(1), object()])
def test_unknown_kinds_do_not_pass(value):
    with pytest.raises(TypeError, match="a checkpoint knows no"):
        packed(value, {})
