"""echo on curio: sockets, and connections as tasks of one group."""

from __future__ import annotations

from contextlib import nullcontext
from signal import SIG_DFL, SIGINT, SIGTERM, set_wakeup_fd, signal
from socket import socketpair
from ssl import SSLWantWriteError
from typing import TYPE_CHECKING

import curio
from curio.io import Socket
from curio.ssl import CurioSSLContext
from curio.traps import _write_wait

from implementations.contract import BACKOFF_S, CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from socket import socket

    from implementations.contract import EchoOptions


async def receive(connection: Socket, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return await connection.recv(CHUNK)
    async with curio.ignore_after(idle_s):  # idle: runs only while waiting to read
        return await connection.recv(CHUNK)
    return b""


async def echo(
    connection: Socket,
    options: EchoOptions,
    slots: AbstractAsyncContextManager[object],
) -> None:
    """Send every byte back until the peer ends."""
    try:
        if options.tls:  # the first read or write shakes hands
            wrap = CurioSSLContext(options.tls).wrap_socket
            connection = await wrap(connection, server_side=True, do_handshake_on_connect=False)
        async with connection, slots:  # limit: the surplus waits here, unread
            while data := await receive(connection, options.idle_s):
                await connection.sendall(data)  # backpressure: no more is read until all is written
            if options.tls:
                await notify(connection)
            # end: leaving the block closes the socket, and our FIN follows the last byte
    except OSError:  # reset: concerns this connection alone
        pass


async def notify(connection: Socket) -> None:
    """Send close_notify, without waiting for the peer's."""
    while True:
        try:
            return connection.unwrap()
        except SSLWantWriteError:
            await _write_wait(connection.fileno())


async def accept(
    listener: socket,
    options: EchoOptions,
    ready: Callable[[], None],
    connections: curio.TaskGroup,
) -> None:
    """Start a task for every connection."""
    slots = curio.Semaphore(options.limit) if options.limit else nullcontext()
    async with Socket(listener) as accepted:
        ready()
        while True:
            try:
                connection, _address = await accepted.accept()
            except OSError:
                await curio.sleep(BACKOFF_S)
            else:
                await connections.spawn(echo, connection, options, slots)


async def reap(connections: curio.TaskGroup) -> None:
    """Let go of every task that has ended, until none is left."""
    async for _ended in connections:
        pass


async def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    woken, waker = map(Socket, socketpair())
    set_wakeup_fd(waker.fileno())
    for number in (SIGTERM, SIGINT):
        signal(number, lambda *_: None)  # the byte that arrives is its number
    connections = curio.TaskGroup()
    accepting = await connections.spawn(accept, listener, options, ready, connections)
    reaping = await curio.spawn(reap, connections)
    while (await woken.recv(1))[0] not in (SIGTERM, SIGINT):  # a timer's signal comes here, too
        pass
    for number in (SIGTERM, SIGINT):
        signal(number, SIG_DFL)
    set_wakeup_fd(-1)
    await accepting.cancel()
    async with curio.ignore_after(options.grace_s):  # drain: cut at the grace
        await reaping.join()
    await connections.cancel_remaining()
    await reaping.join()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    curio.run(run, listener, options, ready)
