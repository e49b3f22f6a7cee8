"""echo on asyncio: streams, and connections as tasks of one group."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from signal import SIG_DFL, SIGINT, SIGTERM, signal
from typing import TYPE_CHECKING, Any

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from socket import socket

    from implementations.contract import EchoOptions


async def receive(reader: StreamReader, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    if idle_s is None:
        return await reader.read(CHUNK)
    with suppress(TimeoutError):
        async with asyncio.timeout(idle_s):  # idle: runs only while waiting to read
            return await reader.read(CHUNK)
    return b""


async def echo(
    reader: StreamReader,
    writer: StreamWriter,
    options: EchoOptions,
    slots: AbstractAsyncContextManager[None],
) -> None:
    """Send every byte back until the peer ends."""
    writer.transport.set_write_buffer_limits(high=1 if options.tls else 0)
    try:
        try:
            async with slots:  # limit: the surplus waits here, unread
                while data := await receive(reader, options.idle_s):
                    writer.write(data)
                    await writer.drain()  # backpressure: no more is read until all is written
                writer.close()  # end: our FIN follows the last byte
                await writer.wait_closed()
        finally:
            writer.transport.abort()  # drain: whatever is left open is cut
            await writer.wait_closed()  # or its error would be logged as never retrieved
    except OSError as error:  # reset: concerns this connection alone
        error.__traceback__ = error.__context__ = None  # or reader and error hold each other


def fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what went wrong, but nothing of a failed accept: it is tried again."""
    if "socket" not in context:
        loop.default_exception_handler(context)


def leave(_server: asyncio.Server, listener: socket) -> None:
    """Accept no more; not by Server.close(): what it has accepted by then it trips over."""
    asyncio.get_running_loop().remove_reader(listener)


async def run(
    listener: socket,
    options: EchoOptions,
    ready: Callable[[], None],
    leave: Callable[[asyncio.Server, socket], None] = leave,
) -> None:
    """Serve until a signal, then drain."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(fault)
    stopped = asyncio.Event()
    for number in (SIGTERM, SIGINT):
        loop.add_signal_handler(number, stopped.set)
    slots = asyncio.Semaphore(options.limit) if options.limit else nullcontext()
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as grace, asyncio.TaskGroup() as connections:

            def connected(reader: StreamReader, writer: StreamWriter) -> None:
                if stopped.is_set():
                    writer.transport.abort()  # drain: accepted just before, and too late
                else:
                    connections.create_task(echo(reader, writer, options, slots))

            server = await asyncio.start_server(
                connected, sock=listener, backlog=1024, ssl=options.tls
            )
            ready()
            await stopped.wait()
            for number in (SIGTERM, SIGINT):
                loop.remove_signal_handler(number)
                signal(number, SIG_DFL)
            leave(server, listener)
            listener.close()  # drain: the listener first, then the connections, cut at the grace
            grace.reschedule(loop.time() + options.grace_s)


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    asyncio.run(run(listener, options, ready))
