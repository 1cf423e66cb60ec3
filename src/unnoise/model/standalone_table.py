"""Rows of a table that unnoise learnt, with torch alone: python sampler.py -n 1000 --seed 0 -o rows.csv."""

import argparse
import csv
import json
import pathlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

HERE = pathlib.Path(__file__).resolve().parent
Draw = Callable[[Tensor, Tensor, Tensor], Tensor]  # states, which of their cells are given, which are asked -> states


@torch.no_grad()
def sample(n: int, seed: int = 0, folder: pathlib.Path = HERE, **given: str) -> dict[str, list[Any]]:
    """Columns of n values in the units of the data, None where one is missing; `given` has a level per condition."""
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    if given.keys() != plan["conditions"].keys():
        raise ValueError(f"got levels of {sorted(given)}; expected those of {sorted(plan['conditions'])}")
    rng = torch.Generator().manual_seed(seed)
    by_law = (folder / "law.pt").exists()
    draw = _of_law(plan, folder, rng) if by_law else _of_network(plan, folder, rng, given)
    flags = torch.tensor([name is not None for name in plan["flags"]])
    x = torch.zeros(n, len(flags), dtype=torch.int64)
    if flags.any():  # what is missing comes first, then the values that there are
        asked = flags.expand(n, -1)
        x = torch.where(asked, draw(x, torch.zeros_like(asked), asked), x)
    missing, known = _missing(plan, x), flags.expand(n, -1)
    ties, asked = torch.zeros_like(missing), ~flags & ~missing
    for tie in plan["ties"]:  # then which columns are others in a row, as far as these are there
        ties[:, tie["cell"]] = ~(missing & _cells(plan, tie["of"], *tie["bases"])).any(1)
        asked[:, tie["cell"]] = False
    if ties.any():
        _put(x, known, ties, draw)
        for tie in plan["ties"]:
            asked &= ~((x[:, tie["cell"]] > 0)[:, None] & _cells(plan, tie["of"]))  # it follows
    _put(x, known | ties, asked, draw)
    places = [torch.rand(count, n, generator=rng, dtype=torch.float64) for count in plan["placed"]]
    where = torch.cat(places).tolist() if places else []
    columns = {one["name"]: _column(one, x, where, given) for one in plan["columns"]}
    for tie in plan["ties"]:
        (to,) = (one for one in plan["columns"] if one["name"] == tie["of"])
        for row, state in enumerate(x[:, tie["cell"]].tolist()):
            if state:
                columns[tie["of"]][row] = _typed(to, [columns[tie["bases"][state - 1]][row]])[0]
    return columns


def _put(x: Tensor, known: Tensor, asked: Tensor, draw: Draw) -> None:
    """Draw the cells that are asked in rows that ask some."""
    some = asked.any(1)
    x[some] = torch.where(asked[some], draw(x[some], known[some], asked[some]), x[some])


def _cells(plan: dict[str, Any], *names: str) -> Tensor:
    """Which cells are values of these columns."""
    return torch.tensor([cell in names for cell in plan["cells"]])


def _typed(one: dict[str, Any], values: list[Any]) -> list[Any]:
    """Numbers in the type of a column."""
    if not one["float"]:
        return [round(value) for value in values]
    typed: list[Any] = torch.tensor(values, dtype=getattr(torch, one["float"])).tolist()
    return typed


def _missing(plan: dict[str, Any], x: Tensor) -> Tensor:
    """Which cells belong to a column whose flag says that it is missing."""
    found = torch.zeros_like(x, dtype=torch.bool)
    for place, name in enumerate(plan["flags"]):
        if name is not None:
            found |= (x[:, place] == 1)[:, None] & _cells(plan, name)
    return found


def _of_network(plan: dict[str, Any], folder: pathlib.Path, rng: torch.Generator, given: dict[str, str]) -> Draw:
    """One cell after the other, in an order of chance."""
    program, masks = torch.export.load(folder / "denoiser.pt2").module(), torch.tensor(plan["masks"])
    told = [number for name, levels in plan["conditions"].items() for number in levels[str(given[name])]]

    def unmask(x: Tensor, left: Tensor) -> None:
        for size in plan["sites"]:  # numbers that the sampler of unnoise draws for the noise, all masks
            torch.rand(len(x), size, generator=rng)
        rows = torch.arange(len(x))
        while len(rows):
            torch.rand(len(rows), generator=rng, dtype=torch.float64)  # for the times, which the network is not told
            rows = rows[left[rows].any(1)]
            if not len(rows):
                break
            order = torch.rand(len(rows), x.shape[1], generator=rng, dtype=torch.float64)
            site = torch.where(left[rows], order, -1.0).argmax(1)
            laws, start = program(x[rows], *((torch.tensor(told).expand(len(rows), -1),) if told else ())), 0
            for law in laws:
                own = ((site >= start) & (site < start + law.shape[1])).nonzero()[:, 0]
                x[rows[own], site[own]] = _states(law[own, site[own] - start], rng)
                start += law.shape[1]
            left[rows, site] = False
        for size in plan["sites"]:  # and for the end, where no mask is left
            torch.rand(len(x), size, generator=rng)

    def draw(x: Tensor, known: Tensor, asked: Tensor) -> Tensor:
        shown, left = torch.where(known, x, masks), asked.clone()
        for rows in torch.split(torch.arange(len(x)), plan["batch"]):
            part = shown[rows]
            unmask(part, left[rows])
            shown[rows] = part
        return shown

    return draw


def _of_law(plan: dict[str, Any], folder: pathlib.Path, rng: torch.Generator) -> Draw:
    """Group after group of cells: a component given what is known, then every cell by itself."""
    groups = torch.load(folder / "law.pt", weights_only=True)

    def draw(x: Tensor, known: Tensor, asked: Tensor) -> Tensor:
        drawn = x.clone()
        for group in groups:
            places, start = group["places"], 0
            log_joint = group["weights"].log().expand(len(x), -1)
            for probs in group["probs"]:
                for place in range(probs.shape[1]):
                    cell = places[start + place]
                    seen = probs[:, place].log().T[x[:, cell].clamp(max=probs.shape[2] - 1)]
                    log_joint = log_joint + torch.where(known[:, cell, None], seen, 0.0)
                start += probs.shape[1]
            chosen, start = _states(log_joint.softmax(-1).double(), rng), 0
            for probs in group["probs"]:
                own = places[start : start + probs.shape[1]]
                rows, cells = (~known[:, own]).nonzero().unbind(1)
                for some in torch.split(torch.arange(len(rows)), plan["batch"]):
                    states = _states(probs[chosen[rows[some]], cells[some]], rng)
                    drawn[rows[some], own[cells[some]]] = states
                start += probs.shape[1]
        return drawn

    return draw


def _states(law: Tensor, rng: torch.Generator) -> Tensor:
    """States by inversion of laws (..., states)."""
    below = law.cumsum(-1)
    heights = torch.rand(law.shape[:-1], generator=rng, dtype=law.dtype)[..., None] * below[..., -1:]
    return torch.searchsorted(below, heights, right=True)[..., 0].clamp(max=law.shape[-1] - 1)


def _column(one: dict[str, Any], x: Tensor, where: list[list[float]], given: dict[str, str]) -> list[Any]:
    """The values of a column: given, made, always the same, levels, or numbers at some place of their cells."""
    if one["made"] is not None:
        return [_made(one, i) for i in range(len(x))]
    if one["cell"] is None:
        return [given.get(one["name"], one["value"])] * len(x)
    digits = x[:, one["cell"] : one["cell"] + one["digits"]].tolist()
    if one["levels"]:
        values = [one["levels"][state] for (state,) in digits]
    else:
        values = [_number(one, state, place) for state, place in zip(digits, where[one["row"]], strict=True)]
    if one["float"]:
        values = _typed(one, values)
    gone = [0] * len(x) if one["flag"] is None else x[:, one["flag"]].tolist()
    return [None if missing else value for value, missing in zip(values, gone, strict=True)]


def _made(one: dict[str, Any], i: int) -> int | str:
    """The i-th name of a row that no row of the data has."""
    serial, whole = one["made"]["serial"], one["made"]["whole"]
    left = None if serial is None else i - serial["room"]
    if left is None or (left >= 0 and serial["beyond"] is None):
        return i + 1 if whole else f"{one['value']}-{i + 1}"
    number = serial["beyond"] + left if left >= 0 else serial["first"] + i * serial["stride"] % serial["room"]
    signs: list[str] = []
    for sort in reversed(serial["places"]):
        number, digit = divmod(number, len(sort))
        signs.insert(0, sort[digit])
    text = f"{number or ''}{''.join(signs)}"
    text = serial["forms"][i % len(serial["forms"])].replace(
        "\0", text if serial["padded"] else text.lstrip("0") or "0"
    )
    return int(text) if whole else text


def _number(one: dict[str, Any], digits: list[int], place: float) -> float | int:
    first, last = one["first"][digits[0]], one["first"][digits[0] + 1] - 1
    cell = min(first + sum(digits[1:]), last)  # a second digit counts on from where the first begins
    start, span = one["starts"][cell], one["ends"][cell] - one["starts"][cell]
    if one["decimals"] is None:
        return float(start + place * span)
    steps = start + min(int(place * (float(span) + 1)), span)
    whole = int(one["low"]) + int(one["step"]) * int(steps)
    return whole / 10 ** one["decimals"] if one["decimals"] else whole


def main() -> None:
    """Write rows into a file."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("-n", type=int, default=1000)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--given", action="append", default=[], metavar="NAME=LEVEL")
    words.add_argument("-o", "--output", default="rows.csv")
    typed = words.parse_args()
    columns = sample(typed.n, typed.seed, **dict(text.split("=", 1) for text in typed.given))
    with open(typed.output, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            table.writerow([str(value).lower() if isinstance(value, bool) else value for value in row])


if __name__ == "__main__":
    main()
