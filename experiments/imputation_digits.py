r"""Digits completed from any part of them by one model that was trained for any question.

The 8 x 8 digits of scikit-learn, with grey values from 0 to 16. Of held-out digits the lower half is hidden, or the
middle, or random pixels, or every other row; the model was told of none of these masks. Rivals have closed forms: a
Gaussian law and a mixture of them given the pixels that are left, and the nearest training digits.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.base import Experiment, Outcome, Setting
from experiments.conditional_gaussians import COMPONENTS, Floats, Gaussians, Mask
from experiments.imputing import energy_scores, mean_and_error
from unnoise import DenoisingMarkovModel
from unnoise._seeding import generator
from unnoise.denoisers import question
from unnoise.evaluation import Bound
from unnoise.report import plots

if TYPE_CHECKING:
    pass

SIDE, TOP = 8, 16  # pixels, and the largest grey value
TEST, VALIDATION = 360, 200
STEPS = 6000
DRAWS, DONORS, SHOWN = 5, 5, 10
PICTURED = ("lower half", "middle", "random pixels")


def masks(seed: int) -> dict[str, Mask]:
    """Which pixels are hidden, (8, 8)."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return {
        "lower half": rows >= SIDE // 2,
        "right half": columns >= SIDE // 2,
        "middle": (abs(rows - 3.5) < 2) & (abs(columns - 3.5) < 2),
        "every other row": rows % 2 == 1,
        "random pixels": np.random.default_rng(seed).random((SIDE, SIDE)) < 0.6,
    }


def run(setting: Setting) -> Outcome:
    """Train once, ask for every mask."""
    train, validation, test = _read(setting)
    setting.tell(0.0, "training the model")
    start = time.monotonic()
    model = DenoisingMarkovModel(
        steps=10 if setting.quick else STEPS, batch_size=64, random_state=setting.seed, progress=False
    ).fit(np.concatenate([train, validation]))
    measured: dict[str, Any] = {"training_seconds": time.monotonic() - start}
    setting.tell(0.7, "Gaussian laws")
    rng = np.random.default_rng(setting.seed)
    known, held = (_spread(images, rng) for images in (train, validation))
    counts = COMPONENTS[:1] if setting.quick else COMPONENTS
    laws = {
        "Gaussian": Gaussians.best(known, held, counts[:1], setting.seed),
        "mixture": Gaussians.best(known, held, counts, setting.seed),
    }
    measured["mixture_components"] = len(laws["mixture"].weights)
    rows: dict[str, Floats] = {}
    for name, hidden in masks(setting.seed).items():
        setting.tell(0.8, name)
        fillings = {"model": by_model(model, test, hidden, setting.seed)}
        fillings |= {way: _by_law(law, test, hidden, rng) for way, law in laws.items()}
        fillings["nearest digits"] = _by_neighbours(np.concatenate([train, validation]), test, hidden, rng)
        logs = {way: _log_prob_of_law(law, test, hidden, rng) for way, law in laws.items()}
        logs["model"] = log_prob(setting, model, test, hidden)
        measured |= _scores(name, test, hidden, fillings, logs)
        if name in PICTURED:
            rows |= _shown(name, test, hidden, fillings)
    notes = (
        f"{len(test)} held-out digits; grey values 0 to {TOP}, to which the draws of all methods are rounded",
        "psnr: of the mean of what is hidden, dB, more is better; energy: Euclidean over the hidden pixels, "
        f"{DRAWS} draws, less is better",
        "bits: -log p of the hidden grey values given the others, per hidden pixel, dequantised; the model's is an "
        "upper bound, those of the Gaussian laws are exact, with sizes chosen by validation digits",
    )
    return Outcome(measured, {}, {"": plots.class_grid(rows, value_range=(-TOP / 3, TOP))}, notes)


def _read(setting: Setting) -> tuple[Any, Any, Any]:
    """Images to learn, to choose by, and to be judged by, (n, 8, 8) uint8."""
    from sklearn.datasets import load_digits

    images = load_digits().images.astype(np.uint8)
    images = images[np.random.default_rng(setting.seed).permutation(len(images))]
    held = TEST + VALIDATION
    test, validation, train = images[:TEST], images[TEST:held], images[held:]
    return (train, validation, test[:20]) if setting.quick else (train, validation, test)


def by_model(model: DenoisingMarkovModel, test: Any, hidden: Mask, seed: int) -> tuple[Floats, Floats]:
    """Draws (draws, n, 8, 8), and the mean."""
    masked = np.where(hidden, np.nan, test)
    draws = model.impute(masked, draws=DRAWS, seed=seed)
    return np.stack([np.asarray(draw, dtype=np.float64) for draw in draws]), model.impute(
        masked, point="mean", seed=seed
    )


def log_prob(setting: Setting, model: DenoisingMarkovModel, test: Any, hidden: Mask) -> Floats:
    """A lower bound on log p of the hidden grey values given the others, (n,)."""
    import torch

    rng, schema = generator(setting.seed), model.schema_
    x, _ = schema.encode(test).all(rng)
    asked = torch.from_numpy(hidden).reshape(1, *x.shape[1:]).expand_as(x)
    asks = question(model.denoiser_.process, asked, ~asked, x)
    found = model.likelihood_of_states(x, asks, rng, Bound(draws=8 if setting.quick else 64))
    return np.asarray((found.log_prob + schema.volumes(asked)).numpy(), dtype=np.float64)


def _spread(images: Any, rng: np.random.Generator) -> Floats:
    """Vectors of grey values with a uniform number in their cells."""
    return np.asarray(images.reshape(len(images), -1) + rng.random((len(images), SIDE**2)) - 0.5)


def _by_law(law: Gaussians, test: Any, hidden: Mask, rng: np.random.Generator) -> tuple[Floats, Floats]:
    found = law.given(test.reshape(len(test), -1).astype(np.float64), ~hidden.ravel())
    draws = [_put(test, hidden, found.draw(rng).round().clip(0, TOP)) for _ in range(DRAWS)]
    return np.stack(draws), _put(test, hidden, found.mean)


def _by_neighbours(train: Any, test: Any, hidden: Mask, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The hidden pixels of one of the digits that are nearest in the others, and their mean."""
    seen, known = (images[:, ~hidden].astype(np.float64) for images in (test, train))
    apart = (seen**2).sum(1)[:, None] - 2 * seen @ known.T + (known**2).sum(1)
    donors = train[apart.argpartition(DONORS, 1)[:, :DONORS]][:, :, hidden]
    lots = rng.integers(DONORS, size=(DRAWS, len(test)))
    draws = [_put(test, hidden, donors[np.arange(len(test)), lot]) for lot in lots]
    return np.stack(draws), _put(test, hidden, donors.mean(1))


def _log_prob_of_law(law: Gaussians, test: Any, hidden: Mask, rng: np.random.Generator) -> Floats:
    x = _spread(test, rng)
    return law.log_prob(x) - law.log_prob(x, ~hidden.ravel())


def _put(test: Any, hidden: Mask, values: Any) -> Floats:
    found = test.astype(np.float64)
    found[:, hidden] = values
    return np.asarray(found)


def _scores(
    name: str, test: Any, hidden: Mask, fillings: dict[str, tuple[Floats, Floats]], logs: dict[str, Floats]
) -> dict[str, float]:
    found: dict[str, float] = {}
    cells = np.tile(hidden.ravel(), (len(test), 1))
    for way, (draws, mean) in fillings.items():
        scores = energy_scores(_flat(test), [_flat(draw) for draw in draws], cells, lambda a, b: (a - b) ** 2)
        found[f"{name}, {way}: energy"], found[f"{name}, {way}: energy_se"] = mean_and_error(scores)
        error = float(((mean - test)[:, hidden] ** 2).mean())
        found[f"{name}, {way}: psnr"] = 10 * math.log10(TOP**2 / error)
    for way, values in logs.items():
        bits = -values / (math.log(2) * hidden.sum())
        found[f"{name}, {way}: bits"], found[f"{name}, {way}: bits_se"] = mean_and_error(bits)
    return found


def _flat(images: Any) -> Floats:
    return np.asarray(images, dtype=np.float64).reshape(len(images), -1)


def _shown(name: str, test: Any, hidden: Mask, fillings: dict[str, tuple[Floats, Floats]]) -> dict[str, Floats]:
    """The truth, what is given, two draws, and the mixture's; what is hidden is darker than black."""
    some = slice(SHOWN)
    return {
        f"{name}: truth": test[some],
        f"{name}: given": np.where(hidden, -TOP / 3, test[some]),
        f"{name}: model": fillings["model"][0][0][some],
        f"{name}: again": fillings["model"][0][1][some],
        f"{name}: mixture": fillings["mixture"][0][0][some],
    }


EXPERIMENT = Experiment("imputation-digits", "digits completed from any part of them, by a model of any question", run)
