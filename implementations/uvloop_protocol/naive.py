"""echo on uvloop as its documentation teaches it, to measure what the contract costs.

https://uvloop.readthedocs.io/user/index.html: uvloop.run() in place of asyncio.run(), and the rest
as asyncio's documentation has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from implementations.asyncio_protocol.naive import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    uvloop.run(run(listener, ready))
