"""echo on curio as its documentation teaches it, to measure what the contract costs.

https://github.com/dabeaz/curio (the README's echo server): sockets and curio's own accept loop, no
care for errors, signals or anything else. The README reads 1,000 bytes at once; here it reads as
much as echo.py, from the listener that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import curio
from curio.io import Socket
from curio.network import run_server

from implementations.contract import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


async def echo_client(client: Socket, _address: object) -> None:
    """Send every byte back until the peer ends."""
    while data := await client.recv(CHUNK):
        await client.sendall(data)


async def run(listener: socket, ready: Callable[[], None]) -> None:
    """Serve until the process is ended."""
    ready()  # the listener listens already: who connects now is accepted below
    await run_server(Socket(listener), echo_client)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    curio.run(run, listener, ready)
