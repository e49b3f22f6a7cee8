"""Plays an echo trace on a running server, and says what was seen.

Rules: it judges nothing but bytes (were they sent? in this order?). Order comes from barriers; a
wait ends when nothing has moved for PATIENCE_S, which is an outcome like any other.
"""

from __future__ import annotations

import select
import time
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late
from harness.check.peer import CHUNK, Peer, poll
from harness.explore import echo_model
from harness.explore.observation import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.check.server import Server
    from harness.check.stage import Stage
    from harness.explore.course import Course
    from harness.explore.trace import EchoTrace, Move

PATIENCE_S = 1.5  # without any byte moving; the slowest round trip seen under load took 0.1 s
QUIET_S = 0.03  # for a byte to come that must not; or for the server to take more, or not
SMALL = 32 * 1024
SEED_STEP = 104_729  # from one connection's stream to the next; no shift makes them alike
SURPLUS = "a byte that was not sent"


class Link(Peer):
    """A connection that keeps what it could not send yet, and notes how it ended."""

    def begin(self, number: int) -> None:
        """Give it the stream of this number, which is the same in every play."""
        self._seed = number * SEED_STEP
        self.waiting = 0
        """Bytes that are to be sent and that the kernel has not taken yet."""
        self.fin = ""
        """`due` until all is sent, then `sent`."""
        self.end = ""
        """FIN, RST or a byte that was not sent; nothing more happens here then."""
        self.most: int | None = None
        """How many bytes to have received at most, while it reads only some."""

    @property
    def complete(self) -> bool:
        """True when all that was to be sent has come back."""
        return not self.waiting and self.received == self.sent

    def give(self) -> bool:
        """Send what the kernel takes of what waits, FIN behind it; tell whether any went."""
        moved = False
        self.sock.settimeout(0.0)
        try:
            while self.waiting:
                count = self.sock.send(self.stream(self.sent, self.waiting))
                self.sent += count
                self.waiting -= count
                moved = True
            if self.fin == "due":
                self.fin = "sent"
                self.half_close()
        except BlockingIOError:
            return moved
        except (OSError, Failure) as error:
            self._ended("RST", f"{error!r} while sending")
        return moved

    def take(self) -> bool:
        """Receive what is there and compare it; tell whether anything came, an end included."""
        most = CHUNK if self.most is None else self.most - self.received
        self.sock.settimeout(0.0)
        try:
            data = self.sock.recv(min(most, CHUNK))
        except BlockingIOError:
            return False
        except OSError as error:
            return self._ended("RST", f"{error!r}")
        if not data:
            return self._ended("FIN", "FIN")
        surplus = self.received + len(data) > self.sent
        if surplus or data != self.stream(self.received, len(data)):
            return self._ended(SURPLUS, f"wrong or surplus: {data[:40]!r}...")
        self.received += len(data)
        return True

    def _ended(self, how: str, text: str) -> bool:
        self.end = self.end or how
        self.waiting = 0
        self.stage.note(f"{self.name}: {text}{self._so_far()}")
        return True


def _move(links: Sequence[Link], until: Callable[[Link], bool], stage: Stage) -> None:
    """Send and receive on all links until each is as wanted or has ended, or nothing moves."""
    patience = stage.within(PATIENCE_S)
    deadline = time.monotonic() + patience
    while open_ := [link for link in links if not link.end and not until(link)]:
        moved = [link for link in open_ if link.give() | (not link.end and link.take())]
        if moved:
            deadline = time.monotonic() + patience
            continue
        wanted = {
            link.sock.fileno(): select.POLLIN | (select.POLLOUT if link.waiting else 0)
            for link in open_
            if not link.end
        }
        if time.monotonic() > deadline:
            stage.note("nothing has moved for so long: " + ", ".join(one.name for one in open_))
            return
        poll(wanted, deadline - time.monotonic())


class Play:
    """One play of a trace."""

    def __init__(self, trace: EchoTrace, server: Server, marks: list[Mark]) -> None:
        """Play on this server, which has just said READY."""
        self.trace = trace
        self.server = server
        self.stage = server.stage
        self.marks = marks
        self.links: dict[int, Link] = {}
        self.beyond = ""
        """Who was served beyond the limit."""
        self._stop = ExitStack()

    def run(self) -> None:
        """Play every step, then let the open connections finish, and end the server."""
        course = None
        with self._stop:
            for number, move, course in echo_model.steps(self.trace):
                self._look_at_limit(course)
                self.stage.note(f"-- {echo_model.named(number, move)}")
                self.marks.append(Mark(echo_model.named(number, move), self._step(move, course)))
        if course is not None:
            self._look_at_limit(course)
            self._finish(course)
        self.marks.append(Mark("the limit", self.beyond or "kept"))
        self._end(terminated=course is not None and course.terminated)

    def _step(self, move: Move, course: Course) -> str:
        link = self.links.get(move.c)
        if link is not None and link.end and move.do in _ON_LINK:
            if course.terminated and not course.lines[move.c].served:
                return echo_model.DONE  # E12: it may be reset
            done = course.lines[move.c].finished and link.complete and link.end == "FIN"
            if not done:
                return f"{link.end} came before"
        return _STEPS[move.do](self, move, course)

    def connect(self, move: Move, _course: Course) -> str:
        """Open a connection."""
        size = SMALL if self.trace.small else 0
        try:
            link = Link.connect(
                self.server.address,
                stage=self.stage,
                send_buffer=size,
                receive_buffer=size,
                name=f"connection {move.c}",
            )
        except Failure as failure:
            return f"no connection: {failure.got}"
        assert isinstance(link, Link)
        link.begin(move.c)
        self.stage.keep(link)
        self.links[move.c] = link
        return echo_model.DONE

    def send(self, move: Move, course: Course) -> str:
        """Send; while it is sure to be read, until the kernel has all of it."""
        link, line = self.links[move.c], course.lines[move.c]
        link.waiting += move.n
        link.give()
        if course.stopped or not course.sure(line):
            pass
        elif line.paused:  # as much as the server reads until its own writes wait
            while link.waiting and poll({link.sock.fileno(): select.POLLOUT}, QUIET_S):
                link.give()
        else:
            _move([link], lambda one: not one.waiting, self.stage)
            if link.waiting:
                return f"bytes are not taken{_how(link)}"
        return echo_model.DONE if not link.end else f"{link.end} came"

    def read(self, move: Move, course: Course) -> str:
        """Read so many bytes and no more."""
        link, line = self.links[move.c], course.lines[move.c]
        until = link.most = line.read + min(move.n, line.owed)
        _move([link], lambda one: one.received >= until, self.stage)
        link.most = None
        return "these bytes" if link.received >= until else f"not these bytes{_how(link)}"

    def catch_up(self, move: Move, course: Course) -> str:
        """Read all that is owed, and the end where one must come."""
        link, finished = self.links[move.c], course.lines[move.c].finished
        if move.do == "barrier" and finished:
            self._finish_all([link])
            return _whole(link)
        _move([link], lambda one: one.complete, self.stage)
        if link.complete and finished:
            return echo_model.WHOLE  # FIN may have come already
        link.take()  # there must be nothing: neither a byte nor an end
        return _whole(link)

    def delivered(self, move: Move, _course: Course) -> str:
        """Wait until the server's kernel has it."""
        link = self.links[move.c]
        link.give()
        try:
            link.delivered(PATIENCE_S)
        except Late:
            return "bytes that the server's kernel does not take"
        return echo_model.DONE

    def quiet(self, move: Move, _course: Course) -> str:
        """See that nothing comes."""
        silent = not self.links[move.c].readable(QUIET_S)
        return "silence" if silent else "something, though it waits behind the limit"

    def shutdown(self, move: Move, _course: Course) -> str:
        """Send FIN behind all that waits."""
        link = self.links[move.c]
        link.fin = "due"
        link.give()
        return echo_model.DONE

    def reset(self, move: Move, _course: Course) -> str:
        """End it by RST."""
        self.links.pop(move.c).reset()
        return echo_model.DONE

    def stop(self, _move: Move, _course: Course) -> str:
        """Stop the process."""
        stopped: AbstractContextManager[None] = self.server.stopped()
        self._stop.enter_context(stopped)
        return echo_model.DONE

    def go_on(self, _move: Move, course: Course) -> str:
        """Let the process go on; a signal that came meanwhile takes effect now."""
        self._stop.close()
        return self._deaf() if course.terminated else echo_model.DONE

    def sigterm(self, _move: Move, course: Course) -> str:
        """Begin the drain; what could not be sent until now never will be."""
        for link in self.links.values():
            link.waiting = 0
        self.server.terminate()
        return echo_model.DONE if course.stopped else self._deaf()

    def _deaf(self) -> str:
        return echo_model.DONE if self.server.deaf() else "SIGTERM has no default action again"

    def _look_at_limit(self, course: Course) -> None:
        """See that who must wait behind the limit has got no byte."""
        for number, line in course.lines.items():
            link = self.links.get(number)
            if link and not link.end and course.waits(line) and link.unread():
                self.beyond = self.beyond or "a byte came back beyond it"
                self.stage.note(f"{link.name}: a byte came back beyond the limit")

    def _finish_all(self, links: Sequence[Link]) -> None:
        """Let these half-close, and read what they are owed and the end, in whatever order."""
        for link in links:
            link.fin = link.fin or "due"
        _move(links, lambda _: False, self.stage)

    def _finish(self, course: Course) -> None:
        """Let every open connection finish that the contract says is served."""
        open_ = {c: line for c, line in course.lines.items() if line.open and c in self.links}
        if course.terminated:
            for number, line in open_.items():
                if not line.served:
                    link = self.links[number]
                    while link.take() and not link.end:
                        pass
                    link.close()
                    wrong = link.end == SURPLUS
                    saw = link.end if wrong else echo_model.NOTHING_WRONG
                    self.marks.append(Mark(echo_model.finishing(number), saw))
            open_ = {c: line for c, line in open_.items() if line.served}
        self._finish_all([self.links[number] for number in open_])
        for number in open_:
            self.marks.append(Mark(echo_model.finishing(number), _whole(self.links[number])))

    def _end(self, *, terminated: bool) -> None:
        """See what the server has left behind, and end it."""
        server = self.server
        self.stage.close_peers()
        status = None if terminated else server.child.process.poll()
        alive = "lived until it was told to end" if status is None else f"ended with {status}"
        self.marks.append(Mark("the process", alive))
        if status is not None:
            server.ending = True
            return
        left = "" if terminated else server.leftovers()
        self.stage.note(f"left behind: {left or 'nothing'}")
        self.marks.append(Mark("what is left", "something" if left else "nothing"))
        try:
            status = server.exits() if terminated else server.stop()
        except Late:
            self.marks.append(Mark("exit status", "none: it runs on"))
        else:
            self.marks.append(Mark("exit status", str(status)))


_STEPS: dict[str, Callable[[Play, Move, Course], str]] = {
    "connect": Play.connect,
    "send": Play.send,
    "pause": lambda _play, _move, _course: echo_model.DONE,
    "read": Play.read,
    "resume": Play.catch_up,
    "barrier": Play.catch_up,
    "delivered": Play.delivered,
    "quiet": Play.quiet,
    "shutdown": Play.shutdown,
    "reset": Play.reset,
    "stop": Play.stop,
    "continue": Play.go_on,
    "sigterm": Play.sigterm,
}
_ON_LINK = frozenset(_STEPS) - {"connect", "stop", "continue", "sigterm", "reset"}


def _how(link: Link) -> str:
    """Return how a link ended, as the end of half a sentence."""
    return f": {link.end}" if link.end else ": silence"


def _whole(link: Link) -> str:
    """Say whether all has come back, and what came then."""
    if link.end == SURPLUS:
        return link.end
    if not link.complete:
        return f"not every byte{_how(link)}"
    return f"{echo_model.WHOLE}, then {link.end}" if link.end else echo_model.WHOLE


def play(trace: EchoTrace, stage: Stage, marks: list[Mark]) -> None:
    """Play a trace and append what was seen, in the order of the model's expectations."""
    options = ("--limit", str(trace.limit)) if trace.limit else ()
    size = SMALL if trace.small else 0
    with stage.serve(*options, send_buffer=size, receive_buffer=size) as server:
        marks.append(Mark("start", "READY"))
        Play(trace, server, marks).run()
