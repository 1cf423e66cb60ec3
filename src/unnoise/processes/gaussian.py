r"""Gaussian noise that shrinks and blurs: $x_t = \alpha(t) x_0 + \sigma(t) \epsilon$ on a Euclidean space.

A schedule, the strictly decreasing $\lambda(t) = \log\mathrm{SNR}$ with $\mathrm{SNR} = \alpha^2/\sigma^2$, and a path,
$\alpha$ as a function of $\lambda$, fix the process. With $f = d\log\alpha/dt$, $h = d\log\sigma/dt$ and
$h - f = -\lambda'/2 > 0$:

* generator: $dx = f x\, dt + g\, dB$ with $g^2 = 2\sigma^2 (h - f)$;
* what is learnt: $E[x_0 | x_t]$, with the score $s = (\alpha \hat x_0 - x_t)/\sigma^2$ (Tweedie);
* reverse, in reversed time, for any churn $c \ge 0$: scale $c\,g$ and drift $-f x + \frac12 (1 + c^2) g^2 s$
  $= -h x + (h - f)\alpha\hat x_0 + c^2 (h - f)(\alpha\hat x_0 - x)$, finite where $\alpha \to 0$;
* KL rate of an error: $\frac12 g^2 \lVert\nabla\log q_{t|0} - s\rVert^2 = \mathrm{SNR}\,(h - f) \lVert x_0 - \hat
  x_0\rVert^2$;
* bridge, with $r = \mathrm{SNR}(t)/\mathrm{SNR}(s)$: $N\big(\alpha_s x_0 + \sqrt{\sigma_s^2 - v}\,\epsilon_t,\ v\big)$,
  $v = c^2\sigma_s^2(1 - r)$, $\epsilon_t = (x_t - \alpha_t x_0)/\sigma_t$.

A `churn` other than 1 chooses a joint law of $(x_s, x_t)$ other than the Markov one, with the same marginals (Song et
al. 2021, arXiv 2010.02502 and 2011.13456; Kingma et al. 2021, arXiv 2107.00630).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor

from unnoise._checks import instance, ordered, times, whole
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.gaussian import Preconditioned
from unnoise.laws import Normal
from unnoise.processes.base import Bridged, BridgeStep
from unnoise.processes.paths import Path
from unnoise.processes.tilting import ByScore
from unnoise.schedules import Schedule
from unnoise.schedules.base import check_log_snr
from unnoise.spaces import Diffusion, Euclidean

LATEST = 1.5  # a sampler with churn looks a little beyond t = 1


@final
@dataclass(frozen=True)
class Gaussian(Bridged[Tensor], ByScore):
    r"""The process with $x_t = \alpha(t) x_0 + \sigma(t)\epsilon$, for any schedule on any path.

    The prior is $N(0, (\alpha_1^2 + \sigma_1^2) I)$, that of data with unit variance. `variance_preserving`, `edm` and
    others return those of the literature.

    Args:
        schedule: $\lambda(t)$, finite and decreasing, else InputError; `schedules.LogSNR` takes a function.
        path: how $\alpha$ follows from $\lambda$.

    >>> from unnoise.processes import paths
    >>> from unnoise.schedules import LogSNR
    >>> process = Gaussian(Euclidean(2), LogSNR(lambda t: 6 - 12 * t**2), paths.Straight())
    >>> alpha, sigma = process.alpha_sigma(torch.tensor(0.9))
    >>> alpha + sigma, 2 * torch.log(alpha / sigma)
    (tensor(1.), tensor(-3.7200))
    """

    trait = "with x_t = alpha x_0 + sigma noise"
    space: Euclidean
    schedule: Schedule
    path: Path

    def __post_init__(self) -> None:
        instance(Euclidean, space=self.space)
        instance(Schedule, schedule=self.schedule)
        instance(Path, path=self.path)
        check_log_snr(self.schedule)

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\lambda = \log(\alpha^2/\sigma^2)$, strictly decreasing."""
        return self.schedule.log_snr(t)

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\lambda/dt = 2(f - h) < 0$."""
        return self.schedule.log_snr_rate(t)

    def time_at(self, log_snr: Tensor) -> Tensor:
        """The inverse of `log_snr`; outside [0, 1] for a level out of range."""
        return self.schedule.time_at(log_snr)

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\log\alpha$ and $\log\sigma = \log\alpha - \lambda/2$."""
        log_snr = self.log_snr(t)
        log_alpha = self.path.log_alpha(log_snr)
        return log_alpha, log_alpha - 0.5 * log_snr

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = d\log\alpha/dt$ and $h = d\log\sigma/dt$."""
        rate, (shrinking, growing) = self.log_snr_rate(t), self.path.slopes(self.log_snr(t))
        return rate * shrinking, -rate * growing

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\alpha(t)$ and $\sigma(t)$."""
        log_alpha, log_sigma = self.logs(t)
        return log_alpha.exp(), log_sigma.exp()

    @property
    def head(self) -> Head[Tensor]:
        """EDM's preconditioning, for data of unit variance."""
        return Preconditioned(self)

    def blank(self) -> Tensor:
        """Zero."""
        return torch.zeros(1, *self.space.event_shape)

    def noise_conditioning(self, t: Tensor) -> Tensor:
        r"""A quarter of $\log(\sigma/\alpha)$, as in EDM."""
        return -0.125 * self.log_snr(t)

    def forward(self, x: Tensor, t: Tensor) -> Diffusion:
        """$dx = f x dt + g dB$."""
        return Diffusion(expand(self.rates(t)[0], x) * x, self._volatility(x, t))

    def prior(self, n: int) -> Normal:
        r"""$N(0, (\alpha_1^2 + \sigma_1^2) I)$."""
        whole(n=n)
        return self.reference(torch.zeros(n, *self.space.event_shape), torch.ones(()))

    def kept(self) -> float:
        r"""$\alpha_1/\sqrt{\alpha_1^2 + \sigma_1^2}$, of data with unit variance.

        >>> from unnoise import processes, schedules
        >>> processes.variance_preserving(Euclidean(1), schedules.Cosine(tau_max=0.5)).kept()
        0.7071067811865476
        """
        return math.sqrt(torch.sigmoid(self.log_snr(torch.ones((), dtype=torch.float64))))

    def reference(self, like: Tensor, t: Tensor | None = None) -> Normal:
        r"""$N(0, (\alpha_t^2 + \sigma_t^2) I)$."""
        scale = like.new_ones(()) if t is None else torch.hypot(*self.alpha_sigma(t))
        return self._law(torch.zeros_like(like), scale)

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Diffusion:
        r"""Drift in $\hat x_0$, finite on [0, 1], and scale c g."""
        f, h = (expand(rate, x_t) for rate in self.rates(t))
        alpha = expand(self.logs(t)[0].exp(), x_t)
        drift = -h * x_t + (h - f) * alpha * stat
        if churn:
            drift = drift + churn**2 * (h - f) * (alpha * stat - x_t)
        return Diffusion(drift, churn * self._volatility(x_t, t))

    def marginal(self, x_0: Tensor, t: Tensor) -> Normal:
        r"""$N(\alpha x_0, \sigma^2 I)$."""
        times(t, LATEST)
        alpha, sigma = self.alpha_sigma(t)
        return self._law(_fit(alpha, x_0) * x_0, sigma)

    def transition(self, x_s: Tensor, s: Tensor, t: Tensor) -> Normal:
        r"""$q(x_t | x_s) = N(\alpha_{t|s} x_s, \sigma_{t|s}^2 I)$ for any s < t.

        $\alpha_{t|s} = \alpha_t/\alpha_s$, $\sigma_{t|s}^2 = \sigma_t^2(1 - \mathrm{SNR}(t)/\mathrm{SNR}(s))$.
        """
        ordered(s, t)
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self.logs(t), self.logs(s)
        fresh = -torch.expm1(2 * (alpha_t - sigma_t - alpha_s + sigma_s))  # share of sigma_t^2
        scale = sigma_t.exp() * fresh.clamp(min=0).sqrt()
        return self._law(_fit((alpha_t - alpha_s).exp(), x_s) * x_s, scale)

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """$Y = x_0$."""
        return x_0

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""By the squared error of $\hat x_0$."""
        error = stat - target
        return -0.5 * self.log_snr_rate(t) * self.log_snr(t).exp() * self.space.dot(error, error)

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        r"""Uniform in $\lambda$."""
        high, low = self.log_snr(u.new_tensor([0.0, 1.0])).tolist()
        t = self.time_at(high + (low - high) * u)
        return t, self.importance_density(t)

    def importance_density(self, t: Tensor) -> Tensor:
        r"""$-\lambda'$ over the range of $\lambda$."""
        high, low = self.log_snr(t.new_tensor([0.0, 1.0])).tolist()
        density: Tensor = -self.log_snr_rate(t) / (high - low)
        return density

    def control_variate(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""The KL rate of the linear denoiser of unit-variance data, $\alpha x_t/\tau$, less its mean over the noise.

        $-\frac12\lambda'\big[(\alpha^2/\tau)^2(\lVert\epsilon\rVert^2 - d) - 2\alpha^3\sigma\,
        x_0\cdot\epsilon/\tau^2\big]$ with $\tau = \alpha^2 + \sigma^2$.
        """
        alpha, sigma = self.alpha_sigma(t)
        noise = (x_t - expand(alpha, x_t) * x_0) / expand(sigma, x_t)
        square = alpha**4 * (self.space.dot(noise, noise) - self.space.dimension)
        cross = 2 * alpha**3 * sigma * self.space.dot(x_0, noise)
        return -0.5 * self.log_snr_rate(t) * (square - cross) / (alpha**2 + sigma**2) ** 2

    def encode(self, x_0: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\alpha_0 x_0$, of log volume $d\log\alpha_0$."""
        log_alpha, _ = self.logs(torch.zeros((), dtype=x_0.dtype, device=x_0.device))
        return log_alpha.exp() * x_0, (self.space.dimension * log_alpha).expand(self._batch_shape(x_0))

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        """The posterior mean at the last noise level."""
        return stat

    def reconstruction(self, x_0: Tensor) -> Tensor:
        r"""$\frac d2\log(2\pi e\sigma_0^2/\alpha_0^2)$, of the decoder $N(x_0, \sigma_0^2 I)/\alpha_0$."""
        log_snr = self.log_snr(torch.zeros((), dtype=x_0.dtype, device=x_0.device))
        cost = 0.5 * self.space.dimension * (math.log(2 * math.pi * math.e) - log_snr)
        return cost.expand(self._batch_shape(x_0))

    def ancestral(self, stat: Tensor, x_t: Tensor, t: Tensor, s: Tensor, *, churn: float = 1.0) -> Normal:
        """The bridge: Ho et al. 2020, eq. 6-7, at churn 1, else DDIM's family."""
        ordered(s, t)
        return self._bridged(stat, x_t, *(_fit(share, x_t) for share in self.shares(t, s, churn)))

    def steps(self, times: Tensor, like: Tensor, *, churn: float = 1.0) -> Sequence[BridgeStep]:
        """With all that the times fix computed at once."""
        ordered(times[1:], times[:-1])
        shares = (share.to(like).unbind() for share in self.shares(times[:-1], times[1:], churn))
        steps = zip(*shares, strict=True)
        return [partial(self._bridged, of_x_0=one, kept=other, scale=noise) for one, other, noise in steps]

    def shares(self, t: Tensor, s: Tensor, churn: float) -> tuple[Tensor, Tensor, Tensor]:
        """What a step from t to s takes of x_0 and of x_t, and the deviation of its noise."""
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self.logs(t), self.logs(s)
        kept = torch.exp(sigma_s - sigma_t)  # of the noise in x_t
        scale = torch.zeros_like(kept)
        if churn:
            fresh = -(churn**2) * torch.expm1(2 * (alpha_t - sigma_t - alpha_s + sigma_s))  # share of sigma_s^2
            kept, scale = kept * (1 - fresh).clamp(min=0).sqrt(), torch.exp(sigma_s) * fresh.sqrt()
        return torch.exp(alpha_s) - kept * torch.exp(alpha_t), kept, scale

    def _bridged(self, stat: Tensor, x_t: Tensor, of_x_0: Tensor, kept: Tensor, scale: Tensor) -> Normal:
        return Normal((of_x_0 * stat).addcmul_(kept, x_t), scale, len(self.space.event_shape))

    def score(self, x_t: Tensor, stat: Tensor, t: Tensor) -> Tensor:
        """By Tweedie's formula (Robbins 1956)."""
        alpha, sigma = self.alpha_sigma(t)
        return (expand(alpha, x_t) * stat - x_t) / expand(sigma, x_t) ** 2

    def _batch_shape(self, x: Tensor) -> torch.Size:
        return x.shape[: x.ndim - len(self.space.event_shape)]

    def _volatility(self, x: Tensor, t: Tensor) -> Tensor:
        return expand(self.logs(t)[1].exp() * (-self.log_snr_rate(t)).sqrt(), x)

    def _law(self, mean: Tensor, scale: Tensor) -> Normal:
        return Normal(mean, _fit(scale, mean), len(self.space.event_shape))


def _fit(coefficient: Tensor, x: Tensor) -> Tensor:
    """A function of time, computed in the precision of time, in that of the state."""
    return expand(coefficient.to(x), x)
