"""What fills a hole without a network: a Gaussian law given the border, and the training picture that fits it best."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from experiments.conditional_gaussians import Conditional, Gaussians

RIDGE = 0.001  # variance added to every pixel in [0, 1]: of .0001 to .03 the best for held-out 3s and 5s, or near it
NONE = -1  # the label of a picture that is not told its own


@dataclass(frozen=True)
class Known:
    """Training pictures, in [0, 1].

    Attributes:
        pictures: (n, 28, 28).
        labels: (n,).
    """

    pictures: Tensor
    labels: Tensor
    _laws: dict[int, Gaussians] = field(default_factory=dict, repr=False, compare=False)

    def like(self, label: int) -> Tensor:
        """The pictures of a digit, or all of them."""
        return self.pictures if label == NONE else self.pictures[self.labels == label]

    def nearest(self, truth: Tensor, labels: Tensor, missing: Tensor) -> Tensor:
        """The training picture, of the label where it is told, whose other pixels are nearest; put into the hole."""
        filled = truth.clone()
        for label in sorted(set(labels.tolist())):
            rows, known = labels == label, self.like(label)
            apart = torch.cdist(truth[rows][:, ~missing], known[:, ~missing])
            filled[rows] = torch.where(missing, known[apart.argmin(1)], truth[rows])
        return filled

    def gaussian(self, truth: Tensor, labels: Tensor, missing: Tensor, draws: int, seed: int) -> tuple[Tensor, Tensor]:
        """Draws of a Gaussian given the other pixels, (draws, n, 28, 28), and its mean: one law for each label told."""
        rng = np.random.default_rng(seed)
        mean, drawn = truth.clone(), truth.expand(draws, *truth.shape).clone()
        for label in sorted(set(labels.tolist())):
            rows = labels == label
            law = self._law(label).given(truth[rows].flatten(1).double().numpy(), ~missing.flatten().numpy())
            mean[rows] = _put(truth[rows], missing, law.mean)
            for one in drawn:
                one[rows] = _put(truth[rows], missing, _draw(law, rng))
        return drawn, mean

    def histogram_bits(self, truth: Tensor, labels: Tensor, missing: Tensor) -> Tensor:
        """Bits per missing pixel of bytes that know their place, and the label where it is told, alone, (n,)."""
        bits = torch.empty(len(truth))
        for label in sorted(set(labels.tolist())):
            rows, seen = labels == label, _bytes(self.like(label)[:, missing])
            counts = torch.full((seen.shape[1], 256), 1 / 256)
            counts.index_put_((torch.arange(seen.shape[1]).expand(seen.shape), seen), torch.ones(()), accumulate=True)
            shares = counts / counts.sum(1, keepdim=True)
            own = shares[torch.arange(seen.shape[1]), _bytes(truth[rows][:, missing])]
            bits[rows] = -own.log2().mean(1)
        return bits

    def _law(self, label: int) -> Gaussians:
        """Fitted once."""
        if label not in self._laws:
            known = self.like(label).flatten(1).double().numpy()
            covariance = np.cov(known.T) + RIDGE * np.eye(known.shape[1])
            self._laws[label] = Gaussians(np.ones(1), known.mean(0)[None], covariance[None])
        return self._laws[label]


def _draw(law: Conditional, rng: np.random.Generator) -> np.ndarray:
    """One of each row, of a law of one component: without a copy of its root for each row."""
    return np.asarray(law.mean + rng.normal(size=law.mean.shape) @ law.roots[0].T)


def _bytes(pictures: Tensor) -> Tensor:
    return (255 * pictures).round().long()


def _put(truth: Tensor, missing: Tensor, values: np.ndarray) -> Tensor:
    """The values in the hole, clipped and rounded to bytes."""
    filled = truth.clone()
    filled[:, missing] = (255 * torch.from_numpy(values).to(truth)).round().clamp(0, 255) / 255
    return filled
