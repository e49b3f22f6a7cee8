"""The scripted HTTP origin: it answers with given bytes at given moments and remembers what it saw.

Rules: no framework and no thread. The case's own thread drives it, turn by turn (`until`, `serve`,
`turn`), so that a case may hold a request, look at the kernel, and go on. Order comes from what has
been read and acknowledged, never from sleeps. What it is told to send may be as wrong as you like.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from typing import TYPE_CHECKING, Self

from harness import launch
from harness.check.case import Failure, Late
from harness.check.connection import Answer, Connection, Greeting, Request, Script, Step
from harness.check.queues import Queues

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from harness.check.client import Client
    from harness.check.stage import Stage

__all__ = ["Answer", "Connection", "Origin", "Request", "Script", "Step"]

GONE_S = 0.5  # after the end of fetch nothing more comes from it
DEAF_CONNECTS = 3  # Linux queues backlog + 1; the next SYN is dropped


class Origin:
    """A listening origin with one or more doors, and everything that came through them."""

    def __init__(
        self,
        stage: Stage,
        answer: Answer | None = None,
        *,
        doors: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen on `doors` loopback ports, with TLS or without; no `answer`: requests are held."""
        self.stage = stage
        self.answer = answer
        self.greeting: Greeting | None = None
        """Chooses what to do at the first bytes of a TLS connection in place of a handshake."""
        self.connections: list[Connection] = []
        self.requests: list[Request] = []
        """In the order of their arrival."""
        self.most_in_flight = 0
        self.selector = selectors.DefaultSelector()
        self.queues = Queues()
        self._client: Client | None = None
        self._doors: list[socket.socket] = []
        self._tls: list[ssl.SSLContext | None] = []
        self._others: list[socket.socket] = []
        for _ in range(doors):
            self.open_door(("127.0.0.1", 0), tls)

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every socket."""
        for connection in self.connections:
            connection.close()
        for sock in (*self._doors, *self._others):
            sock.close()
        self.selector.close()
        self.queues.close()

    def open_door(self, address: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        """Listen on one more address. Raises HarnessError when that cannot be."""
        door = launch.listener(address)
        door.setblocking(False)
        number = len(self._doors)
        self._doors.append(door)
        self._tls.append(tls)
        self.selector.register(door, selectors.EVENT_READ, lambda: self._accept(number))

    def port(self, door: int = 0) -> int:
        """Return the port of a door."""
        port: int = self._doors[door].getsockname()[1]
        return port

    def url(self, target: str = "/", door: int = 0, host: str = "") -> str:
        """Return the URL of a target behind a door, by its address or by a name for it."""
        scheme = "http" if self._tls[door] is None else "https"
        return f"{scheme}://{host or self._doors[door].getsockname()[0]}:{self.port(door)}{target}"

    def refusing_url(self) -> str:
        """Return a URL whose port is taken but not listened on: every connect is refused."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self._others.append(sock)
        return f"http://127.0.0.1:{sock.getsockname()[1]}/"

    def deaf_url(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Return a URL whose listener's queue is full, so that a connect gets no answer at all."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        door = socket.create_server((host, port), family=family, backlog=0)
        self._others.append(door)
        for _ in range(DEAF_CONNECTS):
            sock = socket.socket(family)
            sock.setblocking(False)
            sock.connect_ex(door.getsockname())
            self._others.append(sock)
        return f"http://{host}:{door.getsockname()[1]}/"

    @property
    def held(self) -> list[Request]:
        """The requests in flight that no script has been chosen for, oldest first."""
        return [one for one in self.requests if one.in_flight and not one.connection.playing]

    @property
    def in_flight(self) -> int:
        """How many requests wait for the rest of their answer."""
        return sum(one.in_flight for one in self.requests)

    @property
    def open(self) -> list[Connection]:
        """The connections that have not ended."""
        return [one for one in self.connections if not one.end]

    def asked(self, url: str) -> list[Request]:
        """Return the requests for the target of this URL, in the order of their arrival."""
        target = "/" + url.split("/", 3)[3]
        return [one for one in self.requests if one.target == target]

    def attend(self, client: Client) -> None:
        """Read this fetch's stdout in every turn, so that it never waits for us."""
        self._client = client
        stdout = client.child.process.stdout
        assert stdout is not None
        self.selector.register(stdout, selectors.EVENT_READ, self._pump)

    def serve(self, client: Client, within_s: float = 5.0) -> int:
        """Answer until fetch has ended; return its exit status. Raises Late past the bound."""
        if self._client is not client:
            self.attend(client)
        self.until(lambda: client.ended, "the end of fetch's stdout", within_s)
        return client.finish(within_s)

    def until(self, condition: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
        """Take turns until the condition holds. Raises Late when that takes longer."""
        deadline = time.monotonic() + self.stage.within(within_s)
        gone_at = math.inf
        while not condition():
            now = time.monotonic()
            if self._client is not None and self._client.child.process.poll() is not None:
                gone_at = min(gone_at, now)  # what it left in the kernel may still come
            if now > gone_at + GONE_S:
                raise Failure(what, f"{self._state()}; fetch has ended")
            if now > deadline:
                raise Late(f"{what} within {within_s:g} s", self._state())
            self.turn(min(deadline - now, 0.05))

    def next_held(self) -> Request:
        """Wait for a request that no script has been chosen for, and return the oldest."""
        self.until(lambda: bool(self.held), "the next request")
        return self.held[0]

    def fill(self, count: int) -> None:
        """Wait until so many requests are in flight."""
        self.until(lambda: self.in_flight >= count, f"{count} requests in flight")

    def deliver(self, request: Request, *script: bytes | float | Step) -> None:
        """Reply, and wait until all of it is sent or the connection has ended."""
        request.reply(*script)
        self.until(lambda: not request.in_flight, "the answer to be taken")

    def rest(self, for_s: float) -> None:
        """Take turns for so long, and one at its end: what came while we had no core counts."""
        end = time.monotonic() + for_s
        while (left := end - time.monotonic()) > 0:
            self.turn(left)
        self.turn(0.0)

    def turn(self, most_s: float) -> None:
        """Do once what is due, waiting at most so many seconds for something to be."""
        now = time.monotonic()
        playing = [connection for connection in self.connections if connection.playing]
        due = [connection.advance() for connection in playing]
        if not all(connection.playing for connection in playing):
            most_s = 0.0  # a script has ended: somebody may be waiting for just that
        wait = min([most_s, *(at - now for at in due if at is not None)])
        for key, _ in self.selector.select(max(0.0, wait)):
            key.data()

    def arrived(self, request: Request) -> None:
        """Note a request and choose its script; called by its connection."""
        self.requests.append(request)
        connection = request.connection
        self.stage.note(
            f"origin: connection {connection.number}, request {request.number}: {request.target}"
        )
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        script = self.answer(request) if self.answer else None
        if script is not None:
            connection.play(request, script)

    def _accept(self, door: int) -> None:
        try:
            sock, _ = self._doors[door].accept()
        except BlockingIOError:
            return
        number = len(self.connections) + 1
        self.connections.append(Connection(self, sock, number, door, self._tls[door]))
        self.stage.note(f"origin: connection {len(self.connections)} at door {door}")

    def _pump(self) -> None:
        assert self._client is not None
        if self._client.pump():
            stdout = self._client.child.process.stdout
            assert stdout is not None
            self.selector.unregister(stdout)

    def _state(self) -> str:
        """Say where things stand, for a Failure."""
        lines = f", {len(self._client.lines)} lines written" if self._client else ""
        return (
            f"{len(self.requests)} requests on {len(self.connections)} connections, "
            f"{self.in_flight} in flight, {len(self.open)} connections open{lines}"
        )
