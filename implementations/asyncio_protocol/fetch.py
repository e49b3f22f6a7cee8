"""fetch on asyncio's protocols: callbacks, and workers as tasks of one group."""

from __future__ import annotations

import asyncio
from functools import partial
from ssl import SSLError, SSLZeroReturnError
from time import perf_counter
from typing import TYPE_CHECKING

from implementations.asyncio.fetch import Stop, together
from implementations.contract import ATTEMPT_S, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url


class Connection(asyncio.Protocol):
    """Carries one exchange after another."""

    transport: asyncio.Transport

    def __init__(self, url: Url, job: FetchJob) -> None:
        """Wait for the connection."""
        self.expect(url, job)

    def expect(self, url: Url, job: FetchJob) -> None:
        """Be ready for the answer to a request."""
        self.exchange = Exchange(url, job.max_bytes)
        self.answered = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Receive from now on."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the exchange; once it is done, surplus makes it unfit for reuse."""
        self.exchange.feed(data)
        self.answer()

    def answer(self) -> None:
        """Tell that the exchange is done, once."""
        if self.exchange.done and not self.answered.done():
            self.answered.set_result(None)

    def eof_received(self) -> None:
        """End the exchange; the transport closes itself."""
        if self.cut():
            self.exchange.reset()
        self.exchange.feed(b"")  # end: the peer's FIN
        self.answer()

    def cut(self) -> bool:
        """Tell whether TLS ended without close_notify, which asyncio takes for any other end."""
        session = self.transport.get_extra_info("ssl_object")
        try:
            return session is not None and session.read(1) != b""
        except SSLZeroReturnError:  # both have said close_notify
            return False
        except SSLError:
            return True

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """End the exchange, unless its end is what closed the connection."""
        self.exchange.reset()  # reset
        self.answer()


async def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    tls = job.tls if url.scheme == "https" else None
    try:
        _transport, connection = await asyncio.get_running_loop().create_connection(
            partial(Connection, url, job),
            url.host,
            url.port,
            ssl=tls,
            happy_eyeballs_delay=ATTEMPT_S,
        )
    except (ConnectionResetError, BrokenPipeError) as error:
        if tls:
            raise SSLError from error  # in the handshake, where asyncio says so of a FIN as well
        raise
    return connection


def close(connection: Connection) -> None:
    """Close a connection at once."""
    connection.transport.abort()


def reuse(url: Url, job: FetchJob, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        transport = connection.transport
        if (
            connection.exchange.reusable
            and not transport.is_closing()
            and not readable(transport.get_extra_info("socket").fileno())
        ):
            connection.expect(url, job)
            return connection
        close(connection)
    return None


async def talk(connection: Connection, url: Url, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = connection.exchange
    connection.transport.write(exchange.request)
    try:
        await connection.answered
    finally:
        if exchange.reusable:  # reuse
            idle.put(url, connection)
        else:
            close(connection)  # cancel, deadline: the socket ends with the exchange
    return exchange


async def fetch(url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := reuse(url, job, idle):
        exchange = await talk(connection, url, idle)
        if exchange.started:
            return exchange
    return await talk(await connect(url, job), url, idle)


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[Connection],
    record: Callable[[int, Outcome], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        try:
            async with asyncio.timeout(job.deadline_s):  # deadline: connecting and a retry included
                outcome = (await fetch(url, job, idle)).outcome(perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            raise Stop(None)


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    asyncio.get_running_loop().set_default_executor(Lookups())
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    # limit: so many workers, one iterator; cancel: the first error ends them all
    caught = await together(job, lambda: work(urls, job, idle, record))
    for connection in idle.drain():
        close(connection)
    return caught


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return asyncio.run(run(job, record))
