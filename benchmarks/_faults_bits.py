"""Single flipped bits in the files of a trained model: each is found when the file is used, and said in a sentence."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from _faults_children import Case
from _faults_models import DATA, copies, tiny

from unnoise import InputError
from unnoise.model import load_model
from unnoise.storage import CONFIG, TRAINING, WEIGHTS

FILES = (WEIGHTS, TRAINING, CONFIG)


def prepare(home: Path) -> None:
    """In a child: the model."""
    tiny().fit(DATA, folder=home / "m")


def flipped(home: Path, name: str, byte: int, bit: int, work: Path) -> str:
    """Flip one bit, then load or resume."""
    copies(home / "m", work / "m")
    content = bytearray((work / "m" / name).read_bytes())
    content[byte] ^= 1 << bit
    (work / "m" / name).write_bytes(content)
    try:
        if name == TRAINING:
            tiny(steps=25).fit(DATA, folder=work / "m", resume=True)
        else:
            load_model(work / "m")
    except InputError as error:
        return "" if len(str(error)) > 20 else f"said only {error}"
    return "used without a word"


def cases(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Bits spread over the files."""
    for number in range(count):
        name = FILES[number % len(FILES)]
        byte, bit = rng.randrange((home / "m" / name).stat().st_size), rng.randrange(8)
        yield Case(f"bits of {name}", f"byte {byte}, bit {bit}", partial(flipped, home, name, byte, bit))
