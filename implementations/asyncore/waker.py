"""What ends a poll() before its time: signals, and whatever a thread has to tell.

Rules: both come as bytes on a socket, a signal's number or 0, for asyncore knows nothing else; it
is a channel among the others.
"""

from __future__ import annotations

import asyncore
from contextlib import suppress
from signal import SIG_DFL, SIGINT, SIGTERM, set_wakeup_fd, signal
from socket import socketpair


class Waker(asyncore.dispatcher):
    """Catches SIGINT and SIGTERM until it is closed; then their default actions are back."""

    def __init__(self, channels: dict[int, asyncore.dispatcher]) -> None:
        """Begin to catch."""
        woken, self.waker = socketpair()
        super().__init__(woken, channels)
        self.caught: int | None = None
        self.waker.setblocking(False)
        set_wakeup_fd(self.waker.fileno())
        for number in (SIGINT, SIGTERM):
            signal(number, lambda *_: None)

    def wake(self) -> None:
        """End the poll() that is under way, from any thread."""
        with suppress(BlockingIOError):  # full: it has yet to see that it was woken
            self.waker.send(b"\0")

    def writable(self) -> bool:
        """Never wait to write."""
        return False

    def handle_read(self) -> None:
        """Keep the first signal that is one of the two: a timer's comes here, too."""
        for number in self.recv(4096):
            if number in (SIGINT, SIGTERM) and self.caught is None:
                self.caught = number

    def close(self) -> None:
        """Catch no more."""
        for number in (SIGINT, SIGTERM):
            signal(number, SIG_DFL)
        set_wakeup_fd(-1)
        self.waker.close()
        super().close()
