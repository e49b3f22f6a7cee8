"""echo on anyio as its documentation teaches it, to measure what the contract costs.

https://anyio.readthedocs.io/en/stable/networking.html#working-with-tcp-sockets: a listener's own
serve(), with a handler in a block that closes the stream; no care for errors, signals or anything
else. The page receives once, 1,024 bytes; here it receives until the end, as anyio thinks right
(64 KiB), from the listener that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketListener

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from anyio.abc import SocketStream

    from implementations.contract import EchoOptions


async def handle(client: SocketStream) -> None:
    """Send every byte back until the peer ends."""
    async with client:
        async for data in client:
            await client.send(data)


async def run(listener: socket, ready: Callable[[], None]) -> None:
    """Serve until the process is ended."""
    listener.setblocking(False)
    accepted = await SocketListener.from_socket(listener)
    ready()  # the listener listens already: who connects now is accepted below
    await accepted.serve(handle)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    anyio.run(run, listener, ready, backend="asyncio")
