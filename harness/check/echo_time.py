"""E10 and E11: the idle timer, and the limit on connections served at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.check.case import Failure, Inconclusive, Late, case
from harness.check.flood import flood

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.check.peer import Peer
    from harness.check.stage import Stage

KIB = 1024
SMALL = 32 * KIB
IDLE_S = 0.4
LATE_S = 0.3  # how long after T the close may come
SILENT_S = (
    0.15  # how long nothing comes to those who wait; they are looked at after others' answers
)
IDLE = ("--idle-s", str(IDLE_S))


def _closes_in_time(peer: Peer, earliest: float, latest: float) -> None:
    """Wait for FIN: the timer began between the two moments, and T and no more passed since.

    The server saw the last byte at some moment between `earliest` (before it was sent) and `latest`
    (after its echo was read), so FIN is due in [earliest + T, latest + T + 0.3 s].
    """
    peer.expect_end(latest + IDLE_S + LATE_S - time.monotonic() + 1.0)
    now = time.monotonic()
    peer.stage.note(f"{peer.name}: closed {now - earliest:.3f} s after the timer could begin")
    if now < earliest + IDLE_S:
        raise Failure(f"FIN no earlier than {IDLE_S} s", f"FIN after {now - earliest:.3f} s")
    if now > latest + IDLE_S + peer.stage.within(LATE_S):
        raise Late(f"FIN within {IDLE_S + LATE_S:.1f} s", f"FIN after {now - latest:.3f} s")


@case(
    "E10.1",
    does="--idle-s 0.4: stays silent from the start",
    expects="FIN in [0.4, 0.7] s after the connect",
    quick=True,
)
def silent_from_the_start(stage: Stage) -> None:
    """Watch a connection on which nothing ever came."""
    with stage.serve(*IDLE) as server:
        before = time.monotonic()
        peer = server.connect()
        _closes_in_time(peer, before, time.monotonic())
        server.connect(name="new").ping()


@case(
    "E10.2",
    does="--idle-s 0.4: sends one byte every 0.25 s, five times, then nothing",
    expects="FIN in [0.4, 0.7] s after the last byte",
)
def any_byte_renews(stage: Stage) -> None:
    """Any byte starts the timer anew; the pauses together are three times T."""
    with stage.serve(*IDLE) as server:
        peer = server.connect()
        last = time.monotonic()
        for _ in range(5):
            time.sleep(0.25)
            if time.monotonic() - last > IDLE_S - 0.02:
                raise Inconclusive("the machine was too slow to send a byte every 0.25 s")
            last = time.monotonic()
            peer.ping(b".")
        _closes_in_time(peer, last, time.monotonic())


@case(
    "E10.3",
    does="--idle-s 0.4: sends, does not read for 3 T, then reads all",
    expects="all of it, then FIN a whole T later",
)
def not_while_blocked(stage: Stage) -> None:
    """See the timer rest while the server waits to write, and run from zero after."""
    with stage.serve(*IDLE, send_buffer=SMALL, receive_buffer=SMALL) as server:
        peer = server.connect(send_buffer=SMALL, receive_buffer=SMALL)
        flood([peer])
        time.sleep(3 * IDLE_S)
        resumed = time.monotonic()
        peer.catch_up()
        _closes_in_time(peer, resumed, time.monotonic())


@case(
    "E10.4",
    does="--idle-s 0.4 --limit 1: a second connection waits for 2 T until the first leaves",
    expects="it is served, and FIN comes a whole T after that",
)
def not_before_served(stage: Stage) -> None:
    """See that the timer of a connection behind the limit has not begun."""
    with stage.serve(*IDLE, "--limit", "1") as server:
        first = server.connect(name="first")
        first.ping()
        waiting = server.connect(name="waiting")
        last = time.monotonic()
        for _ in range(6):
            time.sleep(2 * IDLE_S / 6)
            if time.monotonic() - last > IDLE_S - 0.02:
                raise Inconclusive("the machine was too slow to send a byte every 0.13 s")
            last = time.monotonic()
            first.ping()
        waiting.expect_silence(0)
        before = time.monotonic()
        first.half_close()
        first.expect_end()
        _closes_in_time(waiting, before, time.monotonic())


@case("E10.5", does="no --idle-s: 12 connections stay silent for 1 s", expects="none is closed")
def never_without_it(stage: Stage) -> None:
    """Without the option there is no timer."""
    with stage.serve() as server:
        peers = server.connect_many(12)
        for peer in peers[::2]:
            peer.ping()
        time.sleep(1.0)
        for peer in peers:
            peer.expect_silence(0)
            peer.ping()


def _leave_by_fin(peer: Peer) -> None:
    peer.half_close()
    peer.expect_end()


def _leave_by_close(peer: Peer) -> None:
    peer.close()


def _leave_by_reset(peer: Peer) -> None:
    peer.reset()


def _surplus_waits(served: list[Peer], surplus: list[Peer]) -> None:
    """See that the surplus gets nothing, not even FIN, though the served ones are answered."""
    for _ in range(3):
        for peer in served:
            peer.ping()
    end = time.monotonic() + SILENT_S
    for peer in surplus:
        peer.expect_silence(max(0.0, end - time.monotonic()))


def _one_moves_up(surplus: list[Peer], data: bytes) -> Peer:
    """Wait until one of those that wait is served, and see that it is one only."""
    deadline = time.monotonic() + surplus[0].stage.within(2.0)
    while not (moved := [peer for peer in surplus if peer.readable(0)]):
        if time.monotonic() > deadline:
            raise Late("service for one that waited once a place was free", "silence for all")
        time.sleep(0.002)
    moved[0].expect(data)
    surplus.remove(moved[0])
    return moved[0]


def _limited(stage: Stage, limit: int, leaves: list[Callable[[Peer], None]]) -> None:
    """Let served ones leave one by one; each time one of the surplus moves up, and no more."""
    with stage.serve("--limit", str(limit)) as server:
        served = server.connect_many(limit)
        for peer in served:
            peer.ping()
        surplus = [server.connect(name=f"surplus {number}") for number in range(len(leaves) + 1)]
        for peer in surplus:
            peer.send(b"me too")
        _surplus_waits(served, surplus)
        for leave in leaves:
            leave(served.pop(0))
            served.append(_one_moves_up(surplus, b"me too"))
        _surplus_waits(served, surplus)


@case(
    "E11.1",
    does="--limit 3: four connections more; two leave, one by FIN and one by RST",
    expects="3 served, the surplus neither served nor closed; one moves up for each that leaves",
    quick=True,
)
def surplus_waits(stage: Stage) -> None:
    """See the limit hold exactly, and places come free."""
    _limited(stage, 3, [_leave_by_fin, _leave_by_reset, _leave_by_close])


@case("E11.2", does="--limit 2: twelve leave in turn, by RST", expects="no place is lost")
def places_after_reset(stage: Stage) -> None:
    """See a place free again after an RST, every time."""
    _limited(stage, 2, [_leave_by_reset] * 12)


@case("E11.3", does="--limit 1: one leaves while it is blocked", expects="the next is served")
def place_of_a_blocked_one(stage: Stage) -> None:
    """See a place free again when its holder resets while the server waits to write."""
    with stage.serve("--limit", "1", send_buffer=SMALL, receive_buffer=SMALL) as server:
        for _ in range(3):
            peer = server.connect(send_buffer=SMALL, receive_buffer=SMALL)
            peer.ping()
            flood([peer])
            surplus = [server.connect(name="surplus")]
            surplus[0].send(b"me too")
            surplus[0].expect_silence(0.05)
            peer.reset()
            _one_moves_up(surplus, b"me too").finish()


@case(
    "E11.4",
    does="--limit 5: 40 connections at once, each leaves once served",
    expects="5 are served at first, and all 40 in the end",
)
def burst(stage: Stage) -> None:
    """Not one too many in a burst, and nobody is forgotten."""
    with stage.serve("--limit", "5") as server:
        with server.stopped():
            everyone = server.connect_many(40)
            for peer in everyone:
                peer.send(b"me")
        served = [_one_moves_up(everyone, b"me") for _ in range(5)]
        _surplus_waits(served, everyone)
        while everyone:
            _leave_by_fin(served.pop())
            served.append(_one_moves_up(everyone, b"me"))
