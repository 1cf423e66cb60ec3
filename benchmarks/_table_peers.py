"""Libraries of tables, called as their authors publish them: each learns from rows and draws new ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from tables import SEED, coded

MINUTES = 4.0  # of CPU, as the machine is shared
TRAINING, SAMPLING = 60 * MINUTES, 100.0  # seconds
clock = time.process_time
MOST_LEVELS = 20  # numbers of at most so many values are told to be levels, where a library asks
UNMASKED, DIFFUSED = 10_000, 4_000  # training rows of utrees and of ForestDiffusion
NOISES, DRAWS = 10, 5  # levels of noise of ForestDiffusion, and draws of noise for each row and level
HOLE = "(hole)"

Draw = Callable[[int], pd.DataFrame]
Fit = Callable[[pd.DataFrame], tuple[Draw, str]]  # and what is to be said of the training


def as_table(samples: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Samples with the kinds of columns that the training rows have."""
    columns = {}
    for column in train:
        values = samples[column]
        if train[column].dtype.kind in "iuf":
            columns[column] = pd.to_numeric(values).to_numpy(float, na_value=np.nan)
        else:
            columns[column] = values.astype(object).where(values.notna() & ~values.isin([HOLE]), None).to_numpy()
    table = pd.DataFrame(columns)
    whole = [column for column in train if train[column].dtype.kind in "iu" and table[column].notna().all()]
    return table.astype({column: train[column].dtype for column in whole if (table[column] % 1 == 0).all()})


def filled(train: pd.DataFrame) -> pd.DataFrame:
    """A hole in text as a level of its own; rows with a hole in a number are left out."""
    texts = train.select_dtypes(exclude="number").columns
    return train.assign(
        **{column: train[column].astype(object).where(train[column].notna(), HOLE) for column in texts}
    ).dropna()


def levels_of(train: pd.DataFrame) -> list[str]:
    """The columns of text and those of few numbers."""
    return [
        column for column in train if train[column].dtype.kind not in "iuf" or train[column].nunique() <= MOST_LEVELS
    ]


def numbered(train: pd.DataFrame) -> tuple[np.ndarray, Callable[[np.ndarray], pd.DataFrame]]:
    """Rows with the codes of text, and the way back, on which whole numbers are rounded."""
    names = {column: pd.unique(train[column]) for column in train if train[column].dtype.kind not in "iuf"}
    whole = [column for column in train if column not in names and (train[column] % 1 == 0).all()]
    rows, *_ = coded(train, train, train)

    def back(samples: np.ndarray) -> pd.DataFrame:
        table = pd.DataFrame(samples, columns=train.columns).round(dict.fromkeys(whole, 0))
        return table.assign(**{column: known[table[column].astype(int)] for column, known in names.items()})

    return rows, back


def mostlyai() -> Fit:
    """Autoregressive networks of mostlyai-engine."""
    from mostlyai.engine import TabularARGN
    from mostlyai.engine._tabular import training as module

    module.time = SimpleNamespace(time=clock)  # so that its most minutes are of CPU

    def fit(train: pd.DataFrame) -> tuple[Draw, str]:
        model = TabularARGN(max_training_time=MINUTES, value_protection=False, device="cpu", random_state=SEED)
        return model.fit(train).sample, "finished"

    return fit


def tvae() -> Fit:
    """The variational autoencoder of ctgan."""
    from ctgan import TVAE
    from ctgan.synthesizers import tvae as module

    def fit(train: pd.DataFrame) -> tuple[Draw, str]:
        end = clock() + TRAINING

        def epochs(numbers: range, **_: Any) -> Any:  # in the place of its bar of progress, as it has no limit of time
            for number in numbers:
                if clock() > end:
                    return
                yield number

        module.tqdm = epochs
        model = TVAE(enable_gpu=False)
        model.set_random_state(SEED)
        rows = filled(train)
        model.fit(rows, levels_of(rows))
        return model.sample, f"finished after {1 + model.loss_values['Epoch'].max():.0f} epochs"

    return fit


def forest() -> Fit:
    """Flow matching by boosted trees of ForestDiffusion."""
    from ForestDiffusion import ForestDiffusionModel

    def fit(train: pd.DataFrame) -> tuple[Draw, str]:
        full = filled(train)
        rows, back = numbered(full)
        texts = [i for i, column in enumerate(full) if full[column].dtype.kind not in "iuf"]
        two = [i for i in texts if full.iloc[:, i].nunique() == 2]
        whole = [i for i in range(rows.shape[1]) if i not in texts and (rows[:, i] % 1 == 0).all()]
        some = rows[np.random.default_rng(SEED).permutation(len(rows))[:DIFFUSED]]
        said = {"cat_indexes": [i for i in texts if i not in two], "bin_indexes": two, "int_indexes": whole}
        # not in batches, its default: with these and one draw a row it learnt nothing
        said |= {"duplicate_K": DRAWS, "n_batch": 0, "n_jobs": 1, "nthread": 1, "seed": SEED}
        start = clock()
        ForestDiffusionModel(some, n_t=1, **said)
        if NOISES * (took := clock() - start) > TRAINING:
            raise TimeoutError(f"one of {NOISES} noise levels takes {took:.0f} s of CPU, so all take too long")
        model = ForestDiffusionModel(some, n_t=NOISES, **said)
        return (lambda count: back(model.generate(count))), "finished"

    return fit


def unmasking() -> Fit:
    """Boosted trees that unmask, of utrees."""
    from sklearn.utils.validation import validate_data
    from utrees import KDIQuantizer, UnmaskingTrees

    if not hasattr(KDIQuantizer, "_validate_data"):  # scikit-learn 1.7 made of its own method a function
        KDIQuantizer._validate_data = validate_data

    def fit(train: pd.DataFrame) -> tuple[Draw, str]:
        full = filled(train)
        rows, back = numbered(full)
        kinds = ["categorical" if column in levels_of(full) else "integer" for column in full]
        some = rows[np.random.default_rng(SEED).permutation(len(rows))[:UNMASKED]]
        model = UnmaskingTrees(duplicate_K=1, xgboost_kwargs={"n_jobs": 1}, random_state=SEED).fit(some, kinds)

        def draw(count: int) -> pd.DataFrame:  # row by row, so as many as there is time for
            end, parts = clock() + SAMPLING, []
            while clock() < end and 100 * len(parts) < count:
                parts.append(model.generate(100))
            return back(np.concatenate(parts)[:count])

        return draw, "finished"

    return fit


PACKAGES = ("mostlyai-engine", "ctgan", "ForestDiffusion", "utrees", "xgboost", "pandas")
PEERS: dict[str, tuple[Callable[[], Fit], str]] = {
    "mostlyai-engine": (
        mostlyai,
        "TabularARGN by its defaults, but without the protection of rare values; all rows, holes as they are",
    ),
    "ctgan TVAE": (
        tvae,
        "defaults, 300 epochs or fewer if four minutes end; all rows, a hole in text as a level, rows with a hole in a "
        "number left out; numbers of at most 20 values told to be levels",
    ),
    "utrees": (
        unmasking,
        "10,000 training rows, one order of masks a row (its default is 50), else defaults; holes as for TVAE; as many "
        "samples as 100 seconds of CPU allow; whole numbers rounded",
    ),
    "ForestDiffusion": (
        forest,
        "4,000 training rows, 10 noise levels (default 50), 5 draws of noise a row (default 100), no batches, else "
        "defaults; holes as for TVAE; whole numbers rounded",
    ),
}
