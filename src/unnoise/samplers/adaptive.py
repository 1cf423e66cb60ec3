"""A sampler that is told how far off it may end, and takes as many evaluations as that needs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.processes import Gaussian
from unnoise.samplers.base import OnStep, Sampler, require
from unnoise.samplers.forms import Velocity
from unnoise.samplers.ode import integrate

FIRST_STEP = 0.05  # of the way; what is too long is found out and shortened


class Adaptive(Sampler):
    r"""The probability flow to a tolerance, by Dormand and Prince's method of order 5 with its error estimate.

    It runs in the `forms.Velocity` form, $dy/d\theta = N$ with $y = \tilde x/\sqrt{\tilde\sigma^2 + \sigma_d^2}$ and
    $\theta = -\arctan(\tilde\sigma/\sigma_d)$: normal data of standard deviation $\sigma_d$ do not move at all, and
    y is of order 1 on all of the way, so that one tolerance fits all noise levels. Every row has its own clock: its
    result does not depend on the rows beside it, and rows that have arrived cost nothing (`samplers.ode`).

    Args:
        denoiser: of a Gaussian process.
        tolerance: a step is accepted where its estimated error is below tolerance $(1 + |y|)$, root mean square over
            the coordinates; the error at the end is of this order.
        sigma_data: standard deviation of the data.
        steps: how many times all rows stop at the same time, for those who want to look (`on_step`); 2 are the ends.

    Attributes:
        evaluations: (n,), network evaluations that each row of the last run took, the final denoising included.

    Raises:
        InputError: a process that is not Gaussian, or a tolerance that is not positive.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> sampler = Adaptive(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> sampler.sample(2, torch.Generator().manual_seed(0)).abs()
    tensor([[1.],
            [1.]])
    """

    process: Gaussian

    def __init__(self, denoiser: Denoiser, tolerance: float = 1e-3, sigma_data: float = 1.0, steps: int = 2) -> None:
        super().__init__(denoiser, steps)
        require(denoiser, Gaussian, "Adaptive", "with x_t = alpha x_0 + sigma noise")
        if not tolerance > 0:
            raise InputError(f"got tolerance = {tolerance}; expected a positive number, such as 1e-3")
        self.tolerance, self.form = tolerance, Velocity(sigma_data)
        self.evaluations = torch.zeros(0, dtype=torch.long)

    def run(self, state: Any, rng: torch.Generator, cond: Any = None, *, on_step: OnStep | None = None) -> Any:
        """See `Sampler.run`; counts evaluations."""
        self.evaluations = torch.zeros(len(state), dtype=torch.long)
        end = super().run(state, rng, cond, on_step=on_step)
        self.evaluations += 1
        return end

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """From t to s; in float64, but for what the network sees."""
        first, last = (self.form.clock(0.5 * self.process.log_snr(time.double())) for time in (t, s))

        def velocity(share: Tensor, y: Tensor, rows: Tensor) -> Tensor:
            """Of y, at a share of the way of the clock."""
            self.evaluations[rows.cpu()] += 1
            lam = self.form.at(first + (last - first) * share)
            time = self.process.time_at(2 * lam).clamp(0, 1)
            lam = _beside(lam, y)
            x = y * self.form.scale(lam)  # over alpha
            alpha = _beside(self.process.alpha_sigma(time)[0], y)
            noisy = (alpha * x).to(state).reshape(-1, *state.shape[1:])
            stat = self.denoiser(noisy, time.to(state), None if cond is None else cond[rows])
            value: Tensor = self.form.of_data(lam) * stat.reshape(len(y), -1) + self.form.of_state(lam) * x
            return (last - first) * value

        scale_t, scale_s = (self._scale(time) for time in (t, s))
        y = state.double().flatten(1) / scale_t
        y = integrate(velocity, y, tolerance=self.tolerance, first_step=FIRST_STEP)
        end: Tensor = (scale_s * y).to(state).reshape(state.shape)
        return end

    def _scale(self, t: Tensor) -> Tensor:
        """The state over y."""
        return self.process.alpha_sigma(t.double())[0] * self.form.scale(0.5 * self.process.log_snr(t.double()))


def _beside(values: Tensor, y: Tensor) -> Tensor:
    return values[:, None].to(y)
