r"""The properties of a Riemannian manifold: geodesics, distances, noise and divergence agree with each other.

Tangent vectors may be written in any way (ambient, a frame, angles): the checks measure one by how far its geodesic
goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.spaces import Diffusion, Local, Manifold
from unnoise.testing.case import SpaceCase, rows
from unnoise.testing.findings import Finding, exact, probable, stated_in, statistical
from unnoise.testing.statistics import law_p_value

SHORT = 1e-3  # in units of the noise: straight to a relative error of 1e-6
ROUNDED = 1e-6


@dataclass(frozen=True)
class ManifoldCase(SpaceCase):
    """A manifold with a few points, a tangent field and test functions."""

    space: Manifold

    def short(self, claim: str) -> Any:
        """A short tangent vector at every point."""
        return scaled(0.1, self.space.noise(self.points, self.rng(claim)))

    def field(self, x: Any) -> Any:
        """A tangent field that varies."""
        return _tree.map(lambda part: part.drift, pulled_home(self.space, self.points, self.rng("field"))(x))


def pulled_home(space: Manifold, points: Any, rng: torch.Generator) -> Callable[[Any], Local]:
    """A generator that drifts towards a point near the first one, and spreads."""
    first = rows(points, 0)
    home = _tree.map(Tensor.detach, space.exp(first, scaled(0.3, space.noise(first, rng))))
    scale = torch.tensor(0.7, dtype=torch.float64)

    def local(x: Any) -> Any:
        there = _tree.map(Tensor.expand_as, home, x)
        return diffusion(scaled(0.5, space.log(x, there)), scale)

    return local


def diffusion(drift: Any, scale: Any) -> Any:
    """Drifts and scales, one or a dict, as local characteristics."""
    if isinstance(drift, dict):
        scales = scale if isinstance(scale, dict) else dict.fromkeys(drift, scale)
        return {name: diffusion(part, scales[name]) for name, part in drift.items()}
    return Diffusion(drift, scale)


def scaled(factor: float, vectors: Any) -> Any:
    """A multiple of tangent vectors."""
    return _tree.map(lambda leaf: factor * leaf, vectors)


def _times(values: Tensor, vectors: Any) -> Any:
    return _tree.map(lambda leaf: values.reshape(-1, *[1] * (leaf.ndim - 1)) * leaf, vectors)


def log_inverts_exp(case: ManifoldCase) -> Finding:
    """log(x, exp(x, v)) = v for short v."""
    v = case.short("log inverts exp")
    back = case.space.log(case.points, case.space.exp(case.points, v))
    return exact("log inverts exp", leaf_by_leaf(back, v, "v"), ROUNDED)


def distance_is_the_length_of_log(case: ManifoldCase) -> Finding:
    """exp(x, c v) lies c times as far as exp(x, v), for short v and c = 1/2, 2."""
    claim = "geodesics run at constant speed"
    v = case.short(claim)
    one, half, two = (
        case.space.distance(case.points, case.space.exp(case.points, scaled(c, v))) for c in (1.0, 0.5, 2.0)
    )
    return exact(claim, {"half": (2 * half, one), "double": (two, 2 * one)}, ROUNDED)


def distance_is_a_metric(case: ManifoldCase) -> Finding:
    """d(x, y) = d(y, x), d(x, x) = 0 and d(x, z) <= d(x, y) + d(y, z)."""
    x, y, z = (_tree.map(lambda leaf, k=k: leaf.roll(k, 0), case.points) for k in range(3))
    xy, yx, yz, xz, zero = (case.space.distance(a, b) for a, b in ((x, y), (y, x), (y, z), (x, z), (x, x)))
    detour = xy + yz - xz
    sides = {"symmetric": (xy, yx), "d(x, x)": (zero, 0 * xy), "triangle": (detour, detour.clamp(min=0))}
    return exact("distance is a metric", sides, ROUNDED, size=float(xy.max()))


def noise_is_standard_normal(case: ManifoldCase) -> Finding:
    r"""$|v|^2$ of noise is chi-square with the dimension, an integer, as its degrees of freedom (Kolmogorov's test)."""
    from scipy.special import chdtr

    claim = "noise is standard normal"
    x = case.many()
    v = scaled(SHORT, case.space.noise(x, case.rng(claim)))
    squared = (case.space.distance(x, case.space.exp(x, v)) / SHORT).square()
    dimension = max(1, round(float(squared.mean())))
    p_value = law_p_value(squared, lambda s: chdtr(dimension, s.numpy()))
    return probable(claim, p_value, f"dimension {dimension}, mean square {float(squared.mean()):.3g}")


def hutchinson_is_unbiased(case: ManifoldCase) -> Finding:
    """The divergence from random probes has the exact one as its mean."""
    claim = "the divergence from probes is unbiased"
    many = _tree.map(lambda leaf: leaf.expand(case.draws, *leaf.shape), case.points)
    probes = case.space.noise(many, case.rng(claim))
    _, exactly = case.space.divergence(case.field, case.points)
    _, estimate = case.space.divergence(case.field, case.points, probes)
    return statistical(claim, {"divergence": (estimate, exactly.expand_as(estimate))})


def divergence_obeys_leibniz(case: ManifoldCase) -> Finding:
    r"""$\nabla\cdot(f v) - f\,\nabla\cdot v = v f$, the slope of f along v by central differences."""
    f, space, x = case.test[0], case.space, case.points
    v, divergence = space.divergence(case.field, x)
    _, of_product = space.divergence(lambda y: _times(f(y), case.field(y)), x)
    h = 1e-4
    slope = (f(space.exp(x, scaled(h, v))) - f(space.exp(x, scaled(-h, v)))) / (2 * h)
    left = of_product - f(x) * divergence
    return exact("the divergence obeys Leibniz's rule", {"v f": (left, slope)}, ROUNDED)


def moves_follow_the_drift(case: ManifoldCase) -> Finding:
    r"""Without noise a move is the flow of the drift: $\log_x X_{dt} = b\,dt$."""
    dt, drift = torch.tensor(1e-4, dtype=torch.float64), case.field(case.points)
    still = diffusion(drift, torch.zeros((), dtype=torch.float64))
    there = case.space.move(case.points, still, dt).sample(case.rng("drift"))
    walked = scaled(1 / float(dt), case.space.log(case.points, there))
    return exact("moves follow the drift", leaf_by_leaf(walked, drift, "drift"), 1e-3)


def moves_spread_as_the_scale(case: ManifoldCase) -> Finding:
    r"""$E[d(x, X_{dt})^2] = E|s z|^2 dt$ for a short time, z the noise of the space."""
    claim, dt = "moves spread as the scale", torch.tensor(SHORT**2, dtype=torch.float64)
    rng, n, x = case.rng(claim), _tree.length(case.points), case.many()
    scale = _tree.map(lambda part: part.scale, case.local(x))
    still = diffusion(_tree.map(torch.zeros_like, x), scale)
    walked = case.space.distance(x, case.space.move(x, still, dt).sample(rng)) / SHORT
    noise = _tree.map(torch.mul, scale, scaled(SHORT, case.space.noise(x, rng)))
    expected = case.space.distance(x, case.space.exp(x, noise)) / SHORT
    sides = {f"point {i}": (walked[i::n].square(), expected[i::n].square()) for i in range(n)}
    return statistical(claim, sides)


def leaf_by_leaf(left: Any, right: Any, name: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Two trees of tangent vectors, leaf by leaf."""
    pairs = zip(_tree.leaves(left), _tree.leaves(right), strict=True)
    return {f"{name} {path}".strip(): (a, b) for (path, a), (_, b) in pairs}


PROPERTIES = stated_in(__name__)
