"""Looks at rows that are not trained on: which weights are the best, and when training no longer helps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import flag, function, instance, real, whole
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.objectives import AnyOrder, Objective
from unnoise.training.dataset import Dataset, check_weights, derived_seed

EVALUATIONS = 2048  # of one look at least, where few rows are seen under much noise
SHARE = 0.05  # of the time of training that looks may take
STEP = 3  # evaluations that a row costs in a step, with its gradient
FIRST = 20  # steps before the first look
SLACK = 0.25  # of the improvement, for digits
SOONEST = 300  # steps without improvement before training ends
PLATEAU = 1000  # of these, where rows are not learnt by heart: networks may rest before they find what they still lack
BY_HEART = 0.1  # of the improvement, which has been lost where rows are learnt by heart


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The mean of an objective over rows that are not trained on, with the same noise and questions at every look.

    Few rows are seen under several draws of noise, at times that are spread evenly over each row.

    Args:
        objective: as in training.
        data: the rows.
        weights: of the rows, (n,); None for equal ones.
        seed: of the noise.
        at_once: rows in one evaluation of the network.
        evaluations: of a row in one look, at least, in all; and two of each row.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.objectives import Denoising
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> from unnoise.training import Arrays
    >>> points = torch.tensor([[-1.0], [1.0]])
    >>> loss = HeldOut(Denoising(), Arrays(points))
    >>> loss(Exact(edm(Euclidean(1)), points)) == loss(Exact(edm(Euclidean(1)), points))
    True
    """

    objective: Objective
    data: Dataset
    weights: Tensor | None = None
    seed: int = 0
    at_once: int = 512
    evaluations: int = EVALUATIONS

    def __post_init__(self) -> None:
        function(objective=self.objective)
        instance(Dataset, data=self.data)
        if self.weights is not None:
            check_weights(self.weights, len(self.data))
        whole(least=1, at_once=self.at_once, evaluations=self.evaluations)
        whole(most=2**64 - 1, seed=self.seed)
        if len(self.data) < 1:
            raise InputError("There are no rows held out to validate on; give at least one, or train without.")

    def __len__(self) -> int:
        """How often one look evaluates a row."""
        return len(self.data) * max(2, self.evaluations // len(self.data))

    @torch.enable_grad()  # some objectives differentiate the denoiser
    def __call__(self, denoiser: Denoiser) -> float:
        """In nats per row, unless the objective is weighted."""
        like = next(denoiser.parameters(), torch.empty(0))
        rng = torch.Generator(like.device).manual_seed(derived_seed(self.seed, "validation"))
        total = weight = 0.0
        for indices in torch.split(torch.arange(len(self)) % len(self.data), self.at_once):
            batch = self.data.batch(indices, rng)
            x_0, cond = (None if part is None else _tree.map(lambda leaf: _as(leaf, like), part) for part in batch)
            losses = self.objective(denoiser, x_0, cond, rng).value.detach().double().cpu()
            weights = torch.ones(len(losses)) if self.weights is None else self.weights[indices]
            total += float((weights * losses).sum())
            weight += float(weights.sum())
        return total / weight


def affordable(rows: int) -> int:
    """How many evaluations one look may cost at the end of a training on so many rows, counted in every step.

    >>> affordable(1_000_000), affordable(48)
    (2048, 7)
    """
    return max(1, min(EVALUATIONS, int(STEP * rows * SHARE)))


def _as(leaf: Tensor, like: Tensor) -> Tensor:
    return leaf.to(like.device, like.dtype if leaf.is_floating_point() else leaf.dtype)


@dataclass(frozen=True)
class Validation:
    """When training looks at what it is not trained on, and how long it goes on without improvement.

    The first looks are close together, as little data are soon learnt by heart.

    Args:
        loss: of a denoiser, as `HeldOut`; the smaller, the better.
        every: steps between two looks, later.
        first: steps before the first look.
        patience: training ends when the kept look is followed by this share of all steps; None for never.
        begun: whether there is a look before the first step, where a formula may already be the best there is.
        slack: the last look is kept that is worse than the best by at most this share of all improvement. Digits of
            numbers need some: a network grows too sure of them while it still learns how columns depend.
    """

    loss: Callable[[Denoiser], float]
    every: int = 100
    first: int = FIRST
    patience: float | None = 1 / 3
    slack: float = 0.0
    begun: bool = False

    def __post_init__(self) -> None:
        function(loss=self.loss)
        flag(begun=self.begun)
        real(least=0, below=1, slack=self.slack)
        whole(least=1, every=self.every, first=self.first)
        real(above=0, below=1, or_none=True, patience=self.patience)

    @classmethod
    def of(cls, held_out: HeldOut, batch_size: int, begun: bool = False) -> Validation:
        """So often that looks take at most a twentieth of the time; an evaluation is a third of a training one."""
        every = max(FIRST, math.ceil(len(held_out) / (STEP * batch_size * SHARE)))
        return cls(held_out, every=every, slack=slack_of(held_out.objective), begun=begun)

    def is_due(self, looks: Looks, step: int) -> bool:
        """Whether it is time for a look, after so many steps."""
        if step == 0:
            return self.begun and not looks.steps
        last = looks.steps[-1] if looks.steps else 0
        return step - last >= min(self.every, max(self.first, last // 4))

    def is_over(self, looks: Looks) -> bool:
        """Whether training no longer helps: sooner where what was gained is lost again than where it only rests."""
        if self.patience is None or not looks.steps:
            return False
        last = looks.steps[-1]
        return last - looks.best_step >= max(SOONEST if looks.lost > BY_HEART else PLATEAU, self.patience * last)


def slack_of(objective: Objective) -> float:
    """The slack of an objective."""
    return SLACK if isinstance(objective, AnyOrder) else 0.0


@dataclass
class Looks:
    """What validation has said, and the averaged weights of the kept look: the best, or the last within slack.

    Attributes:
        steps: how many steps were done at each look.
        losses: of the examples that are held out, in nats where the objective is; as many.
        best: the weights that are kept, by name.
        slack: the share of the improvement so far that a later look may lose and still be kept.
    """

    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    slack: float = 0.0

    def add(self, step: int, loss: float, denoiser: Denoiser) -> None:
        """One more, after so many steps."""
        before = self._best if self.losses else -1
        self.steps.append(step)
        self.losses.append(loss)
        if self._best != before:
            self.best = {name: tensor.detach().clone() for name, tensor in denoiser.state_dict().items()}

    def table(self) -> Tensor:
        """Steps and losses, (looks, 2) float64."""
        return torch.tensor([self.steps, self.losses], dtype=torch.float64).T.contiguous()

    @classmethod
    def of(cls, table: Tensor, best: dict[str, Tensor]) -> Looks:
        """From what `table` gave."""
        copies = {name: tensor.clone() for name, tensor in best.items()}  # what was read may be a view of the file
        return cls([int(step) for step in table[:, 0].tolist()], table[:, 1].tolist(), copies)

    @property
    def best_step(self) -> int:
        """After how many steps the kept look was."""
        return self.steps[self._best]

    @property
    def best_loss(self) -> float:
        """The loss of the kept look."""
        return self.losses[self._best]

    @property
    def lost(self) -> float:
        """The share of all improvement that was lost again by the last look; infinite where there was none."""
        least = min((loss for loss in self.losses if not math.isnan(loss)), default=math.nan)
        gained = self.losses[0] - least
        return (self.losses[-1] - least) / gained if gained else math.inf

    @property
    def words(self) -> str:
        """The last loss and the best one, to go after the training loss."""
        if not self.losses:
            return ""
        return f", validation {self.losses[-1]:.3f}, best {self.best_loss:.3f} at step {self.best_step:,}"

    @property
    def _best(self) -> int:
        numbers = [loss for loss in self.losses if not math.isnan(loss)]
        if not numbers:
            return 0
        least = min(numbers)
        most = least + self.slack * max(numbers[0] - least, 0.0)
        good = [i for i, loss in enumerate(self.losses) if loss <= most]
        return good[-1] if self.slack else good[0]
