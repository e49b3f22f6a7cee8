"""The scripted peer tells what came and what did not, and never lets a wrong byte pass."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from harness.check.case import Failure, Late
from harness.check.flood import flood
from harness.check.peer import PATIENCE_S, PERIOD, Peer
from harness.check.stage import Stage
from harness.model import Implementation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[Peer, socket.socket]]:
    """Return a peer and the other side of its connection."""
    stage = Stage(Implementation(name="none", folder="/", title="", style=""))
    with (
        stage,
        socket.create_server(("127.0.0.1", 0)) as listener,
        Peer.connect(listener.getsockname(), stage=stage) as peer,
    ):
        other, _ = listener.accept()
        with other:
            yield peer, other


def test_a_wrong_byte_is_named(pair: tuple[Peer, socket.socket]) -> None:
    """The offset and both values stand in the failure."""
    peer, other = pair
    other.sendall(b"abXd")
    with pytest.raises(Failure, match="byte 0x63 at offset 2; got byte 0x58"):
        peer.expect(b"abcd")


def test_a_missing_byte_is_late(pair: tuple[Peer, socket.socket]) -> None:
    """Silence is a missed upper bound, FIN is not."""
    peer, other = pair
    other.sendall(b"abc")
    with pytest.raises(Late, match="silence"):
        peer.expect(b"abcd", within_s=0.05)
    other.shutdown(socket.SHUT_WR)
    with pytest.raises(Failure, match="FIN") as caught:
        peer.expect(b"e")
    assert not isinstance(caught.value, Late)


def test_rst_is_no_end(pair: tuple[Peer, socket.socket]) -> None:
    """Only FIN is an end in order."""
    peer, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()
    with pytest.raises(Failure, match="ConnectionResetError"):
        peer.expect_end()


def test_a_byte_too_many_is_seen(pair: tuple[Peer, socket.socket]) -> None:
    """Neither an end nor silence holds a byte."""
    peer, other = pair
    other.sendall(b"x")
    with pytest.raises(Failure, match="expected silence"):
        peer.expect_silence(1.0)
    other.sendall(b"x")
    with pytest.raises(Failure, match="1 more bytes"):
        peer.expect_end()


def test_more_than_was_sent_is_seen(pair: tuple[Peer, socket.socket]) -> None:
    """An echo that gives back more than it got is caught at once."""
    peer, other = pair
    other.sendall(peer.stream(0, 11))
    peer.push(10)
    with pytest.raises(Failure, match="more than were sent"):
        peer.catch_up()


def test_the_stream_never_repeats_in_step(pair: tuple[Peer, socket.socket]) -> None:
    """A shift by any power of two, or another peer's bytes, cannot look right."""
    peer, _ = pair
    for power in range(28):
        assert peer.stream(0, 64) != peer.stream(1 << power, 64)
    assert peer.stream(5, 64) == peer.stream(5 + PERIOD, 64)
    assert Peer(peer.sock, peer.stage).stream(0, 64) != peer.stream(0, 64)


def test_pump_compares_both_ways(pair: tuple[Peer, socket.socket]) -> None:
    """A pumped stream comes back whole through an honest echo."""
    peer, other = pair

    def echo() -> None:
        while data := other.recv(65536):
            other.sendall(data)

    thread = threading.Thread(target=echo)
    thread.start()
    try:
        peer.pump(3_000_001, 70_001)
        assert (peer.sent, peer.received) == (3_000_001, 3_000_001)
    finally:
        peer.half_close()
        thread.join()


def test_flood_ends_where_nobody_reads(pair: tuple[Peer, socket.socket]) -> None:
    """It stops when the kernel's buffers are full."""
    peer, _ = pair
    flood([peer], 64 << 20, quiet_s=0.05)
    assert 0 < peer.sent < 64 << 20


def test_flood_complains_of_endless_reading(pair: tuple[Peer, socket.socket]) -> None:
    """A side that reads on and gives nothing back is caught."""
    peer, other = pair

    def swallow() -> None:
        while other.recv(65536):
            pass

    thread = threading.Thread(target=swallow)
    thread.start()
    try:
        with pytest.raises(Failure, match="stops reading"):
            flood([peer], 1 << 20)
    finally:
        peer.half_close()
        thread.join()


def test_sending_never_waits_for_room(pair: tuple[Peer, socket.socket]) -> None:
    """A push into full buffers sends nothing and returns."""
    peer, _ = pair
    began = time.monotonic()
    while peer.push(1 << 18):
        pass
    assert time.monotonic() - began < peer.stage.within(PATIENCE_S)
