"""Networks without memory: as large as anyone says, and no deeper than a file."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import pytest
import torch

from unnoise import networks, processes
from unnoise._errors import InputError
from unnoise._sketch import is_ours, sketch


@pytest.mark.parametrize(
    "network",
    [
        partial(networks.MLP, input_shape=(3,), cond_features=2, output_shape=(3,)),
        partial(networks.UNet, input_shape=(1, 8, 8), cond_features=2, output_shape=(1, 8, 8), width=8),
        partial(networks.SmallImage, input_shape=(1, 8, 8), cond_features=2, output_shape=(1, 8, 8), width=8),
        partial(networks.Transformer, input_shape=(5, 4), cond_features=2, output_shape=(5, 4)),
    ],
)
def test_every_network_can_be_sketched(network) -> None:
    real = network()
    with sketch(tensors=len(real.state_dict())):
        drawn = network()
    shapes = [{name: tensor.shape for name, tensor in one.state_dict().items()} for one in (real, drawn)]
    assert shapes[0] == shapes[1]
    assert all(tensor.is_meta for tensor in drawn.parameters())


@pytest.mark.parametrize("size", [{"depth": 900}, {"width": 2**14}])
def test_neither_depth_nor_width_takes_memory_or_time(size: dict[str, int]) -> None:
    shapes = [(3,), 0, (3,)]
    if "depth" in size:
        with pytest.raises(InputError, match="far more tensors than the weights beside it"), sketch(tensors=30):
            networks.MLP(*shapes, **size)
        assert torch.is_grad_enabled()
    else:
        with sketch(tensors=30):
            assert networks.MLP(*shapes, **size).first.weight.is_meta


def test_ours_are_known() -> None:
    assert is_ours(None)
    assert is_ours(partial(partial(networks.MLP, width=3), depth=2))
    assert is_ours(processes.edm)
    assert not is_ours(torch.nn.Linear)
    assert not is_ours(partial(lambda *_: None))


SKETCHES = """
import json, sys
from unnoise import networks
from unnoise._sketch import sketch
with sketch(tensors=400):
    networks.MLP((3,), 2, (3,))
    networks.ResNet((3,), 2, (3,))
    networks.UNet((1, 8, 8), 2, (1, 8, 8), width=8)
    networks.SmallImage((1, 8, 8), 2, (1, 8, 8), width=8)
    networks.Transformer((5, 4), 2, (5, 4))
print(json.dumps(sorted(sys.modules)))
"""


def test_to_load_a_model_takes_no_compiler() -> None:
    """Torch imports it for some functions of tensors without memory, such as linspace and exp; that takes a second."""
    done = subprocess.run([sys.executable, "-c", SKETCHES], capture_output=True, text=True, check=True)
    assert not {"torch._dynamo", "sympy"} & set(json.loads(done.stdout))
