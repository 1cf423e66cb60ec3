r"""A mixture of wrapped normals on rotations (De Bortoli et al. 2022, arXiv 2202.02763; Benton et al. 2024).

M components with uniform means; precision drawn from Gamma(100), rotation vectors of standard deviation
$1/\sqrt{2\cdot\text{precision}} \approx 0.0707$ rad; densities with respect to the bi-invariant volume of total
$8\pi^2$. This is the convention of the published code. Sampled targets differ, so the result is the gap to the
target's own log-likelihood on the same test rotations. Targets are means over the batch (`among_batch`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from experiments.among_batch import AmongBatch
from experiments.base import Experiment, Outcome, Published, Setting
from unnoise._seeding import generator
from unnoise.evaluation import ProbabilityFlow
from unnoise.laws import Law
from unnoise.networks import MLP
from unnoise.processes import Brownian
from unnoise.report import plots
from unnoise.samplers import Euler
from unnoise.spaces import Rotations
from unnoise.training import learn

COMPONENTS = (16, 32, 64)
STEPS = {16: 8000, 32: 11_000, 64: 13_000}  # of training: more modes are harder to tell apart
SHAPE = 100.0  # of the Gamma law of the precisions
PUBLISHED = {16: 0.89, 32: 0.20, 64: -0.49}
SOURCE = "RSGM, De Bortoli et al. 2022 (README of its code)"


@dataclass(frozen=True)
class WrappedMixture(Law[Tensor]):
    r"""$\frac1M\sum_k$ the law of $\mu_k\exp(\hat v)$, $v \sim N(0, s_k^2 I)$.

    Args:
        means: (M, 3, 3).
        scales: (M,), radians.
    """

    means: Tensor
    scales: Tensor

    @classmethod
    def drawn(cls, count: int, rng: torch.Generator) -> WrappedMixture:
        """Uniform means, precisions from Gamma(100)."""
        means = Rotations().uniform(count).sample(rng)
        exponentials = -torch.log(torch.rand(count, int(SHAPE), generator=rng, dtype=torch.float64))
        return cls(means.double(), (2 * exponentials.sum(1)).rsqrt())

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, 3, 3)."""
        n = math.prod(shape)
        chosen = torch.randint(len(self.means), (n,), generator=rng)
        space, start = Rotations(), self.means[chosen]
        vectors = self.scales[chosen, None, None] * space.noise(start, rng)
        return space.exp(start, vectors).reshape(*shape, 3, 3)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, (n,), with respect to the volume of total 8 pi^2; branches beyond half a turn are added."""
        relative = torch.einsum("kij,nil->nkjl", self.means, x.double())
        cosine = ((relative.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1)
        skew = relative - relative.transpose(-1, -2)
        sine = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1).norm(dim=-1) / 2
        angle = torch.atan2(sine, cosine)
        branches = torch.stack([angle, 2 * math.pi - angle], -1)
        scale = self.scales[:, None]
        gaussian = -0.5 * (branches / scale) ** 2 - 1.5 * math.log(2 * math.pi) - 3 * scale.log()
        half = 0.5 * branches.clamp(min=1e-12)
        volume = 2 * torch.log(half / torch.sin(half).abs().clamp(min=1e-300))
        return torch.logsumexp(gaussian + volume, (-1, -2)) - math.log(len(self.means))


def run(setting: Setting) -> Outcome:
    """One model for each number of components."""
    measured: dict[str, Any] = {}
    published: dict[str, Published] = {}
    pictures: list[tuple[str, Tensor, Tensor]] = []
    counts = COMPONENTS[:1] if setting.quick else COMPONENTS
    for i, count in enumerate(counts):
        found, picture = _one(count, setting, setting.part(i / len(counts), (i + 1) / len(counts)))
        measured |= {f"m{count}_{name}": value for name, value in found.items()}
        published[f"m{count}_log_likelihood"] = Published(PUBLISHED[count], SOURCE)
        pictures.append((f"M = {count}", *picture))
    notes = (
        "rotation vectors of standard deviation 1/sqrt(2 precision), about 0.0707 rad; nats with respect to the "
        "bi-invariant volume of total 8 pi^2 (add 4.369 for the Haar probability)",
        "published targets are other draws: compare gaps to the target, not log-likelihoods; published: 0.02 to 0.03",
    )
    return Outcome(measured, published, {"": plots.rotation_map(pictures)}, notes)


def _one(count: int, setting: Setting, tell: Any) -> tuple[dict[str, float], tuple[Tensor, Tensor]]:
    rng = generator(setting.seed)
    target = WrappedMixture.drawn(count, rng)
    process = Brownian(Rotations())
    denoiser = learn(
        process,
        partial(MLP, width=256, depth=4),
        lambda n, fresh: target.sample(fresh, (n,)).float(),
        tell=lambda share, words: tell(0.8 * share, f"M = {count}: {words}"),
        objective=AmongBatch(),
        steps=30 if setting.quick else STEPS[count],
        batch_size=512,
        learning_rate=2e-3,
        seed=setting.seed,
    )
    test = target.sample(rng, (50 if setting.quick else 2000,))
    truth = target.log_prob(test)
    flow = ProbabilityFlow(tolerance=1e-4)
    found = flow(denoiser, test, rng, on_rows=lambda done: tell(0.8 + 0.15 * done / len(test), "likelihood"))
    gap = truth - found.log_prob
    samples = Euler(denoiser, steps=20 if setting.quick else 200).sample(len(test), rng)
    return {
        "log_likelihood": float(found.log_prob.mean()),
        "log_likelihood_se": float(found.log_prob.std() / len(test) ** 0.5),
        "target_log_likelihood": float(truth.mean()),
        "gap_nats": float(gap.mean()),
        "gap_nats_se": float(gap.std() / len(test) ** 0.5),
        "samples_target_log_likelihood": float(target.log_prob(samples).mean()),
    }, (test, samples)


EXPERIMENT = Experiment("so3-mixture", "a mixture of 16, 32, 64 wrapped normals on rotations (RSGM, DMM)", run)
