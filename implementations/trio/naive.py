"""echo on trio as its documentation teaches it, to measure what the contract costs.

https://trio.readthedocs.io/en/stable/tutorial.html#an-echo-server: streams as iterators, which read
as much as trio thinks right (64 KiB), and the tutorial's own containment of any error; no care for
signals or anything else. It serves the listener that it is given instead of a port.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


async def echo_server(stream: trio.SocketStream) -> None:
    """Send every byte back until the peer ends."""
    with suppress(Exception):  # the tutorial prints it: it would end all other connections
        async for data in stream:
            await stream.send_all(data)


async def run(listener: socket, ready: Callable[[], None]) -> None:
    """Serve until the process is ended."""
    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, echo_server, listeners)
        ready()


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    trio.run(run, listener, ready)
