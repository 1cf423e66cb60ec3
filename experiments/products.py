r"""Products p(x) r(x) of a model of digits and a function r (Sohl-Dickstein et al. 2015, arXiv 1503.03585, 2.5).

Two of the functions r are likelihoods of held-out digits: of the upper half with little noise (inpainting), and of
the whole digit with noise of the data's own scale (denoising at a signal-to-noise ratio of 1). Three methods draw
from p r: weighted particles (`samplers.TwistedSMC`), guidance (`denoisers.Guided`), and the paper's perturbed kernels
(`samplers.Perturbed`). For denoising the reverse process that starts from the observation is exact within the model.
The other two functions are the brightness of the upper half and the probability of a class under a classifier;
weighted samples of p give the exact share under p r.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import mnist
from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser, Guided
from unnoise.denoisers.likelihoods import LogR, Masked
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian, Process
from unnoise.report import plots
from unnoise.samplers import Ancestral, Perturbed, TwistedSMC
from unnoise.samplers.grids import Grid
from unnoise.training.learning import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LITTLE = 0.1  # noise of the half that was seen, in pixels
DIGIT = 3  # that the classifier is asked for
GAIN = 40.0  # nats per unit of mean brightness
INNER = 0.8  # of the draws lies in the interval whose coverage is counted
VARIED = 0.1  # standard deviation of a pixel, in pixels, from which its rank among draws says something


@dataclass(frozen=True)
class Size:
    """The sizes of the experiment."""

    digits: int
    draws: int
    steps: int
    groups: int
    particles: int  # of each group

    @classmethod
    def of(cls, setting: Setting) -> Size:
        """The full sizes, or those of a quick run."""
        return cls(2, 4, 4, 2, 2) if setting.quick else cls(6, 24, 40, 8, 6)


@dataclass(frozen=True)
class Task:
    """What is seen of a digit.

    Attributes:
        mask: which pixels, (1, 28, 28).
        noise: its scale, in pixels.
    """

    mask: Tensor
    noise: float

    def see(self, clean: Tensor, rng: torch.Generator) -> Tensor:
        """Noisy digits, (n, 1, 28, 28); what stands outside the mask is never looked at."""
        return torch.add(clean, standard_normal(tuple(clean.shape), clean, rng), alpha=mnist.level(self.noise))

    def r(self, y: Tensor) -> Masked:
        """The likelihood of one observation."""
        return Masked(self.mask, y, mnist.level(self.noise))

    @property
    def judged(self) -> Tensor:
        """The pixels whose values are to be found: those not seen, or all."""
        return torch.ones_like(self.mask) if self.mask.all() else ~self.mask


def tasks() -> dict[str, Task]:
    """Inpainting of the lower half, and denoising."""
    upper = (torch.arange(28) < 14)[None, :, None].expand(mnist.SHAPE).clone()
    return {"inpainting": Task(upper, LITTLE), "denoising": Task(torch.ones_like(upper), mnist.SPREAD)}


@dataclass(frozen=True)
class Answer:
    """What one way says of every digit.

    Attributes:
        draws: (digits, draws, 1, 28, 28); none where only the mean is known.
        mean: of the posterior, (digits, 1, 28, 28).
        numbers: what only this way knows, each (digits,).
    """

    draws: Tensor
    mean: Tensor
    numbers: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Onwards(Grid):
    """Equal steps in t from where the noise is at a given level: for a start that is data with this noise."""

    level: float

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """From that time to 0."""
        if not isinstance(process, Gaussian):
            raise TypeError("levels of noise are those of a Gaussian process")
        start = process.time_at(-2 * torch.tensor(self.level, dtype=torch.float64).log())
        return torch.linspace(float(start), 0, count, dtype=torch.float64)


def run(setting: Setting) -> Outcome:
    """Both tasks by all ways, then the two functions."""
    size, rng = Size.of(setting), generator(setting.seed)
    train, test = mnist.read(setting)
    made = mnist.trained(setting, train, setting.part(0.0, 0.5))
    clean = test.images[: size.digits]
    varied = train.images.std(0) > mnist.level(VARIED)
    measured: dict[str, Any] = {}
    figures = {}
    for k, (name, task) in enumerate(tasks().items()):
        seen = task.see(clean, rng)
        tell = setting.part(0.5 + 0.2 * k, 0.7 + 0.2 * k)
        answers = _answers(made.denoiser, task, seen, size, rng, partial(_said, tell, name))
        answers |= baselines(task, seen, train.images)
        for way, answer in answers.items():
            found = _judged(answer, task, seen, clean, varied, rng)
            measured |= {f"{name}_{way}_{metric}": value for metric, value in found.items()}
        figures[f"-{name}"] = _figure(task, clean, seen, answers)
    setting.tell(0.9, "functions that are no likelihoods")
    found, figures["-functions"] = _functions(made.denoiser, train, size, rng, setting)
    return Outcome(measured | found, {}, figures, (*_notes(size), made.note))


def _said(tell: Tell, name: str, share: float, words: str) -> None:
    tell(share, f"{name}: {words}")


def _notes(size: Size) -> tuple[str, ...]:
    return (
        f"{size.digits} held-out digits, {size.draws} draws of each, in {size.steps} steps (perturbed: "
        f"{2 * size.steps}); steered: {size.groups} groups of {size.particles} particles for each digit",
        "errors are those of the posterior mean in pixels of [0, 1], over the pixels that were not seen (inpainting) "
        "or over all (denoising)",
        f"coverage is of the central {INNER:.0%} of the draws, over pixels that vary by more than {VARIED:g}; misfit "
        "is the mean square of (y - draw) / noise over what was seen: 1 for draws from the truth",
        "ess_share is the effective share of a group's particles at the end, and on the way its mean over noise levels",
        "log_evidence is log p(y), which the particles estimate and the Gaussian of the training digits has exactly",
    )


def _answers(
    denoiser: Denoiser, task: Task, seen: Tensor, size: Size, rng: torch.Generator, tell: Tell
) -> dict[str, Answer]:
    """All ways, on one digit after the other: each has an r of its own."""
    ways: dict[str, Callable[[Tensor], Answer]] = {
        "steered": lambda y: steered(
            TwistedSMC(denoiser, task.r(y), size.particles, size.steps), size.groups, size.draws, rng
        ),
        "guided": lambda y: _plain(Ancestral(Guided(denoiser, task.r(y)), size.steps).sample(size.draws, rng)),
        "perturbed": lambda y: _plain(Perturbed(denoiser, task.r(y), 2 * size.steps).sample(size.draws, rng)),
    }
    if task.mask.all():
        onwards = Ancestral(denoiser, size.steps, grid=Onwards(mnist.level(task.noise)))
        ways["exact"] = lambda y: _plain(onwards.run(y.expand(size.draws, *y.shape).clone(), rng))
    found = {}
    for k, (way, answer) in enumerate(ways.items()):
        parts = []
        for i, y in enumerate(seen):
            tell((k + i / len(seen)) / len(ways), f"{way}, digit {i + 1} of {len(seen)}")
            parts.append(answer(y))
        found[way] = _joined(parts)
    return found


def steered(sampler: TwistedSMC, groups: int, draws: int, rng: torch.Generator) -> Answer:
    """Equal shares of independent groups of particles, since those of one group have few ancestors."""
    found = sampler.weigh(groups, rng)
    means = torch.einsum("gp,gp...->g...", found.log_weights.exp().to(found.x), found.x)
    shares = found.ess / sampler.particles
    numbers = {
        "ess_share": shares[-1].mean(),
        "ess_share_on_the_way": shares[:-1].mean(),
        "log_evidence_nats": found.log_normaliser.logsumexp(0) - math.log(groups),
    }
    chosen = found.draw(-(-draws // groups), rng).flatten(0, 1)[:draws]
    return Answer(chosen[None], means.mean(0, keepdim=True), {name: value[None] for name, value in numbers.items()})


def _plain(draws: Tensor) -> Answer:
    return Answer(draws[None], draws.mean(0, keepdim=True))


def _joined(parts: list[Answer]) -> Answer:
    numbers = {name: torch.cat([part.numbers[name] for part in parts]) for name in parts[0].numbers}
    return Answer(torch.cat([part.draws for part in parts]), torch.cat([part.mean for part in parts]), numbers)


def baselines(task: Task, seen: Tensor, train: Tensor) -> dict[str, Answer]:
    """Posterior means that need no model: of the mean digit alone, of a Gaussian, of the training digits."""
    rows, mask, variance = train.flatten(1), task.mask.flatten(), mnist.level(task.noise) ** 2
    mean, covariance = rows.mean(0), torch.cov(rows.T)
    y = seen.flatten(1)[:, mask]
    total = covariance[mask][:, mask] + variance * torch.eye(int(mask.sum()))
    gaussian = mean + torch.linalg.solve(total, (y - mean[mask]).T).T @ covariance[mask]
    distance = torch.cdist(y, rows[:, mask]).square()
    nearest = torch.softmax(-0.5 * distance / variance, 1) @ rows
    evidence = torch.distributions.MultivariateNormal(mean[mask], total).log_prob(y)  # type: ignore[no-untyped-call]
    none = seen[:, None][:, :0]
    return {
        "gaussian": Answer(none, gaussian.reshape(seen.shape), {"log_evidence_nats": evidence}),
        "training_digits": Answer(none, nearest.reshape(seen.shape)),
        "mean_digit": Answer(none, mean.expand(len(y), -1).reshape(seen.shape)),
    }


def _judged(
    answer: Answer, task: Task, seen: Tensor, clean: Tensor, varied: Tensor, rng: torch.Generator
) -> dict[str, float]:
    error = (mnist.pixels(answer.mean).clamp(0, 1) - mnist.pixels(clean))[:, task.judged].square().mean(1).double()
    psnr = -10 * error.log10()
    found = {
        "mse": float(error.mean()),
        "mse_se": float(error.std() / len(error) ** 0.5),
        "psnr_dB": float(psnr.mean()),
        "psnr_dB_se": float(psnr.std() / len(error) ** 0.5),
    }
    if answer.draws.numel():
        residual = (answer.draws - seen[:, None])[:, :, task.mask] / mnist.level(task.noise)
        pixels = task.judged & varied
        u = ranks(mnist.rounded(answer.draws)[:, :, pixels], clean[:, pixels], rng)
        inside = ((u - 0.5).abs() < INNER / 2).double().mean(1)
        found |= {
            "misfit": float(residual.square().mean()),
            "coverage": float(inside.mean()),
            "coverage_se": float(inside.std() / len(inside) ** 0.5),
        }
    for name, values in answer.numbers.items():
        found |= {name: float(values.mean()), f"{name}_se": float(values.std() / len(values) ** 0.5)}
    return found


def ranks(draws: Tensor, truth: Tensor, rng: torch.Generator) -> Tensor:
    """Where the truth, (n, k), stands among draws, (n, draws, k), in (0, 1): uniform if it is one more draw.

    Equal numbers stand in random order.
    """
    below = (draws < truth[:, None]).sum(1)
    ties = (draws == truth[:, None]).sum(1)
    first, second = torch.rand((2, *truth.shape), generator=rng)
    place = below + torch.floor(first * (ties + 1))
    u: Tensor = (place + second) / (draws.shape[1] + 1)
    return u


def _functions(
    denoiser: Denoiser, train: mnist.Digits, size: Size, rng: torch.Generator, setting: Setting
) -> tuple[dict[str, float], Figure]:
    """Brightness of the upper half, and a classifier's probability of a digit; another classifier counts."""
    asked, judge = (mnist.Reader.fit(train, seed=setting.seed + k) for k in (0, 1))
    plain = Ancestral(denoiser, size.steps).sample(size.groups * size.draws, rng)
    functions: dict[str, tuple[LogR, Callable[[Tensor], Tensor]]] = {
        "upper_brightness": (lambda x: GAIN * _brightness(x), _brightness),
        f"share_of_{DIGIT}": (
            lambda x: asked.log_probabilities(x)[:, DIGIT],
            lambda x: (judge(x).argmax(1) == DIGIT).float(),
        ),
    }
    measured: dict[str, float] = {}
    rows = {"digits from p": plain}
    for name, (log_r, value) in functions.items():
        found = TwistedSMC(denoiser, log_r, size.draws, size.steps).weigh(size.groups // 2, rng)
        weights = log_r(plain).double().softmax(0)
        values = value(plain).double()
        expected = float(weights @ values)
        measured |= {
            f"{name}_before": float(values.mean()),
            f"{name}_after": float(found.mean(value)),
            f"{name}_expected": expected,
            f"{name}_expected_se": float((weights.square() @ (values - expected).square()).sqrt()),
            f"{name}_ess_share": float((found.ess[-1] / size.draws).mean()),
        }
        shown = {"upper_brightness": "bright upper half"}.get(name, f"read as {DIGIT}")
        rows[shown] = found.draw(-(-20 // len(found.ess[0])), rng).flatten(0, 1)
    return measured, plots.class_grid({name: mnist.pixels(x[:20]) for name, x in rows.items()}, value_range=(0.0, 1.0))


def _brightness(x: Tensor) -> Tensor:
    """Mean of the pixels of the upper half, from 0 to 1, (n,)."""
    return mnist.pixels(x)[:, :, :14].clamp(0, 1).flatten(1).mean(1)


def _figure(task: Task, clean: Tensor, seen: Tensor, answers: dict[str, Answer]) -> Figure:
    """Original, observed, completed: a column for every digit."""
    shown = torch.where(task.mask, mnist.pixels(seen), 0.5)
    rows = {"original": mnist.pixels(clean), "observed": shown}
    for way, answer in answers.items():
        draws = answer.draws[:, :2].unbind(1) or (answer.mean,)
        rows |= {way.replace("_", " ") + " " * k: mnist.pixels(draw) for k, draw in enumerate(draws)}
    return plots.class_grid(rows, value_range=(0.0, 1.0))


EXPERIMENT = Experiment("products", "MNIST inpainting and denoising, and other p(x) r(x) (Sohl-Dickstein et al.)", run)
