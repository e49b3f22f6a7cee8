"""E20: the cases of E01 to E05 once more over TLS, and what TLS itself adds.

Rules: what a peer without TLS ends by FIN, one over TLS ends by close_notify, and is answered by
the rest and a close_notify (RFC 8446 6.1 closes one direction alone).
"""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING

from harness.check import echo_bytes, echo_pressure
from harness.check.case import Case, case
from harness.check.door import TLS
from harness.check.echo_doors import behind
from harness.check.tls_peer import TlsPeer

if TYPE_CHECKING:
    from harness.check.case import Play
    from harness.check.server import Server
    from harness.check.stage import Stage

KIB = 1024
MIB = 1024 * KIB
SMALL = 32 * KIB

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
