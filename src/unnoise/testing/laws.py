r"""The properties of a probability law: what is drawn follows the density.

For densities $p$ and $q$ with respect to one measure, and any test function h,

$$E_{X \sim p}\Big[h(X)\frac{q(X)}{p(X) + q(X)}\Big] = \int h\,\frac{p q}{p + q}
= E_{Y \sim q}\Big[h(Y)\frac{p(Y)}{p(Y) + q(Y)}\Big],$$

the acceptance-ratio identity of Bennett (1976) and of bridge sampling (Meng and Wong 1996). Both sides are bounded. h =
1 tests the mass, waves test the shape.

**Power.** Seen: a wrong normaliser, width, shift, orientation or measure of one law, of a few per cent where the laws
overlap. Not seen: one factor missing in both densities, and what happens where one law has no mass. So choose a
reference of another class, with a trusted density, a little broader than the law.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws import Law
from unnoise.testing.findings import Finding, Findings, conclude, exact, generator, reproducible, statistical
from unnoise.testing.waves import Features, waves

LEAST_COMMON_DRAWS = 100


def check_law(
    law: Law[Any],
    reference: Law[Any],
    *,
    features: Features | None = None,
    draws: int = 10_000,
    functions: int = 12,
    seed: int = 0,
    raises: bool = True,
) -> Findings:
    """Check what a law promises: shapes, seeds, and that its samples follow its density.

    The reference has the same support and batch axes, and an independent, trusted density. Features of points are real,
    as `space.features`; by default the numbers themselves.

    >>> from unnoise.laws import GaussianMixture, Normal
    >>> one, wide = torch.ones(1, dtype=torch.float64), 2 * torch.eye(2, dtype=torch.float64)
    >>> mixture = GaussianMixture(one, torch.zeros(1, 2, dtype=torch.float64), wide[None])
    >>> normal = Normal(torch.zeros(2, dtype=torch.float64), one[0], event_ndim=1)
    >>> print(check_law(normal, mixture))
    Normal(...): 4 of 4 properties kept
    ...
    """
    features = numbers if features is None else features
    findings = [
        shapes_agree(law),
        seeds_reproduce(law),
        own_samples_have_a_density(law, draws, seed),
        samples_follow_the_density(law, reference, features, draws, functions, seed),
    ]
    return conclude(law, findings, raises=raises)


def numbers(x: Any) -> Tensor:
    """The numbers of a batch of states, (n, m)."""
    return torch.cat([leaf.flatten(1).double() for _, leaf in _tree.leaves(x)], 1)


def shapes_agree(law: Law[Any]) -> Finding:
    """`sample(rng, shape)` is (*shape, *batch, *event), and `log_prob` of it (*shape, *batch)."""
    rng = generator(0, "shapes")
    one, many = law.sample(rng), law.sample(rng, (3, 2))
    batch = tuple(law.log_prob(one).shape)
    wanted = {name: (3, 2, *leaf.shape) for name, leaf in _tree.leaves(one)} | {"log_prob": (3, 2, *batch)}
    got = {name: tuple(leaf.shape) for name, leaf in _tree.leaves(many)}
    got |= {"log_prob": tuple(law.log_prob(many).shape)}
    return Finding("samples and log densities have the shapes asked for", got == wanted, detail=f"{got}")


def seeds_reproduce(law: Law[Any]) -> Finding:
    """One seed gives one sample, two seeds two, and the global generator is not touched."""
    return reproducible("a seed decides the draws", lambda rng: law.sample(rng, (64,)))


def own_samples_have_a_density(law: Law[Any], draws: int, seed: int) -> Finding:
    """$log p(X)$ is finite for X drawn from p."""
    log_prob = law.log_prob(law.sample(generator(seed, "own"), (draws,)))
    bad = (~torch.isfinite(log_prob)).double()
    return exact("its own samples have a finite log density", {"share of bad": (bad, bad * 0)}, 0.0, size=1.0)


def samples_follow_the_density(
    law: Law[Any], reference: Law[Any], features: Features, draws: int, count: int, seed: int
) -> Finding:
    """The identity of the module, for h = 1, h = q / (p + q), and waves."""
    name = "samples follow the density"
    rng = generator(seed, name)
    return statistical(name, {"shares": fit(law, reference, features, count, rng, (draws,))})


def fit(
    law: Law[Any],
    reference: Law[Any],
    features: Features,
    count: int,
    rng: torch.Generator,
    shape: tuple[int, ...] = (),
) -> tuple[Tensor, Tensor]:
    """Both sides of the identity of the module, (n, 2 + count); InputError if the laws hardly overlap.

    With `shape` = () every row of a law with one batch axis gives one draw.
    """
    x, y = law.sample(rng, shape), reference.sample(rng, shape)
    share_x = torch.sigmoid(reference.log_prob(x) - law.log_prob(x)).flatten()
    share_y = torch.sigmoid(law.log_prob(y) - reference.log_prob(y)).flatten()
    common = float(torch.minimum(share_x.sum(), share_y.sum()))
    if common < LEAST_COMMON_DRAWS:
        raise InputError(
            f"the law and its reference share {common:.0f} of {len(share_x)} draws, too few to compare them "
            f"(at least {LEAST_COMMON_DRAWS}); give a reference that overlaps more, or more draws"
        )
    points_x, points_y = (_flat_batch(points, share_x.numel()) for points in (x, y))
    test = waves(features, points_x, count, rng)
    return _weighted(share_x, share_x, test(points_x)), _weighted(share_y, 1 - share_y, test(points_y))


def _weighted(weight: Tensor, ratio: Tensor, values: Tensor) -> Tensor:
    weight, ratio = weight[:, None].double(), ratio[:, None].double()
    return weight * torch.cat([torch.ones_like(ratio), ratio, values], 1)


def _flat_batch(x: Any, n: int) -> Any:

    def merged(leaf: Tensor) -> Tensor:
        axes, points = 0, 1
        while points < n:
            points, axes = points * leaf.shape[axes], axes + 1
        return leaf.flatten(0, axes - 1)

    return _tree.map(merged, x)
