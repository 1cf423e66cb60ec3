"""Signals wait for the end of a step, and then do what they did before."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_training
from tiny_training import Quadratic, Ring, digest, start

from unnoise.training import load, train
from unnoise.training.signals import ENDING, Signals


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in ENDING]
    yield
    assert [signal.getsignal(number) for number in ENDING] == before


def interrupted(signals: Signals, number: int, times: int, done: list[bool]) -> None:
    with signals, signals.step():
        for _ in range(times):
            signal.raise_signal(number)
        done.append(True)


@pytest.mark.parametrize(("times", "done"), [(1, [True]), (2, [])])
def test_the_first_interrupt_waits_for_the_end_and_the_second_does_not(times: int, done: list[bool]) -> None:
    reached: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(Signals(), signal.SIGINT, times, reached)
    assert reached == done


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_what_would_end_the_process_ends_it_after_the_step(number: int, code: int) -> None:
    reached: list[bool] = []
    with pytest.raises(SystemExit) as ended:
        interrupted(Signals(), number, 1, reached)
    assert ended.value.code == code
    assert reached == [True]


def test_without_a_checkpoint_there_is_nothing_to_wait_for() -> None:
    with Signals(ending=False):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_error_in_the_step_is_what_is_raised() -> None:
    def broken(signals: Signals) -> None:
        with signals, signals.step():
            signal.raise_signal(signal.SIGTERM)
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        broken(Signals())


@pytest.mark.parametrize("number", ENDING)
def test_a_handler_of_the_user_is_called_at_the_end(number: int) -> None:
    calls: list[str] = []
    before = signal.signal(number, lambda number, frame: calls.append("handler"))
    try:
        signals = Signals()
        with signals, signals.step():
            signal.raise_signal(number)
            calls.append("step")
    finally:
        signal.signal(number, before)
    assert calls == ["step", "handler"]


@pytest.mark.parametrize("number", ENDING)
def test_what_is_ignored_stays_ignored(number: int) -> None:
    """As under nohup."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Signals():
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_another_thread_just_runs_the_step() -> None:
    seen = []

    def work() -> None:
        signals = Signals()
        with signals, signals.step():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]


def test_among_others_a_signal_waits_until_all_know_of_it() -> None:
    """What launches processes may hand on a signal that came to all of them already: the second one waits too."""
    with Signals(together=True) as signals:
        with signals.step():
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert signals.waiting == [signal.SIGTERM] * 2
        with pytest.raises(SystemExit) as ended:
            signals.deliver()
    assert ended.value.code == 143


def test_one_that_got_no_signal_ends_with_the_others() -> None:
    with pytest.raises(SystemExit) as ended, Signals(together=True) as signals:
        signals.deliver()
    assert ended.value.code == 143


LONG = ["steps=1000000", "checkpoint_every=1000"]


SLOW = pytest.mark.slow
CODES = [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2)]


@SLOW
@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("launcher", [[], ["torch.distributed.run"]])
def test_a_process_saves_before_it_ends(tmp_path: Path, launcher: list[str], number: int, code: int) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the signal is ignored here, as under nohup, and so it is by children")
    path, said = tmp_path / "training.safetensors", tmp_path / "steps"
    options = ["-m", *launcher, "--standalone", "--nproc_per_node", "2"] if launcher else []
    command = [sys.executable, *options, tiny_training.__file__, str(path), *LONG, "--steps-file", str(said)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while not said.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert launcher or process.returncode == code, errors.decode()
    state = start(steps=1000000)
    load(state, path)
    assert state.step >= 3
    whole = start(steps=1000000)
    for step in train(whole, Quadratic(), Ring()):
        if step.index == state.step - 1:
            break
    assert launcher or digest(whole) == digest(state)
    assert whole.losses == pytest.approx(state.losses, rel=1e-3)
