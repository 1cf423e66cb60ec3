r"""Gaussian noise that shrinks and blurs: $x_t = \alpha(t) x_0 + \sigma(t) \epsilon$ on a Euclidean space.

Everything follows from two logarithms and their rates, $f = d\log\alpha/dt$ and $h = d\log\sigma/dt$, with
$\mathrm{SNR} = \alpha^2/\sigma^2$ strictly decreasing (so $h > f$):

* generator: $dx = f x\, dt + g\, dB$ with $g^2 = 2\sigma^2 (h - f)$;
* what is learnt: $E[x_0 | x_t]$, with the score $s = (\alpha \hat x_0 - x_t)/\sigma^2$ (Tweedie);
* reverse, in reversed time: drift $-f x + \frac12 (1 + c^2) g^2 s$ and scale $c\,g$ for any churn $c \ge 0$, which in
  terms of $\hat x_0$ stays finite where $\alpha \to 0$:
  $-h x + (h - f)\alpha\hat x_0 + c^2 (h - f)(\alpha\hat x_0 - x)$;
* price of an error: $\frac12 g^2 \lVert\nabla\log q_{t|0} - s\rVert^2 = \mathrm{SNR}\,(h - f)
  \lVert x_0 - \hat x_0\rVert^2$;
* bridge, with $r = \mathrm{SNR}(t)/\mathrm{SNR}(s)$: $N\big(\alpha_s x_0 + \sqrt{\sigma_s^2 - v}\,\epsilon_t,\ v\big)$,
  $v = c^2\sigma_s^2(1 - r)$, $\epsilon_t = (x_t - \alpha_t x_0)/\sigma_t$.

What is *not* implied: a joint law of $(x_s, x_t)$ other than the Markov one; `churn` chooses others with the same
marginals (Song et al. 2021, arXiv 2010.02502 and 2011.13456; Kingma et al. 2021, arXiv 2107.00630).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.gaussian import Preconditioned
from unnoise.laws import Normal
from unnoise.processes.base import Bridged
from unnoise.schedules import Linear, Schedule
from unnoise.spaces import Diffusion, Euclidean


class AffineGaussian(Bridged[Tensor]):
    r"""Any process with $x_t = \alpha(t) x_0 + \sigma(t)\epsilon$. A new one states three functions.

    The prior is $N(0, (\alpha_1^2 + \sigma_1^2) I)$, that of data with unit variance.
    """

    trait = "with x_t = alpha x_0 + sigma noise"
    space: Euclidean

    @abstractmethod
    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\log\alpha(t)$ and $\log\sigma(t)$."""

    @abstractmethod
    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = d\log\alpha/dt$ and $h = d\log\sigma/dt$."""

    @abstractmethod
    def time_at(self, log_snr: Tensor) -> Tensor:
        """The inverse of `log_snr`; not clipped, so a level out of range gives a time outside [0, 1]."""

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\alpha(t)$ and $\sigma(t)$."""
        log_alpha, log_sigma = self.logs(t)
        return log_alpha.exp(), log_sigma.exp()

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\log(\alpha^2/\sigma^2)$, strictly decreasing."""
        log_alpha, log_sigma = self.logs(t)
        return 2 * (log_alpha - log_sigma)

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\log\mathrm{SNR}/dt = 2(f - h) < 0$."""
        f, h = self.rates(t)
        return 2 * (f - h)

    @property
    def head(self) -> Head[Tensor]:
        """EDM's preconditioning, for data of unit variance."""
        return Preconditioned()

    def noise_conditioning(self, t: Tensor) -> Tensor:
        r"""A quarter of $\log(\sigma/\alpha)$, as in EDM."""
        return -0.125 * self.log_snr(t)

    def forward(self, x: Tensor, t: Tensor) -> Diffusion:
        """$dx = f x dt + g dB$."""
        f, _ = self._expanded_rates(x, t)
        return Diffusion(f * x, self._volatility(x, t))

    def prior(self, n: int) -> Normal:
        r"""$N(0, (\alpha_1^2 + \sigma_1^2) I)$."""
        alpha, sigma = self.alpha_sigma(torch.ones(()))
        mean = torch.zeros(n, *self.space.event_shape)
        return Normal(mean, torch.hypot(alpha, sigma), len(self.space.event_shape))

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Diffusion:
        """See the module; finite at every t of [0, 1]."""
        f, h = self._expanded_rates(x_t, t)
        alpha = expand(self.logs(t)[0].exp(), x_t)
        drift = -h * x_t + (h - f) * alpha * stat
        if churn:
            drift = drift + churn**2 * (h - f) * (alpha * stat - x_t)
        return Diffusion(drift, churn * self._volatility(x_t, t))

    def marginal(self, x_0: Tensor, t: Tensor) -> Normal:
        r"""$N(\alpha x_0, \sigma^2 I)$."""
        alpha, sigma = self.alpha_sigma(t)
        return Normal(expand(alpha, x_0) * x_0, expand(sigma, x_0), len(self.space.event_shape))

    def transition(self, x_s: Tensor, s: Tensor, t: Tensor) -> Normal:
        r"""$q(x_t | x_s)$ for any s < t, not only neighbours: $N(\alpha_{t|s} x_s, \sigma_{t|s}^2 I)$.

        $\alpha_{t|s} = \alpha_t/\alpha_s$ and $\sigma_{t|s}^2 = \sigma_t^2 - \alpha_{t|s}^2\sigma_s^2
        = \sigma_t^2\,(1 - \mathrm{SNR}(t)/\mathrm{SNR}(s))$. Kingma et al. 2021 (arXiv 2107.00630), eq. 23.
        """
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self.logs(t), self.logs(s)
        fresh = -torch.expm1(2 * (alpha_t - sigma_t - alpha_s + sigma_s))  # share of sigma_t^2
        scale = sigma_t.exp() * fresh.clamp(min=0).sqrt()
        return Normal(expand((alpha_t - alpha_s).exp(), x_s) * x_s, expand(scale, x_s), len(self.space.event_shape))

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """$Y = x_0$."""
        return x_0

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\mathrm{SNR}\,(h - f)\lVert x_0 - \hat x_0\rVert^2$."""
        error = stat - target
        return -0.5 * self.log_snr_rate(t) * self.log_snr(t).exp() * self.space.dot(error, error)

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        r"""Uniform in $\lambda = \log\mathrm{SNR}$, of density $|\lambda'(t)| / (\lambda(0) - \lambda(1))$."""
        high, low = self.log_snr(u.new_tensor([0.0, 1.0])).tolist()
        t = self.time_at(high + (low - high) * u)
        return t, -self.log_snr_rate(t) / (high - low)

    def control_variate(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""The price of the linear denoiser of unit-variance data, $\alpha x_t/\tau$, less its mean over the noise.

        With $\tau = \alpha^2 + \sigma^2$ it is $-\frac12\lambda'\big[(\alpha^2/\tau)^2(\lVert\epsilon\rVert^2 - d)
        - 2\alpha^3\sigma\, x_0\cdot\epsilon/\tau^2\big]$.
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
        r"""$\frac d2\log(2\pi e\sigma_0^2/\alpha_0^2)$: the decoder is $N(x_{t=0}/\alpha_0, \sigma_0^2/\alpha_0^2 I)$.

        With it the bound is tight up to the blur $\sigma_0/\alpha_0$ of the data.
        """
        log_snr = self.log_snr(torch.zeros((), dtype=x_0.dtype, device=x_0.device))
        cost = 0.5 * self.space.dimension * (math.log(2 * math.pi * math.e) - log_snr)
        return cost.expand(self._batch_shape(x_0))

    def ancestral(self, stat: Tensor, x_t: Tensor, t: Tensor, s: Tensor, *, churn: float = 1.0) -> Normal:
        """See the module. Ho et al. 2020 (arXiv 2006.11239) eq. 6-7 at churn 1; DDIM's family otherwise."""
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self.logs(t), self.logs(s)
        kept = torch.exp(sigma_s - sigma_t)  # of the noise in x_t
        scale = torch.zeros_like(kept)
        if churn:
            fresh = -(churn**2) * torch.expm1(2 * (alpha_t - sigma_t - alpha_s + sigma_s))  # share of sigma_s^2
            kept, scale = kept * (1 - fresh).clamp(min=0).sqrt(), torch.exp(sigma_s) * fresh.sqrt()
        of_x_0 = torch.exp(alpha_s) - kept * torch.exp(alpha_t)
        mean = (expand(of_x_0, x_t) * stat).addcmul_(expand(kept, x_t).to(x_t), x_t)
        return Normal(mean, expand(scale, x_t), len(self.space.event_shape))

    def score(self, x_t: Tensor, stat: Tensor, t: Tensor) -> Tensor:
        r"""$\nabla\log q_t = (\alpha\hat x_0 - x_t)/\sigma^2$ (Tweedie; Robbins 1956)."""
        alpha, sigma = self.alpha_sigma(t)
        return (expand(alpha, x_t) * stat - x_t) / expand(sigma, x_t) ** 2

    def _batch_shape(self, x: Tensor) -> torch.Size:
        return x.shape[: x.ndim - len(self.space.event_shape)]

    def _expanded_rates(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        f, h = self.rates(t)
        return expand(f, x), expand(h, x)

    def _volatility(self, x: Tensor, t: Tensor) -> Tensor:
        f, h = self.rates(t)
        return expand(self.logs(t)[1].exp() * (2 * (h - f)).sqrt(), x)


@dataclass(frozen=True)
class VariancePreserving(AffineGaussian):
    r"""$\alpha = e^{-B/2}$, $\sigma^2 = 1 - e^{-B}$ for a schedule B(t).

    Endpoints: `schedules.Linear()` (default) $\sigma(0) = 0.001$, $\alpha(1) = 0.0066$; `schedules.Cosine()`
    $\sigma(0) = 0.0016$, $\alpha(1) = 0.0016$; `schedules.LinearLogSNR()` $\sigma(0) = 0.0013$, $\alpha(1) = 0.0067$.
    Song et al. 2021 (arXiv 2011.13456).

    >>> alpha, sigma = VariancePreserving(Euclidean(2)).alpha_sigma(torch.tensor(0.3))
    >>> round(float(alpha**2 + sigma**2), 6)
    1.0
    """

    space: Euclidean
    schedule: Schedule = Linear()

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$-B/2$ and $\frac12\log(1 - e^{-B})$."""
        value = self.schedule.value(t)
        return -0.5 * value, 0.5 * torch.log(-torch.expm1(-value))

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = -\beta/2$, $h = \frac12\beta/(e^B - 1)$."""
        half = 0.5 * self.schedule.rate(t)
        return -half, half / torch.expm1(self.schedule.value(t))

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$B = \log(1 + e^{-\lambda})$."""
        return self.schedule.inverse(torch.nn.functional.softplus(-log_snr))


@dataclass(frozen=True)
class SubVariancePreserving(AffineGaussian):
    r"""$\alpha = e^{-B/2}$, $\sigma = 1 - e^{-B}$: never noisier than the variance-preserving process.

    Endpoints with `schedules.Linear(tau_min=1e-3)` (default): $\sigma(0) = 0.00011$, $\alpha(1) = 0.0066$. The earlier
    floor on time matters here, where $\sigma$ is the square of the other process's. Song et al. 2021
    (arXiv 2011.13456), whose volatility is $g^2 = \beta(1 - e^{-2B})$.

    >>> t, space = torch.tensor(0.3), Euclidean(2)
    >>> bool(SubVariancePreserving(space).alpha_sigma(t)[1] < VariancePreserving(space).alpha_sigma(t)[1])
    True
    """

    space: Euclidean
    schedule: Schedule = Linear(tau_min=1e-3)

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$-B/2$ and $\log(1 - e^{-B})$."""
        value = self.schedule.value(t)
        return -0.5 * value, torch.log(-torch.expm1(-value))

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = -\beta/2$, $h = \beta/(e^B - 1)$."""
        rate = self.schedule.rate(t)
        return -0.5 * rate, rate / torch.expm1(self.schedule.value(t))

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$2\sinh(B/2) = \sigma/\alpha$."""
        return self.schedule.inverse(2 * torch.asinh(0.5 * torch.exp(-0.5 * log_snr)))


@dataclass(frozen=True)
class VarianceExploding(AffineGaussian):
    r"""$\alpha = 1$, $\sigma(t) = \sigma_{min}(\sigma_{max}/\sigma_{min})^t$: the noise level grows geometrically.

    Endpoints: $\sigma(0)$ = `sigma_min` = 0.002, $\sigma(1)$ = `sigma_max` = 80. Song and Ermon 2019
    (arXiv 1907.05600); Song et al. 2021 (arXiv 2011.13456).
    """

    space: Euclidean
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        _check_range(self.sigma_min, self.sigma_max)

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""0 and $\log\sigma_{min} + t\log(\sigma_{max}/\sigma_{min})$."""
        return torch.zeros_like(t), math.log(self.sigma_min) + t * math.log(self.sigma_max / self.sigma_min)

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = 0$, $h = \log(\sigma_{max}/\sigma_{min})$."""
        return torch.zeros_like(t), torch.full_like(t, math.log(self.sigma_max / self.sigma_min))

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$\log\sigma = -\lambda/2$."""
        return (-0.5 * log_snr - math.log(self.sigma_min)) / math.log(self.sigma_max / self.sigma_min)


@dataclass(frozen=True)
class EDM(AffineGaussian):
    r"""$\alpha = 1$, $\sigma(t) = (\sigma_{min}^{1/\rho} + t(\sigma_{max}^{1/\rho} - \sigma_{min}^{1/\rho}))^\rho$.

    Endpoints: $\sigma(0)$ = `sigma_min` = 0.002, $\sigma(1)$ = `sigma_max` = 80. A uniform grid in t is the grid of
    Karras et al. 2022 (arXiv 2206.00364), $\rho = 7$.
    """

    space: Euclidean
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        _check_range(self.sigma_min, self.sigma_max)

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""0 and $\rho\log(\sigma_{min}^{1/\rho} + t(\sigma_{max}^{1/\rho} - \sigma_{min}^{1/\rho}))$."""
        start, slope = self._root()
        return torch.zeros_like(t), self.rho * torch.log(start + slope * t)

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = 0$, $h = \rho$ slope / root."""
        start, slope = self._root()
        return torch.zeros_like(t), self.rho * slope / (start + slope * t)

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$\sigma^{1/\rho} = e^{-\lambda/2\rho}$."""
        start, slope = self._root()
        return (torch.exp(-0.5 * log_snr / self.rho) - start) / slope

    def _root(self) -> tuple[float, float]:
        start, end = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return start, end - start


@dataclass(frozen=True)
class RectifiedFlow(AffineGaussian):
    r"""$\alpha = 1 - \tau$, $\sigma = \tau$, $\tau$ from `tau_min` to `tau_max`: straight lines from data to noise.

    Endpoints: $\sigma(0) = 0.001$, $\alpha(1) = 0.001$ by default. Liu et al. 2023 (arXiv 2209.03003), Lipman et al.
    2023 (arXiv 2210.02747). The trimmed ends keep the SDE of the same marginals finite.
    """

    space: Euclidean
    tau_min: float = 1e-3
    tau_max: float = 1 - 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.tau_min < self.tau_max < 1:
            raise InputError(f"expected 0 < tau_min < tau_max < 1, got {self.tau_min} and {self.tau_max}")

    def _tau(self, t: Tensor) -> Tensor:
        return self.tau_min + (self.tau_max - self.tau_min) * t

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\log(1 - \tau)$ and $\log\tau$."""
        tau = self._tau(t)
        return torch.log1p(-tau), torch.log(tau)

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = -\dot\tau/(1 - \tau)$, $h = \dot\tau/\tau$."""
        tau, speed = self._tau(t), self.tau_max - self.tau_min
        return -speed / (1 - tau), speed / tau

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$\tau/(1 - \tau) = e^{-\lambda/2}$."""
        return (torch.sigmoid(-0.5 * log_snr) - self.tau_min) / (self.tau_max - self.tau_min)


def _check_range(sigma_min: float, sigma_max: float) -> None:
    if not 0 < sigma_min < sigma_max:
        raise InputError(f"expected 0 < sigma_min < sigma_max, got {sigma_min} and {sigma_max}")
