"""echo on Tornado as its documentation teaches it, to measure what the contract costs.

https://www.tornadoweb.org/en/stable/tcpserver.html: a TCPServer whose handler reads and writes
until the stream is closed, no care for signals or anything else. The page reads line by line, which
holds back what has no line feed; here it reads what is there, as much at once as echo.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpserver import TCPServer

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class EchoServer(TCPServer):
    """Send every byte back until the peer ends."""

    async def handle_stream(self, stream: IOStream, address: object) -> None:  # noqa: ARG002
        """Serve one connection."""
        while True:
            try:
                data = await stream.read_bytes(CHUNK, partial=True)
                await stream.write(data)
            except StreamClosedError:
                break


async def run(listener: socket, ready: Callable[[], None]) -> None:
    """Serve until the process is ended."""
    listener.setblocking(False)
    EchoServer().add_socket(listener)
    ready()
    await asyncio.Event().wait()


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    asyncio.run(run(listener, ready))
