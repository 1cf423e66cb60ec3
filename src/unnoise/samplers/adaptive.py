"""A sampler of a given accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, real, whole
from unnoise._tree import expand
from unnoise.denoisers import Denoiser, conditions
from unnoise.processes import Gaussian, leaves, map_leaves
from unnoise.samplers.base import OnStep, Sampler, require_gaussian
from unnoise.samplers.forms import VelocityForm
from unnoise.samplers.ode import integrate

FIRST_STEP = 0.05  # of the way
FORM = VelocityForm()


@dataclass(frozen=True)
class Solution:
    """What `Adaptive.solve` found.

    Attributes:
        x: the samples, (n, *event).
        evaluations: (n,), of the network by each row, the last denoising included.
    """

    x: Any
    evaluations: Tensor


class Adaptive(Sampler):
    r"""The probability flow to a tolerance, by Dormand and Prince's method of order 5 with its error estimate.

    It runs in `forms.VelocityForm`, $dy/d\theta = N$ with $y = \tilde x/\sqrt{\tilde\sigma^2 + 1}$ and
    $\theta = -\arctan\tilde\sigma$: y stays of order 1, so one tolerance fits all noise levels. Every row has its own
    steps (`samplers.ode`). On a product all factors move with the $\theta$ of the first.

    Args:
        tolerance: of the error, root mean square over the coordinates, relative to $1 + |y|$.
        steps: how often all rows stop together for `on_step`; 2 are the two ends.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> sampler = Adaptive(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> rng = torch.Generator().manual_seed(0)
    >>> sampler.solve(sampler.start(2, rng), rng).x.abs()
    tensor([[1.],
            [1.]])
    """

    def __init__(self, denoiser: Denoiser, tolerance: float = 1e-3, steps: int = 2) -> None:
        super().__init__(denoiser, steps)
        require_gaussian(denoiser, "Adaptive")
        real(above=0, tolerance=tolerance)
        whole(least=2, most=MOST_STEPS, steps=steps)
        self.tolerance = tolerance

    def solve(self, state: Any, rng: torch.Generator, cond: Any = None, *, on_step: OnStep = None) -> Solution:
        """Take a state at t = 1 to data, as `run`, and count the evaluations of every row."""
        counts = torch.zeros(_tree.length(state), dtype=torch.long)
        x = self._run(partial(self._move, counts), self._times(), state, rng, cond, on_step)
        return Solution(x, counts + 1)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """From t to s, in float64 but for the network."""
        return self._move(torch.zeros(_tree.length(state), dtype=torch.long), state, t, s, rng, cond)

    def _move(self, counts: Tensor, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        leader: Any = next(leaves(self.process))[1]
        first, last = (FORM.variable(0.5 * leader.log_snr(time.double())) for time in (t, s))
        like = _tree.first(state)

        def velocity(share: Tensor, y: Tensor, rows: Tensor) -> Tensor:
            counts[rows.cpu()] += 1
            lam = FORM.at(first + (last - first) * share)
            time = leader.time_at(2 * lam).clamp(0, 1)
            places = map_leaves(lambda process: _place(process, leader, lam, time), self.process)
            x = _tree.map(lambda part, at: part * expand(FORM.scale(at.lam), part), _tree.unravel(y, state), places)
            noisy = _tree.map(lambda part, at, leaf: (expand(at.alpha, part) * part).to(leaf), x, places, state)
            stat = self.denoiser(noisy, time.to(like), conditions.at(cond, rows))
            return (last - first) * _tree.ravel(_tree.map(_integrand, x, stat, places))

        scale_t, scale_s = (map_leaves(partial(_scale, t=time), self.process) for time in (t, s))
        y = _tree.ravel(_tree.map(lambda leaf, scale: leaf.double() / scale, state, scale_t))
        y = integrate(velocity, y, tolerance=self.tolerance, first_step=FIRST_STEP)
        end = _tree.unravel(y, state)
        return _tree.map(lambda part, scale, leaf: (scale * part).to(leaf), end, scale_s, state)


class _Place(NamedTuple):
    r"""A factor on its way: $\lambda$, $\alpha$, and the speed of its variable over that of the first."""

    lam: Tensor
    alpha: Tensor
    pace: Tensor


def _place(process: Gaussian, leader: Gaussian, lam: Tensor, t: Tensor) -> _Place:
    alpha = process.alpha_sigma(t)[0]
    if process is leader:
        return _Place(lam, alpha, torch.ones_like(lam))
    own = 0.5 * process.log_snr(t)
    pace = FORM.rate(own) * process.log_snr_rate(t) / (FORM.rate(lam) * leader.log_snr_rate(t))
    return _Place(own, alpha, pace)


def _integrand(x: Tensor, stat: Tensor, at: _Place) -> Tensor:
    data, state, pace = (expand(part, x) for part in (FORM.of_data(at.lam), FORM.of_state(at.lam), at.pace))
    return pace * (data * stat + state * x)


def _scale(process: Gaussian, t: Tensor) -> Tensor:
    return process.alpha_sigma(t.double())[0] * FORM.scale(0.5 * process.log_snr(t.double()))
