r"""Sampling by measurements $Y_k = X + \sigma_k N_k$: draw them, then jump to $E[X | Y_{1:m}]$.

All that m measurements say of X is in their mean, weighted by precision: one measurement at the level
$s_m = (\sum_k\sigma_k^{-2})^{-1/2}$. So a denoiser at all levels (`AtNoise`) is enough;
$E|X - E[X | Y_{1:m}]|^2 \le s_m^2 d$.

* `Sequential` (SMS; Saremi, Park, Bach 2024, arXiv 2305.19473) draws $Y_k$ given $Y_{1:k-1}$ by a few steps of a chain.
* `Localization` (Eldan 2013; Montanari 2023, arXiv 2305.10690) draws it as $E[X | Y_{1:k-1}] + \sigma_k z$: Euler steps
  of length $\delta = \sigma_k^{-2}$ for $dZ = E[X | Z_t]dt + dB$ with $Y_k = (Z_{t + \delta} - Z_t)/\delta$.

Jumps vary less than X within each mode: let levels fall (`growing_levels`), or end with a few steps of `MALA` on p.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, instance, real, reals, whole
from unnoise._errors import InputError
from unnoise.chains.at_noise import AtNoise
from unnoise.chains.base import ChainSampler, OnStep, located, run
from unnoise.chains.density import Field
from unnoise.chains.mixing import start_correlation, warn_if_kept
from unnoise.chains.underdamped import Sachs
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian


@dataclass(frozen=True)
class Mean:
    """What is kept of the measurements so far.

    Attributes:
        value: their mean, weighted by precision, (n, *event).
        precision: the sum of their precisions; 0 before the first.
    """

    value: Tensor
    precision: float = 0.0

    def __post_init__(self) -> None:
        instance(Tensor, value=self.value)
        real(least=0, precision=self.precision)

    @property
    def level(self) -> float:
        """The noise left in the mean."""
        return self.precision**-0.5 if self.precision else math.inf

    def with_one_more(self, y: Tensor, sigma: float) -> Mean:
        """The mean after one more measurement of noise sigma."""
        precision = self.precision + sigma**-2
        return Mean(torch.lerp(self.value, y, sigma**-2 / precision), precision)


def conditional(noisy: AtNoise, past: Mean, sigma: float) -> Field:
    r"""The law of the next measurement $Y_k = X + \sigma_k N_k$ given the ones before, $Y_{1:k-1}$.

    By its score $\nabla_y\log p(y | Y_{1:k-1}) = (E[X | Y_{1:k-1}, Y_k = y] - y)/\sigma_k^2$, of a density with respect
    to Lebesgue measure (Saremi, Park, Bach 2024, arXiv 2305.19473).

    Args:
        noisy: the target at any level of noise.
        past: what the first k - 1 measurements say.
        sigma: $\sigma_k$, in the units of the points.

    >>> from unnoise import denoisers, laws, processes, spaces
    >>> law = laws.GaussianMixture(torch.ones(1), torch.zeros(1, 1), torch.full((1, 1, 1), 4.0))  # X ~ N(0, 4)
    >>> noisy = AtNoise(denoisers.ExactMixture(processes.edm(spaces.Euclidean(1)), law))
    >>> conditional(noisy, Mean(torch.zeros(1, 1)), 1.0).score(torch.tensor([[5.0]]))  # of Y_1 ~ N(0, 5)
    tensor([[-1.0000]])
    """
    level = noisy.at((past.precision + sigma**-2) ** -0.5)
    return Field(lambda y: (level.denoise(past.with_one_more(y, sigma).value) - y).div_(sigma**2))


@dataclass(frozen=True)
class Measurements(ChainSampler):
    r"""One measurement after the other; subclasses say how each is drawn.

    Args:
        sigmas: the noise of every measurement; by default, for standardised data, 20 of $\sqrt d$ in d dimensions, then
            finer ones to a level of 0.1.
    """

    noisy: AtNoise
    sigmas: Sequence[float] | None = None

    def __post_init__(self) -> None:
        instance(AtNoise, noisy=self.noisy)
        reals("sigmas", self.levels, above=0)

    @property
    def levels(self) -> Sequence[float]:
        """The noise of every measurement."""
        if self.sigmas is not None:
            return self.sigmas
        return growing_levels(math.sqrt(self.noisy.process.space.dimension), 20, last=0.1)

    @property
    def reports(self) -> int:
        """One for every measurement."""
        return len(self.levels)

    @abstractmethod
    def measure(self, y: Tensor, past: Mean, sigma: float, rng: torch.Generator) -> Tensor:
        r"""A draw of $Y_k$ given the mean of those before, from a first guess."""

    @torch.no_grad()
    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep = None) -> Tensor:
        """The jump after the last measurement, (n, *event), from guesses of the target's mean."""
        instance(torch.Generator, rng=rng)
        x = self.noisy.guess(start)
        past = Mean(torch.zeros_like(x))
        for k, sigma in enumerate(self.levels):
            guess = torch.add(x, standard_normal(tuple(x.shape), x, rng), alpha=sigma)
            with located(f"measurement {k + 1} of {len(self.levels)}"):
                past = past.with_one_more(self.measure(guess, past, sigma, rng), sigma)
            x = self.noisy.denoise(past.value, past.level)
            if k == 0:
                self._check_mixing(guess, x)
            if on_step is not None:
                on_step(k, past)
        return x

    def _check_mixing(self, guess: Tensor, jump: Tensor) -> None:
        """Warn if the first measurement did not mix; nothing by default."""
        return


@dataclass(frozen=True)
class Sequential(Measurements):
    r"""SMS: each measurement by underdamped Langevin steps from jump $+ \sigma z$.

    One step size in units of $\sigma_k$ serves all, as conditionals curve by at most $\sigma_k^{-2}$. It costs about
    `len(levels) * (steps + 1) + 1.6 * first` scores per sample, and warns (`NotMixedWarning`) where the first chains
    remember their start.

    Args:
        sigmas: as from `equal_levels` or `growing_levels`.
        steps: chain steps per measurement.
        delta: step size in units of $\sigma_k$.
        friction: per step, as `Underdamped`.
        first: steps of the first measurement, which weighs the modes; the k-th takes $\text{first}/k^2$ if more than
            `steps`.

    >>> from unnoise.denoisers import ExactMixture
    >>> from unnoise.laws import GaussianMixture
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> law = GaussianMixture(torch.tensor([0.8, 0.2]), torch.tensor([[3.0], [-3.0]]), torch.ones(2, 1, 1))
    >>> noisy = AtNoise(ExactMixture(edm(Euclidean(1)), law))
    >>> sampler = Sequential(noisy, growing_levels(3.0, 20, last=0.15))
    >>> draws = sampler.sample(torch.zeros(4000, 1), torch.Generator().manual_seed(0))
    >>> bool(abs((draws > 0).float().mean() - 0.8) < 0.03)
    True
    """

    steps: int = 4
    delta: float = 0.5
    friction: float = 0.5
    first: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(least=1, most=MOST_STEPS, steps=self.steps, first=self.first)
        real(above=0, delta=self.delta, friction=self.friction)

    def measure(self, y: Tensor, past: Mean, sigma: float, rng: torch.Generator) -> Tensor:
        """A short chain on the conditional."""
        kernel = Sachs(conditional(self.noisy, past, sigma), self.delta * sigma, self.friction)
        return run(kernel, kernel.start(y, rng), self._count(past.precision, sigma), rng).x

    @property
    def scores(self) -> int:
        """How often the denoiser is asked for one sample."""
        precisions = itertools.accumulate((sigma**-2 for sigma in self.levels), initial=0.0)
        return sum(self._count(before, sigma) + 1 for before, sigma in zip(precisions, self.levels, strict=False))

    def _count(self, precision: float, sigma: float) -> int:
        """Chain steps after others of this precision."""
        share = sigma**-2 / (precision + sigma**-2)  # 1/k at equal levels
        return max(self.steps, round(self.first * share**2))

    def _check_mixing(self, guess: Tensor, jump: Tensor) -> None:
        """Later measurements leave the mean of the jumps where it is."""
        if len(jump) > 1:
            warn_if_kept(
                start_correlation(guess, jump),
                f"after {max(self.first, self.steps)} steps the first measurement",
                f"take a larger first, or a larger noise than {self.levels[0]:.4g}",
            )


@dataclass(frozen=True)
class Localization(Measurements):
    r"""Stochastic localization by Euler steps of length $\sigma_k^{-2}$: a measurement is its first guess.

    One score per step; the start stands for E[X].

    Args:
        sigmas: as for `Sequential`, with more and smaller steps.
    """

    def measure(self, y: Tensor, past: Mean, sigma: float, rng: torch.Generator) -> Tensor:
        """The guess."""
        return y


def equal_levels(sigma: float, m: int) -> list[float]:
    r"""The levels of m equal measurements: jumps shrink the variance of a mode to $\tau^4/(\tau^2 + \sigma^2/m)$.

    Args:
        sigma: of one measurement, in the units of the points.
        m: how many.

    >>> equal_levels(2.0, 3)
    [2.0, 2.0, 2.0]
    """
    real(above=0, sigma=sigma)
    whole(least=1, most=MOST_STEPS, m=m)
    return [float(sigma)] * m


def growing_levels(sigma: float, m: int, last: float) -> list[float]:
    r"""The levels of m equal measurements, then ever finer ones, until the level of their mean is `last`.

    From the m-th on every measurement multiplies the precision by $1 + 1/m$, so no conditional is harder than those
    before, and $m(1 + 2\log(s_m/\text{last}))$ measurements do the work of $\sigma^2/\text{last}^2$ equal ones.

    >>> levels = growing_levels(4.0, 20, last=0.1)
    >>> len(levels), sum(sigma**-2 for sigma in levels) ** -0.5
    (110, 0.1)
    """
    real(above=0, sigma=sigma, last=last)
    whole(least=1, most=MOST_STEPS, m=m)
    reached, wanted = m / sigma**2, last**-2
    if wanted < reached:
        raise InputError(
            f"got last = {last}, above the level {reached**-0.5:.4g} that {m} measurements reach; give fewer, "
            "or a smaller last"
        )
    count = math.ceil(math.log(wanted / reached) / math.log1p(1 / m) - 1e-9)
    precisions = [reached * (wanted / reached) ** (k / count) for k in range(count + 1)] if count else [reached]
    return equal_levels(sigma, m) + [(b - a) ** -0.5 for a, b in itertools.pairwise(precisions)]


def snr_levels(process: Gaussian, times: Tensor) -> list[float]:
    r"""The measurements that a Gaussian process run backwards is: a step from t to s adds $\mathrm{SNR}(s) -
    \mathrm{SNR}(t)$ to the precision.

    The first is $x_t/\alpha_t$ at the first time, and $x_s/\alpha_s$ is the mean of all up to s: a diffusion model is
    many noisy observations of the data (Kingma et al. 2021, arXiv 2107.00630). With these levels `Localization` takes
    the very steps of `samplers.Ancestral`. Times are decreasing, (m,).

    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> process = edm(Euclidean(1))
    >>> levels = snr_levels(process, process.time_at(torch.log(torch.tensor([1.0, 4.0, 9.0]))))
    >>> [round(sigma**-2, 3) for sigma in levels]
    [1.0, 3.0, 5.0]

    Raises:
        InputError: times that do not decrease.
    """  # noqa: D205
    log_snr = process.log_snr(times.double())
    if len(times) == 0 or not (log_snr.diff() > 0).all():
        raise InputError(f"got {len(times)} times; expected at least one, decreasing from noise to data, as of a grid")
    gained = torch.cat([log_snr[:1].exp(), log_snr[:-1].exp() * torch.expm1(log_snr.diff())])
    return gained.rsqrt().tolist()
