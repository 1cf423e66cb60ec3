"""What every denoiser is called with: points of its space, times and conditions, or one sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unnoise import evaluation, networks, samplers
from unnoise._errors import InputError
from unnoise.denoisers import (
    Answering,
    Composed,
    Denoiser,
    Ensemble,
    Exact,
    ExactMixture,
    ExactProductMixture,
    Guided,
    HeatMixture,
    Neural,
    NormalMixture,
    likelihoods,
)
from unnoise.denoisers.answering import question
from unnoise.laws import GaussianMixture, NormalComponents, ProductMixture
from unnoise.objectives import Denoising
from unnoise.processes import CTMC, Brownian, rates, variance_preserving
from unnoise.spaces import Euclidean, Finite, Sphere

PLANE, BALL = variance_preserving(Euclidean(2)), Brownian(Sphere(2))
LETTERS = CTMC(Finite(2, 3), rates.Absorbing(3))
X, NORTH, COND = torch.tensor([[0.5, -1.0], [1.0, 0.0], [0.0, 2.0]]), torch.eye(3), torch.zeros(3, 1)
WORDS = torch.tensor([[0, 1], [1, 1], [1, 0]])
LAW = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
NETWORK = networks.MLP((1,), 1, (2, NormalMixture.outputs(2)), width=8, depth=1)
ANCHORED = networks.MLP((1,), 1, (3, 4), width=8, depth=1)
MADE: dict[str, tuple[Denoiser, Tensor, Tensor | None]] = {
    "exact": (Exact(PLANE, X), X, None),
    "letters": (Exact(LETTERS, WORDS), WORDS, None),
    "normal": (ExactMixture(PLANE, LAW), X, None),
    "neural": (Neural(PLANE, networks.MLP((2,), 1, width=8, depth=1)), X, COND),
    "ensemble": (Ensemble([Neural(PLANE, networks.MLP((2,), 1, width=8, depth=1))]), X, COND),
    "mixture": (NormalMixture(PLANE, NETWORK, 1, 2), X, COND),
    "heat": (HeatMixture(BALL, ANCHORED, NORTH), NORTH, COND),
}
HALF = torch.tensor(0.5)
WRONG: dict[str, tuple[Callable[[Tensor], object], Callable[[Tensor], object], str]] = {
    "numpy": (lambda x: x.numpy(), lambda t: t, "got a state of type ndarray"),
    "a list": (lambda x: x.tolist(), lambda t: t, "got a state of type list"),
    "narrow": (lambda x: x[:, :1], lambda t: t, r"got a state of shape \(3, 1\)"),
    "deep": (lambda x: x[..., None], lambda t: t, r"got a state of shape \(3, \d, 1\)"),
    "few times": (lambda x: x, lambda t: t[:2], r"got times of shape \(2,\) for 3 rows"),
    "a column of times": (lambda x: x, lambda t: t[:1, None], r"got times of shape \(1, 1\) for 3 rows"),
    "no time": (lambda x: x, lambda t: None, "got t = None; expected a time"),
    "words for a time": (lambda x: x, lambda t: "late", "got t = 'late'; expected a time"),
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
@pytest.mark.parametrize(("points", "times", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_point_and_no_time_is_refused(made, points, times, words):
    denoiser, x, cond = made
    with pytest.raises(InputError, match=words):
        denoiser(points(x), times(torch.full((3,), 0.5)), cond)


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_time_is_a_number_one_of_a_list_or_one_for_each(made):
    denoiser, x, cond = made
    found = denoiser(x, HALF, cond)
    for t in (0.5, HALF[None], torch.full((3,), 0.5)):
        torch.testing.assert_close(denoiser(x, t, cond), found)
    for kept in (x[:0], x[:1]):
        torch.testing.assert_close(
            denoiser(kept, HALF, None if cond is None else cond[: len(kept)]), found[: len(kept)]
        )


@pytest.mark.parametrize("name", ["mixture", "heat"])
def test_densities_are_of_points_given_conditions(name):
    denoiser, x, cond = MADE[name]
    found = denoiser.log_prob(x, None, cond)
    torch.testing.assert_close(denoiser.log_prob(x.double(), None, cond).to(found), found)
    torch.testing.assert_close(denoiser.log_prob(x, None, cond[:1]), found)
    with pytest.raises(InputError, match=r"got a state of shape \(3, 1\)"):
        denoiser.log_prob(x[:, :1], None, cond)
    for wrong in (None, cond.numpy(), cond[:2], torch.tensor(1.0)):
        with pytest.raises(InputError, match="got no condition for each of 3 rows"):
            denoiser.log_prob(x, None, wrong)
    for wrong in (cond.double(), cond.long()):
        with pytest.raises(InputError, match=r"got a condition in torch.\w+ for a network that is given torch.float32"):
            denoiser(x, HALF, wrong)


@pytest.mark.parametrize("law", [LAW, GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.diag(X[2] + 1)[None])])
def test_points_may_be_finer_or_coarser_than_the_law(law):
    rough, fine = ExactMixture(PLANE, law), ExactMixture(PLANE, law).double()
    for denoiser, x in ((rough, X.double()), (fine, X)):
        for ask in ("forward", "score", "log_prob"):
            found, expected = getattr(denoiser, ask)(x, HALF), getattr(rough, ask)(X, HALF)
            torch.testing.assert_close(found.float(), expected)
            assert ask == "log_prob" or found.dtype == x.dtype


def test_no_rows_have_no_densities():
    assert Exact(PLANE, X).log_prob(X[:0], HALF).shape == (0,)
    assert ExactMixture(PLANE, LAW).log_prob(X[:0], HALF).shape == (0,)


def test_an_ensemble_is_asked_what_its_members_are():
    """Else a bound would count the cells that are given."""
    first = torch.tensor([[True, False]]).expand(3, 2)
    cond = question(PLANE, ~first, first, X)
    members = [Answering(Exact(PLANE, part)) for part in (X, X[:2])]
    assert torch.equal(Ensemble(members).asked(cond), ~first)
    assert Ensemble([Exact(PLANE, X)]).asked(None) is None


@pytest.mark.parametrize(
    ("denoiser", "x", "kind"),
    [
        (Neural(variance_preserving(Euclidean(2)), networks.MLP((2,))), torch.zeros(3, 2, dtype=torch.int64), "float"),
        (Neural(variance_preserving(Euclidean(2)), networks.MLP((2,))), torch.zeros(3, 2) + 0j, "float"),
        (Exact(variance_preserving(Euclidean(2)), torch.zeros(1, 2)), torch.zeros(3, 2) + 0j, "float"),
        (Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.zeros(1, 2).long()), torch.zeros(3, 2), "long"),
        (Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.zeros(1, 2).long()), torch.zeros(3, 2) > 0, "long"),
    ],
)
def test_states_of_another_kind_are_refused(denoiser, x, kind):
    """Whole numbers gave NaN without a word."""
    with pytest.raises(InputError, match=rf"^got a state in torch\.\w+ for .*; expected .* numbers: x\.{kind}\(\)$"):
        denoiser(x, torch.tensor(0.5))


@pytest.mark.parametrize("t", [500.0, 2.0, -1.0, float("nan")])
def test_times_beyond_the_ends_are_refused_in_closed_form(t):
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
    with pytest.raises(InputError, match=r"^got t = .*; expected times from 0, data, to 1, noise"):
        ExactMixture(variance_preserving(Euclidean(2)), law)(torch.zeros(3, 2), t)


class Halving(Denoiser):
    """One of a user's own, of the statistic that a function gives."""

    def __init__(self, give: Callable[[Tensor], object], process: object = PLANE) -> None:
        super().__init__()
        self.give = give
        if process is not None:
            self.process = process

    def forward(self, x_t, t, cond=None):
        return self.give(x_t)


@pytest.mark.parametrize(
    ("give", "held"),
    [
        (lambda x: x[:, :1], r"shape \(3, 1\)"),
        (lambda x: x[:1], r"shape \(1, 2\)"),
        (lambda x: x.numpy(), "type ndarray"),
        (lambda x: None, "type NoneType"),
    ],
)
def test_a_statistic_that_would_broadcast_is_refused(give, held, rng):
    """A column for a plane was priced, and sampled from, in silence."""
    wrong, words = Halving(give), f"got a statistic of {held} from Halving; expected a tensor of shape"
    with pytest.raises(InputError, match=words):
        Denoising()(wrong, X, None, rng)
    with pytest.raises(InputError, match=words):
        samplers.Multistep(wrong, steps=4).sample(3, rng)
    with pytest.raises(InputError, match="expected a tensor of shape"):
        evaluation.Bound(2)(wrong, X, rng)


def test_a_denoiser_without_a_process_is_refused(rng):
    lost, words = Halving(lambda x: x, None), "class Halving, which has no process; set self.process in its __init__"
    for ask in (
        lambda: samplers.Euler(lost, steps=4),
        lambda: Denoising()(lost, X, None, rng),
        lambda: evaluation.Bound()(lost, X, rng),
        lambda: Ensemble([lost]),
    ):
        with pytest.raises(InputError, match=words):
            ask()


def test_wrappers_take_times_that_are_numbers():
    network = Neural(PLANE, networks.MLP((2,), 1, width=8, depth=1))
    composed = Composed(network, torch.ones(2, 1), torch.zeros(1, 1))
    guided = Guided(MADE["normal"][0], likelihoods.noisy(torch.zeros(2), scale=1.0))
    product = ExactProductMixture(
        PLANE, ProductMixture(torch.ones(1), NormalComponents(torch.zeros(1, 2), torch.ones(1, 2)))
    )
    for denoiser in (composed, guided, product):
        torch.testing.assert_close(denoiser(X, 0.5), denoiser(X, HALF))
        with pytest.raises(InputError, match=r"got a state of shape \(3, 1\)"):
            denoiser(X[:, :1], HALF)
    with pytest.raises(InputError, match=r"got a state in torch.int64"):
        MADE["normal"][0](X.long(), HALF)
