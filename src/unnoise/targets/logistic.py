"""Bayesian logistic regression on real data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import real, tensor
from unnoise._errors import InputError
from unnoise.spaces import Euclidean
from unnoise.targets.base import Target


@dataclass(frozen=True)
class LogisticRegression(Target):
    r"""$\log p(w) = \log N(w; 0, s^2 I) + \sum_i \log\mathrm{sigmoid}(y_i\, w\cdot x_i)$, $y_i \in \{-1, 1\}$.

    The posterior is log-concave; its Z, the evidence, is unknown.

    Args:
        features: (n, d), finite, with a column of ones for an intercept.
        labels: (n,), 0 or 1.
        scale: s, the prior standard deviation of every coefficient.

    >>> target = LogisticRegression(torch.tensor([[1.0], [2.0]]), torch.tensor([0, 1]))
    >>> target.score(torch.zeros(1, 1))
    tensor([[0.5000]])
    """

    features: Tensor
    labels: Tensor
    scale: float = 1.0

    def __post_init__(self) -> None:
        tensor(features=self.features, labels=self.labels)
        real(above=0, scale=self.scale)
        if self.features.ndim != 2 or self.labels.shape != self.features.shape[:1]:
            raise InputError(
                f"got features {tuple(self.features.shape)} and labels {tuple(self.labels.shape)}; "
                "expected (n, d) and (n,)"
            )
        if not ((self.labels == 0) | (self.labels == 1)).all():
            raise InputError(f"got the labels {sorted(set(self.labels.tolist()))[:5]}; expected 0 and 1")

    @classmethod
    def breast_cancer(cls, scale: float = 1.0) -> LogisticRegression:
        """The 569 tumours of scikit-learn's breast-cancer data: 30 standardised features and an intercept.

        Label 1 is benign. Wolberg, Street, Mangasarian 1995, UCI repository.
        """
        from sklearn.datasets import load_breast_cancer

        data = load_breast_cancer()
        features = torch.tensor(data.data, dtype=torch.get_default_dtype())
        features = (features - features.mean(0)) / features.std(0, correction=0)
        return cls(torch.cat([torch.ones(len(features), 1), features], 1), torch.tensor(data.target), scale)

    @property
    def space(self) -> Euclidean:
        """One number per coefficient."""
        return Euclidean(self.features.shape[1])

    def log_prob(self, x: Tensor) -> Tensor:
        """Of coefficients x, (*batch, d), up to the evidence."""
        logits = x @ self.features.to(x).T
        # log sigmoid(y z) = y z - softplus(z) for y in {0, 1}
        fit = (logits * self.labels.to(x) - torch.nn.functional.softplus(logits)).sum(-1)
        constant = 0.5 * x.shape[-1] * math.log(2 * math.pi * self.scale**2)
        return fit - 0.5 / self.scale**2 * x.square().sum(-1) - constant

    def score(self, x: Tensor) -> Tensor:
        """In closed form."""
        features = self.features.to(x)
        surprise = self.labels.to(x) - torch.sigmoid(x @ features.T)
        return surprise @ features - x / self.scale**2

    def accuracy(self, x: Tensor, features: Tensor, labels: Tensor) -> float:
        """The mean share of cases whose label is the likelier one under coefficients x, (n, d)."""
        chance = torch.sigmoid(features.to(x) @ x.T).mean(-1)
        return float(((chance > 0.5).long() == labels.to(chance.device)).double().mean())
