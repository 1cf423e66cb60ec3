"""An exported model draws the same rows with torch alone."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import DenoisingMarkovModel, InputError, samplers
from unnoise.model import standalone_numbers
from unnoise.model.exporting import DENOISER, PLAN, SAMPLER
from unnoise.networks import MLP

X = np.random.default_rng(0).normal(3.0, 2.0, (60, 2))
TINY = partial(MLP, width=16, depth=1)
ROUNDING = 1e-5  # of float32, in standard deviations, after 25 steps


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    """Of a real and a whole number, given a level."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": X[:, 0], "count": rng.integers(0, 9, 60), "sex": rng.choice(["f", "m"], 60)})
    kinds = {"a": "real", "count": "integer"}
    return DenoisingMarkovModel(steps=3, batch_size=16, network=TINY, condition="sex", kinds=kinds).fit(frame)


@pytest.fixture(scope="module")
def folder(model: DenoisingMarkovModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exported") / "model"
    model.export(made)
    return made


def test_it_makes_the_same_rows_of_the_same_seed(model: DenoisingMarkovModel, folder: Path) -> None:
    expected = model.sample(7, given={"sex": "m"}, seed=3).select("a", "count").to_numpy()
    rows = standalone_numbers.sample(7, 3, folder, sex="m").numpy()
    np.testing.assert_allclose(rows[:, 0], expected[:, 0], atol=ROUNDING * X[:, 0].std())
    np.testing.assert_array_equal(rows[:, 1], expected[:, 1])


@pytest.mark.slow
def test_it_needs_torch_alone(model: DenoisingMarkovModel, folder: Path, tmp_path: Path) -> None:
    """In a process that finds no unnoise."""
    code = (
        "import runpy, sys\n"
        "sys.modules['unnoise'] = None\n"
        f"sys.argv = ['sampler.py', '-n', '4', '--given', 'sex=f', '-o', {str(tmp_path / 'rows.csv')!r}]\n"
        f"runpy.run_path({str(folder / SAMPLER)!r}, run_name='__main__')\n"
        "assert not [name for name in sys.modules if name.startswith('unnoise.')]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300, env={"PATH": ""}, cwd=tmp_path)
    rows = pl.read_csv(tmp_path / "rows.csv")
    expected = model.sample(4, given={"sex": "f"}, seed=0)
    assert rows.columns == ["a", "count"]
    np.testing.assert_allclose(rows["a"], expected["a"], atol=ROUNDING * X[:, 0].std())


@pytest.mark.slow
def test_another_plan_gives_other_rows(folder: Path, tmp_path: Path) -> None:
    """So that the comparison sees what the plan says."""
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    right = standalone_numbers.sample(5, 3, folder, sex="f")
    for change in ({"corrections": []}, {"memory": 1}, {"prior": plan["prior"] * 1.01}):
        (tmp_path / PLAN).write_text(json.dumps(plan | change), encoding="utf-8")
        (tmp_path / DENOISER).write_bytes((folder / DENOISER).read_bytes())
        assert float((standalone_numbers.sample(5, 3, tmp_path, sex="f") - right).abs().max()) > ROUNDING


def test_levels_are_those_of_the_model(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"got levels of \[\]; expected those of \['sex'\]"):
        standalone_numbers.sample(1, 0, folder)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "level"), [(0, "m"), (1, "f"), (300, "f")])
def test_any_number_of_rows_is_welcome(n: int, level: str, model: DenoisingMarkovModel, folder: Path) -> None:
    expected = model.sample(n, given={"sex": level}, seed=5)["a"].to_numpy()
    rows = standalone_numbers.sample(n, 5, folder, sex=level).numpy()
    np.testing.assert_allclose(rows[:, 0], expected, atol=ROUNDING * X[:, 0].std())


@pytest.mark.slow
def test_groups_of_rows_are_those_of_the_sampler(folder: Path, tmp_path: Path, model: DenoisingMarkovModel) -> None:
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    (tmp_path / PLAN).write_text(json.dumps(plan | {"batch": 2}), encoding="utf-8")
    (tmp_path / DENOISER).write_bytes((folder / DENOISER).read_bytes())
    rng = torch.Generator().manual_seed(3)
    cond = model.schema_.encode_condition({"sex": "m"}, 5)
    x = samplers.Multistep(model.denoiser_).sample(5, rng, cond, batch_size=2)
    rows = standalone_numbers.sample(5, 3, tmp_path, sex="m")
    a = model.schema_.values(x)["a"]
    np.testing.assert_allclose(rows[:, 0], a, atol=ROUNDING * X[:, 0].std())


def of_table() -> Iterator[Any]:
    rng = np.random.default_rng(0)
    places = pl.DataFrame({"latitude": rng.uniform(-80, 80, 60), "longitude": rng.uniform(-180, 180, 60)})
    yield {"kinds": {"latitude,longitude": "latlon"}}, places, r"with latlon \(2 columns\); .* or images"
    holes = np.where(rng.random((60, 2)) < 0.2, np.nan, X)
    yield {}, holes, "expected numbers .* or images"
    yield {"sampler": samplers.Heun, "kinds": {"x": "real"}}, X, "a sampler of its own"


@pytest.mark.parametrize(("options", "data", "match"), list(of_table()))
def test_what_torch_alone_cannot_do_is_told(options: dict[str, Any], data: Any, match: str, tmp_path: Path) -> None:
    model = DenoisingMarkovModel(steps=1, batch_size=16, validation=0, **options).fit(data)
    with pytest.raises(InputError, match=match):
        model.export(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_full_disk_is_told_of(model: DenoisingMarkovModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer of torch, given a path on a full disk, ends the process."""

    def full(path: Path, content: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("unnoise.model.exporting._program", lambda module, schema, *inputs: b"program")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on the disk while writing"):
        model.export(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_replaced_only_when_asked(model: DenoisingMarkovModel, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.tex").touch()
    with pytest.raises(InputError, match="and holds something else: name another folder"):
        model.export(tmp_path / "own", overwrite=True)
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match="--overwrite"):
        model.export(tmp_path / "model")


@pytest.mark.slow
def test_images_are_exported_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, digits = rng.integers(0, 17, (60, 8, 8)).astype(np.uint8), rng.integers(0, 3, 60)
    model = DenoisingMarkovModel(steps=3, condition="digit").fit(images, digits)
    model.export(tmp_path / "model", steps=5)
    rows = standalone_numbers.sample(4, 3, tmp_path / "model", digit=1)
    np.testing.assert_array_equal(rows.numpy(), model.sample(4, given={"digit": 1}, seed=3, steps=5))
