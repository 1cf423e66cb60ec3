"""The card of a model says what was measured, in a form that the hub reads, whatever names columns have."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import yaml

from unnoise import DenoisingMarkovModel, InputError
from unnoise.model.card import MARK, card

HOSTILE = "a```\n# b: |*<script>"


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    frame = pl.DataFrame({HOSTILE: [1.5, 2.5, 3.0] * 10, "sex": ["f", "m", "f"] * 10})
    return DenoisingMarkovModel(quick=True).fit(frame)


MEASURED = SimpleNamespace(
    answers=[
        SimpleNamespace(question="Are samples | new?", number="duplicates 0 %", good=True),
        SimpleNamespace(question="Is each column right?", number="age: 0.2", good=False),
        SimpleNamespace(question="Calibrated?", number="", good=None),
    ],
    measured=lambda: {
        "exact_nats_per_row": -3.25,
        "exact_nats_per_row_se": 0.125,
        "trees_auc": 0.5,
        "copying_ratio": float("nan"),
        "worst_pair_p_value": 0.3,
    },
)


def front(text: str) -> dict[str, Any]:
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])


def test_the_front_matter_is_what_the_hub_reads(model: DenoisingMarkovModel) -> None:
    text = card(model, name="me/people", evaluation=MEASURED, license="cc-by-4.0", datasets=["scikit-learn/adult"])
    said = front(text)
    assert said["library_name"] == "unnoise"
    assert {"tabular", "safetensors"} <= set(said["tags"])
    assert (said["license"], said["datasets"]) == ("cc-by-4.0", ["scikit-learn/adult"])
    assert said["metrics"] == ["exact_nats_per_row", "trees_auc"]
    (index,) = said["model-index"]
    assert index["name"] == "me/people"
    assert index["results"][0]["metrics"][0] == {"type": "exact_nats_per_row", "value": -3.25}


def test_huggingface_hub_reads_it_too(model: DenoisingMarkovModel) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    data = hub.ModelCard(card(model, name="me/people", evaluation=MEASURED, license="mit")).data
    assert (data.library_name, data.license, data.model_name) == ("unnoise", "mit", "me/people")
    assert [(one.metric_type, one.metric_value) for one in data.eval_results][1] == ("trees_auc", 0.5)


def test_the_page_says_what_was_measured(model: DenoisingMarkovModel) -> None:
    text = card(model, evaluation=MEASURED)
    assert r"| Are samples \| new? | yes | duplicates 0 % |" in text
    assert "| Is each column right? | **no** | age: 0.2 |" in text
    assert "| Calibrated? | not checked |  |" in text
    assert r"| exact\_nats\_per\_row | -3.25 ± 0.12 |" in text
    assert "nan" not in text
    assert "No licence was given." in text


def test_what_was_not_measured_is_said(model: DenoisingMarkovModel) -> None:
    text = card(model)
    assert "Nothing was measured on held-out rows yet." in text
    assert not front(text).keys() & {"license", "datasets", "metrics", "model-index"}
    assert model.ended_ in text
    assert MARK in text


def test_names_of_columns_end_no_block_and_run_nothing(model: DenoisingMarkovModel) -> None:
    text = card(model, intended="Of people.")
    block = re.search(r"## Data\n\n(`{4,})text\n(.*?)\n\1\n", text, re.DOTALL)
    assert block
    assert "<script>" not in re.sub(r"(`{3,}).*?\n\1", "", text, flags=re.DOTALL)
    assert text.count("\nOf people.\n") == 1


def test_its_python_runs(model: DenoisingMarkovModel) -> None:
    """On the model itself."""
    code = re.search(r"(`{3,})python\n(.*?)\n\1", card(model), re.DOTALL)[2]
    lines = [line for line in code.splitlines() if "load(" not in line and "score_samples" not in line]
    names: dict[str, Any] = {"model": model}
    exec("\n".join(lines).replace("...", "2.5"), names)
    assert names["new"].shape == (1000, 2)


@pytest.mark.parametrize(
    "about", [{"license": "my own: yes"}, {"license": 3}, {"datasets": ["a\nb: c"]}, {"license": "X"}]
)
def test_words_for_the_hub_are_words(about: dict[str, Any], model: DenoisingMarkovModel) -> None:
    with pytest.raises(InputError, match=r"got (license|datasets) = .*; expected a name as the hub writes it"):
        card(model, **about)


def test_names_are_quoted_in_the_front_matter(model: DenoisingMarkovModel) -> None:
    text = card(model, name='me/x"\n---\nlibrary_name: evil', evaluation=MEASURED)
    assert front(text)["library_name"] == "unnoise"
    assert json.dumps(front(text)["model-index"][0]["name"]).count("evil") == 1
