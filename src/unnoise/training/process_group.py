"""The processes that train together: one, or as many as `accelerate launch` started.

Each draws the noise of the whole batch and evaluates its own rows, so any group follows the same loss curve.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unnoise._errors import InputError, warn
from unnoise.training.settings import Settings


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train together.

    Attributes:
        rank: which one it is, from 0.
        size: how many there are.
        device: where its tensors live.
        precision: "float32" or "bfloat16".
        accelerator: of accelerate; None when it is alone.
    """

    rank: int
    size: int
    device: torch.device
    precision: str
    accelerator: Any | None = None

    @classmethod
    def gather(cls, settings: Settings) -> ProcessGroup:
        """Ask accelerate how this process was launched, and on which device."""
        from accelerate import Accelerator, PartialState
        from accelerate.utils import parse_flag_from_env

        forced = settings.device == "cpu" or parse_flag_from_env("ACCELERATE_USE_CPU")
        cpu = forced or (settings.device == "auto" and not torch.accelerator.is_available())
        if PartialState(cpu=cpu).num_processes == 1:
            _warn_of_missing_processes()
            return cls(0, 1, _device("cpu" if cpu else settings.device), settings.precision)
        mixed = {"float32": "no", "bfloat16": "bf16"}[settings.precision]
        together = Accelerator(mixed_precision=mixed, cpu=cpu)
        atexit.register(_leave)
        rank, size = together.process_index, together.num_processes
        return cls(rank, size, together.device, settings.precision, together)

    def rows(self, batch_size: int) -> slice:
        """The part of the batch evaluated here."""
        share, rest = divmod(batch_size, self.size)
        if rest:
            raise InputError(
                f"A batch of {batch_size} examples cannot be shared evenly by {self.size} processes; "
                f"choose a multiple of {self.size}."
            )
        return slice(self.rank * share, (self.rank + 1) * share)

    def join(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients are those of the whole batch."""
        if self.accelerator is None:
            return module
        joined = self.accelerator.prepare_model(module)
        if not isinstance(joined, nn.parallel.DistributedDataParallel):
            raise InputError(
                f"accelerate was launched for {self.accelerator.distributed_type.value}, but training copies "
                "the network to every process; launch it with --multi_gpu or --cpu, and --num_processes."
            )
        return joined

    def autocast(self) -> Callable[[], AbstractContextManager[Any]]:
        """The loss's context; in a group accelerate's wrapper provides it."""
        if self.accelerator is None and self.precision == "bfloat16":
            return lambda: torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the processes."""
        return values if self.accelerator is None else self.accelerator.reduce(values, reduction="mean")

    def shared(self, value: Any) -> list[Any]:
        """The values of all processes, by rank."""
        if self.accelerator is None:
            return [value]
        from accelerate.utils import gather_object

        return list(gather_object([value]))

    def wait(self) -> None:
        """Go on once all processes are here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()


def _leave() -> None:
    """Stop the threads of the group; the interpreter aborts now and then where they outlive it."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _warn_of_missing_processes() -> None:
    """Without MPI `accelerate launch --cpu --num_processes 2` quietly starts one."""
    alone = not os.environ.keys() & {"WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"}
    if alone and "ACCELERATE_USE_CPU" in os.environ and "MASTER_PORT" in os.environ:
        warn(
            "accelerate started one process where several were asked for, as with --cpu and without MPI; "
            "`torchrun --nproc_per_node N` starts N processes on CPUs.",
        )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        if torch.empty(0, device=name).is_meta:  # which holds no numbers
            raise RuntimeError("meta")
        return torch.device(name)
    except (RuntimeError, AssertionError, ImportError) as error:
        raise InputError(f"The device {name!r} cannot be used on this machine; choose 'auto' or 'cpu'.") from error
