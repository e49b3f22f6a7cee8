"""The scripted TLS peer: what it tells of an end, and that it keeps its hands on the wire."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from harness.check import certificates
from harness.check.case import Failure
from harness.check.stage import Stage
from harness.check.tls_peer import TlsPeer
from harness.model import Implementation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[TlsPeer, ssl.SSLSocket]]:
    """Return a peer and the other side of its connection, hands shaken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.write(tmp_path))
    stage = Stage(Implementation(name="none", folder="/", title="", style=""))
    with stage, socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[ssl.SSLSocket] = []

        def accept() -> None:
            accepted.append(context.wrap_socket(listener.accept()[0], server_side=True))

        thread = threading.Thread(target=accept)
        thread.start()
        with TlsPeer.connect(listener.getsockname(), stage=stage) as peer:
            thread.join()
            with accepted[0] as other:
                yield peer, other


def test_text_goes_both_ways(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """What is sent arrives decrypted, and what comes is compared."""
    peer, other = pair
    peer.send(b"there")
    assert other.recv(100) == b"there"
    other.sendall(b"back")
    peer.expect(b"back")
    other.sendall(b"baXk")
    with pytest.raises(Failure, match="offset 2"):
        peer.expect(b"back")


def test_session_tickets_are_silence(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """Records that hold no text of the other side's are nothing that came."""
    peer, _ = pair
    assert peer.unread() > 0
    peer.expect_silence(0.05)


def test_the_end_is_a_notice_and_fin(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """After its own close_notify it still reads, up to the other side's and FIN."""
    peer, other = pair
    peer.half_close()
    assert other.recv(100) == b""
    other.sendall(b"the rest")
    peer.expect(b"the rest")
    other.unwrap().close()
    peer.expect_end()


def test_fin_alone_is_no_end(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """FIN without close_notify is told apart."""
    peer, other = pair
    other.close()
    with pytest.raises(Failure, match="FIN without it"):
        peer.expect_end()


def test_an_open_connection_after_the_notice_is_no_end(
    pair: tuple[TlsPeer, ssl.SSLSocket],
) -> None:
    """A close_notify without FIN is told apart, too."""
    peer, other = pair
    other.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):  # it waits for ours
        other.unwrap()
    with pytest.raises(Failure, match="FIN after close_notify"):
        peer.expect_end(0.05)


def test_rst_is_no_end(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """A reset is a Failure, whatever was decrypted before."""
    peer, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()
    with pytest.raises(Failure, match="ConnectionResetError"):
        peer.expect_end()


def test_a_record_waits_for_its_last_byte(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """The bytes of the wire leave when the case says so."""
    peer, other = pair
    wire = peer.record(b"whole")
    peer.send_raw(wire[:-1])
    other.settimeout(0.05)
    with pytest.raises(TimeoutError):
        other.recv(100)
    peer.send_raw(wire[-1:])
    assert other.recv(100) == b"whole"


def test_what_the_kernel_does_not_take_leaves_later(pair: tuple[TlsPeer, ssl.SSLSocket]) -> None:
    """A record counts as sent when it is encrypted, and none is lost when the way is full."""
    peer, other = pair
    while peer.push(1 << 14):
        pass
    sent = peer.sent
    got = bytearray()

    def read_all() -> None:
        while len(got) < sent:
            got.extend(other.recv(1 << 16))

    reader = threading.Thread(target=read_all)
    reader.start()
    peer.send(b"")
    reader.join()
    assert bytes(got[:100]) == peer.stream(0, 100)
    assert len(got) == sent


def test_a_peer_without_a_handshake_sees_the_end_alone() -> None:
    """Whether it is gone is read off the wire, where nothing of TLS is sent for it."""
    stage = Stage(Implementation(name="none", folder="/", title="", style=""))
    with stage, socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with TlsPeer.connect(address, stage=stage, shake=False) as peer:
            other, _ = listener.accept()
            with other:
                peer.finish_raw()
                assert not peer.gone(0.05)
                other.sendall(b"no TLS")
                assert other.recv(100) == b""
            assert peer.gone(1.0)
