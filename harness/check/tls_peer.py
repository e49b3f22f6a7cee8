"""The scripted peer over TLS, with every byte of the wire in its own hands.

Rules: TLS is done in memory (ssl.MemoryBIO), so that the order on the wire is exactly what the case
says. Bytes are taken from the kernel only when the case asks to read: what echo writes waits
there, as it does for a peer without TLS.

`half_close` is a close_notify here, and the end in order is the other side's close_notify and FIN.
"""

from __future__ import annotations

import select
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from harness.check import certificates
from harness.check.case import Failure, Late
from harness.check.peer import PATIENCE_S, Peer

if TYPE_CHECKING:
    import socket

    from harness.check.stage import Stage

RECORD = 16 * 1024  # RFC 8446 5.1: the most plain text that a record holds
RAW = 64 * 1024  # taken from the kernel at once


class TlsPeer(Peer):
    """One TLS connection under full control; `sent` and `received` count plain text."""

    def __init__(self, sock: socket.socket, stage: Stage, name: str = "peer") -> None:
        """Take over a connected socket; nothing is sent yet."""
        super().__init__(sock, stage, name)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._waiting = b""  # encrypted, and not yet taken by the kernel
        self._plain = b""  # decrypted, and not yet taken by the case
        self._broken: OSError | None = None
        self.notified = False
        """True once the other side's close_notify has come."""
        self.ended = False
        """True once nothing more can come, for a close_notify or a FIN."""

    @classmethod
    def connect(
        cls,
        address: tuple[str, int] | str,
        *,
        stage: Stage,
        shake: bool = True,
        newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
        **options: object,
    ) -> TlsPeer:
        """Connect, and shake hands unless told not to; `newest`: with this version at most."""
        peer = cast("TlsPeer", super().connect(address, stage=stage, **options))  # type: ignore[arg-type]
        peer.begin(newest)
        if shake:
            try:
                peer.shake_hands()
            except Failure:
                peer.close()
                raise
        return peer

    def begin(self, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> None:
        """Make ready for a handshake, without a byte."""
        context = certificates.trusting(newest)
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=certificates.HOST
        )

    def hello(self) -> bytes:
        """Return the bytes of the ClientHello, for the case to send as it likes by `send_raw`."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    def shake_hands(self, within_s: float = PATIENCE_S) -> None:
        """Shake hands. Raises Failure when the other side ends it."""
        deadline = time.monotonic() + self.stage.within(within_s)
        try:
            while True:
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    self._flush()
                    if not self._fill(deadline - time.monotonic()):
                        if self._broken is not None:
                            raise self._broken from None
                        raise Late("a TLS handshake", "silence") from None
                else:
                    break
            self._flush()
        except OSError as error:
            raise Failure("a TLS handshake", f"{error!r}") from None
        self.stage.note(f"{self.name}: shook hands, {self._tls.version()}")

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, past TLS. Raises Failure when they are not taken."""
        sent = 0
        while sent < len(data):
            if not super()._await(select.POLLOUT, self.stage.within(PATIENCE_S)):
                raise Late(f"{len(data)} raw bytes accepted", "a side that stopped reading")
            try:
                sent += self.sock.send(data[sent:])
            except OSError as error:
                raise Failure(f"{len(data)} raw bytes accepted", f"{error!r}") from None
        self.stage.note(f"{self.name}: sent {len(data)} raw bytes")

    def record(self, data: bytes) -> bytes:
        """Return the bytes of the wire that carry this (RECORD at most), for `send_raw`."""
        self._tls.write(data)
        self.sent += len(data)
        return self._outgoing.read()

    def notice(self) -> bytes:
        """Return the bytes of the wire that are a close_notify, for `send_raw`."""
        self._decrypt()  # or the answers that have come would be refused by what follows
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()

    def half_close(self) -> None:
        """Send close_notify, without FIN, and go on reading. Raises Failure."""
        try:
            self._waiting += self.notice()
            self._send_all(b"")
        except OSError as error:
            raise Failure("a connection to half-close", f"{error!r}{self._so_far()}") from None
        self.stage.note(f"{self.name}: sent close_notify")

    def finish_raw(self) -> None:
        """Send FIN, without close_notify."""
        super().half_close()

    def expect_end(self, within_s: float = PATIENCE_S) -> None:
        """Read a close_notify, then a FIN, and nothing before them. Raises Failure otherwise."""
        deadline = time.monotonic() + self.stage.within(within_s)
        data = self._recv(1 << 16, deadline, "close_notify")
        if data:
            raise Failure("close_notify", f"{len(data)} more bytes, {data[:40]!r}...")
        if not self.notified:
            raise Failure("close_notify", f"FIN without it{self._so_far()}")
        self.stage.note(f"{self.name}: received close_notify")
        self._expect_fin(deadline)

    def _expect_fin(self, deadline: float) -> None:
        """Read FIN where a close_notify has come already."""
        if not super()._await(select.POLLIN, deadline - time.monotonic()):
            raise Late("FIN after close_notify", "silence")
        try:
            data = self.sock.recv(RAW)
        except OSError as error:
            raise Failure("FIN after close_notify", f"{error!r}") from None
        if data:
            raise Failure("FIN after close_notify", f"{len(data)} more raw bytes")
        self.stage.note(f"{self.name}: received FIN")

    def gone(self, within_s: float) -> bool:
        """Read until FIN or RST and tell whether one came; nothing is decrypted, or sent for it."""
        deadline = time.monotonic() + within_s
        while super()._await(select.POLLIN, deadline - time.monotonic()):
            try:
                if not self.sock.recv(RAW):
                    self.stage.note(f"{self.name}: received FIN")
                    return True
            except OSError as error:
                self.stage.note(f"{self.name}: {error!r}")
                return True
        return False

    def _flush(self) -> None:
        """Hand the kernel what is encrypted. Raises BlockingIOError when it does not take all."""
        self._waiting += self._outgoing.read()
        while self._waiting:
            self._waiting = self._waiting[self.sock.send(self._waiting) :]

    def _owes(self) -> bool:
        return bool(self._waiting or self._outgoing.pending)

    def _give(self, data: bytes | memoryview, _flags: int = 0) -> int:
        """Encrypt a record once the one before has left; it counts as sent."""
        self._flush()
        if not data:
            return 0
        count = self._tls.write(data[:RECORD])
        with suppress(BlockingIOError):
            self._flush()
        return count

    def _take(self, most: int) -> bytes:
        if not self._plain:
            self._decrypt()
        if not self._plain:
            if self._broken is not None:
                raise self._broken
            if not self.ended:
                raise BlockingIOError
        data, self._plain = self._plain[:most], self._plain[most:]
        return data

    def _await(self, events: int, within_s: float) -> int:
        """Wait for plain text or an end (POLLIN), or for room for a record (POLLOUT)."""
        deadline = time.monotonic() + within_s
        while True:
            came = 0
            if events & select.POLLIN and self._readable_now():
                came |= select.POLLIN
            wanted = select.POLLOUT if events & select.POLLOUT or self._owes() else 0
            if events & select.POLLIN and not came:
                wanted |= select.POLLIN
            ready = super()._await(wanted, 0 if came else deadline - time.monotonic())
            if ready & (select.POLLOUT | select.POLLERR | select.POLLHUP) and self._owes():
                try:
                    self._flush()
                except BlockingIOError:
                    ready &= ~select.POLLOUT
                except OSError as error:
                    self._broken = error
                    return events
            came |= ready & events & select.POLLOUT
            if came or not ready:
                return came

    def _readable_now(self) -> bool:
        """Decrypt what has come, and tell whether there is plain text or an end."""
        if not self._plain:
            self._decrypt()
        return bool(self._plain or self.ended or self._broken)

    def _decrypt(self) -> None:
        """Bring what has come into `_plain`, a record or two; see `ended` and `_broken` too."""
        got: list[bytes] = []
        while not (self.ended or self._broken):
            try:
                data = self._tls.read(RAW)
            except ssl.SSLWantReadError:
                if got or not self._fill(0):
                    break
                continue
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLEOFError:  # FIN without close_notify
                self.ended = True
                break
            except OSError as error:
                self._broken = error
                break
            if not data:
                self.notified = self.ended = True
                break
            got.append(data)
        self._plain += b"".join(got)

    def _fill(self, within_s: float) -> bool:
        """Take bytes off the kernel, waiting so long at most; tell whether any, or FIN, came."""
        if not super()._await(select.POLLIN, within_s):
            return False
        try:
            data = self.sock.recv(RAW)
        except OSError as error:
            self._broken = error
            return False
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return True
