"""How was it made? Data, kinds, settings, the training curve, versions, seed and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unnoise._provenance import provenance
from unnoise.data.tabular import levels_of
from unnoise.report.page import Page
from unnoise.report.sections.shown import Shown
from unnoise.report.training import curves, ending_of

NAMED = 8  # levels of a column
PLAIN = (str, int, float, bool, list, tuple, dict)  # settings that words say


def show(page: Page, shown: Shown) -> None:
    """Facts, and how training went."""
    result = shown.result
    page.heading("Data")
    page.table(_columns(shown), header=["column", "kind and range"], caption="What the model takes each column for.")
    page.heading("Model and training")
    page.text(ending_of(result.model).words)
    page.facts(_facts(shown))
    panels, caption = curves(result.model)
    if panels:
        page.figure(panels, caption)
    page.heading("This report")
    page.reproducibility(provenance(shown.command, result.seed), result.seconds)


def _columns(shown: Shown) -> list[list[str]]:
    """The columns and what each is: the words of the schema where it has some for a column alone, else its levels."""
    schema = shown.result.model.schema_
    told = {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in schema.describe().splitlines()[:-1]}
    rows = [
        [name, told.get(name) or _levels(factor.kind, levels_of(factor).get(name))]
        for factor in schema.factors.values()
        if factor.of_values
        for name in factor.columns
    ]
    return rows + [[name, f"given: {told.get(name, 'a condition')}"] for name in schema.conditions]


def _levels(kind: str, levels: Sequence[Any] | None) -> str:
    if not levels:
        return kind
    more = ", ..." if len(levels) > NAMED else ""
    return f"{kind}, {len(levels):,} levels: {', '.join(map(str, levels[:NAMED]))}{more}"


def _facts(shown: Shown) -> dict[str, Any]:
    result, model = shown.result, shown.result.model
    weights = sum(weight.numel() for weight in model.denoiser_.parameters())
    network = type(getattr(model.denoiser_, "network", model.denoiser_)).__name__
    plain = type(model)()
    changed = {
        name: value
        for name, value in model.get_params(deep=False).items()
        if isinstance(value, PLAIN) and value != getattr(plain, name)
    }
    return {
        "held-out rows": f"{len(result.test):,}",
        "likelihood": model.schema_.measure,
        "process": repr(model.denoiser_.process),
        "network": f"{network}, {weights:,} weights",
        "steps": f"{len(model.losses_):,}",
        "settings": ", ".join(f"{name}={value!r}" for name, value in changed.items()) or "all by default",
        "seed of the training": model.seed_,
    }
