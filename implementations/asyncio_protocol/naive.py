"""echo on asyncio's protocols as its documentation teaches it, to measure what the contract costs.

https://docs.python.org/3/library/asyncio-protocol.html#tcp-echo-server: a protocol that writes what
it receives, as much at once as the transport reads (256 KiB); no backpressure, no half-close, no
drain. The page closes after the first piece; here the transport does, when the peer ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class EchoServerProtocol(asyncio.Protocol):
    """Send every byte back until the peer ends."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Write it."""
        self.transport.write(data)


async def run(listener: socket, ready: Callable[[], None]) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    # the backlog is the listener's own: asyncio calls listen() again
    server = await loop.create_server(EchoServerProtocol, sock=listener, backlog=1024)
    ready()
    async with server:
        await server.serve_forever()


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    asyncio.run(run(listener, ready))
