"""echo on uvloop: asyncio's own, on libuv."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from implementations.asyncio.echo import run
from implementations.uvloop.loop import Loop, leave

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    uvloop.run(run(listener, options, ready, leave), loop_factory=Loop)
