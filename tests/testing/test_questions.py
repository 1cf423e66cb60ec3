"""The engine of questions keeps its laws on every space, and a twin with one fault each is caught."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from caught import assert_caught

from unnoise._errors import InputError
from unnoise.denoisers import Answering, Roles
from unnoise.processes import (
    CTMC,
    Binomial,
    Brownian,
    ImmigrationDeath,
    PureDeath,
    WrightFisher,
    edm,
    map_leaves,
    product,
    rates,
    rectified_flow,
    variance_preserving,
)
from unnoise.spaces import Counts, Euclidean, Finite, Rotations, Simplex, Sphere, Torus
from unnoise.testing import PropertyError, check_questions, questions
from unnoise.testing.processes import case_of
from unnoise.testing.question_case import QuestionCase, spliced

ON = torch.tensor
NUMBERS = ON([[1.5, 0.5, 0.2], [-1.0, 0.0, -1.0], [0.3, -1.2, 0.2], [-0.5, 0.5, 1.0]])
WORDS = ON([[0, 1, 2], [0, 3, 1], [2, 1, 1], [3, 3, 2]])
BITS = ON([[0, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0]])
COUNTS = ON([[0, 3], [5, 1], [2, 9], [1, 3]])
ANGLES = ON([[0.3, 1.0], [2.0, 1.0], [-1.5, -2.0], [0.3, 2.5]])
SHARES = ON([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
MIXED = ON([[0, 1, 0], [2, 0, 1], [1, 2, 1], [0, 2, 0]])  # sites of 3, 3 and 2 states
LINE = Euclidean(1)


def scattered(space, seed=0):
    return space.scattered(4, torch.Generator().manual_seed(seed))


SLOW = pytest.mark.slow
GLOBE, TURNS = Sphere(2), Rotations()
CASES = {
    "Gaussian": (variance_preserving(Euclidean(3)), NUMBERS),
    "exploding": (edm(Euclidean(3)), NUMBERS),
    "images": (rectified_flow(Euclidean((1, 1, 3))), NUMBERS[:, None, None]),
    "uniform": (CTMC(Finite(3, 4), rates.UniformRates(4)), WORDS),
    "absorbing": (CTMC(Finite(3, 5), rates.Absorbing(5)), WORDS),
    "birth and death": (CTMC(Finite(3, 4), rates.BirthDeath(4)), WORDS),
    "cyclic": (CTMC(Finite(3, 4), rates.Cyclic(4)), WORDS),
    "bits": (Binomial(Finite(3, 2), (0.3, 0.5, 0.6)), BITS),
    "sizes": (CTMC(Finite(3, (3, 3, 2)), rates.UniformRates((3, 3, 2))), MIXED),
    "torus": (Brownian(Torus(2)), ANGLES),
    "immigration": (ImmigrationDeath(Counts(2), mean=(2.0, 4.0)), COUNTS),
    "pure death": (PureDeath(Counts(2), mean=3.0), COUNTS),
    "spheres": (
        product({"a": Brownian(GLOBE), "b": Brownian(GLOBE)}),
        {"a": scattered(GLOBE), "b": scattered(GLOBE, 1)},
    ),
    "rotations": (
        product({"a": Brownian(TURNS), "b": variance_preserving(LINE)}),
        {"a": scattered(TURNS), "b": NUMBERS[:, :1]},
    ),
    "simplices": (
        product({"a": WrightFisher(Simplex(3)), "b": edm(LINE)}),
        {"a": SHARES, "b": NUMBERS[:, :1]},
    ),
    "everything": (
        product(
            {
                "numbers": variance_preserving(Euclidean(2)),
                "word": CTMC(Finite(2, 5), rates.Absorbing(5)),
                "rest": product({"globe": Brownian(GLOBE), "count": PureDeath(Counts(1), mean=3.0)}),
                "angle": Brownian(Torus(1)),
                "shares": WrightFisher(Simplex(3)),
                "turn": Brownian(TURNS),
            }
        ),
        {
            "numbers": NUMBERS[:, :2],
            "word": WORDS[:, :2],
            "rest": {"globe": scattered(GLOBE), "count": COUNTS[:, 1:]},
            "angle": ANGLES[:, :1],
            "shares": SHARES,
            "turn": scattered(TURNS),
        },
    ),
}
LONG = ("everything", "simplices")
QUICK = ("Gaussian", "uniform", "absorbing", "sizes")


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else SLOW) for name in CASES])
def test_questions_are_answered_by_the_conditional_law(name):
    """Every split of the cells: given, asked or unknown."""
    process, atoms = CASES[name]
    found = check_questions(process, atoms, draws=400 if name in QUICK else 300 if name in LONG else 1000)
    assert len(found.looked_at) >= 9


@pytest.mark.parametrize(
    "name",
    [
        *("torus", "pure death", "birth and death", "bits"),
        *(pytest.param(name, marks=SLOW) for name in ("spheres", "rotations", "simplices", "immigration")),
    ],
)
def test_exact_properties_hold_on_every_space(name):
    """In little time: those without samplers, bounds and flows."""
    case = QuestionCase(**vars(case_of(*CASES[name], draws=60, times=(0.1, 0.6))))
    for check in (
        questions.cells_add_up,
        questions.answers_are_conditional,
        questions.other_cells_do_not_matter,
        questions.other_cells_cost_nothing,
        questions.prices_add_up,
    ):
        finding = check(case)
        assert finding.passed, finding


class Right(Answering):
    """What twins are made from: every step of an answer by itself."""

    def forward(self, x_t, t, cond=None):
        if cond is None:
            return self.denoiser(x_t, t)
        roles = self.roles(Roles(bools(cond["asked"]), bools(cond["given"])))
        blank = map_leaves(lambda process, x: process.blank().to(x).expand_as(x), self.process, x_t)
        stat = self.denoiser.answer(self.seen(x_t, cond["values"], blank, roles), t, self.told(roles))
        targets = map_leaves(lambda process, *parts: process.target(*parts, t), self.process, cond["values"], x_t)
        return self.kept(roles, stat, targets)

    def roles(self, roles):
        return roles

    def seen(self, x_t, values, blank, roles):
        return spliced(roles.asked, x_t, spliced(roles.given, values, blank))

    def told(self, roles):
        return roles

    def kept(self, roles, stat, targets):
        return spliced(roles.asked, stat, targets)


def bools(tree):
    """A flow casts masks as it casts numbers."""
    return map_trees(torch.Tensor.bool, tree)


def both(one, other):
    return map_trees(torch.logical_or, one, other)


def map_trees(f, *trees):
    return questions._tree.map(f, *trees)


def turned(tree):
    return map_trees(torch.logical_not, tree)


class Deaf(Answering):
    """Answers the joint law, whatever is asked."""

    def forward(self, x_t, t, cond=None):
        return self.denoiser(x_t, t)


class GivenIsNoised(Right):
    def seen(self, x_t, values, blank, roles):
        return spliced(both(roles.asked, roles.given), x_t, blank)


class GivenAtTheTimeOfOthers(Right):
    """The given cells are whole, and said to be as noisy as those asked."""

    def told(self, roles):
        return Roles(both(roles.asked, roles.given), map_trees(torch.zeros_like, roles.given))


class UnknownIsGiven(Right):
    """What stands in an unknown cell leaks."""

    def seen(self, x_t, values, blank, roles):
        return spliced(roles.asked, x_t, values)

    def told(self, roles):
        return Roles(roles.asked, turned(roles.asked))


class UnknownIsSeen(Right):
    """The noise of an unknown cell leaks."""

    def seen(self, x_t, values, blank, roles):
        return spliced(roles.given, values, x_t)

    def told(self, roles):
        return Roles(turned(roles.given), roles.given)


class BlankIsAPoint(Right):
    """What stands for an unknown cell is taken for a state."""

    def told(self, roles):
        return Roles(turned(roles.given), roles.given)


class OtherRows(Right):
    """Every row has the question of the row before."""

    def roles(self, roles):
        return Roles(*(map_trees(lambda mask: mask.roll(1, 0), tree) for tree in (roles.asked, roles.given)))


class OneQuestion(Right):
    """All rows have the question of the first."""

    def roles(self, roles):
        first = (map_trees(lambda mask: mask[:1].expand_as(mask), tree) for tree in (roles.asked, roles.given))
        return Roles(*first)


class AnswersEverywhere(Right):
    def kept(self, roles, stat, targets):
        return stat


class TargetsOfAnotherTime(Answering):
    """In cells that are not asked, the target at t = 1."""

    def forward(self, x_t, t, cond=None):
        stat = super().forward(x_t, t, cond)
        if cond is None:
            return stat
        targets = self.process.target(cond["values"], x_t, torch.ones_like(t))
        return spliced(cond["asked"], stat, targets)


class PricesGiven(Answering):
    def asked(self, cond):
        return None if cond is None else both(bools(cond["asked"]), bools(cond["given"]))


class PricesAll(Answering):
    def asked(self, cond):
        return None


class CellsAtAnotherPrice(Brownian):
    """A cell costs half of what a point of one number does."""

    def kl_rate(self, stat, target, x_t, t):
        return super().kl_rate(stat, target, x_t, t) * (1 if self.space.event_shape else 0.5)


class SitesAtAnotherPrice(CTMC):
    def kl_rate(self, stat, target, x_t, t):
        return super().kl_rate(stat, target, x_t, t) * (1 if self.space.event_shape else 0.5)


class CellsOfOtherNoise(Brownian):
    def marginal(self, x_0, t):
        return super().marginal(x_0, t if self.space.event_shape else 0.9 * t)


class CellsNotAtRest(Brownian):
    """The prior of a cell is another."""

    def reconstruction(self, x_0):
        return super().reconstruction(x_0) + (0 if self.space.event_shape else 1)


TWINS = [
    (questions.answers_are_conditional, Deaf, "uniform"),
    (questions.answers_are_conditional, GivenIsNoised, "Gaussian"),
    (questions.answers_are_conditional, GivenAtTheTimeOfOthers, "Gaussian"),
    (questions.answers_are_conditional, GivenAtTheTimeOfOthers, "uniform"),
    (questions.answers_are_conditional, UnknownIsGiven, "uniform"),
    (questions.answers_are_conditional, UnknownIsSeen, "Gaussian"),
    (questions.answers_are_conditional, BlankIsAPoint, "Gaussian"),
    (questions.answers_are_conditional, OtherRows, "Gaussian"),
    (questions.answers_are_conditional, OneQuestion, "uniform"),
    (questions.other_cells_do_not_matter, GivenIsNoised, "absorbing"),
    (questions.other_cells_do_not_matter, UnknownIsGiven, "Gaussian"),
    (questions.other_cells_do_not_matter, UnknownIsSeen, "uniform"),
    (questions.other_cells_cost_nothing, AnswersEverywhere, "Gaussian"),
    (questions.other_cells_cost_nothing, TargetsOfAnotherTime, "torus"),
    (questions.samples_keep_what_is_given, AnswersEverywhere, "Gaussian"),
    (questions.samples_keep_what_is_given, OtherRows, "uniform"),
    (questions.samples_are_conditional, Deaf, "Gaussian"),
    (questions.samples_are_conditional, GivenAtTheTimeOfOthers, "Gaussian"),
    (questions.samples_are_conditional, UnknownIsGiven, "uniform"),
    (questions.samples_are_conditional, OtherRows, "Gaussian"),
    (questions.bounds_are_conditional, GivenIsNoised, "Gaussian"),
    (questions.bounds_are_conditional, GivenAtTheTimeOfOthers, "Gaussian"),
    (questions.bounds_are_conditional, UnknownIsGiven, "uniform"),
    (questions.prices_add_up, PricesGiven, "Gaussian"),
    (questions.prices_add_up, PricesAll, "Gaussian"),
    (questions.bounds_obey_the_chain_rule, PricesGiven, "Gaussian"),
    (questions.bounds_obey_the_chain_rule, UnknownIsGiven, "absorbing"),
    (questions.flows_are_conditional, PricesGiven, "Gaussian"),
    (questions.flows_are_conditional, UnknownIsGiven, "Gaussian"),
    (questions.cells_add_up, CellsAtAnotherPrice, "torus"),
    (questions.cells_add_up, CellsOfOtherNoise, "torus"),
    (questions.cells_add_up, CellsNotAtRest, "torus"),
]


def case_with(twin, name, draws=600) -> QuestionCase:
    process, atoms = CASES[name]
    if issubclass(twin, Brownian):
        process, twin = twin(process.space), Answering
    base = case_of(process, atoms, draws=draws, times=(0.2, 0.5))
    return QuestionCase(**vars(base), answering=twin)


@pytest.mark.parametrize(("check", "twin", "name"), TWINS, ids=lambda part: part.__name__ if callable(part) else part)
def test_a_broken_twin_is_caught(check, twin, name) -> None:
    assert_caught(check(case_with(twin, name, draws=1500)))


@pytest.mark.parametrize("name", [pytest.param("Gaussian", marks=SLOW), "uniform"])
def test_what_twins_are_made_from_is_right(name) -> None:
    case = case_with(Right, name, draws=300)
    assert all(check(case).passed is not False for check in questions.PROPERTIES)


def test_every_property_has_a_twin() -> None:
    assert {check for check, _, _ in TWINS} == set(questions.PROPERTIES)


def test_a_broken_process_raises_a_table() -> None:
    with pytest.raises(PropertyError, match="BROKEN  cells add up to points"):
        check_questions(SitesAtAnotherPrice(Finite(3, 4), rates.UniformRates(4)), WORDS, draws=100)


def test_a_process_of_one_cell_has_no_questions() -> None:
    with pytest.raises(InputError, match=r"got .* of one cell; questions need two, of which one may be given"):
        check_questions(Brownian(GLOBE), scattered(GLOBE))


def test_a_seed_decides_the_findings() -> None:
    case = case_with(Answering, "uniform", draws=100)
    check = questions.bounds_are_conditional
    found = [check(replace(case, seed=seed)) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Gaussian", "uniform", "absorbing", "birth and death", "bits", "torus"])
def test_chance_is_judged_fairly(name) -> None:
    """Of 40 seeds at most a third of the p-values are below a tenth, and none below a thousandth of that."""
    base = case_of(*CASES[name], draws=600)
    for check in (questions.bounds_are_conditional, questions.bounds_obey_the_chain_rule):
        found = [check(replace(QuestionCase(**vars(base)), seed=seed)).p_value for seed in range(40)]
        assert sum(p < 0.1 for p in found) <= 13
        assert min(found) > 1e-5
