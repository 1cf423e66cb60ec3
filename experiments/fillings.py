"""The two networks of `mnist-inpainting`, trained once and kept: by jumps and by Gaussian noise."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from experiments import keeping
from experiments.base import Setting
from experiments.inpainting import LATTICE, Diffusing, Filling, Jumping, Missing, Painter
from experiments.masks import Holed
from unnoise import __version__
from unnoise._seeding import seeded
from unnoise.training import Settings, TrainState, train
from unnoise.training.learning import Tell

KINDS: dict[str, type[Filling]] = {"chain": Jumping, "Gaussian noise": Diffusing}
ROUNDS = (500, 1000, 2000)  # steps; each begins with what the last one ended with


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights."""

    kind: str
    seed: int
    rows: int
    rounds: tuple[int, ...]
    width: int = 32
    batch_size: int = 64
    learning_rate: float = 2e-3
    ema: float = 0.995
    precision: str = "bfloat16"

    @classmethod
    def of(cls, kind: str, setting: Setting, rows: int) -> Recipe:
        """The whole one, or one that takes seconds and learns little."""
        if setting.quick:
            return cls(kind, setting.seed, rows, (2, 1), width=8, batch_size=4, precision="float32")
        return cls(kind, setting.seed, rows, ROUNDS)

    def filling(self) -> Filling:
        """Untrained."""
        kind = KINDS[self.kind]
        return kind(Painter(self.width, kind.start))

    @property
    def file_name(self) -> str:
        """Where the weights are kept."""
        return f"filling-{self.kind.replace(' ', '-')}-{len(self.rounds)}.safetensors"

    @property
    def shorter(self) -> Recipe | None:
        """The recipe without its last round."""
        return replace(self, rounds=self.rounds[:-1]) if len(self.rounds) > 1 else None

    @property
    def settings(self) -> Settings:
        """Of the last round: the learning rate starts anew (Loshchilov and Hutter 2017, arXiv 1608.03983)."""
        return Settings(
            steps=self.rounds[-1],
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            ema=self.ema,
            precision="bfloat16" if self.precision == "bfloat16" else "float32",
            seed=self.seed + len(self.rounds) - 1,
            device="cpu",
        )


@dataclass(frozen=True)
class Trained:
    """A network, and what it cost.

    Attributes:
        filling: what answers any mask, by `given`.
        cpu_seconds: of the training, on one thread.
        reused: whether an earlier run had kept it, or some of its rounds.
    """

    filling: Filling
    cpu_seconds: float
    reused: bool


def trained(kind: str, setting: Setting, pictures: Tensor, labels: Tensor, tell: Tell) -> Trained:
    """The network of the recipe: read, where it is kept, or trained, and kept where there is a place for it."""
    cache = None if setting.quick else setting.cache
    return _made(Recipe.of(kind, setting, len(labels)), cache, pictures, labels, tell)


def _made(recipe: Recipe, cache: Path | None, pictures: Tensor, labels: Tensor, tell: Tell) -> Trained:
    """Each round is kept, so that an interrupted run goes on from its last one, and a longer recipe from a shorter."""
    place = None if cache is None else cache / recipe.file_name
    label = f"unnoise {__version__}, torch {torch.__version__}, {recipe}"
    found = None if place is None else _kept(place, label, recipe)
    if found is not None:
        return found
    shorter = recipe.shorter
    start = _untrained(recipe, pictures, labels) if shorter is None else _made(shorter, cache, pictures, labels, tell)
    made = _one_round(recipe, start, pictures, labels, tell)
    if place is not None:
        keeping.keep(place, label, made.filling.state_dict(), seconds=str(made.cpu_seconds))
    return made


def _untrained(recipe: Recipe, pictures: Tensor, labels: Tensor) -> Trained:
    """But for the Gaussian laws."""
    begun = time.process_time()
    with seeded(recipe.seed):
        filling = recipe.filling()
    filling.painter.factors.fit(LATTICE.value(pictures.flatten(1), torch.empty(0)), labels)
    return Trained(filling, time.process_time() - begun, reused=False)


def _one_round(recipe: Recipe, so_far: Trained, pictures: Tensor, labels: Tensor, tell: Tell) -> Trained:
    """The last of the recipe."""
    filling, begun, done = so_far.filling, time.process_time(), sum(recipe.rounds[:-1])
    data = Holed(pictures, labels, filling.states(pictures.flatten(1)))
    state = TrainState(filling.train().requires_grad_(True), recipe.settings)
    for step in train(state, Missing(), data):
        now = done + step.index + 1
        tell(now / sum(recipe.rounds), f"{recipe.kind}: step {now:,}, loss {step.loss:.3f}")
    spent = so_far.cpu_seconds + time.process_time() - begun
    average: Filling = state.ema  # type: ignore[assignment]
    return Trained(average.requires_grad_(False).eval(), spent, so_far.reused)


def _kept(path: Path, label: str, recipe: Recipe) -> Trained | None:
    """What is kept at the path, if it was made by this recipe."""
    found = keeping.kept(path, label)
    if found is None:
        return None
    weights, told = found
    filling = recipe.filling()
    filling.load_state_dict(weights)
    return Trained(filling.requires_grad_(False).eval(), float(told["seconds"]), reused=True)
