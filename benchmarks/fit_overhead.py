"""What a training step costs beside a bare PyTorch loop: the same network, batches, objective and Adam, 240 steps.

Ours also clips gradients, averages weights, anneals the learning rate and keeps the history of the loss; `compiled` is
ours with `compile=True`, after the steps in which it compiles. The loops take turns, five steps each, in an order that
rotates, so that all meet the same machine; processor time on one thread. `share_of_checks` is what the look at every
batch takes of a step: whether it is data of the process.

    python benchmarks/fit_overhead.py
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from paired import RESULTS

from unnoise._provenance import write_results
from unnoise.data import Encoded
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.objectives.base import check_batch
from unnoise.processes import variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.training import Settings, TrainState, train

STEPS, TURN, BATCH, DIMENSION = 240, 5, 512, 32
SAME = 50  # steps whose losses are compared, before rounding has grown
ROWS = torch.randn(10_000, DIMENSION, generator=torch.Generator().manual_seed(0))


def bare() -> Iterator[float]:
    """Denoising by hand in a variance-preserving process, linear in log SNR, with plain Adam."""
    rng = torch.Generator().manual_seed(0)
    network = MLP((DIMENSION,), width=256, depth=4)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    while True:
        x_0 = ROWS[torch.randint(0, len(ROWS), (BATCH,), generator=rng)]
        log_snr = 13.3 - 23.3 * torch.rand(BATCH, generator=rng)
        alpha, sigma = torch.sigmoid(log_snr).sqrt()[:, None], torch.sigmoid(-log_snr).sqrt()[:, None]
        noise = torch.randn(x_0.shape, generator=rng)
        output = network(alpha * x_0 + sigma * noise, -log_snr / 8)
        loss = (output - (alpha * noise - sigma * x_0)).square().sum(1).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        yield loss.item()


def ours(compiling: bool) -> tuple[TrainState, Iterator[object]]:
    """A training by the library, and its steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP((DIMENSION,), width=256, depth=4)
    denoiser = Neural(variance_preserving(Euclidean(DIMENSION), LinearLogSNR()), network)
    settings = Settings(steps=STEPS + TURN, batch_size=BATCH, device="cpu", compile=compiling)
    state = TrainState(denoiser, settings)
    return state, train(state, Denoising(), Encoded(ROWS, None, None))


def busy(work: Callable[..., object], *arguments: Any) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


def turn(loop: Iterator[object]) -> float:
    """Processor seconds of a turn of a loop."""
    return busy(lambda: list(islice(loop, TURN)))


def main() -> None:
    """Measure and write results/fit-overhead.json."""
    start = time.perf_counter()
    torch.set_num_threads(1)
    (plain, plain_steps), (compiled, compiled_steps) = ours(False), ours(True)
    loops = {"ours": plain_steps, "compiled": compiled_steps, "bare": bare()}
    measured = {f"{name}_first_seconds": turn(loop) for name, loop in loops.items()}
    orders = itertools.cycle(itertools.permutations(loops))
    turns = [{name: turn(loops[name]) for name in next(orders)} for _ in range(STEPS // TURN)]
    for name in loops:
        measured[f"{name}_seconds_of_step"] = statistics.median(one[name] for one in turns) / TURN
    for name, prefix in (("ours", ""), ("compiled", "compiled_")):
        low, middle, high = statistics.quantiles((one[name] / one["bare"] for one in turns), n=4)
        measured |= {f"{prefix}ratio": middle, f"{prefix}ratio_lower_quartile": low}
        measured[f"{prefix}ratio_upper_quartile"] = high
    pairs = zip(plain.losses[:SAME], compiled.losses[:SAME], strict=True)
    measured["compiled_losses_differ"] = max(abs(a - b) / abs(a) for a, b in pairs)
    process = plain.denoiser.process
    look = statistics.median(busy(check_batch, process, ROWS[:BATCH], None) for _ in range(STEPS))
    measured["share_of_checks"] = look / measured["ours_seconds_of_step"]
    measured |= {"bar": 1.01, "compiled_bar": 0.8}
    took = time.perf_counter() - start
    command = "python benchmarks/fit_overhead.py"
    write_results("fit-overhead", RESULTS, measured=measured, seconds=took, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
