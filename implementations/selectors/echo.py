"""echo on selectors: sockets that never block, and connections as state machines of one loop."""

from __future__ import annotations

from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE
from ssl import SSLSocket, SSLWantReadError, SSLWantWriteError
from typing import TYPE_CHECKING

from implementations.contract import CHUNK
from implementations.selectors.loop import Acceptor, Loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class Connection:
    """Waits to read, or to write what it has read: never for both."""

    def __init__(self, connection: socket, server: Server) -> None:
        """Wait for the first byte."""
        if tls := server.options.tls:  # the first read or write shakes hands
            connection = tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.socket = connection
        self.server = server
        self.unsent = memoryview(b"")
        self.events = EVENT_READ
        self.go_on: Callable[[], None] = self.echo
        server.loop.selector.register(connection, self.events, self.go_on)
        self.wait(EVENT_READ, self.echo)

    def wait(self, events: int, go_on: Callable[[], None]) -> None:
        """Go on when the socket can be read, or written to."""
        if events != self.events or go_on != self.go_on:
            self.events, self.go_on = events, go_on
            self.server.loop.selector.modify(self.socket, events, go_on)
        if self.server.idle:  # idle: runs only while waiting to read
            (self.server.idle.clear if self.unsent else self.server.idle.set)(self)

    def echo(self) -> None:
        """Send every byte back until the peer ends."""
        events = None
        try:
            if not self.unsent:  # backpressure: no more is read until all is written
                self.unsent = memoryview(self.socket.recv(CHUNK))
                if not self.unsent:
                    self.end()
                    return
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except SSLWantReadError:
            events = EVENT_READ
        except SSLWantWriteError:
            events = EVENT_WRITE
        except BlockingIOError:
            pass
        except OSError:  # reset: concerns this connection alone
            self.close()
            return
        self.wait(events or (EVENT_WRITE if self.unsent else EVENT_READ), self.echo)

    def end(self) -> None:
        """Close, once close_notify is sent where there is TLS."""
        if isinstance(self.socket, SSLSocket):
            try:
                self.socket.unwrap()
            except SSLWantWriteError:
                self.wait(EVENT_WRITE, self.end)
                return
            except (OSError, ValueError):  # the peer's is not waited for; or no handshake yet
                pass
        self.close()  # end: our FIN follows the last byte

    def close(self) -> None:
        """Close at once."""
        self.server.loop.selector.unregister(self.socket)
        self.socket.close()
        self.server.leave(self)


class Server:
    """What the connections share: the loop, the timer, the limit, the end."""

    def __init__(self, listener: socket, options: EchoOptions) -> None:
        """Accept."""
        self.options = options
        self.loop = Loop()
        self.idle = self.loop.alarm(options.idle_s, Connection.end) if options.idle_s else None
        self.connections: set[Connection] = set()
        self.draining = False
        self.acceptor = Acceptor(self.loop, listener, self.begin)

    def begin(self, connection: socket) -> None:
        """Serve a connection."""
        with suppress(OSError):  # it may have been reset already
            self.connections.add(Connection(connection, self))
        if len(self.connections) == self.options.limit:
            self.acceptor.rest()  # limit: the surplus waits in the kernel

    def leave(self, connection: Connection) -> None:
        """Let go of a connection that is closed."""
        self.connections.discard(connection)
        if self.idle:
            self.idle.clear(connection)
        if self.draining and not self.connections:
            self.loop.stop()
        elif not self.draining and self.options.limit:
            self.acceptor.go_on()

    def drain(self) -> None:
        """Accept no more, and end once all have left."""
        self.acceptor.close()  # drain: the listener first, then the connections, cut at the grace
        self.draining = True
        self.loop.alarm(self.options.grace_s, Loop.stop).set(self.loop)
        if not self.connections:
            self.loop.stop()


def run(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Serve until a signal, then drain."""
    server = Server(listener, options)
    server.loop.catch_signals(lambda _number: server.drain())
    ready()
    server.loop.run()
    for connection in server.connections:
        connection.socket.close()
    server.loop.close()


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
