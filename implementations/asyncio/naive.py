"""echo on asyncio as its documentation teaches it, to measure what the contract costs.

https://docs.python.org/3/library/asyncio-stream.html#tcp-echo-server-using-streams: streams and
drain(), no care for errors, signals or anything else. The page reads once, 100 bytes; here it reads
until the end, as much at once as echo.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


async def handle_echo(reader: StreamReader, writer: StreamWriter) -> None:
    """Send every byte back until the peer ends."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def run(listener: socket, ready: Callable[[], None]) -> None:
    """Serve until the process is ended."""
    # the backlog is the listener's own: asyncio calls listen() again
    server = await asyncio.start_server(handle_echo, sock=listener, backlog=1024)
    ready()
    async with server:
        await server.serve_forever()


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    asyncio.run(run(listener, ready))
