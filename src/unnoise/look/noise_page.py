"""The page of noise: rows, the same at a noise level, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup, escape

from unnoise._errors import InputError, NonFiniteError
from unnoise.data._numerics import Values
from unnoise.look import saying, wholes
from unnoise.look.ask_page import table_of, tabled
from unnoise.look.noise import Journey, journey
from unnoise.look.pages import Visit, render, sentence
from unnoise.report.plots.images import as_images, common_range, to_unit

COUNT = 8  # rows
MOST_TIME, USUAL = 100, 50  # per cent of the way to noise


def page(look: Visit) -> str:
    """The page as HTML."""
    percent = look.number("t", USUAL, 0, MOST_TIME)
    first, seed = look.number("first", 0, 0, 10**9), look.number("seed", 0, 0, 2**31)
    t, answers, trip, fault = percent / MOST_TIME, look.answers, None, ""
    try:
        trip = answers.kept(("noise", first, percent, seed), lambda: journey(answers, first, COUNT, t, seed))
    except (InputError, NonFiniteError) as error:
        fault = sentence(InputError(str(error)))
    return render(
        "noise.html",
        look,
        percent=percent,
        t=t,
        first=first,
        seed=seed,
        fault=fault,
        tables=[] if trip is None else _tables(look, trip),
        strips=[] if trip is None else _strips(trip, t),
        has_data=answers.data is not None,
        python=_python(look, t, first, seed),
        again=look.address(seed=seed + 1),
    )


def _tables(look: Visit, trip: Journey) -> list[tuple[str, list[str], Any]]:
    """A title, the columns and the rows of each table."""
    names = [name for name in tabled(look) if isinstance(trip.noisy.get(name), list)]
    if not names:
        return []
    noisy = list(zip(*(trip.noisy[name] for name in names), strict=True))
    before, back = (table_of(look, rows, names, COUNT) for rows in (trip.before, trip.back))
    return [("Rows", names, before), ("Under noise", names, noisy), ("Taken back", names, back)]


def _strips(trip: Journey, t: float) -> list[tuple[str, Markup]]:
    """A title and the images of each row of images."""
    found: list[tuple[str, Markup]] = []
    for name, part in trip.noisy.items():
        if isinstance(part, list) or not wholes.is_images(part):
            continue
        ends = common_range(as_images(trip.before.columns[name]))
        shown = {"Rows": trip.before.columns[name], f"At t = {t:.2f}": part, "Taken back": trip.back.columns[name]}
        found += [(words, _row(values, ends, words)) for words, values in shown.items()]
    return found


def _row(values: Values, ends: tuple[float, float], words: str) -> Markup:
    unit = to_unit(as_images(np.asarray(values)), ends)
    return Markup("".join(wholes.image(one, f"{escape(words)}, {i + 1}") for i, one in enumerate(unit)))


def _python(look: Visit, t: float, first: int, seed: int) -> str:
    held = look.answers.data is not None
    read = f"rows = unnoise.data.files.read({look.data!r})[{first} : {first + COUNT}]"
    rows = read if held else f"rows = model.sample({COUNT}, seed={seed})"
    return (
        f"{saying.opening(look.model)}import torch\n\n{rows}\n"
        f"rng, process = torch.Generator().manual_seed({seed}), model.denoiser_.process\n"
        "x, cond = model.schema_.encode(rows).all(rng)\n"
        f"noisy = process.marginal(x, torch.full(({COUNT},), {t})).sample(rng)  # at t = {t}, of 0 to 1"
    )
