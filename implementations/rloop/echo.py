"""echo on rloop: asyncio's own, on Rust's mio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rloop

from implementations.asyncio.echo import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    with asyncio.Runner(loop_factory=rloop.new_event_loop) as runner:
        # Its Server.close() stops accepting, where a reader of the loop would be asyncio's.
        runner.run(run(listener, options, ready, lambda server, _listener: server.close()))
