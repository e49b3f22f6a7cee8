"""An echo load at a fixed pace, with or without TLS: what a message costs at equal load.

Rules: the native gauge speaks no TLS, and this is in Python, too slow to find anybody's limit. So
it asks for the same pace of everyone (RATE_PER_S over CONNECTIONS, in rounds: all send, then all
are read) and the figure is the server's CPU time per message. Every reply is compared; a pace that
is not kept voids the slice.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness import witness
from harness.measure.serving import UnservedError, serving
from harness.model import Cell, Sample

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from harness.measure.job import Bench, Job

CONNECTIONS = 10
SIZE = 1024
RATE_PER_S = 2000  # a Python server's TLS takes a fifth of a core for it, and this load less
SLICES = 4
LENGTH_S = 0.2
PRIMING_ROUNDS = 100
PACE_KEPT = 0.99
PATIENCE_S = 5.0

CELL = Cell(workload="echo", concurrency=CONNECTIONS, size=SIZE, ranked=True)
"""What the samples belong to; closed within a round, so it has no rate of its own."""


class Rounds:
    """The connections of one job, and their replies so far."""

    def __init__(self, connections: Sequence[socket.socket]) -> None:
        """Take connected sockets, their handshakes done."""
        self._connections = connections
        self._number = 0

    def play(self) -> None:
        """Send a message on each connection and read all back. Raises UnservedError."""
        self._number += 1
        message = self._number.to_bytes(8, "big") * (SIZE // 8)
        try:
            for connection in self._connections:
                connection.sendall(message)
            for connection in self._connections:
                self._expect(connection, message)
        except OSError as error:
            raise UnservedError(f"round {self._number}: {error!r}") from error

    def _expect(self, connection: socket.socket, message: bytes) -> None:
        got = b""
        while len(got) < len(message):
            data = connection.recv(len(message) - len(got))
            if not data:
                raise UnservedError(f"round {self._number}: FIN after {len(got)} bytes of a reply")
            got += data
        if got != message:
            raise UnservedError(f"round {self._number}: a reply that is not what was sent")


def run(job: Job, bench: Bench, context: ssl.SSLContext | None) -> list[Sample]:
    """Do the job: SLICES samples, a void one where the contestant failed. None: without TLS."""
    try:
        with serving(job, bench) as (port, pid), ExitStack() as open_ones:
            connections = [
                open_ones.enter_context(_connect(port, context)) for _ in range(CONNECTIONS)
            ]
            rounds = Rounds(connections)
            for _ in range(PRIMING_ROUNDS):
                rounds.play()
            return [_slice(job, rounds, pid, index) for index in range(SLICES)]
    except UnservedError as error:
        return job.void(str(error))


def _connect(port: int, context: ssl.SSLContext | None) -> socket.socket:
    """Return a connection, its handshake done. Raises UnservedError."""
    try:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname="localhost") if context else plain
    except OSError as error:
        raise UnservedError(f"no connection: {error!r}") from error


def _slice(job: Job, rounds: Rounds, pid: int, index: int) -> Sample:
    """Play rounds at the pace for LENGTH_S and return what they cost the server."""
    every_s = CONNECTIONS / RATE_PER_S
    count = round(LENGTH_S / every_s)
    before, began_ns = _counters(pid), time.monotonic_ns()
    for number in range(count):
        _sleep_until(began_ns + round(number * every_s * 1e9))
        rounds.play()
    _sleep_until(began_ns + round(LENGTH_S * 1e9))
    wall_ns, after = time.monotonic_ns() - began_ns, _counters(pid)
    cpu_ns, wait_ns, own_wait_ns = (b - a for a, b in zip(before, after, strict=True))
    late = count * CONNECTIONS / (wall_ns / 1e9) < PACE_KEPT * RATE_PER_S
    return Sample(
        block=job.block,
        implementation=job.alias,
        workload="echo",
        cell=CELL.name,
        index=index,
        of=SLICES,
        started_ns=began_ns,
        wall_ns=wall_ns,
        messages=count * CONNECTIONS,
        child_cpu_ns=cpu_ns,
        child_wait_ns=wait_ns,
        gauge_wait_ns=own_wait_ns,
        error="rate not reached" if late else "",
    )


def _counters(pid: int) -> tuple[int, int, int]:
    """Return the server's CPU time and its and this process's waits for a core, nanoseconds."""
    tree = witness.tree(pid)
    waits_s = witness.waited_s(*tree), witness.waited_s(os.getpid())
    return witness.cpu_ns(*tree), round(waits_s[0] * 1e9), round(waits_s[1] * 1e9)


def _sleep_until(due_ns: int) -> None:
    """Sleep until CLOCK_MONOTONIC says so; return at once where it has said so already."""
    left_ns = due_ns - time.monotonic_ns()
    if left_ns > 0:
        time.sleep(left_ns / 1e9)
