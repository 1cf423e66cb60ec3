"""Encoders of conditions: shapes, order, what is not looked at; and the wrapper that cuts conditions into parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.networks import MLP, Conditioned, ImageEncoder, SetEncoder, TokenEncoder


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("shape", [(1, 3, 3), (3, 28, 28), (2, 1, 9), (1, 5, 33)])
def test_pictures_of_any_size_have_a_code_that_knows_places(shape: tuple[int, ...]) -> None:
    encoder = ImageEncoder(shape, 7, width=8)
    x = torch.zeros(2, *shape)
    x[0, 0, 0, 0] = x[1, 0, -1, -1] = 1.0
    codes = encoder(x)
    assert codes.shape == (2, 7)
    assert not torch.allclose(codes[0], codes[1], atol=1e-4)


def test_sets_are_seen_in_any_order_and_without_what_is_not_there() -> None:
    encoder = SetEncoder((2,), 5, width=16).double()
    seen = torch.cat([torch.ones(3, 4, 1), torch.randn(3, 4, 2)], -1).double()
    torch.testing.assert_close(encoder(seen), encoder(seen[:, [2, 0, 3, 1]]))
    longer = torch.cat([seen, torch.zeros(3, 5, 3).double()], 1)
    torch.testing.assert_close(encoder(longer), encoder(seen))
    twice = torch.cat([seen, seen], 1)
    assert not torch.allclose(encoder(twice), encoder(seen), atol=1e-4), "the number of observations counts"
    assert encoder(torch.zeros(2, 4, 3).double()).isfinite().all()


def test_sequences_are_seen_in_their_order_and_up_to_their_end() -> None:
    encoder = TokenEncoder((6,), 5, states=4, width=16).double()
    x = torch.tensor([[1.0, 2, 3, 0, 0, 0], [3, 2, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    codes = encoder(x)
    assert codes.isfinite().all()
    assert not torch.allclose(codes[0], codes[1], atol=1e-4)
    with torch.no_grad():
        encoder.tokens.weight[0] += torch.randn(16)
    torch.testing.assert_close(encoder(x), codes)
    with torch.no_grad():
        torch.testing.assert_close(encoder.eval()(x), codes)


class Seen(nn.Module):
    """A backbone that gives back its condition."""

    def forward(self, x: Any, level: Any, cond: Any) -> Any:
        return cond


def test_a_condition_is_cut_into_its_parts() -> None:
    first, rest = nn.Flatten(), SetEncoder((1,), 4)
    network = Conditioned(Seen(), [None, first, rest], [(2,), (1, 2, 2), (-1, 2)], optional=True)
    cond = torch.cat([torch.randn(3, 2 + 4), torch.ones(3, 2 * 5), torch.zeros(3, 1)], 1)
    found = network(torch.zeros(3, 1), torch.zeros(3), cond)
    torch.testing.assert_close(found[:, :6], cond[:, :6])
    torch.testing.assert_close(found[:, 6:10], rest(cond[:, 6:16].reshape(3, 5, 2)))
    assert (found[:, 10] == 0).all()
    cond[1, -1] = 1
    unknown = network(torch.zeros(3, 1), torch.zeros(3), cond)
    assert unknown[1].tolist() == [0.0] * 10 + [1.0]
    torch.testing.assert_close(unknown[[0, 2]], found[[0, 2]])


@pytest.mark.parametrize("numbers", [None, 2, 3, 5, 6])
def test_another_number_of_conditions_is_refused(numbers: int | None) -> None:
    network = Conditioned(MLP((1,), 2 + 4, width=8), [None, SetEncoder((1,), 4)], [(2,), (-1, 2)])
    cond = None if numbers is None else torch.zeros(3, numbers)
    if numbers == 6:
        assert network(torch.zeros(3, 1), torch.zeros(3), cond).shape == (3, 1)
    else:
        with pytest.raises(InputError, match=r"a network whose encoders read 2 numbers, and a multiple of 2 more"):
            network(torch.zeros(3, 1), torch.zeros(3), cond)


def test_layouts_that_cannot_be_are_refused() -> None:
    one = SetEncoder((1,), 4)
    for layouts in ([], [(-1, 2), (2,)], [(0,), (2,)], [(2, -1), (2,)], ["a", (2,)]):
        with pytest.raises(InputError, match="got layouts = "):
            Conditioned(Seen(), [one, None], layouts)  # type: ignore[arg-type]


def test_what_an_encoder_cannot_read_is_refused_in_one_sentence():
    image, tokens = ImageEncoder((1, 4, 4), 3, width=4), TokenEncoder((4,), 3, states=3, width=8)
    for encoder, wrong, sentence in (
        (image, torch.zeros(5, 7), r"got an input of shape \(5, 7\); expected \(n, 1, 4, 4\)"),
        (image, torch.zeros(1, 4, 4), r"expected \(n, 1, 4, 4\)"),
        (tokens, torch.zeros(5, 7), r"expected \(n, 4\)"),
        (tokens, torch.full((2, 4), 3), "got token = 3; expected a whole number from 0 to 2"),
        (tokens, torch.full((2, 4), -1), "got token = -1"),
        (SetEncoder((2,), 3, width=8), torch.zeros(5, 7), r"expected \(n, any, 3\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            encoder(wrong)
