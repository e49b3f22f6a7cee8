"""echo on asyncore as its documentation teaches it, to measure what the contract costs.

https://docs.python.org/3.11/library/asyncore.html#asyncore-example-basic-echo-server: a dispatcher
that sends back what it receives and hopes that all went, no care for errors, signals or anything
else. The page receives 8,192 bytes at once; here it is as much as in echo.py, from the listener
that it is given, and by poll(), as select() takes no more than a thousand connections.
"""

from __future__ import annotations

import asyncore
from typing import TYPE_CHECKING

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class EchoHandler(asyncore.dispatcher_with_send):
    """Send every byte back until the peer ends."""

    def handle_read(self) -> None:
        """Send it."""
        data = self.recv(CHUNK)
        if data:
            self.send(data)


class EchoServer(asyncore.dispatcher):
    """Accepts connections."""

    accepting = True

    def handle_accepted(self, connection: socket, _address: object) -> None:
        """Serve one."""
        EchoHandler(connection)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    EchoServer(listener)
    ready()
    asyncore.loop(use_poll=True)
