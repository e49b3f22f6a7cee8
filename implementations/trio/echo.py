"""echo on trio: streams, and connections as tasks of one nursery."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

import trio

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from socket import socket

    from implementations.contract import EchoOptions


async def receive(stream: trio.SocketStream, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return await stream.receive_some(CHUNK)
    with trio.move_on_after(idle_s):  # idle: runs only while waiting to read
        return await stream.receive_some(CHUNK)
    return b""


async def echo(
    stream: trio.SocketStream,
    options: EchoOptions,
    slots: AbstractAsyncContextManager[object],
) -> None:
    """Send every byte back until the peer ends."""
    try:
        async with stream, slots:  # limit: the surplus waits here, unread
            while data := await receive(stream, options.idle_s):
                await stream.send_all(data)  # backpressure: no more is read until all is written
            # end: leaving the block closes the stream, and our FIN follows the last byte
    except trio.BrokenResourceError:  # reset: concerns this connection alone
        pass


async def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    slots = trio.CapacityLimiter(options.limit) if options.limit else nullcontext()
    handler = partial(echo, options=options, slots=slots)
    accepted = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    listeners = [trio.SSLListener(accepted, options.tls) if options.tls else accepted]
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            serve = partial(trio.serve_listeners, handler, listeners, handler_nursery=connections)
            with trio.open_signal_receiver(SIGTERM, SIGINT) as signals:
                await accepting.start(serve)
                ready()
                await anext(signals)
            accepting.cancel_scope.cancel()
        # drain: the listener first, then the connections, cut at the grace
        connections.cancel_scope.deadline = trio.current_time() + options.grace_s


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    trio.run(run, listener, options, ready)
