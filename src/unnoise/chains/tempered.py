r"""A denoiser estimated from an unnormalised density with several modes, in many dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, whole
from unnoise._errors import NonFiniteError
from unnoise.chains.base import run
from unnoise.chains.estimates import Estimated, PosteriorMean
from unnoise.chains.langevin import MALA
from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.laws.categorical import effective_size, systematic
from unnoise.processes import Gaussian

KEPT = 0.8  # effective share of the particles after every rise of the exponent
ACCEPTED = 0.574  # of MALA's moves, best in many dimensions (Roberts, Rosenthal 1998)
GAIN = 3.0  # of the log step size, per missing acceptance
MOST_RISES = 200  # nothing is claimed where the exponent is below 1 then
HALVINGS = 12  # of the log interval in which a rise is searched


class TemperedPosterior(Estimated):
    r"""Sequential Monte Carlo from $N(y, \sigma^2 I)$ to $p(x | y)$, for every y anew.

    Particles pass through $p(x)^\beta N(x; y, \sigma^2 I)$: $\beta$ rises from 0 to 1 by as much as leaves four fifths
    of them effective; then they are drawn again and moved by MALA (Del Moral, Doucet, Jasra 2006). So modes far apart
    have the weight of their mass. The number of rises grows as $KL(p(x | y) \| N(y, \sigma^2 I))$, where `PlugIn` needs
    the exponential of that many draws. With few effective draws it leans towards the modes around y, by a share
    1/effective.

    Args:
        process: Gaussian: it says which noise belongs to which time.
        density: known up to a constant.
        particles: for every point, at least 2.
        moves: after every rise.

    >>> from unnoise.laws import Normal
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> normal = Normal(torch.zeros(5), torch.ones(()), event_ndim=1)
    >>> denoiser = TemperedPosterior(edm(Euclidean(5)), normal, 4096, torch.Generator().manual_seed(0))
    >>> bool((denoiser.estimate(torch.ones(1, 5), 2.0).mean - 0.2).abs().max() < 0.1)
    True
    """

    def __init__(
        self, process: Gaussian, density: LogDensity[Tensor], particles: int, rng: torch.Generator, moves: int = 3
    ) -> None:
        super().__init__(process, density, rng)
        whole(least=2, particles=particles)
        whole(least=1, most=MOST_STEPS, moves=moves)
        self.particles = self.draws = particles
        self.moves = moves

    def _estimate(self, y: Tensor, sigma: float) -> PosteriorMean:
        cloud = self._drawn(y, sigma)
        _check(cloud.log_p)
        nowhere = torch.isneginf(cloud.log_p).all(1)  # nothing is known: the mean is y
        cloud = replace(cloud, beta=torch.where(nowhere, 1.0, cloud.beta))
        for _ in range(MOST_RISES):
            rise = _rise(cloud.log_p, 1 - cloud.beta)
            log_weights = torch.where(rise[:, None] > 0, rise[:, None] * cloud.log_p, 0.0)
            cloud = replace(cloud, beta=cloud.beta + rise)
            if bool((cloud.beta >= 1).all()):
                break
            cloud = self._moved(cloud.drawn_again(log_weights, self.rng), y, sigma)
        found = cloud.estimate(log_weights)
        mean = torch.where(_like(nowhere, y), y, found.mean)
        return PosteriorMean(mean, torch.where(nowhere | (cloud.beta < 1), 0.0, found.effective))

    def _drawn(self, y: Tensor, sigma: float) -> _Particles:
        noise = standard_normal((len(y), self.particles, *y.shape[1:]), y, self.rng)
        x = torch.add(y[:, None], noise, alpha=sigma)
        families = torch.arange(self.particles, device=y.device).expand(len(y), -1)
        width = y.new_full((len(y),), 1.1 * sigma * y[0].numel() ** (-1 / 6))  # best for MALA on a normal
        return _Particles(x, self._log_p(x), families, y.new_zeros(len(y)), width)

    def _log_p(self, x: Tensor) -> Tensor:
        return self.density.log_prob(x.flatten(0, 1)).reshape(x.shape[:2])

    def _moved(self, cloud: _Particles, y: Tensor, sigma: float) -> _Particles:
        """MALA in units of the row's step size, which then follows the acceptance."""
        start, each = cloud.x.flatten(0, 1), self.particles
        width, beta = (_like(values.repeat_interleave(each), start) for values in (cloud.width, cloud.beta))
        kernel = MALA(_Bridge(self.density, start, width, beta, y.repeat_interleave(each, 0), sigma), 1.0)
        begin = kernel.start(torch.zeros_like(start), self.rng)
        state = run(kernel, begin, self.moves, self.rng).state
        x = cloud.x + _like(cloud.width, cloud.x) * state.x.reshape(cloud.x.shape)
        accepted = torch.as_tensor(state.acceptance).reshape(len(y), -1).mean(1)
        width = cloud.width * torch.exp(0.5 * GAIN * (accepted - ACCEPTED))
        return replace(cloud, x=x, log_p=self._log_p(x), width=width)


@dataclass(frozen=True)
class _Bridge(LogDensity[Tensor]):
    r"""$\beta\log p(x) - |x - y|^2/2\sigma^2$ as a function of u in $x = x_0 + \sqrt h\,u$."""

    density: LogDensity[Tensor]
    start: Tensor
    width: Tensor
    beta: Tensor
    y: Tensor
    sigma: float

    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_prob_and_score(x)[0]

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.start + self.width * x
        log_prob, score = self.density.log_prob_and_score(x)
        offset = x - self.y
        value = self.beta.flatten() * log_prob - 0.5 * (offset / self.sigma).flatten(1).square().sum(1)
        return value, self.width * (self.beta * score - offset / self.sigma**2)


@dataclass(frozen=True)
class _Particles:
    """The c particles of each of n rows.

    Attributes:
        x: (n, c, *event).
        log_p: their log densities, (n, c).
        families: which of the first particles they descend from, (n, c).
        beta: the exponent of every row, (n,).
        width: the root of the step size of every row, (n,).
    """

    x: Tensor
    log_p: Tensor
    families: Tensor
    beta: Tensor
    width: Tensor

    def drawn_again(self, log_weights: Tensor, rng: torch.Generator) -> _Particles:
        chosen = systematic(log_weights, log_weights.shape[1], rng)
        rows = torch.arange(len(chosen), device=chosen.device)[:, None]
        return replace(
            self, x=self.x[rows, chosen], log_p=self.log_p[rows, chosen], families=self.families[rows, chosen]
        )

    def estimate(self, log_weights: Tensor) -> PosteriorMean:
        r"""The weighted mean; one family counts as one draw, since none changes its mode."""
        weights = torch.softmax(log_weights, 1)
        mean = torch.einsum("nc,nc...->n...", weights, self.x)
        of_family = torch.zeros_like(weights).scatter_add_(1, self.families, weights)
        return PosteriorMean(mean, 1 / of_family.square().sum(1))


def _rise(log_p: Tensor, room: Tensor) -> Tensor:
    """The rise of every exponent, (n,), that leaves KEPT of the particles effective."""
    enough = KEPT * log_p.shape[1]
    low, high = room.new_full(room.shape, math.log(1e-12)), room.clamp(min=1e-12).log()
    whole = (room <= 0) | (effective_size(room[:, None] * log_p) >= enough)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        fine = effective_size(middle.exp()[:, None] * log_p) >= enough
        low, high = torch.where(fine, middle, low), torch.where(fine, high, middle)
    return torch.where(whole, room, low.exp())


def _check(log_p: Tensor) -> None:
    bad = log_p.isnan() | torch.isposinf(log_p)
    if bad.any():
        raise NonFiniteError(
            f"the log density is NaN or infinite at {int(bad.sum())} of {log_p.numel()} draws around y; return finite "
            "numbers, or -inf where there is no density"
        )


def _like(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (x.ndim - 1))
