"""Gaussian mixtures asked anything: every split of three cells, and the law of the asked ones in closed form."""

from __future__ import annotations

import itertools

import torch

from unnoise.laws import GaussianMixture

FLOAT64 = torch.float64
UNKNOWN, GIVEN, ASKED = range(3)
SPLITS = torch.tensor([split for split in itertools.product(range(3), repeat=3) if ASKED in split])


def mixture() -> GaussianMixture:
    """Two components in R^3 whose cells say much of each other."""
    means = torch.tensor([[1.0, -0.5, 0.3], [-0.8, 0.7, -0.6]], dtype=FLOAT64)
    roots = torch.tensor(
        [[[0.6, 0.0, 0.0], [0.4, 0.4, 0.0], [-0.3, 0.2, 0.5]], [[0.5, 0.0, 0.0], [-0.4, 0.5, 0.0], [0.2, 0.3, 0.4]]],
        dtype=FLOAT64,
    )
    return GaussianMixture(torch.tensor([0.4, 0.6], dtype=FLOAT64), means, roots @ roots.mT)


def splits(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The masks of n rows, all splits in turn: asked and given."""
    roles = SPLITS[torch.arange(n) % len(SPLITS)]
    return roles == ASKED, roles == GIVEN


def conditional(law: GaussianMixture, asked, given, x: torch.Tensor, noise: float = 0.0) -> GaussianMixture:
    """The law of the asked cells given those of one point x, (d,), seen with noise of this variance."""
    a, b = asked.nonzero()[:, 0], given.nonzero()[:, 0]
    weights, means, covariances = law.weights, law.means, law.covariances
    seen = covariances[:, b[:, None], b] + noise * torch.eye(len(b), dtype=FLOAT64)
    gain = torch.linalg.solve(seen, covariances[:, b][:, :, a]).mT
    offset = x[b] - means[:, b]
    fit = -0.5 * ((offset * torch.linalg.solve(seen, offset)).sum(-1) + torch.linalg.slogdet(seen).logabsdet)
    return GaussianMixture(
        torch.softmax(weights.log() + fit, 0),
        means[:, a] + (gain @ offset[..., None])[..., 0],
        covariances[:, a[:, None], a] - gain @ covariances[:, b][:, :, a],
    )


def log_conditional(law: GaussianMixture, asked, given, x: torch.Tensor, noise: float = 0.0) -> torch.Tensor:
    """Of every row of x, (n,), by a question of its own."""
    rows = zip(asked, given, x, strict=True)
    return torch.stack([conditional(law, a, b, row, noise).log_prob(row[a][None])[0] for a, b, row in rows])


def uniforms(law: GaussianMixture, asked, given, x: torch.Tensor, noise: float = 0.0) -> torch.Tensor:
    """Numbers that are uniform and independent where asked cells follow the law (Rosenblatt 1952)."""
    found = []
    for a, b, row in zip(asked, given, x, strict=True):
        known = b.clone()
        for cell in a.nonzero()[:, 0]:
            one = torch.zeros_like(a)
            one[cell] = True
            part = conditional(law, one, known, row, noise)
            z = (row[cell] - part.means[:, 0]) / part.covariances[:, 0, 0].sqrt()
            found.append((part.weights * torch.special.ndtr(z)).sum())
            known[cell] = True
    return torch.stack(found)
