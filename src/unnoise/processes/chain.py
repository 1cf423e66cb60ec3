r"""Noising in T whole steps, on any space: what the evidence lower bound of discrete time is made of.

A chain noises data $x_0$ to $x_1, \dots, x_T$; steps t are whole numbers. Its reverse starts at $\pi_T$ and takes
steps $p(x_{t-1} | x_t)$, the last of which is set, not learnt: $p(x_0 | x_1) = q(x_1 | x_0)\pi_0(x_0)/\pi_1(x_1)$,
where $\pi_t$ is the law that the chain makes of the null, noise of mean 0 and variance 1 or independent coins. The
bound on the log-likelihood is

$$K = -\sum_{t=2}^T E\big[KL(q(X_{t-1} | X_t, x_0) \| p(X_{t-1} | X_t))\big]
+ E[\log p(x_0 | X_1)] - KL(q(X_T | x_0) \| \pi_T),$$

the three terms of every lecture on diffusion (Ho et al. 2020, arXiv 2006.11239, eq. 5), or, as first published
(Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 14), with $H_q(X_T | x_0) - H_q(X_1 | x_0) - H_\pi(X_T)$ in place of
the last two. Both are here term by term; they differ by `edge`, which has mean zero over data with the moments of the
null.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._tree import S
from unnoise.laws import Law
from unnoise.processes.base import Process


class Chain(ABC, Generic[S]):
    """T steps of noise and what a reverse of T steps costs. Times t are whole numbers, () or (*batch,), from 1 to T.

    Attributes:
        process: the same noise in continuous time, which is what a denoiser knows.
        steps: T.
    """

    process: Process[S]
    steps: int

    @abstractmethod
    def time(self, t: Tensor) -> Tensor:
        """The continuous time of step t, in float64."""

    @abstractmethod
    def marginal(self, x_0: S, t: Tensor) -> Law[S]:
        """$q(x_t | x_0)$."""

    @abstractmethod
    def transition(self, x_s: S, s: Tensor, t: Tensor) -> Law[S]:
        """$q(x_t | x_s)$ for any s < t; s = 0 is data."""

    @abstractmethod
    def posterior(self, stat: Any, x_t: S, t: Tensor, s: Tensor | None = None) -> Law[S]:
        """$p(x_s | x_t)$ for the learnt statistic, for any s < t; one step by default."""

    @abstractmethod
    def bridge(self, x_0: S, x_t: S, t: Tensor, s: Tensor | None = None) -> Law[S]:
        """$q(x_s | x_t, x_0)$ for any s < t; one step by default."""

    @abstractmethod
    def price(self, stat: Any, x_0: S, x_t: S, t: Tensor, s: Tensor | None = None) -> Tensor:
        r"""$KL(q(x_s | x_t, x_0) \| p(x_s | x_t))$ in nats, (*batch,): what a step adds to the bound."""

    @abstractmethod
    def null(self, n: int, t: Tensor) -> Law[S]:
        r"""$\pi_t$ for a batch of n; at T the law that samples start from."""

    @abstractmethod
    def log_null(self, x_0: S, t: Tensor) -> Tensor:
        r"""$E[\log\pi_t(X_t) | x_0]$ in nats, (*batch,), in closed form; at t = 0 the likelihood under the null."""

    @abstractmethod
    def null_entropy(self) -> Tensor:
        r"""$H_\pi(X_T)$ in nats, ()."""

    @abstractmethod
    def entropy(self, x_0: S, t: Tensor) -> Tensor:
        """$H_q(X_t | x_0)$ in nats, (*batch,)."""

    @abstractmethod
    def step_entropy(self, x_0: S, t: Tensor) -> Tensor:
        """$H_q(X_t | X_{t-1})$ in nats, averaged over $X_{t-1}$ given x_0, (*batch,)."""

    def step(self, x: S, t: Tensor) -> Law[S]:
        """$q(x_t | x_{t-1})$."""
        return self.transition(x, t - 1, t)

    def decoded(self, x_0: S, x_1: S) -> Tensor:
        r"""$\log p(x_0 | x_1)$ in nats, (*batch,)."""
        first, n = self._first.to(_tree.first(x_0).device), _tree.length(x_0)
        made = self.marginal(x_0, first).log_prob(x_1)
        return made + self.null(n, 0 * first).log_prob(x_0) - self.null(n, first).log_prob(x_1)

    def entropies(self, x_0: S) -> dict[str, Tensor]:
        r"""The published terms besides the steps, by name, each (*batch,), in nats.

        `end` is $H_q(X_T | x_0)$, `start` $-H_q(X_1 | x_0)$, `prior` $-H_\pi(X_T)$, and `edge` what the published bound
        leaves out, $\log\pi_0(x_0) - E[\log\pi_1(X_1)] + E[\log\pi_T(X_T)] + H_\pi(X_T)$.
        """
        end = self.entropy(x_0, self._last)
        null = self.null_entropy().to(end).expand_as(end)
        edge = self._edge(x_0) + self.log_null(x_0, self._last) + null
        return {"end": end, "start": -self.entropy(x_0, self._first), "prior": -null, "edge": edge}

    def divergences(self, x_0: S) -> dict[str, Tensor]:
        r"""The lecture's terms besides the steps, by name, each (*batch,), in nats.

        `prior` is $-KL(q(X_T | x_0) \| \pi_T)$ and `reconstruction` $E[\log p(x_0 | X_1)]$.
        """
        prior = self.entropy(x_0, self._last) + self.log_null(x_0, self._last)
        return {"prior": prior, "reconstruction": self._edge(x_0) - self.entropy(x_0, self._first)}

    @property
    def _first(self) -> Tensor:
        return torch.ones((), dtype=torch.int64)

    @property
    def _last(self) -> Tensor:
        return torch.full((), self.steps, dtype=torch.int64)

    def _edge(self, x_0: S) -> Tensor:
        """What the last step of the reverse knows of the null."""
        return self.log_null(x_0, 0 * self._first) - self.log_null(x_0, self._first)
