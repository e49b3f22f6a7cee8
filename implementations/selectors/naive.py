"""echo on selectors as Python's documentation teaches it, to measure what the contract costs.

https://docs.python.org/3/library/selectors.html#examples: a selector with a callback for each
socket, no care for errors, signals or anything else. The example reads 1,000 bytes and hopes that
send() takes all of them; here it reads as much as echo.py, and what send() leaves is lost as there.
"""

from __future__ import annotations

from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions

sel = DefaultSelector()


def accept(listener: socket) -> None:
    """Serve one more connection."""
    connection, _address = listener.accept()
    connection.setblocking(False)
    sel.register(connection, EVENT_READ, read)


def read(connection: socket) -> None:
    """Send back what has come; close at the peer's end."""
    data = connection.recv(CHUNK)
    if data:
        connection.send(data)  # the example's comment: hope it won't block
    else:
        sel.unregister(connection)
        connection.close()


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    listener.setblocking(False)
    sel.register(listener, EVENT_READ, accept)
    ready()
    while True:
        for key, _events in sel.select():
            key.data(key.fileobj)
