"""Connecting as a state machine: to the first address of a name that answers.

Rules: a lookup blocks, so it has a thread of its own, the only one beside the loop's. No address
has to wait until another has failed (RFC 8305): whichever is first has won, and the rest is closed.
"""

from __future__ import annotations

from functools import partial
from selectors import EVENT_WRITE
from socket import SOCK_STREAM, getaddrinfo, socket
from typing import TYPE_CHECKING, Any

from implementations.contract import ATTEMPT_S
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from implementations.selectors.loop import Loop


class Dialer:
    """What all dials share."""

    def __init__(self, loop: Loop) -> None:
        """Dial nobody yet."""
        self.loop = loop
        self.lookups = Lookups()
        self.late = loop.alarm(ATTEMPT_S, Dial.attempt)


class Dial:
    """One race of connects; it calls once, with the socket or the error that came of it."""

    def __init__(
        self, dialer: Dialer, host: str, port: int, call: Callable[[socket | OSError], None]
    ) -> None:
        """Look the name up."""
        self.dialer = dialer
        self.call = call
        self.ended = False
        self.found: list[Any] = []
        self.attempts: set[socket] = set()
        later = dialer.loop.call_from_thread
        lookup = dialer.lookups.submit(getaddrinfo, host, port, type=SOCK_STREAM)
        lookup.add_done_callback(lambda lookup: later(partial(self.looked_up, lookup)))

    def looked_up(self, lookup: Future[Any]) -> None:
        """Try the first address."""
        if self.ended:
            return
        try:
            self.found = lookup.result()
        except OSError as error:
            self.end(error)
        else:
            self.attempt()

    def attempt(self) -> None:
        """Try the next address, and soon the one after it."""
        family, _, _, _, address = self.found.pop(0)
        connection = socket(family)
        connection.setblocking(False)
        connection.connect_ex(address)
        self.attempts.add(connection)
        tried = partial(self.tried, connection)
        self.dialer.loop.selector.register(connection, EVENT_WRITE, tried)
        if self.found:
            self.dialer.late.set(self)

    def tried(self, connection: socket) -> None:
        """Take the connection, or try another address."""
        if connection not in self.attempts:  # another was first, in the same turn of the loop
            return
        self.dialer.loop.selector.unregister(connection)
        self.attempts.remove(connection)
        try:
            connection.getpeername()
        except OSError as error:  # this one is not connected
            connection.close()
            if self.found:
                self.attempt()
            elif not self.attempts:
                self.end(error)
        else:
            self.end(connection)

    def end(self, result: socket | OSError) -> None:
        """Give up all other attempts, and say what came of it."""
        self.cancel()
        self.call(result)

    def cancel(self) -> None:
        """Give up every attempt."""
        self.ended = True
        self.dialer.late.clear(self)
        for connection in self.attempts:
            self.dialer.loop.selector.unregister(connection)
            connection.close()
        self.attempts.clear()
