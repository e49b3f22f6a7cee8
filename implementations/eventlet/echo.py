"""echo on eventlet: green sockets, and connections as green threads of one pool."""

from __future__ import annotations

import sys
from signal import SIG_DFL, SIGINT, SIGTERM, set_wakeup_fd, signal
from socket import socketpair
from ssl import SSLWantWriteError
from typing import TYPE_CHECKING, TypeAlias

import eventlet
from eventlet.green.ssl import GreenSSLSocket
from eventlet.greenio import GreenSocket
from eventlet.hubs import trampoline

from implementations.contract import BACKOFF_S, CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions

    Connection: TypeAlias = GreenSocket | GreenSSLSocket


def receive(connection: Connection, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return connection.recv(CHUNK)
    with eventlet.Timeout(idle_s, False):  # idle: runs only while waiting to read
        return connection.recv(CHUNK)
    return b""


def echo(connection: Connection, options: EchoOptions) -> None:
    """Send every byte back until the peer ends."""
    try:
        if options.tls:  # the first read or write shakes hands
            connection = GreenSSLSocket(
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


def notify(connection: GreenSSLSocket) -> None:
    """Send close_notify, without waiting for the peer's."""
    connection.setblocking(False)
    while True:
        try:
            connection.unwrap()
        except SSLWantWriteError:
            trampoline(connection, write=True)
        else:
            break


def accept(listener: socket, options: EchoOptions, connections: eventlet.GreenPool) -> None:
    """Start a green thread for every connection."""
    accepted = GreenSocket(listener)
    while True:
        try:
            connection, _address = accepted.accept()
        except OSError:
            eventlet.sleep(BACKOFF_S)
        else:
            connections.spawn(echo, connection, options)  # limit: waits while the pool is full


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    woken, waker = map(GreenSocket, socketpair())
    set_wakeup_fd(waker.fileno())
    for number in (SIGTERM, SIGINT):
        signal(number, lambda *_: None)  # the byte that arrives is its number
    connections = eventlet.GreenPool(options.limit or sys.maxsize)
    accepting = eventlet.spawn(accept, listener, options, connections)
    ready()  # the listener listens already: who connects now is accepted below
    while woken.recv(1)[0] not in (SIGTERM, SIGINT):  # a timer's signal comes here, too
        pass
    for number in (SIGTERM, SIGINT):
        signal(number, SIG_DFL)
    set_wakeup_fd(-1)
    accepting.kill()
    listener.close()  # drain: the listener first, then the connections, cut at the grace
    with eventlet.Timeout(options.grace_s, False):
        connections.waitall()
    for each in [*connections.coroutines_running]:
        each.kill()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
