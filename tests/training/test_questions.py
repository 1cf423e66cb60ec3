"""Random questions: every law of roles that training needs, and no cell both given and asked."""

from __future__ import annotations

import pytest
import torch

from unnoise import _tree, processes, spaces
from unnoise.denoisers import Roles
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean
from unnoise.training import Arrays, Questions, RandomRoles

WORDS = processes.CTMC(spaces.Finite(3, 5), processes.rates.UniformRates(5))
TABLE = processes.product(
    {"n": processes.variance_preserving(spaces.Euclidean(4)), "w": WORDS, "s": processes.Brownian(spaces.Sphere(2))}
)
IMAGE = processes.variance_preserving(spaces.Euclidean((1, 8, 8)))
N = 4000


def drawn(process: processes.Process, joint: float = 0.5, known: object = None, seed: int = 0) -> Roles:
    return RandomRoles(joint).draw(process, N, torch.Generator().manual_seed(seed), known)


@pytest.mark.parametrize("process", [TABLE, IMAGE], ids=["table", "image"])
def test_every_row_asks_something_and_nothing_that_is_given(process: processes.Process) -> None:
    roles = drawn(process)
    assert _tree.ravel(roles.asked).any(1).all()
    assert not (_tree.ravel(roles.asked) & _tree.ravel(roles.given)).any()


def test_half_of_the_rows_ask_all() -> None:
    whole = _tree.ravel(drawn(TABLE).asked).all(1)
    fewest = 0.5 * (1 + 1 / 9 * 0.5 + 0.5 * 0.2)  # and some of the others, where few cells would be given
    assert 0.5 < whole.double().mean() < fewest + 0.05
    assert _tree.ravel(drawn(TABLE, joint=1.0).asked).all()


def test_any_number_of_cells_is_given_as_often() -> None:
    """With a uniform share each of 0 to 8 given cells is as likely; with all 8 one cell more is asked."""
    given = _tree.ravel(drawn(TABLE, joint=0.0).given).sum(1)
    counts = torch.bincount(given, minlength=9)[:9]
    probs = torch.full((9,), 1 / 9, dtype=torch.float64)
    probs[7] += probs[8]  # one of eight is asked after all
    probs[8] = 0
    assert_frequencies(counts, probs)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, torch.full((9,), 1 / 9, dtype=torch.float64))


def test_each_cell_has_every_role() -> None:
    roles = drawn(TABLE, joint=0.0)
    asked, given = _tree.ravel(roles.asked).double(), _tree.ravel(roles.given).double()
    assert_mean(given - given.mean(1, keepdim=True))  # all cells alike
    assert_mean(asked - asked.mean(1, keepdim=True))
    assert (1 - asked - given).mean() > 0.1


def test_neighbours_of_an_image_are_given_together() -> None:
    given = drawn(IMAGE, joint=0.0).given[:, 0].double()
    halves = (given[:, :4].mean((1, 2)) == 1) & (given[:, 4:].mean((1, 2)) == 0)
    assert halves.double().mean() > 0.002  # scattered pixels would never be an upper half
    alike = (given[:, :, 1:] == given[:, :, :-1]).double().mean()
    assert alike > 0.75  # of scattered ones two thirds


def test_a_hole_is_unknown_and_never_asked() -> None:
    known = {"n": torch.rand(N, 4) < 0.5, "w": torch.rand(N, 3) < 0.5, "s": torch.rand(N) < 0.5}
    roles = drawn(TABLE, known=known)
    held = _tree.ravel(known)
    assert not ((_tree.ravel(roles.asked) | _tree.ravel(roles.given)) & ~held).any()
    assert (_tree.ravel(roles.asked).any(1) == held.any(1)).all()


def test_batches_come_with_a_question_about_themselves() -> None:
    states, cond = torch.arange(12.0).reshape(6, 2), torch.arange(6.0)[:, None]
    process = processes.variance_preserving(spaces.Euclidean(2))
    data = Questions(Arrays(states, cond), process)
    x, question = data.batch(torch.tensor([3, 1]), torch.Generator().manual_seed(0))
    torch.testing.assert_close(x, states[[3, 1]])
    torch.testing.assert_close(question["values"], x)
    torch.testing.assert_close(question["cond"], cond[[3, 1]])
    assert len(data) == 6
    assert data.digest() == Arrays(states, cond).digest()
