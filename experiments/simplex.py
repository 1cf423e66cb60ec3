r"""Mixtures of Dirichlet laws on the simplex (Benton et al. 2024, arXiv 2211.03595, section 5).

Four components whose parameters are drawn from Gamma(3), in 3, 5, 10 and 20 parts, noised by the Wright-Fisher
diffusion. The published code could only use implicit score matching; here the transition is known, so denoising score
matching is compared with it. Networks read and answer in log parts (`heads.LogRatio`). The result is the gap to the
target's own log-likelihood on the same test points, exact by the probability flow; and the part of it that no network
can mend, as the flow begins at the data after the first noise.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator
from unnoise.evaluation import ProbabilityFlow
from unnoise.heads import LogRatio
from unnoise.laws import Dirichlet, Law
from unnoise.networks import MLP
from unnoise.objectives import Denoising, Implicit
from unnoise.objectives.times import Times
from unnoise.processes import WrightFisher
from unnoise.report import plots
from unnoise.samplers import Euler
from unnoise.schedules import Geometric
from unnoise.spaces import Simplex
from unnoise.training import learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = {3: 1000, 5: 1500, 10: 2800, 20: 1700}  # of training, by the number of parts
COMPONENTS = 4
SHAPE = 3  # of the Gamma law of the parameters
START = 2e-5  # of B: the first noise costs much less than that of the process's own, 2e-4
POWER = 0.25  # of B, in which times are uniform
DRAWS = 400  # of the noise of every test point


@dataclass(frozen=True)
class DirichletMixture(Law[Tensor]):
    """Equal shares of Dirichlet laws.

    Args:
        concentration: (components, parts).
    """

    concentration: Tensor

    @classmethod
    def drawn(cls, parts: int, rng: torch.Generator) -> DirichletMixture:
        """Parameters from Gamma(3)."""
        uniform = torch.rand(COMPONENTS, parts, SHAPE, generator=rng, dtype=torch.float64)
        return cls(-uniform.log().sum(-1))

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, parts)."""
        chosen = torch.randint(len(self.concentration), (math.prod(shape),), generator=rng)
        points = Dirichlet(self.concentration[chosen]).sample(rng)
        return points.reshape(*shape, -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density with respect to Lebesgue measure on all parts but one, (n,)."""
        each = Dirichlet(self.concentration).log_prob(x.double()[:, None])
        return torch.logsumexp(each, -1) - math.log(len(self.concentration))


@dataclass(frozen=True)
class LaterTimes(Times):
    r"""Uniform in $B^{1/4}$.

    In log parts errors at little noise cost little, and its kernels take longest, so fewer times are spent there than
    by times that are uniform in $\log B$.
    """

    def __call__(self, process: Any, u: Tensor) -> tuple[Tensor, Tensor]:
        """Times of uniform numbers, and their density in dt."""
        schedule = process.schedule
        low, high = schedule.value(u.new_tensor([0.0, 1.0], dtype=torch.float64)).pow(POWER).tolist()
        value = (low + (high - low) * u.double()).pow(1 / POWER)
        t = schedule.inverse(value).clamp(0, 1)
        return t.to(u), (schedule.rate(t) * POWER * value.pow(POWER - 1) / (high - low)).to(u)


def first_cost(process: WrightFisher, target: DirichletMixture, x: Tensor, rng: torch.Generator) -> Tensor:
    r"""About $\log p(x) - \log q_0(x)$, (n,): what the first noise takes from the density, whatever the network.

    The noise is reversible, so $q_0(x)/\pi(x) = E[p(y)/\pi(y)]$ over y noised from x, with its stationary $\pi$.
    """
    prior = process.prior(len(x))

    def relative(y: Tensor) -> Tensor:
        return target.log_prob(y.flatten(0, -2)).reshape(y.shape[:-1]) - prior.log_prob(y)

    noised = process.marginal(x.double(), torch.zeros(())).sample(rng, (DRAWS,))
    return relative(x.double()) - relative(noised).logsumexp(0) + math.log(DRAWS)


def little_noise(space: Simplex) -> WrightFisher:
    """The process with less noise at its start."""
    end = WrightFisher(space).schedule.value(torch.ones((), dtype=torch.float64))
    return WrightFisher(space, schedule=Geometric(START, float(end)))


def run(setting: Setting) -> Outcome:
    """One target for each number of parts, two objectives each."""
    measured: dict[str, Any] = {}
    pictures = []
    parts = list(STEPS)[:1] if setting.quick else list(STEPS)
    for i, count in enumerate(parts):
        found, picture = _one(count, setting, setting.part(i / len(parts), (i + 1) / len(parts)))
        measured |= {f"n{count}_{name}": value for name, value in found.items()}
        pictures.append(picture)
    notes = (
        "nats per point, density of all parts but one; gaps are truth minus model on the same test points",
        f"the gap of the first noise, about: by {DRAWS} draws of noise at each test point; the other gaps hold it",
        "published: 'close to the truth' at 3, 5, 10 and 20 parts, without figures that could be verified",
    )
    return Outcome(measured, {}, {"": pictures[0]}, notes)


def _one(count: int, setting: Setting, tell: Any) -> tuple[dict[str, float], Figure]:
    rng = generator(setting.seed)
    target = DirichletMixture.drawn(count, rng)
    process = little_noise(Simplex(count))
    test = target.sample(rng, (20 if setting.quick else 500,))
    truth = target.log_prob(test)
    first = first_cost(process, target, test, rng)
    result = {"target_log_likelihood": float(truth.mean()), "first_noise_gap_nats": float(first.mean())}
    result["first_noise_gap_nats_se"] = float(first.std() / len(test) ** 0.5)
    implicit = Implicit(probes=None if count <= 5 else 2)  # exact divergences of many parts cost too much
    trained = (("denoising", Denoising(times=LaterTimes()), STEPS[count]), ("implicit", implicit, 500))
    samples = test
    for j, (name, objective, steps) in enumerate(trained):
        began = time.process_time()
        denoiser = learn(
            process,
            partial(MLP, width=256, depth=3),
            lambda n, fresh: target.sample(fresh, (n,)).float(),
            tell=lambda share, words, j=j, name=name: tell(0.5 * j + 0.4 * share, f"N = {count}, {name}: {words}"),  # type: ignore[misc]
            objective=objective,
            head=LogRatio,
            steps=10 if setting.quick else steps,
            batch_size=256,
            learning_rate=2e-3,
            seed=setting.seed,
        )
        result[f"{name}_training_minutes_of_one_core"] = (time.process_time() - began) / 60
        found = ProbabilityFlow()(denoiser, test, rng)
        gap = truth - found.log_prob
        result[f"{name}_log_likelihood"] = float(found.log_prob.mean())
        result[f"{name}_gap_nats"] = float(gap.mean())
        result[f"{name}_gap_nats_se"] = float(gap.std() / len(test) ** 0.5)
        if j == 0:
            samples = Euler(denoiser, steps=20 if setting.quick else 200).sample(len(test), rng)
    real, new = ({f"part {i + 1}": points[:, i] for i in range(3)} for points in (test, samples))
    return result, plots.pairs(real, new)


EXPERIMENT = Experiment("simplex", "mixtures of Dirichlets in 3 to 20 parts, denoising and implicit (DMM)", run)
