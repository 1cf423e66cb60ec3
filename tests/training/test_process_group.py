from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import tiny_training
import torch
from tiny_training import Quadratic, Ring, settings, start

from unnoise._errors import InputError
from unnoise.training import ProcessGroup, train

TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--num_processes", "2"]
ACCELERATE += ["--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"]
ALONE = ["accelerate.commands.launch", "--cpu", "--num_machines", "1", "--num_processes", "2"]
ALONE += ["--mixed_precision", "no", "--dynamo_backend", "no"]


def launch(launcher: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tiny training as a launcher starts it, each process on the CPU and one thread."""
    command = [sys.executable, "-m", *launcher, tiny_training.__file__, *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=env)


@pytest.fixture(scope="module")
def losses_alone() -> list[float]:
    alone = start()
    for _ in train(alone, Quadratic(), Ring()):
        pass
    return alone.losses


@pytest.mark.parametrize(
    "launcher",
    [
        pytest.param(TORCHRUN, id="torchrun", marks=pytest.mark.slow),
        pytest.param(ACCELERATE, id="accelerate", marks=pytest.mark.slow),
    ],
)
def test_two_processes_follow_the_loss_curve_of_one(
    launcher: list[str], losses_alone: list[float], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "training.safetensors"
    process = launch(launcher, str(checkpoint), "checkpoint_every=0", 'device="auto"')
    assert process.returncode == 0, process.stderr
    lines = process.stdout.replace("}{", "}\n{").splitlines()  # both may print before either ends its line
    printed = [json.loads(line) for line in lines if line.startswith("{")]
    results = {result["rank"]: result for result in printed}
    assert results.keys() == {0, 1}
    assert results[0]["losses"] == pytest.approx(losses_alone, rel=1e-4)
    assert results[1] == {**results[0], "rank": 1}, "both processes should hold the same bits"
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.slow
def test_processes_that_were_asked_for_but_not_started_are_missed(losses_alone: list[float], tmp_path: Path) -> None:
    """`accelerate launch --cpu` starts one process unless it may use MPI, whatever --num_processes says."""
    process = launch(ALONE, str(tmp_path / "training.safetensors"))
    assert json.loads(process.stdout)["losses"] == losses_alone
    assert "accelerate started one process" in process.stderr


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused_by_the_processes(tmp_path: Path) -> None:
    process = launch(TORCHRUN, str(tmp_path / "c"), "batch_size=33")
    assert process.returncode != 0
    assert "A batch of 33 examples cannot be shared evenly by 2 processes" in process.stderr


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    group = ProcessGroup(0, 2, torch.device("cpu"), "float32")
    with pytest.raises(InputError, match=r"A batch of 33 examples .* by 2 processes; choose a multiple of 2"):
        group.rows(33)


@pytest.mark.parametrize(("master", "world", "warns"), [("1", None, True), (None, None, False), ("1", "1", False)])
def test_the_environment_tells_when_processes_are_missing(
    master: str | None, world: str | None, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCELERATE_USE_CPU": "True", "MASTER_PORT": master, "WORLD_SIZE": world}.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert ProcessGroup.gather(settings()).size == 1
    assert [("accelerate started one process" in str(w.message)) for w in caught] == [True] * warns


def test_rows_share_a_batch() -> None:
    groups = [ProcessGroup(rank, 3, torch.device("cpu"), "float32") for rank in range(3)]
    assert [group.rows(12) for group in groups] == [slice(0, 4), slice(4, 8), slice(8, 12)]


def test_alone_nothing_is_wrapped() -> None:
    group, module = ProcessGroup.gather(settings()), torch.nn.Linear(1, 1)
    assert group.join(module) is module
    assert (group.rank, group.size, group.rows(32)) == (0, 1, slice(0, 32))


@pytest.mark.parametrize("device", ["tpu9", "cuda:99", "cuda:99999999999999999999", "meta", "hpu"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(InputError, match=f"The device '{device}' cannot be used on this machine"):
        ProcessGroup.gather(settings(device=device))
