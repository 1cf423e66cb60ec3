"""Models that were saved before the package was rebuilt still load, and say what they said.

`saved_models/make.py` wrote them and, beside each, `expected.json`: rows, their log-likelihoods, and three samples.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "toys"))  # where conftest does not do it: in make.py

from recorded import differences

from unnoise import InputError, load

FOLDER = Path(__file__).with_name("saved_models")
REFUSED = {  # what they are made of does not exist any more
    "binomial_chain": "train it anew for the process of processes.binomial_chain",
    "vp_knots": "train it anew with schedules.LogSNR",
}
NAMES = sorted({path.parent.name for path in FOLDER.glob("*/config.json")} - REFUSED.keys())
GAUSSIAN = 1e-5  # relative: alpha, sigma and their rates follow from the log SNR, in float64, and differ in float32


def plain(data):
    """Rows as JSON: columns of a frame, or an array with its type."""
    if isinstance(data, pl.DataFrame):
        return {"columns": data.to_dict(as_series=False)}
    return {"array": data.tolist(), "dtype": str(data.dtype)}


def rows_of(described):
    """What `plain` described."""
    if "columns" in described:
        return pl.DataFrame(described["columns"])
    return np.array(described["array"], dtype=described["dtype"])


def answers(model, rows, given):
    """Three samples, column by column, and the log-likelihoods of rows: tensors, or lists of texts."""
    drawn = model.sample(3, given=given, seed=0)
    columns = drawn.to_dict() if isinstance(drawn, pl.DataFrame) else {"array": drawn}
    found = {f"sample, {name}": values_of(column) for name, column in columns.items()}
    return found | {"score": torch.from_numpy(model.score_samples(rows))}


def values_of(column):
    values = np.asarray(column)
    return values.tolist() if values.dtype.kind in "OU" else torch.tensor(values)


def disagreement(found, recorded, made_on):
    if isinstance(found, list):
        return [] if found == recorded else [f"{found}, not {recorded}"]
    return differences(found, recorded, made_on, GAUSSIAN)


@pytest.mark.filterwarnings("ignore:noise at t = 1 keeps")  # chains of few steps
@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_said(name):
    expected = json.loads((FOLDER / name / "expected.json").read_text())
    found = answers(load(FOLDER / name), rows_of(expected["rows"]), expected["given"])
    assert set(found) == set(expected["answers"])
    wrong = {
        part: told
        for part, recorded in expected["answers"].items()
        if (told := disagreement(found[part], recorded, expected["machine"]))
    }
    assert not wrong, wrong


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_gone_is_said_in_a_sentence(name):
    with pytest.raises(InputError, match=REFUSED[name]):
        load(FOLDER / name)


def test_none_is_missing():
    assert len(NAMES) + len(REFUSED) == 41
