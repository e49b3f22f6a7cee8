"""Which steps an echo trace may hold: it follows the peers, and knows what is certain meanwhile.

Rules: it speaks of what the peers do and of what the contract makes certain; it plays nothing. A
step that would wait for something uncertain is not taken (`takes`), so that any list of steps
becomes a trace by leaving out what it does not take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.explore.trace import Move

DELIVERABLE = 2048  # bytes on their way that fit into the smallest buffers, whoever is blocked
MOST_CONNECTIONS = 6


@dataclass(slots=True)
class Line:
    """One connection as its peer sees it."""

    sent: int = 0
    read: int = 0
    """Bytes that are certain to have come back."""
    paused: bool = False
    finished: bool = False
    """True once it has sent FIN."""
    served: bool = False
    """True once a byte has come back."""
    open: bool = True

    @property
    def owed(self) -> int:
        """Bytes sent that may not have come back."""
        return self.sent - self.read


class Course:
    """What has been done so far, and what may be done next."""

    def __init__(self, limit: int | None) -> None:
        """Begin with a server that has just said READY."""
        self.limit = limit
        self.lines: dict[int, Line] = {}
        self.stopped = False
        self.terminated = False

    def sure(self, line: Line) -> bool:
        """Tell whether the contract says that this connection is served, now or soon."""
        if self.terminated:
            return line.served
        alive = sum(one.open for one in self.lines.values())
        return line.served or self.limit is None or alive <= self.limit

    def waits(self, line: Line) -> bool:
        """Tell whether the contract says that this connection is not served yet."""
        if self.limit is None or self.terminated or line.served or not line.open:
            return False
        # One that has sent FIN may be done on the server's side, its place free again.
        holders = sum(one.open and one.served and not one.finished for one in self.lines.values())
        return holders >= self.limit

    def takes(self, move: Move) -> bool:
        """Tell whether this step can be done now, with an outcome that is certain."""
        match move.do:
            case "connect":
                free = move.c not in self.lines and 0 <= move.c < MOST_CONNECTIONS
                return free and not self.terminated
            case "stop":
                return not self.stopped and not self.terminated
            case "continue":
                return self.stopped
            case "sigterm":
                return not self.terminated
        line = self.lines.get(move.c)
        return line is not None and line.open and _TAKES[move.do](self, line, move)

    def take(self, move: Move) -> None:
        """Do a step that can be done."""
        match move.do:
            case "connect":
                self.lines[move.c] = Line()
            case "stop" | "continue":
                self.stopped = move.do == "stop"
            case "sigterm":
                self.terminated = True
            case _:
                self._on(self.lines[move.c], move)

    def _on(self, line: Line, move: Move) -> None:
        match move.do:
            case "send":
                line.sent += move.n
            case "pause":
                line.paused = True
            case "read":
                line.read += min(move.n, line.owed)
                line.served = True
            case "resume" | "barrier":
                line.paused = False
                line.served = line.served or line.owed > 0
                line.read = line.sent
                line.open = not (line.finished and move.do == "barrier")
            case "shutdown":
                line.finished = True
            case "reset":
                line.open = False


def _may_wait(course: Course, line: Line) -> bool:
    """Tell whether to wait for this connection's bytes will come to an end."""
    return not course.stopped and course.sure(line)


_TAKES: dict[str, Callable[[Course, Line, Move], bool]] = {
    "send": lambda course, line, move: move.n > 0 and not line.finished and not course.terminated,
    "pause": lambda _course, line, _move: not line.paused,
    "read": lambda course, line, move: (
        move.n > 0
        and line.paused
        and line.owed > 0
        and not course.terminated
        and _may_wait(course, line)
    ),
    "resume": lambda course, line, _move: line.paused and _may_wait(course, line),
    "barrier": lambda course, line, _move: (
        (line.owed > 0 or line.finished) and _may_wait(course, line)
    ),
    "delivered": lambda course, line, _move: 0 < line.owed <= DELIVERABLE and not course.terminated,
    "quiet": lambda course, line, _move: (
        line.sent > 0 and course.waits(line) and not course.stopped
    ),
    "shutdown": lambda _course, line, _move: not line.finished,
    "reset": lambda _course, _line, _move: True,
}
