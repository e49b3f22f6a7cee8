"""fetch on Tornado: streams, and workers as futures of one list."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from signal import SIGINT, SIGTERM
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

from tornado.gen import convert_yielded, multi
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

from implementations.contract import CHUNK, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection = tuple[IOStream, Future[bytes]]  # with what it reads next


async def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    stream = await TCPClient().connect(url.host, url.port)
    if url.scheme == "https":
        try:
            stream = await stream.start_tls(False, job.tls, url.host)
        except (StreamClosedError, ConnectionResetError) as error:
            raise SSLError from error  # in the handshake
        # Or a FIN without close_notify would be an end.
        stream.socket.suppress_ragged_eofs = False  # type: ignore[attr-defined]
    return stream, convert_yielded(stream.read_bytes(CHUNK, partial=True))


def close(connection: Connection) -> None:
    """Close a connection at once."""
    connection[0].close()


def reuse(url: Url, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        stream, reading = connection
        if not reading.done() and not readable(stream.socket.fileno()):
            return connection
        close(connection)
    return None


async def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    stream, reading = connection
    exchange = Exchange(url, job.max_bytes)
    try:
        stream.write(exchange.request)
        exchange.feed(await reading)
        while not exchange.done:
            exchange.feed(await stream.read_bytes(CHUNK, partial=True))
    except StreamClosedError as closed:
        if closed.real_error:
            exchange.reset()  # reset
        else:
            exchange.feed(b"")  # end: the peer's FIN
    finally:
        if exchange.reusable:  # reuse
            idle.put(url, (stream, convert_yielded(stream.read_bytes(CHUNK, partial=True))))
        else:
            close(connection)  # cancel, deadline: the socket ends with the exchange
    return exchange


async def fetch(url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := reuse(url, idle):
        exchange = await talk(connection, url, job, idle)
        if exchange.started:
            return exchange
    return await talk(await connect(url, job), url, job, idle)


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[Connection],
    record: Callable[[int, Outcome], None],
    stop: Callable[[], None],
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
            stop()
            return


def watch(caught: list[int], stop: Callable[[], None]) -> None:
    """End everything at the first signal."""

    def catch(number: int) -> None:
        caught.append(number)
        stop()

    for number in (SIGINT, SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, catch, number)


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    IOLoop.current().set_default_executor(Lookups())
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    workers: list[Future[None]] = []

    def stop() -> None:
        for worker in workers:
            worker.cancel()  # cancel: ends every worker

    watch(caught, stop)
    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers += [convert_yielded(work(urls, job, idle, record, stop)) for _ in range(limit)]
    with suppress(asyncio.CancelledError):
        await multi(workers)
    for connection in idle.drain():
        close(connection)
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return asyncio.run(run(job, record))
