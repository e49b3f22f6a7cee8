"""The scripted HTTP origin: it answers with given bytes at given moments and remembers what it saw.

Rules: no framework and no thread. The case's own thread drives it, turn by turn (`until`, `serve`,
`turn`), so that a case may hold a request, look at the kernel, and go on. Order comes from what has
been read and acknowledged, never from sleeps. What it is told to send may be as wrong as you like.
"""

from __future__ import annotations

import enum
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Self

from harness import launch
from harness.check.case import Late
from harness.check.queues import Queues, unacknowledged

if TYPE_CHECKING:
    from harness.check.client import Client
    from harness.check.stage import Stage

TURN_S = 0.001  # how often a barrier looks at the kernel again
READ_LOOKS = 3  # an empty queue, not yet acknowledged, counts after so many: ACKs may be late
STEPS_AT_ONCE = 64  # then the other connections have their turn: a script may be endless
DEAF_CONNECTS = 3  # Linux queues backlog + 1; the next SYN is dropped
HEAD_END = b"\r\n\r\n"


class Step(enum.Enum):
    """What a script may do besides sending bytes (bytes) and waiting (float, seconds)."""

    READ = "until the other program has read every byte sent so far"
    ACKED = "until the other side's kernel has every byte sent so far"
    FIN = "end this direction"
    RST = "reset the connection"


Script = Iterable["bytes | float | Step"]
"""What to do with a request, step by step; it is drawn from lazily, so it may be endless."""

Answer = Callable[["Request"], "Script | None"]
"""Chooses the script for a request; None holds it until the case calls `Request.reply`."""


class Request:
    """One request as it came: the bytes, on which connection, when."""

    def __init__(self, connection: Connection, raw: bytes, number: int) -> None:
        """Keep the head's bytes."""
        self.connection = connection
        self.raw = raw
        self.number = number
        """Its place among the requests of its connection, from 1."""
        self.at = time.monotonic()
        self.answered = False
        """True once its script has come to its end."""

    @property
    def target(self) -> str:
        """The second word of the request line."""
        words = self.raw.partition(b"\r\n")[0].split(b" ")
        return words[1].decode("ascii", "replace") if len(words) > 1 else ""

    @property
    def in_flight(self) -> bool:
        """True while its client waits for the rest of the answer."""
        return not self.answered and self.connection.end == ""

    def reply(self, *script: bytes | float | Step) -> None:
        """Play this script on its connection from the next turn on."""
        self.connection.play(self, script)


class Connection:
    """One accepted connection: what came in, what goes out, and how it ended."""

    def __init__(self, origin: Origin, sock: socket.socket, number: int, door: int) -> None:
        """Take over an accepted socket."""
        self.origin = origin
        self.number = number
        self.door = door
        """Which of the origin's listeners it came through, from 0."""
        self.requests: list[Request] = []
        self.accepted_at = time.monotonic()
        self.end = ""
        """FIN or RST from the client, `we` after a script's own reset; empty while it lives."""
        self.ended_at = 0.0
        self.sent = 0
        """Bytes that the kernel has taken."""
        self._sock = sock
        self._head = b""
        self._out = memoryview(b"")
        self._blocked = False
        self._script: Iterator[bytes | float | Step] | None = None
        self._current: Request | None = None
        self._barrier: Step | None = None
        self._looks = 0
        self._resume_at = 0.0
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        origin.selector.register(sock, selectors.EVENT_READ, self.receive)
        self._ends = (sock.getpeername(), sock.getsockname())

    def play(self, request: Request | None, script: Script) -> None:
        """Begin a script; `request` is the one it answers (None: bytes that nobody asked for)."""
        self._current = request
        self._script = iter(script)

    @property
    def playing(self) -> bool:
        """True while a script is at work here."""
        return self._script is not None

    def receive(self) -> None:
        """Take what the client sent; called when there is something."""
        try:
            data = self._sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            self._ended("RST")
            return
        if not data:
            self._ended("FIN")
            return
        self._head += data
        while HEAD_END in self._head:
            head, _, self._head = self._head.partition(HEAD_END)
            self._requested(head + HEAD_END)

    def advance(self) -> float | None:
        """Go on with the script; return when to come again (monotonic), None: when it can write."""
        for _ in range(STEPS_AT_ONCE):
            if self._script is None:
                return None
            if self._out and not self._write():
                return None
            if self._barrier is not None and not self._passed():
                return time.monotonic() + TURN_S
            if self._resume_at > time.monotonic():
                return self._resume_at
            self._take_step()
        return time.monotonic()

    def send_now(self, data: bytes) -> None:
        """Send a few bytes outside of any script and wait until the client's kernel has them."""
        self._script = iter((data, Step.ACKED))
        self.origin.until(lambda: not self.playing, "surplus bytes to be acknowledged")

    def close(self) -> None:
        """Close the socket in the ordinary way, if it is still open."""
        if self._sock.fileno() >= 0:
            self.origin.selector.unregister(self._sock)
            self._sock.close()

    def _requested(self, raw: bytes) -> None:
        request = Request(self, raw, len(self.requests) + 1)
        self.requests.append(request)
        self.origin.arrived(request)

    def _ended(self, how: str) -> None:
        """Note the end, however it came, and let go of the socket."""
        if not self.end:
            self.end, self.ended_at = how, time.monotonic()
            self.origin.stage.note(f"origin: connection {self.number} ended: {how}")
        self._script = None
        self.close()

    def _write(self) -> bool:
        """Send what is pending; False when the kernel takes no more, or when there is no one."""
        try:
            count = self._sock.send(self._out)
        except BlockingIOError:
            count = 0
        except OSError:
            self._ended("RST")
            return False
        self.sent += count
        self._out = self._out[count:]
        if self._blocked != bool(self._out):
            self._blocked = bool(self._out)
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._blocked else 0)
            self.origin.selector.modify(self._sock, wanted, self.receive)
        return not self._out

    def _take_step(self) -> None:
        assert self._script is not None
        step = next(self._script, None)
        if step is None:
            self._script = None
            if self._current is not None:
                self._current.answered = True
        elif isinstance(step, bytes):
            self._out = memoryview(step)
        elif isinstance(step, float):
            self._resume_at = time.monotonic() + step
        elif step is Step.FIN:
            self._half_close()
        elif step is Step.RST:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._ended("we")
        else:
            self._barrier, self._looks = step, 0

    def _half_close(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._ended("RST")

    def _passed(self) -> bool:
        """Tell whether the barrier's condition holds; it is lifted then."""
        acknowledged = unacknowledged(self._sock) == 0
        if self._barrier is Step.READ:
            if self.origin.queues.unread(*self._ends):
                self._looks = 0
                return False
            self._looks += 1
            acknowledged = acknowledged or self._looks >= READ_LOOKS
        if acknowledged:
            self._barrier = None
        return acknowledged


class Origin:
    """A listening origin with one or more doors, and everything that came through them."""

    def __init__(self, stage: Stage, answer: Answer | None = None, *, doors: int = 1) -> None:
        """Listen on `doors` loopback ports; without `answer` every request is held."""
        self.stage = stage
        self.answer = answer
        self.connections: list[Connection] = []
        self.requests: list[Request] = []
        """In the order of their arrival."""
        self.most_in_flight = 0
        self.selector = selectors.DefaultSelector()
        self.queues = Queues()
        self._client: Client | None = None
        self._doors: list[socket.socket] = []
        self._others: list[socket.socket] = []
        for _ in range(doors):
            self.open_door(("127.0.0.1", 0))

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

    def open_door(self, address: tuple[str, int]) -> None:
        """Listen on one more address. Raises HarnessError when that cannot be."""
        door = launch.listener(address)
        door.setblocking(False)
        number = len(self._doors)
        self._doors.append(door)
        self.selector.register(door, selectors.EVENT_READ, lambda: self._accept(number))

    def url(self, target: str = "/", door: int = 0) -> str:
        """Return the http URL of a target behind a door."""
        host, port = self._doors[door].getsockname()
        return f"http://{host}:{port}{target}"

    def refusing_url(self) -> str:
        """Return a URL whose port is taken but not listened on: every connect is refused."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self._others.append(sock)
        return f"http://127.0.0.1:{sock.getsockname()[1]}/"

    def deaf_url(self) -> str:
        """Return a URL whose listener's queue is full, so that a connect gets no answer at all."""
        door = socket.create_server(("127.0.0.1", 0), backlog=0)
        self._others.append(door)
        for _ in range(DEAF_CONNECTS):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(door.getsockname())
            self._others.append(sock)
        return f"http://127.0.0.1:{door.getsockname()[1]}/"

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
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late(f"{what} within {within_s:g} s", self._state())
            self.turn(min(left, 0.05))

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
        """Take turns for so long: time in which something forbidden may show itself."""
        end = time.monotonic() + for_s
        while (left := end - time.monotonic()) > 0:
            self.turn(left)

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
        self.connections.append(Connection(self, sock, len(self.connections) + 1, door))
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
