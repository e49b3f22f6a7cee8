"""A small HTTP origin that answers, then holds, then fails one answer, and sees who closes when.

Rules: one thread, driven by its scenario, which also reads the client's stdout here: the moments
of a line, a connect and a close are then of one clock. It answers at once, and takes some ten
microseconds for a request or a close: the same for all, and small beside what is timed here.
"""

from __future__ import annotations

import os
import selectors
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from harness import launch
from harness.measure.scenarios.scenario import Failed

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from harness.launch import Child

BODY = bytes(range(256)) * 4
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
CUT_SHORT = ANSWER[: -len(BODY) // 2]
ENDED = b"\r\n\r\n"


class Origin:
    """A listener, its connections, and when what happened."""

    def __init__(self, answers: int) -> None:
        """Listen on a port of 127.0.0.1; answer so many requests, and hold every later one."""
        self.answers = answers
        self.first_connect_ns = 0
        self.first_line_ns = 0
        self.last_close_ns = 0
        self.stdout = bytearray()
        """What the client has written so far."""
        self.held: list[socket.socket] = []
        """Connections with a request that is not answered, the oldest first."""
        self.open: set[socket.socket] = set()
        self._answered = 0
        self._silent = False
        self._selector = selectors.DefaultSelector()
        self._heads: dict[socket.socket, bytearray] = {}
        self._door = launch.listener()
        self._door.setblocking(False)
        self._selector.register(self._door, selectors.EVENT_READ, self._accept)

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every socket."""
        for sock in (*self.open, self._door):
            sock.close()
        self._selector.close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._door.getsockname()[1]
        return port

    def attend(self, client: Child) -> None:
        """Read this client's stdout with everything else."""
        stdout = client.process.stdout
        assert stdout is not None
        self._selector.register(stdout, selectors.EVENT_READ, lambda: self._read(stdout.fileno()))

    def until(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        """Serve until the condition holds. Raises Failed, naming what did not come, past that."""
        end = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"{what} did not come within {within_s:g} s")
            events = self._selector.select(0.05)
            for key, _ in events:
                key.data()
            if self._silent and not events:  # all that its sockets still had is read
                raise Failed(f"it ended before {what} came")

    def cut(self) -> int:
        """Answer the oldest held request with half a body and FIN; return the moment in ns."""
        sock = self.held.pop(0)
        sock.sendall(CUT_SHORT)
        moment = time.monotonic_ns()
        self._close(sock)
        return moment

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            sock, _ = self._door.accept()
            self.first_connect_ns = self.first_connect_ns or time.monotonic_ns()
            sock.setblocking(False)
            self.open.add(sock)
            self._heads[sock] = bytearray()
            self._selector.register(sock, selectors.EVENT_READ, lambda: self._serve(sock))

    def _serve(self, sock: socket.socket) -> None:
        """Take what came; answer a whole request, or hold it."""
        try:
            data = sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:  # a reset is an end as well
            data = b""
        if not data:
            self.last_close_ns = time.monotonic_ns()
            self._close(sock)
            return
        head = self._heads[sock]
        head += data
        if head.endswith(ENDED):  # SPEC.md: nobody sends a second request before the answer
            head.clear()
            if self._answered < self.answers:
                self._answered += 1
                with suppress(OSError):  # it has gone; its end comes next
                    sock.send(ANSWER)
            else:
                self.held.append(sock)

    def _close(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        self.open.discard(sock)
        sock.close()

    def _read(self, stdout: int) -> None:
        data = os.read(stdout, 1 << 16)
        if not data:
            self._silent = True
            self._selector.unregister(stdout)
        if b"\n" in data:
            self.first_line_ns = self.first_line_ns or time.monotonic_ns()
        self.stdout += data
