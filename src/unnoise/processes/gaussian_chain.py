r"""Gaussian diffusion in T whole steps: DDPM's, Sohl-Dickstein's, or any Gaussian process looked at T times.

With $x_t = \alpha_t x_0 + \sigma_t\epsilon$, for any s < t:

* transition: $q(x_t | x_s) = N(\alpha_{t|s} x_s, \sigma_{t|s}^2)$, $\alpha_{t|s} = \alpha_t/\alpha_s$,
  $\sigma_{t|s}^2 = \sigma_t^2 - \alpha_{t|s}^2\sigma_s^2$;
* posterior: $q(x_s | x_t, x_0) = N\big(\frac{\alpha_{t|s}\sigma_s^2}{\sigma_t^2}x_t +
  \frac{\alpha_s\sigma_{t|s}^2}{\sigma_t^2}x_0,\ \frac{\sigma_{t|s}^2\sigma_s^2}{\sigma_t^2}\big)$;
* price of a wrong $\hat x_0$ in the mean: $\frac12(\mathrm{SNR}_s - \mathrm{SNR}_t)\lVert x_0 - \hat x_0\rVert^2$

(Kingma et al. 2021, arXiv 2107.00630). With $\alpha_{t|t-1}^2 = 1 - \beta_t$ these are the
$\tilde\mu_t = \frac{\sqrt{\bar\alpha_{t-1}}\beta_t}{1 - \bar\alpha_t}x_0 +
\frac{\sqrt{\alpha_t}(1 - \bar\alpha_{t-1})}{1 - \bar\alpha_t}x_t$ and
$\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\beta_t$ of Ho et al. 2020 (arXiv 2006.11239, eq. 7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Normal
from unnoise.processes import Chain, Gaussian, even_times, variance_preserving
from unnoise.processes.betas import Betas
from unnoise.processes.chain import Chain
from unnoise.processes.reverse_variances import ReverseVariance, Small
from unnoise.spaces import Euclidean


@dataclass(frozen=True)
class Chain(Chain[Tensor], even_times(1000)):
    r"""T steps of a Gaussian process; step t is its time $(t - 1)/(T - 1)$, and step 0 the data.

    The null is N(0, I), so $\pi_t = N(0, (\alpha_t^2 + \sigma_t^2) I)$.

    Args:
        process: any Gaussian process.
        steps: T.
        variance: of the reverse steps.

    Raises:
        InputError: fewer than 2 steps.

    >>> chain = chain_of_betas(Euclidean(2), (0.1, 0.2, 0.4))
    >>> alpha, sigma = (log.exp() for log in chain.logs(torch.tensor(3)))
    >>> round(float(alpha**2), 6), round(float(sigma**2), 6)
    (0.432, 0.568)
    """

    process: Gaussian
    steps: int = 1000
    variance: ReverseVariance = Small()

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise InputError(f"got {self.steps} steps; a chain takes at least 2")

    @classmethod
    def from_betas(
        cls, space: Euclidean, betas: Sequence[float], variance: ReverseVariance | None = None
    ) -> Chain[Tensor]:
        r"""The chain $q(x_t | x_{t-1}) = N(\sqrt{1 - \beta_t}\,x_{t-1}, \beta_t I)$ for given $\beta_1, \dots$."""
        process = variance_preserving(space, Betas(tuple(betas)))
        return cls(process, len(betas), Small() if variance is None else variance)

    def time(self, t: Tensor) -> Tensor:
        """(t - 1) / (T - 1)."""
        return (t.double() - 1) / (self.steps - 1)

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\log\alpha_t$ and $\log\sigma_t$ in float64; 0 and minus infinity for t = 0."""
        log_alpha, log_sigma = self.process.logs(self.time(t.clamp(min=1)))
        return torch.where(t > 0, log_alpha, 0.0), torch.where(t > 0, log_sigma, -torch.inf)

    def marginal(self, x_0: Tensor, t: Tensor) -> Normal:
        r"""$N(\alpha_t x_0, \sigma_t^2 I)$."""
        return self.transition(x_0, torch.zeros_like(t), t)

    def transition(self, x_s: Tensor, s: Tensor, t: Tensor) -> Normal:
        """See the module."""
        (alpha_s, _), (alpha_t, sigma_t) = self.logs(s), self.logs(t)
        return self._law(_fit(torch.exp(alpha_t - alpha_s), x_s) * x_s, sigma_t.exp() * self._fresh(t, s).sqrt())

    def posterior(self, stat: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Normal:
        """The bridge with the learnt x_0, and the variance that the chain's rule says."""
        s = t - 1 if s is None else s
        law = self.bridge(stat, x_t, t, s)
        return self._law(law.mean, law.scale * torch.exp(0.5 * self.variance.log_ratio(self, x_t, t, s).to(x_t)))

    def bridge(self, x_0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Normal:
        """See the module; a point mass at s = 0."""
        s = t - 1 if s is None else s
        (alpha_s, sigma_s), (alpha_t, sigma_t), fresh = self.logs(s), self.logs(t), self._fresh(t, s)
        of_x_0 = alpha_s.exp() * fresh
        kept = torch.exp(alpha_t - alpha_s + 2 * (sigma_s - sigma_t))
        scale = _fit(sigma_s.exp() * fresh.sqrt(), x_t)
        return self._law(_fit(of_x_0, x_t) * x_0 + _fit(kept, x_t) * x_t, scale)

    def price(self, stat: Tensor, x_0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        r"""With $\rho = v/\tilde\beta$: $\frac12\sum_i[(1 + (\mathrm{SNR}_s - \mathrm{SNR}_t)e_i^2)/\rho_i - 1 +
        \log\rho_i]$, $e = x_0 - \hat x_0$.
        """  # noqa: D205
        s = t - 1 if s is None else s
        log_ratio = self.variance.log_ratio(self, x_t, t, s).to(x_t)
        gained = _fit(self.snr_gain(t, s), x_t) * (x_0 - stat).square()
        return 0.5 * self._sum(torch.expm1(-log_ratio) + log_ratio + gained * torch.exp(-log_ratio))

    def snr_gain(self, t: Tensor, s: Tensor) -> Tensor:
        r"""$\mathrm{SNR}_s - \mathrm{SNR}_t$, in float64."""
        alpha_s, sigma_s = self.logs(s)
        return torch.exp(2 * (alpha_s - sigma_s)) * self._fresh(t, s)

    def null(self, n: int, t: Tensor) -> Normal:
        r"""$N(0, (\alpha_t^2 + \sigma_t^2) I)$."""
        mean = torch.zeros(n, *self.process.space.event_shape, dtype=torch.float64, device=t.device)
        return self._law(mean, self._spread(t))

    def log_null(self, x_0: Tensor, t: Tensor) -> Tensor:
        """See the class of chains."""
        alpha, sigma = (log.exp() for log in self.logs(t))
        spread, d = self._spread(t), self.process.space.dimension
        square = (alpha * self._norm(x_0)).square() + d * sigma**2
        return -0.5 * (square / spread**2 + d * torch.log(2 * math.pi * spread**2))

    def null_entropy(self) -> Tensor:
        r"""$\frac d2\log(2\pi e(\alpha_T^2 + \sigma_T^2))$."""
        return self._entropy(self._spread(self._last).log())

    def entropy(self, x_0: Tensor, t: Tensor) -> Tensor:
        r"""$\frac d2\log(2\pi e\sigma_t^2)$."""
        return self._entropy(self.logs(t)[1]).expand(len(x_0)).to(x_0.device)

    def step_entropy(self, x_0: Tensor, t: Tensor) -> Tensor:
        r"""$\frac d2\log(2\pi e\sigma_{t|t-1}^2)$."""
        return self._entropy(self.logs(t)[1] + 0.5 * self._fresh(t, t - 1).log()).expand(len(x_0)).to(x_0.device)

    def _fresh(self, t: Tensor, s: Tensor) -> Tensor:
        r"""$1 - \mathrm{SNR}_t/\mathrm{SNR}_s$: the share of the noise in x_t that is newer than s."""
        (alpha_s, sigma_s), (alpha_t, sigma_t) = self.logs(s), self.logs(t)
        return -torch.expm1(2 * (alpha_t - sigma_t - alpha_s + sigma_s))

    def _spread(self, t: Tensor) -> Tensor:
        """The standard deviation of the null at t."""
        log_alpha, log_sigma = self.logs(t)
        return torch.hypot(log_alpha.exp(), log_sigma.exp())

    def _entropy(self, log_scale: Tensor) -> Tensor:
        return self.process.space.dimension * (log_scale + 0.5 * math.log(2 * math.pi * math.e))

    def _law(self, mean: Tensor, scale: Tensor) -> Normal:
        return Normal(mean, _fit(scale, mean), len(self.process.space.event_shape))

    def _sum(self, coordinates: Tensor) -> Tensor:
        return coordinates.flatten(coordinates.ndim - len(self.process.space.event_shape)).sum(-1)

    def _norm(self, x: Tensor) -> Tensor:
        return self._sum(x.double().square()).sqrt()


def _fit(coefficient: Tensor, x: Tensor) -> Tensor:
    """Numbers (), (*batch,) or shaped like x, in the precision of x, to multiply it by."""
    return expand(coefficient.to(x), x)
