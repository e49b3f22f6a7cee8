"""echo on uvloop: asyncio's protocols, on libuv."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from implementations.asyncio_protocol.echo import LimitedEcho, run
from implementations.uvloop.loop import Loop, leave

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class EarlyEcho(LimitedEcho):
    """Keeps what has come before its slot: libuv begins to read when it cannot be paused yet."""

    served = ended = False
    early = b""

    def data_received(self, data: bytes) -> None:
        """Send it back, or keep it."""
        if self.served:
            super().data_received(data)
        else:
            self.transport.pause_reading()
            self.early += data

    def eof_received(self) -> bool:
        """Let the transport close itself, unless there is something to send back first."""
        self.ended = not self.served
        return self.ended

    def resume_writing(self) -> None:
        """Receive more; the first time, what has come already."""
        super().resume_writing()
        if not self.served:
            self.served = True
            if self.early:
                self.data_received(self.early)
                self.early = b""
            if self.ended:
                self.transport.close()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    uvloop.run(run(listener, options, ready, EarlyEcho, leave), loop_factory=Loop)
