"""unnoise demo: fit, sample and evaluate on handwritten digits, which scikit-learn contains."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._places import check_writable
from unnoise.cli import common, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unnoise.model import DenoisingMarkovModel
    from unnoise.report import Assessment

HELD_OUT = 360  # of 1797 images
OUTPUTS = ("report.html", "samples.png", "completed.png")
UNKNOWN = (6.0, 8.0, 11.0)  # the colour of pixels that the model was not shown, where white is 16


@common.reports_errors
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="For all output.")] = Path("demo"),
    steps: Annotated[int, typer.Option(help="Gradient steps.")] = 5000,
    time_limit: Annotated[str, typer.Option("--time", metavar="TIME", help="The longest time to train.")] = "125s",
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    json: common.Json = False,
) -> None:
    """Learn handwritten digits, draw new ones and write a report, in a few minutes.

    The data is 1797 images of 8 x 8 pixels, given their class. 360 of them are
    held out. The model then completes some of them from their upper halves.
    FOLDER gets model/, samples.png, completed.png and report.html.

    Example:
      unnoise demo -o digits  # to see what there is to see
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from unnoise.model import DenoisingMarkovModel
    from unnoise.report import Names, evaluate, page_of

    start = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    for name in OUTPUTS:
        check_writable(output / name, overwrite, {Path(name).suffix})
    digits = load_digits()
    images, classes = digits.images.astype("uint8"), digits.target
    train, test, train_y, test_y = train_test_split(
        images, classes, test_size=HELD_OUT, random_state=seed % 2**32, stratify=classes
    )
    common.say(f"1/3 learning {len(train):,} images of 8 x 8 pixels, given their class")
    model = DenoisingMarkovModel(
        condition="digit",
        steps=steps,
        time_limit=words.duration(time_limit),
        batch_size=64,
        random_state=seed,
        device=device,
    )
    model.fit(train, train_y, folder=output / "model", overwrite=overwrite)
    if "ended at" in model.ended_:
        common.say(
            f"unnoise: warning: the time to train, {time_limit}, ended after {len(model.losses_):,} of {steps:,} "
            "steps; for a better model give more time, as in --time 10m"
        )
    common.say(f"2/3 measuring it on {len(test)} held-out images")
    found = evaluate(model, test, test_y, train=train, train_y=train_y, seed=seed)
    common.say("3/3 writing the report")
    found.seconds = time.monotonic() - start
    completed = _completed(model, test, test_y, seed)
    told = "Completed from the upper half: held-out digits; what the model is given, with the class; three draws."
    names = Names(str(output / "model"), fit=words.command("unnoise", "demo", "-o", output, "--overwrite"))
    page = page_of(found, "Handwritten digits", words.command_line(), names=names, pictures=[(completed, told)])
    page.write(output / "report.html")
    _save(_drawn(model, seed), output / "samples.png")
    _save(completed, output / "completed.png")
    common.result(json, found.measured() | {"seconds": found.seconds}, _words(found, output))


def _drawn(model: DenoisingMarkovModel, seed: int) -> Figure:
    """Twelve new digits of each class."""
    from unnoise.report import plots

    new = model.sample(120, given={"digit": [digit for digit in range(10) for _ in range(12)]}, seed=seed)
    return plots.class_grid({str(digit): new[12 * digit : 12 * digit + 12] for digit in range(10)})


def _completed(model: DenoisingMarkovModel, images: Any, classes: Any, seed: int) -> Figure:
    """A held-out digit of each class, what is shown of it, and what the model makes of that."""
    import numpy as np

    from unnoise.report import plots

    chosen = [int((classes == digit).argmax()) for digit in range(10)]
    images, classes = images[chosen], classes[chosen]
    shown = images.astype(float)
    shown[:, images.shape[1] // 2 :] = np.nan
    draws = model.impute(shown, classes, draws=3, seed=seed)
    given = np.where(np.isnan(shown)[..., None], UNKNOWN, shown[..., None])
    rows = {"held out": images, "given": given} | {f"draw {i}": draw for i, draw in enumerate(draws, 1)}
    return plots.class_grid(rows, value_range=(0, 16))


def _save(figure: Figure, path: Path) -> None:
    from unnoise._atomic import atomic_path
    from unnoise.report import plots

    with atomic_path(path) as beside:
        beside.write_bytes(plots.png(figure))


def _words(found: Assessment, output: Path) -> str:
    import numpy as np

    bits = {name: -mean / (64 * np.log(2)) for name, (mean, _) in found.likelihoods.items()}
    lines = [
        f"held-out bits per dimension (lower is better), {HELD_OUT} images, {found.seconds:.0f} s in all;",
        "only unnoise knows the class, which can gain 0.05:",
    ]
    lines += [f"  {name:<24} {value:.3f}" for name, value in bits.items()]
    lines += [
        f"a classifier tells samples from digits with accuracy {found.numbers['c2st_accuracy']} (0.5: it cannot)",
        f"samples are {found.numbers['copying_ratio']} times as far from the training images as held-out digits",
        f"open {output / 'report.html'}; new digits are in {output / 'samples.png'},",
        f"and held-out ones, completed from their upper halves, in {output / 'completed.png'}",
    ]
    return "\n".join(lines)
