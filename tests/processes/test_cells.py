"""One cell at a time: what the process of a cell says adds up to what the process says, on every space."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.evaluation._asked import total
from unnoise.processes import (
    CTMC,
    Binomial,
    Brownian,
    ImmigrationDeath,
    PureDeath,
    WrightFisher,
    edm,
    leaves,
    product,
    rates,
    rectified_flow,
    sub_variance_preserving,
    variance_exploding,
    variance_preserving,
)
from unnoise.spaces import Counts, Euclidean, Finite, Rotations, Simplex, Sphere, Torus

FLOAT64 = torch.float64
N = 7


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbers(*shape):
    return torch.randn(N, *shape, generator=seeded(), dtype=FLOAT64)


def letters(*sizes):
    return torch.stack([torch.randint(0, size, (N,), generator=seeded(i)) for i, size in enumerate(sizes)], 1)


SHARES = torch.softmax(numbers(3), -1)
MATRIX = [[-1.0, 0.7, 0.3], [0.2, -0.5, 0.3], [0.5, 0.5, -1.0]]
CELLS = {
    "preserving": (variance_preserving(Euclidean(3)), numbers(3), (3,)),
    "sub-preserving": (sub_variance_preserving(Euclidean(3)), numbers(3), (3,)),
    "exploding": (variance_exploding(Euclidean(3)), numbers(3), (3,)),
    "edm, images": (edm(Euclidean((1, 2, 3))), numbers(1, 2, 3), (1, 2, 3)),
    "flow": (rectified_flow(Euclidean(3)), numbers(3), (3,)),
    "uniform": (CTMC(Finite(3, 4), rates.UniformRates(4)), letters(4, 4, 4), (3,)),
    "uniform, sizes": (CTMC(Finite(3, (4, 2, 3)), rates.UniformRates((4, 2, 3))), letters(4, 2, 3), (3,)),
    "absorbing": (CTMC(Finite((2, 2), 5), rates.Absorbing(5)), letters(4, 4, 4, 4).view(N, 2, 2), (2, 2)),
    "birth and death": (CTMC(Finite(3, 4), rates.BirthDeath(4)), letters(4, 4, 4), (3,)),
    "cyclic": (CTMC(Finite(3, 4), rates.Cyclic(4)), letters(4, 4, 4), (3,)),
    "to a Gaussian": (CTMC(Finite(3, 6), rates.GaussianTarget(6)), letters(6, 6, 6), (3,)),
    "matrix": (CTMC(Finite(3, 3), rates.RateMatrix(MATRIX)), letters(3, 3, 3), (3,)),
    "refresh": (CTMC(Finite(3, 3), rates.Refresh([0.2, 0.3, 0.5])), letters(3, 3, 3), (3,)),
    "bits": (Binomial(Finite(3, 2), (0.3, 0.5, 0.6)), letters(2, 2, 2), (3,)),
    "torus": (Brownian(Torus(3)), numbers(3).clamp(-3, 3), (3,)),
    "pure death": (PureDeath(Counts(3), mean=(1.0, 3.0, 5.0)), letters(4, 9, 2), (3,)),
    "immigration": (ImmigrationDeath(Counts((1, 3)), mean=2.0), letters(4, 9, 2)[:, None], (1, 3)),
    "sphere": (Brownian(Sphere(3)), Sphere(3).scattered(N, seeded()), ()),
    "rotations": (Brownian(Rotations()), Rotations().scattered(N, seeded()), ()),
    "simplex": (WrightFisher(Simplex(3)), SHARES, ()),
}
CELLS["product"] = (
    product({"word": CELLS["uniform, sizes"][0], "more": product({n: CELLS[n][0] for n in ("edm, images", "sphere")})}),
    {"word": CELLS["uniform, sizes"][1], "more": {n: CELLS[n][1] for n in ("edm, images", "sphere")}},
    None,
)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.slow if name == "simplex" else ()) for name in CELLS])
def case(request):
    """A process, points, the shape of their cells, and a mask of all of them."""
    process, x_0, cells = CELLS[request.param]
    masks = {path: torch.ones(N, *part.cells, dtype=torch.bool) for path, part, _ in leaves(process)}
    mask = (
        masks[""]
        if "" in masks
        else {"word": masks["word"], "more": {n: masks[f"more.{n}"] for n in ("edm, images", "sphere")}}
    )
    return process, x_0, cells, mask


PRICES = {
    "kernel": lambda p, t, a, x, stat: p.marginal(a, t).log_prob(x),
    "KL rate": lambda p, t, a, x, stat: p.kl_rate(stat, p.target(a, x, t), x, t),
    "control variate": lambda p, t, a, x, stat: p.control_variate(a, x, t),
    "reconstruction": lambda p, t, a, x, stat: p.reconstruction(a),
    "encoding": lambda p, t, a, x, stat: p.encode(a)[1],
    "prior": lambda p, t, a, x, stat: p.prior(1).log_prob(x),
}


@pytest.mark.parametrize("t", [torch.tensor(0.6), torch.linspace(0.2, 1, N)], ids=["one time", "a time each"])
def test_prices_of_cells_add_up(case, t):
    process, x_0, _, mask = case
    t = t.double()
    x = process.marginal(x_0, t).sample(seeded())
    other = process.marginal(x_0, torch.tensor(0.3, dtype=FLOAT64)).sample(seeded(1))
    stat = process.target(x_0, other, t)
    for name, price in PRICES.items():
        whole = price(process, t, x_0, x, stat)
        assert whole.shape == (N,)
        found = total(process, mask, price, t, x_0, x, stat)
        torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")


def test_cells_are_the_first_axes_of_an_event(case):
    process, _, cells, _ = case
    if cells is None:
        assert [part.cells for _, part, _ in leaves(process)] == [(3,), (1, 2, 3), ()]
        return
    assert process.cells == cells
    inner = process.cell
    assert inner.cells == ()
    assert type(inner) is type(process)
    assert math.prod(process.space.event_shape) == math.prod(cells) * math.prod(inner.space.event_shape)


def test_times_may_differ_between_cells(case):
    """The kernel of every cell at its own time is that of the cell alone."""
    process, x_0, cells, _ = case
    if not cells:
        return
    t = torch.linspace(0.1, 1, N * math.prod(cells), dtype=FLOAT64).view(N, *cells)
    x = process.marginal(x_0, torch.tensor(0.05, dtype=FLOAT64)).sample(seeded())
    found = process.cell.marginal(x_0, t).log_prob(x)
    assert found.shape == (N, *cells)
    for row, cell in ((0, 0), (3, math.prod(cells) - 1)):
        time = t[row].flatten()[cell]
        whole = process.cell.marginal(x_0[row], time).log_prob(x[row])
        torch.testing.assert_close(found[row].flatten()[cell], whole.flatten()[cell], rtol=1e-6, atol=1e-9)
    beside = process.cell.marginal(x_0[None], t[:, None]).log_prob(x[:, None])  # rows of points, columns of data
    torch.testing.assert_close(beside.diagonal(dim1=0, dim2=1).movedim(-1, 0), found)


def test_a_blank_is_a_point_and_always_the_same(case):
    process, *_ = case
    for _, part, _ in leaves(process):
        blank = part.blank()
        part.space.check(blank)
        assert len(blank) == 1
        assert torch.equal(blank, part.blank())
