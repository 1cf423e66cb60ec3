"""The classifier two-sample test of the benchmark of simulation-based inference."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from unnoise._errors import InputError

BATCH, RATE, DECAY = 200, 1e-3, 1e-4
PATIENCE, TOLERANCE, EPOCHS = 11, 1e-4, 10_000
FIRST, SECOND, LEAST = 0.9, 0.999, 1e-8  # of Adam


def c2st(reference: ArrayLike, draws: ArrayLike, seed: int = 1, folds: int = 5) -> float:
    """How often a classifier tells draws from reference draws: 0.5 where they are alike, 1 where they are apart.

    As Lueckmann et al. 2021 (arXiv 2101.04653) define it: both in deviations of the reference, two hidden layers of
    10 d units, mean accuracy over shuffled folds. Their published figures are of 10,000 rows of each. The network, its
    first weights, Adam and the rule that ends training are those of scikit-learn's `MLPClassifier`, which the benchmark
    uses; all folds are trained at once, which takes a fraction of the time.

    Args:
        reference: (n, d).
        draws: (m, d).
        seed: of the classifier and the folds.
        folds: of the cross-validation.
    """
    x, y = np.asarray(reference, np.float32), np.asarray(draws, np.float32)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise InputError(f"got tables of shapes {x.shape} and {y.shape}; expected two of equal width")
    if not np.isfinite(y).all():
        raise InputError(f"got {(~np.isfinite(y)).any(1).sum()} draws that are not finite; leave them out")
    mean, deviation = x.mean(0), x.std(0, ddof=1)
    both = torch.from_numpy(np.concatenate([(x - mean) / deviation, (y - mean) / deviation]))
    drawn = torch.cat([torch.zeros(len(x)), torch.ones(len(y))])
    rng = torch.Generator().manual_seed(seed)
    held = torch.randperm(len(both), generator=rng)[: len(both) // folds * folds].view(folds, -1)
    kept = torch.ones(folds, len(both), dtype=torch.bool).scatter(1, held, False)
    train = torch.stack([row.nonzero()[:, 0] for row in kept])
    classifiers = _Classifiers(both.shape[1], folds, rng)
    classifiers.fit(both[train], drawn[train], rng)
    right = (classifiers.logits(both[held]) > 0).float() == drawn[held]
    return float(right.double().mean())


class _Classifiers:
    """As many networks of equal size, whose weights lie in the rows of one matrix."""

    def __init__(self, features: int, count: int, rng: torch.Generator) -> None:
        width = 10 * features
        self.shapes = [(features, width), (width, width), (width, 1)]
        sizes = [inward * outward + outward for inward, outward in self.shapes]
        bounds = [math.sqrt(6 / sum(shape)) for shape in self.shapes]
        parts = [(2 * torch.rand(count, n, generator=rng) - 1) * b for n, b in zip(sizes, bounds, strict=True)]
        self.weights = torch.cat(parts, 1)
        self.layers, start = [], 0
        for inward, outward in self.shapes:
            self.layers.append((start, start + inward * outward, start + inward * outward + outward))
            start += inward * outward + outward

    def matrices(self, weights: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Matrix and offset of each layer, as views."""
        return [
            (weights[:, a:b].view(-1, *shape), weights[:, None, b:c])
            for (a, b, c), shape in zip(self.layers, self.shapes, strict=True)
        ]

    def logits(self, x: Tensor) -> Tensor:
        """Of rows (folds, n, d), (folds, n)."""
        (w1, b1), (w2, b2), (w3, b3) = self.matrices(self.weights)
        hidden = torch.baddbmm(b2, torch.baddbmm(b1, x, w1).relu_(), w2).relu_()
        return torch.baddbmm(b3, hidden, w3)[..., 0]

    def fit(self, x: Tensor, drawn: Tensor, rng: torch.Generator) -> None:
        """Adam on shuffled batches; a network stays as it is once its loss has not fallen for eleven epochs."""
        count, n, _ = x.shape
        moments = torch.zeros(2, *self.weights.shape)
        best, waited = torch.full((count,), math.inf), torch.zeros(count, dtype=torch.long)
        step, folds = 0, torch.arange(count)[:, None]
        for _ in range(EPOCHS):
            total, order = torch.zeros(count), torch.rand(count, n, generator=rng).argsort(1)
            for rows in order.split(min(BATCH, n), 1):  # type: ignore[no-untyped-call]
                loss, slope = self._slope(x[folds, rows], drawn[folds, rows])
                total += loss * rows.shape[1] / n
                step += 1
                moments[0].lerp_(slope, 1 - FIRST)
                moments[1].lerp_(slope.square_(), 1 - SECOND)
                rate = RATE * math.sqrt(1 - SECOND**step) / (1 - FIRST**step)
                change = moments[0].div(moments[1].sqrt().add_(LEAST)).mul_(rate)
                self.weights.sub_(change.mul_((waited < PATIENCE)[:, None]))
            going = waited < PATIENCE
            waited = torch.where(going & (total > best - TOLERANCE), waited + 1, torch.where(going, 0, waited))
            best = torch.where(going, torch.minimum(best, total), best)
            if (waited >= PATIENCE).all():
                return

    def _slope(self, x: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss of each network on its batch, and its slope in all weights."""
        n = x.shape[1]
        layers = self.matrices(self.weights)
        (w1, b1), (w2, b2), (w3, b3) = layers
        first = torch.baddbmm(b1, x, w1).relu_()
        second = torch.baddbmm(b2, first, w2).relu_()
        logits = torch.baddbmm(b3, second, w3)[..., 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, drawn, reduction="none").mean(1)
        slope = torch.empty_like(self.weights)
        off = ((logits.sigmoid() - drawn) / n)[..., None]
        seen = [x, first, second]
        for k, (matrix, offset) in reversed(list(enumerate(self.matrices(slope)))):
            torch.baddbmm(layers[k][0], seen[k].mT, off, beta=DECAY / n, out=matrix)
            torch.sum(off, 1, keepdim=True, out=offset)
            if k:
                off = torch.bmm(off, layers[k][0].mT).mul_(seen[k] > 0)
        decay = sum(matrix.square().sum((1, 2)) for matrix, _ in layers)
        return loss + 0.5 * DECAY * decay / n, slope
