"""echo on threads as Python's documentation teaches it, to measure what the contract costs.

https://docs.python.org/3/library/socketserver.html#asynchronous-mixins: a ThreadingTCPServer, which
starts a thread for each connection, no care for errors, signals or anything else. The example reads
once, 1,024 bytes; here it reads until the end, as much at once as echo.py.
"""

from __future__ import annotations

from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class EchoHandler(BaseRequestHandler):
    """Serves one connection."""

    def handle(self) -> None:
        """Send every byte back until the peer ends."""
        while data := self.request.recv(CHUNK):
            self.request.sendall(data)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    server = ThreadingTCPServer(("", 0), EchoHandler, bind_and_activate=False)
    server.socket = listener  # the one that is given, in place of the one that it would bind
    ready()
    server.serve_forever()
