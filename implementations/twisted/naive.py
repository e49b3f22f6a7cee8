"""echo on Twisted as its documentation teaches it, to measure what the contract costs.

https://docs.twisted.org/en/stable/core/howto/servers.html: a protocol that writes what it receives,
which the reactor reads in 64 KiB at most; no backpressure, no half-close, no drain. It serves the
listener that it is given instead of a port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet import reactor
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions


class Echo(Protocol):
    """Send every byte back until the peer ends."""

    def dataReceived(self, data: bytes) -> None:
        """Write it."""
        self.transport.write(data)


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    endpoint = AdoptedStreamServerEndpoint(reactor, listener.detach(), listener.family)
    endpoint.listen(Factory.forProtocol(Echo))
    reactor.callWhenRunning(ready)
    reactor.run()
