"""echo on eventlet as its documentation teaches it, to measure what the contract costs.

https://eventlet.readthedocs.io/en/latest/examples.html#echo-server: an accept loop and a green
thread of the pool for each connection, no care for errors, signals or anything else. The example
reads line by line, which holds back what has no line feed, and leaves the end to the garbage
collector; here it reads what is there, as much at once as echo.py, and closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import eventlet
from eventlet.greenio import GreenSocket

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def handle(connection: GreenSocket) -> None:
    """Send every byte back until the peer ends."""
    with connection:
        while data := connection.recv(CHUNK):
            connection.sendall(data)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    server = GreenSocket(listener)
    pool = eventlet.GreenPool(10_000)  # as many as the example has
    ready()
    while True:
        connection, _address = server.accept()
        pool.spawn_n(handle, connection)
