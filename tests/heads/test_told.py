"""What a network is told: the state as its head shows it, and two marks for every cell."""

from __future__ import annotations

import pytest
import torch

from unnoise import InputError, processes, spaces
from unnoise.heads import Indices, Told, V, told

IMAGE = processes.variance_preserving(spaces.Euclidean((2, 4, 4)))
WORDS = processes.CTMC(spaces.Finite(3, 5), processes.rates.Absorbing(5))
BOTH = processes.product(
    {"n": processes.edm(spaces.Euclidean(2)), "w": WORDS, "s": processes.Brownian(spaces.Sphere(2))}
)
T = torch.tensor(0.5)


def test_marks_of_an_image_lie_where_its_pixels_do() -> None:
    head, x = told(IMAGE), torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    asked, given = torch.ones(1, 2, 4, 4, dtype=torch.bool), torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    asked[0, 0, 1, 2], given[0, 0, 1, 2] = False, True
    asked[0, 1, 3, 0] = False  # unknown
    seen = head.inputs(x, T, asked, given)
    assert seen.shape == (1, *head.input_shape) == (1, 6, 4, 4)
    torch.testing.assert_close(seen[:, :2], IMAGE.head.faded(x, T))
    assert seen[0, 2:].nonzero().tolist() == [[0, 1, 2], [3, 3, 0]]  # given and unknown, channel by channel


def test_marks_of_a_product_follow_its_inputs() -> None:
    head, x = told(BOTH), BOTH.prior(4).sample(torch.Generator().manual_seed(0))
    masks = {"n": torch.tensor([[True, False]] * 4), "w": torch.tensor([[False, True, False]] * 4)}
    asked = masks | {"s": torch.tensor([True, False] * 2)}
    given = {name: ~mask & (torch.arange(4) < 2).reshape(-1, *[1] * (mask.ndim - 1)) for name, mask in asked.items()}
    seen, plain = head.inputs(x, T, asked, given), BOTH.head.faded(x, T)
    assert seen.shape[1] == plain.shape[1] + 2 * (2 + 3 + 1)
    torch.testing.assert_close(seen[:, : plain.shape[1]], plain)
    flat = torch.cat([given["n"], given["w"], given["s"][:, None]], 1).float()
    torch.testing.assert_close(seen[:, plain.shape[1] : plain.shape[1] + 6], flat)
    hidden = torch.cat([~(asked[k] | given[k]).reshape(4, -1) for k in ("n", "w", "s")], 1).float()
    torch.testing.assert_close(seen[:, plain.shape[1] + 6 :], hidden)


def test_without_roles_all_marks_are_zero() -> None:
    x = torch.ones(3, 2, 4, 4)
    everything = torch.ones(3, 2, 4, 4, dtype=torch.bool)
    torch.testing.assert_close(told(IMAGE).inputs(x, T), told(IMAGE).inputs(x, T, everything, ~everything))


def test_given_cells_are_shown_at_time_zero() -> None:
    """Where noise is large, what is given would else be scaled away."""
    process = processes.edm(spaces.Euclidean(2))
    x, given = torch.tensor([[2.0, 2.0]]), torch.tensor([[True, False]])
    times = torch.where(given, 0.0, 1.0)
    first, second = told(process).inputs(x, times, ~given, given)[0, :2].tolist()
    assert abs(first - 2.0) < 0.01
    assert abs(second) < 0.05


def test_a_noisy_state_is_shown_as_what_it_says_by_itself() -> None:
    """By Bayes' rule for even data: of numbers the mean, of levels their probabilities times the root of S."""
    process = processes.CTMC(spaces.Finite(1, 4), processes.rates.UniformRates(4))
    x = torch.tensor([[2], [0]])
    kept = 1 - T  # what has survived, nearly
    likely, other = kept + (1 - kept) / 4, (1 - kept) / 4
    seen = process.head.faded(x, T)
    assert seen.shape == process.head.inputs(x, T).shape
    torch.testing.assert_close(seen[:, 2] / 2, torch.stack([likely, other]), atol=1e-4, rtol=0)
    assert seen[0].argmax() == 2
    ends = [process.head.faded(x, torch.tensor(t)) for t in (0.0, 1.0)]
    torch.testing.assert_close(ends[0], process.head.inputs(x, torch.tensor(0.0)), atol=1e-4, rtol=0)
    torch.testing.assert_close(ends[1], torch.full((2, 4), 0.5), atol=1e-3, rtol=0)
    numbers, y = V(IMAGE, sigma_data=2.0), torch.ones(1, 2, 4, 4)
    alpha, sigma = IMAGE.alpha_sigma(T)
    mean = alpha * 4 / (alpha**2 * 4 + sigma**2)
    torch.testing.assert_close(numbers.faded(y, T), (mean / 2 * y).float())


def test_a_head_of_ones_own() -> None:
    assert isinstance(told(IMAGE, head=V).head, V)
    output = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    x = torch.ones(1, 2, 4, 4)
    torch.testing.assert_close(told(IMAGE, head=V).estimate(output, x, T), V(IMAGE).estimate(output, x, T))


def test_whole_numbers_take_no_marks() -> None:
    with pytest.raises(InputError, match="Indices shows whole numbers"):
        told(WORDS, head=Indices).inputs(torch.zeros(1, 3, dtype=torch.int64), T)


def test_cells_that_fit_no_place_are_refused() -> None:
    with pytest.raises(InputError, match="got 7 cells"):
        Told(IMAGE.head, (7,))
