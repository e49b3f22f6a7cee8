"""TLS for the fake servers: in memory, over the loop's raw socket calls, with faults of its own.

Rules: it knows one connection and no server; each fault is one visible line beside the line that it
breaks. A handshake or a stream that is no TLS ends in an ssl.SSLError, which is an OSError.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

TLS_FAULTS = (
    *("tls_1_3_alone", "tls_loses_at_notice", "tls_no_notice", "tls_notice_unheard"),
    *("tls_plain_kills", "tls_leaks_half_shaken", "tls_stall_blocks"),
)


def context(cert: str, key: str, fault: str) -> ssl.SSLContext:
    """Return what a server of this fault speaks."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(cert, key)
    if fault == "tls_1_3_alone":
        made.minimum_version = ssl.TLSVersion.TLSv1_3
    return made


class Wire:
    """One connection, encrypted."""

    def __init__(self, sock: socket.socket, made: ssl.SSLContext, fault: str) -> None:
        """Take over a connected socket; nothing is sent yet."""
        self.sock = sock
        self.fault = fault
        self.loop = asyncio.get_running_loop()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = made.wrap_bio(self.incoming, self.outgoing, server_side=True)

    async def shake_hands(self) -> None:
        """Shake hands. Raises OSError when that fails."""
        try:
            while True:
                try:
                    self.tls.do_handshake()
                except ssl.SSLWantReadError:
                    await self.flush()
                    await self.fill()
                else:
                    break
        except ssl.SSLError:
            if self.fault == "tls_plain_kills":
                os._exit(1)
            if self.fault == "tls_leaks_half_shaken":
                os.dup(self.sock.fileno())
            raise
        await self.flush()

    async def recv(self) -> bytes:
        """Return the bytes that came, b"" at the peer's close_notify. Raises OSError for a cut."""
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                data = self.tls.read(65536)
                if data or self.fault != "tls_notice_unheard":
                    return b"" if self.fault == "tls_loses_at_notice" and self.ends() else data
            await self.fill()

    def ends(self) -> bool:
        """Tell whether a close_notify has come with what was read last."""
        with contextlib.suppress(ssl.SSLWantReadError):
            return not self.tls.read(65536)
        return False

    async def sendall(self, data: bytes) -> None:
        """Encrypt and send all of it."""
        self.tls.write(data)
        await self.flush()

    async def end(self) -> None:
        """Send close_notify, without waiting for the peer's."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        if self.fault != "tls_no_notice":
            await self.flush()

    async def flush(self) -> None:
        """Send what is encrypted."""
        await self.loop.sock_sendall(self.sock, self.outgoing.read())

    async def fill(self) -> None:
        """Receive once; FIN is told to TLS, which knows whether it may come here."""
        data = await self.loop.sock_recv(self.sock, 65536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
