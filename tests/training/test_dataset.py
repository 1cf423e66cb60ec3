from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.training import Arrays, BatchOrder, Stream
from unnoise.training.dataset import ROUND, Digested, digest


def dealt(order: BatchOrder, steps: range) -> torch.Tensor:
    return torch.cat([order.indices(step) for step in steps])


@pytest.mark.parametrize(("num_examples", "batch_size"), [(1, 1), (3, 8), (10, 4), (1000, 512), (ROUND + 7, 1000)])
def test_every_pass_holds_every_example_once(num_examples: int, batch_size: int) -> None:
    order = BatchOrder(num_examples, batch_size, seed=0)
    num_steps = 3 * num_examples // batch_size + 1
    passes = dealt(order, range(num_steps))[: 3 * num_examples].reshape(3, num_examples)
    assert torch.equal(passes.sort(dim=1).values, torch.arange(num_examples).expand(3, -1))


@pytest.mark.parametrize("num_examples", [10, ROUND + 7])
def test_passes_differ_from_each_other_and_from_those_of_another_seed(num_examples: int) -> None:
    order, other = BatchOrder(num_examples, num_examples, seed=0), BatchOrder(num_examples, num_examples, seed=1)
    assert not torch.equal(order.indices(0), order.indices(1))
    assert not torch.equal(order.indices(0), other.indices(0))


@pytest.mark.parametrize(("num_examples", "batch_size"), [(7, 100), (ROUND + 7, 3000)])
def test_a_batch_depends_on_its_step_alone(num_examples: int, batch_size: int) -> None:
    """Also where rounds meet, and whatever was asked before."""
    steps = range(-(-3 * (ROUND + 1000) // batch_size))
    in_order = BatchOrder(num_examples, batch_size, seed=5)
    forwards = [in_order.indices(step) for step in steps]
    backwards = BatchOrder(num_examples, batch_size, seed=5)
    for step in reversed(steps):
        assert torch.equal(backwards.indices(step), forwards[step])
        assert forwards[step].shape == (batch_size,)


def test_every_order_of_three_is_equally_likely() -> None:
    passes = BatchOrder(num_examples=3, batch_size=6000, seed=0).indices(0).reshape(2000, 3)
    counts = (passes * torch.tensor([9, 3, 1])).sum(dim=1).unique(return_counts=True)[1].double()
    assert len(counts) == 6
    chi_squared = ((counts - 2000 / 6) ** 2 / (2000 / 6)).sum()
    assert chi_squared < 35.9  # 1e-6 of a chi-squared law with 5 degrees of freedom


def test_small_data_are_permuted_once_in_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    order, draws = BatchOrder(num_examples=1, batch_size=512, seed=0), []
    rand = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *size, **given: draws.append(size) or rand(*size, **given))
    dealt(order, range(ROUND // 512))
    assert len(draws) == 1


def test_no_examples_are_refused() -> None:
    with pytest.raises(InputError, match="no examples to train on; give data with at least one row"):
        BatchOrder(0, 8, seed=0)


def test_a_digest_sees_every_number_and_nothing_else() -> None:
    x, words = torch.linspace(0, 1, 60).reshape(20, 3), torch.arange(20)
    same = digest({"x": x, "words": words}, None)
    assert same == digest({"x": x.T.contiguous().T, "words": words.clone()}, None)
    others = [digest({"x": x, "words": words}, x), digest({"y": x, "words": words}, None), digest(x, words)]
    for place in range(60):
        changed = x.clone()
        changed.view(-1)[place] = torch.nextafter(changed.view(-1)[place], torch.tensor(2.0))
        others.append(digest({"x": changed, "words": words}, None))
    others += [digest({"x": part, "words": words}, None) for part in (x.double(), x.reshape(3, 20), x.flip(0), x[:-1])]
    assert len({same, *others}) == 1 + len(others)


@pytest.mark.parametrize(
    ("cond", "message"),
    [
        (torch.ones(3, 1), r"got conditions of shape \(3, 1\) for 2 examples"),
        (torch.ones(1, 1), "for 2 examples; expected a tensor with one row for each"),
        ([[1.0], [2.0]], r"got cond = .*; expected a Tensor or None"),
        (torch.tensor([[1.0], [math.nan]]), "got a condition that holds NaN or infinity in row 1; remove or fill"),
    ],
)
def test_conditions_that_fit_no_examples_are_refused(cond: object, message: str) -> None:
    """More of them than examples were accepted, and rows met the conditions of others."""
    with pytest.raises(InputError, match=message):
        Arrays(torch.zeros(2, 3), cond)


def test_arrays_know_their_numbers_again() -> None:
    x, cond = torch.zeros(2, 3), torch.ones(2, 1)
    assert Arrays(x, cond).digest() == digest(x, cond) != Arrays(x + 1, cond).digest()
    assert isinstance(Arrays(x), Digested)
    assert not isinstance(Stream(lambda n, rng: x), Digested)


@pytest.mark.parametrize("states", [np.zeros((5, 2)), [[0.0, 1.0]], torch.tensor(1.0), {"a": np.zeros((5, 2))}])
def test_examples_that_are_no_tensors_are_refused(states):
    with pytest.raises(InputError, match=r"(?s)^got states(\['a'\])? = .*expected a tensor of points, \(n, \*event\)"):
        Arrays(states)


def test_factors_have_as_many_rows():
    with pytest.raises(InputError, match=r"got states of other numbers of rows, \{'a': 3, 'b.c': 2\}"):
        Arrays({"a": torch.zeros(3, 1), "b": {"c": torch.zeros(2, 1)}})


@pytest.mark.parametrize(
    ("draw", "held"),
    [
        (lambda n, rng: torch.zeros(3, 2), r"a tensor of shape \(3, 2\)"),
        (lambda n, rng: np.zeros((n, 2)), "ndarray"),
        (lambda n, rng: {"a": torch.zeros(n, 2), "b": torch.tensor(1.0)}, r"a tensor of shape \(\) in 'b'"),
    ],
)
def test_a_stream_gives_as_many_states_as_it_is_asked_for(draw, held):
    """A function that gave three states for eight was trained on three."""
    with pytest.raises(InputError, match=f"got {held} from the function that draws states; expected a tensor of 8"):
        Stream(draw).batch(torch.arange(8), torch.Generator())
