"""echo on Twisted's inlineCallbacks: a protocol to wait for, and connections as Deferreds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import connectionDone

from implementations.twisted import echo as callbacks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from socket import socket

    from twisted.python.failure import Failure

    from implementations.contract import EchoOptions


class Connection(callbacks.Echo):
    """Keeps what comes until it is asked for; what it is given it says when it is written."""

    reading: Deferred[bytes] | None = None
    writing: Deferred[None] | None = None
    arrived = b""
    ended = False

    def begin(self, _slot: object = None) -> None:
        """Serve it."""
        super().begin()
        echo(self, self.options.idle_s)

    def dataReceived(self, data: bytes) -> None:
        """Hand it to who waits for it."""
        if self.reading:
            reading, self.reading = self.reading, None
            reading.callback(data)
        else:
            self.arrived += data  # once: it is paused then
            self.transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """Hand over the end as no bytes, after whatever came before it."""
        self.ended = True
        if self.reading:
            self.dataReceived(b"")

    def receive(self) -> Deferred[bytes]:
        """Return what comes next."""
        self.reading = reading = Deferred()
        if self.arrived or self.ended:
            data, self.arrived = self.arrived, b""
            self.dataReceived(data)
        if not self.ended:
            self.transport.resumeProducing()
        return reading

    def send(self, data: bytes) -> Deferred[None]:
        """Return what is called back when all is written."""
        self.writing = writing = Deferred()
        self.transport.write(data)
        return writing

    def resumeProducing(self) -> None:
        """Say that all is written."""
        if self.writing:
            writing, self.writing = self.writing, None
            writing.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell who waits, too."""
        super().connectionLost(reason)
        for waiting in (self.reading, self.writing):
            if waiting:
                waiting.errback(reason)


def receive(connection: Connection, idle_s: float | None) -> Deferred[bytes]:
    """Return the bytes that came, b"" at the peer's end or when it was idle for too long."""
    reading = connection.receive()
    if idle_s is not None:
        reading.addTimeout(idle_s, reactor, lambda *_: b"")  # idle: only while waiting to read
    return reading


@inlineCallbacks
def echo(connection: Connection, idle_s: float | None) -> Generator[Deferred[Any], Any, None]:
    """Send every byte back until the peer ends."""
    try:
        while data := (yield receive(connection, idle_s)):
            yield connection.send(data)  # backpressure: no more is read until all is written
        callbacks.Echo.readConnectionLost(connection)  # end: our FIN follows the last byte
    except (ConnectionDone, ConnectionLost):  # reset: concerns this connection alone
        pass


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    callbacks.run(listener, options, ready, Connection)  # limit, drain: as with callbacks


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
    reactor.run()
