from __future__ import annotations

import math
import os
import signal
import threading
from pathlib import Path

import pytest
import torch
from tiny_training import Denoiser, Quadratic, Ring, digest, settings, start
from torch import Tensor

from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.objectives import Denoising, Loss
from unnoise.processes import product, variance_preserving
from unnoise.spaces import Euclidean
from unnoise.training import Arrays, BatchOrder, Settings, TrainState, load, loop, save, train
from unnoise.training.dataset import derived_seed


class At(Quadratic):
    """The tiny objective, with something that happens in the middle of one of its evaluations."""

    def __init__(self, step: int, event) -> None:
        self.left, self.event = step, event

    def __call__(self, *arguments, **keywords) -> Loss:
        loss = super().__call__(*arguments, **keywords)
        self.left -= 1
        return loss if self.left != -1 else (self.event(loss.value) or loss)


def run(state: TrainState, objective=None, source=None, **keywords) -> list[loop.Step]:
    return list(train(state, objective or Quadratic(), Ring() if source is None else source, **keywords))


def uninterrupted(**changes) -> str:
    state = start(**changes)
    run(state)
    return digest(state)


def test_it_yields_every_step_and_learns() -> None:
    state = start(steps=200)
    steps = run(state)
    assert [step.index for step in steps] == list(range(200))
    assert [step.loss for step in steps] == state.losses
    assert steps[-1].progress == 1.0
    assert steps[10].metrics["error"].shape == (32,)
    assert not steps[10].metrics["error"].requires_grad
    assert sum(state.losses[-20:]) < 0.7 * sum(state.losses[:20])


def test_it_equals_a_loop_by_hand() -> None:
    """Same draws, same batches: AdamW, clipping and the average as PyTorch users write them."""
    state = start(clip=0.7, weight_decay=0.1, ema=0.8)
    steps = run(state)

    plan, denoiser, ring = state.settings, Denoiser(), Ring()
    average = {name: weight.detach().clone() for name, weight in denoiser.named_parameters()}
    optimiser = torch.optim.AdamW(denoiser.parameters(), weight_decay=0.1)
    rng = torch.Generator().manual_seed(derived_seed(0, "noise"))
    order = BatchOrder(100, 32, seed=0)
    for number in range(20):
        rate = 0.02 * min(1.0, (number + 1) / 4) * (1 + math.cos(math.pi * number / 20)) / 2
        optimiser.param_groups[0]["lr"] = rate
        loss = Quadratic()(denoiser, *ring.batch(order.indices(number), rng), rng).value.mean()
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 0.7)
        optimiser.step()
        decay = min(0.8, (1 + number) / (10 + number))
        for name, weight in denoiser.named_parameters():
            average[name] = decay * average[name] + (1 - decay) * weight.detach()
        assert steps[number].loss == pytest.approx(loss.item(), rel=1e-5)
        assert steps[number].rate == pytest.approx(rate, rel=1e-12)
        assert steps[number].gradient == pytest.approx(norm.item(), rel=1e-4)
    assert plan.clip is not None
    assert any(step.gradient > plan.clip for step in steps)
    assert any(step.gradient < plan.clip for step in steps)
    for name, weight in state.denoiser.named_parameters():
        torch.testing.assert_close(weight, denoiser.get_parameter(name), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(state.ema.get_parameter(name), average[name], rtol=1e-4, atol=1e-5)


def test_without_clipping_gradients_are_left_alone() -> None:
    clipped, free = start(steps=5, clip=1e-3), start(steps=5, clip=None)
    run(clipped), run(free)
    assert clipped.losses[0] == free.losses[0]
    moments = [state.state_dict()[0]["optimiser.exp_avg.out.bias"].norm() for state in (clipped, free)]
    assert moments[0] < 1e-3 < 0.1 * moments[1]


def test_steps_come_in_the_same_order_whatever_the_caller_does_between_them() -> None:
    state = start()
    for step in train(state, Quadratic(), Ring()):
        torch.manual_seed(step.index)
        with torch.no_grad():
            state.ema(torch.zeros(3, 2), torch.zeros(3))
    assert digest(state) == uninterrupted()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_is_that_of_the_products_and_not_of_the_weights(precision: str) -> None:
    class Watching(Denoiser):
        def forward(self, x_t: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
            seen.add(self.hidden(torch.cat((x_t, t[:, None]), dim=1)).dtype)
            return super().forward(x_t, t)

    seen: set[torch.dtype] = set()
    state = TrainState(Watching(), settings(steps=50, precision=precision))
    run(state)
    exact = start(steps=50)
    run(exact)
    assert seen == {getattr(torch, precision)}
    assert {weight.dtype for weight in state.denoiser.parameters()} == {torch.float32}
    assert state.losses == pytest.approx(exact.losses, rel=0.1)
    assert (state.losses == exact.losses) == (precision == "float32")


def test_two_trainings_of_different_precision_fit_in_one_process() -> None:
    for precision in ("float32", "bfloat16", "float32"):
        assert len(run(start(steps=2, precision=precision))) == 2


def test_a_caller_that_stops_leaves_a_checkpoint_to_resume(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    for step in train(start(), Quadratic(), Ring(), checkpoint=path):
        if step.index == 8:
            break
    state = start()
    load(state, path)
    assert state.step == 9
    run(state)
    assert digest(state) == uninterrupted()


def test_a_finished_training_has_no_steps_left(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    run(start(), checkpoint=path)
    state = start()
    load(state, path)
    assert state.step == 20
    assert run(state, checkpoint=path) == []


def test_an_interrupt_in_a_step_waits_saves_and_resumes_bit_identical(tmp_path: Path) -> None:
    path, before = tmp_path / "training.safetensors", signal.getsignal(signal.SIGINT)
    state = start()
    with pytest.raises(KeyboardInterrupt):
        run(state, At(7, lambda value: os.kill(os.getpid(), signal.SIGINT)), checkpoint=path)
    assert signal.getsignal(signal.SIGINT) is before
    assert state.step == 8 == len(state.losses), "the step at hand should have been finished"
    again = start()
    load(again, path)
    assert digest(again) == digest(state)
    run(again)
    assert digest(again) == uninterrupted()


def test_an_error_in_a_step_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    """The noise of the broken step was drawn, so a save then would not resume to the same bits."""

    def fail(value: Tensor) -> None:
        raise RuntimeError("the data went away")

    path = tmp_path / "training.safetensors"
    state = start()
    steps = train(state, Quadratic(), Ring(), checkpoint=path)
    while next(steps).index < 4:
        pass
    steps.close()
    with pytest.raises(RuntimeError, match="went away"):
        run(state, At(2, fail), checkpoint=path)
    assert state.step == 7
    state = start()
    load(state, path)
    assert state.step == 5
    run(state)
    assert digest(state) == uninterrupted()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda value: Loss(value * math.nan), "loss is nan"),
        (lambda value: Loss(value + math.inf), "loss is inf"),
        (lambda value: Loss(value + (value - value).sqrt()), "norm of the gradient is nan"),
    ],
)
@pytest.mark.parametrize("clip", [1.0, None])
def test_a_non_finite_step_is_named_and_never_made(clip: float | None, spoil, what: str) -> None:
    state = start(clip=clip)
    with pytest.raises(NonFiniteError, match=f"stopped at step 5: the {what}; try a learning rate below 0.017"):
        run(state, At(5, spoil))
    assert state.step == 5 == len(state.losses)
    assert all(weight.isfinite().all() for weight in state.denoiser.parameters())


def test_time_ends_a_training_at_a_rate_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock by which every step takes a second."""
    ticks = iter(range(1000))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks))
    state = start(steps=1000, time_limit=10.0, warmup=0)
    steps = run(state)
    assert 5 <= len(steps) <= 10
    assert steps[-1].progress == 1.0
    assert steps[-1].rate < 0.2 * steps[0].rate
    assert state.elapsed == pytest.approx(10.0)


def test_time_spent_before_a_resumption_counts() -> None:
    state = start(time_limit=100.0, steps=10**6)
    state.elapsed = 99.99
    steps = run(state)
    assert 0 < len(steps) < 10**4
    assert state.elapsed >= 100.0


def test_saves_come_as_often_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = []
    monkeypatch.setattr(loop, "save", lambda state, path: saved.append(state.step))
    run(start(steps=5, checkpoint_every=0), checkpoint=tmp_path / "c")
    run(start(steps=5, checkpoint_every=1e6), checkpoint=tmp_path / "c")
    assert saved == [1, 2, 3, 4, 5, 5]


def test_states_may_nest_and_conditions_are_handed_on() -> None:
    class Pair(Ring):
        def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
            x = self.x[indices]
            return {"x": x, "y": 2 * x}, x[:, :1]

    class Second(Quadratic):
        def __call__(self, denoiser, x_0, cond, rng, rows=slice(None)) -> Loss:
            assert torch.equal(x_0["y"][:, :1], 2 * cond)
            return super().__call__(denoiser, x_0["y"], cond, rng, rows)

    state = start(steps=2)
    state.denoiser.process = product({name: state.denoiser.process for name in ("x", "y")})
    assert len(run(state, Second(), Pair())) == 2


class Spoilt(Ring):
    """The ring, and batches that were made something else."""

    def __init__(self, change, cond=None) -> None:
        super().__init__()
        self.change, self.cond = change, cond

    def batch(self, indices: Tensor, rng: torch.Generator):
        x, _ = super().batch(indices, rng)
        return self.change(x), self.cond


@pytest.mark.parametrize(
    ("change", "cond", "sentence"),
    [
        (lambda x: x.T, None, r"got points of shape \(32,\); Euclidean expects \(2,\)"),
        (lambda x: x.long(), None, "got torch.int64; Euclidean expects floating point numbers: convert with x.float()"),
        (lambda x: x.numpy(), None, "got data of type ndarray; expected a tensor, as of torch.as_tensor"),
        (lambda x: {"x": x}, None, "got data of type dict; expected a tensor"),
        (lambda x: x[None], None, r"got data of shape \(1, 32, 2\); expected n points of shape \(2,\)"),
        (lambda x: x / 0, None, "got NaN or infinite values"),
        (
            lambda x: x,
            torch.zeros(5, 1),
            r"got conditions of shape \(5, 1\) for 32 examples; expected a tensor with one",
        ),
        (lambda x: x, [[0.0]] * 32, "got conditions of type list for 32 examples"),
    ],
)
def test_what_the_process_cannot_noise_is_refused_in_a_sentence(change, cond, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        run(start(), source=Spoilt(change, cond))


def test_images_with_their_channels_last_are_refused() -> None:
    class Images(Spoilt):
        def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, None]:
            return torch.zeros(len(indices), 8, 8, 3), None

    state = start()
    state.denoiser.process = variance_preserving(Euclidean((3, 8, 8)))
    with pytest.raises(InputError, match=r"got points of shape \(8, 8, 3\); Euclidean expects \(3, 8, 8\)"):
        run(state, source=Images(None))


def test_data_are_taken_in_the_precision_of_the_weights() -> None:
    """Numbers of NumPy are float64; training with them is training with their float32."""
    single, double = start(), start()
    run(single)
    run(double, source=Spoilt(lambda x: x.double(), torch.zeros(32, 1, dtype=torch.float64)))
    assert digest(double) == digest(single)


@pytest.mark.parametrize("accumulate", [2, 4, 32])
def test_accumulated_steps_are_those_of_the_larger_batch(accumulate: int) -> None:
    """The same examples, times and noise in the same order; sums of another order."""
    whole, parts = start(), start(batch_size=32 // accumulate, accumulate=accumulate)
    expected, found = run(whole), run(parts)
    assert [step.loss for step in found] == pytest.approx([step.loss for step in expected], rel=1e-5)
    assert [step.gradient for step in found] == pytest.approx([step.gradient for step in expected], rel=1e-4)
    torch.testing.assert_close(found[-1].metrics["error"], expected[-1].metrics["error"], rtol=1e-3, atol=1e-5)
    for name, weight in whole.ema.named_parameters():
        torch.testing.assert_close(parts.ema.get_parameter(name), weight, rtol=1e-4, atol=1e-5)
    other = start(batch_size=32 // accumulate)
    run(other)
    assert other.losses != pytest.approx(whole.losses, rel=1e-2), "a smaller batch should be something else"


def test_it_runs_in_another_thread() -> None:
    state = start()
    thread = threading.Thread(target=run, args=(state,))
    thread.start()
    thread.join()
    assert digest(state) == uninterrupted()


def test_no_data_are_refused() -> None:
    with pytest.raises(InputError, match="no examples to train on"):
        run(start(), source=Ring(0))


def test_dropout_acts_in_training_and_not_in_the_average() -> None:
    seen: list[bool] = []
    state = start(steps=3)
    state.denoiser.hidden.register_forward_pre_hook(lambda layer, inputs: seen.append(layer.training))
    state.denoiser.eval()  # as after an evaluation between two trainings
    run(state)
    assert seen == [True] * 3
    assert not state.ema.training


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"objective": "bound"}, "got objective = 'bound'; expected a function"),
        ({"source": torch.zeros(5, 2)}, r"got source = a tensor of shape \(5, 2\); expected a Dataset"),
        ({"state": None}, "got state = None; expected a training.TrainState"),
    ],
)
def test_what_cannot_train_is_refused(change, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        next(train(**({"state": tiny_state(), "objective": Denoising(), "source": Arrays(torch.zeros(5, 2))} | change)))


def test_a_network_of_inference_mode_is_refused():
    with torch.inference_mode():
        made = Neural(variance_preserving(Euclidean(2)), MLP((2,), width=8))
        with pytest.raises(InputError, match=r"^got a network made in torch.inference_mode\(\)"):
            TrainState(made, Settings(device="cpu"))


def tiny_state():
    return TrainState(Neural(variance_preserving(Euclidean(2)), MLP((2,), width=8)), Settings(steps=2, device="cpu"))


def test_files_may_be_told_as_text(tmp_path):
    name = str(tmp_path / "saved")
    for _ in train(tiny_state(), Denoising(), Arrays(torch.zeros(5, 2)), checkpoint=name):
        pass
    state = tiny_state()
    load(state, name)
    assert state.step == 2
    save(state, name)


@pytest.mark.parametrize(
    ("give", "words"),
    [
        (lambda value: 1.0, "got loss = 1.0; expected an objectives.Loss of one number per example"),
        (lambda value: value, "got loss = a tensor of shape"),
        (lambda value: Loss(value.detach()), "got a loss that does not depend on the weights"),
    ],
)
def test_an_objective_of_ones_own_gives_a_loss_with_a_gradient(give, words) -> None:
    with pytest.raises(InputError, match=words):
        run(start(), lambda *of: give(Quadratic()(*of).value))


def test_weights_of_examples_are_a_tensor() -> None:
    with pytest.raises(InputError, match=r"got weights = .*; expected a Tensor or None"):
        run(start(), weights=[1.0] * 100)
