"""echo on gevent: blocking sockets, and connections as greenlets of one pool."""

from __future__ import annotations

from functools import partial
from signal import SIGINT, SIGTERM
from ssl import SSLWantWriteError
from typing import TYPE_CHECKING, TypeAlias

import gevent
import gevent.socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gevent.ssl import SSLSocket

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions

    Connection: TypeAlias = gevent.socket.socket


def receive(connection: Connection, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return connection.recv(CHUNK)
    with gevent.Timeout(idle_s, exception=False):  # idle: runs only while waiting to read
        return connection.recv(CHUNK)
    return b""


def echo(connection: Connection, _address: object, options: EchoOptions) -> None:
    """Send every byte back until the peer ends."""
    try:
        if options.tls:  # the first read or write shakes hands
            connection = SSLSocket(
                connection, server_side=True, do_handshake_on_connect=False, _context=options.tls
            )
        with connection:
            while data := receive(connection, options.idle_s):
                connection.sendall(data)  # backpressure: no more is read until all is written
            if options.tls:
                notify(connection)
            # end: leaving the block closes the socket, and our FIN follows the last byte
    except OSError:  # reset: concerns this connection alone
        pass


def notify(connection: SSLSocket) -> None:
    """Send close_notify, without waiting for the peer's."""
    connection.setblocking(False)
    while True:
        try:
            return connection.unwrap()
        except SSLWantWriteError:
            gevent.socket.wait_write(connection.fileno())


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    listener.setblocking(False)
    stopped = Event()
    watchers = [gevent.signal_handler(number, stopped.set) for number in (SIGTERM, SIGINT)]
    connections = Pool(options.limit)  # limit: while the pool is full, no more are accepted
    server = StreamServer(listener, partial(echo, options=options), spawn=connections)
    server.start()
    ready()
    stopped.wait()
    for watcher in watchers:
        watcher.cancel()
    server.stop(options.grace_s)  # drain: listener first, then the connections, cut at the grace


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
