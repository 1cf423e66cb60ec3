r"""Mixtures of products of von Mises laws of angles and a law of letters: any conditional in closed form.

$$p(x, b) = \sum_k w_k\,\pi_k(b) \prod_j \frac{e^{\kappa_{kj}\cos(x_j - \mu_{kj})}}{2\pi I_0(\kappa_{kj})}$$

Given some of the coordinates the weights change and the rest stays, $w_k \to w_k\,p_k(\text{given})$. A kernel density
is the one with a component at every training point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LARGEST = 2_000.0  # concentration
ROUNDS = 60  # of EM
BLOCK = 256  # rows compared with all components at once
PRIOR = 1.0  # a row's worth of uniform letters in every component


@dataclass(frozen=True)
class CircularMixture:
    """A mixture with components k, angles j and letters b.

    Attributes:
        weights: (k,).
        means: (k, angles).
        kappas: (k, angles), concentrations.
        letters: (k, letters), probabilities.
    """

    weights: Floats
    means: Floats
    kappas: Floats
    letters: Floats

    @classmethod
    def fit(cls, angles: Floats, letters: Any, components: int, seed: int) -> CircularMixture:
        """By EM, from components around random rows."""
        rng = np.random.default_rng(seed)
        start = rng.choice(len(angles), components, replace=False)
        indicators = np.eye(int(letters.max()) + 1)[letters]
        kappas = np.full((components, angles.shape[1]), 5.0)
        now = cls(np.full(components, 1 / components), angles[start], kappas, 0.5 * indicators[start] + 0.125)
        for _ in range(ROUNDS):
            share = np.exp(now._normed(now.logs(angles, letters, np.ones(angles.shape, dtype=bool))))
            now = cls.of_shares(angles, indicators, share)
        return now

    @classmethod
    def of_shares(cls, angles: Floats, indicators: Floats, share: Floats) -> CircularMixture:
        """The best components for rows of which each has a share (n, k)."""
        total = share.sum(0)
        places = share.T @ np.exp(1j * angles)
        length = np.abs(places) / np.maximum(total, 1e-9)[:, None]
        shrunk = length * total[:, None] / (total[:, None] + 1)  # a few rows do not make a needle
        letters = (share.T @ indicators + PRIOR / indicators.shape[1]) / (total[:, None] + PRIOR)
        kappas = shrunk * (2 - shrunk**2) / np.maximum(1 - shrunk**2, 1e-9)  # Banerjee et al. 2005
        return cls(np.maximum(total, 1e-9) / total.sum(), np.angle(places), kappas.clip(1e-3, LARGEST), letters)

    @classmethod
    def kernels(cls, angles: Floats, letters: Any, kappa: float) -> CircularMixture:
        """A kernel density: nine tenths of a letter where it was seen."""
        count = int(letters.max()) + 1
        law = 0.9 * np.eye(count)[letters] + 0.1 / count
        return cls(np.full(len(angles), 1 / len(angles)), angles, np.full(angles.shape, kappa), law)

    def logs(self, angles: Floats, letters: Any, known: Mask, letter: bool = True) -> Floats:
        """The log of the joint density of each component and the known cells of rows, (n, k)."""
        norm = np.log(2 * math.pi * scipy.special.i0e(self.kappas))
        # kappa (cos(x - mu) - 1) - norm, summed over the known angles
        cosine, sine = self.kappas * np.cos(self.means), self.kappas * np.sin(self.means)
        seen = known.astype(np.float64)
        found = (seen * np.cos(angles)) @ cosine.T + (seen * np.sin(angles)) @ sine.T - seen @ (self.kappas + norm).T
        found += np.log(self.weights)
        return np.asarray(found + np.log(self.letters.T[letters]) if letter else found)

    def log_prob(self, angles: Floats, letters: Any, known: Mask) -> Floats:
        """Of the known angles and the letters of rows, (n,)."""
        parts = []
        for rows in blocks(len(angles)):
            logs = self.logs(angles[rows], letters[rows], known[rows])
            top = logs.max(1)
            parts.append(top + np.log(np.exp(logs - top[:, None]).sum(1)))
        return np.concatenate(parts)

    def draw(self, angles: Floats, letters: Any, known: Mask, rng: np.random.Generator) -> Floats:
        """Angles of which those that are not known are drawn given the rest."""
        parts = []
        for rows in blocks(len(angles)):
            share = np.exp(self._normed(self.logs(angles[rows], letters[rows], known[rows]))).cumsum(1)
            chosen = (share < rng.random((len(share), 1)) * share[:, -1:]).sum(1)
            new = rng.vonmises(self.means[chosen], self.kappas[chosen])
            parts.append(np.where(known[rows], angles[rows], new))
        return np.concatenate(parts)

    @staticmethod
    def _normed(logs: Floats) -> Floats:
        top = logs.max(1, keepdims=True)
        return np.asarray(logs - top - np.log(np.exp(logs - top).sum(1, keepdims=True)))


def blocks(n: int) -> list[slice]:
    """Rows a few at a time."""
    return [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]


def nearest(angles: Floats, letters: Any, known: Mask, train: Floats, train_letters: Any, most: int) -> Any:
    """The training rows that are nearest in the known angles, by chords, and in the letter: (n, most) indices."""
    parts = []
    for rows in blocks(len(angles)):
        seen = known[rows].astype(np.float64)
        same = (seen * np.cos(angles[rows])) @ np.cos(train).T + (seen * np.sin(angles[rows])) @ np.sin(train).T
        apart = 1.0 * (letters[rows, None] != train_letters) - 2 * same
        parts.append(np.argpartition(apart, most, 1)[:, :most])
    return np.concatenate(parts)
