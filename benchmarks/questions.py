r"""What a model of any question costs and gives, beside a model of the joint law alone of equally many steps.

* Joint law: the bound on $-\log p$ of held-out rows of a census, 8 x 8 digits and RNA torsions, with the difference of
  the two models on the same rows and the same noise; and for the census the AUC of boosted trees that tell samples from
  test rows.
* p(income | all else): `predict_proba` beside boosted trees that were trained for it alone.
* Time: a training step of both models in turn, and 10,000 rows given 5 of 15 columns beside joint draws of the same
  model.

    PYTHONPATH=. UNNOISE_DATA=../shared/data python benchmarks/questions.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from paired import RESULTS, compare
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score

from experiments import Setting, imputation_rna
from experiments.adult import CATEGORIES, NUMBERS, Adults, Columns
from unnoise import DenoisingMarkovModel
from unnoise._provenance import write_results
from unnoise.data import Schema
from unnoise.evaluation import Bound
from unnoise.model.roles import asking, trainable
from unnoise.objectives import Denoising
from unnoise.samplers import Ancestral
from unnoise.training import TrainState
from unnoise.training import train as training_steps

SEED = 0
ROLES = ("any", "joint")
STEPS = {"adult": 4000, "digits": 800, "torsions": 1200}
DRAWS = {"adult": 32, "digits": 64, "torsions": 64}  # of the bound
C2ST_ROWS, VISITS = 8_000, 100  # samples, and the noise levels they visit
RATE = 3e-3  # of learning, of the census and of torsions
TIMED_ROWS, TIMED_STEPS, REPEATS = 10_000, 25, 5
GIVEN = {"age": 40, "education": "Bachelors", "sex": "Female", "race": "White", "hours-per-week": 40}


def main() -> None:
    """Measure and write results/questions.json."""
    start = time.perf_counter()
    adults, rna = Adults.read(Setting()), imputation_rna.read(Setting())
    train, test = frame(adults.train), frame(adults.test)
    digits = load_digits().images.astype(np.uint8)
    digits = digits[np.random.default_rng(SEED).permutation(len(digits))]
    measured: dict[str, Any] = {"steps": STEPS}
    models = {roles: fitted(roles, STEPS["adult"], train, learning_rate=RATE) for roles in ROLES}
    measured |= joint_law("adult", models, test)
    measured |= {f"adult, {roles}: c2st_auc": c2st(adults, models[roles]) for roles in ROLES}
    measured |= income(adults, models["any"], test)
    measured |= times(models["any"])
    measured |= {f"training step, {name}": ratio for name, ratio in training(train).items()}
    models = {roles: fitted(roles, STEPS["digits"], digits[360:], batch_size=64) for roles in ROLES}
    measured |= joint_law("digits", models, digits[:360])
    kinds = dict.fromkeys(imputation_rna.ANGLES, "radians")
    nucleotides = rna.train.frame()
    models = {roles: fitted(roles, STEPS["torsions"], nucleotides, kinds=kinds, learning_rate=RATE) for roles in ROLES}
    measured |= joint_law("torsions", models, rna.test.frame())
    write_results(
        "questions",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. UNNOISE_DATA=../shared/data python benchmarks/questions.py",
        seed=SEED,
    )
    for name, value in measured.items():
        print(name, value)


def frame(columns: Columns) -> pl.DataFrame:
    return pl.DataFrame({name: list(values) for name, values in columns.items()})


def fitted(roles: str, steps: int, data: Any, **options: Any) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(roles=roles, steps=steps, random_state=SEED, progress=False, **options).fit(data)


def joint_law(name: str, models: dict[str, DenoisingMarkovModel], test: Any) -> dict[str, float]:
    """The bounds of both models, and how much more the one of any question costs, in nats and per cent."""
    costs = {}
    for roles, model in models.items():
        costs[roles] = -model.estimate(test, likelihood=Bound(draws=DRAWS[name]), seed=SEED).log_prob.numpy()
    found = {}
    for roles, cost in costs.items():
        found |= {f"{name}, {roles}: nll": cost.mean(), f"{name}, {roles}: nll_se": error(cost)}
    apart = costs["any"] - costs["joint"]
    return found | {
        f"{name}: any over joint, nats": apart.mean(),
        f"{name}: any over joint, nats_se": error(apart),
        f"{name}: any over joint, per cent": 100 * apart.mean() / abs(costs["joint"].mean()),
    }


def error(values: Any) -> float:
    return float(values.std(ddof=1)) / len(values) ** 0.5


def c2st(adults: Adults, model: DenoisingMarkovModel) -> float:
    """The AUC of boosted trees in 5 folds: test rows against as many samples."""
    new = model.sample(C2ST_ROWS, seed=SEED, sampler=Ancestral, steps=VISITS)
    test = {
        name: values[np.random.default_rng(SEED).permutation(len(values))[:C2ST_ROWS]]
        for name, values in adults.test.items()
    }
    columns = {name: np.concatenate([test[name], new[name].to_numpy()]) for name in NUMBERS}
    x = features(columns | {name: [*test[name], *new[name]] for name in CATEGORIES}, adults)
    y = np.repeat([0, 1], C2ST_ROWS)
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    return float(cross_val_score(trees(x.shape[1] - len(NUMBERS)), x, y, cv=folds, scoring="roc_auc").mean())


def features(columns: Any, adults: Adults) -> Any:
    """Numbers, and levels by their rank of frequency in training rows, as boosted trees take them."""
    ranks = []
    for name in CATEGORIES:
        if name in columns:
            levels, counts = np.unique(adults.train[name].astype(str), return_counts=True)
            rank = {level: place for place, level in enumerate(levels[np.argsort(-counts, kind="stable")])}
            ranks.append([rank[level] for level in columns[name]])
    return np.concatenate([np.stack([columns[name] for name in NUMBERS], 1), np.array(ranks).T], 1).astype(float)


def trees(categories: int) -> HistGradientBoostingClassifier:
    mask = np.arange(len(NUMBERS) + categories) >= len(NUMBERS)
    return HistGradientBoostingClassifier(categorical_features=mask, random_state=SEED)


def income(adults: Adults, model: DenoisingMarkovModel, test: pl.DataFrame) -> dict[str, float]:
    """AUC and log loss of both."""
    x, xt = (features({k: v for k, v in part.items() if k != "income"}, adults) for part in (adults.train, adults.test))
    rich, rich_test = (part["income"] == ">50K" for part in (adults.train, adults.test))
    theirs = trees(len(CATEGORIES) - 1).fit(x, rich).predict_proba(xt)[:, 1]
    ours = model.predict_proba(test, "income")[:, list(model.schema_.levels("income")).index(">50K")]
    found = {}
    for name, p in (("model", ours), ("boosted trees", theirs)):
        found |= {
            f"income, {name}: auc": roc_auc_score(rich_test, p),
            f"income, {name}: log_loss": log_loss(rich_test, p),
        }
    return found | {
        "income: log loss over theirs": found["income, model: log_loss"] / found["income, boosted trees: log_loss"]
    }


def times(model: DenoisingMarkovModel) -> dict[str, float]:
    """10,000 rows given 5 columns beside as many joint draws, in turn."""
    draw = partial(model.sample, TIMED_ROWS, seed=SEED, sampler=Ancestral, steps=TIMED_STEPS)
    found = compare(partial(draw, given=GIVEN), draw, REPEATS)
    return {f"given 5 of 15 beside joint draws: {name}": value for name, value in found.items()}


def training(train: pl.DataFrame) -> dict[str, float]:
    """Seconds of 20 steps of both, in turn."""
    works = [partial(_steps, _training(roles, train)) for roles in ROLES]
    return compare(works[0], works[1], 2 * REPEATS)


def _training(roles: str, train: pl.DataFrame) -> Iterator[Any]:
    """The steps of a training, as `fit` makes them."""
    model = DenoisingMarkovModel(roles=roles, steps=10_000)
    schema = Schema.infer(train)
    state = TrainState(trainable(model._untrained(schema)), model._settings())
    return training_steps(state, Denoising(), asking(roles, state.denoiser, schema.encode(train), schema))


def _steps(steps: Iterator[Any]) -> None:
    for _ in range(20):
        next(steps)


if __name__ == "__main__":
    main()
