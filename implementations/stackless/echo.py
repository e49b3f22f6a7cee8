"""echo on Stackless tasklets: sockets, and connections as tasklets of one group."""

from __future__ import annotations

from contextlib import suppress
from selectors import EVENT_WRITE
from signal import SIGINT, SIGTERM
from ssl import SSLSocket, SSLWantWriteError
from typing import TYPE_CHECKING

from implementations.contract import BACKOFF_S, CHUNK
from implementations.stackless import sockets, tasklets
from implementations.stackless.tasklets import Group, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def receive(connection: socket, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return sockets.receive(connection, CHUNK)
    with suppress(TimeoutError), Timeout(idle_s):  # idle: runs only while waiting to read
        return sockets.receive(connection, CHUNK)
    return b""


def echo(connection: socket, options: EchoOptions) -> None:
    """Send every byte back until the peer ends."""
    try:
        if options.tls:  # the first read or write shakes hands
            connection = options.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with connection:
            while data := receive(connection, options.idle_s):
                # backpressure: no more is read until all is written
                sockets.send(connection, data)
            if isinstance(connection, SSLSocket):
                notify(connection)
            # end: leaving the block closes the socket, and our FIN follows the last byte
    except OSError:  # reset: concerns this connection alone
        pass


def notify(connection: SSLSocket) -> None:
    """Send close_notify, without waiting for the peer's."""
    while True:
        try:
            connection.unwrap()
        except SSLWantWriteError:
            tasklets.wait_for(connection, EVENT_WRITE)
        else:
            break


def accept(listener: socket, options: EchoOptions, connections: Group) -> None:
    """Start a tasklet for every connection."""
    with listener:
        while True:
            if options.limit:  # limit: the surplus waits unaccepted
                connections.join(rest=options.limit - 1)
            try:
                connection = sockets.accept(listener)
            except OSError:
                tasklets.sleep(BACKOFF_S)
            else:
                connections.spawn(echo, connection, options)


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    listener.setblocking(False)
    accepting, connections = Group(), Group()
    with sockets.Signals(SIGTERM, SIGINT) as signals:
        accepting.spawn(accept, listener, options, connections)
        ready()
        signals.get()
    accepting.kill()
    accepting.join()
    with suppress(TimeoutError), Timeout(options.grace_s):  # drain: cut at the grace
        connections.join()
    connections.kill()
    connections.join()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    tasklets.run(run, listener, options, ready)
