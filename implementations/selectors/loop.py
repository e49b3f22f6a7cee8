"""The event loop below echo and fetch: what every framework hides.

Rules: it calls back, and nothing else: when a socket is ready, when a moment has come, when a
signal or another thread asks for it. It knows nothing of bytes, and each step is the caller's own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from signal import SIG_DFL, SIGINT, SIGTERM, set_wakeup_fd, signal
from socket import socket, socketpair
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from implementations.contract import BACKOFF_S

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 4096  # bytes that say no more than that there is something to look for

T = TypeVar("T")


class Alarm(Generic[T]):
    """Calls for each item that was set so long ago. All wait equally long: the oldest is first."""

    def __init__(self, after_s: float, call: Callable[[T], object]) -> None:
        """Call after so many seconds."""
        self.after_s = after_s
        self.call = call
        self._due: OrderedDict[T, float] = OrderedDict()

    def set(self, item: T) -> None:
        """Let the time of an item begin, or begin anew."""
        self._due[item] = monotonic() + self.after_s
        self._due.move_to_end(item)

    def clear(self, item: T) -> None:
        """Forget an item, if it is set."""
        self._due.pop(item, None)

    def left(self) -> float | None:
        """Return the seconds until the next call; None where none is due."""
        return next(iter(self._due.values())) - monotonic() if self._due else None

    def ring(self) -> None:
        """Call for every item whose time has come."""
        while (left := self.left()) is not None and left <= 0:
            item, _due = self._due.popitem(last=False)
            self.call(item)


class Loop:
    """Waits for all that anybody waits for, in one place."""

    def __init__(self) -> None:
        """Wait for nothing yet but for other threads."""
        self.selector = DefaultSelector()
        self._alarms: list[Alarm[object]] = []
        self._calls: deque[Callable[[], object]] = deque()
        self._running = True
        # Whatever else can happen becomes a byte on a socket, so that one call waits for all.
        self._woken, self._waker = socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._caught: Callable[[int], object] | None = None
        self.selector.register(self._woken, EVENT_READ, self._wake)

    def alarm(self, after_s: float, call: Callable[[T], object]) -> Alarm[T]:
        """Return a new alarm of this loop."""
        alarm = Alarm(after_s, call)
        self._alarms.append(alarm)  # type: ignore[arg-type]  # the loop never sets an item
        return alarm

    def call_from_thread(self, call: Callable[[], object]) -> None:
        """Call in the loop's own thread, from any other."""
        self._calls.append(call)
        with suppress(BlockingIOError):  # full of bytes that will wake it as well
            self._waker.send(b"\0")

    def catch_signals(self, call: Callable[[int], object]) -> None:
        """Call with the number of the first SIGTERM or SIGINT; the default action is back then."""
        self._caught = call
        set_wakeup_fd(self._waker.fileno())
        for number in (SIGTERM, SIGINT):
            signal(number, lambda *_: None)  # the byte that arrives is its number

    def release_signals(self) -> None:
        """Let signals have their default action."""
        self._caught = None
        set_wakeup_fd(-1)
        for number in (SIGTERM, SIGINT):
            signal(number, SIG_DFL)

    def _wake(self) -> None:
        for number in self._woken.recv(MANY):
            if self._caught and number in (SIGTERM, SIGINT):
                caught = self._caught
                self.release_signals()
                caught(number)
        while self._calls:
            self._calls.popleft()()

    def run(self) -> None:
        """Call back until stop()."""
        while self._running:
            due = [left for alarm in self._alarms if (left := alarm.left()) is not None]
            for key, _events in self.selector.select(max(0.0, min(due)) if due else None):
                if self._running:
                    key.data()
            for alarm in self._alarms:
                if self._running:
                    alarm.ring()

    def stop(self) -> None:
        """Call back no more."""
        self._running = False

    def close(self) -> None:
        """Let go of what the loop itself holds."""
        self.selector.close()
        self._woken.close()
        self._waker.close()


class Acceptor:
    """Calls with every new connection, while it is not told to rest."""

    def __init__(self, loop: Loop, listener: socket, call: Callable[[socket], object]) -> None:
        """Take over a listener."""
        self._loop = loop
        self._listener = listener
        self._call = call
        self._failed = loop.alarm(BACKOFF_S, Acceptor.go_on)
        self._accepting = False
        listener.setblocking(False)
        self.go_on()

    def go_on(self) -> None:
        """Accept, from now on."""
        if not self._accepting:
            self._accepting = True
            self._failed.clear(self)
            self._loop.selector.register(self._listener, EVENT_READ, self._accept)

    def rest(self) -> None:
        """Leave new connections in the kernel."""
        self._failed.clear(self)
        if self._accepting:
            self._accepting = False
            self._loop.selector.unregister(self._listener)

    def close(self) -> None:
        """Accept no more, for good."""
        self.rest()
        self._listener.close()

    def _accept(self) -> None:
        if not self._accepting:  # told to rest in the same turn of the loop
            return
        try:
            connection, _address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            self.rest()
            self._failed.set(self)
            return
        connection.setblocking(False)
        self._call(connection)
