"""Rows of a model that unnoise exported, with torch alone: python sampler.py -n 1000 --seed 0 -o rows.csv."""

import argparse
import csv
import json
import pathlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

HERE = pathlib.Path(__file__).resolve().parent


@torch.no_grad()
def sample(n: int, seed: int = 0, folder: pathlib.Path = HERE, **given: Any) -> Tensor:
    """Rows (n, *shape), float64 and in the units of the data; `given` has a level for every condition."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    if given.keys() != plan["conditions"].keys():
        raise ValueError(f"got levels of {sorted(given)}; expected those of {sorted(plan['conditions'])}")
    known = [number for name, levels in plan["conditions"].items() for number in levels[str(given[name])]]
    denoiser, rng, done = torch.export.load(folder / "denoiser.pt2").module(), torch.Generator().manual_seed(seed), []
    for start in range(0, n, plan["batch"]):
        x = torch.empty(min(plan["batch"], n - start), *plan["shape"]).normal_(generator=rng) * plan["prior"]
        cond = (torch.tensor(known).expand(len(x), -1),) if known else ()
        done.append(_reversed(plan, denoiser, x, cond))
    mean, scale, low, high, whole = (torch.tensor(plan[name]) for name in ("mean", "scale", "low", "high", "whole"))
    x = (torch.cat(done) if done else torch.empty(0, *plan["shape"])).double()
    edge = torch.where(whole, x.abs() * 2.0**-24, 0.0)  # a whole number in float32 may lie below its edge
    x = (x + edge) * scale.double() + mean.double()
    return torch.where(whole, x.floor().clamp(low.double(), high.double()), x)


def _reversed(plan: dict[str, Any], denoiser: Callable[..., Tensor], x: Tensor, cond: tuple[Tensor, ...]) -> Tensor:
    """From noise to data by a multistep solver, whose numbers are in the plan."""
    values, before = [], x
    *times, last = (torch.tensor(t, dtype=torch.float64) for t in plan["times"])
    for k, t in enumerate(times):
        values.append(torch.add(denoiser(x, t, *cond) * plan["of_data"][k], x, alpha=plan["of_state"][k]))
        if plan["corrections"] and k:
            x = _summed(plan["kept"][k - 1], before, plan["corrections"][k - 1], values)
        before, x = x, _summed(plan["kept"][k], x, plan["weights"][k], values)
        del values[: -plan["memory"]]
    return denoiser(x, last, *cond)


def _summed(kept: float, x: Tensor, weights: list[float], values: list[Tensor]) -> Tensor:
    total = x * kept
    for weight, value in zip(reversed(weights), reversed(values), strict=False):
        total = torch.add(total, value, alpha=weight)
    return total


def main() -> None:
    """Write rows into a file."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("-n", type=int, default=1000)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--given", action="append", default=[], metavar="NAME=LEVEL")
    words.add_argument("-o", "--output", default="rows.csv", help="a .csv file, or .pt for a tensor")
    typed = words.parse_args()
    rows = sample(typed.n, typed.seed, **dict(text.split("=", 1) for text in typed.given))
    if typed.output.endswith(".pt"):
        torch.save(rows, typed.output)
    else:
        with open(typed.output, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(json.loads((HERE / "plan.json").read_text(encoding="utf-8"))["columns"])
            table.writerows(rows.flatten(1).tolist())


if __name__ == "__main__":
    main()
