"""contextvars: whether what is set when a connection comes is seen at all its later steps alone.

Rules: nothing is timed. The launcher marks the context at every step of the implementation's own
code and writes which earlier marks are seen there (`--contextvars`). One connection at a time does
something, and the next begins once every thread sleeps: a step belongs to whoever was at it. Any
step while a connection was accepted may be where the state is set; the one that serves best counts.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from harness import witness
from harness.measure.scenarios.scenario import Failed, Figure, Scenario
from harness.measure.scenarios.serving import needs_launcher, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.measure.job import Bench
    from harness.model import Implementation

CONNECTIONS = 3  # two would not tell the last one's state from the first one's
ROUNDS = 2  # messages of each, in turn
MESSAGE = b"whose is this?"
PATIENCE_S = 5.0
ASLEEP = 3  # looks in a row, LOOK_S apart
LOOK_S = 0.002


class Step(NamedTuple):
    """One step: which mark it set, and which of the earlier ones it sees."""

    thread: str
    mark: str
    sees: frozenset[str]


class Life(NamedTuple):
    """The steps of one connection."""

    accept: list[Step]
    later: list[Step]
    end: list[Step]

    @property
    def ends(self) -> list[Step]:
        """The steps at its end in threads that served it; what others do then is not its own."""
        threads = {step.thread for step in self.later}
        return [step for step in self.end if step.thread in threads]


class Found(NamedTuple):
    """How often the state of a connection was looked for, and seen."""

    steps: int
    seen: int
    neighbours: int
    """Steps of the other connections."""
    leaked: int
    """How many of these see it."""


def judge(lives: Sequence[Life]) -> Found:
    """Return what the best mark of each connection's accept gives, all connections together.

    A connection's end is one step more, and sees the mark if any step of it does: a loop that takes
    back what has ended is at work then, too. Raises Failed where nothing can be said.
    """
    found = []
    for life in lives:
        if not life.accept or not life.later:
            raise Failed("a connection came or had its answer without a step of its own code")
        others = [step for one in lives if one is not life for steps in one for step in steps]
        ends = [frozenset().union(*(step.sees for step in life.ends))] if life.ends else []
        sights = [step.sees for step in life.later] + ends

        def of(
            mark: str, sights: Sequence[frozenset[str]] = sights, others: Sequence[Step] = others
        ) -> Found:
            seen, leaked = (sum(mark in one for one in many) for many in (sights, _sees(others)))
            return Found(len(sights), seen, len(others), leaked)

        every = [of(step.mark) for step in life.accept]
        found.append(max(every, key=lambda one: one.seen - one.leaked))
    return Found(*(sum(column) for column in zip(*found, strict=True)))


def _sees(steps: Sequence[Step]) -> list[frozenset[str]]:
    return [step.sees for step in steps]


class _Log:
    """The launcher's file, read on once everything of a process tree sleeps."""

    def __init__(self, file: Path, pid: int) -> None:
        self._file, self._pid, self._at = file, pid, 0

    def steps(self) -> list[Step]:
        """Return the steps since the last time. Raises Failed where it comes to no rest."""
        self._rest()
        with self._file.open("rb") as log:
            log.seek(self._at)
            text = log.read()
            self._at = log.tell()
        lines = [line.split() for line in text.decode().splitlines()]
        return [Step(words[0], words[1], frozenset(words[2:])) for words in lines]

    def _rest(self) -> None:
        end, looks = time.monotonic() + PATIENCE_S, 0
        while looks < ASLEEP:
            looks = looks + 1 if witness.asleep(self._pid) else 0
            if time.monotonic() > end:
                raise Failed("it came to no rest between two messages")
            time.sleep(LOOK_S)


def _connect(port: int, pid: int) -> socket.socket:
    """Return a connection that the process has taken: it holds one descriptor more at least."""
    before, end = witness.resources(pid).fds, time.monotonic() + PATIENCE_S
    peer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    while witness.resources(pid).fds <= before:
        if time.monotonic() > end:
            peer.close()
            raise Failed("it did not accept a connection that waits")
        time.sleep(LOOK_S)
    return peer


def _echoed(peer: socket.socket) -> None:
    peer.sendall(MESSAGE)
    back = b""
    while len(back) < len(MESSAGE):
        data = peer.recv(len(MESSAGE))
        if not data:
            raise Failed("it ended a connection before it had answered")
        back += data


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield how many steps there were, and the shares of a connection's and the others' that see.

    A share of 1 of its own and of 0 of the others': the state is the connection's alone.
    """
    needs_launcher(implementation)
    file = bench.folder / f"{implementation.name}.contexts"
    file.write_bytes(b"")
    options = ("--contextvars", str(file))
    with serving(implementation, bench, *options) as served, ExitStack() as opened:
        log = _Log(file, served.pid)
        log.steps()
        lives, peers = [], []
        try:
            for _ in range(CONNECTIONS):
                peers.append(opened.enter_context(_connect(served.port, served.pid)))
                lives.append(Life(log.steps(), [], []))
            for life, peer in list(zip(lives, peers, strict=True)) * ROUNDS:
                _echoed(peer)
                life.later.extend(log.steps())
            for life, peer in zip(lives, peers, strict=True):
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(1):
                    pass
                life.end.extend(log.steps())
        except OSError as error:
            raise Failed(f"a connection of few broke: {error}") from error
    found = judge(lives)
    yield Figure("steps", found.steps)
    yield Figure("seen_share", found.seen / found.steps)
    yield Figure("leaked_share", found.leaked / found.neighbours)


SCENARIO = Scenario("contextvars", "echo", 0.7, measure)
