"""echo on anyio: streams, and connections as tasks of one group."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import partial
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketListener
from anyio.streams.tls import TLSStream

from implementations.contract import BACKOFF_S, CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from socket import socket

    from anyio.abc import ByteStream, SocketStream, TaskGroup

    from implementations.contract import EchoOptions


async def receive(stream: ByteStream, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    with suppress(anyio.EndOfStream):
        if idle_s is None:
            return await stream.receive(CHUNK)
        with anyio.move_on_after(idle_s):  # idle: runs only while waiting to read
            return await stream.receive(CHUNK)
    return b""


def pause(accepted: SocketStream) -> None:
    """Keep asyncio from reading on: it begins before the first receive() and ends with a wait."""
    if transport := getattr(accepted, "_transport", None):
        transport.pause_reading()


async def echo(
    accepted: SocketStream, options: EchoOptions, slots: AbstractAsyncContextManager[object]
) -> None:
    """Send every byte back until the peer ends."""
    pause(accepted)
    stream: ByteStream = accepted
    try:
        async with accepted, slots:  # limit: the surplus waits here, unread
            if options.tls:
                stream = await TLSStream.wrap(accepted, server_side=True, ssl_context=options.tls)
            while data := await receive(stream, options.idle_s):
                await stream.send(data)  # backpressure: no more is read until all is written
            with anyio.move_on_after(options.idle_s):  # TLS waits for the peer's close_notify
                await stream.aclose()  # end: our FIN follows the last byte
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
        pass  # reset: concerns this connection alone


async def accept(listener: SocketListener, options: EchoOptions, connections: TaskGroup) -> None:
    """Start a task for every connection."""
    slots = anyio.CapacityLimiter(options.limit) if options.limit else nullcontext()
    handler = partial(echo, options=options, slots=slots)
    while True:
        try:
            await listener.serve(handler, connections)
        except (OSError, anyio.BrokenResourceError):
            await anyio.sleep(BACKOFF_S)


async def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    listener.setblocking(False)
    async with anyio.create_task_group() as connections:
        async with (
            await SocketListener.from_socket(listener) as accepted,
            anyio.create_task_group() as accepting,
        ):
            with anyio.open_signal_receiver(SIGTERM, SIGINT) as signals:
                accepting.start_soon(accept, accepted, options, connections)
                ready()
                await anext(signals)
            accepting.cancel_scope.cancel()
        # drain: the listener first, then the connections, cut at the grace
        connections.cancel_scope.deadline = anyio.current_time() + options.grace_s


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    anyio.run(run, listener, options, ready, backend="asyncio")
