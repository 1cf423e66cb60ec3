from __future__ import annotations

import signal
import threading

import pytest

from unnoise.training.interrupts import deferred_interrupt


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def interrupted(times: int, done: list[bool]) -> None:
    with deferred_interrupt():
        for _ in range(times):
            interrupt()
        done.append(True)


@pytest.mark.parametrize(("times", "done"), [(1, [True]), (2, [])])
def test_the_first_interrupt_waits_for_the_end_and_the_second_does_not(times: int, done: list[bool]) -> None:
    before, reached = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt):
        interrupted(times, reached)
    assert reached == done
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_block_restores_the_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="broken"), deferred_interrupt():
        raise RuntimeError("broken")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_of_the_user_is_called_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append("handler"))
    try:
        with deferred_interrupt():
            interrupt()
            calls.append("block")
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == ["block", "handler"]


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interrupt():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_just_runs_the_block() -> None:
    seen = []

    def work() -> None:
        with deferred_interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
