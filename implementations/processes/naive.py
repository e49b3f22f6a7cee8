"""echo on processes as Python's documentation teaches it, to measure what the contract costs.

https://docs.python.org/3/library/socketserver.html#asynchronous-mixins: a ForkingTCPServer, used in
the same way as the ThreadingTCPServer of the example, forks for each connection; no care for
errors, signals or anything else. The example reads once, 1,024 bytes; here it reads until the end,
as much at once as echo.py.
"""

from __future__ import annotations

from socketserver import ForkingTCPServer
from typing import TYPE_CHECKING

from implementations.threads.naive import EchoHandler

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    server = ForkingTCPServer(("", 0), EchoHandler, bind_and_activate=False)
    server.socket = listener  # the one that is given, in place of the one that it would bind
    ready()
    server.serve_forever()
