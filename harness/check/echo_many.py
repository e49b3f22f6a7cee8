"""E09 and E13: very many connections, and more than there are descriptors for."""

from __future__ import annotations

import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness import witness
from harness.check.case import Failure, Late, case
from harness.check.flood import QUIET_S
from harness.check.peer import poll

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.check.peer import Peer
    from harness.check.server import Server
    from harness.check.stage import Stage

OPEN_FILES = 64
CLIENTS = 100
RELEASE_S = 1.5
SPIN_S = 0.75  # of CPU in RELEASE_S: 50%
LINES = 1000
FLAT = 1 << 20  # bytes of private memory over 800 connections that came and went
PATIENCE = 12  # rounds of 200 connections more
SETTLED = 5  # rounds in a row between which a step is told from a leak
KEPT = FLAT // 4  # bytes by which these may differ: a third of a KiB for each connection


@case(
    "E09.1",
    does="1,000 connections at once, each with its own payload",
    expects="each its own bytes, then FIN",
    quick=True,
)
def thousand_at_once(stage: Stage) -> None:
    """All are open before the first byte; all answers are waited for before the first FIN."""
    with stage.serve() as server:
        peers = server.connect_many(1000)
        for number, peer in enumerate(peers):
            peer.push(1 + number * 3)
        for peer in peers:
            peer.catch_up()
        for peer in peers:
            peer.half_close()
        for peer in peers:
            peer.expect_end()


def _in_turn(server: Server, count: int) -> int:
    """Open, use and end so many connections one after the other; return the private memory then."""
    for number in range(count):
        peer = server.connect()
        peer.ping(b"%d" % number)
        if number % 10 == 0:
            peer.reset()
        elif number % 2:
            peer.half_close()
            peer.expect_end()
        peer.close()
    server.returns_to(server.baseline)
    return witness.resources(server.child.pid).private_bytes


@case(
    "E09.2",
    does="1,000 connections one after the other, ended by FIN, close or RST",
    expects="descriptors and memory flat",
)
def thousand_in_turn(stage: Stage) -> None:
    """Nothing is kept of a connection that has gone.

    Garbage that waits for its collector goes up and down by some MiB, and an allocator may take a
    step up that it keeps; what is kept of each connection goes up with each. So memory that is not
    flat after 1,000 connections has some hundred more, to come back in or to show that it stays.
    """
    with stage.serve() as server:
        early = _in_turn(server, 200)
        grown = [_in_turn(server, 800) - early]
        while grown[-1] > FLAT and not _settled(grown):
            if len(grown) > PATIENCE:
                raise Failure("flat memory", f"bytes more after each round: {grown}")
            grown.append(_in_turn(server, 200) - early)
        stage.note(f"private memory grew since the 200th connection by bytes: {grown}")


def _settled(rounds: Sequence[int]) -> bool:
    """Tell whether the last rounds lie so close together that nothing was kept of each."""
    last = rounds[-SETTLED:]
    return len(last) == SETTLED and max(last) - min(last) <= KEPT


def _crowd(server: Server) -> tuple[list[Peer], list[Peer]]:
    """Connect more clients than there are descriptors; return all, and those that were served."""
    everyone = server.connect_many(CLIENTS)
    served: list[Peer] = []
    for peer in everyone:
        peer.try_send(b"hello")
    waiting = {peer.sock.fileno(): peer for peer in everyone}
    while ready := poll(dict.fromkeys(waiting, select.POLLIN), server.stage.within(QUIET_S)):
        for fd in ready:
            peer = waiting.pop(fd)
            if peer.answers(b"hello"):
                served.append(peer)
    server.stage.note(f"{len(served)} of {CLIENTS} clients are served")
    if len(served) < OPEN_FILES // 4:
        raise Late(f"at least {OPEN_FILES // 4} clients served", f"{len(served)}")
    return everyone, served


def _serves_again(server: Server, since: float, count: int) -> None:
    """Wait until so many new connections in a row are served; the first ones may fail."""
    in_a_row: list[Peer] = []
    while len(in_a_row) < count:
        if time.monotonic() > since + server.stage.within(RELEASE_S):
            raise Late(f"service {RELEASE_S:g} s after the release", "none")
        peer = server.try_connect()
        if peer is None:
            time.sleep(0.02)
        elif peer.try_send(b"new") and peer.answers(b"new", 0.3):
            in_a_row.append(peer)
        else:
            peer.close()
            in_a_row.clear()


@case(
    "E13.1",
    does="100 clients where 64 descriptors are allowed; then all leave",
    expects="those served stay served, and 1.5 s after the release new ones are served",
    quick=True,
)
def exhausted(stage: Stage) -> None:
    """Meet the limit, bear it and leave it behind."""
    with stage.serve(open_files=OPEN_FILES, may_write=True) as server:
        everyone, served = _crowd(server)
        for _ in range(3):
            for peer in served:
                peer.ping(b"still here")
        for peer in everyone:
            peer.close()
        _serves_again(server, time.monotonic(), 10)


@case(
    "E13.2",
    does="100 clients where 64 descriptors are allowed; all but six leave, by RST",
    expects="the six stay served, and new ones are",
)
def exhausted_in_part(stage: Stage) -> None:
    """See that those who stay never notice.

    There is room for all who still wait, so that the limit is not met a second time.
    """
    with stage.serve(open_files=OPEN_FILES, may_write=True) as server:
        everyone, served = _crowd(server)
        steady = served[:6]
        for peer in everyone:
            if peer not in steady:
                peer.reset()
        _serves_again(server, time.monotonic(), 2)
        for peer in steady:
            peer.ping(b"still here")


@case(
    "E13q.1",
    does="100 clients where 64 descriptors are allowed, for 1.5 s",
    expects="at most 50% CPU and 1,000 lines on stderr",
)
def exhausted_quietly(stage: Stage) -> None:
    """Exhaustion is borne without spinning and without flooding the log."""
    with stage.serve(open_files=OPEN_FILES, may_write=True) as server:
        _crowd(server)
        with _quiet(server):
            time.sleep(RELEASE_S)


@case(
    "E13q.2",
    does="the same while the served go on talking and 75 more come and leave by RST",
    expects="at most 50% CPU and 1,000 lines on stderr, and the served stay served",
)
def exhausted_and_busy(stage: Stage) -> None:
    """Exhaustion is borne quietly when it is met again and again, and nothing is released."""
    with stage.serve(open_files=OPEN_FILES, may_write=True) as server:
        _, served = _crowd(server)
        with _quiet(server):
            until = time.monotonic() + RELEASE_S
            for number in range(25):
                for _ in range(3):
                    if (late := server.try_connect()) is not None:
                        late.try_send(b"too late")
                        late.reset()
                served[number % len(served)].ping(b"still here")
                time.sleep(max(0.0, until - time.monotonic()) / (25 - number))


@contextmanager
def _quiet(server: Server) -> Iterator[None]:
    """Measure the block, which lasts for RELEASE_S: its CPU and its lines on stderr.

    Where the machine makes it last longer, more of both is allowed.
    """
    cpu, lines = witness.resources(server.child.pid).cpu_s, server.child.stderr().count(b"\n")
    begin = time.monotonic()
    yield
    longer = max(1.0, (time.monotonic() - begin) / RELEASE_S)
    cpu = witness.resources(server.child.pid).cpu_s - cpu
    lines = server.child.stderr(1 << 26).count(b"\n") - lines
    server.stage.note(f"{cpu:.2f} s of CPU and {lines} lines in {longer * RELEASE_S:.2f} s")
    if cpu > SPIN_S * longer or lines > LINES * longer:
        raise Failure(
            f"at most {SPIN_S:g} s of CPU and {LINES} lines in {RELEASE_S:g} s",
            f"{cpu:.2f} s and {lines} lines in {longer * RELEASE_S:.2f} s",
        )
