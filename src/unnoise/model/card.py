"""The card of a model: README.md in its folder, as the Hugging Face hub shows it, written from what was measured."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from unnoise._checks import shown
from unnoise._errors import InputError
from unnoise._version import __version__
from unnoise.data import Schema

MARK = "<!-- written by unnoise, and anew with every save; without this line it stays as it is -->"
TAGS = ("unnoise", "diffusion", "density-estimation", "safetensors")
SHOWN = ("nats_per_row", "bits_per_dim", "trees_auc", "c2st_accuracy", "copying_ratio")  # how names of figures end


class Carded(Protocol):
    """A model, as far as a card speaks of it."""

    schema_: Schema
    ended_: str


class Measured(Protocol):
    """What `unnoise.evaluate` returns."""

    answers: Sequence[Any]

    def measured(self) -> Mapping[str, float]:
        """All numbers by name, standard errors as `..._se`."""


def card(
    model: Carded,
    *,
    name: str | None = None,
    evaluation: Measured | None = None,
    license: str | None = None,
    datasets: Sequence[str] = (),
    intended: str = "",
) -> str:
    """The text of a card, with the front matter that the hub reads.

    Args:
        model: a fitted model.
        name: on the hub, as "someone/earthquakes".
        evaluation: what `unnoise.evaluate(model, held_out)` measured.
        license: of the model, as the hub calls it: "apache-2.0", "cc-by-4.0" ...
        datasets: names of the data on the hub.
        intended: a sentence or more about the data and what the model is for.
    """
    numbers = {} if evaluation is None else evaluation.measured()
    figures = {key: numbers[key] for key in numbers if key.endswith(SHOWN) and math.isfinite(numbers[key])}
    front = _front_matter(model, name, license, datasets, figures)
    called = name or "A model of unnoise"
    parts = [
        f"---\n{front}\n---\n{MARK}\n\n# {_plain(called)}",
        intended,
        "A law of rows like those below, learnt by reversing a noising Markov process. It draws new rows, answers "
        f"questions about any columns given others, fills holes and scores rows. Saved by unnoise {__version__}.",
        _use(model, name),
        f"## Data\n\n{_fenced(model.schema_.describe())}",
        f"## Training\n\n{_fenced(model.ended_ or 'not recorded')}",
        _of_measuring(evaluation, figures),
        "## Limits\n\nIt repeats what is wrong or unfair in its data, and knows nothing beyond it. The folder holds "
        "the names, levels and ranges of the columns of the data. Nothing in it is pickled, and loading it runs no "
        f"code but unnoise's own. {_of_licence(license)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(
    model: Carded, name: str | None, license: str | None, datasets: Sequence[str], figures: Mapping[str, float]
) -> str:
    """YAML, whose texts are written as JSON, which is YAML too."""
    of_table = model.schema_.feature_names is not None
    tags = [*TAGS, *(["tabular", "synthetic-data"] if of_table else [])]
    about: dict[str, Any] = {"library_name": "unnoise", "tags": tags}
    if license is not None:
        about["license"] = _word(license, "license", r"[a-z0-9][a-z0-9.-]*")
    if datasets:
        about["datasets"] = [_word(one, "datasets", r"[\w.-]+(/[\w.-]+)?") for one in datasets]
    if figures:
        about["metrics"] = sorted(figures)
        told = [{"type": key, "value": round(value, 6)} for key, value in figures.items()]
        task = {"type": "tabular-to-tabular" if of_table else "unconditional-generation", "name": "density estimation"}
        data = {"name": next(iter(datasets), "held-out rows"), "type": next(iter(datasets), "held-out")}
        results = [{"task": task, "dataset": data, "metrics": told}]
        about["model-index"] = [{"name": name or "unnoise", "results": results}]
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in about.items())


def _use(model: Carded, name: str | None) -> str:
    columns = model.schema_.feature_names
    lines = ["import unnoise", "", f"model = unnoise.load({json.dumps(name or 'FOLDER')})"]
    given = model.schema_.conditions
    known = f"given={{{', '.join(f'{key!r}: ...' for key in given)}}}, " if given else ""
    lines.append(f"new = model.sample(1000, {known}seed=0)")
    if columns is not None and not given:
        lines.append(f"model.sample(10, given={{{columns[0]!r}: ...}})  # of any columns: values, ranges, sets")
    lines.append("model.score_samples(rows)  # log-likelihood, nats per row")
    return f"## Use\n\n    pip install 'unnoise[hub]'\n\n{_fenced(chr(10).join(lines), 'python')}"


def _of_measuring(evaluation: Measured | None, figures: Mapping[str, float]) -> str:
    if evaluation is None:
        return (
            "## Measured\n\nNothing was measured on held-out rows yet. `unnoise evaluate MODEL DATA` measures, and "
            "`model.card(evaluation=unnoise.evaluate(model, held_out))` writes it here."
        )
    sign = {True: "yes", False: "**no**", None: "not checked"}
    rows = ["| can one trust it? | | |", "|---|---|---|"]
    rows += [f"| {_cell(one.question)} | {sign[one.good]} | {_cell(one.number)} |" for one in evaluation.answers]
    errors = evaluation.measured()
    rows += ["", "| figure, on held-out rows | value |", "|---|---|"]
    for key, value in figures.items():
        error = errors.get(f"{key}_se")
        rows.append(f"| {_cell(key)} | {value:.4g}{'' if error is None else f' ± {error:.2g}'} |")
    return "## Measured\n\n" + "\n".join(rows)


def _of_licence(license: str | None) -> str:
    return "No licence was given." if license is None else f"Its licence is {license}."


def _word(text: object, what: str, pattern: str) -> str:
    """What the hub takes as a name."""
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise InputError(f"got {what} = {shown(text)}; expected a name as the hub writes it, as in apache-2.0")
    return text


def _fenced(text: str, language: str = "text") -> str:
    """A block of code that its own text cannot end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _cell(text: object) -> str:
    return _plain(" ".join(str(text).split())).replace("|", "\\|")


def _plain(text: str) -> str:
    """Text that is no HTML and no markup."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", text)
