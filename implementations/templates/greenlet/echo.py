"""echo on NAME: blocking sockets, and connections as greenlets of one pool.

It stands on gevent until yours takes its place, sends every byte back, and no more: what is missing
is asked for where it belongs, in comments that begin with `fill in` and a clause of SPEC.md.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from gevent.server import StreamServer

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    import gevent.socket

    from implementations.contract import EchoOptions

    Connection: TypeAlias = gevent.socket.socket


def receive(connection: Connection, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    # fill in E10, E14 (idle): b"" after idle_s seconds without a byte; None: never
    return connection.recv(CHUNK)


def echo(connection: Connection, _address: object, options: EchoOptions) -> None:
    """Send every byte back until the peer ends."""
    # fill in E15 (reset): an OSError ends this connection alone, and says nothing on stderr
    # fill in E20 (tls): wrap it by options.tls, where there is one; end it by close_notify
    with connection:
        while data := receive(connection, options.idle_s):
            connection.sendall(data)  # backpressure: no more is read until all is written
        # end: leaving the block closes the socket, and our FIN follows the last byte


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    listener.setblocking(False)
    # fill in E11 (limit): of options.limit connections at most are served, the others wait, unread
    server = StreamServer(listener, partial(echo, options=options))
    server.start()
    # fill in E14, E16: SIGTERM and SIGINT are caught before ready(), and end the wait below
    ready()
    server.serve_forever()
    # fill in E12 (drain): close the listener, give connections options.grace_s to end, return


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
