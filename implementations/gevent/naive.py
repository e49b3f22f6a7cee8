"""echo on gevent as its documentation teaches it, to measure what the contract costs.

https://www.gevent.org/examples/echoserver.html: a StreamServer with a function for each connection,
no care for errors, signals or anything else. The example reads line by line, which holds back what
has no line feed; here it reads what is there, as much at once as echo.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gevent.server import StreamServer

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    import gevent.socket

    from implementations.contract import EchoOptions


def echo(connection: gevent.socket.socket, _address: object) -> None:
    """Send every byte back until the peer ends."""
    while data := connection.recv(CHUNK):
        connection.sendall(data)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    listener.setblocking(False)
    server = StreamServer(listener, echo)
    server.start()
    ready()
    server.serve_forever()
