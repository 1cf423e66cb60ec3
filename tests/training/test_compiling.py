"""Compiled training: the same losses, the same weights under the same names, and a word where there is no compiler."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unnoise import DenoisingMarkovModel, load
from unnoise.denoisers import Answering, Exact, Neural, Residual
from unnoise.heads import told
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.training import Arrays, Settings, TrainState, compiling, train
from unnoise.training import load as resume
from unnoise.training.compiling import trained_networks

PROCESS = variance_preserving(Euclidean(2))
ROWS = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def graphs(monkeypatch) -> list:
    """What the backend is given: one that runs every graph as it is, and needs no compiler."""
    seen: list = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph.forward

    monkeypatch.setattr(compiling, "BACKEND", backend)
    torch.compiler.reset()
    yield seen
    torch.compiler.reset()


def state(**changes) -> TrainState:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP((2,), width=16, depth=1, embedding=8)
    return TrainState(Neural(PROCESS, network), Settings(**{"steps": 8, "batch_size": 32, "device": "cpu"} | changes))


def run(one: TrainState, **keywords) -> TrainState:
    for _ in train(one, Denoising(), Arrays(ROWS), **keywords):
        pass
    return one


def large(graphs) -> list:
    """Without the smallest function, by which it is seen whether there is a compiler."""
    return [graph for graph in graphs if len(graph.graph.nodes) > 10]


def test_the_network_is_compiled_and_trains_as_before(graphs, tmp_path: Path) -> None:
    plain, compiled = run(state()), run(state(compile=True))
    assert len(large(graphs)) == 1
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-5)
    tensors, others = plain.state_dict()[0], compiled.state_dict()[0]
    assert list(tensors) == list(others)
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(others[name], tensor, rtol=1e-4, atol=1e-5)

    half = state(compile=True)
    steps = train(half, Denoising(), Arrays(ROWS), checkpoint=tmp_path / "c")
    for _ in range(4):
        next(steps)
    steps.close()
    rest = state()  # not compiled any more
    resume(rest, tmp_path / "c")
    assert run(rest).losses == pytest.approx(plain.losses, rel=1e-5)


def test_the_average_is_not_compiled(graphs) -> None:
    trained = run(state(compile=True, steps=2))
    before = len(graphs)
    for rows in (3, 5):
        trained.ema(ROWS[:rows], torch.tensor(0.5))
        trained.best(ROWS[:rows], torch.tensor(0.5))
    assert len(graphs) == before


def test_without_a_compiler_it_trains_and_says_so(monkeypatch) -> None:
    def missing(graph, inputs):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(compiling, "BACKEND", missing)
    torch.compiler.reset()
    with pytest.warns(
        UserWarning, match=r"torch\.compile does not work here \(.*no compiler here.*unnoise doctor"
    ) as told:
        found = run(state(compile=True))
    assert len(told) == 1
    assert found.losses == run(state()).losses


def test_what_is_compiled_is_what_is_trained() -> None:
    network = MLP((2,), width=8)
    learnt, frozen = Neural(PROCESS, network), Neural(PROCESS, MLP((2,), width=8)).requires_grad_(False)
    asking = Neural(PROCESS, MLP((6,), output_shape=(2,), width=8), partial(told, head=None))
    assert list(trained_networks(learnt)) == [network]
    assert list(trained_networks(Residual(Exact(PROCESS, ROWS), learnt))) == [network]
    assert list(trained_networks(Answering(asking))) == [asking.network]
    assert list(trained_networks(frozen)) == []

    class Own(Exact):
        """A denoiser that is its own network."""

        def __init__(self) -> None:
            super().__init__(PROCESS, ROWS)
            self.scale = nn.Parameter(torch.ones(()))

    own = Own()
    assert list(trained_networks(own)) == [own]


def test_a_model_compiles_saves_resumes_and_samples(graphs, tmp_path: Path) -> None:
    rows, options = ROWS.numpy(), {"steps": 6, "batch_size": 32, "device": "cpu", "progress": False}
    options |= {"network": partial(MLP, width=16, depth=1)}
    compiled = DenoisingMarkovModel(compile=True, **options).fit(rows, folder=tmp_path / "model")
    assert large(graphs)
    plain = DenoisingMarkovModel(**options).fit(rows)
    np.testing.assert_allclose(compiled.losses_, plain.losses_, rtol=1e-5)
    np.testing.assert_allclose(compiled.validation_losses_, plain.validation_losses_, rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # six steps learn little
        drawn = [model.sample(3, seed=0) for model in (compiled, plain, load(tmp_path / "model"))]
    for other in drawn[1:]:
        np.testing.assert_allclose(drawn[0], other, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_real_compiler_gives_the_same_losses() -> None:
    torch.compiler.reset()
    plain, compiled = run(state(steps=30)), run(state(steps=30, compile=True))
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-5)
    assert compiled.denoiser.network._compiled_call_impl is not None
    assert plain.denoiser.network._compiled_call_impl is None
