"""Hidden sites: the law of `Posterior`, without room for states that a site lacks."""

from __future__ import annotations

import pytest
import torch

from unnoise import InputError
from unnoise.heads import Hidden, Posterior
from unnoise.processes import CTMC, rates
from unnoise.spaces import Finite

SIZES = (3, 5)
PROCESS = CTMC(Finite(2, SIZES), rates.Absorbing(SIZES))
T = torch.tensor(0.5)


def test_it_is_the_posterior_of_the_same_logits() -> None:
    logits = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    padded = torch.full((4, 5, 2), -30.0)
    padded[:, :2, 0], padded[:, :4, 1] = logits[:, :2], logits[:, 2:]
    x = torch.tensor([[2, 4], [0, 4], [2, 3], [1, 0]])
    expected = Posterior(PROCESS).estimate(padded.flatten(1), x, T)
    torch.testing.assert_close(Hidden(PROCESS).estimate(logits, x, T), expected)


def test_digits_show_where_the_number_stands() -> None:
    """Between the sines of the widest wave of the first digit lies the number, to what is shown of it."""
    head = Hidden(PROCESS, digits=(2,))
    seen = head.inputs(torch.tensor([[0, 4], [1, 0], [1, 3], [2, 3]]), T)[:, 6:].view(4, 2, -1)
    cosine = seen[:, 0, 7] / head.inputs(torch.tensor([[0, 4]]), T)[0, 6:20].square().mean().sqrt() / 2**0.5
    expected = torch.tensor([0.25, 0.5 + 0.125 / 2, 0.5 + 0.875 / 2])
    torch.testing.assert_close(cosine[:3].acos() / torch.pi, expected)
    assert seen[3, 0].abs().max() == 0, "the finer digit alone says nothing of where a number stands"
    assert seen[3, 1].abs().max() > 0


def test_one_digit_does_not_move_another_number() -> None:
    alone = Hidden(PROCESS, digits=(1, 1)).inputs(torch.tensor([[1, 0], [1, 3]]), T)[:, 6:].view(2, 2, -1)
    assert (alone[0, 0] == alone[1, 0]).all()


def test_waves_of_the_output_are_logits_that_are_smooth_over_states() -> None:
    head = Hidden(PROCESS, digits=(1, 1))
    output = torch.zeros(1, *head.output_shape)
    output[0, 6 + 10 + 5] = 2.0  # the widest cosine of the second site
    law = head.estimate(output, torch.tensor([[2, 4]]), T)[0]
    waves = 2 * (torch.pi * torch.tensor([1.0, 3.0, 5.0, 7.0]) / 8).cos()
    torch.testing.assert_close(law[1, :4], waves.softmax(0))
    torch.testing.assert_close(law[0, :2], torch.tensor([0.5, 0.5]))


def test_digits_that_do_not_make_the_sites_are_refused() -> None:
    for digits in ((1,), (2, 1), (0, 2), [1, 1], (True, 1.0)):
        with pytest.raises(InputError, match="sum to the 2 sites"):
            Hidden(PROCESS, digits=digits)  # type: ignore[arg-type]


def test_margins_are_the_shares_of_known_cells() -> None:
    """Of 2, 1 and 0 rows, half a row more for each state; a cell that does not count tells nothing."""
    head = Hidden(PROCESS, digits=(1, 1))
    x, weights = torch.tensor([[0, 3], [0, 3], [1, 0]]), torch.tensor([[1.0, 1.0], [1.0, 0.5], [1.0, 0.0]])
    law = head.estimate(head.margins(x, weights)[None], torch.tensor([[2, 4]]), T)[0]
    torch.testing.assert_close(law[0, :2], torch.tensor([2.5, 1.5]) / 4)
    torch.testing.assert_close(law[1, :4], torch.tensor([0.5, 0.5, 0.5, 2.0]) / 3.5)
