r"""The properties of a space: points are points, small moves follow the generator, and Phi is what it should be.

`move`, `apply` and `phi` are compared on smooth test functions, whatever the points look like:

$$\frac{E[f(X_{dt})] - f(x)}{dt} \to (L f)(x), \qquad \Phi(f) = \frac{L f}{f} - L\log f.$$
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from unnoise import _tree
from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise.spaces import Local, Manifold, Space
from unnoise.testing import manifolds
from unnoise.testing.case import SpaceCase, in_double
from unnoise.testing.findings import Finding, Findings, conclude, exact, generator, judged, stated_in, statistical

EXACT = 1e-8


def check_space(
    space: Space[Any, Any],
    points: Any,
    local: Callable[[Any], Local] | None = None,
    *,
    draws: int = 10_000,
    functions: int = 6,
    seed: int = 0,
    raises: bool = True,
) -> Findings:
    """Check what a space promises, and a manifold if it is one.

    The points are 3 or more, all different. `local` gives the local characteristics at points, as
    `partial(process.forward, t=t)`; on a manifold the default drifts towards a point near the first one.

    >>> from unnoise.spaces import Euclidean
    >>> points = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
    >>> print(check_space(Euclidean(2), points, draws=500))
    Euclidean(event_shape=(2,)): 17 of 17 properties kept
    ...
    """
    instance(Space, space=space)
    space.check(points)
    points = in_double(points)
    if local is None:
        if not isinstance(space, Manifold):
            raise InputError(f"{type(space).__name__} is no manifold, so `local` must say what happens at its points")
        local = manifolds.pulled_home(space, points, generator(seed, "local"))
    findings = judged(PROPERTIES, SpaceCase(space, points, local, draws=draws, functions=functions, seed=seed))
    if isinstance(space, Manifold):
        case = manifolds.ManifoldCase(space, points, local, draws=draws, functions=functions, seed=seed)
        findings += judged(manifolds.PROPERTIES, case)
    return conclude(space, findings, raises=raises)


def moves_stay_in_the_space(case: SpaceCase) -> Finding:
    """`check` accepts what `move` draws."""
    claim = "moves stay in the space"
    try:
        case.space.check(case.move(case.many(), case.small, case.rng(claim)))
    except InputError as error:
        return Finding(claim, False, detail=str(error))
    return Finding(claim, True)


def not_a_number_is_refused(case: SpaceCase) -> Finding:
    """`check` raises InputError for NaN, where points are real numbers."""
    claim = "check refuses what is not a number"
    spoilt = _tree.map(lambda leaf: leaf * torch.nan if leaf.is_floating_point() else leaf, case.points)
    if all(not leaf.is_floating_point() for _, leaf in _tree.leaves(spoilt)):
        return Finding(claim, None, detail="its points hold no real numbers")
    try:
        case.space.check(spoilt)
    except InputError as error:
        return Finding(claim, True, detail=str(error))
    return Finding(claim, False, detail="points of NaN were accepted")


def no_time_no_move(case: SpaceCase) -> Finding:
    """A move of length 0 is a point mass at x."""
    claim = "a move of no time stays"
    rng = case.rng(claim)
    there = case.space.features(case.move(case.points, 0.0, rng))
    return exact(claim, {"features": (there, case.space.features(case.points))}, EXACT)


def moves_follow_the_generator(case: SpaceCase) -> Finding:
    """(E f(X_dt) - f(x)) / dt = (L f)(x), extrapolated from steps dt, 2 dt and 4 dt, with a bias of order dt^3."""
    claim = "small moves follow the generator"
    rng, x, dt = case.rng(claim), case.many(), case.small
    slope = [(case.test(case.move(x, step, rng)) - case.test(x)) / step for step in (dt, 2 * dt, 4 * dt)]
    local, n = case.local(case.points), _tree.length(case.points)
    right = [case.space.apply(local, f, case.points) for f in case.test]
    left = ((8 * slope[0] - 6 * slope[1] + slope[2]) / 3).reshape(case.draws, n, -1)
    expected = torch.stack(right, -1).expand_as(left)
    return statistical(claim, {f"point {i}": (left[:, i], expected[:, i]) for i in range(n)})


def generator_is_linear(case: SpaceCase) -> Finding:
    """L(2 f - 3 g + 5) = 2 L f - 3 L g: linear, and zero for constants."""
    f, g, local = case.test[0], case.test[1], case.local(case.points)
    left = case.space.apply(local, lambda y: 2 * f(y) - 3 * g(y) + 5, case.points)
    right = 2 * case.space.apply(local, f, case.points) - 3 * case.space.apply(local, g, case.points)
    return exact("the generator is linear and zero for constants", {"L f": (left, right)}, EXACT)


def generator_is_markov(case: SpaceCase) -> Finding:
    r"""$L f^2 - 2 f L f \ge 0$, the carré du champ: what a generator that keeps probabilities positive obeys."""
    f, local = case.test[0], case.local(case.points)
    square = case.space.apply(local, lambda y: f(y) ** 2, case.points)
    twice = 2 * f(case.points) * case.space.apply(local, f, case.points)
    size = float((square.abs() + twice.abs()).detach().max())
    champ = square - twice
    return exact("the generator is Markov", {"L f^2 - 2 f L f": (champ, champ.clamp(min=0))}, EXACT, size=size)


def phi_is_positive(case: SpaceCase) -> Finding:
    r"""$\Phi \ge 0$ (Benton et al. 2024, arXiv 2211.03595, proposition 1)."""
    local = case.local(case.points)
    values = torch.stack([case.space.phi(local, log_f, case.points).detach() for log_f in case.test])
    return exact("phi is not negative", {"phi": (values, values.clamp(min=0))}, EXACT)


def phi_ignores_constants(case: SpaceCase) -> Finding:
    r"""$\Phi(c f) = \Phi(f)$, and $\Phi(c) = 0$."""
    f, local = case.test[0], case.local(case.points)
    one, scaled, constant = (
        case.space.phi(local, log_f, case.points).detach()
        for log_f in (f, lambda y: f(y) + 3.0, lambda y: 0 * f(y) + 3.0)
    )
    sides = {"phi(20 f) against phi(f)": (scaled, one), "phi(20)": (constant, 0 * one)}
    return exact("phi ignores constants", sides, EXACT, size=float(one.abs().max()))


def phi_is_defined_by_the_generator(case: SpaceCase) -> Finding:
    r"""$\Phi(f) = L f / f - L \log f$ (Benton et al. 2024, arXiv 2211.03595, eq. 8)."""
    local, sides = case.local(case.points), {}
    for i, log_f in enumerate(case.test):
        over = case.space.apply(local, lambda y, g=log_f: g(y).exp(), case.points) / log_f(case.points).exp()  # type: ignore[misc]
        expected = over - case.space.apply(local, log_f, case.points)
        sides[f"function {i}"] = (case.space.phi(local, log_f, case.points), expected)
    return exact("phi(f) = L f / f - L log f", sides, 1e-6)


PROPERTIES = stated_in(__name__)
