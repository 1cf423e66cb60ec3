"""A network pooled with a mixture: the laws of either end, the formula between them, and its cost."""

from functools import partial

import pytest
import torch

from unnoise import _tree, networks, processes, spaces
from unnoise._errors import InputError
from unnoise.denoisers import Answering, ExactProductMixture, Neural, Pooled, question
from unnoise.heads import Hidden
from unnoise.heads.product import joint
from unnoise.laws import CategoricalComponents, NormalComponents, ProductMixture
from unnoise.objectives import AnyOrder
from unnoise.processes import rates

SIZES = {"letters": (3, 2, 4), "flags": (2, 2)}
TIME = torch.tensor(0.5)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def hiding(sizes):
    states = tuple(size + 1 for size in sizes)
    return processes.CTMC(spaces.Finite(len(sizes), states), rates.Absorbing(states))


def laws(sizes, seed):
    """Five of each cell; none has its mask."""
    possible = torch.arange(max(sizes) + 1) < torch.tensor(sizes)[:, None]
    logits = torch.randn(5, len(sizes), max(sizes) + 1, generator=rng(seed))
    return CategoricalComponents((3 * logits).masked_fill(~possible, -torch.inf).softmax(-1))


PROCESS = processes.product({name: hiding(sizes) for name, sizes in SIZES.items()})
GROUPS = {"letters": torch.tensor([0, 1, 0]), "flags": torch.tensor([1, 1])}


def mixture(groups=None, seed=1):
    weights = torch.rand(5, generator=rng(seed)) + 0.1
    weights = weights / weights.sum()
    if groups is not None:
        weights = torch.stack([weights, torch.tensor([0.7, 0.3, 0.0, 0.0, 0.0])], 1)
    parts = {name: laws(sizes, seed + place) for place, (name, sizes) in enumerate(SIZES.items())}
    return ExactProductMixture(PROCESS, ProductMixture(weights, parts, groups))


def network():
    torch.manual_seed(0)
    size = sum(sum(sizes) for sizes in SIZES.values())
    made = networks.ResNet((size,), width=16, depth=1)
    torch.nn.init.normal_(made.last.weight)

    return Neural(PROCESS, made, partial(joint, parts=dict.fromkeys(SIZES, Hidden))).requires_grad_(False)


def points(n=40):
    """Some cells hidden, so that all, some and none of a row are."""
    x = {
        name: torch.stack([torch.randint(0, size, (n,), generator=rng(size)) for size in sizes], 1)
        for name, sizes in SIZES.items()
    }
    hidden = torch.rand(n, 5, generator=rng(9)) < torch.linspace(0, 1, n)[:, None]
    parts = dict(zip(SIZES, torch.split(hidden, [3, 2], 1), strict=True))
    return x, {name: torch.where(parts[name], torch.tensor(SIZES[name]), x[name]) for name in SIZES}


def assert_same(one, other, **options):
    for (_, a), (_, b) in zip(_tree.leaves(one), _tree.leaves(other), strict=True):
        torch.testing.assert_close(a, b, **options)


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_a_share_of_none_is_the_mixture_and_of_all_the_network(groups):
    learnt, beside, (_, x) = network(), mixture(groups), points()
    assert_same(Pooled(learnt, beside, 0.0)(x, TIME), beside(x, TIME), atol=1e-6, rtol=1e-4)
    assert_same(Pooled(learnt, beside, 1.0)(x, TIME), learnt(x, TIME), atol=1e-6, rtol=1e-4)


def test_between_them_it_is_their_geometric_mean():
    learnt, beside, (_, x) = network(), mixture(), points()
    one, other = learnt(x, TIME), beside(x, TIME)
    expected = _tree.map(lambda a, b: (p := a**0.3 * b**0.7) / p.sum(-1, keepdim=True), one, other)
    assert_same(Pooled(learnt, beside, 0.3)(x, TIME), expected, atol=1e-6, rtol=1e-4)
    with pytest.raises(AssertionError):  # the twin with both shares swapped
        assert_same(Pooled(learnt, beside, 0.7)(x, TIME), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_one_site_is_that_of_the_whole(groups):
    both, (_, x) = Pooled(network(), mixture(groups), 0.4), points()
    site = torch.randint(0, 5, (40,), generator=rng(3))
    assert_same(both.at_site(x, TIME, site), _tree.at_site(both(x, TIME), site), atol=1e-6, rtol=1e-4)


def test_a_question_is_answered_by_what_is_given_alone():
    both, (whole, _) = Pooled(network(), mixture(), 0.4), points()
    given = {"letters": torch.tensor([[True, False, False]]), "flags": torch.tensor([[False, True]])}
    asked = {"letters": torch.tensor([[False, True, False]]), "flags": torch.tensor([[True, False]])}
    masks = {name: torch.tensor(sizes).expand(40, -1) for name, sizes in SIZES.items()}
    stat = Answering(both)(masks, TIME, question(PROCESS, asked, given, whole))
    seen = {name: torch.where(given[name], whole[name], masks[name]) for name in SIZES}
    torch.testing.assert_close(stat["letters"][:, 1], both(seen, TIME)["letters"][:, 1])
    torch.testing.assert_close(stat["flags"][:, 0], both(seen, TIME)["flags"][:, 0])


def test_its_cost_is_convex_in_the_share():
    learnt, beside, (whole, _) = network(), mixture(), points()
    costs = [float(AnyOrder()(Pooled(learnt, beside, s / 8), whole, None, rng()).value.mean()) for s in range(9)]
    assert all(a + c >= 2 * b - 1e-5 for a, b, c in zip(costs, costs[1:], costs[2:], strict=False))
    assert costs[-1] > costs[0] + 1  # not flat


def test_what_is_loaded_counts():
    other, both, (_, x) = Pooled(network(), mixture(seed=5), 0.2), Pooled(network(), mixture(), 0.4), points()
    assert not torch.allclose(both(x, TIME)["letters"], other(x, TIME)["letters"])
    both.load_state_dict(other.state_dict())
    assert_same(both(x, TIME), other(x, TIME), atol=0, rtol=0)


def test_a_state_that_is_hardly_possible_is_no_nan():
    probs = torch.tensor([[[1.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]]])
    process = hiding((2,))
    beside = ExactProductMixture(process, ProductMixture(torch.tensor([0.5, 0.5]), CategoricalComponents(probs)))
    learnt = Neural(process, networks.ResNet((2,), width=8), Hidden)
    law = Pooled(learnt, beside, 0.5)(torch.tensor([[2], [1]]), TIME).detach()
    torch.testing.assert_close(law, torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]]))


def test_what_cannot_be_pooled_is_refused():
    learnt, beside = network(), mixture()
    with pytest.raises(InputError, match="expected one process"):
        Pooled(Neural(hiding((2,)), networks.ResNet((2,), width=8), Hidden), beside)
    with pytest.raises(InputError, match="share"):
        Pooled(learnt, beside, 1.5)
    vector = processes.edm(spaces.Euclidean(1))
    bell = ProductMixture(torch.ones(1), NormalComponents(torch.zeros(1, 1), torch.ones(1, 1)))
    with pytest.raises(InputError, match="behind masks"):
        Pooled(Neural(vector, networks.MLP((1,), width=8)), ExactProductMixture(vector, bell))
