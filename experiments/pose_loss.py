r"""What trains the potential: denoising, and harmonics told from pictures.

* Denoising score matching on SO(3), each view read once for several noises: the mean of
  $|\sqrt B\,(\nabla E - \nabla\log q_{t|0})|^2$ over log B, the weights of the bound on the likelihood.
* Of each degree, $|\sum_k a_k v_k^T - D(R)|^2$ up to a constant: the best such a is what the view says of the pose's
  harmonics, and the best v are those that a view tells most of, those that the symmetries of the solid keep. Denoising
  alone finds them late, as a is of no use before v, nor v before a.
"""

from __future__ import annotations

import torch
from torch import Tensor

from experiments.harmonics import Harmonics
from experiments.pose_potential import Potentials, Seen
from unnoise.processes import Brownian
from unnoise.spaces import Rotations
from unnoise.spaces.rotations import vee

NOISES = 8  # of each view
KEPT = 2**17  # noises that are drawn beforehand


def product(first: Tensor, second: Tensor) -> Tensor:
    """Of quaternions (..., 4), scalar last: the rotation by the second, then by the first.

    >>> turn = torch.tensor([0.0, 0.0, 1.0, 0.0])
    >>> product(turn, turn)
    tensor([ 0.,  0.,  0., -1.])
    """
    u, a, v, b = first[..., :3], first[..., 3:], second[..., :3], second[..., 3:]
    return torch.cat([a * v + b * u + torch.linalg.cross(u, v), a * b - (u * v).sum(-1, keepdim=True)], -1)


class Noise:
    """Draws of the heat kernel, made once in double precision, at evenly spaced times.

    Args:
        process: Brownian motion on rotations.
        rng: of the draws.
        count: how many are kept.
    """

    def __init__(self, process: Brownian, rng: torch.Generator, count: int = KEPT) -> None:
        times = (torch.arange(count, dtype=torch.float64) + 0.5) / count
        variance = process.variance(times)
        law = process.space.heat(torch.eye(3, dtype=torch.float64).expand(count, 3, 3), variance)
        drawn = law.sample(rng)
        vector = Rotations.as_rotation_vector(drawn)
        angle = torch.linalg.vector_norm(vector, dim=-1)
        slope = (vee(drawn.mT @ law.score(drawn)) * vector).sum(-1) / angle
        self.variance, self.angle, self.slope = (part.float() for part in (variance, angle, slope))

    def __call__(self, turns: Tensor, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Noisy poses (n, count, 4) of poses (n, 4), variances (n, count), and scores (n, count, 3)."""
        place = (torch.arange(count) + torch.rand(len(turns), count, generator=rng)) / count
        index = (place * len(self.angle)).long().clamp(max=len(self.angle) - 1)
        axis = torch.randn(len(turns), count, 3, generator=rng)
        axis = axis / torch.linalg.vector_norm(axis, dim=-1, keepdim=True)
        half = 0.5 * self.angle[index][..., None]
        moved = product(torch.cat([axis * half.sin(), half.cos()], -1), turns[:, None])
        return moved, self.variance[index], axis * self.slope[index][..., None]


class Denoised:
    """The loss of a batch, for `fit`.

    Args:
        denoiser: what is trained.
        rng: of the noises that are kept.
        noises: of each view.
    """

    def __init__(self, denoiser: Potentials, rng: torch.Generator, noises: int = NOISES, kept: int = KEPT) -> None:
        self.denoiser, self.noises, self.noise = denoiser, noises, Noise(denoiser.process, rng, kept)

    def __call__(self, rotations: Tensor, cond: Tensor, rng: torch.Generator) -> Tensor:
        """Mean over views of both parts."""
        matching, turns = self.denoiser.matching, Rotations.as_quaternion(rotations)
        seen = self.denoiser.seen(cond)
        noisy, variance, score = self.noise(turns, self.noises, rng)
        turned = matching.turned(torch.cat([turns[:, None], noisy], 1), seen)
        found = matching.potential(turned[:, :, 1:], variance, seen).gradient()
        denoising = (variance * (found - score).square().sum(-1)).mean()
        return denoising + told(matching.harmonics, seen, turned[:, :, 0]).mean()


def told(harmonics: Harmonics, seen: Seen, turned: Tensor) -> Tensor:
    r"""$\sum_l|\sum_k a_{kl}v_{kl}^T - D_l(R)|^2 - |D_l|^2$ of every view, (n,), given D(R) v, (n, copies, numbers)."""
    a, v, of_degree = seen.templates, seen.shapes, harmonics.of_degree
    among_a, among_v = (torch.einsum("nks,njs,sl->nkjl", part, part, of_degree) for part in (a, v))
    return (among_a * among_v).sum((1, 2, 3)) - 2 * (a * turned).sum((1, 2))
