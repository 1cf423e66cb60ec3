r"""The law of a pose under noise by its potential: what a picture shows, compared with a solid in every pose.

For each solid the network learns a few functions on the sphere, $v$, of degrees 1 to 6; in each picture it finds as
many, $a$, whose degrees are those of the solid in the pose that it has there. How well they agree in a pose R,

$$f_{kl}(R) = \langle a_{kl}, D_l(R)\,v_{kl}\rangle,$$

k the copy and l the degree, are its harmonic features; what the solid's symmetries leave as it is, a v of theirs
does not tell apart, so what is learnt of one of the equivalent poses is known of all. The potential at the noise B is

$$E = \frac{u\cdot f + w\cdot\mathrm{softplus}(Wf + b)}{B + \tau},$$

$\tau$ of the picture, and u, w and b of picture and noise. Its slope and Laplacian on the rotations are known: a
small turn $e^{\hat w}$ before R changes $f_{kl}$ by $\langle G^T a, D v\rangle$, and $\Delta f_{kl} = -l(l+1)f_{kl}$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from experiments.harmonics import Harmonics
from experiments.pose_encoder import Components, Residual, conditioned, read_features
from experiments.pose_views import NAMES
from unnoise.denoisers import Denoiser
from unnoise.networks import Conditioned
from unnoise.processes import Brownian
from unnoise.spaces import Rotations
from unnoise.spaces.rotations import hat

DEGREES, COPIES = 6, 4  # the icosahedron's first own degree is 6
HIDDEN, MIXED, CODE = 48, 128, 64  # softplus units; units that see picture and noise, and what of the picture they see
WAVES = 6  # of the logarithm of the noise
FIRST_WIDTH = -5.0  # logarithm of tau of an untrained network


class Seen(NamedTuple):
    """What is read from views."""

    templates: Tensor  # a, (n, copies, numbers)
    shapes: Tensor  # v, the same, of unit length in each degree
    mixed: Tensor  # (n, mixed)
    width: Tensor  # tau, (n, 1)


@dataclass(frozen=True)
class Potential:
    """At N poses for each of n views; of F features and H units.

    Attributes:
        overlaps: f, (n, N, F).
        slopes: of f in three turns before the pose, (n, N, 3, F).
        degrees: l of each, (F,).
        linear, outer, bent: u (n, N, F), w (n, N, H), and Wf + b.
        inner: W, (H, F).
        scale: 1 / (B + tau), (n, N).
    """

    overlaps: Tensor
    slopes: Tensor
    degrees: Tensor
    linear: Tensor
    outer: Tensor
    bent: Tensor
    inner: Tensor
    scale: Tensor

    def value(self) -> Tensor:
        """The potential E, (n, N)."""
        softplus = nn.functional.softplus(self.bent)
        return self.scale * ((self.linear * self.overlaps).sum(-1) + (self.outer * softplus).sum(-1))

    def gradient(self) -> Tensor:
        """(n, N, 3): rotation vectors w of turns before the pose."""
        return self.scale[..., None] * (self.slopes @ self._weights()[..., None])[..., 0]

    def laplacian(self) -> Tensor:
        """(n, N)."""
        bend = torch.sigmoid(self.bent)
        bend = self.outer * bend * (1 - bend)
        by_slopes = ((self.slopes @ self.inner.mT).square().sum(-2) * bend).sum(-1)
        by_degrees = (self._weights() * self.overlaps) @ (self.degrees * (self.degrees + 1))
        return self.scale * (by_slopes - by_degrees)

    def _weights(self) -> Tensor:
        """Slopes of E in f, but for the scale."""
        return self.linear + (self.outer * torch.sigmoid(self.bent)) @ self.inner


class Matching(nn.Module):
    """The backbone: from the features of views, poses and noises to the potential."""

    degrees: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.harmonics, features = Harmonics(DEGREES), COPIES * DEGREES
        self.sizes = [COPIES * self.harmonics.numbers, CODE, 1]
        self.shapes = nn.Parameter(torch.randn(len(NAMES), COPIES, self.harmonics.numbers))
        self.view = Residual(read_features(), sum(self.sizes), depth=2)
        self.level = nn.Sequential(nn.Linear(1 + 2 * WAVES, 64), nn.SiLU(), nn.Linear(64, MIXED))
        self.mix, self.last = nn.Linear(CODE, MIXED), nn.Linear(MIXED, features + 2 * HIDDEN)
        self.inner = nn.Parameter(torch.randn(HIDDEN, features) / math.sqrt(features))
        self.bias = nn.Parameter(torch.randn(HIDDEN))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.register_buffer("degrees", torch.arange(1.0, DEGREES + 1).repeat(COPIES), persistent=False)

    def seen(self, code: Tensor) -> Seen:
        """What is read from the features of views, (n, features)."""
        templates, mixed, width = self.view(code).split(self.sizes, -1)
        of_degree = self.harmonics.of_degree
        shapes = self.shapes / ((self.shapes.square() @ of_degree).sqrt() @ of_degree.mT)
        own = code[:, -len(NAMES) :] @ shapes.flatten(1)
        layout = (-1, COPIES, self.harmonics.numbers)
        width = (width + FIRST_WIDTH).clamp(-14, 4).exp()
        return Seen(templates.reshape(layout), own.reshape(layout), self.mix(mixed), width)

    def turned(self, turns: Tensor, seen: Seen) -> Tensor:
        """D(R) v of quaternions (n, N, 4): (n, copies, N, numbers)."""
        found: Tensor = self.harmonics(turns, seen.shapes)
        return found

    def potential(self, turned: Tensor, variance: Tensor, seen: Seen) -> Potential:
        """At poses whose `turned` is given, with noise of this variance, (n, N) or less that broadcasts to it."""
        overlaps, slopes = self._overlaps(turned, seen.templates)
        level = self.level(_waves(variance.log()))
        given = self.last(nn.functional.silu(seen.mixed[:, None] + level))
        linear, outer, shift = given.split([overlaps.shape[-1], HIDDEN, HIDDEN], -1)
        bent = overlaps @ self.inner.mT + self.bias + shift
        return Potential(overlaps, slopes, self.degrees, linear, outer, bent, self.inner, 1 / (variance + seen.width))

    def _overlaps(self, turned: Tensor, templates: Tensor) -> tuple[Tensor, Tensor]:
        """f (n, N, F) and its slopes (n, N, 3, F), as one product of matrices for every view and copy."""
        n, copies, count, numbers = turned.shape
        moved = [templates @ generator for generator in self.harmonics.generators]  # rows: G^T a
        by_degree = torch.stack([templates, *moved], -1)[..., None] * self.harmonics.of_degree[:, None]
        matrices = by_degree.reshape(n * copies, numbers, 4 * DEGREES)
        found = torch.bmm(turned.reshape(n * copies, count, numbers), matrices)
        found = found.reshape(n, copies, count, 4, DEGREES).permute(0, 2, 3, 1, 4).flatten(-2)
        return found[:, :, 0], found[:, :, 1:]


class Potentials(Denoiser):
    """The denoiser: the score of Brownian motion on rotations is the slope of the potential.

    Args:
        network: a `Matching` behind the encoder of views, or alone.
        process: Brownian motion on rotations.
    """

    process: Brownian

    def __init__(self, network: nn.Module, process: Brownian) -> None:
        super().__init__()
        self.network, self.process = network, process

    @classmethod
    def untrained(cls, components: Components) -> Potentials:
        """Whose law is uniform."""
        return cls(conditioned(Matching(), components), Brownian(Rotations()))

    @property
    def matching(self) -> Matching:
        """The backbone."""
        found: Any = self.network.network if isinstance(self.network, Conditioned) else self.network
        backbone: Matching = found
        return backbone

    def read(self, cond: Any) -> tuple[Denoiser, Any]:
        """The backbone alone, and the features of the views."""
        if not isinstance(self.network, Conditioned):
            return self, cond
        return Potentials(self.matching, self.process), self.network.read(cond)

    def seen(self, cond: Tensor) -> Seen:
        """What is read from views."""
        return self.matching.seen(self.read(cond)[1])

    def at(self, turns: Tensor, variance: Tensor, seen: Seen) -> Potential:
        """The potential at quaternions (n, N, 4), of noise of this variance, (n, N) or less that broadcasts to it."""
        return self.matching.potential(self.matching.turned(turns, seen), variance, seen)

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The score at rotations (n, 3, 3)."""
        variance = self.process.variance(t).to(x_t).reshape(-1, 1)
        found = self.at(Rotations.as_quaternion(x_t)[:, None], variance, self.seen(cond)).gradient()
        return hat(found[:, 0]) @ x_t


def _waves(log_variance: Tensor) -> Tensor:
    """Of the logarithm of a variance, (..., 1 + 2 waves), which vary slowly over all noises."""
    place = (0.2 * (log_variance + 4))[..., None]
    angle = 0.5 * math.pi * torch.arange(1, WAVES + 1).to(place) * place
    return torch.cat([place, angle.sin(), angle.cos()], -1)
