"""echo on anyio as its documentation teaches it, to measure what the contract costs.

https://anyio.readthedocs.io/en/stable/networking.html#working-with-tcp-sockets: the code of
anyio_asyncio, on trio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from implementations.anyio_asyncio.naive import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    anyio.run(run, listener, ready, backend="trio")
