"""echo on generators as their course taught it, to measure what the contract costs.

https://www.dabeaz.com/coroutines/, "A Curious Course on Coroutines and Concurrency", D. Beazley:
a task for each connection, that yields wherever a call would block; no care for errors, signals or
anything else. Its scheduler is trampoline.py instead of the course's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from implementations.contract import CHUNK
from implementations.generators import sockets, trampoline

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import EchoOptions
    from implementations.generators.trampoline import Work


def handle_client(client: socket) -> Work[None]:
    """Send every byte back until the peer ends."""
    while data := (yield from sockets.receive(client, CHUNK)):
        yield from sockets.send(client, data)
    client.close()


def server(listener: socket, ready: Callable[[], None]) -> Work[None]:
    """Serve until the process is ended."""
    listener.setblocking(False)
    ready()
    while True:
        client = yield from sockets.accept(listener)
        trampoline.Task(handle_client(client))


def serve(listener: socket, _options: EchoOptions, ready: Callable[[], None]) -> None:
    """Run the loop until the process is ended."""
    trampoline.run(server(listener, ready))
