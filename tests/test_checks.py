"""What constructors ask of their arguments: the sentence of every check, at its edges."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from unnoise import _checks
from unnoise._errors import InputError
from unnoise.schedules import Linear, Schedule

RIGHT = {
    "whole": lambda: _checks.whole(least=1, most=3, a=1, b=3, c=np.int64(2)),
    "no whole number": lambda: _checks.whole(or_none=True, a=None),
    "real": lambda: _checks.real(a=1, b=-2.5, c=np.float32(3), d=Fraction(1, 3)),
    "closed": lambda: _checks.real(least=0, most=1, a=0, b=1),
    "open": lambda: _checks.real(above=0, below=1, a=5e-324, b=1 - 1e-9),
    "reals": lambda: _checks.reals("a", np.array([1.0, 2.0]), fewest=2, above=0),
    "instance": lambda: _checks.instance(Schedule, a=Linear()),
    "function": lambda: _checks.function(a=math.sin, b=Linear().value),
    "flag": lambda: _checks.flag(a=True, b=np.bool_(False)),
    "mapping": lambda: _checks.mapping(Schedule, a={"b": Linear()}),
    "tensor": lambda: _checks.tensor(above=0, a=torch.ones(2), b=torch.zeros(0)),
    "mask": lambda: _checks.tensor(a=torch.tensor([True])),
    "times": lambda: _checks.times(torch.tensor([0.0, 1.0 + 1e-7]), 1),
    "late": lambda: _checks.times(torch.tensor(1e9)),
    "ordered": lambda: _checks.ordered(torch.tensor(0.5), torch.tensor(0.5)),
}
WRONG = [
    (lambda: _checks.whole(a=True), "got a = True; expected a whole number from 0 to 2,147,483,647"),
    (lambda: _checks.whole(a=2.0), "got a = 2.0; expected a whole"),
    (
        lambda: _checks.whole(least=1, most=9, or_none=True, a=10),
        "got a = 10; expected a whole number from 1 to 9 or None",
    ),
    (lambda: _checks.whole(a=10**5000), "got a = a number of 16610 bits; expected a whole"),
    (lambda: _checks.real(a=math.nan), "got a = nan; expected a finite number"),
    (lambda: _checks.real(a=-math.inf), "got a = -inf; expected a finite number"),
    (lambda: _checks.real(a=10**400), "got a = a number of 1329 bits; expected a finite number"),
    (lambda: _checks.real(a=False), "got a = False; expected a finite number"),
    (lambda: _checks.real(a=torch.tensor(1.0)), "got a = tensor(1.); expected a finite number"),
    (lambda: _checks.real(above=0, below=1, a=0), "got a = 0; expected a finite number above 0 and below 1"),
    (
        lambda: _checks.real(least=0, most=1, or_none=True, a=2),
        "got a = 2; expected a finite number at least 0 and at most 1 or None",
    ),
    (lambda: _checks.reals("a", "12"), "got a = '12'; expected a sequence of 1 or more numbers"),
    (lambda: _checks.reals("a", ()), "got a = (); expected a sequence of 1 or more numbers"),
    (lambda: _checks.reals("a", (1, -1), above=0), "got a[1] = -1; expected a finite number above 0"),
    (lambda: _checks.shape("a", 2.5), "got a = 2.5; expected a whole number or a tuple of 0 or more"),
    (lambda: _checks.shape("a", True), "got a = True; expected a whole number from 1 to 2,147,483,647"),
    (
        lambda: _checks.shape("a", (), axes=1),
        "got a = (); expected a whole number or a tuple of 1 or more",
    ),
    (lambda: _checks.shape("a", (2, 0)), "got a[1] = 0; expected a whole number from 1"),
    (
        lambda: _checks.shape("a", (2**20, 2**20)),
        "got a = (1048576, 1048576); expected at most 2,147,483,647 numbers in all",
    ),
    (lambda: _checks.instance(Schedule, a=3), "got a = 3; expected a schedules.Schedule"),
    (
        lambda: _checks.instance(Schedule, a=Linear),
        "got a = the class Linear; expected an object of this class, as Linear(...) makes",
    ),
    (
        lambda: _checks.instance(Schedule, or_none=True, a=int),
        "got a = the class int; expected a schedules.Schedule or None",
    ),
    (lambda: _checks.instance(Schedule, torch.Tensor, a=1), "got a = 1; expected a schedules.Schedule or a Tensor"),
    (
        lambda: _checks.mapping(Schedule, a={}),
        "got a = {}; expected a dict of Schedule objects by their names, at least one",
    ),
    (lambda: _checks.mapping(Schedule, a={1: Linear()}), "got a = {1: Linear"),
    (lambda: _checks.mapping(Schedule, a={"b": 1}), "got a['b'] = 1; expected a schedules.Schedule"),
    (lambda: _checks.function(a=Linear), "got a = the class Linear; expected a function"),
    (lambda: _checks.function(a=1), "got a = 1; expected a function"),
    (lambda: _checks.flag(a=1), "got a = 1; expected True or False"),
    (lambda: _checks.tensor(a=[1.0]), "got a = [1.0]; expected a Tensor"),
    (lambda: _checks.tensor(a=torch.tensor([0.0, math.nan])), "got a = nan; expected a tensor of finite numbers"),
    (
        lambda: _checks.tensor(above=0, a=torch.tensor([1.0, 0.0])),
        "got a = 0.0; expected a tensor of finite numbers above 0",
    ),
    (
        lambda: _checks.tensor(least=0, a=torch.tensor([1, -2])),
        "got a = -2.0; expected a tensor of finite numbers at least 0",
    ),
    (lambda: _checks.times(0.5), "got t = 0.5; expected a tensor, as of torch.tensor(0.5)"),
    (lambda: _checks.times(torch.tensor([0.5, -0.1]), 1), "got t = -0.1"),
    (lambda: _checks.times(torch.tensor([math.nan, 0.1])), "got t = nan; expected finite times, 0 or later"),
    (lambda: _checks.ordered(torch.tensor(0.6), torch.tensor(0.5)), "got a step to s after its start t"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name):
    RIGHT[name]()


@pytest.mark.parametrize(("check", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_what_is_wrong_is_named_in_one_sentence(check, sentence):
    with pytest.raises(InputError) as caught:
        check()
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("given", "wanted"), [(3, (3,)), ((), ()), ([2, np.int64(3)], (2, 3)), (torch.Size([4]), (4,))]
)
def test_a_shape_is_a_tuple_of_ints(given, wanted):
    found = _checks.shape("a", given)
    assert found == wanted
    assert {type(size) for size in found} <= {int}


class Loud:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize("value", [Loud(), "x" * 10**6, torch.zeros(10**6), [0] * 10**6, {"a": [[1] * 100] * 100}])
def test_whatever_was_got_is_named_in_few_words(value):
    assert len(_checks.shown(value)) < 120
