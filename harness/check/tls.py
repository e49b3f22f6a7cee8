"""TLS as the scripted side speaks it: a private authority, and a session without I/O.

Rules: no socket. Bytes that came in become plain bytes, and plain bytes become what is to be sent;
whoever has the socket moves them, and may end the connection in the middle of anything. Contexts
are made once for each process.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from harness.check import certificates

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)  # when an expired certificate expired


class _Session(ssl.SSLObject):
    """An SSLObject that remembers which name the client asked for."""

    asked: str | None = None


def _note_name(session: _Session, name: str | None, _context: ssl.SSLContext) -> None:
    session.asked = name


@cache
def context(
    *names: str, authority: str = certificates.TRUSTED, until: datetime | None = None
) -> ssl.SSLContext:
    """Return a server's context whose certificate is for these names (none: this machine's).

    Any authority but `trusted` is unknown to whoever was given `authority_file`; `until` is when
    the certificate expires.
    """
    start = None if until is None else until - timedelta(days=1)
    certificate = certificates.authority(authority).issue_cert(
        *(names or certificates.EVERYWHERE), not_before=start, not_after=until
    )
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    made.sslobject_class = _Session
    made.sni_callback = _note_name  # type: ignore[assignment]  # its session is a _Session
    return made


def authority_file(folder: Path) -> str:
    """Write the certificate of the trusted authority into a folder, and return the file's name."""
    file = folder / "authority.pem"
    certificates.authority(certificates.TRUSTED).cert_pem.write_to_path(str(file))
    return str(file)


class Tls:
    """The server's side of one TLS connection."""

    def __init__(self, server: ssl.SSLContext) -> None:
        """Wait for a handshake."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = server.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._shaken = False
        self.broken = ""
        """Why the handshake failed, or what else went wrong; empty while nothing did."""

    @property
    def asked(self) -> str | None:
        """The name that the client asked for (SNI), None when it asked for none."""
        assert isinstance(self._session, _Session)
        return self._session.asked

    def take(self, data: bytes) -> bytes:
        """Take what came in; return the plain bytes that have become whole."""
        self._incoming.write(data)
        plain = b""
        try:
            if not self._shaken:
                self._session.do_handshake()
                self._shaken = True
            while piece := self._session.read(1 << 16):
                plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # its close_notify; a FIN will follow
            pass
        except ssl.SSLError as error:
            self.broken = error.reason or str(error)
        return plain

    def seal(self, plain: bytes) -> bytes:
        """Return what carries these bytes, a record of its own at least; none after the end."""
        try:
            self._session.write(plain)
        except ssl.SSLError as error:  # the client has said close_notify: there is no one to tell
            self.broken = self.broken or error.reason or str(error)
        return self.due()

    def notify(self) -> bytes:
        """Return what says that no more bytes follow (close_notify)."""
        with suppress(ssl.SSLError):  # the other side has not said so yet
            self._session.unwrap()
        return self.due()

    def due(self) -> bytes:
        """Return what is to be sent now: of the handshake, or an alert."""
        return self._outgoing.read()
