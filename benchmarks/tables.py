"""Tables by the defaults, beside a quick mixture, independent columns, a copula and rows of the training data.

For each of four public tables, of samples as many as training rows:

* trees: the AUC of boosted trees that tell samples from test rows, five folds; 1/2 is ideal;
* use: boosted trees trained on samples, measured on test rows: AUC of the class, R2 of a number; `real` is the ceiling;
* copying: the median distance of samples to the nearest training row over that of test rows; 1 is ideal;
* log-likelihood of 1,000 test rows in nats, of the model (a lower bound) and of the mixture (exact).

    PYTHONPATH=. python benchmarks/tables.py ../shared/data [NAME ...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from paired import RESULTS
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score

from experiments.adult import COLUMNS
from unnoise import DenoisingMarkovModel
from unnoise._provenance import write_results
from unnoise.evaluation import copying, trees_test

SEED, SCORED = 0, 1_000
MINUTES = 10.0  # of training at most
FILES = {
    "california": ("california/housing.csv.gz", "median_house_value"),
    "default": ("default/default_of_credit_card_clients.csv.gz", "class"),
    "shoppers": ("shoppers/online_shoppers_intention.csv.gz", "Revenue"),
}


def main() -> None:
    """Measure and write results/tables-NAME.json."""
    measure("tables", judged)


def measure(script: str, judged: Callable[[pd.DataFrame, pd.DataFrame, str], dict[str, Any]]) -> None:
    """Judge by training rows, test rows and target, and write what was found, table by table."""
    data, names = Path(sys.argv[1]), sys.argv[2:] or ["adult", *FILES]
    for name in names:
        start = time.perf_counter()
        train, test, target = tables(data, name)
        measured = {"rows": {"train": len(train), "test": len(test)}, "target": target, **judged(train, test, target)}
        command = f"PYTHONPATH=. python benchmarks/{script}.py ../shared/data {name}"
        seconds = time.perf_counter() - start
        write_results(
            f"{script.replace('_', '-')}-{name}",
            RESULTS,
            measured=measured,
            command=command,
            seed=SEED,
            seconds=seconds,
        )


def tables(data: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Training and test rows, and what is to be predicted: adult's own split, else a fifth of the rows at random."""
    if name == "adult":
        said: dict[str, Any] = {"header": None, "names": list(COLUMNS), "skipinitialspace": True, "na_values": "?"}
        train = pd.read_csv(data / "adult/adult.data.gz", **said)
        test = pd.read_csv(data / "adult/adult.test.gz", skiprows=1, **said)
        return train, test.assign(income=test["income"].str.rstrip(".")), "income"
    file, target = FILES[name]
    rows = pd.read_csv(data / file)
    rows = rows.drop(columns=[column for column in ("ID",) if column in rows])
    order, cut = np.random.default_rng(SEED).permutation(len(rows)), int(0.8 * len(rows))
    return rows.iloc[order[:cut]], rows.iloc[order[cut:]], target


def judged(train: pd.DataFrame, test: pd.DataFrame, target: str) -> dict[str, Any]:
    """Every method's figures."""
    measured: dict[str, Any] = {"use": {"real": use(train, train, test, target)}, "trees": {}, "copying": {}}
    measured |= {"log_likelihood": {}, "seconds": {}}
    scored = test.sample(SCORED, random_state=SEED)
    makers = {
        "model": lambda: DenoisingMarkovModel(random_state=SEED, time_limit=60 * MINUTES).fit(train),
        "mixture": lambda: DenoisingMarkovModel(quick=True, random_state=SEED).fit(train),
    }
    drawn: dict[str, pd.DataFrame] = {}
    for name, make in makers.items():
        start = time.perf_counter()
        model = make()
        measured["seconds"][f"{name}, fit"] = time.perf_counter() - start
        start = time.perf_counter()
        drawn[name] = model.sample(len(train), seed=SEED)
        measured["seconds"][f"{name}, sampling {len(train):,} rows"] = time.perf_counter() - start
        estimate = model.estimate(scored, seed=SEED)
        found = estimate.log_prob.numpy()
        error = float(found.std() / np.sqrt(len(found)))
        measured["log_likelihood"][name] = {"mean": float(found.mean()), "standard_error": error}
        if name == "model":
            measured["training"] = model.ended_
    rng = np.random.default_rng(SEED)
    drawn["independent columns"] = pd.DataFrame(
        {column: train[column].to_numpy()[rng.integers(len(train), size=len(train))] for column in train}
    )
    drawn["rows of the training data"] = train.sample(len(train), replace=True, random_state=SEED)
    for name, samples in drawn.items():
        for what, value in figures(train, test, target, samples).items():
            measured[what][name] = value
    return measured


def figures(train: pd.DataFrame, test: pd.DataFrame, target: str, samples: pd.DataFrame) -> dict[str, Any]:
    """What the judges find in one method's samples."""
    rows, new, levels = coded(train, pd.concat([test, train]), samples)  # one coding, or distances compare nothing
    held, known = rows[: len(test)], rows[len(test) :]
    trees = trees_test(held, new, categorical=levels, seed=SEED)
    return {
        "trees": {"auc": trees.auc, "standard_error": trees.standard_error},
        "use": use(train, samples, test, target),
        "copying": copying(new, held, known, categorical=levels, seed=SEED).ratio,
    }


def coded(train: pd.DataFrame, rows: pd.DataFrame, samples: pd.DataFrame) -> tuple[Any, Any, list[int]]:
    """Both tables as numbers, levels as their codes, and which columns these are."""
    texts = [i for i, column in enumerate(train) if train[column].dtype.kind not in "iuf"]
    left, right = [], []
    for column in train:
        both = pd.concat([rows[column], samples[column]])
        if train[column].dtype.kind in "iuf":
            numbers = both.to_numpy(float)
        else:
            codes, _ = pd.factorize(both.astype(str).where(both.notna()))
            numbers = np.where(codes < 0, np.nan, codes).astype(float)
        left.append(numbers[: len(rows)])
        right.append(numbers[len(rows) :])
    return np.stack(left, 1), np.stack(right, 1), texts


def use(train: pd.DataFrame, samples: pd.DataFrame, test: pd.DataFrame, target: str) -> float:
    """What trees that learnt from samples know of test rows."""
    features = [column for column in train if column != target]
    held, new, levels = coded(train[features], test[features], samples[features])
    number = target == "median_house_value"
    kind = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
    trees = kind(categorical_features=levels, random_state=SEED).fit(
        new, samples[target].astype(None if number else str)
    )
    if number:
        return float(r2_score(test[target], trees.predict(held)))
    positive = sorted(train[target].astype(str).unique())[1]
    chance = trees.predict_proba(held)[:, list(trees.classes_).index(positive)]
    return float(roc_auc_score(test[target].astype(str) == positive, chance))


if __name__ == "__main__":
    main()
