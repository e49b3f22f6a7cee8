"""echo on anyio: the code of anyio_asyncio, on trio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from implementations.anyio_asyncio.echo import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    anyio.run(run, listener, options, ready, backend="trio")
