"""Four parameters of the g-and-k law from order statistics: a learnt posterior beside exact chains.

A model learns theta given x from simulations of the prior, with nothing but defaults, and is judged by how often its
intervals hold the truth. For one data set it narrows the prior to a box around its draws, learns again from as many
simulations there, and so once more; every round is compared with Metropolis chains on the exact likelihood. Beside it:
rejection with regression adjustment (Beaumont, Zhang, Balding 2002) on the simulations of the first round.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments import figures
from experiments import g_and_k_law as law
from experiments.base import Experiment, Outcome, Setting
from unnoise import DenoisingMarkovModel
from unnoise._seeding import generator
from unnoise.chains.diagnostics import agreement
from unnoise.evaluation import interval_coverage, rank_calibration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

TRUTH = (3.0, 1.0, 2.0, 0.5)
MARGIN = 0.25  # of the width of the draws, by which the box of the next round is wider on either side
ROUNDS = ("round 1", "round 2", "round 3")
REJECTION = "rejection"  # adjusted
NEAREST = 0.01  # the share of simulations that rejection keeps
COVERED = 199  # draws of each data set: ranks 0 to 199


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    simulations: int = 20_000
    chains: int = 64
    steps: int = 2_500
    draws: int = 10_000
    data_sets: int = 200
    training: int | None = None  # steps; the model's own number

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """A small version takes seconds."""
        return cls(300, 8, 40, 200, 20, 5) if setting.quick else cls()


def run(setting: Setting) -> Outcome:
    """Chains, rounds of the model, rejection; distances of margins, and coverage."""
    sizes, rng = Sizes.of(setting), generator(setting.seed)
    truth = torch.tensor([TRUTH], dtype=torch.float64)
    observed = law.simulate(truth, rng)[0]
    setting.tell(0.0, "exact chains")
    chains = law.walk(law.Posterior(observed), sizes.chains, sizes.steps, rng)
    exact, mixed = chains.flatten(0, 1).numpy(), agreement(chains)
    seconds: dict[str, float] = {}
    ways: dict[str, Floats] = {}
    models = []
    theta = law.prior(sizes.simulations, rng)
    x = law.simulate(theta, rng)
    ways[REJECTION] = adjusted(theta.numpy(), x.numpy(), observed.numpy(), sizes.draws, setting.seed)
    for place, name in enumerate(ROUNDS):
        setting.tell(0.1 + 0.8 * place / len(ROUNDS), name)
        if place:
            theta = boxed(ways[ROUNDS[place - 1]], sizes.simulations, rng)
            x = law.simulate(theta, rng)
        start = time.process_time()
        models.append(fitted(theta, x, setting.seed, sizes))
        trained = time.process_time()
        ways[name] = inside(models[-1], observed, sizes.draws)
        seconds |= {f"training, {name}": trained - start, f"draws, {name}": time.process_time() - trained}
    measured: dict[str, Any] = {
        "r_hat": float(mixed.r_hat.max()),
        "ess_bulk": float(mixed.bulk.min()),
        "seconds": seconds,
    }
    halves = {"between two halves of the chains": chains[:, : sizes.chains // 2].flatten(0, 1).numpy()}
    other = chains[:, sizes.chains // 2 :].flatten(0, 1).numpy()
    for name, draws in ({**ways, **halves}).items():
        found = distances(draws, other if name in halves else exact)
        measured |= {f"{name}: {parameter}": float(d) for parameter, d in zip(law.NAMES, found, strict=True)}
        measured[f"{name}: worst"] = float(found.max())
    setting.tell(0.9, "coverage")
    measured |= covered(models[0], sizes, rng, setting.seed)
    return Outcome(measured, {}, {"": _figure(exact, ways)}, _notes(sizes, models))


def fitted(theta: Tensor, x: Tensor, seed: int, sizes: Sizes) -> DenoisingMarkovModel:
    """The model, with nothing but defaults."""
    model = DenoisingMarkovModel(random_state=seed, steps=sizes.training, progress=False)
    return model.fit(theta.numpy(), y={"x": x.numpy()})


def inside(model: DenoisingMarkovModel, observed: Tensor, n: int) -> Floats:
    """Draws given one observation; those outside the prior are drawn anew, unless almost all are."""
    kept: list[Floats] = []
    for seed in range(20):
        drawn = np.asarray(model.sample(n, y={"x": observed.numpy()}, seed=seed))
        kept.append(drawn[((drawn > 0) & (drawn < law.BOUND)).all(1)])
        if sum(map(len, kept)) >= n:
            break
    return np.concatenate(kept)[:n] if any(map(len, kept)) else drawn.clip(0, law.BOUND)


def boxed(draws: Floats, n: int, rng: torch.Generator) -> Tensor:
    """Parameters of the part of the prior around draws, (n, 4)."""
    low, high = np.quantile(draws, [0.0005, 0.9995], axis=0)
    wider = MARGIN * (high - low)
    low, high = np.maximum(low - wider, 0.0), np.minimum(high + wider, law.BOUND)
    share = torch.rand(n, len(low), generator=rng, dtype=torch.float64)
    return torch.from_numpy(low) + share * torch.from_numpy(high - low)


def adjusted(theta: Floats, x: Floats, observed: Floats, n: int, seed: int) -> Floats:
    """The nearest simulations, moved along a weighted linear regression on logits of the prior's range."""
    deviations = np.abs(x - np.median(x, 0)).mean(0)
    off = (x - observed) / deviations
    distance = np.sqrt((off**2).sum(1))
    near = np.argsort(distance)[: max(round(NEAREST * len(x)), 4 * x.shape[1])]
    weights = 1 - (distance[near] / distance[near[-1]]) ** 2
    logit = np.log(theta[near] / (law.BOUND - theta[near]))
    root = np.sqrt(weights)[:, None]
    known = np.concatenate([np.ones((len(near), 1)), off[near]], 1)
    slope = np.linalg.lstsq(known * root, logit * root, rcond=None)[0]
    moved = logit - off[near] @ slope[1:]
    chosen = np.random.default_rng(seed).choice(len(near), n, p=weights / weights.sum())
    found: Floats = law.BOUND / (1 + np.exp(-moved[chosen]))
    return found


def distances(draws: Floats, exact: Floats) -> Floats:
    """The Wasserstein distance of each margin, in deviations of the exact one, (4,)."""
    levels = (np.arange(4000) + 0.5) / 4000
    gap = np.abs(np.quantile(draws, levels, axis=0) - np.quantile(exact, levels, axis=0)).mean(0)
    found: Floats = gap / exact.std(0)
    return found


def covered(model: DenoisingMarkovModel, sizes: Sizes, rng: torch.Generator, seed: int) -> dict[str, float]:
    """How often central intervals hold the truth, over data sets of the prior; in binomial errors, too."""
    theta = law.prior(sizes.data_sets, rng)
    x = {"x": law.simulate(theta, rng).numpy()}
    options: Any = {"draws": COVERED, "density_draws": 0, "max_rows": sizes.data_sets, "seed": seed}
    found = model.posteriors(theta.numpy(), x, **options)
    ranks = (found.draws < found.truths[:, None]).sum(1)
    measured: dict[str, float] = {}
    for level in (0.5, 0.9):
        reach = round(level * (COVERED + 1) / 2)
        middle = (COVERED + 1) // 2
        held = (ranks >= middle - reach) & (ranks < middle + reach)
        error = (level * (1 - level) / len(ranks)) ** 0.5
        measured[f"coverage of {level:.0%} intervals"] = float(held.mean())
        measured[f"coverage of {level:.0%} intervals: worst, in errors"] = float(
            np.abs(held.mean(0) - level).max() / error
        )
    measured["coverage: p"] = interval_coverage(found.draws, found.truths, seed=seed).p_value
    measured["ranks: p"] = rank_calibration(found.draws, found.truths, seed=seed).p_value
    return measured


def _figure(exact: Floats, ways: dict[str, Floats]) -> Figure:
    """The pairs A, B and g, k, of rejection and of the first and last rounds."""
    rng = np.random.default_rng(0)
    some = exact[rng.permutation(len(exact))[:2500]]
    columns = [
        (f"{name}\n{law.NAMES[i]}, {law.NAMES[i + 1]}", some[:, i : i + 2], ways[name][:, i : i + 2])
        for i in (0, 2)
        for name in (REJECTION, ROUNDS[0], ROUNDS[-1])
    ]
    return figures.beside(columns, names=("exact", "learnt"))


def _notes(sizes: Sizes, models: Sequence[DenoisingMarkovModel]) -> tuple[str, ...]:
    return (
        f"truth A, B, g, k = {TRUTH}; {law.DRAWS} draws, of which {len(law.RANKS)} order statistics are kept, on the "
        "scale of asinh; the chains know the same and no more",
        f"{sizes.simulations:,} simulations in each round; from the second on those of a box of uniform law around the "
        "draws before; published work has 100,000 and more simulations, 250 order statistics and no numbers",
        "distances: Wasserstein, of each margin, in deviations of the exact posterior",
        f"{REJECTION}: with a linear regression, on the simulations of the first round",
        f"coverage: of the first round, {sizes.data_sets} data sets of the prior; draws outside the prior stand",
        *(f"{name}: {model.ended_}" for name, model in zip(ROUNDS, models, strict=True)),
    )


EXPERIMENT = Experiment("g-and-k", "four parameters from order statistics, beside exact chains", run)
