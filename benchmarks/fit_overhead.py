"""What `fit` costs beside a bare PyTorch loop: the same network, batches, objective and Adam, 2000 steps.

python benchmarks/fit_overhead.py
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import torch
from paired import RESULTS, compare

from unnoise import DenoisingMarkovModel
from unnoise._provenance import write_results
from unnoise.networks import MLP

STEPS, BATCH, DIMENSION = 2000, 512, 32
ROWS = torch.from_numpy(np.random.default_rng(0).normal(size=(10_000, DIMENSION))).float()


def bare() -> None:
    """Denoising by hand in a variance-preserving process, linear in log SNR, with plain Adam."""
    rng = torch.Generator().manual_seed(0)
    network = MLP((DIMENSION,), width=256, depth=4)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(STEPS):
        x_0 = ROWS[torch.randint(0, len(ROWS), (BATCH,), generator=rng)]
        log_snr = 13.3 - 23.3 * torch.rand(BATCH, generator=rng)
        alpha, sigma = torch.sigmoid(log_snr).sqrt()[:, None], torch.sigmoid(-log_snr).sqrt()[:, None]
        noise = torch.randn(x_0.shape, generator=rng)
        output = network(alpha * x_0 + sigma * noise, -log_snr / 8)
        loss = (output - (alpha * noise - sigma * x_0)).square().sum(1).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()


def main() -> None:
    """Measure and write results/fit-overhead.json."""
    start = time.perf_counter()
    network = partial(MLP, width=256, depth=4)
    model = DenoisingMarkovModel(network=network, steps=STEPS, batch_size=BATCH, progress=False)
    measured = compare(lambda: model.fit(ROWS), bare, repeats=4)
    measured["bar"] = 1.10
    seconds = time.perf_counter() - start
    write_results(
        "fit-overhead", RESULTS, measured=measured, seconds=seconds, command="python benchmarks/fit_overhead.py", seed=0
    )
    print(measured)


if __name__ == "__main__":
    main()
