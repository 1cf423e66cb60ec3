r"""Pictures of which any part is missing, filled in by one network, on the bytes themselves or by Gaussian noise.

What is noised are the missing pixels alone: k of 784 sites, so that a step of the reverse costs by how much is asked. A
network sees the whole picture: where it is missing what the noise left, and what a Gaussian law of the digits makes of
all that is seen (`inpainting_factors`); elsewhere the clean pixel; and which is which.
It says of every pixel what the others tell of it, as point masses at the commonest bytes and two bells; the head
(`heads.Logistic` on states, `heads.LatticeHead` on numbers) adds by Bayes' rule what the noisy pixel itself tells.

The chain has the rates of Campbell et al. 2022 (arXiv 2205.14987) with the numbers of Benton et al. 2024 (arXiv
2211.03595): $R(i, j) = e^{-(i - j)^2/\sigma_r^2}$ towards the middle, $\sigma_r = 6$, in balance with a Gaussian of
width 512, and $\beta(t) = 3\cdot 100^t\log 100$.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from experiments import mnist
from experiments.inpainting_factors import KNOWN, Factors
from unnoise._tree import expand
from unnoise.denoisers import Denoiser
from unnoise.heads import LatticeHead, Logistic
from unnoise.objectives.base import ALL, Loss, Objective
from unnoise.objectives.times import LogNormalTimes, low_discrepancy
from unnoise.processes import CTMC, Process, variance_preserving
from unnoise.processes.rates import GaussianTarget
from unnoise.schedules import Exponential, LinearLogSNR
from unnoise.spaces import Euclidean, Finite, Lattice

SIDE, STATES, CLASSES = 28, 256, 10
COMMON = (0, 252, 253, 254, 255)  # bytes that have a weight of their own
BELLS = 2
NUMBERS = len(COMMON) + 3 * BELLS  # that the network says of a pixel
LATTICE = Lattice.of_bytes(mnist.MEAN, mnist.SPREAD)
SCHEDULE = Exponential(3.0, 100.0)
LEVELS = LinearLogSNR(13.0, -8.0)  # of the Gaussian twin: from an eighth of a grey level to noise alone
MOMENTS, KNEE = 256, 1.0  # times at which the chain is trained: even in log(B + KNEE)
JUDGED = 48  # missing pixels of a picture whose law is priced in a training step


@dataclass(frozen=True)
class Tabled(GaussianTarget):
    """The rates, whose transitions at the times of training are kept: 256 matrices in float32, both ways, 128 MiB."""

    states: int = STATES
    width: float | None = 512.0
    normalised: bool = False

    def row(self, x: Tensor, integral: Tensor) -> Tensor:
        """From the table, if all are in it."""
        place = self._at(integral)
        return super().row(x, integral) if place is None else self._table[place, x]

    def column(self, x: Tensor, integral: Tensor) -> Tensor:
        """The same."""
        place = self._at(integral)
        return super().column(x, integral) if place is None else self._columns[place, x]

    def words(self, integral: Tensor) -> Tensor:
        """What each byte says of the value that it was, as a Gaussian: (k, 256, 2) for B (k,); see `_words`."""
        place = self._at(integral)
        return _words(self.transition(integral.double()).mT.float()) if place is None else self._table_of_words[place]

    def _at(self, integral: Tensor) -> Tensor | None:
        """Where they stand in the table."""
        place = torch.searchsorted(self._known, integral).clamp(max=MOMENTS - 1)
        return place if torch.equal(self._known[place], integral) else None

    @cached_property
    def _known(self) -> Tensor:
        return SCHEDULE.value(moments().double()).float()

    @cached_property
    def _table(self) -> Tensor:
        return torch.cat([self.transition(some.double()).float() for some in torch.split(self._known, 16)])

    @cached_property
    def _columns(self) -> Tensor:
        return self._table.mT.contiguous()

    @cached_property
    def _table_of_words(self) -> Tensor:
        return torch.cat([_words(some) for some in torch.split(self._columns, 16)])


def _words(columns: Tensor) -> Tensor:
    """The precision times the mean, and the precision, that turn the moments of equally likely bytes into the byte's.

    Of columns (..., 256), (..., 2).
    """
    levels = LATTICE.value(torch.arange(STATES), columns)
    centre, width = levels.mean(), levels.var(correction=0)
    law = columns / columns.sum(-1, keepdim=True)
    mean = law @ levels
    variance = (law @ levels.square() - mean.square()).clamp(min=LATTICE.step**2 / 12)
    return torch.stack([mean / variance - centre / width, (1 / variance - 1 / width).clamp(min=0)], -1)


def moments() -> Tensor:
    """The times at which the chain is trained, (256,), increasing."""
    ends = torch.log(SCHEDULE.value(torch.tensor([0.0, 1.0], dtype=torch.float64)) + KNEE)
    middles = (torch.arange(MOMENTS, dtype=torch.float64) + 0.5) / MOMENTS
    return SCHEDULE.inverse((ends[0] + (ends[1] - ends[0]) * middles).exp() - KNEE).float()


RATES = Tabled()


class Painter(nn.Module):
    """The network of both: what it says of every pixel, (n, 11, 28, 28)."""

    def __init__(self, width: int, start: tuple[float, ...] = (0.0,) * NUMBERS) -> None:
        super().__init__()
        shapes = (4, SIDE, SIDE), CLASSES + 1, (NUMBERS, SIDE, SIDE)
        self.inner = mnist.Patched(*shapes, width=width, multipliers=(1, 2, 2), blocks=1)
        self.factors = Factors(SIDE * SIDE)
        self.start = nn.Parameter(torch.tensor(start))

    def forward(self, noisy: Tensor, level: Tensor, picture: Tensor, missing: Tensor, label: Tensor) -> Tensor:
        """Of pictures, bytes (n, 28, 28), of which some pixels are missing.

        Args:
            noisy: what the noise left there, and what it says of the value by itself as a Gaussian: precision times
                mean, and precision, (n, 3, 28, 28).
            level: of the noise, (n,).
            picture: whose missing pixels are not looked at.
            missing: which, (n, 28, 28).
            label: the digits, (n,); -1 where it is not told.
        """
        left, spoken, precision = noisy.unbind(1)
        value = LATTICE.value(picture, noisy)
        spoken, precision = torch.where(missing, spoken, KNOWN * value), torch.where(missing, precision, KNOWN)
        guess = self.factors(spoken.flatten(1), precision.flatten(1), label).reshape(value.shape)
        seen = torch.stack([left * missing, guess * missing, value * ~missing, missing.to(value)], 1)
        told = nn.functional.one_hot(label + 1, CLASSES + 1).to(noisy)
        said: Tensor = self.inner(seen, level, told)
        return said.float() + self.start[:, None, None]


class Filling(Denoiser):
    """What is learnt of the missing pixels of pictures.

    The condition is a dict of the `picture`, bytes (n, 28, 28), and the `label`, (n,), -1 where it is not told.

    Args:
        painter: the network.
        missing: which pixels, (28, 28) bool; None while it is trained, when every picture of a batch has a mask of its
            own, which stands in the condition as `missing`.
    """

    start: tuple[float, ...] = (0.0,) * NUMBERS  # what an untrained network says of every pixel

    def __init__(self, painter: Painter, missing: Tensor | None = None) -> None:
        super().__init__()
        self.painter = painter
        self.process: Any  # of the kind that `on` gives
        self.mask: Tensor | None
        self.register_buffer("mask", missing, persistent=False)
        self.process = self.on(SIDE * SIDE if missing is None else int(missing.sum()))

    @staticmethod
    @abstractmethod
    def on(pixels: int) -> Process[Tensor]:
        """The process of so many pixels."""

    @abstractmethod
    def noisy(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Three pictures of noised pixels, as the network sees them, (n, 3, pixels)."""

    @abstractmethod
    def estimate(self, said: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The statistic of pixels, from (n, 11, pixels)."""

    @abstractmethod
    def states(self, bytes_: Tensor) -> Tensor:
        """Bytes as points of the process."""

    @abstractmethod
    def bytes(self, x: Tensor) -> Tensor:
        """Points as bytes."""

    @abstractmethod
    def price(self, x_0: Tensor, cond: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        """The training loss of whole pictures, (n, 784), with a mask each."""

    def given(self, missing: Tensor) -> Filling:
        """The same network, asked for these pixels."""
        return type(self)(self.painter, missing).requires_grad_(False).eval()

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The statistic of the missing pixels, of k numbers each."""
        if self.mask is None:
            raise TypeError("a filling without a mask is trained, not asked: call given(missing)")
        mask, n = self.mask.flatten(), len(x_t)
        left = self.noisy(x_t, t)
        noisy = left.new_zeros(n, 3, SIDE * SIDE)
        noisy[:, :, mask] = left
        said = self.said(noisy, t.expand(n), cond | {"missing": self.mask.expand(n, SIDE, SIDE)})
        return self.estimate(said[:, :, mask], x_t, t)

    def said(self, noisy: Tensor, t: Tensor, cond: dict[str, Tensor]) -> Tensor:
        """The network's words, (n, 11, 784)."""
        level = self.process.noise_conditioning(t).to(noisy)
        words: Tensor = self.painter(
            noisy.reshape(-1, 3, SIDE, SIDE), level, cond["picture"], cond["missing"], cond["label"]
        )
        return words.flatten(2)


class Jumping(Filling):
    """By jumps between the 256 bytes."""

    @staticmethod
    def on(pixels: int) -> CTMC:
        """The rates of the paper."""
        return CTMC(Finite(pixels, STATES), RATES, SCHEDULE)

    def noisy(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The pixel, and what its byte may have been."""
        words = RATES.words(SCHEDULE.value(t.double()).float().reshape(-1))
        row = torch.arange(len(words))[:, None]
        numbers = torch.linspace(-1, 1, STATES)[x_t]
        return torch.cat([numbers[:, None], words[row, x_t].movedim(-1, 1)], 1)

    def estimate(self, said: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Probabilities of all bytes."""
        process = self.on(said.shape[-1])
        return Logistic(process, evidence=True, bells=BELLS, atoms=COMMON, relative=False).estimate(said, x_t, t)

    def states(self, bytes_: Tensor) -> Tensor:
        """Themselves."""
        return bytes_.long()

    def bytes(self, x: Tensor) -> Tensor:
        """Themselves."""
        return x

    def price(self, x_0: Tensor, cond: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        """Cross-entropy of p(x_0 | x_t), nats per pixel."""
        t = moments()[(low_discrepancy(len(x_0), rng) * MOMENTS).long()]
        row, place = cond["missing"].flatten(1).nonzero(as_tuple=True)
        x_t = x_0.clone()
        x_t[row, place] = self.on(1).marginal(x_0[row, place][:, None], t[row]).sample(rng)[:, 0]
        some = _some(cond["missing"], rng)
        said = self.said(self.noisy(x_t, t), t, cond).gather(2, some[:, None].expand(-1, NUMBERS, -1))
        law = self.estimate(said, x_t.gather(1, some), t)
        likely = law.gather(-1, x_0.gather(1, some)[..., None])[..., 0]
        return -likely.clamp(min=torch.finfo(law.dtype).tiny).log().mean(1)


class Diffusing(Filling):
    """The twin: the same network and the same words on numbers that Gaussian noise drowns."""

    start = (0.0,) * (len(COMMON) + BELLS) + (0.5, 2.0) + (0.0,) * BELLS  # bells that are not alike, or they stay so

    @staticmethod
    def on(pixels: int) -> Any:
        """Variance-preserving."""
        return variance_preserving(Euclidean(pixels), LEVELS)

    def noisy(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The pixel, and what it says of its value: x_t / alpha, of precision alpha^2 / sigma^2."""
        alpha, sigma = (expand(part.to(x_t), x_t) for part in self.process.alpha_sigma(t))
        return torch.stack([x_t, alpha * x_t / sigma**2, (alpha / sigma).square().expand(x_t.shape)], 1)

    def estimate(self, said: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The mean over all bytes."""
        return LatticeHead(self.on(said.shape[-1]), LATTICE, BELLS, COMMON).estimate(said, x_t, t)

    def states(self, bytes_: Tensor) -> Tensor:
        """Standardised."""
        return LATTICE.value(bytes_, torch.empty(0))

    def bytes(self, x: Tensor) -> Tensor:
        """The nearest."""
        return LATTICE.index(x)

    def price(self, x_0: Tensor, cond: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        """Squared error of v, per pixel."""
        t, _ = LogNormalTimes(-0.3, 1.6)(self.process, low_discrepancy(len(x_0), rng))
        x_t = self.process.marginal(x_0, t).sample(rng)
        some = _some(cond["missing"], rng)
        said = self.said(self.noisy(x_t, t), t, cond).gather(2, some[:, None].expand(-1, NUMBERS, -1))
        found = self.estimate(said, x_t.gather(1, some), t)
        _, sigma = self.process.alpha_sigma(t)
        error = (found - x_0.gather(1, some)).square().mean(1)
        price: Tensor = error / sigma.to(found).square()
        return price


class Missing(Objective):
    """What a filling says of some of the missing pixels."""

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """Its own price, of whole batches alone."""
        return Loss(denoiser.price(x_0, cond, rng)[rows])  # type: ignore[operator]


def _some(missing: Tensor, rng: torch.Generator) -> Tensor:
    """The places of some missing pixels, drawn evenly, (n, 48)."""
    return torch.multinomial(missing.flatten(1).float(), JUDGED, generator=rng)
