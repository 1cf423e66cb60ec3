"""What chains cost: 10,000 of them, 1,000 underdamped steps each, on a mixture of two Gaussians in d = 32.

1. Against the score evaluations and the normal draws alone, which no chain can do without. Both take turns, 50 steps
   each, so that both meet the same machine.
2. MALA beside blackjax's `mala` on the same target, in effective samples per second: the same 1,000 chains from exact
   draws, the same step size, tuned to an acceptance of .574, every position kept, one thread; the effective sample
   size, of the coordinate that has least, by the same function. Compiling is not counted.

    python benchmarks/langevin_cost.py

The second part needs blackjax (pip install "unnoise[benchmarks]") and is left out where that is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}"  # read when jax is imported

import torch  # noqa: E402
from paired import RESULTS, compare  # noqa: E402

from unnoise import chains  # noqa: E402
from unnoise._provenance import write_results  # noqa: E402
from unnoise.denoisers import ExactMixture  # noqa: E402
from unnoise.laws.base import standard_normal  # noqa: E402
from unnoise.processes import edm  # noqa: E402
from unnoise.targets import TwoModes  # noqa: E402

CHAINS, STEPS, TURN = 10_000, 1_000, 50
MALA_CHAINS, MALA_STEPS, REPEATS, ACCEPTANCE = 1_000, 1_000, 5, 0.574
TARGET = TwoModes(32, separation=0.5)  # 2.8 standard deviations apart: chains pass between them


def overhead() -> dict[str, float]:
    """All of a chain against what it cannot do without."""
    rng = torch.Generator().manual_seed(0)
    target = chains.AtNoise(ExactMixture(edm(TARGET.space), TARGET.mixture)).at(1.0)
    state = chains.run(chains.Sachs(target, 0.5), TARGET.sample(rng, (CHAINS,)), 1, rng).state

    def walk() -> None:
        nonlocal state
        state = chains.run(chains.Sachs(target, 0.5), state, TURN, rng).state

    @torch.no_grad()
    def bare() -> None:
        for _ in range(TURN):
            target.score(state.x)
            standard_normal(tuple(state.x.shape), state.x, rng)

    measured = compare(walk, bare, repeats=STEPS // TURN)
    return {f"overhead_{name}": value for name, value in measured.items()} | {"overhead_bar": 1.3}


def beside_blackjax() -> dict[str, float]:
    """Effective samples per second of both."""
    rng = torch.Generator().manual_seed(0)
    density, x = TARGET, TARGET.sample(rng, (MALA_CHAINS,))
    tuned = chains.tune(chains.MALA(density, 0.1), x, rng, target=ACCEPTANCE)
    walks = {"ours": lambda: ours(tuned, rng), "theirs": theirs(x, tuned.kernel.step_size)}
    measured: dict[str, float] = {"mala_step_size": tuned.kernel.step_size}
    for name, walk in walks.items():
        kept, accepted = walk()
        measured[f"mala_acceptance_{name}"] = accepted
        measured[f"mala_least_effective_{name}"] = float(chains.diagnostics.agreement(kept).bulk.min())
    measured |= {f"mala_{name}": value for name, value in compare(*walks.values(), repeats=REPEATS).items()}
    for name in walks:
        rate = measured[f"mala_least_effective_{name}"] / measured[f"mala_seconds_{name}"]
        measured[f"mala_effective_per_second_{name}"] = rate
    return measured


def ours(tuned: chains.Tuned, rng: torch.Generator) -> tuple[torch.Tensor, float]:
    """All positions, and the acceptance."""
    trace = chains.run(tuned.kernel, tuned.state, MALA_STEPS, rng, keep=1)
    return trace.kept, trace.acceptance


def theirs(x: torch.Tensor, step_size: float) -> Callable[[], tuple[torch.Tensor, float]]:
    """The same by blackjax: its step over all chains at once, its scan over steps, compiled."""
    import blackjax
    import jax
    import jax.numpy as jnp

    weights, means, scale = jnp.log(TARGET.weights.numpy()), jnp.array(TARGET.means.numpy()), TARGET.scale

    def log_prob(x: jax.Array) -> jax.Array:
        return jax.scipy.special.logsumexp(weights - 0.5 / scale**2 * jnp.square(x - means).sum(-1))

    kernel = blackjax.mala(log_prob, step_size)

    def step(states: object, key: jax.Array) -> tuple[object, tuple[jax.Array, jax.Array]]:
        states, info = jax.vmap(kernel.step)(jax.random.split(key, MALA_CHAINS), states)
        return states, (states.position, info.acceptance_rate.mean())

    walk = jax.jit(lambda states, key: jax.lax.scan(step, states, jax.random.split(key, MALA_STEPS))[1])
    states = jax.vmap(kernel.init)(jnp.array(x.numpy()))

    def run() -> tuple[torch.Tensor, float]:
        kept, accepted = jax.block_until_ready(walk(states, jax.random.key(0)))
        return torch.from_dlpack(kept), float(accepted.mean())

    return run


def main() -> None:
    """Measure and write results/langevin-cost.json."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    measured = overhead()
    try:
        measured |= beside_blackjax()
    except ImportError as missing:
        print(f'without blackjax ({missing}): pip install "unnoise[benchmarks]"')
    seconds = time.perf_counter() - start
    command = "python benchmarks/langevin_cost.py"
    write_results("langevin-cost", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
