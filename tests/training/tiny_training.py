"""A training small enough for tests, also as a script that can be killed, resumed and launched as a group of processes.

python tiny_training.py CHECKPOINT [--die-in-step N | --die-in-save N] [setting=value ...]
prints, as JSON, the losses and a digest of everything in the final state.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
from pathlib import Path

import torch
from safetensors import torch as safetensors_torch
from torch import Tensor, nn

from unnoise.objectives import Loss
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.training import Settings, TrainState, load, train


class Denoiser(nn.Module):
    """Two layers on (x_t, t), and a buffer that every evaluation in training mode changes."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(1)
        self.process = variance_preserving(Euclidean(2))
        self.hidden, self.out = nn.Linear(3, width), nn.Linear(width, 2)
        self.register_buffer("calls", torch.zeros(()))
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.5, generator=rng)

    def forward(self, x_t: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        if self.training:
            self.calls += 1
        return self.out(torch.tanh(self.hidden(torch.cat((x_t, t[:, None]), dim=1))))


class Quadratic:
    """|x_0 - denoiser(x_t, t)|^2, x_t = (1 - t) x_0 + t noise, the noise drawn for the whole batch."""

    def __call__(self, denoiser, x_0, cond, rng, rows=slice(None)) -> Loss:
        t = torch.rand(len(x_0), generator=rng)
        x_t = torch.lerp(x_0, torch.randn(x_0.shape, generator=rng), t[:, None])
        value = (x_0[rows] - denoiser(x_t[rows], t[rows])).square().sum(dim=1)
        return Loss(value, {"error": value})


class Ring:
    """Points on a circle, jittered by the noise of the training."""

    def __init__(self, num_examples: int = 100) -> None:
        angle = torch.linspace(0.0, 6.0, num_examples)
        self.x = torch.stack((angle.cos(), angle.sin()), dim=1)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, None]:
        x = self.x[indices]
        return x + 0.01 * torch.randn(x.shape, generator=rng), None


class DiesInStep(Quadratic):
    """Kills its process after the noise of one step was drawn and its forward pass made."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, *arguments, **keywords) -> Loss:
        loss = super().__call__(*arguments, **keywords)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return loss


def die_in_save(number: int) -> None:
    """Make the save of this number write half of its bytes and kill the process."""
    whole, saves = safetensors_torch.save_file, iter(range(number + 1))

    def half(tensors, path, metadata=None) -> None:
        if next(saves) < number:
            return whole(tensors, path, metadata=metadata)
        content = safetensors_torch.save(tensors, metadata=metadata)
        Path(path).write_bytes(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    safetensors_torch.save_file = half


def settings(**changes) -> Settings:
    defaults = {"steps": 20, "batch_size": 32, "learning_rate": 0.02, "warmup": 4, "device": "cpu"}
    return Settings(**{**defaults, **changes})


def start(**changes) -> TrainState:
    return TrainState(Denoiser(), settings(**changes))


def digest(state: TrainState) -> str:
    """A fingerprint of every bit that matters: weights, averages, moments, noise, losses, step."""
    tensors, metadata = state.state_dict()
    bits = hashlib.sha256(str(metadata["step"]).encode())
    for name in sorted(tensors):
        bits.update(name.encode())
        bits.update(tensors[name].contiguous().numpy().tobytes())
    return bits.hexdigest()


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--die-in-step", type=int)
    parser.add_argument("--die-in-save", type=int)
    parser.add_argument("--steps-file", type=Path, help="appears after three steps")
    parser.add_argument("changes", nargs="*")
    given = parser.parse_args()
    if given.die_in_save is not None:
        die_in_save(given.die_in_save)
    changes = {name: json.loads(value) for name, value in (change.split("=") for change in given.changes)}
    state = start(**changes)
    if given.checkpoint.exists():
        load(state, given.checkpoint)
    begin = state.step
    objective = Quadratic() if given.die_in_step is None else DiesInStep(given.die_in_step - begin)
    for step in train(state, objective, Ring(), checkpoint=given.checkpoint):
        if step.index == 2 and given.steps_file is not None:
            given.steps_file.touch()
    rank = int(os.environ.get("RANK", 0))
    print(
        json.dumps({"rank": rank, "begin": begin, "losses": state.losses, "digest": digest(state)}),
        flush=True,
    )


if __name__ == "__main__":
    main()
