"""echo on Twisted: protocols, and connections as Deferreds of one list."""

from __future__ import annotations

from functools import partial
from signal import SIG_DFL, SIGINT, SIGTERM, signal
from typing import TYPE_CHECKING

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.protocols.policies import TimeoutMixin
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.filepath import FilePath
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from twisted.internet.interfaces import IListeningPort
    from twisted.python.failure import Failure

    from implementations.contract import EchoOptions


@implementer(IHalfCloseableProtocol, IPullProducer)
class Echo(TimeoutMixin, Protocol):
    """Send every byte back until the peer ends."""

    def __init__(
        self,
        options: EchoOptions,
        slots: DeferredSemaphore | None,
        connections: set[Deferred[None]],
    ) -> None:
        """Wait for the connection."""
        self.options, self.slots, self.connections = options, slots, connections
        self.lost: Deferred[None] = Deferred()
        self.unwritten = 0  # pieces received since all was written

    def connectionMade(self) -> None:
        """Serve it, as soon as there is a slot."""
        self.tcp = self.transport.transport if self.options.tls else self.transport
        self.connections.add(self.lost)
        if self.slots is None:
            self.begin()
        else:
            self.transport.pauseProducing()  # limit: the surplus waits here, unread
            self.slots.acquire().addCallback(self.begin)

    def begin(self, _slot: DeferredSemaphore | None = None) -> None:
        """Receive, and ask to be resumed now and whenever all is written."""
        self.transport.resumeProducing()
        self.tcp.registerProducer(self, streaming=False)

    def resumeProducing(self) -> None:
        """Receive more, but not for longer than the peer may be idle."""
        if self.unwritten > 1:
            self.transport.resumeProducing()
        self.unwritten = 0
        if self.options.idle_s is not None:
            self.setTimeout(self.options.idle_s)  # idle: begins anew when all is written

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        self.unwritten += 1
        if self.unwritten > 1:
            self.transport.pauseProducing()  # backpressure: no more is read until all is written
        self.transport.write(data)

    def timeoutConnection(self) -> None:
        """End, unless it is the server that waits, to write."""
        if not self.unwritten:
            self.readConnectionLost()

    def readConnectionLost(self) -> None:
        """Close, once all is written."""
        self.tcp.unregisterProducer()
        self.transport.loseConnection()  # end: our FIN follows the last byte

    def writeConnectionLost(self) -> None:
        """Never happens: no connection is half-closed from here."""

    def stopProducing(self) -> None:
        """Need nothing: connectionLost follows."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002
        """Leave the slot to another."""
        self.setTimeout(None)
        if self.slots is not None:
            self.slots.release()
        self.connections.discard(self.lost)
        self.lost.callback(None)  # reset: concerns this connection alone


class TLSEcho(Echo):
    """The same over TLS."""

    def resumeProducing(self) -> None:
        """Receive more, or let TLS close: it answers a close_notify before all is written."""
        super().resumeProducing()
        if self.tcp.disconnecting:
            self.tcp.unregisterProducer()


class TLSFactory(TLSMemoryBIOFactory):
    """Adds TLS to every connection."""

    protocol = TLSMemoryBIOProtocol  # the default one loses small writes at a close_notify


def context(options: EchoOptions) -> CertificateOptions:
    """Return what Twisted's TLS takes for a context."""
    files = (options.tls_cert, options.tls_key)
    pem = b"".join(FilePath(file).getContent() for file in files)
    made = PrivateCertificate.loadPEM(pem).options()
    made.getContext().use_certificate_chain_file(options.tls_cert)
    return made


def run(
    listener: socket,
    options: EchoOptions,
    ready: Callable[[], None],
    plain: type[Echo] = Echo,
) -> None:
    """Serve until a signal, then drain."""
    slots = DeferredSemaphore(options.limit) if options.limit else None
    connections: set[Deferred[None]] = set()

    def drain(port: IListeningPort) -> Deferred[list[tuple[bool, None]]]:
        for number in (SIGTERM, SIGINT):
            signal(number, SIG_DFL)
        port.stopListening()  # drain: the listener first, then the connections, cut at the grace
        return DeferredList(connections, consumeErrors=True).addTimeout(options.grace_s, reactor)

    protocol = TLSEcho if options.tls else plain
    factory = Factory.forProtocol(partial(protocol, options, slots, connections))
    if options.tls:
        factory = TLSFactory(context(options), isClient=False, wrappedFactory=factory)
    endpoint = AdoptedStreamServerEndpoint(reactor, listener.detach(), listener.family)
    endpoint.listen(factory).addCallback(
        lambda port: reactor.addSystemEventTrigger("before", "shutdown", drain, port)
    )
    reactor.callWhenRunning(ready)


def serve(listener: socket, options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until drained."""
    run(listener, options, ready)
    reactor.run()
