"""Densities whose answers are known: posteriors of posteriordb, written from its README, and laws in closed form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Posterior:
    """A posterior in coordinates without bounds, the way back to its parameters, and reference draws of these."""

    dimension: int
    log_prob: Function
    parameters: Function
    draws: Any


def posteriors(folder: Path) -> dict[str, Posterior]:
    """The seven of the folder."""
    made = {
        "eight_schools-eight_schools_noncentered": eight_schools,
        "kilpisjarvi_mod-kilpisjarvi": kilpisjarvi,
        "sblrc-blr": regression,
        "arK-arK": autoregression,
        "garch-garch11": garch,
        "low_dim_gauss_mix-low_dim_gauss_mix": mixture,
        "mesquite-logmesquite_logvash": mesquite,
    }
    return {
        name.split("-")[0]: Posterior(*make(_data(folder, name)), np.load(folder / f"{name}.npz")["draws"])
        for name, make in made.items()
    }


def _data(folder: Path, name: str) -> dict[str, Any]:
    found = json.loads((folder / f"{name.split('-')[0].removesuffix('_eight')}.json").read_text())
    return {k: torch.tensor(np.array(v, dtype=float)) if isinstance(v, list) else v for k, v in found.items()}


def normal(x: Tensor, mean: Any, scale: Any) -> Tensor:
    """The log density, up to a constant."""
    return -0.5 * ((x - mean) / scale) ** 2 - torch.as_tensor(scale).log()


def eight_schools(data: dict[str, Any]) -> tuple[int, Function, Function]:
    def log_prob(u: Tensor) -> Tensor:
        z, mu, log_tau = u[:, :8], u[:, 8], u[:, 9]
        tau = log_tau.exp()
        theta = mu[:, None] + tau[:, None] * z
        prior = -0.5 * z.square().sum(1) - 0.5 * (mu / 5) ** 2 - torch.log1p((tau / 5) ** 2) + log_tau
        return prior + normal(data["y"], theta, data["sigma"]).sum(1)

    def parameters(u: Tensor) -> Tensor:
        return torch.cat([u[:, 8:9] + u[:, 9:].exp() * u[:, :8], u[:, 8:9], u[:, 9:].exp()], 1)

    return 10, log_prob, parameters


def _last_is_a_log(u: Tensor) -> Tensor:
    return torch.cat([u[:, :-1], u[:, -1:].exp()], 1)


def kilpisjarvi(data: dict[str, Any]) -> tuple[int, Function, Function]:
    def log_prob(u: Tensor) -> Tensor:
        alpha, beta, log_sigma = u.unbind(1)
        mean = alpha[:, None] + beta[:, None] * data["x"]
        prior = normal(alpha, data["pmualpha"], data["psalpha"]) + normal(beta, data["pmubeta"], data["psbeta"])
        return normal(data["y"], mean, log_sigma.exp()[:, None]).sum(1) + log_sigma + prior

    return 3, log_prob, _last_is_a_log


def regression(data: dict[str, Any]) -> tuple[int, Function, Function]:
    def log_prob(u: Tensor) -> Tensor:
        beta, log_sigma = u[:, :-1], u[:, -1]
        sigma = log_sigma.exp()
        prior = -0.5 * (beta / 10).square().sum(1) - 0.5 * (sigma / 10) ** 2 + log_sigma
        return normal(data["y"], beta @ data["X"].T, sigma[:, None]).sum(1) + prior

    return data["X"].shape[1] + 1, log_prob, _last_is_a_log


def autoregression(data: dict[str, Any]) -> tuple[int, Function, Function]:
    y, lags = data["y"], int(data["K"])
    past = torch.stack([y[lags - k : len(y) - k] for k in range(1, lags + 1)], 1)

    def log_prob(u: Tensor) -> Tensor:
        alpha, beta, log_sigma = u[:, 0], u[:, 1:-1], u[:, -1]
        sigma = log_sigma.exp()
        prior = -0.5 * (u[:, :-1] / 10).square().sum(1) - torch.log1p((sigma / 2.5) ** 2) + log_sigma
        return normal(y[lags:], alpha[:, None] + beta @ past.T, sigma[:, None]).sum(1) + prior

    return lags + 2, log_prob, _last_is_a_log


def garch(data: dict[str, Any]) -> tuple[int, Function, Function]:
    y = data["y"]

    def parameters(u: Tensor) -> Tensor:
        alpha = torch.sigmoid(u[:, 2])
        return torch.stack([u[:, 0], u[:, 1].exp(), alpha, (1 - alpha) * torch.sigmoid(u[:, 3])], 1)

    def log_prob(u: Tensor) -> Tensor:
        mu, alpha0, alpha1, beta1 = parameters(u).unbind(1)
        variance = torch.full_like(mu, data["sigma1"] ** 2)
        total = normal(y[0], mu, variance.sqrt())
        for t in range(1, len(y)):
            variance = alpha0 + alpha1 * (y[t - 1] - mu) ** 2 + beta1 * variance
            total = total + normal(y[t], mu, variance.sqrt())
        sides = torch.nn.functional.logsigmoid(u[:, 3]) + torch.nn.functional.logsigmoid(-u[:, 3])
        return total + u[:, 1] + alpha1.log() + 2 * torch.log1p(-alpha1) + sides

    return 4, log_prob, parameters


def mixture(data: dict[str, Any]) -> tuple[int, Function, Function]:
    y = data["y"]

    def parameters(u: Tensor) -> Tensor:
        first, apart, one, two, share = u.unbind(1)
        return torch.stack([first, first + apart.exp(), one.exp(), two.exp(), torch.sigmoid(share)], 1)

    def log_prob(u: Tensor) -> Tensor:
        mu1, mu2, s1, s2, share = (value[:, None] for value in parameters(u).unbind(1))
        either = torch.logaddexp(share.log() + normal(y, mu1, s1), torch.log1p(-share) + normal(y, mu2, s2))
        prior = -0.5 * ((mu1 / 2) ** 2 + (mu2 / 2) ** 2 + (s1 / 2) ** 2 + (s2 / 2) ** 2)
        return either.sum(1) + (prior + 5 * share.log() + 5 * torch.log1p(-share))[:, 0] + u[:, 1:4].sum(1)

    return 5, log_prob, parameters


def mesquite(data: dict[str, Any]) -> tuple[int, Function, Function]:
    logs = {name: data[name].log() for name in ("weight", "diam1", "diam2", "canopy_height", "total_height")}
    one, two = logs["diam1"], logs["diam2"]
    columns = [torch.ones_like(one), one + two + logs["canopy_height"], one + two, one - two, logs["total_height"]]
    x = torch.stack([*columns, data["group"]], 1)

    def log_prob(u: Tensor) -> Tensor:
        return normal(logs["weight"], u[:, :6] @ x.T, u[:, 6:].exp()).sum(1) + u[:, 6]

    return 7, log_prob, _last_is_a_log


def two_modes(dimension: int) -> Function:
    """Weights .8 and .2, unit covariance, 6 sqrt(d) apart; normalised."""

    def log_prob(x: Tensor) -> Tensor:
        far, near = (-0.5 * (x - m).square().sum(1) for m in (3.0, -3.0))
        both = torch.logaddexp(far + math.log(0.8), near + math.log(0.2))
        return both - 0.5 * dimension * math.log(2 * math.pi)

    return log_prob


def forty(dimension: int) -> tuple[Function, Tensor]:
    """Equal weights, unit covariance, means uniform in a cube; normalised."""
    rng = torch.Generator().manual_seed(0)
    means = 80 * torch.rand(40, dimension, generator=rng, dtype=torch.float64) - 40

    def log_prob(x: Tensor) -> Tensor:
        squared = x.square().sum(1)[:, None] - 2 * x @ means.T + means.square().sum(1)
        return torch.logsumexp(-0.5 * squared, 1) - math.log(40) - 0.5 * dimension * math.log(2 * math.pi)

    return log_prob, means


def narrow_and_wide(x: Tensor) -> Tensor:
    """.9 N(4, .1^2 I) + .1 N(0, I) in the plane; normalised."""
    near, far = -0.5 * x.square().sum(-1), -0.5 * ((x - 4) / 0.1).square().sum(-1)
    return torch.logaddexp(near + math.log(0.1), far + math.log(0.9 / 0.01)) - math.log(2 * math.pi)


def banana(x: Tensor) -> Tensor:
    """Deviations 10 and 4.36; normalised."""
    return -0.5 * (x[:, 0] / 10) ** 2 - 0.5 * (x[:, 1] - 0.03 * (x[:, 0] ** 2 - 100)) ** 2 - math.log(20 * math.pi)


def turned(x: Tensor) -> Tensor:
    """Variances 1 and 1e-6, turned by 45 degrees; normalised."""
    along, across = (x[:, 0] + x[:, 1]) / math.sqrt(2), (x[:, 0] - x[:, 1]) / math.sqrt(2)
    return -0.5 * along**2 - 0.5e6 * across**2 - math.log(2 * math.pi) + math.log(1e3)
