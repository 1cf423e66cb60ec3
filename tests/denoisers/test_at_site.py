"""The law of one site of every row is that of the whole statistic, to the last bit."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from unnoise import _tree
from unnoise.denoisers import Answering, AnyQuestion, Denoiser, Exact, Neural, question
from unnoise.heads import Hidden, joint, told
from unnoise.networks import MLP
from unnoise.processes import CTMC, leaves, map_leaves, product
from unnoise.processes.rates import Absorbing
from unnoise.samplers import FirstHitting
from unnoise.spaces import Finite

N = 60


def masked(*sizes):
    """Sites in a row, of so many states and a mask."""
    sizes = tuple(size + 1 for size in sizes)
    return CTMC(Finite(len(sizes), sizes), Absorbing(sizes))


LEAF, OTHER, IMAGE = masked(2, 4, 3), masked(5, 2), CTMC(Finite((2, 2), 3), Absorbing(3))
FLAT = product({"a": LEAF, "b": OTHER})
NESTED = product({"levels": LEAF, "more": product({"digits": OTHER, "image": IMAGE})})
MIXED = partial(joint, parts={"levels": Hidden, "more": partial(joint, parts={"digits": Hidden})})
HEADS = {
    "hidden": (LEAF, Hidden),
    "posterior": (LEAF, None),
    "product": (FLAT, partial(joint, parts={"a": Hidden, "b": Hidden})),
    "nested": (NESTED, MIXED),
    "told": (NESTED, partial(told, head=MIXED)),
}


def network(process, head, cond_features=0):
    """One whose logits are of order one."""
    found = process.head if head is None else head(process)
    made = MLP(found.input_shape, cond_features, found.output_shape, width=16, depth=1)
    rng = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=rng)
    return Neural(process, made, head)


def data(process, rng):
    """Rows, and the same rows with half of their sites hidden."""
    sizes = map_leaves(lambda part: part.rates.data.sum(-1).expand(part.space.event_shape), process)
    x_0 = _tree.map(lambda size: (torch.rand(N, *size.shape, generator=rng) * size).long(), sizes)
    hide = _tree.map(lambda x: torch.rand(x.shape, generator=rng) < 0.5, x_0)
    return x_0, map_leaves(lambda part, x, mask: torch.where(mask, part.blank(), x), process, x_0, hide)


def sites(process, rng):
    return torch.randint(sum(part.space.sites for _, part, _ in leaves(process)), (N,), generator=rng)


def equal(left, right):
    pairs = zip(_tree.leaves(left), _tree.leaves(right), strict=True)
    return all(a.shape == b.shape and torch.equal(a, b) for (_, a), (_, b) in pairs)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("times", ["one", "of rows"])
def test_of_a_network(name, times, rng):
    process, head = HEADS[name]
    denoiser, (_, x), site = network(process, head), data(process, rng), sites(process, rng)
    t = torch.tensor(0.4) if times == "one" else torch.rand(N, generator=rng)
    found = denoiser.at_site(x, t, site)
    assert sum(len(law) for _, law in _tree.leaves(found)) == N
    assert equal(found, _tree.at_site(denoiser(x, t), site))
    beside = (site + 1) % int(site.max() + 1)
    assert not equal(found, _tree.at_site(denoiser(x, t), beside)), "the test would not see the law of another site"


class OneBeside(Hidden):
    """Reads the logits of the next site."""

    def at_site(self, output, x_t, t, site):
        return super().at_site(output, x_t, t, (site + 1) % x_t.shape[1])


def test_a_broken_twin_is_caught(rng):
    denoiser, (_, x), site = network(LEAF, OneBeside), data(LEAF, rng), sites(LEAF, rng)
    t = torch.tensor(0.4)
    assert not equal(denoiser.at_site(x, t, site), _tree.at_site(denoiser(x, t), site))


@pytest.mark.parametrize("name", ["hidden", "product", "told"])
def test_of_an_answer(name, rng):
    """A site that is asked, in rows of which other sites are given or unknown, under a condition besides."""
    process, head = HEADS[name]
    (x_0, x), site = data(process, rng), sites(process, rng)
    asked = _tree.unravel(torch.nn.functional.one_hot(site, _tree.ravel(x).shape[1]).bool(), x)
    given = _tree.map(lambda one: ~one & (torch.rand(one.shape, generator=rng) < 0.5), asked)
    cond = torch.randn(N, 2, generator=rng)
    denoiser = Answering(network(process, head, cond_features=2))
    t, asks = torch.rand(N, generator=rng), question(process, asked, given, x_0, cond)
    found = denoiser.at_site(x, t, site, asks)
    assert equal(found, _tree.at_site(denoiser(x, t, asks), site))
    other = question(process, asked, _tree.map(torch.zeros_like, given), x_0, cond)
    assert not equal(found, denoiser.at_site(x, t, site, other)), "what is given must be seen"
    assert not equal(found, denoiser.at_site(x, t, site, asks | {"cond": -cond}))


def test_of_some_factors_alone(rng):
    """Sites are counted through the factors that are asked."""
    process, head = HEADS["product"]
    x_0, x = data(process, rng)
    denoiser = Answering(network(process, head), only=["b"])
    site = torch.randint(2, (N,), generator=rng)
    asked = {"a": torch.zeros(N, 3, dtype=torch.bool), "b": torch.ones(N, 2, dtype=torch.bool)}
    asks, t = question(process, asked, {"a": ~asked["a"], "b": ~asked["b"]}, x_0), torch.tensor(0.4)
    found = denoiser.at_site({"b": x["b"]}, t, site, asks)
    assert equal(found, _tree.at_site(denoiser({"b": x["b"]}, t, asks), site))


class Whole(Denoiser):
    """Knows the whole statistic alone."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser, self.process = denoiser, denoiser.process

    def asked(self, cond):
        return self.denoiser.asked(cond)

    def forward(self, x_t, t, cond=None):
        return self.denoiser(x_t, t, cond)


@pytest.mark.parametrize("name", HEADS)
def test_samples_are_those_of_the_whole_statistic(name, rng):
    denoiser = network(*HEADS[name])
    one, two = (FirstHitting(made).sample(N, torch.Generator().manual_seed(0)) for made in (denoiser, Whole(denoiser)))
    assert equal(one, two)


def test_any_denoiser_has_it(rng):
    x_0, x = data(NESTED, rng)
    exact, site, t = Exact(NESTED, x_0), sites(NESTED, rng), torch.tensor(0.5)
    assert isinstance(exact, AnyQuestion)
    assert equal(exact.at_site(x, t, site), _tree.at_site(exact(x, t), site))
    assert {name: law.shape[1] for name, law in _tree.leaves(exact.at_site(x, t, site))} == {
        "levels": 5,
        "more.digits": 6,
        "more.image": 3,
    }
