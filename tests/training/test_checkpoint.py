from __future__ import annotations

import errno
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import tiny_training
import torch
from tiny_training import Denoiser, Quadratic, Ring, digest, settings, start
from torch import nn

from unnoise._errors import InputError
from unnoise._sealed import write_tensors
from unnoise.denoisers import Neural
from unnoise.heads import V
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.objectives.times import UniformTimes
from unnoise.objectives.weightings import SimpleWeighting
from unnoise.processes import edm, variance_preserving
from unnoise.schedules import Cosine, LogSNR
from unnoise.spaces import Euclidean
from unnoise.training import Arrays, Settings, TrainState, load, save, train

SCRIPT = Path(tiny_training.__file__)


def run(checkpoint: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tiny training in a process of its own."""
    command = [sys.executable, str(SCRIPT), str(checkpoint), "checkpoint_every=0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def finished(process: subprocess.CompletedProcess[str]) -> dict:
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def run_to_the_end(state: TrainState, checkpoint: Path | None = None) -> TrainState:
    for _ in train(state, Quadratic(), Ring(), checkpoint=checkpoint):
        pass
    return state


def uninterrupted(**changes) -> TrainState:
    return run_to_the_end(start(**changes))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a training that stopped after 9 of 20 steps."""
    path = tmp_path_factory.mktemp("model") / "training.safetensors"
    state = start()
    steps = train(state, Quadratic(), Ring(), checkpoint=path)
    while next(steps).index < 8:
        pass
    steps.close()
    return path


def test_a_checkpoint_gives_back_every_bit(tmp_path: Path) -> None:
    state, again = uninterrupted(steps=5), start(steps=5)
    save(state, tmp_path / "new" / "training.safetensors")
    load(again, tmp_path / "new" / "training.safetensors")
    assert digest(again) == digest(state)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["training.safetensors"]


@pytest.mark.slow
def test_resumed_in_a_new_process_it_ends_bit_identical(checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "training.safetensors"
    copy.write_bytes(checkpoint.read_bytes())
    resumed, whole = finished(run(copy)), uninterrupted()
    assert resumed["begin"] == 9
    assert resumed["losses"] == whole.losses
    assert resumed["digest"] == digest(whole)


@pytest.mark.slow
def test_killed_in_the_middle_of_a_step_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    assert run(path, "--die-in-step", "12").returncode == -signal.SIGKILL
    state = start()
    load(state, path)
    assert state.step == 12
    run_to_the_end(state)
    assert digest(state) == digest(uninterrupted())


@pytest.mark.slow
def test_killed_in_the_middle_of_a_save_the_one_before_stands(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    assert run(path, "--die-in-save", "7").returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2, "half a file should lie beside the checkpoint"
    state = start()
    load(state, path)
    assert state.step == 7
    run_to_the_end(state, checkpoint=path)
    assert digest(state) == digest(uninterrupted())
    assert list(tmp_path.iterdir()) == [path], "the half file should have been cleaned up"


@pytest.mark.slow
def test_killed_in_its_very_first_save_it_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    assert run(path, "--die-in-save", "0").returncode == -signal.SIGKILL
    assert not path.exists()
    assert finished(run(path))["digest"] == digest(uninterrupted())


def refusal(path: Path, state: TrainState) -> str:
    """The sentence with which the checkpoint is refused; the state must be as before."""
    before = digest(state)
    with pytest.raises(InputError) as caught:
        load(state, path)
    assert digest(state) == before
    message = str(caught.value)
    assert str(path) in message
    assert re.search(r"[^.]\.$", message), "one full stop at the end"
    return message


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(checkpoint: Path, tmp_path: Path, share: float) -> None:
    content = checkpoint.read_bytes()
    path = tmp_path / "half.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    assert "is damaged or is no checkpoint of unnoise" in refusal(path, start())


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text", tmp_path / "foreign.safetensors"
    text.write_text("step,loss\n" * 1000)
    safetensors.torch.save_file({"x": torch.zeros(3)}, foreign)
    assert "is damaged or is no checkpoint" in refusal(text, start())
    assert "its format is None, but 'unnoise.training.2' is expected" in refusal(foreign, start())
    assert "There is no checkpoint" in refusal(tmp_path / "nothing", start())
    assert "it is a folder" in refusal(tmp_path, start())


def test_another_network_is_refused(checkpoint: Path) -> None:
    wider = TrainState(Denoiser(width=17), settings())
    assert "hidden.bias has shape (16,) there and has shape (17,) here" in refusal(checkpoint, wider)
    deeper = Denoiser()
    deeper.extra = nn.Linear(1, 1)
    message = refusal(checkpoint, TrainState(deeper, settings()))
    assert "denoiser.extra.bias does not exist there and has shape (1,) here" in message


@pytest.mark.parametrize(
    "change",
    [{"batch_size": 64}, {"learning_rate": 0.5}, {"clip": None}, {"ema": 0.9}, {"precision": "bfloat16"}],
)
def test_other_settings_are_refused(checkpoint: Path, change: dict) -> None:
    ((name, value),) = change.items()
    assert f"but {name} = {value} is asked for now; resume with the same settings" in refusal(
        checkpoint, start(**change)
    )


def test_a_resumed_training_may_be_longer(checkpoint: Path) -> None:
    state = start(steps=25, time_limit=1e6, checkpoint_every=5.0)
    load(state, checkpoint)
    assert [step.index for step in train(state, Quadratic(), Ring())] == list(range(9, 25))


def test_other_data_are_refused(checkpoint: Path) -> None:
    state = start()
    load(state, checkpoint)
    with pytest.raises(InputError, match="saw 100 examples, but the data have 99; resume with the same data"):
        next(train(state, Quadratic(), Ring(99)))


def test_tied_weights_are_saved_and_loaded(tmp_path: Path) -> None:
    def tied() -> TrainState:
        denoiser = Denoiser()
        denoiser.again = denoiser.out
        return TrainState(denoiser, settings(steps=3))

    state, again = tied(), tied()
    for _ in train(state, Quadratic(), Ring(), checkpoint=tmp_path / "training.safetensors"):
        pass
    load(again, tmp_path / "training.safetensors")
    assert digest(again) == digest(state)
    assert again.denoiser.again.weight is again.denoiser.out.weight


def test_a_write_that_fails_half_way_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    """The system really stops the write: files may not grow beyond 1000 bytes."""
    path = tmp_path / "training.safetensors"
    state = start()
    save(state, path)
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not be written .* the checkpoint saved before is untouched"):
            save(uninterrupted(steps=2), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_stops_training_and_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "training.safetensors"
    state = start(checkpoint_every=0)
    steps = train(state, Quadratic(), Ring(), checkpoint=path)
    next(steps)
    old, tries = path.read_bytes(), []

    def full(tensors, target, metadata=None) -> None:
        tries.append(target)
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OSError, match=r"No space left on the disk while writing .*training\.safetensors"):
        next(steps)
    assert len(tries) == 1, "what failed once is not tried again on the way out"
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def rewritten(
    checkpoint: Path, folder: Path, change: Callable[[dict[str, torch.Tensor], dict[str, Any]], None]
) -> Path:
    """A copy with other tensors or numbers, sealed anew, as somebody who wants harm would do it."""
    with safetensors.safe_open(checkpoint, framework="pt") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    metadata = json.loads(header["metadata"])
    change(tensors, metadata)
    path = folder / "other.safetensors"
    write_tensors(path, tensors, {"format": header["format"], "metadata": json.dumps(metadata)})
    return path


MOMENT = "optimiser.exp_avg.hidden.weight"
CHANGES = {
    "a moment of another shape": lambda tensors, _: tensors.update({MOMENT: torch.zeros(3)}),
    "a moment of another type": lambda tensors, _: tensors.update({MOMENT: tensors[MOMENT].double()}),
    "a moment is missing": lambda tensors, _: tensors.pop(MOMENT),
    "all moments are missing": lambda tensors, _: [tensors.pop(name) for name in list(tensors) if "optim" in name],
    "a moment too many": lambda tensors, _: tensors.update({"optimiser.exp_avg.other": torch.zeros(3)}),
    "steps of another shape": lambda tensors, _: tensors.update({"optimiser.step.hidden.weight": torch.zeros(9)}),
    "a weight of another type": lambda tensors, _: tensors.update({"ema.hidden.bias": torch.zeros(16).long()}),
    "no generator": lambda tensors, _: tensors.pop("rng"),
    "a generator of numbers": lambda tensors, _: tensors.update(rng=torch.zeros(5056)),
    "a generator that is none": lambda tensors, _: tensors.update(rng=torch.full((5056,), 255, dtype=torch.uint8)),
    "too few losses": lambda tensors, _: tensors.update(losses=tensors["losses"][:3].clone()),
    "losses in a table": lambda tensors, _: tensors.update(losses=tensors["losses"][None].clone()),
    "an unknown tensor": lambda tensors, _: tensors.update(unknown=torch.zeros(3)),
    "a step that is text": lambda _, numbers: numbers.update(step="nine"),
    "a step below zero": lambda _, numbers: numbers.update(step=-1),
    "a step of twenty digits": lambda _, numbers: numbers.update(step=10**20),
    "seconds that are no number": lambda _, numbers: numbers.update(elapsed=math.nan),
    "half an example": lambda _, numbers: numbers.update(num_examples=0.5),
    "a digest that is a number": lambda _, numbers: numbers.update(digest=3),
    "settings that are none": lambda _, numbers: numbers.update(settings=[1, 2]),
    "no step": lambda _, numbers: numbers.pop("step"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_tensor_and_number_is_checked_before_any_is_used(
    checkpoint: Path, tmp_path: Path, change: Callable[..., None]
) -> None:
    """A moment of another shape would let the optimiser write beyond its memory."""
    refusal(rewritten(checkpoint, tmp_path, change), start())


def test_what_is_rewritten_without_a_change_is_accepted(checkpoint: Path, tmp_path: Path) -> None:
    state, again = start(), start()
    load(state, checkpoint)
    load(again, rewritten(checkpoint, tmp_path, lambda *_: None))
    assert digest(state) == digest(again)


def test_every_flipped_bit_is_seen(checkpoint: Path, tmp_path: Path) -> None:
    content, path = bytearray(checkpoint.read_bytes()), tmp_path / "flipped.safetensors"
    places = torch.randint(8 * len(content), (60,), generator=torch.Generator().manual_seed(0)).tolist()
    for place in [*range(0, 8 * 120, 37), *places]:
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        refusal(path, start())
        content[place // 8] ^= 1 << place % 8


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("years of work")
    (tmp_path / "training.safetensors").symlink_to(precious)
    save(start(), tmp_path / "training.safetensors")
    assert precious.read_text() == "years of work"
    load(start(), tmp_path / "training.safetensors")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_does_not_hang(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "training.safetensors")
    assert "it is a folder, a pipe or a device; expected a file" in refusal(tmp_path / "training.safetensors", start())


def test_a_checkpoint_of_another_model_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    state = start()
    state.run = "ours"
    load(state, checkpoint)  # an old one, which tells nothing
    assert state.run == "ours"
    save(state, tmp_path / "ours.safetensors")
    other = start()
    other.run = "theirs"
    assert "it is of another model than the description beside it" in refusal(tmp_path / "ours.safetensors", other)


def test_another_process_or_head_of_the_same_shapes_is_refused(tmp_path: Path) -> None:
    """Weights that were learnt under other noise were resumed in silence."""
    space = Euclidean(2)

    def state(process: Any, head: Any = None) -> TrainState:
        network = MLP((2,), width=8, depth=1)
        return TrainState(Neural(process, network, head), Settings(steps=2, batch_size=4, device="cpu"))

    path, first = tmp_path / "checkpoint.safetensors", state(variance_preserving(space))
    save(first, path)
    load(state(variance_preserving(space)), path)
    for other, words in (
        (state(edm(space)), "another process than is given now"),
        (state(variance_preserving(space, Cosine())), "another process than"),
        (state(variance_preserving(space), V), "another head than"),
    ):
        with pytest.raises(InputError, match=words):
            load(other, path)
    own = variance_preserving(space, LogSNR(lambda t: 5 - 10 * t))  # which has no description
    load(state(own), path)


def test_what_is_no_state_and_no_path_is_refused(tmp_path: Path) -> None:
    for use in (save, load):
        with pytest.raises(InputError, match=r"(?s)got state = .*; expected a training.TrainState"):
            use(MLP((2,), width=8, depth=1), tmp_path / "checkpoint.safetensors")
        with pytest.raises(InputError, match="got path = None; expected a str or a PathLike"):
            use(start(), None)


def test_another_objective_is_refused_and_none_where_nobody_can_tell(tmp_path: Path) -> None:
    def fresh() -> TrainState:
        network = Neural(edm(Euclidean(2)), MLP((2,), 0, (2,), width=8))
        return TrainState(network, Settings(steps=4, batch_size=4, device="cpu"))

    rows, path = Arrays(torch.zeros(8, 2)), tmp_path / "training.safetensors"
    begun = train(fresh(), Denoising(), rows, checkpoint=path)
    next(begun)
    begun.close()
    for other in (Denoising(times=UniformTimes()), Denoising(SimpleWeighting()), Denoising(copies=2)):
        resumed = fresh()
        load(resumed, path)
        with pytest.raises(InputError, match="had another objective than is given now; resume with the same"):
            next(train(resumed, other, rows))
    for same in (Denoising(), lambda *given: Denoising()(*given)):
        resumed = fresh()
        load(resumed, path)
        assert len([*train(resumed, same, rows)]) == 3
