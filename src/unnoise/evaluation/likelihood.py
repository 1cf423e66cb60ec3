r"""How likely data are under a denoising Markov model, in nats.

Two answers. The **bound**, on every space:

$$-\log p(x_0) \le KL(q_{1|0} \| p_1) + \int_0^1 E[\Phi(q_{t|0}/\beta_t)(X_t)]\,dt + \text{reconstruction},$$

and, where the reverse has a deterministic twin, the **probability flow** $\dot x = v_t(x)$, whose density is exact:
$\log p(x_0) = \log p_1(x_1) + \int_0^1 \nabla\cdot v_t(x_t)\,dt$ (Song et al. 2021, arXiv 2011.13456; Chen et al. 2018,
arXiv 1806.07366). Both speak of the same trained denoiser and of two different models; they agree where it is exact.

Densities are with respect to the reference measure of the process's space. Rows are handled in groups, so that
memory does not grow with their number.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser
from unnoise.evaluation.decoders import Decoder
from unnoise.objectives.times import ImportanceTimes, Times, times_at
from unnoise.processes import HasKernel, require
from unnoise.samplers.base import batches, default_batch_size
from unnoise.samplers.ode import integrate
from unnoise.spaces import Continuum, Manifold

OnRows = Callable[[int], None]


@dataclass(frozen=True)
class Estimate:
    """Log-likelihoods of rows, in nats.

    Attributes:
        log_prob: (n,), the log density or a lower bound on it.
        standard_error: (n,), of the Monte Carlo error of each row; 0 where the answer is deterministic.
        parts: what the log-likelihood is the sum of, each (n,).
        method: how it was computed, in words: with which decoder or dequantisation, where data are whole numbers.
        degrees_of_freedom: of the standard errors; None where they are known.
    """

    log_prob: Tensor
    standard_error: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
    method: str = ""
    degrees_of_freedom: int | None = None

    @property
    def mean(self) -> tuple[float, float]:
        """The mean over rows and the standard error of Monte Carlo alone (not of the choice of rows)."""
        n = len(self.log_prob)
        return float(self.log_prob.mean()), float(self.standard_error.square().sum().sqrt() / n)

    def interval(self, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
        """Where each row's answer without Monte Carlo error lies, (n,) and (n,), by Student's law.

        An error that was itself estimated from few draws is larger than it looks: with 8 probes, 95 % take 2.4 standard
        errors and not 2.

        Raises:
            InputError: a confidence that is not between 0 and 1.
        """
        from scipy import stats

        if not 0 < confidence < 1:
            raise InputError(f"got a confidence of {confidence}; expected a number between 0 and 1, such as 0.95")
        upper = 0.5 * (1 + confidence)
        reach = float(
            stats.norm.ppf(upper) if self.degrees_of_freedom is None else stats.t.ppf(upper, self.degrees_of_freedom)
        )
        return self.log_prob - reach * self.standard_error, self.log_prob + reach * self.standard_error


class Likelihood(ABC):
    """A way to ask a denoiser how likely data are."""

    name: str

    @property
    def description(self) -> str:
        """The name, and what else decides the answer, such as the decoder."""
        return self.name

    @abstractmethod
    def __call__(
        self,
        denoiser: Denoiser,
        x_0: Any,
        rng: torch.Generator,
        cond: Any = None,
        *,
        on_rows: OnRows | None = None,
    ) -> Estimate:
        """Evaluate rows x_0; `on_rows(done)` is told how many are done."""


def in_groups(size: int, x_0: Any, cond: Any, one: Callable[[Any, Any], Estimate], on_rows: OnRows | None) -> Estimate:
    """Evaluate groups of at most `size` rows by `one`, and join what it gives."""
    done = []
    for rows in batches(_tree.length(x_0), size):
        group, group_cond = (
            None if tree is None else _tree.map(lambda leaf, rows=rows: leaf[rows], tree) for tree in (x_0, cond)
        )
        done.append(one(group, group_cond))
        if on_rows is not None:
            on_rows(rows.stop)
    return Estimate(
        torch.cat([part.log_prob for part in done]),
        torch.cat([part.standard_error for part in done]),
        {name: torch.cat([part.parts[name] for part in done]) for name in done[0].parts},
        done[0].method,
        done[0].degrees_of_freedom,
    )


def _frozen_copy(denoiser: Denoiser, dtype: torch.dtype | None) -> Denoiser:
    """A copy in another precision that needs no gradient, so that the caller's denoiser is left as it is."""
    return copy.deepcopy(denoiser).requires_grad_(False).eval().to(dtype)


class Stratified(Likelihood):
    """A bound by Monte Carlo: each row sees `draws` numbers, one in each of as many strata of (0, 1).

    The standard error of a row comes from the differences of neighbouring strata.
    """

    draws: int
    batch_size: int | None

    def __post_init__(self) -> None:
        if self.draws < 2 or self.draws % 2:
            raise InputError(f"got draws={self.draws}; the bound needs an even number of draws per row, at least 2")

    @torch.no_grad()
    def __call__(
        self,
        denoiser: Denoiser,
        x_0: Any,
        rng: torch.Generator,
        cond: Any = None,
        *,
        on_rows: OnRows | None = None,
    ) -> Estimate:
        """See the class."""
        denoiser.process.check(x_0)
        size = max(1, (self.batch_size or self.at_once(denoiser)) // self.draws)
        return in_groups(size, x_0, cond, lambda x, c: self.group(denoiser, x, c, rng), on_rows)

    @abstractmethod
    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """The bound of a few rows."""

    def at_once(self, denoiser: Denoiser) -> int:
        """Evaluations at once, where nothing else is asked for: half a million numbers."""
        return default_batch_size(denoiser.process.space.event_shape)

    def repeated(self, tree: Any) -> Any:
        """Every row `draws` times in a row, or None."""
        return None if tree is None else _tree.map(lambda leaf: leaf.repeat_interleave(self.draws, 0), tree)

    def strata(self, n: int, rng: torch.Generator, dtype: torch.dtype | None = None) -> Tensor:
        """Uniform numbers, one in each stratum of every row, (n * draws,)."""
        offsets = torch.rand(n, self.draws, generator=rng, device=rng.device, dtype=dtype)
        return ((offsets + torch.arange(self.draws, device=rng.device)) / self.draws).flatten()

    def error(self, cost: Tensor) -> Tensor:
        """The standard error of the means of costs (n, draws)."""
        return (cost[:, 0::2] - cost[:, 1::2]).square().sum(1).sqrt() / self.draws


@dataclass(frozen=True)
class Bound(Stratified):
    """The lower bound by Monte Carlo over time and noise.

    Each row sees `draws` times, one in each of as many strata of equal mass; the process's own control variate takes
    out most of the noise; the standard error comes from the differences of neighbouring strata. The parts are
    `prior`, `diffusion` and `reconstruction`.

    It bounds a density; with a decoder, where data lie on the levels of a lattice, the probability of the levels.

    Args:
        draws: network evaluations per row, an even number.
        times: where to look; lowers the variance, never changes the mean.
        batch_size: evaluations at once; by default half a million numbers.
        decoder: of whole numbers, `SoftmaxDecoder` or `BinDecoder`, for a model that was trained on the levels
            themselves; None for the Gaussian density.
    """

    draws: int = 128
    times: Times = field(default_factory=ImportanceTimes)
    batch_size: int | None = None
    name: str = "lower bound"
    decoder: Decoder | None = None

    @property
    def description(self) -> str:
        """With the decoder."""
        return self.name if self.decoder is None else f"{self.name}, {self.decoder.name}"

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """See the class."""
        process, n = require(denoiser.process, HasKernel, "Bound", "evaluation.ImplicitBound"), _tree.length(x_0)
        x_0, cond = self.repeated(x_0), self.repeated(cond)
        prior = self._prior_cost(process, x_0, rng).view(n, self.draws)
        diffusion = self._diffusion_cost(process, denoiser, x_0, cond, rng, n)
        decoder = self.decoder
        last = process.reconstruction(x_0) if decoder is None else decoder.cost(denoiser, x_0, cond, rng)
        parts = {"prior": prior, "diffusion": diffusion, "reconstruction": last.view(n, self.draws)}
        cost = torch.stack(list(parts.values())).sum(0)
        means = {name: -part.mean(1) for name, part in parts.items()}
        return Estimate(-cost.mean(1), self.error(cost), means, self.description, self.draws // 2)

    def _prior_cost(self, process: HasKernel[Any], x_0: Any, rng: torch.Generator) -> Tensor:
        """A draw of log q_{1|0} / p_1, whose mean is the divergence."""
        law = process.marginal(x_0, torch.ones((), device=_tree.first(x_0).device))
        x_1 = law.sample(rng)
        prior = process.prior(_tree.length(x_0)).log_prob(_tree.map(lambda leaf: leaf.cpu(), x_1))
        return law.log_prob(x_1) - prior.to(_tree.first(x_0).device)

    def _diffusion_cost(
        self, process: HasKernel[Any], denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, n: int
    ) -> Tensor:
        like = _tree.first(x_0)
        u = self.strata(n, rng).to(like if like.is_floating_point() else like.device)
        t, density = times_at(self.times, process, u)
        x_t = process.marginal(x_0, t).sample(rng)
        price = process.kl_rate(denoiser(x_t, t, cond), process.target(x_0, x_t, t), x_t, t) / density
        control = process.control_variate(x_0, x_t, t) / density
        return _controlled(price.view(n, -1), control.view(n, -1))


def _controlled(cost: Tensor, control: Tensor) -> Tensor:
    """The costs (n, draws) less their regression on a control of mean zero, stratum by stratum.

    The slopes that even rows use come from odd rows, and the other way round, so the mean stays exact.
    """
    n, draws = cost.shape
    width = max(1, min(16, draws // 8))  # strata that share a slope, to have enough rows for it
    kept = draws // width * width
    result = cost.clone()
    for rows, others in ((slice(0, n, 2), slice(1, n, 2)), (slice(1, n, 2), slice(0, n, 2))):
        y, z = (part[others, :kept].reshape(-1, kept // width, width) for part in (cost, control))
        y = torch.where(y.isfinite(), y, 0.0)  # an impossible row says nothing of the others
        covariance = ((y - y.mean((0, 2), keepdim=True)) * z).sum((0, 2))
        slope = covariance / z.square().sum((0, 2)).clamp(min=torch.finfo(z.dtype).tiny)
        result[rows, :kept] -= slope.repeat_interleave(width) * control[rows, :kept]
    return result


@dataclass(frozen=True)
class ProbabilityFlow(Likelihood):
    """The exact log density of the probability flow.

    The divergence is an exact trace up to `exact_up_to` dimensions; above, Hutchinson's estimate with `probes`
    Rademacher vectors per row, held fixed along the path, whose spread gives the printed standard error. Every row is
    integrated with its own adaptive steps, so that its result does not depend on the other rows. On curved spaces it
    runs in ambient coordinates, and the velocity is that of the nearest point.

    The error of the solver is not in the standard error: at the default tolerance it is below 0.01 nats in a few
    dimensions, and of the order of a ten-thousandth of the log volume in many, a tenth of a nat for 784 numbers.

    Args:
        tolerance: of the solver, absolute and relative.
        exact_up_to: the largest dimension whose trace is computed exactly.
        probes: random vectors per row above that.
        dtype: precision of the integration; the denoiser is copied to it.
        batch_size: rows at once; by default as many as keep a trace at a quarter of a million numbers.
    """

    tolerance: float = 1e-4
    exact_up_to: int = 64
    probes: int = 8
    dtype: torch.dtype = torch.float64
    batch_size: int | None = None
    name: str = "exact log density of the probability flow"

    def __post_init__(self) -> None:
        if self.probes < 2:
            raise InputError(f"got probes={self.probes}; at least 2 are needed to tell their spread")

    def is_exact(self, space: Continuum) -> bool:
        """Whether the divergence is traced exactly in a space, so that there is no Monte Carlo error."""
        return space.dimension <= self.exact_up_to

    def __call__(
        self,
        denoiser: Denoiser,
        x_0: Any,
        rng: torch.Generator,
        cond: Any = None,
        *,
        on_rows: OnRows | None = None,
    ) -> Estimate:
        """See the class."""
        space = denoiser.process.space
        if not isinstance(space, Continuum):
            raise InputError(
                f"the probability flow needs a manifold, and {type(space).__name__} is none: use evaluation.Bound"
            )
        denoiser.process.check(x_0)
        probes = None if self.is_exact(space) else self.probes
        numbers = torch.Size(space.event_shape).numel()
        size = self.batch_size or max(1, min(2048, 2**18 // (numbers * (probes or space.dimension))))
        denoiser = _frozen_copy(denoiser, self.dtype)
        x_0, cond = (
            None if tree is None else _tree.map(lambda leaf: leaf.to(self.dtype), tree) for tree in (x_0, cond)
        )
        return in_groups(size, x_0, cond, lambda x, c: self._group(denoiser, x, c, probes, rng), on_rows)

    @torch.no_grad()
    def _group(self, denoiser: Denoiser, x_0: Any, cond: Any, probes: int | None, rng: torch.Generator) -> Estimate:
        process, n = denoiser.process, _tree.length(x_0)
        signs = None if probes is None else _tree.map(lambda leaf: _rademacher((probes, *leaf.shape), leaf, rng), x_0)
        size = _tree.numel_per_row(x_0)

        def velocity(t: Tensor, y: Tensor, rows: Tensor) -> Tensor:
            group = None if cond is None else _tree.map(lambda leaf: leaf[rows], cond)
            chosen = None if signs is None else _tree.map(lambda leaf: leaf[:, rows], signs)
            speed, divergence = _flow(denoiser, _tree.unravel(y[:, :size], x_0), t, group, chosen)
            return torch.cat([_tree.ravel(speed), divergence.reshape(-1, len(y)).T], 1)

        first, begin = process.encode(x_0)
        start = torch.cat([_tree.ravel(first), begin.new_zeros(n, probes or 1)], 1)
        end = integrate(velocity, start, tolerance=self.tolerance)
        space: Any = process.space
        last = space.project(_tree.unravel(end[:, :size], x_0))
        prior = process.prior(n).log_prob(_tree.map(lambda leaf: leaf.cpu(), last)).to(begin)
        volumes = end[:, size:]
        error = volumes.std(1) / probes**0.5 if probes else torch.zeros_like(prior)
        volume = volumes.mean(1) + begin
        parts = {"prior": prior, "volume": volume}
        return Estimate(prior + volume, error, parts, self.description, None if probes is None else probes - 1)


def _flow(denoiser: Denoiser, x: Any, t: Tensor, cond: Any, signs: Any) -> tuple[Any, Tensor]:
    """The velocity of the probability flow from data to noise, and its divergence, at the points nearest to x."""
    process = denoiser.process
    space: Any = process.space
    x = space.project(x)

    def field(y: Any) -> Any:
        local = process.reverse(y, denoiser(y, t, cond), t, churn=0.0)
        return _tree.map(lambda part: -part.drift, local)

    result: tuple[Any, Tensor] = space.divergence(field, x, None if signs is None else _probes(space, x, signs))
    return result


def _probes(space: Any, x: Any, signs: Any) -> Any:
    """Tangent vectors of unit covariance, from random signs in ambient coordinates.

    Where the metric is a multiple of that of the coordinates, a gradient is longer than the tangent part of the partial
    derivatives, and the unit is between the two.
    """
    tangent = space.tangent(x, signs)
    if not isinstance(space, Manifold):
        return tangent
    return _tree.map(
        lambda v, w: v * (w.norm() / v.norm().clamp(min=1e-30)).sqrt(), tangent, space.riemannian_gradient(x, signs)
    )


def _rademacher(shape: tuple[int, ...], like: Tensor, rng: torch.Generator) -> Tensor:
    signs = torch.randint(0, 2, shape, generator=rng, device=rng.device)
    return (2 * signs - 1).to(like)
