"""E20: the cases of E01 to E05 once more over TLS, and what TLS itself adds.

Rules: what a peer without TLS ends by FIN, one over TLS ends by close_notify, and is answered by
the rest and a close_notify (RFC 8446 6.1 closes one direction alone). A connection that never
becomes TLS, or stops being it, is lost; how it is lost is free, that others go on is not.
"""

from __future__ import annotations

import functools
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.check import echo_bytes, echo_pressure
from harness.check.case import Case, Late, case
from harness.check.door import TLS
from harness.check.echo_doors import behind
from harness.check.peer import PATIENCE_S, flood
from harness.check.tls_peer import RECORD, TlsPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.check.case import Play
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

REPEATED: dict[int, Case] = {
    1: echo_bytes.single_bytes,
    2: echo_bytes.one_large_chunk,
    3: echo_bytes.chunk_sizes,
    4: echo_bytes.empty_stream,
    5: echo_bytes.hostile_bytes,
    6: echo_bytes.byte_by_byte,
    7: echo_bytes.no_full_buffer,
    8: echo_bytes.no_whole_line,
    10: echo_bytes.duplex_small_buffers,
    11: echo_bytes.duplex_from_standstill,
    12: echo_bytes.late_slow_reader,
    13: echo_bytes.exact_then_fin,
    14: echo_bytes.one_burst,
    15: echo_bytes.four_mebibytes,
    16: echo_pressure.one_held,
    18: echo_pressure.twenty_held,
    19: echo_pressure.memory_comes_back,
    20: echo_pressure.stop_and_go,
}
"""As in echo_doors. E03.1 and E05.2 (9, 17) are about the kernel's own buffers, whatever is in
them."""

COMPARED = (2, 12, 14, 16)
"""What `compare` plays of them; the rest is left to `check`."""

OVER_TLS = behind(TLS, "E20", REPEATED, COMPARED)


def over_tls(play: Play) -> Play:
    """Play a case behind the TLS door."""

    @functools.wraps(play)
    def behind_it(stage: Stage) -> None:
        stage.door = TLS
        play(stage)

    return behind_it


def come(server: Server, **options: object) -> TlsPeer:
    """Return a peer over TLS. Options: see `TlsPeer.connect`."""
    peer = server.connect(**options)
    assert isinstance(peer, TlsPeer)
    return peer


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
    "E20.31",
    sitting="E20 plain",
    does="sends close_notify when all it sent is back, and then when nothing was sent",
    expects="close_notify, then FIN",
    why="RFC 8446 6.1",
)
@over_tls
def answered(stage: Stage) -> None:
    """See the end answered while the peer's own side of the connection stays open."""
    with stage.serve() as server:
        for data in (b"all of it", b"", b"x" * 70_000):
            peer = server.connect()
            if data:
                peer.ping(data)
            peer.expect_silence(0.02)
            peer.half_close()
            peer.expect_end()


@case(
    "E20.32",
    sitting="E20 plain",
    does="sends N bytes, close_notify and FIN in one burst while it is stopped",
    expects="the N bytes, close_notify, FIN",
)
@over_tls
def notice_and_fin(stage: Stage) -> None:
    """Have the end of TLS and the end of TCP there together when the server first looks."""
    with stage.serve() as server:
        peers = [come(server) for _ in range(6)]
        peers[0].ping()
        with server.stopped():
            for peer, size in zip(peers, (1, 1000, 4096, 16_384, 40_000, 60_000), strict=True):
                peer.send(peer.stream(peer.sent, size))
                peer.half_close()
                peer.finish_raw()
                peer.delivered()
        for peer in peers:
            if peer.received:
                peer.expect(peer.stream(peer.received, peer.sent - peer.received))
            else:
                peer.catch_up()
            peer.expect_end()


@case(
    "E20.33",
    sitting="E20 plain",
    does="delivers a record byte by byte, then two and a half at once, then the rest",
    expects="the bytes of whole records, and nothing before a record is whole",
    why="RFC 8446 5.2: a record is authentic as a whole or not at all",
)
@over_tls
def parts_of_records(stage: Stage) -> None:
    """Cut records where TCP may cut them."""
    with stage.serve() as server:
        peer = come(server)
        wire = peer.record(b"one record")
        for byte in wire[:-1]:
            peer.send_raw(bytes([byte]))
        peer.expect_silence(0.05)
        peer.send_raw(wire[-1:])
        peer.expect(b"one record")
        first, second, third = (peer.record(data * 3000) for data in (b"1", b"2", b"3"))
        peer.send_raw(first + second + third[:1500])
        peer.expect(b"1" * 3000 + b"2" * 3000)
        peer.expect_silence(0.05)
        peer.send_raw(third[1500:])
        peer.expect(b"3" * 3000)
        peer.finish()


@case(
    "E20.34",
    sitting="E20 plain",
    does="sends its ClientHello byte by byte, and 200 small records in one piece",
    expects="a handshake, and the bytes of all records",
)
@over_tls
def small_parts(stage: Stage) -> None:
    """Cut the handshake everywhere, and put much into one segment."""
    with stage.serve() as server:
        peer = come(server, shake=False)
        for byte in peer.hello():
            peer.send_raw(bytes([byte]))
        peer.shake_hands()
        many = [b"%d." % number for number in range(200)]
        peer.send_raw(b"".join(peer.record(data) for data in many))
        peer.expect(b"".join(many))
        peer.finish()


@case(
    "E20.35",
    sitting="E20 plain",
    does="speaks TLS 1.2: 1 MiB in chunks, a ping, close_notify",
    expects="all of it, and a close_notify",
)
@over_tls
def older_version(stage: Stage) -> None:
    """Speak the version before, which still is everywhere."""
    with stage.serve() as server:
        peer = come(server, newest=ssl.TLSVersion.TLSv1_2)
        peer.ping(b"hello")
        peer = come(server, newest=ssl.TLSVersion.TLSv1_2)
        peer.pump(MIB, 10_000)
        peer.finish()


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
            peer.try_send(b"")
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


@case(
    "E20.42",
    sitting="E20 small",
    does="50 connections at once over TLS, each its own bytes; each ends by close_notify",
    expects="each its own bytes and a close_notify",
    again=True,
)
@over_tls
def many(stage: Stage) -> None:
    """Serve many at once, in another order than they came."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peers = server.connect_many(50)
        for _ in range(3):
            for number, peer in enumerate(peers):
                peer.push(500 + number)
            for peer in reversed(peers):
                peer.catch_up()
        for peer in peers[::3] + peers[1::3] + peers[2::3]:
            peer.finish()
