"""echo on NAME: callbacks, and connections as protocols.

It stands on asyncio's transports until yours take their place, sends every byte back, and no more:
what is missing is asked for where it belongs, in comments that begin with `fill in` and a clause of
SPEC.md.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class Echo(asyncio.Protocol):
    """Send every byte back until the peer ends."""

    transport: asyncio.Transport

    def __init__(self, options: EchoOptions) -> None:
        """Wait for the connection."""
        self.options = options

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve it."""
        self.transport = transport
        # fill in E11 (limit): of options.limit connections at most are served, the others wait
        # fill in E10, E14, E15 (idle): close it after options.idle_s seconds without a byte

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        self.transport.write(data)

    def pause_writing(self) -> None:
        """Receive no more."""
        self.transport.pause_reading()  # backpressure: no more is read until this much is written

    def resume_writing(self) -> None:
        """Receive more."""
        self.transport.resume_reading()

    # end: eof_received() returns None, so that the transport closes itself once all is written
    # reset: connection_lost() is all that comes of it, and concerns this connection alone


def fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what went wrong, but nothing of a failed accept: it is tried again."""
    if "socket" not in context:
        loop.default_exception_handler(context)


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(fault)
    # fill in E20 (tls): every connection speaks TLS by options.tls, where there is one
    serving = loop.create_server(partial(Echo, options), sock=listener, backlog=1024)
    loop.run_until_complete(serving)
    # fill in E14, E16: SIGTERM and SIGINT are caught before ready(), and stop the loop
    ready()
    loop.run_forever()
    # fill in E12 (drain): close the listener, give connections options.grace_s to end, return


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
