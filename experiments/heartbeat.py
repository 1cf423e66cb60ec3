r"""Binary heartbeat (Sohl-Dickstein et al. 2015, arXiv 1503.03585, section 3.1): 20 bits, a one in every fifth place.

Five sequences exist, each with probability 1/5, so the best any model can do is $\log_2\frac15 = -2.322$ bits. Noise
flips bits towards the mean 0.2. The bound is averaged over the five sequences, not over a sample of them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from experiments.base import Experiment, Outcome, Published, Setting
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser
from unnoise.evaluation.likelihood import Bound
from unnoise.networks import MLP
from unnoise.processes import Binomial
from unnoise.report import plots
from unnoise.samplers import Ancestral
from unnoise.spaces import Finite
from unnoise.training import learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LENGTH, PERIOD = 20, 5
SAMPLES = 10_000
SOURCE = "Sohl-Dickstein et al. 2015, table 1"


def heartbeats() -> Tensor:
    """The five sequences, (5, 20)."""
    places = torch.arange(LENGTH)
    return torch.stack([(places % PERIOD == phase).long() for phase in range(PERIOD)])


def run(setting: Setting) -> Outcome:
    """Train on the five sequences; bound, samples, a picture of noising and denoising."""
    process = Binomial(Finite(LENGTH, 2), mean=1 / PERIOD)
    data = heartbeats()
    denoiser = learn(
        process,
        partial(MLP, width=128, depth=3),
        data,
        tell=setting.part(0.0, 0.9),
        steps=50 if setting.quick else 4000,
        batch_size=256,
        learning_rate=2e-3,
        seed=setting.seed,
    )
    rng = generator(setting.seed)
    found = Bound(draws=64 if setting.quick else 65_536)(denoiser, data, rng)
    nats, error = found.mean
    setting.tell(0.95, "sampling")
    samples = Ancestral(denoiser, steps=20 if setting.quick else 400).sample(100 if setting.quick else SAMPLES, rng)
    counts = (samples[:, None] == data).all(-1).sum(0)
    null = _null_bits(data)
    bits = nats / math.log(2)
    measured = {
        "bound_bits": bits,
        "bound_bits_se": error / math.log(2),
        "truth_bits": -math.log2(PERIOD),
        "gain_over_null_bits": bits - null,
        "share_of_samples_that_are_heartbeats": float(counts.sum()) / len(samples),
        "largest_share_of_one_phase": float(counts.max()) / len(samples),
        "smallest_share_of_one_phase": float(counts.min()) / len(samples),
    } | {f"part_{name}_bits": float(part.mean()) / math.log(2) for name, part in found.parts.items()}
    published = {
        "bound_bits": Published(-2.414, SOURCE),
        "gain_over_null_bits": Published(12.024, SOURCE),
        "truth_bits": Published(-2.322, SOURCE),
    }
    notes = (
        "bits per sequence of 20; the null is independent bits of mean 0.2",
        "continuous time, so the bound is that of infinitely many steps; published with 2000",
    )
    return Outcome(measured, published, {"": _figure(denoiser, rng)}, notes)


def _null_bits(data: Tensor) -> float:
    """The log likelihood of independent bits of mean 1/5, in bits."""
    ones = data.double().mean(1)
    share = 1 / PERIOD
    return float((LENGTH * (ones * math.log2(share) + (1 - ones) * math.log2(1 - share))).mean())


def _figure(denoiser: Denoiser, rng: torch.Generator) -> Figure:
    """From noise to heartbeats: 20 sequences at several times."""
    path: list[tuple[float, Tensor]] = []
    final = Ancestral(denoiser, steps=200).sample(20, rng, on_step=lambda _, t, state: path.append((t, state.clone())))
    chosen = [path[int(share * (len(path) - 1))] for share in (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)]
    frames = [*(state for _, state in chosen), final]
    times = [*(t for t, _ in chosen), 0.0]
    return plots.filmstrip([_picture(frame) for frame in frames], times)


def _picture(sequences: Tensor) -> Tensor:
    """Sequences as the rows of one picture."""
    return 1 - sequences.double()[None]


EXPERIMENT = Experiment("heartbeat", "20 bits with a one in every fifth place (Sohl-Dickstein et al. 2015)", run)
