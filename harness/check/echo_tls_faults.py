"""E20: what is no TLS, or stops being it, costs one connection.

Rules: how such a connection is lost is free; that an open one and new ones go on is not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.check.case import Late, case
from harness.check.echo_tls import come, over_tls
from harness.check.flood import flood
from harness.check.peer import PATIENCE_S
from harness.check.tls_peer import RECORD, TlsPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.check.server import Server
    from harness.check.stage import Stage

KIB = 1024
MIB = 1024 * KIB
SMALL = 32 * KIB
NOT_TLS = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\n",
    b"\x00" * 300,
    b"\x16\x03\x01\x00\x05hello" + b"\xff" * 100,  # a record that holds no handshake message
    b"\x16\x03\x01\xff\xff" + b"\x01" * 70_000,  # a record longer than any may be
    b"\x15\x03\x03\x00\x02\x02\x28",  # an alert: the handshake failed
)


@contextmanager
def beside(stage: Stage) -> Iterator[Server]:
    """Serve; what happens in the block costs neither an open connection nor new ones anything."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        steady = server.connect(name="steady")
        steady.ping()
        before = server.settled()
        yield server
        steady.ping()
        with server.connect(name="new") as new:
            new.ping()
        server.returns_to(before)
        steady.finish()


def lost(peer: TlsPeer) -> None:
    """Wait until the server gives up this connection. Raises Late when it does not."""
    if not peer.gone(peer.stage.within(PATIENCE_S)):
        raise Late("FIN or RST", "an open connection")
    peer.close()


@case(
    "E20.36",
    sitting="E20 small",
    does="sends plain text and broken records where a ClientHello is due",
    expects="that connection is ended; an open one and new ones go on",
)
@over_tls
def no_tls(stage: Stage) -> None:
    """Speak anything but TLS."""
    with beside(stage) as server:
        for data in NOT_TLS:
            peer = come(server, shake=False)
            peer.send_raw(data[:RECORD])
            if len(data) < 5:  # not yet a record's head: more may come
                peer.finish_raw()
            lost(peer)


@case(
    "E20.37",
    sitting="E20 small",
    does="20 handshakes stall: no byte, half a ClientHello, a whole one and no more",
    expects="an open connection and new ones go on; a stalled one that goes on is served",
)
@over_tls
def stalled(stage: Stage) -> None:
    """Stall where others wait, and go on when they have been served."""
    with beside(stage) as server:
        halves: list[tuple[TlsPeer, bytes]] = []
        for number in range(20):
            peer = come(server, shake=False, name=f"stalled {number}")
            hello = peer.hello()
            cut = (0, 1, len(hello) // 2, len(hello))[number % 4]
            if cut:
                peer.send_raw(hello[:cut])
            halves.append((peer, hello[cut:]))
        for _ in range(5):
            with server.connect(name="meanwhile") as meanwhile:
                meanwhile.ping()
                meanwhile.finish()
        for number, (peer, rest) in enumerate(halves):
            if number < 8:
                if rest:
                    peer.send_raw(rest)
                peer.shake_hands()
                peer.ping()
                peer.finish()
            else:
                peer.close()


@case(
    "E20.38",
    sitting="E20 small",
    does="FIN and RST in the handshake: before a byte, half way, after the ClientHello",
    expects="the process lives, others go on, descriptors are back in 1 s",
)
@over_tls
def broken_handshake(stage: Stage) -> None:
    """End connections that never became TLS."""
    with beside(stage) as server:
        for end in (TlsPeer.reset, TlsPeer.finish_raw, TlsPeer.close):
            for share in (0.0, 0.5, 1.0):
                peer = come(server, shake=False)
                hello = peer.hello()
                if share:
                    peer.send_raw(hello[: int(len(hello) * share)])
                end(peer)
                if end is TlsPeer.finish_raw:
                    lost(peer)


def _fin_alone(peer: TlsPeer) -> None:
    """FIN without close_notify: the stream may have been cut, and no one can tell."""
    peer.ping()
    peer.finish_raw()
    lost(peer)


def _half_a_record(peer: TlsPeer) -> None:
    """FIN in the middle of a record."""
    peer.send_raw(peer.record(b"never whole")[:-3])
    peer.finish_raw()
    lost(peer)


def _forged(peer: TlsPeer) -> None:
    """Turn over a bit of a record."""
    wire = bytearray(peer.record(b"forged"))
    wire[-1] ^= 1
    peer.send_raw(bytes(wire))
    lost(peer)


def _plain(peer: TlsPeer) -> None:
    """Plain text in the middle of TLS."""
    peer.ping()
    peer.send_raw(b"plain text, all of a sudden")
    lost(peer)


@case(
    "E20.39",
    sitting="E20 small",
    does="FIN without close_notify, FIN in a record, a forged record, plain text after the "
    "handshake; three times",
    expects="that connection is ended; an open one and new ones go on",
    why="RFC 8446 6.1: without a close_notify the stream may have been cut",
)
@over_tls
def cut_off(stage: Stage) -> None:
    """Break the stream in every way that TLS notices."""
    ways: tuple[Callable[[TlsPeer], None], ...] = (_fin_alone, _half_a_record, _forged, _plain)
    with beside(stage) as server:
        for way in ways * 3:
            way(come(server))


@case(
    "E20.40",
    sitting="E20 small",
    does="30 RSTs over TLS: after an answer, mid-write, while the server waits to write",
    expects="the process lives, others go on, descriptors are back in 1 s",
)
@over_tls
def resets(stage: Stage) -> None:
    """Reset in the middle of the stream."""
    with beside(stage) as server:
        quiet = server.connect_many(10)
        for peer in quiet:
            peer.ping()
            peer.reset()
        busy = server.connect_many(10, receive_buffer=SMALL, send_buffer=MIB)
        for peer in busy:
            peer.push(256 * KIB)
            if not peer.readable(stage.within(PATIENCE_S)):
                raise Late("the first bytes back", "silence")
            peer.reset()
        blocked = server.connect_many(10, receive_buffer=SMALL, send_buffer=SMALL)
        flood(blocked)
        for peer in blocked:
            peer.reset()


@case(
    "E20.41",
    sitting="E20 small",
    does="a held peer sends close_notify, then reads all; another sends it and leaves by RST",
    expects="the stream whole and a close_notify; others go on",
)
@over_tls
def notice_while_blocked(stage: Stage) -> None:
    """Let the close_notify wait behind bytes that the server has not read yet."""
    with beside(stage) as server:
        peers = server.connect_many(4, receive_buffer=SMALL, send_buffer=MIB)
        for peer in peers:
            while peer.sent < 400 * KIB:
                peer.send(peer.stream(peer.sent, 10_000))
            peer.half_close()
        for peer in peers[::2]:
            peer.catch_up(step=7_000)
            peer.expect_end()
        for peer in peers[1::2]:
            peer.reset()
