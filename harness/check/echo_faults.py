"""E07, E08, E14 and E15: connections that fail, and what they leave behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.check.case import Failure, Inconclusive, Late, case
from harness.check.flood import flood

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.check.server import Server
    from harness.check.stage import Stage

KIB = 1024
MIB = 1024 * KIB
SMALL = 32 * KIB
IDLE_S = 0.6  # longer than any one disturbance takes


def _after_nothing(server: Server) -> None:
    """RST without a byte, once the server has accepted it or not: both orders happen."""
    for peer in server.connect_many(10):
        peer.reset()


def _after_answer(server: Server) -> None:
    """RST on a connection that was served and is quiet."""
    for peer in server.connect_many(10):
        peer.ping()
        peer.reset()


def _mid_write(server: Server) -> None:
    """RST while the answer is on its way: some of it has arrived and is unread."""
    for peer in server.connect_many(10, receive_buffer=SMALL, send_buffer=MIB):
        peer.push(256 * KIB)
        if not peer.readable(server.stage.within(5)):
            raise Late("the first bytes back", "silence")
        peer.reset()


def _blocked(server: Server) -> None:
    """RST while the server waits to write."""
    peers = server.connect_many(10, receive_buffer=SMALL, send_buffer=SMALL)
    flood(peers)
    for peer in peers:
        peer.reset()


def _before_accept(server: Server) -> None:
    """RST while the connection waits in the kernel: the server meets it already dead."""
    with server.stopped():
        for number, peer in enumerate(server.connect_many(10)):
            if number % 2:
                peer.send(b"never to be seen")
            peer.reset()


def _after_fin(server: Server) -> None:
    """FIN first, then RST while the rest of the answer waits to be written."""
    peers = server.connect_many(10, receive_buffer=SMALL, send_buffer=MIB)
    for peer in peers:
        peer.push(256 * KIB)
        peer.half_close()
        if not peer.readable(server.stage.within(5)):
            raise Late("the first bytes back", "silence")
    for peer in peers:
        peer.reset()


EVERY_RESET = (
    *(_after_nothing, _after_answer, _mid_write),
    *(_blocked, _before_accept, _after_fin),
)
QUIET_RESETS = (_after_nothing, _after_answer, _before_accept)
"""Those that leave no byte unread on the peer's side."""


def survives(stage: Stage, *disturbances: Callable[[Server], None]) -> None:
    """Play disturbances beside an open connection; the process, it and the listener go on."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        beside = server.connect(name="beside")
        beside.ping()
        before = server.settled()
        for disturb in disturbances:
            disturb(server)
            beside.ping()
            with server.connect(name="new") as new:
                new.ping()
        server.returns_to(before)
        beside.half_close()
        beside.expect_end()


@case(
    "E07.1",
    sitting="small",
    does="RST after 0 bytes, after an answer, mid-write, while blocked, before accept, after FIN",
    expects="the process lives, others go on, descriptors are back in 1 s",
    quick=True,
)
def every_reset(stage: Stage) -> None:
    """Every kind of reset, one after the other, ten connections each."""
    survives(stage, *EVERY_RESET)


@case(
    "E07.2",
    sitting="small",
    does="60 RSTs after 0 bytes and after an answer",
    expects="descriptors are back in 1 s",
)
def reset_quiet(stage: Stage) -> None:
    """Reset with nothing on the way."""
    survives(stage, *(_after_nothing, _after_answer) * 3)


@case(
    "E07.3",
    sitting="small",
    does="50 RSTs while the answer is on its way",
    expects="descriptors are back in 1 s",
)
def reset_mid_write(stage: Stage) -> None:
    """Reset in the middle of a write."""
    survives(stage, *(_mid_write,) * 5)


@case(
    "E07.4",
    sitting="small",
    does="20 RSTs while the server waits to write",
    expects="descriptors are back in 1 s",
)
def reset_while_blocked(stage: Stage) -> None:
    """Reset connections that block."""
    survives(stage, *(_blocked,) * 2)


@case("E07.5", sitting="small", does="50 RSTs before accept", expects="descriptors are back in 1 s")
def reset_before_accept(stage: Stage) -> None:
    """Reset connections that nobody has accepted."""
    survives(stage, *(_before_accept,) * 5)


@case(
    "E08.1",
    sitting="plain",
    does="20 neighbours fail in the middle of one's 16 MiB",
    expects="16 MiB whole, and new connections served",
    quick=True,
)
def neighbours_fail(stage: Stage) -> None:
    """One transfer goes on through resets of every kind around it."""
    with stage.serve() as server:
        peer = server.connect(name="steady")
        for disturb in (_after_answer, _mid_write, _after_nothing, _after_fin):
            peer.pump(4 * MIB)
            disturb(server)
        peer.finish()
        server.connect().ping()


@case(
    "E08.2",
    sitting="small",
    does="10 of 20 blocked peers reset at once",
    expects="the other 10 streams whole",
)
def half_of_the_blocked(stage: Stage) -> None:
    """Those who stay get every byte."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peers = server.connect_many(20, receive_buffer=SMALL, send_buffer=SMALL)
        flood(peers)
        for peer in peers[::2]:
            peer.reset()
        server.connect(name="new").ping()
        for peer in peers[1::2]:
            peer.finish()
        server.connect(name="newest").ping()


@case(
    "E08.3",
    sitting="small",
    does="peers leave with the answer unread, by close",
    expects="others and the listener go on",
)
def closed_with_unread(stage: Stage) -> None:
    """Close with bytes unread: the kernel sends RST into the server's next write."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        beside = server.connect(name="beside")
        for _ in range(5):
            peers = server.connect_many(4, receive_buffer=SMALL, send_buffer=SMALL)
            for peer in peers:
                peer.push(SMALL)
                if not peer.readable(stage.within(5)):
                    raise Late("the first bytes back", "silence")
                peer.push(SMALL)
            for peer in peers:
                peer.close()
            beside.ping()
            server.connect(name="new").ping()


def _mixture(server: Server) -> None:
    """Play everything that may leave something behind on a server with an idle timer."""
    for disturb in EVERY_RESET:
        begin = time.monotonic()
        try:
            disturb(server)
        except Failure:
            if time.monotonic() - begin > IDLE_S:
                raise Inconclusive(f"the machine was slower than --idle-s {IDLE_S}") from None
            raise
    with server.connect(name="steady") as peer:
        peer.pump(MIB)
        peer.finish()
    with server.connect(name="silent") as peer:
        if not peer.gone(server.stage.within(2.0)):
            raise Late(f"a close after --idle-s {IDLE_S}", "an open connection")


@case(
    "E14.1",
    does="resets of every kind, a transfer, an idle close; then looks at /proc",
    expects="no descriptor, thread or child more than before",
    quick=True,
)
def leaves_nothing(stage: Stage) -> None:
    """Whatever happened, nothing of it stays."""
    with stage.serve("--idle-s", str(IDLE_S), send_buffer=SMALL, receive_buffer=SMALL) as server:
        _mixture(server)
    if stage.left:
        raise Failure("nothing left", stage.left)


@case(
    "E15.1",
    does="resets of every kind, an idle close, a drain that cuts; then looks at stderr",
    expects="nothing on stderr",
    quick=True,
)
def says_nothing(stage: Stage) -> None:
    """Hear nothing: what peers do is no news for stderr."""
    options = ("--idle-s", str(IDLE_S), "--grace-s", "0.2")
    with stage.serve(*options, send_buffer=SMALL, receive_buffer=SMALL) as server:
        _mixture(server)
        flood([server.connect(name="held", send_buffer=SMALL, receive_buffer=SMALL)])
        server.stop()
    if stage.noise:
        raise Failure("silence on stderr", stage.noise)
