"""echo on NAME: blocking sockets, and connections as threads of their own.

It sends every byte back, and no more: what is missing is asked for where it belongs, in comments
that begin with `fill in` and a clause of SPEC.md.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def receive(connection: socket, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    # fill in E10, E14 (idle): b"" after idle_s seconds without a byte; None: never
    return connection.recv(CHUNK)


def echo(connection: socket, options: EchoOptions) -> None:
    """Send every byte back until the peer ends."""
    # fill in E15 (reset): an OSError ends this connection alone, and says nothing on stderr
    # fill in E11 (limit): of options.limit at most are beyond this line, the others wait, unread
    # fill in E20 (tls): wrap it by options.tls, where there is one; end it by close_notify
    with connection:
        while data := receive(connection, options.idle_s):
            connection.sendall(data)  # backpressure: no more is read until all is written
        # end: leaving the block closes the socket, and our FIN follows the last byte


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    # fill in E14, E16: SIGTERM and SIGINT are caught before ready(), and end the loop below
    ready()
    while True:
        # fill in E13, E13q: with no descriptor left accept() raises OSError: wait, try again
        connection, _ = listener.accept()
        Thread(target=echo, args=(connection, options), daemon=True).start()
    # fill in E12 (drain): close the listener, give connections options.grace_s to end, return


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
