"""The command line of the experiments: `python -m experiments` lists them, with a NAME it runs one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise.cli import common, words

if TYPE_CHECKING:
    from experiments import Outcome

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich", add_completion=False)


@app.command()
@common.reports_errors
def reproduce(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The experiment; leave out for a list.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small version, in seconds, without meaning.")] = False,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where NAME.json and NAME*.png go.")
    ] = Path("results"),
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of real data; the environment variable UNNOISE_DATA by default."),
    ] = None,
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    json: common.Json = False,
) -> None:
    """Repeat a published experiment: numbers beside the published ones, and a figure.

    Without NAME it lists the experiments.

    Examples:
      python -m experiments

      python -m experiments heartbeat --quick
    """
    import experiments
    from unnoise._progress import progress
    from unnoise.data import check_writable

    if name is None:
        found = {known: experiments.named(known).summary for known in experiments.NAMES}
        common.result(json, found, "\n".join(f"{known:<18} {summary}" for known, summary in found.items()))
        return
    experiment = experiments.named(name)
    stem = f"{name}-quick" if quick else name
    output.mkdir(parents=True, exist_ok=True)
    check_writable(output / f"{stem}.json", overwrite, {".json"})
    start = time.monotonic()
    with progress(f"reproducing {name}") as update:
        outcome = experiment.run(experiments.Setting(quick, seed, data, update, output / ".cache"))
    seconds = time.monotonic() - start
    _write(outcome, stem, output, seconds, seed)
    common.result(json, outcome.measured | {"seconds": round(seconds, 1)}, _words(outcome, seconds, output / stem))


def _write(outcome: Outcome, stem: str, output: Path, seconds: float, seed: int) -> None:
    """The pictures, then the numbers."""
    from unnoise._provenance import write_results
    from unnoise.report import plots

    for suffix, figure in outcome.figures.items():
        (output / f"{stem}{suffix}.png").write_bytes(plots.png(figure))
    notes: dict[str, Any] = {"notes": list(outcome.notes)} if outcome.notes else {}
    write_results(
        stem,
        output,
        measured=outcome.measured | notes,
        published={metric: {"value": one.value, "source": one.source} for metric, one in outcome.published.items()},
        seconds=seconds,
        command=words.command_line(program="python -m experiments"),
        seed=seed,
    )


def _words(outcome: Outcome, seconds: float, stem: Path) -> str:
    """A table of measured and published numbers."""
    lines = []
    for metric, value in outcome.measured.items():
        if metric.endswith("_se") or not isinstance(value, int | float):
            continue
        error = outcome.measured.get(f"{metric}_se")
        known = outcome.published.get(metric)
        shown = f"{value:.4g}" + (f" ± {error:.2g}" if error else "")
        lines.append(f"{metric:<44} {shown:<20}" + (f" published {known.value:g} ({known.source})" if known else ""))
    lines += [f"note: {note}" for note in outcome.notes]
    return "\n".join([*lines, f"wrote {stem}.json in {seconds:.0f} s"])


if __name__ == "__main__":
    app()
