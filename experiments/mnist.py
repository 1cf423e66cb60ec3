r"""Handwritten digits (MNIST), and one denoiser of all noise levels that several experiments share.

Pixels lie in [0, 1]. States are $(\text{pixels} - 0.1307)/0.3081$, of mean 0 and variance 1 over the training set, so a
noise of scale $\sigma$ in pixels is one of scale $\sigma/0.3081$ in states: `level` and `pixels` convert.

The denoiser is a small U-Net on patches of 2 x 2 pixels. It is trained once: where the setting names a cache, the
weights are kept there under the recipe by which they were made, and any experiment with the same recipe reads them.
"""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from experiments import keeping
from experiments.base import Setting
from unnoise import __version__
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Neural
from unnoise.networks import UNet
from unnoise.objectives import Denoising
from unnoise.objectives.times import LogNormalTimes
from unnoise.objectives.weightings import EDMWeighting
from unnoise.processes import edm
from unnoise.spaces import Euclidean
from unnoise.training import learn
from unnoise.training.learning import Tell

MEAN, SPREAD = 0.1307, 0.3081  # of all pixels of the training set
SHAPE = (1, 28, 28)
PROCESS = edm(Euclidean(SHAPE), sigma_min=0.03, sigma_max=32.0)  # 0.009 to 9.9 in pixels
UNSIGNED_BYTE = 8  # the code of an IDX file for its numbers
QUICK_ROWS = 600


@dataclass(frozen=True)
class Digits:
    """States, (n, 1, 28, 28), and which digits they are, (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, n: int) -> Digits:
        """The first n of them."""
        return Digits(self.images[:n], self.labels[:n])


def states(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] as states."""
    return (pixels - MEAN) / SPREAD


def pixels(states: Tensor) -> Tensor:
    """States as pixels, in [0, 1] where they are digits."""
    return states * SPREAD + MEAN


def rounded(images: Tensor) -> Tensor:
    """States as they are after pixels have been clipped and rounded to bytes, as the data were."""
    return states((pixels(images).clamp(0, 1) * 255).round() / 255)


def level(sigma: float) -> float:
    """A noise level in pixels as one of states."""
    return sigma / SPREAD


def read_idx(path: Path, dimensions: int) -> Tensor:
    """The bytes of a gzipped IDX file, with this many dimensions.

    Raises:
        InputError: a file that is not one, of other numbers or dimensions, or cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise InputError(f"{path} cannot be unpacked ({error}); it must be a whole gzipped IDX file") from error
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise InputError(
            f"{path} begins with {content[:4].hex(' ')}; an IDX file of bytes in {dimensions} dimensions begins with "
            f"00 00 08 0{dimensions}"
        )
    sizes = np.frombuffer(content, ">u4", dimensions, 4).astype(int)
    if len(content) != start + sizes.prod():
        raise InputError(f"{path} holds {len(content) - start} numbers, but says it has {' x '.join(map(str, sizes))}")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(sizes).copy())


def read(setting: Setting) -> tuple[Digits, Digits]:
    """The digits to learn from and those held out, as they were published; a small part of them where it is quick."""
    train, test = (
        _paired(setting.file(f"mnist/{part}-images-idx3-ubyte.gz"), setting.file(f"mnist/{part}-labels-idx1-ubyte.gz"))
        for part in ("train", "t10k")
    )
    return (train.first(QUICK_ROWS), test.first(QUICK_ROWS)) if setting.quick else (train, test)


def _paired(images: Path, labels: Path) -> Digits:
    shown, named = read_idx(images, 3), read_idx(labels, 1)
    if shown.shape != (len(named), *SHAPE[1:]) or int(named.max()) > 9:
        raise InputError(
            f"{images} holds images of shape {tuple(shown.shape)} and {labels} {len(named)} labels up to "
            f"{int(named.max())}; expected (n, 28, 28) and as many labels from 0 to 9"
        )
    return Digits(states(shown[:, None] / 255), named.long())


@dataclass(frozen=True)
class Reader:
    """Tells which digit an image shows: a perceptron on pixels, which knows nothing of noise.

    Attributes:
        layers: weights, (in, out), and offsets, (out,).
    """

    layers: tuple[tuple[Tensor, Tensor], ...]

    @classmethod
    def fit(cls, digits: Digits, *, rows: int = 20_000, seed: int = 0) -> Reader:
        """Learn from the first rows, among which every digit must be."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        some = digits.first(rows)
        network = MLPClassifier((100,), max_iter=15, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 15 epochs are enough, and meant
            network.fit(pixels(some.images).flatten(1).numpy(), some.labels.numpy())
        pairs = zip(network.coefs_, network.intercepts_, strict=True)
        return cls(
            tuple((torch.from_numpy(weight).float(), torch.from_numpy(offset).float()) for weight, offset in pairs)
        )

    def log_probabilities(self, images: Tensor) -> Tensor:
        """Of every digit, (n, 10), for states of any brightness; differentiable."""
        h = pixels(images).clamp(0, 1).flatten(1)
        for index, (weight, offset) in enumerate(self.layers):
            h = (torch.relu(h) if index else h) @ weight + offset
        return torch.log_softmax(h, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """The probability of every digit, (n, 10)."""
        return self.log_probabilities(images).exp()


class Patched(nn.Module):
    """A U-Net that sees patches of 2 x 2 pixels as four channels: a quarter of the work at full resolution."""

    def __init__(
        self, input_shape: tuple[int, ...], cond_features: int, output_shape: tuple[int, ...], **sizes: Any
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        inside = (4 * channels, height // 2, width // 2), (4 * output_shape[0], height // 2, width // 2)
        self.inner = UNet(inside[0], cond_features, inside[1], **sizes)

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """The output for images, (n, channels, height, width), of even sizes."""
        found: Tensor = self.inner(nn.functional.pixel_unshuffle(x, 2), level, cond)
        return nn.functional.pixel_shuffle(found, 2)


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights: how wide, how long, at which levels, from which seed."""

    seed: int
    rows: int
    width: int = 32
    multipliers: tuple[int, ...] = (1, 2, 2)
    blocks: int = 1
    steps: int = 5000
    batch_size: int = 64
    learning_rate: float = 2e-3
    ema: float = 0.998
    mean: float = 0.2  # of the logarithm of the noise levels that are trained, in states
    deviation: float = 1.2
    precision: str = "bfloat16"

    @classmethod
    def of(cls, setting: Setting, train: Digits) -> Recipe:
        """The whole one, or one that takes seconds and learns little."""
        if setting.quick:
            return cls(setting.seed, len(train), width=8, steps=6, precision="float32")
        return cls(setting.seed, len(train))

    def network(self, *shapes: Any) -> nn.Module:
        """Called as all networks are."""
        return Patched(*shapes, width=self.width, multipliers=self.multipliers, blocks=self.blocks)

    def train(self, images: Tensor, tell: Tell) -> Denoiser:
        """By EDM's loss."""
        return learn(
            PROCESS,
            self.network,
            images,
            tell=tell,
            objective=Denoising(EDMWeighting(self.mean, self.deviation), LogNormalTimes(self.mean, self.deviation)),
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            ema=self.ema,
            precision=self.precision,
            seed=self.seed,
        )


@dataclass(frozen=True)
class Trained:
    """A denoiser and where it comes from.

    Attributes:
        denoiser: of all levels.
        seconds: what its training took, in this run or in the one that kept it.
        reused: whether an earlier run had kept it.
    """

    denoiser: Denoiser
    seconds: float
    reused: bool

    @property
    def note(self) -> str:
        """A sentence for the results."""
        how = "read from the cache, where another run with the same recipe left it" if self.reused else "made here"
        return f"the denoiser was {how}; its training took {self.seconds:.0f} s"


def trained(setting: Setting, train: Digits, tell: Tell) -> Trained:
    """The denoiser of the recipe: read, where it is kept, or trained, and kept where there is a place for it."""
    recipe = Recipe.of(setting, train)
    label = f"unnoise {__version__}, torch {torch.__version__}, {recipe}"
    kept = None if setting.cache is None or setting.quick else setting.cache / "digits-denoiser.safetensors"
    found = None if kept is None else _kept(kept, label, recipe)
    if found is not None:
        return found
    start = time.monotonic()
    denoiser = recipe.train(train.images, tell)
    made = Trained(denoiser, time.monotonic() - start, reused=False)
    if kept is not None:
        keeping.keep(kept, label, made.denoiser.state_dict(), seconds=str(made.seconds))
    return made


def _kept(path: Path, label: str, recipe: Recipe) -> Trained | None:
    """What is kept at the path, if it was made by this recipe."""
    found = keeping.kept(path, label)
    if found is None:
        return None
    weights, told = found
    denoiser = Neural(PROCESS, recipe.network(SHAPE, 0, SHAPE))
    denoiser.load_state_dict(weights)
    return Trained(denoiser.requires_grad_(False).eval(), float(told["seconds"]), reused=True)
