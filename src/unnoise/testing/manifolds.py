r"""The laws of a Riemannian manifold: geodesics, distances, noise and divergence agree with each other.

Tangent vectors may be written in any way (ambient coordinates, a frame, angles); only `exp`, `log` and `distance` give
them a meaning, so the laws measure a vector by how far its geodesic goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.spaces import Diffusion, Local, Manifold
from unnoise.testing.findings import FAILURE_RATE, Finding, exact, generator, statistical
from unnoise.testing.waves import Waves

SHORT = 1e-3  # a geodesic this long, in units of the noise, is straight to a relative error of about 1e-6
ROUNDED = 1e-6


@dataclass(frozen=True)
class ManifoldCase:
    """A manifold with a few points, a tangent field and test functions; see `spaces.SpaceCase`."""

    space: Manifold
    points: Tensor
    local: Callable[[Tensor], Local]
    draws: int
    seed: int
    test: Waves

    def short(self, law: str) -> Tensor:
        """A short tangent vector at every point."""
        return 0.1 * self.space.noise(self.points, generator(self.seed, law))

    def field(self, x: Tensor) -> Tensor:
        """A tangent field that varies from point to point."""
        return pulled_home(self.space, self.points, generator(self.seed, "field"))(x).drift


def pulled_home(space: Manifold, points: Tensor, rng: torch.Generator) -> Callable[[Tensor], Diffusion]:
    """A generator that drifts towards a point near the first one, and spreads."""
    home = space.exp(points[0], 0.3 * space.noise(points[0], rng)).detach()
    scale = torch.tensor(0.7, dtype=points.dtype)
    return lambda x: Diffusion(0.5 * space.log(x, home.expand_as(x)), scale)


def log_inverts_exp(case: ManifoldCase) -> Finding:
    """log(x, exp(x, v)) = v for short v."""
    v = case.short("log inverts exp")
    there = case.space.exp(case.points, v)
    return exact("log inverts exp", {"v": (case.space.log(case.points, there), v)}, ROUNDED)


def distance_is_the_length_of_log(case: ManifoldCase) -> Finding:
    """exp(x, c v) lies c times as far as exp(x, v), for short v and c = 1/2, 2."""
    law = "geodesics run at constant speed"
    v = case.short(law)
    one, half, two = (case.space.distance(case.points, case.space.exp(case.points, c * v)) for c in (1.0, 0.5, 2.0))
    return exact(law, {"half": (2 * half, one), "double": (two, 2 * one)}, ROUNDED)


def distance_is_a_metric(case: ManifoldCase) -> Finding:
    """d(x, y) = d(y, x), d(x, x) = 0 and d(x, z) <= d(x, y) + d(y, z)."""
    x, y, z = case.points, case.points.roll(1, 0), case.points.roll(2, 0)
    xy, yx, yz, xz, zero = (case.space.distance(a, b) for a, b in ((x, y), (y, x), (y, z), (x, z), (x, x)))
    detour = xy + yz - xz
    sides = {"symmetric": (xy, yx), "d(x, x)": (zero, 0 * xy), "triangle": (detour, detour.clamp(min=0))}
    return exact("distance is a metric", sides, ROUNDED, size=float(xy.max()))


def noise_is_standard_normal(case: ManifoldCase) -> Finding:
    r"""$|v|^2$ of noise is chi-square with the dimension, an integer, as its degrees of freedom (Kolmogorov's test)."""
    from scipy.special import chdtr, kolmogorov

    law = "noise is standard normal"
    x = case.points.repeat(case.draws, *[1] * (case.points.ndim - 1))
    v = SHORT * case.space.noise(x, generator(case.seed, law))
    squared = (case.space.distance(x, case.space.exp(x, v)) / SHORT).square().sort().values
    dimension, n = max(1, round(float(squared.mean()))), len(squared)
    ranks = torch.arange(n + 1, dtype=torch.float64) / n
    expected = torch.as_tensor(chdtr(dimension, squared.double().numpy()))
    gap = float(torch.maximum(expected - ranks[:-1], ranks[1:] - expected).max())
    p_value = float(kolmogorov(gap * n**0.5))
    return Finding(law, p_value > FAILURE_RATE, p_value=p_value, detail=f"dimension {dimension}, gap {gap:.3g}")


def hutchinson_is_unbiased(case: ManifoldCase) -> Finding:
    """The divergence from random probes has the exact one as its mean."""
    law = "the divergence from probes is unbiased"
    shape = (case.draws, *case.points.shape)
    probes = case.space.noise(case.points.expand(shape), generator(case.seed, law))
    _, exactly = case.space.divergence(case.field, case.points)
    _, estimate = case.space.divergence(case.field, case.points, probes)
    return statistical(law, {"divergence": (estimate, exactly.expand_as(estimate))})


def divergence_obeys_leibniz(case: ManifoldCase) -> Finding:
    r"""$\nabla\cdot(f v) - f\,\nabla\cdot v = v f$, the slope of f along v by central differences."""
    f, space, x = case.test[0], case.space, case.points
    v, divergence = space.divergence(case.field, x)
    _, of_product = space.divergence(lambda y: f(y).reshape(-1, *[1] * (x.ndim - 1)) * case.field(y), x)
    h = 1e-4
    slope = (f(space.exp(x, h * v)) - f(space.exp(x, -h * v))) / (2 * h)
    left = of_product - f(x) * divergence
    return exact("the divergence obeys Leibniz's rule", {"v f": (left, slope)}, ROUNDED)


def moves_drift_as_told(case: ManifoldCase) -> Finding:
    r"""Without noise a move is the flow of the drift: $\log_x X_{dt} = b\,dt$."""
    dt, drift = torch.tensor(1e-4, dtype=torch.float64), case.field(case.points)
    still = Diffusion(drift, torch.zeros((), dtype=torch.float64))
    there = case.space.move(case.points, still, dt).sample(generator(case.seed, "drift"))
    return exact("moves drift as told", {"drift": (case.space.log(case.points, there) / dt, drift)}, 1e-3)


def moves_spread_as_told(case: ManifoldCase) -> Finding:
    r"""$E[d(x, X_{dt})^2] = s^2 E|z|^2 dt$ for a short time, z the noise of the space."""
    law, dt = "moves spread as told", torch.tensor(SHORT**2, dtype=torch.float64)
    rng, n = generator(case.seed, law), len(case.points)
    x = case.points.repeat(case.draws, *[1] * (case.points.ndim - 1))
    scale = case.local(x).scale.expand_as(x).flatten(1)[:, 0]  # type: ignore[union-attr]
    there = case.space.move(x, Diffusion(torch.zeros_like(x), case.local(x).scale), dt).sample(rng)  # type: ignore[union-attr]
    walked = case.space.distance(x, there) / dt.sqrt()
    noise = case.space.distance(x, case.space.exp(x, SHORT * case.space.noise(x, rng))) / SHORT
    sides = {f"point {i}": (walked[i::n].square(), (scale * noise)[i::n].square()) for i in range(n)}
    return statistical(law, sides)


LAWS = (
    log_inverts_exp,
    distance_is_the_length_of_log,
    distance_is_a_metric,
    noise_is_standard_normal,
    hutchinson_is_unbiased,
    divergence_obeys_leibniz,
    moves_drift_as_told,
    moves_spread_as_told,
)
