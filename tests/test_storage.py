"""Saved models: the same samples elsewhere, nothing that runs by itself, and every fault in a sentence."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.torch
import torch
from forged import rewrite

from unnoise import DenoisingMarkovModel, InputError, load, samplers, storage
from unnoise._errors import NonFiniteError
from unnoise.evaluation import Bound
from unnoise.model import load_unfitted
from unnoise.networks import MLP
from unnoise.objectives import Denoising, times, weightings
from unnoise.processes import edm, variance_preserving
from unnoise.schedules import Linear
from unnoise.storage import CARD, CONFIG, TRAINING, WEIGHTS

HERE = __name__
TINY = partial(MLP, width=16, depth=1, embedding=16)
DATA = np.random.default_rng(0).normal(5.0, 2.0, (50, 2))


@dataclass(frozen=True)
class Slow(Linear):
    """A schedule of the user's own."""

    end: float = 15.0


class Tied(torch.nn.Module):
    """A network two of whose layers are one."""

    def __init__(self, inputs: tuple[int, ...], cond_features: int, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.first = torch.nn.Linear(inputs[0], outputs[0])
        self.second = self.first

    def forward(self, x: torch.Tensor, level: torch.Tensor, cond: torch.Tensor | None = None) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


def tiny(**changes: Any) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(**{"steps": 5, "batch_size": 32, "network": TINY, **changes})


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    return tiny().fit(DATA)


@pytest.fixture
def folder(model: DenoisingMarkovModel, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ---- there and back


def test_a_model_comes_back_bit_for_bit(model: DenoisingMarkovModel, folder: Path) -> None:
    again = load(folder)
    assert (again.sample(20, seed=3) == model.sample(20, seed=3)).all()
    assert (again.score_samples(DATA) == model.score_samples(DATA)).all()
    assert (again.losses_ == model.losses_).all()
    assert again.schema_ == model.schema_
    assert again.n_features_in_ == 2
    assert {**again.get_params(), "network": None} == {**model.get_params(), "network": None}


def test_in_another_process_it_draws_the_same_samples(model: DenoisingMarkovModel, folder: Path) -> None:
    program = f"import unnoise; print(unnoise.load({str(folder)!r}).sample(20, seed=3).tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == model.sample(20, seed=3).tobytes().hex()


def test_all_parts_come_back(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": DATA[:, 0], "b": DATA[:, 1], "sex": ["Female", "Male"] * 25})
    process = partial(variance_preserving, schedule=Linear(end=15.0))
    parts = {"process": process, "sampler": partial(samplers.DDIM, steps=6), "likelihood": Bound(draws=4)}
    model = tiny(condition=["sex"], kinds={"a": "real", "b": "real"}, steps=np.int64(4), **parts).fit(frame)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.likelihood == Bound(draws=4)
    assert again.steps == 4
    assert again.denoiser_.process == model.denoiser_.process
    assert again.sample(5, given={"sex": "Male"}, seed=0).equals(model.sample(5, given={"sex": "Male"}, seed=0))
    assert list(again.feature_names_in_) == ["a", "b", "sex"]


def test_a_loaded_model_can_be_fitted_and_saved_again(folder: Path, tmp_path: Path) -> None:
    again = load(folder).fit(DATA)
    again.save(tmp_path / "again")
    assert content(tmp_path / "again") == content(folder)


def test_tied_weights_are_saved(tmp_path: Path) -> None:
    model = tiny(network=Tied, roles="joint").fit(DATA, folder=tmp_path / "model")
    again = load(tmp_path / "model", trust=[HERE])
    assert again.denoiser_.network.second is again.denoiser_.network.first
    assert (again.sample(5, seed=0) == model.sample(5, seed=0)).all()


def test_there_is_plain_json_safetensors_a_card_and_nothing_else(model: DenoisingMarkovModel, tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    tiny().fit(DATA, folder=tmp_path / "fitted")
    model.save(tmp_path / "saved")
    assert names(tmp_path / "fitted") == {CARD, CONFIG, WEIGHTS, TRAINING}
    assert names(tmp_path / "saved") == {CARD, CONFIG, WEIGHTS}
    for path in tmp_path.rglob("*.safetensors"):
        assert safetensors.torch.load(path.read_bytes())
    for path in tmp_path.rglob("*.json"):
        config = json.loads(path.read_text(), parse_constant=refuse)
        assert config["format"] == "unnoise.model.2"
        assert config["schema"]["container"] == {
            "container": "matrix",
            "backend": "numpy",
            "dtype": "float64",
            "width": 2,
        }


# ---- trust


def test_a_planted_function_does_not_run(folder: Path, tmp_path: Path) -> None:
    """The network is what loading calls, with arguments that the folder chooses."""
    touch = {"partial": {"name": "os:system"}, "arguments": [f"touch {tmp_path / 'ran'}"], "keywords": {"dict": {}}}
    rewrite(folder, lambda config: config["params"]["dict"].update(network=touch))
    with pytest.raises(InputError, match="uses 'os:system', which is none of the parts that models are made of"):
        load(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("place", ["network", "process", "objective", "sampler", "likelihood", "head"])
def test_a_planted_module_is_not_imported(
    place: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rewrite(folder, lambda config: config["params"]["dict"].update({place: {"name": "planted:Network"}}))
    with pytest.raises(InputError, match=r"load with trust=\['planted'\] or --trust planted"):
        load(folder)
    assert "planted" not in sys.modules
    assert not (tmp_path / "ran").exists()


def test_a_schema_names_no_code(folder: Path) -> None:
    def plant(config: dict[str, Any]) -> None:
        config["schema"]["factors"][0] = {"name": "x0", "kind": "os:system"}
        config["schema"]["container"]["container"] = "os:system"

    rewrite(folder, plant)
    with pytest.raises(InputError, match="schema of the model is damaged"):
        load(folder)


def test_a_class_of_the_users_module_is_loaded_when_trusted(tmp_path: Path) -> None:
    model = tiny(process=partial(variance_preserving, schedule=Slow())).fit(DATA)
    model.save(tmp_path / "model")
    with pytest.raises(InputError, match=f"uses '{HERE}:Slow'"):
        load(tmp_path / "model")
    again = load(tmp_path / "model", trust=[HERE])
    assert again.denoiser_.process.schedule == Slow()
    assert (again.sample(5, seed=0) == model.sample(5, seed=0)).all()


def test_what_cannot_be_described_is_refused_before_training(tmp_path: Path) -> None:
    model = tiny(network=lambda shape, width, out: TINY(shape, width))
    with pytest.raises(InputError, match="cannot be saved with a model"):
        model.fit(DATA, folder=tmp_path / "model")
    assert not hasattr(model, "losses_")
    assert names(tmp_path) == set()


# ---- damage


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_description_is_refused(folder: Path, share: float) -> None:
    text = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(text[: int(share * len(text))])
    with pytest.raises(InputError, match=r"config.json cannot be read as the description of a model .* it is damaged"):
        load(folder)


def put(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    """A change to one place of a description."""

    def change(config: dict[str, Any]) -> None:
        for name in path[:-1]:
            config = config[name]
        config[path[-1]] = value

    return change


DAMAGE = {
    "no parameters": lambda config: config.pop("params"),
    "no schema": lambda config: config.pop("schema"),
    "parameters are a number": put(3, "params"),
    "an unknown parameter": put(3, "params", "dict", "strange"),
    "a broken parameter": put({"tuple": 3}, "params", "dict", "head"),
    "a wrong field": put({"object": "unnoise.schedules.rates:Linear", "fields": {"no": 1}}, "params", "dict", "head"),
    "a network that is none": put("MLP", "params", "dict", "network"),
    "a network of wrong width": put(-3, "params", "dict", "network", "keywords", "dict", "width"),
    "a container that is none": put(3, "schema", "container"),
    "fields are text": put("factors", "schema", "factors"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_description_is_refused(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    rewrite(folder, change)
    with pytest.raises(InputError, match=r"damaged|config\.json: "):
        load(folder)


def test_another_format_is_refused(folder: Path) -> None:
    rewrite(folder, put("unnoise.model.9", "format"))
    with pytest.raises(
        InputError, match=r"has the format 'unnoise.model.9', and this unnoise .* reads 'unnoise.model.2'"
    ):
        load(folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused(folder: Path, share: float) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"weights.safetensors is damaged or belongs to another model \("):
        load(folder)


def test_weights_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    tiny(network=partial(MLP, width=8, depth=1, embedding=16)).fit(DATA).save(tmp_path / "narrow")
    shutil.copy(tmp_path / "narrow" / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(InputError, match=r"belongs to another model \(they were trained with other parameters or data"):
        load(folder)
    rewrite(folder, lambda config: None)
    with pytest.raises(InputError, match=r"belongs to another model \(size mismatch for network.*: it has shape .8"):
        load(folder)
    safetensors.torch.save_file({"x": torch.zeros(3)}, folder / WEIGHTS)
    with pytest.raises(InputError, match="belongs to another model"):
        load(folder)


def test_missing_weights_tell_how_to_finish_the_training(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(
        InputError, match=rf"its training was interrupted; finish it with 'unnoise fit DATA -o {folder} --res"
    ):
        load(folder)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, what in {
        "nothing": "does not exist",
        ".": "holds no config.json",
        "file": "holds no config.json",
    }.items():
        with pytest.raises(InputError, match=f"there is no model in .*: it {what}"):
            load(tmp_path / name)


# ---- what is already there


def test_a_model_is_replaced_only_when_told(model: DenoisingMarkovModel, folder: Path) -> None:
    before = content(folder)
    with pytest.raises(InputError, match=r"exists; --overwrite \(overwrite=True\) replaces it, or name another folder"):
        model.save(folder)
    with pytest.raises(InputError, match="exists; --overwrite"):
        tiny().fit(DATA, folder=folder)
    assert content(folder) == before


def test_a_replaced_model_leaves_nothing_behind(model: DenoisingMarkovModel, tmp_path: Path) -> None:
    tiny(random_state=1).fit(DATA, folder=tmp_path / "model")
    model.save(tmp_path / "model", overwrite=True)
    assert names(tmp_path / "model") == {CARD, CONFIG, WEIGHTS}
    assert (load(tmp_path / "model").sample(5, seed=0) == model.sample(5, seed=0)).all()
    assert names(tmp_path) == {"model"}


def test_until_a_new_model_is_trained_the_old_one_stands(model: DenoisingMarkovModel, folder: Path) -> None:
    """Also after a second attempt; then the new weights take its place."""
    for steps in (3, 4):
        other = tiny(steps=steps, random_state=1)
        description = storage.Description.of(other.get_params(deep=False), other.fit(DATA + 9).schema_)
        with storage.held(folder, overwrite=True):
            storage.create(folder, description, resume=False)
        again = load(folder)
        assert again.schema_ == model.schema_
        assert (again.sample(5, seed=3) == model.sample(5, seed=3)).all()
        assert load_unfitted(folder).steps == steps
        with pytest.raises(InputError, match=r"--resume finishes the training in it, --overwrite .* replaces it"):
            other.fit(DATA, folder=folder)
    with storage.held(folder, overwrite=True):
        storage.complete(folder, description, other.denoiser_, other.losses_)
    assert load(folder).schema_ == other.schema_
    assert "before" not in json.loads((folder / CONFIG).read_text())


@pytest.mark.parametrize("fault", ["it diverges", "the disk is full"])
def test_an_overwriting_training_that_fails_leaves_the_old_model(
    model: DenoisingMarkovModel, folder: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "it diverges":
        with pytest.raises(NonFiniteError):
            tiny(learning_rate=1e30, clip=None, steps=50, warmup=0).fit(DATA + 9, folder=folder, overwrite=True)
    else:
        monkeypatch.setattr(safetensors.torch, "save_file", full)
        with pytest.raises(OSError, match="No space left on the disk"):
            tiny().fit(DATA + 9, folder=folder, overwrite=True)
    assert (load(folder).sample(20, seed=3) == model.sample(20, seed=3)).all()


def full(*arguments: Any, **keywords: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_two_do_not_write_into_one_folder(model: DenoisingMarkovModel, folder: Path) -> None:
    before = content(folder)
    with storage.held(folder, overwrite=True):
        for write in (
            lambda: model.save(folder, overwrite=True),
            lambda: tiny().fit(DATA, folder=folder, overwrite=True),
            lambda: tiny().fit(DATA, folder=folder, resume=True),
        ):
            with pytest.raises(InputError, match="another training or save is writing into"):
                write()
    assert content(folder) == before
    model.save(folder, overwrite=True)


def test_a_process_that_is_killed_holds_nothing(model: DenoisingMarkovModel, folder: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from unnoise import storage\n"
        "with storage.held(Path(sys.argv[1]), overwrite=True): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(folder)], check=False).returncode == -signal.SIGKILL
    model.save(folder, overwrite=True)


def test_without_locks_the_last_one_to_begin_wins_and_the_other_is_told(folder: Path) -> None:
    """As on some network file systems."""
    ours, theirs = (
        storage.Description.of(tiny(random_state=seed).get_params(), load(folder).schema_) for seed in (1, 2)
    )
    storage.create(folder, ours, resume=False)
    storage.create(folder, theirs, resume=False)
    found = load(folder)
    with pytest.raises(InputError, match=r"another training has written into .* so this model was not saved there"):
        storage.complete(folder, ours, found.denoiser_, found.losses_)
    storage.complete(folder, theirs, found.denoiser_, found.losses_)
    assert load(folder).random_state == 2


@pytest.mark.parametrize("when", ["at the start", "at the end"])
def test_a_folder_that_is_deleted_meanwhile_is_made_again(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, original = itertools.count(1), Denoising.__call__

    def deleting(*arguments: Any, **keywords: Any) -> Any:
        if next(calls) == (1 if when == "at the start" else 5):
            shutil.rmtree(tmp_path / "model")
        return original(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(Denoising, "__call__", deleting)
        model = tiny(checkpoint_every=0.0).fit(DATA, folder=tmp_path / "model")
    assert (load(tmp_path / "model").sample(5, seed=0) == model.sample(5, seed=0)).all()


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TRAINING])
@pytest.mark.parametrize("resume", [False, True])
def test_links_in_a_folder_are_replaced_and_not_followed(tmp_path: Path, name: str, resume: bool) -> None:
    folder, precious = tmp_path / "model", tmp_path / "precious"
    tiny().fit(DATA, folder=folder)
    (folder / name).rename(precious)
    (folder / name).symlink_to(precious)
    before = precious.read_bytes()
    tiny(steps=7).fit(DATA, folder=folder, resume=resume, overwrite=not resume)
    assert precious.read_bytes() == before
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert len(load(folder).losses_) == 7


def test_what_is_refused_does_not_cost_the_old_model(folder: Path) -> None:
    before = content(folder)
    for model, data in ((tiny(), DATA[:1]), (tiny(steps=0), DATA), (tiny(objective=lambda *_: None), DATA)):
        with pytest.raises(InputError):
            model.fit(data, folder=folder, overwrite=True)
    assert content(folder) == before


def test_an_unfinished_model_tells_that_it_can_be_resumed(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"--resume finishes the training in it, --overwrite .* replaces it"):
        tiny().fit(DATA, folder=folder)


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_are_not_of_a_model_are_never_replaced(
    model: DenoisingMarkovModel, folder: Path, overwrite: bool
) -> None:
    (folder / "thesis.tex").write_text("years of work")
    for save in (model.save, lambda path, overwrite: tiny().fit(DATA, folder=path, overwrite=overwrite)):
        with pytest.raises(InputError, match=r"holds other files than a model \(such as 'thesis.tex'\)"):
            save(folder, overwrite=overwrite)
        with pytest.raises(InputError, match="is a file, and a model is a folder"):
            save(folder / "thesis.tex", overwrite=overwrite)
    assert (folder / "thesis.tex").read_text() == "years of work"


def leave_half_files(folder: Path) -> None:
    """What processes leave that are killed while they write: our temporaries, and those of safetensors."""
    for name in (f".{TRAINING}.partial-0123abcd.safetensors", f".{CONFIG}.partial-0123abcd.json", ".tmpA1b2C3"):
        (folder / name).touch()


def test_what_a_crash_left_in_the_folder_is_cleaned_up(model: DenoisingMarkovModel, folder: Path) -> None:
    leave_half_files(folder)
    model.save(folder, overwrite=True)
    assert names(folder) == {CARD, CONFIG, WEIGHTS}
    leave_half_files(folder)
    tiny().fit(DATA, folder=folder, overwrite=True)
    assert names(folder) == {CARD, CONFIG, WEIGHTS, TRAINING}


def test_folders_are_made(model: DenoisingMarkovModel, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in ("empty", "a/b/c"):
        model.save(tmp_path / path)
        assert names(tmp_path / path) == {CARD, CONFIG, WEIGHTS}


# ---- a full disk


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every safetensors file ends half way, without space."""

    def half(tensors: Any, path: Path, metadata: Any = None) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(safetensors.torch, "save_file", half)


def test_a_full_disk_leaves_the_old_model(
    model: DenoisingMarkovModel, folder: Path, full_disk: None, tmp_path: Path
) -> None:
    before = content(folder)
    with pytest.raises(OSError, match=r"No space left on the disk while writing .*untouched"):
        model.save(folder, overwrite=True)
    assert content(folder) == before
    assert names(tmp_path) == {"model"}


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_nothing_of_a_new_model(model: DenoisingMarkovModel, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on the disk"):
        model.save(tmp_path / "model")
    assert names(tmp_path) == set()


def test_a_disk_that_is_full_before_training_leaves_the_old_model(
    model: DenoisingMarkovModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(folder)

    def full(path: Path, *arguments: Any, **keywords: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left .* the existing config.json is untouched"):
        tiny().fit(DATA, folder=folder, overwrite=True)
    assert content(folder) == before


# ---- resuming


def test_interrupted_and_resumed_it_is_the_uninterrupted_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    tiny(steps=8).fit(DATA, folder=whole)
    calls, original = itertools.count(1), Denoising.__call__

    def interrupted(*arguments: Any, **keywords: Any) -> Any:
        """The default objective, with a Ctrl-C in the middle of the third step."""
        if next(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(Denoising, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tiny(steps=8).fit(DATA, folder=parts)
    assert names(parts) == {CONFIG, TRAINING}
    resumed = tiny(steps=8).fit(DATA, folder=parts, resume=True)
    assert len(resumed.losses_) == 8
    assert (parts / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


def test_resuming_with_another_network_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    tiny().fit(DATA, folder=tmp_path / "model")
    before = content(tmp_path / "model")
    with pytest.raises(InputError, match=r"the model was trained with network = .* is asked for now"):
        tiny(network=partial(MLP, width=8, depth=1)).fit(DATA, folder=tmp_path / "model", resume=True)
    with pytest.raises(InputError, match="was trained with batch_size = 32, but batch_size = 16 is asked for now"):
        tiny(batch_size=16).fit(DATA, folder=tmp_path / "model", resume=True)
    assert content(tmp_path / "model") == before


def test_resuming_with_other_data_is_refused(tmp_path: Path) -> None:
    tiny().fit(DATA, folder=tmp_path / "model")
    words = (
        "saw 38 examples, but the data have 37|saw other numbers, or the same in another order; resume with the same"
    )
    for other in (DATA[:49], DATA[::-1], DATA + 1):
        for checkpoint in (True, False):  # also before there is one
            shutil.copytree(tmp_path / "model", tmp_path / "copy")
            if not checkpoint:
                (tmp_path / "copy" / TRAINING).unlink()
            with pytest.raises(InputError, match=words):
                tiny().fit(other, folder=tmp_path / "copy", resume=True)
            shutil.rmtree(tmp_path / "copy")
    with pytest.raises(InputError, match="X has 3 features"):
        tiny().fit(np.column_stack([DATA, DATA[:, 0]]), folder=tmp_path / "model", resume=True)


@pytest.mark.parametrize("row", [0, 31, 49])
def test_resuming_with_one_other_number_is_refused_and_changes_nothing(tmp_path: Path, row: int) -> None:
    tiny().fit(DATA, folder=tmp_path / "model")
    before, other = content(tmp_path / "model"), DATA.copy()
    other[row, 1] *= 1.001
    with pytest.raises(InputError, match="saw other numbers, or the same in another order; resume with the same data"):
        tiny(steps=7).fit(other, folder=tmp_path / "model", resume=True)
    assert content(tmp_path / "model") == before
    assert len(tiny(steps=7).fit(DATA, folder=tmp_path / "model", resume=True).losses_) == 7


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (
            {"objective": Denoising(weightings.SimpleWeighting())},
            "objective = None, but objective = {.*SimpleWeighting",
        ),
        ({"process": edm}, r"process = None, but process = {'name': 'unnoise\.processes\..*'}"),
        ({"kinds": {"x0": "real"}}, "kinds = None, but kinds = "),
        ({"condition": ("x1",)}, "condition = None, but condition = "),
    ],
)
def test_resuming_with_other_options_is_refused_and_changes_nothing(
    tmp_path: Path, option: dict[str, Any], words: str
) -> None:
    """Those that the tensors of the checkpoint do not show."""
    tiny().fit(DATA, folder=tmp_path / "model")
    before = content(tmp_path / "model")
    with pytest.raises(InputError, match=f"was trained with {words}.* is asked for now; resume with the same options"):
        tiny(**option).fit(DATA, folder=tmp_path / "model", resume=True)
    assert content(tmp_path / "model") == before


def test_what_comes_after_training_may_change_when_it_resumes(tmp_path: Path) -> None:
    tiny(objective=Denoising()).fit(DATA, folder=tmp_path / "model")
    tiny(objective=Denoising(), sampler=samplers.Euler, steps=6).fit(DATA, folder=tmp_path / "model", resume=True)
    assert load(tmp_path / "model").sampler is samplers.Euler


def test_a_checkpoint_of_old_is_resumed(tmp_path: Path) -> None:
    """Version 0.1.0 wrote no digest of the data, knew no accumulation, and named laws of times otherwise."""
    model = tiny(objective=Denoising(times=times.UniformTimes()))
    model.fit(DATA, folder=tmp_path / "model")
    as_written_by_0_1_0(tmp_path / "model")
    again = load_unfitted(tmp_path / "model").set_params(steps=7).fit(DATA, folder=tmp_path / "model", resume=True)
    assert len(again.losses_) == 7
    with pytest.raises(InputError, match="saw other numbers"):
        again.set_params(steps=8).fit(2 * DATA, folder=tmp_path / "model", resume=True)


def as_written_by_0_1_0(folder: Path) -> None:
    """Without checksums and all that came later."""
    config = json.loads((folder / CONFIG).read_text())
    del config["checksum"], config["data"], config["params"]["dict"]["checkpoint_every"]
    text = json.dumps(config | {"format": "unnoise.model.1"}).replace("times:UniformTimes", "times:Uniform")
    (folder / CONFIG).write_text(text)
    for name, kind in ((WEIGHTS, "model"), (TRAINING, "training")):
        with safetensors.safe_open(folder / name, framework="pt") as file:
            header, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        kept = {"format": f"unnoise.{kind}.1"}
        if kind == "training":
            metadata = json.loads(header["metadata"])
            del metadata["digest"], metadata["run"], metadata["learnt"], metadata["settings"]["accumulate"]
            kept["metadata"] = json.dumps(metadata)
        safetensors.torch.save_file(tensors, folder / name, metadata=kept)


def test_a_model_of_old_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    old = tiny(objective=Denoising(times=times.UniformTimes())).fit(DATA, folder=folder)
    as_written_by_0_1_0(folder)
    drawn = load(folder).sample(5, seed=0)
    description = storage.Description.of(tiny().get_params(deep=False), old.schema_)
    storage.create(folder, description, resume=False)
    assert (load(folder).sample(5, seed=0) == drawn).all()


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="to resume, name the folder in which the model is saved"):
        tiny().fit(DATA, resume=True)
    with pytest.raises(InputError, match=r"there is no model in .*: it does not exist"):
        tiny().fit(DATA, folder=tmp_path / "model", resume=True)


def test_a_finished_training_can_be_made_longer(tmp_path: Path) -> None:
    tiny().fit(DATA, folder=tmp_path / "model")
    longer = tiny(steps=7).fit(DATA, folder=tmp_path / "model", resume=True)
    assert len(longer.losses_) == 7
    assert load(tmp_path / "model").steps == 7
