"""Error of deterministic solvers at 5, 10, 20 and 40 network evaluations: ours, and those of four libraries.

    pip install --no-deps k-diffusion==0.1.1.post1 torchsde torchdiffeq trampoline diffusers azula smalldiffusion
    PYTHONPATH=. python benchmarks/solvers.py

Everybody gets the same denoiser, the same starts and the same noise levels at both ends, from 20 to 0.002, in float64.
Three races (`experiments.races`): a ring of 8 Gaussians, a mixture of 20 in 64 dimensions, a trained model of
digits. Every solver of theirs is run on the grid of Karras et al. and on the log-linear one, and the better is kept; of
ours the default `Multistep` is run as it is, and `tuned` with a pilot of other starts. Evaluations are counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from _peers import GRIDS, Denoise, Solve, found
from paired import RESULTS
from torch import Tensor

from experiments import figures, races
from experiments.figures.solvers import ErrorCurve
from experiments.races import Race
from unnoise._provenance import write_results
from unnoise.denoisers import Denoiser
from unnoise.report import plots
from unnoise.samplers import DDIM, Heun, Multistep, dpm_solver_pp, linear_multistep, tuned
from unnoise.samplers.grids import UniformLogSNR

BUDGETS = (5, 10, 20, 40)
RACES: dict[str, Callable[[], Race]] = {
    "ring": lambda: races.ring(2000),
    "mixture": lambda: races.mixture(200),
    "digits": lambda: races.digits(200, training=1000),
}
OURS: dict[str, Callable[[Denoiser, int], Any]] = {
    "Multistep (default)": Multistep,
    "tuned": lambda denoiser, n: tuned(denoiser, n, torch.Generator().manual_seed(1)),
    "Heun": lambda denoiser, n: Heun(denoiser, (n + 1) // 2),
    "DDIM": lambda denoiser, n: DDIM(denoiser, n, grid=UniformLogSNR()),
    "dpm_solver_pp": dpm_solver_pp,
    "linear_multistep": linear_multistep,
}


class Counted(Denoiser):
    """A denoiser that counts how often it is asked."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser, self.process, self.calls = denoiser, denoiser.process, 0

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """What it says."""
        self.calls += 1
        return self.denoiser(x_t, t, cond)


def ours(race: Race) -> dict[str, dict[str, Any]]:
    """Errors of our solvers at every budget, and what the pilots of `tuned` cost."""
    table: dict[str, dict[str, Any]] = {}
    for name, make in OURS.items():
        for budget in BUDGETS:
            counted = Counted(race.denoiser)
            start = time.perf_counter()
            sampler = make(counted, budget)
            pilot = {"pilot_evaluations": counted.calls, "pilot_seconds": time.perf_counter() - start}
            counted.calls = 0
            entry = {**asdict(race.run(sampler)), "evaluations": counted.calls}
            if isinstance(sampler, Multistep):
                entry |= {"order": sampler.order, "corrected": sampler.corrected, "form": str(sampler.form)}
                entry["grid"] = type(sampler.grid).__name__
            table.setdefault(name, {})[str(budget)] = entry | (pilot if pilot["pilot_evaluations"] else {})
        print(f"  {name}: {_row(table[name])}", flush=True)
    return table


def theirs(race: Race, solvers: Mapping[str, Solve]) -> dict[str, dict[str, Any]]:
    """Errors of their solvers at every budget, each on the better of its grids."""
    table: dict[str, dict[str, Any]] = {}
    for name, solve in solvers.items():
        for budget in BUDGETS:
            tried = (_tried(race, solve, grid, budget) for grid in GRIDS)
            table.setdefault(name, {})[str(budget)] = min(tried, key=lambda entry: _or_infinity(entry["rmse"]))
        print(f"  {name}: {_row(table[name])}", flush=True)
    return table


def _tried(race: Race, solve: Solve, grid: str, budget: int) -> dict[str, Any]:
    counted = Counted(race.denoiser)
    with torch.no_grad():
        ends = solve(_of_levels(counted), race.starts, grid, budget)
    if counted.calls > budget:
        raise RuntimeError(f"{counted.calls} evaluations were made for a budget of {budget}")
    return {**asdict(race.errors(ends.double())), "evaluations": counted.calls, "grid": grid}


def _of_levels(denoiser: Denoiser) -> Denoise:
    """As other libraries ask: with the noise level itself."""

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        time: Tensor = denoiser.process.time_at(-2 * sigma.double().log())  # type: ignore[attr-defined]
        answer: Tensor = denoiser(x.double(), time)
        return answer

    return denoise


def best(table: Mapping[str, Mapping[str, Any]], metric: str) -> dict[str, dict[str, Any]]:
    """At every budget the solver that errs least, whichever it is."""
    winners = {}
    for budget in map(str, BUDGETS):
        name = min(table, key=lambda solver: _or_infinity(table[solver][budget][metric]))
        winners[budget] = {"solver": name, metric: table[name][budget][metric]}
    return winners


def curves(tables: Mapping[str, dict[str, Any]], metric: str) -> Iterable[ErrorCurve]:
    """Ours, the best of theirs at each budget, and all of theirs behind them."""
    for name, entries in tables["theirs"].items():
        yield ErrorCurve("solvers of four libraries", BUDGETS, _errors(entries, metric), quiet=True)
        if name == "k-diffusion dpmpp_2m":
            yield ErrorCurve("DPM-Solver++ 2M (k-diffusion)", BUDGETS, _errors(entries, metric))
    if tables["theirs"]:
        errors = [tables[f"best_of_theirs_{metric}"][str(budget)][metric] for budget in BUDGETS]
        yield ErrorCurve("the best of them at each budget", BUDGETS, errors, dashed=True)
    for name in ("Multistep (default)", "tuned"):
        yield ErrorCurve(f"unnoise {name}", BUDGETS, _errors(tables["ours"][name], metric))


def _errors(entries: Mapping[str, Any], metric: str) -> list[float]:
    return [entries[str(budget)][metric] for budget in BUDGETS]


def _or_infinity(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _row(entries: Mapping[str, Any]) -> str:
    return "  ".join(f"{entry['rmse']:.4f} ({entry['median']:.4f})" for entry in entries.values())


def main() -> None:
    """Race, and write results/solvers.json and results/solvers.png."""
    start = time.perf_counter()
    solvers, missing = found()
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}.")
    measured: dict[str, Any] = {"missing": missing}
    for title, make in RACES.items():
        print(title, flush=True)
        race = make()
        tables: dict[str, Any] = {"ours": ours(race), "theirs": theirs(race, solvers), "elsewhere": race.elsewhere}
        for metric in ("rmse", "median") if solvers else ():
            tables[f"best_of_theirs_{metric}"] = best(tables["theirs"], metric)
        measured[title] = tables
    figure = figures.error_curves(
        {
            f"{title}: {word} distance": list(curves(measured[title], metric))
            for metric, word in (("rmse", "root mean square"), ("median", "median"))
            for title in RACES
        }
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "solvers.png").write_bytes(plots.png(figure))
    seconds = time.perf_counter() - start
    command = "PYTHONPATH=. python benchmarks/solvers.py"
    write_results("solvers", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)


if __name__ == "__main__":
    main()
