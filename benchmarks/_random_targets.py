"""Random densities whose every quantile, share and integral is known: exact draws and a normalised log density."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unnoise.laws.base import standard_normal

F64 = torch.float64
Draw = Callable[[int, torch.Generator], Tensor]


@dataclass(frozen=True)
class RandomTarget:
    """A density on R^d.

    Attributes:
        kind: its family.
        dimension: d.
        log_prob: of points (n, d), to (n,), up to the constant `log_z`.
        draw: exact points, (n, d).
        log_z: the logarithm of its integral.
        part: which of its modes made a point, (n,); all zero where there is one.
        bounded: whether it is zero somewhere, so that a walk needs a point to begin at.
    """

    kind: str
    dimension: int
    log_prob: Callable[[Tensor], Tensor]
    draw: Draw
    log_z: float
    part: Callable[[Tensor], Tensor]
    bounded: bool = False


def random_target(index: int) -> RandomTarget:
    """The index-th; every family has its turn."""
    rng = torch.Generator().manual_seed(1000 + index)
    make = FAMILIES[index % len(FAMILIES)]
    return _turned_and_shifted(make, rng)


def _uniform(rng: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=rng, dtype=F64)


def _number(rng: torch.Generator, low: float, high: float) -> float:
    return float(_uniform(rng, low, high, 1))


def _dimension(rng: torch.Generator, least: int, most: int) -> int:
    """Of every order of magnitude alike."""
    return round(math.exp(_number(rng, math.log(least), math.log(most))))


def _normals(rng: torch.Generator, n: int, d: int) -> Tensor:
    return standard_normal((n, d), torch.empty(0, dtype=F64), rng)


def _turned_and_shifted(make: Callable[[torch.Generator], RandomTarget], rng: torch.Generator) -> RandomTarget:
    """In other units: scales 1e-3 to 1e3, conditions up to 1e4, turned, far from zero by up to thirty of its widths."""
    base = make(rng)
    d = base.dimension
    scale = math.exp(_number(rng, math.log(1e-3), math.log(1e3)))
    spread = math.exp(_number(rng, 0.0, math.log(1e2)))
    turn = torch.linalg.qr(_normals(rng, d, d))[0]
    matrix = scale * turn * torch.exp(math.log(spread) * _uniform(rng, -1.0, 1.0, d))
    inverse, log_volume = torch.linalg.inv(matrix), float(torch.linalg.slogdet(matrix)[1])
    shift = scale * 30 * torch.rand(1, generator=rng, dtype=F64) * _normals(rng, 1, d)[0]
    log_z = _number(rng, -20.0, 20.0)
    return RandomTarget(
        base.kind,
        d,
        lambda x: base.log_prob((x - shift) @ inverse.T) - log_volume + log_z,
        lambda n, rng: shift + base.draw(n, rng) @ matrix.T,
        log_z,
        lambda x: base.part((x - shift) @ inverse.T),
        base.bounded,
    )


def _one(kind: str, d: int, log_prob: Callable[[Tensor], Tensor], draw: Draw) -> RandomTarget:
    return RandomTarget(kind, d, log_prob, draw, 0.0, lambda x: torch.zeros(len(x), dtype=torch.long))


def _log_student(squared: Tensor, freedom: float, d: int) -> Tensor:
    """Of the squared length in units; normal where freedom is infinite."""
    if math.isinf(freedom):
        return -0.5 * squared - 0.5 * d * math.log(2 * math.pi)
    constant = math.lgamma(0.5 * (freedom + d)) - math.lgamma(0.5 * freedom) - 0.5 * d * math.log(math.pi * freedom)
    return constant - 0.5 * (freedom + d) * torch.log1p(squared / freedom)


def _student_draws(n: int, freedom: float, d: int, rng: torch.Generator) -> Tensor:
    z = _normals(rng, n, d)
    if math.isinf(freedom):
        return z
    gamma: Tensor = torch._standard_gamma(torch.full((n, 1), 0.5 * freedom, dtype=F64), generator=rng)
    return z * (0.5 * freedom / gamma).sqrt()


def normal(rng: torch.Generator) -> RandomTarget:
    d = _dimension(rng, 1, 50)
    return _one("normal", d, lambda x: _log_student(x.square().sum(1), math.inf, d), lambda n, rng: _normals(rng, n, d))


def student(rng: torch.Generator) -> RandomTarget:
    d, freedom = _dimension(rng, 1, 30), _number(rng, 1.5, 10.0)
    return _one(
        "student", d, lambda x: _log_student(x.square().sum(1), freedom, d),
        lambda n, rng: _student_draws(n, freedom, d, rng),
    )  # fmt: skip


def _mixture(kind: str, means: Tensor, sizes: Tensor, freedom: float, rng: torch.Generator) -> RandomTarget:
    """Of round laws, whose shares differ by up to a factor of twenty."""
    shares = torch.exp(_uniform(rng, -1.5, 1.5, len(means)))
    shares, d = shares / shares.sum(), means.shape[1]

    def each(x: Tensor) -> Tensor:
        squared = (x[:, None] - means).square().sum(-1) / sizes**2
        return _log_student(squared, freedom, d) - d * sizes.log() + shares.log()

    def draw(n: int, rng: torch.Generator) -> Tensor:
        part = torch.multinomial(shares, n, replacement=True, generator=rng)
        return means[part] + sizes[part, None] * _student_draws(n, freedom, d, rng)

    return RandomTarget(kind, d, lambda x: torch.logsumexp(each(x), 1), draw, 0.0, lambda x: each(x).argmax(1))


def _apart(kind: str, freedom: float, d: int, rng: torch.Generator) -> RandomTarget:
    """Two to six modes up to twenty widths apart; in many dimensions of nearly the same width."""
    count = int(torch.randint(2, 7, (1,), generator=rng))
    means = math.exp(_number(rng, math.log(2.0), math.log(20.0))) * _normals(rng, count, d)
    differ = 0.4 * min(1.0, 2 / math.sqrt(d))
    return _mixture(kind, means, torch.exp(_uniform(rng, -differ, differ, count)), freedom, rng)


def normals(rng: torch.Generator) -> RandomTarget:
    return _apart("mixture of normals", math.inf, _dimension(rng, 1, 50), rng)


def students(rng: torch.Generator) -> RandomTarget:
    return _apart("mixture of Students", _number(rng, 2.0, 8.0), _dimension(rng, 1, 10), rng)


def narrow(rng: torch.Generator) -> RandomTarget:
    """One to three modes within a wide one, narrower by up to fifty."""
    d, count = _dimension(rng, 1, 4), int(torch.randint(1, 4, (1,), generator=rng))
    least = (0.02, 0.03, 0.06, 0.12)[d - 1]
    sizes = torch.cat([torch.ones(1, dtype=F64), torch.exp(_uniform(rng, math.log(least), math.log(0.4), count))])
    return _mixture("narrow in wide", _normals(rng, count + 1, d), sizes, math.inf, rng)


def far(rng: torch.Generator) -> RandomTarget:
    """One or two modes narrower than a wide one by up to fifty, where it has hardly a draw: they pull on nothing."""
    d, count = _dimension(rng, 1, 8), int(torch.randint(1, 3, (1,), generator=rng))
    least = (0.02, 0.04, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3)[d - 1]
    sizes = torch.cat([torch.ones(1, dtype=F64), torch.exp(_uniform(rng, math.log(least), math.log(0.6), count))])
    directions = _normals(rng, count, d)
    directions = directions / directions.norm(dim=1, keepdim=True)
    away = math.sqrt(d) + 4 * torch.rand(count, 1, generator=rng, dtype=F64) + 1.5
    means = torch.cat([torch.zeros(1, d, dtype=F64), away * directions])
    return _mixture("narrow and far", means, sizes, math.inf, rng)


def banana(rng: torch.Generator) -> RandomTarget:
    """x_1 normal, x_2 normal around a multiple of its square."""
    d, bend = _dimension(rng, 2, 20), _number(rng, 0.2, 3.0)

    def log_prob(x: Tensor) -> Tensor:
        straight = torch.cat([x[:, :1], x[:, 1:2] - bend * (x[:, :1].square() - 1), x[:, 2:]], 1)
        return _log_student(straight.square().sum(1), math.inf, d)

    def draw(n: int, rng: torch.Generator) -> Tensor:
        z = _normals(rng, n, d)
        return torch.cat([z[:, :1], z[:, 1:2] + bend * (z[:, :1].square() - 1), z[:, 2:]], 1)

    return _one("banana", d, log_prob, draw)


def funnel(rng: torch.Generator) -> RandomTarget:
    """x_1 ~ N(0, s^2), the others N(0, exp(x_1))."""
    d, s = _dimension(rng, 2, 10), _number(rng, 0.3, 3.0)

    def log_prob(x: Tensor) -> Tensor:
        neck, rest = x[:, 0], x[:, 1:]
        inside = -0.5 * rest.square().sum(1) * (-neck).exp() - 0.5 * (d - 1) * (neck + math.log(2 * math.pi))
        return inside - 0.5 * (neck / s) ** 2 - math.log(s) - 0.5 * math.log(2 * math.pi)

    def draw(n: int, rng: torch.Generator) -> Tensor:
        z = _normals(rng, n, d)
        return torch.cat([s * z[:, :1], (0.5 * s * z[:, :1]).exp() * z[:, 1:]], 1)

    return _one("funnel", d, log_prob, draw)


def box(rng: torch.Generator) -> RandomTarget:
    d = _dimension(rng, 1, 6)

    def log_prob(x: Tensor) -> Tensor:
        inside = (x.abs() <= 1).all(1)
        return torch.where(inside, -d * math.log(2.0), -math.inf)

    return replace(_one("box", d, log_prob, lambda n, rng: _uniform(rng, -1.0, 1.0, n, d)), bounded=True)


def exponential(rng: torch.Generator) -> RandomTarget:
    """On a corner, with an edge at its highest point."""
    d = _dimension(rng, 1, 6)

    def log_prob(x: Tensor) -> Tensor:
        return torch.where((x >= 0).all(1), -x.sum(1), -math.inf)

    def draw(n: int, rng: torch.Generator) -> Tensor:
        return -torch.log1p(-_uniform(rng, 0.0, 1.0, n, d))

    return replace(_one("exponential", d, log_prob, draw), bounded=True)


def log_gamma(rng: torch.Generator) -> RandomTarget:
    """Logarithms of gamma numbers: skewed."""
    d = _dimension(rng, 1, 30)
    shape = torch.exp(_uniform(rng, math.log(0.3), math.log(5.0), d))

    def log_prob(x: Tensor) -> Tensor:
        return (shape * x - x.exp() - torch.lgamma(shape)).sum(1)

    return _one("log gamma", d, log_prob, lambda n, rng: torch._standard_gamma(shape.expand(n, d), generator=rng).log())


def ring(rng: torch.Generator) -> RandomTarget:
    """A shell around zero: the length is gamma, the direction uniform."""
    d, radius = _dimension(rng, 2, 6), _number(rng, 3.0, 15.0)
    shape, rate = radius**2, radius  # mean `radius`, deviation 1
    area = math.log(2) + 0.5 * d * math.log(math.pi) - math.lgamma(0.5 * d)
    constant = shape * math.log(rate) - math.lgamma(shape) - area

    def log_prob(x: Tensor) -> Tensor:
        length = x.norm(dim=1)
        return (shape - d) * length.log() - rate * length + constant

    def draw(n: int, rng: torch.Generator) -> Tensor:
        z = _normals(rng, n, d)
        length = torch._standard_gamma(torch.full((n, 1), shape, dtype=F64), generator=rng) / rate
        return length * z / z.norm(dim=1, keepdim=True)

    return _one("ring", d, log_prob, draw)


FAMILIES = (
    normal, normals, student, banana, students, funnel, narrow, box, exponential, log_gamma, ring, far,
)  # fmt: skip
