"""What a training step costs beside a bare PyTorch loop: the same network, batches, objective and Adam, 2000 steps.

Ours also clips gradients, averages weights, anneals the learning rate and keeps the history of the loss. Both loops
take turns, five steps each, so that both meet the same machine. `share_of_checks` is what the look at every batch takes
of a step: whether it is data of the process.

    python benchmarks/fit_overhead.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from itertools import islice

import torch
from paired import RESULTS, compare, seconds

from unnoise._provenance import write_results
from unnoise.data import Encoded
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.objectives.base import check_batch
from unnoise.processes import VariancePreserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.training import Settings, TrainState, train

STEPS, TURN, BATCH, DIMENSION = 2000, 5, 512, 32
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


def main() -> None:
    """Measure and write results/fit-overhead.json."""
    start = time.perf_counter()
    denoiser = Neural(VariancePreserving(Euclidean(DIMENSION), LinearLogSNR()), MLP((DIMENSION,), width=256, depth=4))
    state = TrainState(denoiser, Settings(steps=STEPS + TURN, batch_size=BATCH, device="cpu"))
    ours, theirs = train(state, Denoising(), Encoded(ROWS, None, None)), bare()
    measured = compare(lambda: list(islice(ours, TURN)), lambda: list(islice(theirs, TURN)), repeats=STEPS // TURN)
    look = statistics.median(seconds(lambda: check_batch(denoiser.process, ROWS[:BATCH], None)) for _ in range(STEPS))
    measured["share_of_checks"] = look / (measured["seconds_ours"] / TURN)
    measured["bar"] = 1.10
    took = time.perf_counter() - start
    command = "python benchmarks/fit_overhead.py"
    write_results("fit-overhead", RESULTS, measured=measured, seconds=took, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
