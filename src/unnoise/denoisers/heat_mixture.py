r"""Mixtures of heat kernels, which stay closed under Brownian noise: a conditional law with many sharp modes.

With kernels $p_\tau(\cdot; \mu)$ and noise that has run for the time $B(t)$

$$q_t(x | c) = \sum_k w_k(c)\, p_{\tau_k(c) + B(t)}(x; \mu_k(c)).$$
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unnoise._checks import instance, refuse, tensor
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser, HasDensity
from unnoise.laws import Law
from unnoise.networks import Conditioned
from unnoise.processes import Brownian
from unnoise.spaces import Compact

WIDEST = 1.0  # of log widths, in units of the first one
NARROWEST = -4.0


@dataclass(frozen=True)
class KernelMixture(Law[Tensor]):
    r"""$\sum_k w_k\,p_{\tau_k}(\cdot; \mu_k)$ of heat kernels on a compact space, one law per row.

    Args:
        space: where.
        log_weights: (n, K), of weights that sum to one.
        centres: (n, K, *event).
        times: $\tau$, (n, K), above 0.

    >>> from unnoise.spaces import Sphere
    >>> poles = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
    >>> law = KernelMixture(Sphere(2), torch.full((1, 2), 0.5).log(), poles, torch.full((1, 2), 0.01))
    >>> law.sample(torch.Generator().manual_seed(0), (5,)).shape
    torch.Size([5, 1, 3])
    """

    space: Compact
    log_weights: Tensor
    centres: Tensor
    times: Tensor

    def __post_init__(self) -> None:
        instance(Compact, space=self.space)
        tensor(log_weights=self.log_weights, centres=self.centres, times=self.times)
        shape = self.log_weights.shape
        if self.times.shape != shape or self.centres.shape != (*shape, *self.space.event_shape) or len(shape) != 2:
            shapes = f"{tuple(shape)}, {tuple(self.centres.shape)} and {tuple(self.times.shape)}"
            raise InputError(
                f"got weights, centres and times of shape {shapes}; expected (n, K), (n, K, *event), (n, K)"
            )

    def joint(self, x: Tensor) -> Tensor:
        """Log weight and log density of every kernel at x, (n, *event): (n, K)."""
        kernels = self.space.heat(self.centres, self.times)
        return self.log_weights + kernels.log_prob(x[:, None])

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats with respect to the volume, (n,) for x (n, *event)."""
        return torch.logsumexp(self.joint(x), -1)

    def score(self, x: Tensor) -> Tensor:
        """The mean of the kernels' scores by their shares at x."""
        share = torch.softmax(self.joint(x), -1)
        slopes = self.space.heat(self.centres, self.times).score(x[:, None])
        return torch.einsum("nk,nk...->n...", share.to(slopes.dtype), slopes)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, n, *event): a kernel, and a point of it."""
        n, count = len(self.log_weights), math.prod(shape)
        weights = self.log_weights.exp().to(rng.device)
        chosen = torch.multinomial(weights, count, replacement=True, generator=rng).T.to(self.centres.device)
        rows = torch.arange(n, device=chosen.device)
        draws = self.space.heat(self.centres[rows, chosen], self.times[rows, chosen]).sample(rng)
        return draws.reshape(*shape, n, *self.space.event_shape)


class HeatMixture(HasDensity):
    r"""The denoiser of a mixture of heat kernels, whose weights, places and widths a network reads from the condition.

    It knows the density at every noise level, draws without steps, and is trained by `objectives.MaximumLikelihood`.
    Every kernel stays near its anchor: with $\ell = (V/K)^{1/d}$, the distance of K anchors on a volume V, and outputs
    $(a, v, b)$ of the network, its weight is $\mathrm{softmax}(a)$, its centre
    $\exp(\ell\tanh v)$ from the anchor, and its width $\sqrt\tau = \frac\ell2 e^b$, b between -4 and 1.

    Args:
        process: Brownian motion on a space of dimension d.
        network: forward(x, level, cond) -> (n, K, d + 2), whose x and level are zeros, (n, 1) and (1,): any backbone of
            the library, or `networks.Conditioned`.
        anchors: places all over the space, (K, *event).

    >>> from unnoise import networks, spaces
    >>> space = spaces.Sphere(2)
    >>> anchors = space.uniform(50).sample(torch.Generator().manual_seed(0))
    >>> denoiser = HeatMixture(Brownian(space), networks.MLP((1,), 3, (50, 4), width=16), anchors)
    >>> denoiser.law(torch.zeros(2, 3)).sample(torch.Generator()).shape
    torch.Size([2, 3])
    """

    process: Brownian
    anchors: Tensor
    frame: Tensor

    def __init__(self, process: Brownian, network: nn.Module, anchors: Tensor) -> None:
        instance(Brownian, process=process)
        instance(nn.Module, network=network)
        tensor(anchors=anchors)
        process.check(anchors)
        if anchors.shape[1:] != process.space.event_shape or not len(anchors):
            refuse("anchors", tuple(anchors.shape), f"points of {process.space}, (K, *event)")
        super().__init__()
        self.process, self.network = process, network
        self.register_buffer("anchors", anchors.double())
        self.register_buffer("frame", process.space.frame(anchors.double()))
        self.reach = (process.space.volume / len(anchors)) ** (1 / process.space.dimension)

    def read(self, cond: Any) -> tuple[Denoiser, Any]:
        """The backbone alone, and what it is given, where `networks.Conditioned` holds encoders."""
        if not isinstance(self.network, Conditioned) or cond is None:
            return self, cond
        return HeatMixture(self.process, self.network.network, self.anchors), self.network.read(cond)

    def law(self, cond: Tensor, t: Tensor | None = None, chosen: Tensor | None = None) -> KernelMixture:
        r"""$q_t$ given conditions, (n, c); by default at t = 0.

        Args:
            cond: one row for each law.
            t: () or (n,).
            chosen: (n, k), which kernels of each law to keep, without changing their weights; all by default.
        """
        like = next(self.network.parameters(), self.anchors)
        zero = torch.zeros((), dtype=like.dtype, device=like.device)
        output = self.network(zero.expand(len(cond), 1), zero.expand(1), cond)
        space, count = self.process.space, len(self.anchors)
        if output.shape != (len(cond), count, space.dimension + 2):
            got = f"an output of shape {tuple(output.shape)} of {type(self.network).__name__}"
            raise InputError(
                f"got {got}; expected (n, {count}, {space.dimension + 2}): a weight, a place, a width each"
            )
        log_weights = torch.log_softmax(output[..., 0].double(), -1)
        anchors, frame = self.anchors, self.frame[:, None].expand(-1, len(cond), *self.frame.shape[1:])
        if chosen is not None:
            rows = torch.arange(len(cond), device=chosen.device)[:, None]
            anchors, frame = anchors[chosen], self.frame[:, chosen]
            output, log_weights = output[rows, chosen], log_weights[rows, chosen]
        place, width = output[..., 1:].double().split([space.dimension, 1], -1)
        vectors = self.reach * torch.einsum("nkd,dnk...->nk...", torch.tanh(place), frame)
        times = (0.5 * self.reach * width[..., 0].clamp(NARROWEST, WIDEST).exp()) ** 2
        noise = self.process.variance(zero.double() if t is None else t.double()).reshape(-1, 1)
        return KernelMixture(space, log_weights, space.exp(anchors, vectors), times + noise)

    def log_prob(self, x_t: Tensor, t: Tensor | None, cond: Tensor, nearest: int | None = None) -> Tensor:
        r"""$\log q_t(x_t | c)$ in nats, (n,).

        Args:
            x_t: points.
            t: () or (n,); None for the law of the data.
            cond: (n, c).
            nearest: count only kernels of so many anchors, those nearest to the point: less work, and a lower bound.
        """
        times, cond = self._placed(x_t, 0.0 if t is None else t, cond)
        x, chosen = x_t.double(), None
        if nearest is not None and nearest < len(self.anchors):
            chosen = self.process.space.distance(x[:, None], self.anchors).topk(nearest, largest=False).indices
        return self.law(cond, None if t is None else times, chosen).log_prob(x)

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The score, in the precision of x_t."""
        times, cond = self._placed(x_t, t, cond)
        law = self.law(cond, times)
        return law.score(x_t.double()).to(x_t)
