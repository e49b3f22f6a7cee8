"""The loop of the fakes in callback style: it calls back when a descriptor is ready or it is time.

Rules: no coroutine, no thread, no protocol; one signal is handed on as a callback of its own.
"""

from __future__ import annotations

import heapq
import itertools
import select
import signal
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Loop:
    """Calls back when a descriptor is ready, and when it is time."""

    def __init__(self, *, edge: bool = False) -> None:
        """Watch nothing yet; `edge`: tell of a change once only."""
        self.edge = select.EPOLLET if edge else 0
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._cancelled: set[int] = set()
        self._wake, self._woken = socket.socketpair()

    def watch(self, fd: int, events: int, call: Callable[[], None]) -> None:
        """Call when one of the events has come, instead of what was called before."""
        change = self._epoll.modify if fd in self._calls else self._epoll.register
        change(fd, events | self.edge)
        self._calls[fd] = call

    def forget(self, fd: int) -> None:
        """Watch this descriptor no more."""
        if self._calls.pop(fd, None):
            self._epoll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> int:
        """Call once after so long; return what `cancel` wants."""
        number = next(self._numbers)
        heapq.heappush(self._timers, (time.monotonic() + seconds, number, call))
        return number

    def cancel(self, number: int | None) -> None:
        """Do not call."""
        if number is not None:
            self._cancelled.add(number)

    def after_signal(self, call: Callable[[], None]) -> None:
        """Call in the turn after a signal whose handler is Python's."""

        def woken() -> None:
            self._woken.recv(16)
            call()

        for end in (self._wake, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno())
        self.watch(self._woken.fileno(), READ, woken)

    def turn(self) -> None:
        """Wait for something, and do what is due."""
        wait = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else -1
        for fd, _ in self._epoll.poll(wait):
            call = self._calls.get(fd)
            if call is not None:
                call()
        while self._timers and self._timers[0][0] <= time.monotonic():
            _, number, call = heapq.heappop(self._timers)
            if number in self._cancelled:
                self._cancelled.discard(number)
            else:
                call()
