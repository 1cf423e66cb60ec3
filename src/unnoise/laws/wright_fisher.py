r"""The transition law of Wright-Fisher noise, exactly: a mixture of Dirichlet laws over ancestors.

With $M \sim q^\theta(t)$ lines left of the past (`lineages`), and $L \sim \mathrm{Mult}(M, x_0)$ of them of each type,
$x_t \sim \mathrm{Dir}(\alpha + L)$ (Griffiths and Li 1983; Jenkins and Spano 2017, arXiv 1506.06998). Summed over M and
L,

$$q(y | x) = \prod_i y_i^{\alpha_i - 1}\ \sum_m q_m\,\Gamma(\theta + m)\,m!\,c_m, \qquad
\sum_m c_m z^m = \prod_i \sum_l \frac{(x_i y_i z)^l}{l!\,\Gamma(\alpha_i + l)},$$

where nothing cancels. The product of N power series is taken by fast Fourier transforms of a window of K terms, tilted
by $z^m \to (R z)^m$ so that the series and the sum over m are largest at the same m (a saddle point). K grows as
$t^{-1/2}$, and a pair of points takes N K numbers.

The same sums give $\Lambda_i = E[L_i | x, y]$ and the score, $\partial_i\log q = (\alpha_i - 1 + \Lambda_i)/y_i$.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance
from unnoise._roots import bisect
from unnoise.laws.base import Law
from unnoise.laws.dirichlet import LEAST, Dirichlet
from unnoise.laws.lineages import SINGLE, Lineages, products_of_others

WINDOW, LEAST_WINDOW = 14.0, 24  # terms per standard deviation of the tilted series, and at least
POINTS = 16  # of the interpolation of the weights over a window
NUMBERS_AT_ONCE = 2**21


@dataclass(frozen=True)
class WrightFisherKernel(Law[Tensor]):
    r"""The law at `time` of Wright-Fisher noise from x_0; density with respect to Lebesgue measure on N - 1 parts.

    Args:
        x_0: where the noise began, (*batch, N).
        alpha: $\alpha$, (N,), of the stationary law.
        time: broadcasts against the batch, within the range of the table.
        lineages: the table of $q_m$ for $\theta = \sum_i\alpha_i$.
    """

    x_0: Tensor
    alpha: Tensor
    time: Tensor
    lineages: Lineages

    def __post_init__(self) -> None:
        instance(Tensor, x_0=self.x_0, alpha=self.alpha, time=self.time)
        instance(Lineages, lineages=self.lineages)

    @property
    def batch_shape(self) -> torch.Size:
        """That of x_0 and of the time."""
        shape: torch.Size = torch.broadcast_shapes(self.x_0.shape[:-1], self.time.shape)  # type: ignore[no-untyped-call]
        return shape

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, N): ancestors, then their Dirichlet law."""
        return self.sample_with_ancestors(rng, shape)[0]

    def sample_with_ancestors(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> tuple[Tensor, Tensor]:
        """Draws, and the ancestors $L$ that they came from, both (*shape, *batch, N)."""
        batch = (*shape, *self.batch_shape)
        times = self.time.to(self.x_0.device).double().expand(batch)
        lines = self.lineages.sample(times.reshape(-1), rng).reshape(batch)
        ancestors = multinomial(lines, self.x_0.double().expand(*batch, -1), rng)
        drawn = Dirichlet(self.alpha.to(ancestors) + ancestors).sample(rng)
        return drawn.to(self.x_0), ancestors.to(self.x_0)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats, (*batch,)."""
        return self._sums(x, ancestors=False)[0].to(x)

    def score(self, x: Tensor) -> Tensor:
        r"""$(\alpha - 1 + \Lambda)/x$, up to a constant."""
        return (self.alpha.to(x) - 1) / x.clamp(min=LEAST) + self.relative_score(x)

    def relative_score(self, x: Tensor) -> Tensor:
        r"""$\Lambda/x$, relative to the stationary law, less a constant for $\sum_i x_i r_i = 0$.

        Bounded at the faces, for any fixed x_0.
        """
        ancestors = self._sums(x, ancestors=True)[1]
        wide = x.double().clamp(min=LEAST)
        return (ancestors / wide - ancestors.sum(-1, keepdim=True)).to(x)

    def _sums(self, x: Tensor, *, ancestors: bool) -> tuple[Tensor, Tensor]:
        """The log density and, if asked for, the mean ancestors."""
        batch = torch.broadcast_shapes(x.shape[:-1], self.batch_shape)  # type: ignore[no-untyped-call]
        here, there = (part.double().expand(*batch, -1).reshape(-1, x.shape[-1]) for part in (x, self.x_0))
        with torch.no_grad():
            columns = self._columns(batch, x.device)
            centre, tilt = self._saddle(here * there, columns)
            sizes = _window(centre)
        found = []
        for rows, size in _groups(sizes, self.x_0.shape[-1]):
            pair = here[rows], there[rows], columns[rows], centre[rows], tilt[rows]
            found.append((rows, *self._window_sums(*pair, size, ancestors=ancestors)))
        order = torch.cat([rows for rows, _, _ in found]).argsort()
        log_density = torch.cat([density for _, density, _ in found])[order].reshape(batch)
        return log_density, torch.cat([mean for _, _, mean in found])[order].reshape(*batch, -1)

    def _columns(self, batch: torch.Size, device: torch.device) -> Tensor:
        times = self.time.to(device).double()
        columns = self.lineages.at(times.reshape(-1))
        return columns.reshape(*times.shape, -1).expand(*batch, -1).reshape(math.prod(batch), -1)

    def _saddle(self, products: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Where the terms over m are largest, and the log of the tilt R there, by bisection."""
        alpha = self.alpha.to(products)

        def rises(m: Tensor) -> Tensor:
            tilted = products * self._log_tilt(columns, m.floor())[:, None].clamp(max=600).exp()
            return _tilted_means(tilted, alpha).sum(-1) > m.floor()

        zero = torch.zeros_like(columns[:, 0])
        halvings = int(math.log2(self.lineages.most)) + 2
        largest = bisect(rises, zero, torch.full_like(zero, self.lineages.most), halvings)[1].floor()
        return largest, self._log_tilt(columns, largest)

    def _log_tilt(self, columns: Tensor, m: Tensor) -> Tensor:
        pair = self._log_weights(columns, torch.stack([m, m + 1], -1))
        return pair[:, 1] - pair[:, 0]

    def _log_weights(self, columns: Tensor, m: Tensor) -> Tensor:
        r"""$\log(q_m\,\Gamma(\theta + m)\,m!)$ at m (n, K)."""
        return self.lineages.log_mass(columns, m) + torch.lgamma(self.lineages.theta + m) + torch.lgamma(m + 1)

    def _window_weights(self, columns: Tensor, first: Tensor, size: int) -> Tensor:
        """The same at `size` numbers from `first` (n,) on."""
        steps = torch.arange(size, device=first.device, dtype=torch.float64)
        if size <= 2 * POINTS or float(first.min()) < SINGLE:
            return self._log_weights(columns, first[:, None] + steps)
        nodes, matrix = _chebyshev(size)
        return self._log_weights(columns, first[:, None] + nodes.to(first)) @ matrix.to(first)

    def _window_sums(
        self, here: Tensor, there: Tensor, columns: Tensor, centre: Tensor, tilt: Tensor, size: int, *, ancestors: bool
    ) -> tuple[Tensor, Tensor]:
        """Log densities (n,) and mean ancestors (n, N) of pairs whose terms fit into a window."""
        alpha, steps = self.alpha.to(here), torch.arange(size, device=here.device)
        log_tilted = (here * there).clamp(min=LEAST**2).log() + tilt[:, None]
        first = (_tilted_means(log_tilted.detach().exp(), alpha) - size // 2).floor().clamp(min=0)
        lines = first[..., None] + steps
        log_terms = lines * log_tilted[..., None] - _log_factorials(lines, alpha)
        peak = log_terms.detach().amax(-1, keepdim=True)
        terms = torch.exp(log_terms - peak)
        spectra = torch.fft.rfft(terms)
        lowest = (centre - size // 2).clamp(min=0)
        log_weights = self._window_weights(columns, lowest, size) - (lowest[:, None] + steps) * tilt[:, None]
        largest = log_weights.amax(-1)
        # The transform counts from the sum of the windows' starts, and wraps.
        place = (lowest[:, None] + steps - first.sum(-1)[:, None]).long() % size
        weights = torch.zeros_like(log_weights).scatter(-1, place, torch.exp(log_weights - largest[:, None]))

        def total(spectrum: Tensor) -> Tensor:
            series = torch.fft.irfft(spectrum, size)
            summed: Tensor = (series * weights.reshape(-1, *[1] * (series.ndim - 2), size)).sum(-1)
            return summed

        mass = total(spectra.prod(-2))
        stationary = ((alpha - 1) * here.clamp(min=LEAST).log()).sum(-1)
        log_density = mass.log() + largest + peak[..., 0].sum(-1) + stationary
        if not ancestors:
            return log_density, here.new_zeros(len(here), 1)
        counted = torch.fft.rfft(lines * terms)
        return log_density, total(counted * products_of_others(spectra, -2)) / mass[:, None]


def multinomial(count: Tensor, shares: Tensor, rng: torch.Generator) -> Tensor:
    """How many of `count` (*batch,) are of each of N kinds, (*batch, N) in float64, by halving the kinds.

    >>> multinomial(torch.tensor([10]), torch.tensor([[0.0, 1.0]]), torch.Generator())
    tensor([[ 0., 10.]], dtype=torch.float64)
    """
    kinds = shares.shape[-1]
    levels = [torch.nn.functional.pad(shares.double(), (0, 2 ** math.ceil(math.log2(kinds)) - kinds)).to(rng.device)]
    while levels[-1].shape[-1] > 1:
        levels.append(_pairs(levels[-1]).sum(-1))
    counts = count[..., None].to(levels[0])
    for level in reversed(levels[:-1]):
        pairs = _pairs(level)
        share = pairs[..., 0] / pairs.sum(-1).clamp(min=torch.finfo(pairs.dtype).tiny)
        left = torch.binomial(counts, share.clamp(0, 1), generator=rng)
        counts = torch.stack([left, counts - left], -1).flatten(-2)
    return counts[..., :kinds].to(shares.device)


def _pairs(level: Tensor) -> Tensor:
    return level.reshape(*level.shape[:-1], -1, 2)


def _tilted_means(products: Tensor, alpha: Tensor) -> Tensor:
    r"""Nearly the mean of l under $z^l/(l!\,\Gamma(\alpha + l))$: a bound of a Bessel ratio (Amos 1974)."""
    return 2 * products / (alpha - 0.5 + torch.sqrt((alpha + 0.5) ** 2 + 4 * products))


def _log_factorials(lines: Tensor, alpha: Tensor) -> Tensor:
    r"""$\log(l!\,\Gamma(\alpha_i + l))$ at whole l (n, N, K)."""
    numbers = torch.arange(int(lines.max()) + 1, device=lines.device, dtype=torch.float64)
    table = torch.lgamma(numbers + 1) + torch.lgamma(alpha[:, None] + numbers)
    start = torch.arange(len(alpha), device=lines.device)[:, None] * table.shape[1]
    return table.flatten()[lines.long() + start]


def _window(centre: Tensor) -> Tensor:
    """A number of terms that holds all that counts, from a short list."""
    wanted = WINDOW * (0.5 * centre).sqrt() + LEAST_WINDOW
    octave = torch.exp2(torch.floor(torch.log2(wanted)) - 2)
    return (torch.ceil(wanted / octave) * octave).long()


@functools.lru_cache(maxsize=256)
def _chebyshev(size: int) -> tuple[Tensor, Tensor]:
    """Chebyshev points on 0 to size - 1, and the matrix that interpolates to all whole numbers."""
    angles = torch.arange(POINTS, dtype=torch.float64) * math.pi / (POINTS - 1)
    degrees = torch.arange(POINTS, dtype=torch.float64)[:, None]
    steps = torch.arange(size, dtype=torch.float64)
    everywhere = torch.cos(degrees * torch.arccos((2 * steps / (size - 1) - 1).clamp(-1, 1)))
    at_points = torch.cos(degrees * angles)
    return 0.5 * (size - 1) * (1 + torch.cos(angles)), torch.linalg.solve(at_points, everywhere)


def _groups(sizes: Tensor, parts: int) -> list[tuple[Tensor, int]]:
    groups = []
    for size in sorted(set(sizes.tolist())):
        rows = (sizes == size).nonzero()[:, 0]
        groups += [(part, size) for part in rows.split(max(1, NUMBERS_AT_ONCE // (size * parts)))]
    return groups
