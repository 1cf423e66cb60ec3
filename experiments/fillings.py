"""The two networks of `mnist-inpainting`, trained once and kept: by jumps and by Gaussian noise."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from experiments import keeping
from experiments.base import Setting
from experiments.inpainting import Diffusing, Filling, Jumping, Missing, Painter
from experiments.masks import Holed
from unnoise import __version__
from unnoise._seeding import seeded
from unnoise.training import Settings, TrainState, train
from unnoise.training.learning import Tell

KINDS: dict[str, type[Filling]] = {"chain": Jumping, "Gaussian noise": Diffusing}
ROUNDS = {"chain": (1500, 1200), "Gaussian noise": (1500, 1200)}  # steps; each begins with what the last one ended with


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
        return cls(kind, setting.seed, rows, ROUNDS[kind])

    def filling(self) -> Filling:
        """Untrained."""
        kind = KINDS[self.kind]
        return kind(Painter(self.width, kind.start))

    def settings(self, number: int) -> Settings:
        """Of a round: the learning rate starts anew (Loshchilov and Hutter 2017, arXiv 1608.03983)."""
        return Settings(
            steps=self.rounds[number],
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            ema=self.ema,
            precision="bfloat16" if self.precision == "bfloat16" else "float32",
            seed=self.seed + number,
            device="cpu",
        )


@dataclass(frozen=True)
class Trained:
    """A network, and what it cost.

    Attributes:
        filling: what answers any mask, by `given`.
        cpu_seconds: of the training, on one thread.
        reused: whether an earlier run had kept it.
    """

    filling: Filling
    cpu_seconds: float
    reused: bool


def trained(kind: str, setting: Setting, pictures: Tensor, labels: Tensor, tell: Tell) -> Trained:
    """The network of the recipe: read, where it is kept, or trained, and kept where there is a place for it."""
    recipe = Recipe.of(kind, setting, len(labels))
    label = f"unnoise {__version__}, torch {torch.__version__}, {recipe}"
    kept = (
        None
        if setting.cache is None or setting.quick
        else setting.cache / f"filling-{kind.replace(' ', '-')}.safetensors"
    )
    found = None if kept is None else _kept(kept, label, recipe)
    if found is not None:
        return found
    made = _train(recipe, pictures, labels, tell)
    if kept is not None:
        keeping.keep(kept, label, made.filling.state_dict(), seconds=str(made.cpu_seconds))
    return made


def _train(recipe: Recipe, pictures: Tensor, labels: Tensor, tell: Tell) -> Trained:
    with seeded(recipe.seed):
        filling = recipe.filling()
    data, start, done = Holed(pictures, labels, filling.states(pictures.flatten(1))), time.process_time(), 0
    for number, steps in enumerate(recipe.rounds):
        state = TrainState(filling.requires_grad_(True), recipe.settings(number))
        for step in train(state, Missing(), data):
            share = (done + step.index + 1) / sum(recipe.rounds)
            tell(share, f"{recipe.kind}: step {done + step.index + 1:,}, loss {step.loss:.3f}")
        filling, done = state.ema, done + steps  # type: ignore[assignment]
    return Trained(filling.requires_grad_(False).eval(), time.process_time() - start, reused=False)


def _kept(path: Path, label: str, recipe: Recipe) -> Trained | None:
    """What is kept at the path, if it was made by this recipe."""
    found = keeping.kept(path, label)
    if found is None:
        return None
    weights, told = found
    filling = recipe.filling()
    filling.load_state_dict(weights)
    return Trained(filling.requires_grad_(False).eval(), float(told["seconds"]), reused=True)
