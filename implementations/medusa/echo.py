"""echo on Medusa: asyncore's own, on the asyncore that Supervisor's Medusa runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from implementations.asyncore import echo as child

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    # backpressure, end, idle, limit, drain, reset: as on asyncore
    child.run(listener, options, ready)


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
