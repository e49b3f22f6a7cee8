"""How the fake client looks names up, connects and speaks TLS, with the faults of that.

It is apart from fetch_base.py because it is about nothing else: F22 and F23.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from implementations.contract import readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from implementations.contract import Url

READ_SIZE = 65536
ATTEMPT_S = 0.25
MANY = 40  # threads: more than any case has lookups that hang


class Wire:
    """One connection, plain or sealed by TLS."""

    def __init__(self, sock: socket.socket, fault: str) -> None:
        """Take over a connected socket."""
        self.sock = sock
        self.fault = fault
        self.loop = asyncio.get_running_loop()
        self.session: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def close(self) -> None:
        """Close it."""
        self.sock.close()

    def quiet(self) -> bool:
        """Tell whether nothing has arrived."""
        if self.session and self.fault != "tls_surplus_reused":
            with suppress(ssl.SSLWantReadError):
                self.session.read(1)
                return False
        return not readable(self.sock.fileno())

    async def send(self, data: bytes) -> None:
        """Send all."""
        if self.session:
            self.session.write(data)
            data = self._outgoing.read()
        await self.loop.sock_sendall(self.sock, data)

    async def receive(self, size: int) -> bytes:
        """Return some bytes, none at the end; an end that TLS does not announce is an OSError."""
        while self.session:
            try:
                return self.session.read(size)
            except ssl.SSLWantReadError:
                await self._take_in()
            except ssl.SSLEOFError:
                if self.fault == "tls_cut_is_end":
                    return b""
                raise
        return await self.loop.sock_recv(self.sock, size)

    async def shake(self, context: ssl.SSLContext, url: Url) -> None:
        """Make the TLS handshake; SSLError when it fails."""
        if self.fault in ("no_certificate_check", "no_name_check"):
            context.check_hostname = False
        if self.fault == "no_certificate_check":
            context.verify_mode = ssl.CERT_NONE
        name = None if self.fault == "no_sni" else url.host
        if name is None:
            context.check_hostname = False
        session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                await self.loop.sock_sendall(self.sock, self._outgoing.read())
                await self._take_in()
            else:
                break
            finally:
                if due := self._outgoing.read():
                    await self.loop.sock_sendall(self.sock, due)
        self.session = session

    async def _take_in(self) -> None:
        data = await self.loop.sock_recv(self.sock, READ_SIZE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def prepare(fault: str) -> None:
    """Choose the threads that look names up."""
    if fault == "lookup_is_waited_for":
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(MANY))
    elif fault != "few_lookups":
        asyncio.get_running_loop().set_default_executor(Lookups())


async def _look_up(url: Url, fault: str) -> list[tuple[Any, ...]]:
    loop = asyncio.get_running_loop()
    if fault == "lookup_in_loop":
        return socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    return await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)


async def _attempt(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(found: list[tuple[Any, ...]]) -> socket.socket:
    """Connect to the first address that answers."""
    attempts: set[asyncio.Task[socket.socket]] = set()
    error: BaseException | None = None
    try:
        while found or attempts:
            if found:
                family, _, _, _, address = found.pop(0)
                attempts.add(asyncio.ensure_future(_attempt(family, address)))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=ATTEMPT_S if found else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for one in done:
                error = one.exception()
                if error is None:
                    return one.result()
    finally:
        for one in attempts:
            one.cancel()
    assert error is not None
    raise error


async def dial(url: Url, context: ssl.SSLContext | None, fault: str) -> Wire:
    """Open a connection; gaierror, SSLError or another OSError when that fails."""
    found = await _look_up(url, fault)
    if fault == "one_address":
        del found[1:]
    if fault == "one_after_another" and len(found) > 1:
        try:
            sock = await _attempt(found[0][0], found[0][4])
        except OSError:
            sock = await _attempt(found[1][0], found[1][4])
    else:
        sock = await _race(found)
    wire = Wire(sock, fault)
    try:
        if url.scheme == "https":
            await wire.shake(context or ssl.create_default_context(), url)
    except BaseException as error:
        wire.close()
        if isinstance(error, ConnectionError) and fault != "handshake_is_refused":
            raise ssl.SSLError from error
        raise
    return wire
