"""One connection of the scripted origin: what came in, what goes out, and how it ended.

Rules: no thread, and nothing is decided here: an answer's script comes from the case. Over TLS the
bytes of a script are what is sent inside of it; FIN, RST and what has been read mean the same.
"""

from __future__ import annotations

import enum
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from harness.check.queues import unacknowledged
from harness.check.tls import Tls

if TYPE_CHECKING:
    import ssl

    from harness.check.origin import Origin

TURN_S = 0.001  # how often a barrier looks at the kernel again
READ_LOOKS = 3  # an empty queue, not yet acknowledged, counts after so many: ACKs may be late
STEPS_AT_ONCE = 64  # then the other connections have their turn: a script may be endless
HEAD_END = b"\r\n\r\n"


class Step(enum.Enum):
    """What a script may do besides sending bytes (bytes) and waiting (float, seconds)."""

    READ = "until the other program has read every byte sent so far"
    ACKED = "until the other side's kernel has every byte sent so far"
    FIN = "end this direction; over TLS it is said there first, by close_notify"
    NOTIFY = "say the end in TLS alone, by close_notify"
    CUT = "end this direction without a word of it in TLS"
    RST = "reset the connection"


Script = Iterable["bytes | float | Step"]
"""What to do with a request, step by step; it is drawn from lazily, so it may be endless."""

Answer = Callable[["Request"], "Script | None"]
"""Chooses the script for a request; None holds it until the case calls `Request.reply`."""

Greeting = Callable[["Tls", bytes], "Script | None"]
"""Given a session and the first bytes of its client, a script beneath TLS; None: a handshake."""


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

    def __init__(
        self,
        origin: Origin,
        sock: socket.socket,
        number: int,
        door: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take over an accepted socket, to speak TLS on it where there is a context."""
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
        self.tls = Tls(tls) if tls else None
        """The TLS session, None on a plain connection."""
        self._greeted = self._beneath = False
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
        self._head += data if self.tls is None else self._unseal(self.tls, data)
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

    def _unseal(self, tls: Tls, data: bytes) -> bytes:
        """Return the plain bytes of what came in over TLS, and answer what TLS itself asks."""
        greeting = self.origin.greeting if not self._greeted else None
        self._greeted = True
        script = greeting(tls, data) if greeting else None
        if script is not None:
            self._beneath = True
            self.play(None, script)
        if self._beneath:
            return b""
        plain, before = tls.take(data), tls.broken
        if due := tls.due():  # a few KiB at most, on a connection that carries nothing else yet
            with suppress(OSError):
                self._sock.send(due)
        if before:
            self.origin.stage.note(f"origin: connection {self.number}, TLS: {before}")
        return plain

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
            sealed = self.tls is not None and not self._beneath
            self._out = memoryview(self.tls.seal(step) if self.tls and sealed else step)
        elif isinstance(step, float):
            self._resume_at = time.monotonic() + step
        elif step is Step.FIN and self.tls is not None and not self._beneath:
            self._script = chain((Step.NOTIFY, Step.CUT), self._script)
        elif step is Step.NOTIFY and self.tls is not None:
            self._out = memoryview(self.tls.notify())
        elif step in (Step.FIN, Step.CUT):
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
