"""The scripted origin's TLS: what it carries, how it ends, and whose certificate it shows."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from harness.check import tls
from harness.check.origin import Origin, Step
from harness.check.stage import Stage
from harness.model import Implementation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GET = b"GET / HTTP/1.1\r\n\r\n"


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return an origin that speaks TLS and holds every request."""
    nobody = Implementation(name="nobody", folder="", title="", style="")
    with Stage(nobody) as stage, Origin(stage, tls=tls.context()) as made:
        yield made


class Client:
    """A client's side of TLS without blocking, so that one thread turns both sides."""

    def __init__(self, origin: Origin, folder: Path, name: str | None = "localhost") -> None:
        """Connect."""
        self.origin = origin
        self.sock = socket.create_connection(("127.0.0.1", origin.port()))
        self.sock.setblocking(False)
        context = ssl.create_default_context(cafile=tls.authority_file(folder))
        context.check_hostname = name is not None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    def shake(self) -> None:
        """Make the handshake, the origin taking turns."""
        while True:
            try:
                self.session.do_handshake()
            except ssl.SSLWantReadError:
                self.move()
            else:
                return self.move(wait=False)
            finally:
                self.sock.send(self._outgoing.read())

    def move(self, *, wait: bool = True) -> None:
        """Send what is due and take in what comes."""
        self.sock.send(self._outgoing.read())
        arrived = False

        def look() -> bool:
            nonlocal arrived
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                return False
            self._incoming.write(data) if data else self._incoming.write_eof()
            arrived = True
            return True

        if wait:
            self.origin.until(look, "something from the origin")

    def read(self) -> bytes:
        """Return the next plain bytes, none after close_notify."""
        while True:
            try:
                return self.session.read(1 << 16)
            except ssl.SSLWantReadError:
                self.move()

    def send(self, data: bytes) -> None:
        """Send plain bytes."""
        self.session.write(data)
        self.move(wait=False)


@contextmanager
def shaken(origin: Origin, folder: Path) -> Iterator[Client]:
    """Yield a client whose request is held."""
    client = Client(origin, folder)
    with closing(client.sock):
        client.shake()
        client.send(GET)
        origin.next_held()
        yield client


def test_bytes_of_a_script_travel_inside(origin: Origin, tmp_path: Path) -> None:
    """What a script sends comes out of the client's TLS, and nothing of it is seen outside."""
    with shaken(origin, tmp_path) as client:
        assert origin.requests[0].raw == GET
        origin.held[0].reply(b"one", b"two")
        assert client.read() + client.read() == b"onetwo"


@pytest.mark.parametrize(
    ("step", "word"),
    [(Step.FIN, "notified"), (Step.NOTIFY, "notified"), (Step.CUT, "cut"), (Step.RST, "reset")],
)
def test_ends_are_told_apart(origin: Origin, tmp_path: Path, step: Step, word: str) -> None:
    """FIN and NOTIFY say close_notify; CUT is a FIN without it, RST a reset."""
    with shaken(origin, tmp_path) as client:
        origin.held[0].reply(b"x", Step.ACKED, step)
        assert client.read() == b"x"
        try:
            assert client.read() == b""
            got = "notified"
        except ssl.SSLZeroReturnError:
            got = "notified"
        except ssl.SSLEOFError:
            got = "cut"
        except ConnectionResetError:
            got = "reset"
        assert got == word


def test_the_name_asked_for_is_seen(origin: Origin, tmp_path: Path) -> None:
    """Tls.asked is the client's SNI."""
    with shaken(origin, tmp_path):
        session = origin.connections[0].tls
        assert session is not None
        assert session.asked == "localhost"


def test_a_greeting_plays_beneath_tls(origin: Origin, tmp_path: Path) -> None:
    """A greeting's bytes go out as they are, and no request is taken in."""
    origin.greeting = lambda *_: (b"plain", Step.FIN)
    client = Client(origin, tmp_path)
    with closing(client.sock), pytest.raises(ssl.SSLError):
        client.shake()
    assert not origin.requests


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (lambda: tls.context("other.example"), "Hostname mismatch"),
        (lambda: tls.context(authority="unknown"), "unable to get local issuer"),
        (lambda: tls.context(until=tls.LONG_AGO), "has expired"),
    ],
)
def test_certificates_fail_for_the_reason_they_are_made_for(
    origin: Origin, tmp_path: Path, context: object, reason: str
) -> None:
    """A client that verifies refuses each of them, and says why."""
    origin._tls[0] = context()  # type: ignore[operator]
    client = Client(origin, tmp_path)
    with closing(client.sock), pytest.raises(ssl.SSLCertVerificationError, match=reason):
        client.shake()
