"""Kernel densities whose kernels have several widths at once, weighted by EM on validation points: a strong rival."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

AT_ONCE = 256  # rows
NUMBERS_AT_ONCE = 2**18  # few enough to stay near the processor
ROUNDS = 500  # of EM
HELD = 10  # every tenth training point is held out
LEAST = 5.0  # kappa of kernels of their own widths
NEIGHBOURS, SHARES = (2, 5, 15), (0.3, 0.6, 1.2)


def weighed(parts: Tensor) -> Tensor:
    """The weights, (k,), of highest likelihood, by EM, of the parts of a mixture; log densities of them, (m, k)."""
    weights = torch.full(parts.shape[1:], 1 / parts.shape[1], dtype=torch.float64)
    for _ in range(ROUNDS):
        weights = torch.softmax(parts + weights.log(), 1).mean(0).clamp(min=1e-12)
    return weights / weights.sum()


@dataclass(frozen=True)
class TorusKernels:
    r"""$\sum_k w_k \frac1n\sum_j \prod_i \mathrm{vM}(x_i; p_{ji}, \kappa_k) + w_0 (2\pi)^{-d}$.

    Args:
        points: angles in radians, (n, d).
        kappas: concentrations, (k,).
        weights: of them, and of the uniform law last, (k + 1,).
    """

    points: Tensor
    kappas: Tensor
    weights: Tensor

    @classmethod
    def fit(cls, train: Tensor, validation: Tensor, most: float, least: float = 1.0, count: int = 20) -> TorusKernels:
        """Kernels at the training points; the weights of the widths have the highest likelihood of the validation."""
        kappas = torch.logspace(math.log10(least), math.log10(most), count, dtype=torch.float64)
        even = torch.full((count + 1,), 1 / (count + 1), dtype=torch.float64)
        return cls(train, kappas, weighed(cls(train, kappas, even)._parts(validation)))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, (m,), in nats per radian of each angle."""
        return torch.logsumexp(self._parts(x) + self.weights.log(), 1)

    def _parts(self, x: Tensor) -> Tensor:
        """The log density of each width, (m, k + 1): float32 is enough to add kernels, but not to tell near points."""
        n, d = self.points.shape
        scale = -d * (math.log(2 * math.pi) + torch.special.i0e(self.kappas).log()) - math.log(n)
        places, found = _circles(self.points), []
        for rows in x.split(max(1, NUMBERS_AT_ONCE // n)):  # type: ignore[no-untyped-call]
            off = (_circles(rows) @ places.T - d).float()
            sums = torch.stack([(off * kappa).exp_().sum(1) for kappa in self.kappas], 1)
            found.append(sums.double().clamp(min=1e-300).log() + scale)
        uniform = torch.full((len(x), 1), -d * math.log(2 * math.pi), dtype=torch.float64)
        return torch.cat([torch.cat(found), uniform], 1)


@dataclass(frozen=True)
class SphereKernels:
    r"""$\sum_k w_k \frac1n\sum_j \mathrm{vMF}(x; p_j, \kappa_{kj}) + w_0/4\pi$: groups of kernels on $S^2$.

    Args:
        points: unit vectors, (n, 3), float64.
        kappas: concentrations, (k, n): those of a group of one width, or each kernel's own.
        weights: of the groups, and of the uniform law last, (k + 1,).
    """

    points: Tensor
    kappas: Tensor
    weights: Tensor

    @classmethod
    def of(cls, points: Tensor, kappas: Tensor) -> SphereKernels:
        """With even weights."""
        count = len(kappas) + 1
        return cls(points, kappas, torch.full((count,), 1 / count, dtype=torch.float64))

    @classmethod
    def fit(cls, train: Tensor, validation: Tensor, most: float, least: float = 3.0, count: int = 14) -> SphereKernels:
        """Groups of one width each; the weights have the highest likelihood of the validation points."""
        kernels = cls.of(train, fixed(len(train), most, least, count))
        return replace(kernels, weights=weighed(kernels.parts(validation)))

    @classmethod
    def fit_adaptive(cls, train: Tensor, validation: Tensor, most: float) -> SphereKernels:
        r"""Groups of one width, and groups whose kernels are as wide as points are far from each other where they lie.

        $\kappa_j^{-1/2} = r d_m(p_j)$ for some r and m, with the distance $d_m$ to the m-th nearest point. The weights
        have the highest likelihood of points that carry no kernel: the validation points, and a tenth of the training
        points under the kernels of the others.
        """
        held = torch.arange(len(train)) % HELD == 0
        whole, rest = (cls.of(points, adaptive(points, most)) for points in (train, train[~held]))
        return replace(whole, weights=weighed(torch.cat([whole.parts(validation), rest.parts(train[held])])))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, (m,), in nats with respect to area."""
        return torch.logsumexp(self.parts(x) + self.weights.log(), 1)

    def parts(self, x: Tensor) -> Tensor:
        """The log density of every group, and of the uniform law last, (m, k + 1)."""
        scales = (self.kappas / (2 * math.pi) / -torch.expm1(-2 * self.kappas)).float()
        kappas, found = self.kappas.float(), []
        for rows in x.split(AT_ONCE):  # type: ignore[no-untyped-call]
            off = -0.5 * _squares(rows, self.points).float()
            sums = [(torch.exp(kappa * off) @ scale).double() for kappa, scale in zip(kappas, scales, strict=True)]
            found.append(torch.stack(sums, 1) / len(self.points))
        uniform = torch.full((len(x), 1), 1 / (4 * math.pi), dtype=torch.float64)
        return torch.cat([torch.cat(found), uniform], 1).clamp(min=1e-300).log()


def fixed(n: int, most: float, least: float, count: int) -> Tensor:
    """Concentrations of n kernels in groups of one width each, geometric from `least` to `most`, (count, n)."""
    return torch.logspace(math.log10(least), math.log10(most), count, dtype=torch.float64)[:, None].expand(-1, n)


def adaptive(points: Tensor, most: float) -> Tensor:
    """Those of one width, and those by the distances to near points, at most `most`, (k, n)."""
    far = max(NEIGHBOURS)
    near = [
        _squares(rows, points).topk(far + 1, largest=False).values[:, 1:]
        for rows in points.split(AT_ONCE)  # type: ignore[no-untyped-call]
    ]
    squares = torch.cat(near).clamp(min=1e-12)
    own = [1 / (share**2 * squares[:, m - 1]) for m in NEIGHBOURS for share in SHARES]
    return torch.cat([fixed(len(points), most, 3.0, 14), torch.stack(own).clamp(LEAST, most)])


def _squares(x: Tensor, y: Tensor) -> Tensor:
    """Squared distances in space, (n, m), right to the last digit for near points."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


def _circles(angles: Tensor) -> Tensor:
    return torch.cat([angles.cos(), angles.sin()], 1).double()
