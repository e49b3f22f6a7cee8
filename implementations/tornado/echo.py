"""echo on Tornado: streams, and connections as futures of one dict."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from datetime import timedelta
from signal import SIG_DFL, SIGINT, SIGTERM, signal
from ssl import SSLWantWriteError
from typing import TYPE_CHECKING

from tornado.gen import convert_yielded, multi, with_timeout
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.locks import Event, Semaphore
from tornado.netutil import ssl_wrap_socket

from implementations.contract import BACKOFF_S, CHUNK

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from socket import socket
    from ssl import SSLSocket

    from implementations.contract import EchoOptions


class Stream(IOStream):
    """An IOStream that never reads ahead."""

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read only when asked to: a FIN would close the stream before all is written."""
        return super().read_from_fd(buf) if self.reading() else None


class TLSStream(Stream, SSLIOStream):
    """The same over TLS."""

    def close_fd(self) -> None:
        """Leave the socket to notify()."""


async def receive(stream: Stream, idle_s: float | None) -> bytes:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    reading = stream.read_bytes(CHUNK, partial=True)
    if idle_s is None:
        return await reading
    with suppress(TimeoutError):  # idle: runs only while waiting to read
        data: bytes = await with_timeout(timedelta(seconds=idle_s), reading, StreamClosedError)
        return data
    return b""


async def echo(
    stream: Stream,
    options: EchoOptions,
    slots: AbstractAsyncContextManager[None],
) -> None:
    """Send every byte back until the peer ends."""
    try:
        async with slots:  # limit: the surplus waits here, unread
            while data := await receive(stream, options.idle_s):
                await stream.write(data)  # backpressure: no more is read until all is written
            # end: a read that meets it closes the stream, and our FIN follows the last byte
    except OSError:  # reset: concerns this connection alone
        pass
    finally:
        stream.close()
        if isinstance(stream, TLSStream):
            await notify(stream.socket)


async def notify(connection: SSLSocket) -> None:
    """Send close_notify, without waiting for the peer's, and close."""
    loop, room = IOLoop.current(), Event()
    with connection, suppress(OSError, ValueError):  # broken, or no handshake yet
        while True:
            try:
                connection.unwrap()
            except SSLWantWriteError:
                room.clear()
                loop.add_handler(connection, lambda _connection, _events: room.set(), loop.WRITE)
                await room.wait()
                loop.remove_handler(connection)
            else:
                break


def accept(listener: socket, begin: Callable[[socket], None]) -> None:
    """Begin every connection that comes."""
    loop = IOLoop.current()

    def accept_all(_listener: socket, _events: int) -> None:
        try:
            while True:
                begin(listener.accept()[0])
        except BlockingIOError:
            pass
        except OSError:
            loop.remove_handler(listener)
            loop.call_later(BACKOFF_S, accept, listener, begin)

    if listener.fileno() >= 0:  # it may have been closed meanwhile
        loop.add_handler(listener, accept_all, loop.READ)


async def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    loop = asyncio.get_running_loop()  # Tornado leaves signals to it
    stopped = Event()
    for number in (SIGTERM, SIGINT):
        loop.add_signal_handler(number, stopped.set)
    slots = Semaphore(options.limit) if options.limit else nullcontext()
    connections: dict[Future[None], Stream] = {}

    def begin(connection: socket) -> None:
        if options.tls:
            connection = ssl_wrap_socket(
                connection, options.tls, server_side=True, do_handshake_on_connect=False
            )
        stream = TLSStream(connection) if options.tls else Stream(connection)
        future = convert_yielded(echo(stream, options, slots))
        connections[future] = stream
        future.add_done_callback(connections.pop)

    listener.setblocking(False)
    accept(listener, begin)
    ready()
    await stopped.wait()
    for number in (SIGTERM, SIGINT):
        loop.remove_signal_handler(number)
        signal(number, SIG_DFL)
    IOLoop.current().remove_handler(listener)
    listener.close()  # drain: the listener first, then the connections, cut at the grace
    try:
        await with_timeout(timedelta(seconds=options.grace_s), multi([*connections]))
    except TimeoutError:
        for stream in connections.values():
            stream.close()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    asyncio.run(run(listener, options, ready))
