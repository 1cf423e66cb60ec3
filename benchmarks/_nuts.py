"""blackjax's NUTS with window adaptation on the posteriors of posteriordb, with the log densities of `_densities`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import blackjax
import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import log_sigmoid, sigmoid

jax.config.update("jax_enable_x64", True)

CHAINS, WARMUP, NEAR = 4, 1000, 2.0  # chains, their steps of adaptation, and how far from zero they start, as in Stan
LogProb = Callable[[Any], Any]


def normal(x: Any, mean: Any, scale: Any) -> Any:
    return -0.5 * ((x - mean) / scale) ** 2 - jnp.log(scale)


def eight_schools(data: dict[str, Any]) -> LogProb:
    def log_prob(u: Any) -> Any:
        z, mu, log_tau = u[:8], u[8], u[9]
        tau = jnp.exp(log_tau)
        prior = -0.5 * (z**2).sum() - 0.5 * (mu / 5) ** 2 - jnp.log1p((tau / 5) ** 2) + log_tau
        return prior + normal(data["y"], mu + tau * z, data["sigma"]).sum()

    return log_prob


def kilpisjarvi(data: dict[str, Any]) -> LogProb:
    def log_prob(u: Any) -> Any:
        alpha, beta, log_sigma = u
        prior = normal(alpha, data["pmualpha"], data["psalpha"]) + normal(beta, data["pmubeta"], data["psbeta"])
        return normal(data["y"], alpha + beta * data["x"], jnp.exp(log_sigma)).sum() + log_sigma + prior

    return log_prob


def regression(data: dict[str, Any]) -> LogProb:
    def log_prob(u: Any) -> Any:
        beta, sigma = u[:-1], jnp.exp(u[-1])
        prior = -0.5 * ((beta / 10) ** 2).sum() - 0.5 * (sigma / 10) ** 2 + u[-1]
        return normal(data["y"], data["X"] @ beta, sigma).sum() + prior

    return log_prob


def autoregression(data: dict[str, Any]) -> LogProb:
    y, lags = data["y"], int(data["K"])
    past = np.stack([y[lags - k : len(y) - k] for k in range(1, lags + 1)], 1)

    def log_prob(u: Any) -> Any:
        sigma = jnp.exp(u[-1])
        prior = -0.5 * ((u[:-1] / 10) ** 2).sum() - jnp.log1p((sigma / 2.5) ** 2) + u[-1]
        return normal(y[lags:], u[0] + past @ u[1:-1], sigma).sum() + prior

    return log_prob


def garch(data: dict[str, Any]) -> LogProb:
    y = jnp.asarray(data["y"])

    def log_prob(u: Any) -> Any:
        mu, alpha0, alpha1 = u[0], jnp.exp(u[1]), sigmoid(u[2])
        beta1 = (1 - alpha1) * sigmoid(u[3])

        def later(variance: Any, before: Any) -> tuple[Any, Any]:
            variance = alpha0 + alpha1 * (before - mu) ** 2 + beta1 * variance
            return variance, variance

        first = jnp.asarray(data["sigma1"] ** 2, dtype=u.dtype)
        _, rest = jax.lax.scan(later, first, y[:-1])
        total = normal(y, mu, jnp.sqrt(jnp.concatenate([first[None], rest]))).sum()
        return total + u[1] + log_sigmoid(u[2]) + 2 * log_sigmoid(-u[2]) + log_sigmoid(u[3]) + log_sigmoid(-u[3])

    return log_prob


def mixture(data: dict[str, Any]) -> LogProb:
    y = data["y"]

    def log_prob(u: Any) -> Any:
        mu1, mu2, s1, s2 = u[0], u[0] + jnp.exp(u[1]), jnp.exp(u[2]), jnp.exp(u[3])
        share, rest = log_sigmoid(u[4]), log_sigmoid(-u[4])
        either = jnp.logaddexp(share + normal(y, mu1, s1), rest + normal(y, mu2, s2)).sum()
        prior = -0.5 * ((mu1 / 2) ** 2 + (mu2 / 2) ** 2 + (s1 / 2) ** 2 + (s2 / 2) ** 2)
        return either + prior + 5 * share + 5 * rest + u[1:4].sum()

    return log_prob


def mesquite(data: dict[str, Any]) -> LogProb:
    logs = {name: np.log(data[name]) for name in ("weight", "diam1", "diam2", "canopy_height", "total_height")}
    one, two = logs["diam1"], logs["diam2"]
    columns = [np.ones_like(one), one + two + logs["canopy_height"], one + two, one - two, logs["total_height"]]
    x = np.stack([*columns, data["group"]], 1)

    def log_prob(u: Any) -> Any:
        return normal(logs["weight"], x @ u[:6], jnp.exp(u[6])).sum() + u[6]

    return log_prob


POSTERIORS = {
    "eight_schools": eight_schools,
    "kilpisjarvi_mod": kilpisjarvi,
    "sblrc": regression,
    "arK": autoregression,
    "garch": garch,
    "low_dim_gauss_mix": mixture,
    "mesquite": mesquite,
}


def drawn(log_prob: LogProb, dimension: int, draws: int, seed: int) -> tuple[Any, dict[str, int]]:
    """Draws (chains, draws, d) after adaptation, and the gradients of both."""
    adaptation = blackjax.window_adaptation(blackjax.nuts, log_prob)

    def one(key: Any) -> Any:
        begin, warm, go = jax.random.split(key, 3)
        start = jax.random.uniform(begin, (dimension,), minval=-NEAR, maxval=NEAR)
        (state, settings), adapted = adaptation.run(warm, start, num_steps=WARMUP)
        kernel = blackjax.nuts(log_prob, **settings).step

        def step(state: Any, key: Any) -> Any:
            state, info = kernel(key, state)
            return state, (state.position, info.num_integration_steps, info.is_divergent)

        _, (x, steps, diverged) = jax.lax.scan(step, state, jax.random.split(go, draws // CHAINS))
        return x, steps.sum(), adapted.info.num_integration_steps.sum(), diverged.sum()

    x, steps, before, diverged = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(seed), CHAINS))
    return np.asarray(x), {
        "gradients of draws": int(steps.sum()),
        "gradients of adaptation": int(before.sum()),
        "divergent": int(diverged.sum()),
    }
