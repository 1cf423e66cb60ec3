"""Questions about atoms: which splits there are, and what their weights become."""

from __future__ import annotations

import torch
from toys import EXAMPLES

from unnoise.processes import CTMC, rates, variance_preserving
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import questions
from unnoise.testing.processes import case_of
from unnoise.testing.question_case import Posed, QuestionCase, cells_of


def test_products_that_are_not_in_the_package() -> None:
    process, atoms = EXAMPLES["product"]
    case = QuestionCase(**vars(case_of(process, atoms, draws=60)))
    assert questions.answers_are_conditional(case).passed
    asks = case.questions(400, torch.Generator().manual_seed(0))
    roles = {tuple(row.tolist()) for row in torch.cat([asks.asked["word"], asks.given["word"], asks.asked["angle"]], 1)}
    assert len(roles) == 18 - 4  # all but those of the word that ask nothing, where the angle is not asked either


def test_many_cells_have_roles_at_random_and_ask_something() -> None:
    process, rng = variance_preserving(Euclidean(40)), torch.Generator().manual_seed(0)
    case = QuestionCase(**vars(case_of(process, torch.randn(3, 40, generator=rng), draws=10)))
    asks = case.questions(300, rng)
    assert asks.asked.any(1).all()
    assert not (asks.asked & asks.given).any()
    assert 0.3 < float(asks.given.double().mean()) < 0.37


def test_the_weights_of_atoms_given_a_letter() -> None:
    """Those of the atoms that have the letter, in proportion; where none has it, as they were."""
    words = torch.tensor([[0, 1], [0, 2], [3, 1]])
    case = QuestionCase(**vars(case_of(CTMC(Finite(2, 5), rates.Absorbing(5)), words, draws=10)))
    asks = case.questions(64, torch.Generator().manual_seed(0))
    found = case.log_weights(asks).exp()
    agree = ((asks.x_0[:, None] == words) | ~asks.given[:, None]).all(-1)
    wanted = agree * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(found, wanted / wanted.sum(1, keepdim=True), rtol=1e-12, atol=1e-12)
    other = asks.beside(asks.x_0.flip(0))
    assert torch.equal(other.x_0[asks.given], asks.x_0[asks.given])
    second = torch.tensor([[False, True]])
    nowhere = Posed(case.process, torch.tensor([[0, 3]]), ~second, second)
    torch.testing.assert_close(case.log_weights(nowhere).exp()[0], case.weights)


def test_cells_are_counted_over_all_factors() -> None:
    assert cells_of(EXAMPLES["product"][0]) == 3
    assert cells_of(variance_preserving(Euclidean((1, 2, 2)))) == 4
