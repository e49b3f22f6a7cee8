"""echo on asyncio's protocols: callbacks, and connections as protocols of one set."""

from __future__ import annotations

import asyncio
from functools import partial
from signal import SIG_DFL, SIGINT, SIGTERM, signal
from typing import TYPE_CHECKING, Any

from implementations.asyncio.echo import leave

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class Echo(asyncio.Protocol):
    """Send every byte back until the peer ends."""

    transport: asyncio.Transport
    timer: asyncio.TimerHandle | None = None

    def __init__(
        self, options: EchoOptions, connections: set[Echo], stopped: asyncio.Event
    ) -> None:
        """Wait for the connection."""
        self.options, self.connections, self.stopped = options, connections, stopped
        self.loop = asyncio.get_running_loop()
        self.lost = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve it."""
        self.transport = transport
        self.connections.add(self)
        transport.set_write_buffer_limits(high=1 if self.options.tls else 0)
        if self.stopped.is_set():
            transport.abort()  # drain: accepted just before, and too late
        else:
            self.begin()

    def begin(self) -> None:
        """Receive, from now on."""
        self.resume_writing()

    def resume_writing(self) -> None:
        """Receive more, but not for longer than the peer may be idle."""
        self.transport.resume_reading()
        self.rest()

    def rest(self) -> None:
        """Let the time begin anew for which the peer may be idle."""
        if self.timer:
            self.timer.cancel()
        if self.options.idle_s is not None and not self.lost.done():
            self.timer = self.loop.call_later(self.options.idle_s, self.transport.close)  # idle

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        if self.timer:
            self.rest()
        self.transport.write(data)

    def pause_writing(self) -> None:
        """Receive no more, and let the peer rest meanwhile."""
        self.transport.pause_reading()  # backpressure: no more is read until all is written
        if self.timer:
            self.timer.cancel()

    # end: eof_received() returns None, so that the transport closes itself once all is written

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Leave."""
        if self.timer:
            self.timer.cancel()
        self.connections.discard(self)
        self.lost.set_result(None)  # reset: concerns this connection alone


class LimitedEcho(Echo):
    """The same, once there is a slot for it."""

    def __init__(self, slots: asyncio.Semaphore, *shared: Any) -> None:
        """Wait for the connection."""
        super().__init__(*shared)
        self.slots = slots

    def begin(self) -> None:
        """Wait for a slot."""
        self.transport.pause_reading()  # limit: the surplus waits here, unread
        self.waiting = self.loop.create_task(self.wait())

    async def wait(self) -> None:
        """Receive, and hold the slot until the connection is lost."""
        async with self.slots:
            super().begin()
            await self.lost


def fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what went wrong, but nothing of a failed accept: it is tried again."""
    if "socket" not in context:
        loop.default_exception_handler(context)


async def run(
    listener: socket,
    options: EchoOptions,
    ready: Callable[[], None],
    limited: type[LimitedEcho] = LimitedEcho,
    leave: Callable[[asyncio.Server, socket], None] = leave,
) -> None:
    """Serve until a signal, then drain."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(fault)
    stopped = asyncio.Event()
    for number in (SIGTERM, SIGINT):
        loop.add_signal_handler(number, stopped.set)
    connections: set[Echo] = set()
    shared = options, connections, stopped
    protocol: Callable[[], Echo] = partial(Echo, *shared)
    if options.limit:
        protocol = partial(limited, asyncio.Semaphore(options.limit), *shared)
    server = await loop.create_server(protocol, sock=listener, backlog=1024, ssl=options.tls)
    ready()
    await stopped.wait()
    for number in (SIGTERM, SIGINT):
        loop.remove_signal_handler(number)
        signal(number, SIG_DFL)
    leave(server, listener)
    listener.close()  # drain: the listener first, then the connections, cut at the grace
    if connections:
        await asyncio.wait([each.lost for each in connections], timeout=options.grace_s)
    for each in [*connections]:
        each.transport.abort()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    asyncio.run(run(listener, options, ready))
