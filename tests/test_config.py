"""Values there and back as plain JSON, and nothing that a description names runs unless it is trusted."""

from __future__ import annotations

import json
import reprlib
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unnoise import networks, processes, samplers, schedules
from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise._renamed import Call
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.heads import Preconditioned
from unnoise.objectives import Denoising, times
from unnoise.samplers import grids
from unnoise.spaces import Euclidean

HERE = __name__


@dataclass(frozen=True)
class Doubled(schedules.Schedule):
    """A schedule of the user's own."""

    factor: float = 2.0
    name: str = field(default="doubled", init=False)

    def value(self, t: torch.Tensor) -> torch.Tensor:
        return self.factor * t

    def rate(self, t: torch.Tensor) -> torch.Tensor:
        return self.factor + 0 * t

    def inverse(self, value: torch.Tensor) -> torch.Tensor:
        return value / self.factor


def there_and_back(value: Any, trust: tuple[str, ...] = ()) -> Any:
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)), trust)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        0.1,
        "text",
        [1, [2, "three"]],
        (1, (2.5, None)),
        {"a": [1], "b": {"c": (2,)}},
        torch.float64,
        networks.MLP,
        processes.variance_preserving,
        schedules.LinearLogSNR(),
        Bound(draws=4, times=times.UniformTimes()),
        ProbabilityFlow(dtype=torch.float32),
        Denoising(times=times.UniformTimes()),
        Preconditioned,
        processes.edm(Euclidean((2, 3))),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_a_value_comes_back_equal(value: Any) -> None:
    again = there_and_back(value)
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize("value", [np.int64(3), np.float32(0.5), np.bool_(True)])
def test_a_number_of_numpy_comes_back_as_a_plain_one(value: np.generic) -> None:
    assert there_and_back(value) == value.item()


def test_a_partial_comes_back_with_its_arguments() -> None:
    again = there_and_back(partial(samplers.DDIM, steps=7, grid=grids.Karras(rho=5.0)))
    assert (again.func, again.args) == (samplers.DDIM, ())
    assert again.keywords == {"steps": 7, "grid": grids.Karras(rho=5.0)}


@pytest.mark.parametrize("value", [lambda x: x, torch.nn.Linear(1, 1), torch.zeros(2), {1, 2}, object()])
def test_what_cannot_be_described_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="cannot be saved with a model: give a class or function of a module"):
        encode(value)


def test_a_class_of_the_user_needs_trust() -> None:
    description = encode(Doubled(3.0))
    with pytest.raises(InputError, match=rf"uses '{HERE}:Doubled', .* load with trust=\['{HERE}'\] or --trust {HERE}"):
        decode(description)
    assert decode(description, trust=[HERE]) == Doubled(3.0)
    with pytest.raises(InputError, match="none of unnoise's parts"):
        decode(description, trust=[HERE + "x"])


PLANTED = [  # no model has a good reason for them
    {"name": "os:system"},
    {"object": "os:system", "fields": {}},
    {"partial": {"name": "os:system"}, "arguments": ["true"], "keywords": {"dict": {}}},
    {"dict": {"network": {"tuple": [{"name": "builtins:eval"}]}}},
    *(
        {"name": name}
        for name in ("subprocess:Popen", "sys:exit", "shutil:rmtree", "importlib:import_module", "posix:system")
    ),
    *(
        {"name": name}
        for name in ("__main__:x", "", ":", ":x", ".os:system", "unnoise:load", "os.path:join", "pickle:loads")
    ),
    {"name": "unnoise.data.files:write"},
    {"name": "unnoise._config:decode"},
    {"name": "unnoise.model:load_model"},
]


@pytest.mark.parametrize("description", PLANTED, ids=json.dumps)
def test_other_code_is_refused_and_trust_is_not_advised(description: Any) -> None:
    with pytest.raises(InputError, match="none of the parts that models are made of; the file is damaged") as caught:
        decode(description)
    assert "trust" not in str(caught.value)


@pytest.mark.parametrize("name", ["unnoisy:Network", "torch.hub:load", "my_module.sub:Net"])
def test_for_what_may_be_the_readers_own_trust_is_advised(name: str) -> None:
    module = name.partition(":")[0]
    with pytest.raises(InputError, match=rf"load with trust=\['{module}'\] or --trust {module}$"):
        decode({"name": name})


def test_a_module_that_is_not_trusted_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil_module.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\nclass Evil: pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"trust=\['evil_module'\]"):
        decode({"object": "evil_module:Evil", "fields": {}})
    assert "evil_module" not in sys.modules
    assert not (tmp_path / "ran").exists()
    with pytest.raises(InputError, match="which is not a dataclass; the file is damaged"):
        decode({"object": "evil_module:Evil", "fields": {}}, trust=["evil_module"])
    assert (tmp_path / "ran").exists(), "the module should have side effects, else nothing was tested"


def test_what_a_part_of_unnoise_has_imported_is_not_its_own() -> None:
    with pytest.raises(InputError, match=r"which unnoise.networks.mlp does not define; the file is damaged"):
        decode({"name": "unnoise.networks.mlp:math"})


@pytest.mark.parametrize("name", ["unnoise.networks:Unheard", "unnoise.networks.unheard:MLP", "unnoise.networks:"])
def test_what_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="which does not exist here: load it with the version that saved it"):
        decode({"name": name})


DEEP: Any = "x"
for _ in range(5000):
    DEEP = {"tuple": [DEEP]}
MLP, LINEAR = encode(networks.MLP), "unnoise.schedules.rates:Linear"
DAMAGED = {
    "is not one that unnoise writes": [
        *(
            {},
            {"name": 3},
            {"name": None},
            {"strange": 1},
            {1: 2},
            {"dtype": "system"},
            {"dtype": "float65"},
            {"dtype": ""},
        ),
        *(
            {"dtype": 10**400},
            {"dtype": ["float32"]},
            {"dtype": "float32", "more": 1},
            {"tuple": 3},
            {"tuple": {"a": 1}},
        ),
        *({"tuple": None}, {"tuple": [], "more": []}, {"dict": [1]}, {"dict": "ab"}, {"dict": None}, {"fields": {}}),
        *(
            {"object": LINEAR},
            {"object": LINEAR, "fields": []},
            {"object": LINEAR, "fields": None},
            {"object": 3, "fields": {}},
        ),
        *({"partial": MLP}, {"partial": MLP, "arguments": 3, "keywords": {"dict": {}}}, {1, 2}, b"x", 1j, (1,)),
        {"partial": MLP, "arguments": [], "keywords": {}},
        {"partial": MLP, "arguments": [], "keywords": {"dict": [1]}},
        {"partial": MLP, "arguments": [], "keywords": [["width", 3]]},
        *(float("nan"), [1.0, float("nan")], {"dict": {"a": float("nan")}}, {"name": "x" * 10**6, "more": 1}),
    ],
    "are no texts": [{"dict": {1: 2}}, {"dict": {None: 2, "a": 1}}, {"object": LINEAR, "fields": {3: 4}}],
    "which cannot be called": [
        {"partial": part, "arguments": [], "keywords": {"dict": {}}}
        for part in (3, "text", None, {"tuple": []}, {"dtype": "float32"}, {"object": LINEAR, "fields": {}})
    ],
    "cannot be called as the saved model does": [
        {"partial": MLP, "arguments": [], "keywords": {"dict": {"unheard": 3}}},
        {"partial": MLP, "arguments": list(range(99)), "keywords": {"dict": {}}},
        {"partial": MLP, "arguments": [1], "keywords": {"dict": {"input_shape": [1]}}},
    ],
    "cannot be made from": [
        {"object": LINEAR, "fields": {"unheard": 3}},
        {"object": LINEAR, "fields": {"": 3}},
        Call("unnoise.processes.chain:even_times", {"steps": 10**12}),
    ],
    "which is not a dataclass": [
        {"object": MLP["name"], "fields": {}},
        {"object": "unnoise.schedules.base:Schedule", "fields": {}},
    ],
    "does not define": [{"name": "unnoise.spaces.base:L"}, {"name": "unnoise.networks:MLP"}],
    "nested too deeply": [DEEP, [DEEP]],
}


@pytest.mark.parametrize(
    ("description", "match"),
    [(part, match) for match, parts in DAMAGED.items() for part in parts],
    ids=reprlib.repr,
)
def test_a_damaged_description_is_refused(description: Any, match: str) -> None:
    with pytest.raises(InputError, match=rf"{match}.*; the file is damaged$") as caught:
        decode(description)
    assert len(str(caught.value)) < 1000


def test_a_trusted_module_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="'failing_module', which the saved model uses, cannot be imported: division"):
        decode({"name": "failing_module:Net"}, trust=["failing_module"])


def test_an_infinity_is_a_number() -> None:
    assert decode(encode(partial(networks.MLP, width=float("inf")))).keywords == {"width": float("inf")}
