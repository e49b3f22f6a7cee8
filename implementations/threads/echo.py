"""echo on threads: blocking sockets, and connections as threads of their own."""

from __future__ import annotations

import signal
import socket
from contextlib import nullcontext
from threading import BoundedSemaphore, Event, Thread
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakSet

from implementations.contract import BACKOFF_S, CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from implementations.contract import EchoOptions

SIGNALS = signal.SIGTERM, signal.SIGINT


def receive(connection: socket.socket, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return connection.recv(CHUNK)
    connection.settimeout(idle_s)  # idle: runs only while waiting to read
    try:
        return connection.recv(CHUNK)
    except TimeoutError:
        return b""
    finally:
        connection.settimeout(None)


def echo(
    connection: socket.socket,
    options: EchoOptions,
    slots: AbstractContextManager[object],
) -> None:
    """Send every byte back until the peer ends."""
    try:
        if options.tls:  # the first read or write shakes hands
            connection = options.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with connection, slots:  # limit: the surplus waits here, unread
            while data := receive(connection, options.idle_s):
                connection.sendall(data)  # backpressure: no more is read until all is written
            if options.tls:
                notify(connection)
            # end: leaving the block closes the socket, and our FIN follows the last byte
    except OSError:  # reset: concerns this connection alone
        pass


def notify(connection: socket.socket) -> None:
    """Send close_notify, without waiting for the peer's."""
    socket.socket.shutdown(connection, socket.SHUT_RD)  # below TLS: what waits to read, ends
    connection.unwrap()  # type: ignore[attr-defined]  # it is an SSLSocket


def accept(
    listener: socket.socket,
    options: EchoOptions,
    connections: WeakSet[Thread],
    stopped: Event,
) -> None:
    """Start a thread for every connection."""
    slots = BoundedSemaphore(options.limit) if options.limit else nullcontext()
    while True:
        try:
            connection, _address = listener.accept()
            thread = Thread(target=echo, args=(connection, options, slots), daemon=True)
            thread.start()
            connections.add(thread)
        except (OSError, RuntimeError):  # no more descriptors, no more threads, or shut down
            if stopped.wait(BACKOFF_S):
                return


def run(listener: socket.socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # for all threads: this one asks for them
    stopped = Event()
    connections: WeakSet[Thread] = WeakSet()
    accepting = Thread(target=accept, args=(listener, options, connections, stopped))
    accepting.start()
    ready()
    signal.sigwaitinfo(SIGNALS)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    stopped.set()
    listener.shutdown(socket.SHUT_RDWR)  # drain: the listener first, and accept() with it
    accepting.join()
    listener.close()
    end = monotonic() + options.grace_s
    for thread in list(connections):  # drain: those that are left at the grace end with the process
        thread.join(max(0.0, end - monotonic()))


def serve(listener: socket.socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
