r"""Tiny Shakespeare, characters in blocks of 64: what diffusion loses to a transformer from left to right.

On text8 the published figures are 1.37 bits for masks and 1.23 for a transformer, after a million steps (Sahoo et al.
2024, arXiv 2406.07524; Shi et al. 2024, arXiv 2406.04329). Here each network has the same width and depth and the same
few minutes. Masks and uniform noise stand side by side, beside a transformer that sees what came before, and counts of
the letters before. Bits are by the bound for noise, and exact for the two others.
"""

from __future__ import annotations

import gzip
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.causal import Causal, NextLetter, continued
from experiments.n_grams import NGrams
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser
from unnoise.evaluation import Bound
from unnoise.heads import Softmax
from unnoise.networks import Transformer
from unnoise.objectives import AnyOrder, Denoising
from unnoise.processes import CTMC, rates
from unnoise.samplers import Ancestral, FirstHitting
from unnoise.spaces import Finite
from unnoise.training import learn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SITES = 64
TRAINED_ON = 0.9  # of the text; the rest is looked at
WINDOW = 7  # sites that the first layer of denoisers sees
HISTORY = 5  # letters that counts see
SHOWN = 4  # samples of each
TEXT8 = "text8, Shi et al. 2024 (arXiv 2406.04329)"


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    seconds: float = 600.0
    most_steps: int = 10**6
    width: int = 128
    depth: int = 4
    draws: int = 16
    blocks: int | None = None
    samples: int = 500

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """A small version takes seconds."""
        return cls(60.0, 5, 16, 1, 2, 8, 4) if setting.quick else cls()


@dataclass(frozen=True)
class Text:
    """A text as whole numbers, and its letters."""

    letters: str
    train: Tensor
    test: Tensor

    @classmethod
    def of(cls, text: str) -> Text:
        """Its first part is trained on; the rest is cut into blocks."""
        letters = "".join(sorted(set(text)))
        number = {letter: k for k, letter in enumerate(letters)}
        codes = torch.tensor([number[letter] for letter in text])
        train, rest = codes.tensor_split([round(TRAINED_ON * len(codes))])
        return cls(letters, train, rest[: len(rest) // SITES * SITES].view(-1, SITES))

    def draw(self, n: int, rng: torch.Generator) -> Tensor:
        """Blocks from anywhere in what is trained on, (n, sites)."""
        return self.train[torch.randint(len(self.train) - SITES + 1, (n, 1), generator=rng) + torch.arange(SITES)]

    def read(self, block: Tensor) -> str:
        """As letters."""
        return "".join(self.letters[int(k)] for k in block)

    def known_words(self, blocks: Tensor) -> float:
        """Of the words that stand whole in these blocks, the share that is in what was trained on."""
        known = set(self.read(self.train).split())
        words = [word for block in blocks for word in self.read(block).split()[1:-1]]
        return sum(word in known for word in words) / max(1, len(words))


@dataclass
class Learner:
    """Networks of one size, each for as many minutes."""

    text: Text
    sizes: Sizes
    seed: int
    measured: dict[str, Any] = field(default_factory=dict)

    def learnt(
        self, name: str, process: CTMC, network: Callable[..., nn.Module], tell: Any, **options: Any
    ) -> Denoiser:
        """A denoiser; how long it took, and of how many letters, are kept."""
        sizes, begun, steps = self.sizes, time.process_time(), 0

        def told(share: float, words: str) -> None:
            nonlocal steps
            steps += 1
            tell(share, f"{name}: {words}")

        found = learn(
            process,
            partial(network, width=sizes.width, depth=sizes.depth),
            self.text.draw,
            tell=told,
            steps=sizes.most_steps,
            time_limit=sizes.seconds,
            batch_size=16,
            learning_rate=2e-3,
            ema=0.998,
            seed=self.seed,
            **options,
        )
        self.measured[f"{name}: training, CPU seconds"] = time.process_time() - begun
        self.measured[f"{name}: steps"] = steps
        return found


def run(setting: Setting) -> Outcome:
    """Train three networks, and count; bits of blocks that nothing saw, and samples."""
    sizes = Sizes.of(setting)
    text = Text.of(gzip.decompress(setting.file("shakespeare/input.txt.gz").read_bytes()).decode())
    learner, states, rng = Learner(text, sizes, setting.seed), len(text.letters), generator(setting.seed)
    hidden = CTMC(Finite(SITES, states + 1), rates.Absorbing(states + 1))
    changed = CTMC(Finite(SITES, states), rates.UniformRates(states))
    looking = partial(Transformer, window=WINDOW)
    causal = learner.learnt(
        "left to right", changed, Causal, setting.part(0, 0.3), objective=NextLetter(), head=Softmax
    )
    masks = learner.learnt("masks", hidden, looking, setting.part(0.3, 0.6), objective=AnyOrder())
    noise = learner.learnt("uniform noise", changed, looking, setting.part(0.6, 0.9), objective=Denoising())
    setting.tell(0.9, "bits and samples")
    test, bound = text.test[: sizes.blocks], Bound(draws=sizes.draws)
    nats = {
        "left to right": torch.cat([NextLetter()(causal, part, None, rng).value for part in torch.split(test, 128)]),
        "masks": -bound(masks, test, rng).log_prob,
        "uniform noise": -bound(noise, test, rng).log_prob,
        "counts": -NGrams.of(text.train, HISTORY, states).log_prob(test),
    }
    samples = {
        "left to right": continued(causal, sizes.samples, rng),
        "masks": FirstHitting(masks).sample(sizes.samples, rng),
        "masks, 16 evaluations": Ancestral(masks, 16).sample(sizes.samples, rng),
        "uniform noise": Ancestral(noise, SITES).sample(sizes.samples, rng),
    }
    measured = learner.measured | _bits(nats)
    shares = {name: text.known_words(blocks) for name, blocks in ({"held out": test} | samples).items()}
    measured |= {f"{name}: share of words that are known": share for name, share in shares.items()}
    published = {
        "masks: bits per character": Published(1.37, f"{TEXT8}, which is another text"),
        "left to right: bits per character": Published(1.23, f"{TEXT8}, which is another text"),
    }
    return Outcome(measured, published, {"": _figure(text, measured, samples)}, _notes(sizes, text))


def _bits(nats: dict[str, Tensor]) -> dict[str, float]:
    """Per character, with the standard error between blocks; and how much more than from left to right."""
    found = {}
    for name, values in nats.items():
        bits = values.double() / SITES / math.log(2)
        found[f"{name}: bits per character"] = float(bits.mean())
        found[f"{name}: bits per character_se"] = float(bits.std()) / len(bits) ** 0.5
    first = found["left to right: bits per character"]
    return found | {
        f"{name} beside left to right": found[f"{name}: bits per character"] / first
        for name in nats
        if name != "left to right"
    }


def _figure(text: Text, measured: dict[str, Any], samples: dict[str, Tensor]) -> Figure:
    bits = {name: measured.get(f"{name}: bits per character") for name in samples}
    titles = {name: name if found is None else f"{name}: {found:.2f} bits" for name, found in bits.items()}
    return figures.texts({titles[name]: [text.read(row) for row in rows[:SHOWN]] for name, rows in samples.items()})


def _notes(sizes: Sizes, text: Text) -> tuple[str, ...]:
    return (
        f"blocks of {SITES} characters of {len(text.letters)}; the first {TRAINED_ON:.0%} of the text are trained on, "
        "the bits are of the rest",
        f"each network of width {sizes.width} and depth {sizes.depth}, {sizes.seconds / 60:g} minutes on one thread, "
        "the same batches, rate and average; no setting was chosen on the rest of the text but rate and window, in "
        "trials of two minutes",
        f"bounds by {sizes.draws} draws for each block; from left to right and by counts the likelihood",
        f"counts: Witten-Bell, of up to {HISTORY} letters before",
        f"known words: of those that stand whole in a block, in {sizes.samples} samples",
    )


EXPERIMENT = Experiment("shakespeare", "characters of text: masks and uniform noise beside left to right", run)
