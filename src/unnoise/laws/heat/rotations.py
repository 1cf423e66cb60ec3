r"""The heat kernel of SO(3), known as IGSO(3), with respect to the bi-invariant volume of mass $8\pi^2$.

With generator $\frac12\Delta$, at the rotation angle $\omega$ (Nikolayev and Savyolova 1997; Leach et al. 2022),

$$8\pi^2 p_t(\omega) = \sum_{l\ge0} (2l+1) e^{-l(l+1)t/2}\frac{\sin((l+\frac12)\omega)}{\sin(\omega/2)},\qquad
p_t(\omega) = \frac{e^{t/8}}{(2\pi t)^{3/2}}\sum_n (-1)^n\frac{\omega_n/2}{\sin(\omega/2)} e^{-\omega_n^2/2t}.$$
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws.heat.even import Even, halved, log_inverse_sinc, log_sec
from unnoise.laws.heat.radial import Images, Series, hyperbolic_pair

VOLUME = 8 * math.pi**2
TERMS = 17  # e^{-l(l+1)/4} is below 1e-28 from there on


@dataclass(frozen=True)
class RotationAngle(Images):
    """The kernel of SO(3) as a function of the rotation angle.

    >>> kernel = RotationAngle().jet(torch.tensor(0.0, dtype=torch.float64), torch.tensor(50.0, dtype=torch.float64))
    >>> round(float(kernel.log.exp() * VOLUME), 12)
    1.0
    """

    dimension: int = 3
    spectral_gap: float = 1.0
    growth: float = 0.125

    def near(self, angle: Tensor) -> Even:
        r"""$\log\frac{\omega/2}{\sin(\omega/2)}$."""
        return halved(log_inverse_sinc(0.5 * angle))

    def far(self, rest: Tensor) -> Even:
        r"""$-\log\cos(\delta/2)$."""
        return halved(log_sec(0.5 * rest))

    def both_ways(self, rest: Tensor, time: Tensor, z: Tensor) -> Even:
        r"""$\pi\cosh z - \delta\sinh z$."""
        cosh, sinhc = hyperbolic_pair(rest, time, z)
        u, rate = rest**2, math.pi / time
        return Even(
            math.pi * cosh.value - rate * u * sinhc.value,
            math.pi * cosh.first - rate * (sinhc.value + u * sinhc.first),
            math.pi * cosh.second - rate * (2 * sinhc.first + u * sinhc.second),
        )

    def series(self, time: Tensor) -> Series:
        r"""The characters $\chi_{l+1} = 2c\chi_l - \chi_{l-1}$, $\chi_0 = 1$, $\chi_1 = 1 + 2c$."""
        degree = torch.arange(TERMS, dtype=time.dtype, device=time.device).reshape(-1, *[1] * time.ndim)
        weights = (2 * degree + 1) * torch.exp(-0.5 * degree * (degree + 1) * time) / VOLUME
        return Series(weights, (1.0, 2.0), [(2.0, 1.0)] * (TERMS - 2))

    def laplacian(self, cosine: Tensor) -> Tensor:
        r"""Of which $1 + 2\cos\omega$ decays."""
        return -(1 + 2 * cosine)

    def excess(self, angle: Tensor, time: Tensor) -> Tensor:
        r"""$e^{t/8}\frac{\sin(\omega/2)}{\omega/2}\sum_n (-1)^n\frac{\omega_n}\omega e^{(\omega^2-\omega_n^2)/2t}$."""
        total, safe = torch.ones_like(angle), angle.clamp(min=1e-9)
        for n in (-1, 1, -2):
            turn = 2 * math.pi * n
            total = total + (-1) ** n * (1 + turn / safe) * torch.exp(-(angle + 0.5 * turn) * turn / time)
        return torch.exp(time / 8) * torch.sinc(angle / (2 * math.pi)) * total

    def log_inverse_jacobian(self, angle: Tensor) -> Tensor:
        r"""$-2\log\frac{\sin(\omega/2)}{\omega/2}$."""
        return -2 * torch.sinc(angle / (2 * math.pi)).abs().log()

    def log_bound(self, time: Tensor) -> Tensor:
        r"""$\frac t8 + \log\frac4\pi$: the second way adds at most as much as the first."""
        return time / 8 + math.log(4 / math.pi)

    def uniform_angle(self, normals: Tensor) -> Tensor:
        """That of the uniform quaternion."""
        return 2 * torch.atan2(torch.linalg.vector_norm(normals[..., :-1], dim=-1), normals[..., -1].abs())
