r"""Groups of heat kernels on the sphere as a denoiser: density and score in closed form, at any noise.

With $\theta$ the angle from a kernel's point and v its variance plus that of the noise, for $v < 0.2$

$$K = \frac{e^{-\theta^2/2v}}{2\pi v}\sqrt{\frac\theta{\sin\theta}}
\Big(1 + \frac v8\Big(1 + \frac{1 - \theta\cot\theta}{\theta^2}\Big)\Big),$$

right to $v^2/60$, and beyond it a few Legendre polynomials. The library's own kernels hold everywhere, but cost more.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from experiments.mixed_kernels import SphereKernels
from unnoise.denoisers import Denoiser
from unnoise.processes import Brownian

LEAST_WEIGHT = 1e-4  # of a group of kernels that counts
EARLY = 0.2  # variance, up to which the expansion holds
DEGREES = 14  # of polynomials, the last of which have a share of e^-18 there
AT_ONCE = 2**21  # kernels at points
LEAST_ANGLE, MOST_ANGLE = 1e-3, math.pi - 0.1  # between which the expansion is taken


class KernelScore(Denoiser):
    """The denoiser of groups of kernels on the sphere, which are its law where noising begins.

    Args:
        process: Brownian motion on the sphere S^2.
        kernels: the groups; those of little weight are left out.
    """

    process: Brownian
    points: Tensor
    variances: Tensor
    log_weights: Tensor

    def __init__(self, process: Brownian, kernels: SphereKernels) -> None:
        super().__init__()
        self.process = process
        kept = torch.cat([kernels.weights[:-1] > LEAST_WEIGHT, torch.tensor([True])])
        weights = kernels.weights[kept] / kernels.weights[kept].sum()
        self.register_buffer("points", kernels.points)
        self.register_buffer("variances", 1 / kernels.kappas[kept[:-1]])  # (k, n)
        self.register_buffer("log_weights", (weights[:-1] / len(kernels.points)).log())
        self.start = float(process.variance(torch.zeros((), dtype=torch.float64)))
        self.log_flat = math.log(float(weights[-1]) / (4 * math.pi))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density where noising begins, (m,), in nats with respect to area, in float64."""
        found = []
        for rows in x.double().split(max(1, AT_ONCE // self.variances.numel())):  # type: ignore[no-untyped-call]
            parts, _ = self._kernels(rows, self.variances[None])
            found.append(torch.logsumexp(self._weighed(parts), 1))
        return torch.cat(found)

    def forward(self, x_t: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        """The score at x_t, (n, 3)."""
        x, noise = x_t.double(), self.process.variance(t.double()).reshape(-1, 1, 1) - self.start
        parts, slopes = self._kernels(x, self.variances + noise.clamp(min=0))
        share = torch.softmax(self._weighed(parts), 1)[:, :-1].reshape(parts.shape)
        return self.process.space.tangent(x, (share * slopes).sum(1) @ self.points).to(x_t)

    def _weighed(self, parts: Tensor) -> Tensor:
        flat = parts.new_full((len(parts), 1), self.log_flat)
        return torch.cat([(parts + self.log_weights[:, None]).flatten(1), flat], 1)

    def _kernels(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Log densities of all kernels at x, (m, k, n), and their slopes along the cosine."""
        chord = (x[:, None] - self.points).square().sum(-1)  # squared, (m, n)
        groups = [_kernel(chord, v[:, k]) for k in range(v.shape[1])]
        return torch.stack([part for part, _ in groups], 1), torch.stack([slope for _, slope in groups], 1)


def _kernel(chord: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Of one group, (m, n), by whichever form is right."""
    late = v > EARLY
    if not bool(late.any()):
        return _early(chord, v)
    found = _late(1 - 0.5 * chord, v.clamp(min=EARLY))
    if bool(late.all()):
        return found
    early = _early(chord, v.clamp(max=EARLY))
    return torch.where(late, found[0], early[0]), torch.where(late, found[1], early[1])


def _early(chord: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    angle = 2 * torch.asin((0.5 * chord.clamp(min=LEAST_ANGLE**2).sqrt()).clamp(max=math.sin(0.5 * MOST_ANGLE)))
    sine, cotangent = angle.sin(), 1 / angle.tan()
    bend = (1 - angle * cotangent) / angle.square()
    rise = (cotangent + angle / sine.square() - 2 / angle) / angle.square()
    square = torch.where(chord < LEAST_ANGLE**2, chord, angle.square())
    factor = 1 + v / 8 * (1 + bend)
    parts = -square / (2 * v) - torch.log(2 * math.pi * v) + 0.5 * torch.log(angle / sine) + factor.log()
    slopes = (angle / v - 0.5 * (1 / angle - cotangent) - v / 8 * rise / factor) / sine
    return parts, slopes


def _late(cosine: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    density, slope = torch.zeros_like(v * cosine), torch.zeros_like(v * cosine)
    zero = torch.zeros_like(cosine)
    before, now = (zero, zero), (torch.ones_like(cosine), zero)  # a polynomial and its slope
    for degree in range(DEGREES):
        share = (2 * degree + 1) / (4 * math.pi) * torch.exp(-0.5 * degree * (degree + 1) * v)
        density, slope = density + share * now[0], slope + share * now[1]
        value = ((2 * degree + 1) * cosine * now[0] - degree * before[0]) / (degree + 1)
        before, now = now, (value, (degree + 1) * now[0] + cosine * now[1])
    density = density.clamp(min=1e-12)
    return density.log(), slope / density
