"""Watch a training elsewhere: TensorBoard, Weights & Biases, MLflow and whatever else accelerate knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unnoise._errors import InputError
from unnoise._progress import speaks
from unnoise.training.loop import Step
from unnoise.training.validation import Looks

OnStep = Callable[[int, Mapping[str, float]], None]  # after a step, its number from 1, and what was measured in it

EVERY = 10  # steps between those that are told, as trackers write to disks and networks
RUNS = Path("runs")  # where TensorBoard looks by default
PACKAGES = {"comet_ml": "comet-ml"}  # where they are not named like the tracker


@contextmanager
def tracking(name: str, run: str, about: Mapping[str, Any], folder: Path = RUNS) -> Iterator[OnStep]:
    """Yield what `fit(on_step=...)` takes, so that a tracker shows every tenth step and each look at held-out rows.

    Args:
        name: of the tracker, as accelerate calls it: "tensorboard", "wandb", "mlflow", "trackio" ...
        run: what the run is called there.
        about: numbers and words that belong to the whole run.
        folder: where trackers write that keep files.

    Raises:
        InputError: accelerate knows no tracker of this name, or it is not installed.
    """
    if not speaks():  # of several processes one tells
        yield lambda step, numbers: None
        return
    kind = _kind(name)
    tracker = kind(run, folder) if kind.requires_logging_directory else kind(run)
    tracker.start()
    tracker.store_init_configuration({key: _plain(value) for key, value in about.items()})
    last: tuple[int, Mapping[str, float]] | None = None

    def tell(step: int, numbers: Mapping[str, float]) -> None:
        nonlocal last
        last = (step, numbers)
        if step % EVERY == 1 or "validation_loss" in numbers:
            tracker.log(dict(numbers), step=step)
            last = None

    try:
        yield tell
    finally:
        if last is not None:
            tracker.log(dict(last[1]), step=last[0])
        tracker.finish()


def measured(step: Step, looks: Looks) -> dict[str, float]:
    """What a step has told, by name: loss, learning rate, norm of the gradient, and the loss of a look just taken."""
    found = {"loss": step.loss, "learning_rate": step.rate, "gradient_norm": step.gradient}
    if looks.steps and looks.steps[-1] == step.index + 1:
        found["validation_loss"] = looks.losses[-1]
    return found


def _kind(name: str) -> Any:
    """The class of a tracker."""
    from accelerate import tracking as known

    kinds = known.LOGGER_TYPE_TO_CLASS
    if name not in kinds:
        raise InputError(f"got the tracker {name!r}; expected one of {', '.join(sorted(kinds))}")
    by_default = set(known.LoggerType.list())
    if name in by_default and name not in set(map(str, known.get_available_trackers())):
        raise InputError(
            f"got the tracker {name!r}, which is not installed; install it with: pip install {PACKAGES.get(name, name)}"
        )
    return kinds[name]


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else str(value)
