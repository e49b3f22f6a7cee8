"""echo on generators: sockets, and connections as tasks of one group."""

from __future__ import annotations

from contextlib import suppress
from selectors import EVENT_WRITE
from signal import SIGINT, SIGTERM
from ssl import SSLSocket, SSLWantWriteError
from typing import TYPE_CHECKING

from implementations.contract import BACKOFF_S, CHUNK
from implementations.generators import sockets, trampoline
from implementations.generators.trampoline import Group, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions
    from implementations.generators.trampoline import Work


def receive(connection: socket, idle_s: float | None) -> Work[bytes]:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return (yield from sockets.receive(connection, CHUNK))
    with suppress(TimeoutError), Timeout(idle_s):  # idle: runs only while waiting to read
        return (yield from sockets.receive(connection, CHUNK))
    return b""


def echo(connection: socket, options: EchoOptions) -> Work[None]:
    """Send every byte back until the peer ends."""
    try:
        if options.tls:  # the first read or write shakes hands
            connection = options.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with connection:
            while data := (yield from receive(connection, options.idle_s)):
                # backpressure: no more is read until all is written
                yield from sockets.send(connection, data)
            if isinstance(connection, SSLSocket):
                yield from notify(connection)
            # end: leaving the block closes the socket, and our FIN follows the last byte
    except OSError:  # reset: concerns this connection alone
        pass


def notify(connection: SSLSocket) -> Work[None]:
    """Send close_notify, without waiting for the peer's."""
    while True:
        try:
            connection.unwrap()
        except SSLWantWriteError:
            yield connection, EVENT_WRITE
        else:
            break


def accept(listener: socket, options: EchoOptions, connections: Group) -> Work[None]:
    """Start a task for every connection."""
    with listener:
        while True:
            if options.limit:  # limit: the surplus waits unaccepted
                yield from connections.join(rest=options.limit - 1)
            try:
                connection = yield from sockets.accept(listener)
            except OSError:
                yield from trampoline.sleep(BACKOFF_S)
            else:
                connections.spawn(echo(connection, options))


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> Work[None]:
    """Serve until a signal, then drain."""
    listener.setblocking(False)
    accepting, connections = Group(), Group()
    with sockets.Signals(SIGTERM, SIGINT) as signals:
        accepting.spawn(accept(listener, options, connections))
        ready()
        yield from signals.get()
    accepting.cancel()
    yield from accepting.join()
    with suppress(TimeoutError), Timeout(options.grace_s):  # drain: cut at the grace
        yield from connections.join()
    connections.cancel()
    yield from connections.join()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    trampoline.run(run(listener, options, ready))
