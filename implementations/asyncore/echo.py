"""echo on asyncore: dispatchers, and connections as channels of one map."""

from __future__ import annotations

import asyncore
from ssl import SSLWantReadError, SSLWantWriteError
from sys import exception
from time import monotonic
from typing import TYPE_CHECKING, Any

from implementations.asyncore.waker import Waker
from implementations.contract import BACKOFF_S, CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions

    Channels = dict[int, asyncore.dispatcher]

POLL_S = 30.0  # asyncore's own
TICK_S = 0.05  # how often to look at the clock, where something depends on it


class Echo(asyncore.dispatcher):
    """Send every byte back until the peer ends."""

    def __init__(self, connection: socket, options: EchoOptions, channels: Channels) -> None:
        """Serve a connection."""
        super().__init__(connection, channels)
        self.options = options
        self.unsent = b""
        self.moved = monotonic()

    def readable(self) -> bool:
        """Read only what can be written."""
        return not self.unsent  # backpressure: no more is read until all is written

    def writable(self) -> bool:
        """Write what is left."""
        return bool(self.unsent)

    def handle_read(self) -> None:
        """Send it back, as much as goes at once."""
        self.unsent = self.recv(CHUNK)
        if self.unsent:
            self.handle_write()

    def handle_write(self) -> None:
        """Send more of it."""
        self.unsent = self.unsent[self.send(self.unsent) :]
        if self.options.idle_s is not None:
            self.moved = monotonic()  # idle: begins anew when all is written

    def handle_expt(self) -> None:
        """Leave an urgent byte alone."""

    def handle_close(self) -> None:
        """Close: at the peer's end, for then all is written, or when it is lost."""
        self.close()  # end: our FIN follows the last byte

    def handle_error(self) -> None:
        """Close where the connection is broken."""
        if not isinstance(exception(), OSError):
            raise  # noqa: PLE0704  asyncore calls this while it handles the error
        self.close()  # reset: concerns this connection alone


class TLSEcho(Echo):
    """The same over TLS."""

    socket: Any
    ending = full = False  # close_notify is due; TLS has to write before it can go on

    def __init__(self, connection: socket, options: EchoOptions, channels: Channels) -> None:
        """Serve a connection; the first read shakes hands."""
        assert options.tls is not None
        connection = options.tls.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        super().__init__(connection, options, channels)

    def readable(self) -> bool:
        """Read no more after the end."""
        return super().readable() and not self.ending and not self.full

    def writable(self) -> bool:
        """Write what TLS has to say, too."""
        return super().writable() or self.ending or self.full

    def recv(self, size: int) -> bytes:
        """Return nothing where nothing is whole yet."""
        self.full = False
        try:
            return super().recv(size)
        except SSLWantReadError:
            return b""
        except SSLWantWriteError:
            self.full = True
            return b""

    def send(self, data: Any) -> int:
        """Send nothing where there is no room."""
        try:
            return super().send(data)
        except SSLWantWriteError:
            return 0

    def handle_write(self) -> None:
        """Go on with what TLS wanted."""
        if self.ending:
            self.handle_close()
        elif self.full:
            self.handle_read()
        else:
            super().handle_write()

    def handle_close(self) -> None:
        """Send close_notify, without waiting for the peer's, and close."""
        self.ending = True
        try:
            self.socket.unwrap()
        except SSLWantWriteError:
            return
        except (OSError, ValueError):  # broken, or no handshake yet
            pass
        self.close()


class Acceptor(asyncore.dispatcher):
    """Accepts connections."""

    accepting = True

    def __init__(self, listener: socket, options: EchoOptions, channels: Channels) -> None:
        """Accept from the next turn on."""
        super().__init__(listener, channels)
        self.options, self.channels = options, channels
        self.others = len(channels)  # which are no connections
        self.resting_until = 0.0

    def readable(self) -> bool:
        """Accept only what is served at once."""
        served = len(self.channels) - self.others
        if self.options.limit and served >= self.options.limit:
            return False  # limit: the surplus waits unaccepted
        return monotonic() >= self.resting_until

    def writable(self) -> bool:
        """Never wait to write."""
        return False

    def handle_accept(self) -> None:
        """Serve whoever is there."""
        while self.readable() and (accepted := self.accept()):
            try:
                (TLSEcho if self.options.tls else Echo)(accepted[0], self.options, self.channels)
            except OSError:  # reset: lost before it was served
                accepted[0].close()

    def handle_error(self) -> None:
        """Try again later."""
        if not isinstance(exception(), OSError):
            raise  # noqa: PLE0704  asyncore calls this while it handles the error
        self.resting_until = monotonic() + BACKOFF_S


def turn(channels: Channels, options: EchoOptions, *, timed: bool) -> None:
    """Let every channel do what it can, and close those that were idle for too long."""
    asyncore.poll2(TICK_S if timed or options.idle_s else POLL_S, channels)
    if options.idle_s is not None:
        latest = monotonic() - options.idle_s
        for channel in list(channels.values()):
            if isinstance(channel, Echo) and not channel.unsent and channel.moved <= latest:
                channel.handle_close()


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    channels: Channels = {}
    waker = Waker(channels)
    acceptor = Acceptor(listener, options, channels)
    ready()
    while waker.caught is None:
        turn(channels, options, timed=acceptor.resting_until > monotonic())
    acceptor.close()
    waker.close()
    end = monotonic() + options.grace_s
    while channels and monotonic() < end:  # drain: cut at the grace
        turn(channels, options, timed=True)
    asyncore.close_all(channels)


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
