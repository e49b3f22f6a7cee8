"""The hand-written loop: what is due first, what a turn of it may undo, who wakes it."""

import socket
from collections.abc import Iterator
from selectors import EVENT_READ
from threading import Thread, get_ident

import pytest

from implementations.selectors import loop as loops
from implementations.selectors.loop import Acceptor, Alarm, Loop


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a clock that stands still until its one item is changed."""
    now = [100.0]
    monkeypatch.setattr(loops, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def loop() -> Iterator[Loop]:
    """Yield a loop."""
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a listener on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_an_item_set_anew_waits_for_the_whole_time(clock: list[float]) -> None:
    """What is set again is due after what was set between, and is called once."""
    rung: list[str] = []
    alarm = Alarm(1.0, rung.append)
    alarm.set("renewed")
    clock[0] += 0.5
    alarm.set("between")
    alarm.set("cleared")
    clock[0] += 0.25
    alarm.set("renewed")
    alarm.clear("cleared")
    clock[0] += 0.5
    assert alarm.left() == 0.25
    alarm.ring()
    assert rung == []
    clock[0] += 0.25
    alarm.ring()
    assert rung == ["between"]
    clock[0] += 0.25
    alarm.ring()
    assert rung == ["between", "renewed"]
    assert alarm.left() is None


def test_another_thread_wakes_the_loop(loop: Loop) -> None:
    """A loop that waits for nothing else calls what a thread asks for, in its own thread."""
    called: list[int] = []

    def call() -> None:
        called.append(get_ident())
        loop.stop()

    thread = Thread(target=loop.call_from_thread, args=(call,))
    thread.start()
    loop.run()
    thread.join()
    assert called == [get_ident()]


def test_nothing_is_called_after_stop(loop: Loop) -> None:
    """Of two sockets that are ready in one turn, the second is not called once the first stops."""
    called: list[str] = []

    def call() -> None:
        called.append("called")
        loop.stop()

    pairs = [socket.socketpair() for _ in range(2)]
    for near, far in pairs:
        far.send(b"x")
        loop.selector.register(near, EVENT_READ, call)
    loop.run()
    assert called == ["called"]
    for pair in pairs:
        for each in pair:
            each.close()


def test_a_listener_that_was_closed_in_the_same_turn_is_left_alone(
    loop: Loop, listener: socket.socket
) -> None:
    """An acceptor that is closed by another call of the turn accepts nothing and is not set."""
    came: list[socket.socket] = []
    acceptor = Acceptor(loop, listener, came.append)
    with socket.create_connection(listener.getsockname()):
        (ready, _events), *_ = loop.selector.select(10)
        acceptor.close()
        ready.data()
    assert came == []
    assert all(alarm.left() is None for alarm in loop._alarms)
