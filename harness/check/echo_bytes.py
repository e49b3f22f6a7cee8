"""E01-E04 and E17: the bytes themselves, when they come back, and how a stream ends."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from harness.check.case import Late, case
from harness.check.flood import flood
from harness.check.peer import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.check.peer import Peer
    from harness.check.stage import Stage

KIB = 1024
MIB = 1024 * KIB
SMALL = 32 * KIB  # a buffer size that makes writes wait early
EVERY_VALUE = bytes(range(256))
HOSTILE = (
    b"\xff\xfb\x01 telnet, \x04 end of transmission, \x1a end of file, \x00 end of string, "
    b"\r\n\n\r lines, \xc3 half a letter, \xed\xa0\x80 half a pair, \xef\xbb\xbf a mark, "
    b"\xff\xfe another"
)
AROUND = (1, 2, 3, 7, 100, 1000, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, CHUNK)
SEGMENT_AND_MORE = 66_000  # a segment holds 65,483 bytes on loopback, whose MTU is 65,536
DELAYED_ACK_S = 0.035  # Linux waits at least 40 ms before a delayed acknowledgement


@case(
    "E01.1",
    sitting="plain",
    does="sends all 256 byte values, 4 KiB in chunks of 1 B",
    expects="the same bytes in the same order",
    quick=True,
)
def single_bytes(stage: Stage) -> None:
    """Every byte value, each sent on its own.

    No more than 128 are unread at a time: a Unix socket charges 768 bytes of its 208 KiB for each.
    """
    data = EVERY_VALUE * 16
    with stage.serve() as server:
        peer = server.connect()
        for at in range(0, len(data), 128):
            for value in data[at : at + 128]:
                peer.send(bytes([value]))
            peer.expect(data[at : at + 128])
        peer.half_close()
        peer.expect_end()


@case(
    "E01.2",
    sitting="plain",
    does="sends 16 MiB in one piece while reading",
    expects="the same 16 MiB",
)
def one_large_chunk(stage: Stage) -> None:
    """Send the largest chunk of the clause."""
    with stage.serve() as server:
        peer = server.connect()
        peer.pump(16 * MIB, 16 * MIB)
        peer.finish()


@case(
    "E01.3",
    sitting="plain",
    does="sends chunks of 2 B to 1 MiB, sizes around powers of two",
    expects="the same bytes",
)
def chunk_sizes(stage: Stage) -> None:
    """Chunk sizes beside every usual buffer size, one after the other on one connection."""
    with stage.serve() as server:
        peer = server.connect()
        for size in (*AROUND, MIB - 1, MIB, MIB + 1):
            peer.pump(max(size, min(40 * size, 8 * KIB)), size)
        peer.finish()


@case(
    "E01.4",
    sitting="plain",
    does="opens, sends nothing and half-closes, three times",
    expects="no byte, then FIN",
)
def empty_stream(stage: Stage) -> None:
    """Send a stream with nothing in it."""
    with stage.serve() as server:
        for _ in range(3):
            peer = server.connect()
            peer.half_close()
            peer.expect_end()
        server.connect().ping()


@case(
    "E01.5",
    sitting="plain",
    does="sends bytes that mean something to terminals, lines and decoders",
    expects="the same bytes",
)
def hostile_bytes(stage: Stage) -> None:
    """Nothing in the stream is a command, a line or a text; 256 KiB hold no newline."""
    with stage.serve() as server:
        peer = server.connect()
        for data in (HOSTILE, b"\n" * 5000, b"\r\n" * 5000, b"\x00" * 70_000):
            peer.ping(data)
        long = b"no newline anywhere " * 13_000
        for at in range(0, len(long), 20_000):
            peer.ping(long[at : at + 20_000])
        peer.half_close()
        peer.expect_end()


@case(
    "E02.1",
    sitting="plain",
    does="sends one byte and the next only when the first is back, all 256 values",
    expects="each byte alone",
    quick=True,
)
def byte_by_byte(stage: Stage) -> None:
    """No newline, end or full buffer is needed for a byte to come back."""
    with stage.serve() as server:
        peer = server.connect()
        for value in EVERY_VALUE:
            peer.ping(bytes([value]))


@case(
    "E02.2",
    sitting="plain",
    does="sends 1 B to 256 KiB, sizes around powers of two, and waits for the whole",
    expects="the last byte too while nothing more is sent",
)
def no_full_buffer(stage: Stage) -> None:
    """See the rest that does not fill a buffer come back, on a fresh connection each."""
    with stage.serve() as server:
        for size in AROUND:
            peer = server.connect()
            peer.pump(size, size)
            peer.finish()


@case(
    "E02.3",
    sitting="plain",
    does="sends half a line, half a letter, a lone CR; each waits for its answer",
    expects="each at once",
)
def no_whole_line(stage: Stage) -> None:
    """Text that is not complete is not held back."""
    with stage.serve() as server:
        peer = server.connect()
        for data in (
            b"half a line",
            b"\r",
            b"\n",
            b"\xe2\x82",
            b"\xac",
            b"GET / HTTP/1.1\r\n",
            b"\x00",
        ):
            peer.ping(data)


@case(
    "E03.1",
    sitting="plain",
    does="sends 64 MiB while reading them back",
    expects="64 MiB with both directions moving",
    quick=True,
)
def duplex(stage: Stage) -> None:
    """Move a long stream in both directions at once, with the kernel's own buffers."""
    with stage.serve() as server:
        peer = server.connect()
        peer.pump(64 * MIB, within_s=20)
        peer.finish()


@case(
    "E03.2",
    sitting="small",
    does="the same with 8 MiB and every buffer small",
    expects="no deadlock",
)
def duplex_small_buffers(stage: Stage) -> None:
    """With buffers smaller than one read, a write that waits must not stop the stream for good."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peer = server.connect(send_buffer=SMALL, receive_buffer=SMALL)
        peer.pump(8 * MIB, within_s=10)
        peer.finish()


@case(
    "E03.3",
    sitting="small",
    does="fills the way there and back before it reads anything",
    expects="all of it, then more",
)
def duplex_from_standstill(stage: Stage) -> None:
    """Both directions stand still first, and move again together."""
    with stage.serve(send_buffer=SMALL, receive_buffer=SMALL) as server:
        peer = server.connect(send_buffer=SMALL, receive_buffer=SMALL)
        for _ in range(2):
            flood([peer])
            peer.pump(2 * MIB, within_s=10)
        peer.finish()


@case(
    "E04.1",
    sitting="small",
    does="data and FIN are there while its writes wait; a late, slow reader, SO_SNDBUF 32768",
    expects="every byte, then FIN",
    why="RFC 9293 3.6: a half-closed connection still receives",
    quick=True,
)
def late_slow_reader(stage: Stage) -> None:
    """Let the FIN arrive while a write is pending: the tail must not be lost."""
    read_late(stage, 20_000)


def read_late(stage: Stage, least: int) -> None:
    """Have twelve peers send three times `least` bytes and more, and then read them slowly."""
    with stage.serve(send_buffer=SMALL) as server:
        peers = server.connect_many(12, receive_buffer=4 * KIB, send_buffer=MIB)
        for number, peer in enumerate(peers):
            for _ in range(3):
                peer.send(peer.stream(peer.sent, least + 4_001 * number))
            peer.half_close()
        for number, peer in enumerate(peers):
            peer.catch_up(step=KIB if number % 2 else 30 * KIB)
            peer.expect_end()


@case(
    "E04.2",
    sitting="plain",
    does="sends N bytes, then FIN; N in 0, 1, 1000, 4 MiB",
    expects="exactly N bytes, then FIN",
)
def exact_then_fin(stage: Stage) -> None:
    """All bytes are back before the FIN is sent; no FIN of the server's comes before that."""
    with stage.serve() as server:
        for size in (0, 1, 1000, 4 * MIB):
            peer = server.connect()
            if size:
                peer.pump(size)
            peer.expect_silence(0.02)
            peer.finish()


@case(
    "E04.3",
    sitting="plain",
    does="N bytes and FIN in one burst while it is stopped",
    expects="exactly N bytes, then FIN",
)
def one_burst(stage: Stage) -> None:
    """Have data and FIN there together when the server first looks."""
    with stage.serve() as server:
        peers = server.connect_many(8)
        for peer in peers[::2]:
            peer.ping()
        with server.stopped():
            for peer, size in zip(
                peers, (1, 1, 1000, 1000, 4096, 4096, 60_000, 60_000), strict=True
            ):
                peer.send(peer.stream(peer.sent, size), socket.MSG_MORE)
                peer.half_close()
                peer.delivered()
        for peer in peers:
            if peer.received:
                peer.expect(peer.stream(peer.received, peer.sent - peer.received))
            else:
                peer.catch_up()
            peer.expect_end()


@case(
    "E04.4",
    sitting="small",
    does="sends 4 MiB and FIN at once and reads from the start",
    expects="4 MiB, then FIN",
)
def four_mebibytes(stage: Stage) -> None:
    """Let the FIN follow the last byte directly; the reader is late for much of it."""
    with stage.serve(send_buffer=SMALL) as server:
        peer = server.connect(send_buffer=4 * MIB, receive_buffer=SMALL)
        size = 4 * MIB
        while peer.sent < size:
            if not peer.push(size - peer.sent):
                peer.pull()
        peer.finish()


@case(
    "E17.1",
    sitting="plain",
    does="sends two small chunks without waiting, then reads both, 20 times",
    expects="no pause of 40 ms",
    why="RFC 896 and RFC 1122 4.2.3.2: Nagle's algorithm waits for a delayed acknowledgement",
)
def no_delay(stage: Stage) -> None:
    """Small answers are not held back for an acknowledgement."""

    def two_small(peer: Peer) -> float:
        begin = time.monotonic()
        peer.send(b"one")
        peer.send(b"two")
        peer.expect(b"onetwo")
        return time.monotonic() - begin

    _without_pause(stage, two_small)


@case(
    "E17.2",
    sitting="plain",
    does="sends a little more than one segment holds, and reads when all of it is back, 20 times",
    expects="no pause of 40 ms",
    why="as E17.1: the rest of the answer goes out while its first segment is not acknowledged",
)
def no_delay_at_the_end(stage: Stage) -> None:
    """Hold back no rest of an answer.

    It is read when all of it is there: whoever reads early acknowledges what comes before the rest.
    """

    def all_at_once(peer: Peer) -> float:
        data = peer.stream(peer.sent, SEGMENT_AND_MORE)
        begin = time.monotonic()
        peer.send(data)
        while peer.unread() < len(data) and time.monotonic() < begin + stage.within(1.0):
            time.sleep(0.0005)
        took = time.monotonic() - begin
        peer.expect(data)
        return took

    _without_pause(stage, all_at_once)


def _without_pause(stage: Stage, exchange: Callable[[Peer], float]) -> None:
    """Time 20 exchanges after three that let the windows grow; too many long ones are Late."""
    with stage.serve() as server:
        peer = server.connect()
        slow, rounds = 0, 20
        for number in range(-3, rounds):
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            took = exchange(peer)
            # Not stretched: a wider bound would let the 40 ms pass on any machine that is not idle.
            # What a busy one cannot do is to hold up most of the rounds.
            slow += number >= 0 and took > DELAYED_ACK_S
        if slow > rounds // 2:
            raise Late("answers without a pause", f"{slow} of {rounds} rounds of 40 ms and more")
