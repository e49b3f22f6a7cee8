"""echo on NAME: streams, and connections as tasks.

It stands on asyncio until yours takes its place, sends every byte back, and no more: what is
missing is asked for where it belongs, in comments that begin with `fill in` and a clause of
SPEC.md.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


async def receive(reader: StreamReader, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    # fill in E10, E14 (idle): b"" after idle_s seconds without a byte; None: never
    return await reader.read(CHUNK)


async def echo(reader: StreamReader, writer: StreamWriter, options: EchoOptions) -> None:
    """Send every byte back until the peer ends."""
    # fill in E15 (reset): an OSError ends this connection alone, and says nothing on stderr
    # fill in E11 (limit): of options.limit at most are beyond this line, the others wait, unread
    while data := await receive(reader, options.idle_s):
        writer.write(data)
        await writer.drain()  # backpressure: no more is read until all is written
    writer.close()  # end: our FIN follows the last byte
    await writer.wait_closed()


def fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what went wrong, but nothing of a failed accept: it is tried again."""
    if "socket" not in context:
        loop.default_exception_handler(context)


async def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    asyncio.get_running_loop().set_exception_handler(fault)
    # fill in E20 (tls): every connection speaks TLS by options.tls, where there is one
    serving = await asyncio.start_server(
        partial(echo, options=options), sock=listener, backlog=1024
    )
    # fill in E14, E16: SIGTERM and SIGINT are caught before ready(), and end the wait below
    ready()
    await serving.serve_forever()
    # fill in E12 (drain): close the listener, give connections options.grace_s to end, return


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    asyncio.run(run(listener, options, ready))
