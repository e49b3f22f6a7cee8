"""echo on rloop: asyncio's own, on Rust's mio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from implementations.asyncio.echo import run
from implementations.rloop.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(run(listener, options, ready))
