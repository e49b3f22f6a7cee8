"""fetch on anyio: streams, and workers as tasks of one group."""

from __future__ import annotations

import asyncio
from signal import SIGINT, SIGTERM
from ssl import SSLError, SSLWantReadError
from time import perf_counter
from typing import TYPE_CHECKING

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSAttribute, TLSStream

from implementations.contract import CHUNK, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection = SocketStream | TLSStream


async def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    stream = await anyio.connect_tcp(url.host, url.port)
    if url.scheme == "http":
        return stream
    try:
        return await TLSStream.wrap(stream, hostname=url.host, ssl_context=job.tls)
    except BaseException as failed:
        await close(stream)
        if isinstance(failed, anyio.BrokenResourceError):
            raise SSLError from failed
        raise  # cancel, deadline


async def close(connection: Connection) -> None:
    """Close a connection at once."""
    if isinstance(connection, TLSStream):
        await anyio.aclose_forcefully(connection.transport_stream)
    else:
        await anyio.aclose_forcefully(connection)


async def reuse(url: Url, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        arrived = readable(connection.extra(SocketAttribute.raw_socket).fileno())
        if not arrived and (isinstance(connection, SocketStream) or quiet(connection)):
            return connection
        await close(connection)
    return None


def quiet(connection: TLSStream) -> bool:
    """Tell whether nothing is left of what TLS has taken in, by a read that must not end."""
    try:
        connection.extra(TLSAttribute.ssl_object).read(1)
    except SSLWantReadError:
        return True
    except SSLError:
        return False
    return False


async def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        await connection.send(exchange.request)
        while not exchange.done:
            exchange.feed(await connection.receive(CHUNK))
    except anyio.EndOfStream:
        exchange.feed(b"")  # end: the peer's FIN
    except (OSError, anyio.BrokenResourceError):
        exchange.reset()  # reset
    finally:
        if exchange.reusable:  # reuse
            idle.put(url, connection)
        else:
            await close(connection)  # cancel, deadline: the socket ends with the exchange
    return exchange


async def fetch(url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := await reuse(url, idle):
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
            with anyio.fail_after(job.deadline_s):  # deadline: connecting and a retry included
                outcome = (await fetch(url, job, idle)).outcome(perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


async def watch(caught: list[int], stop: Callable[[], None]) -> None:
    """End everything at the first signal."""
    with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
        caught.append(await anext(signals))
        stop()


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    async with anyio.create_task_group() as everything:
        stop = everything.cancel_scope.cancel  # cancel: ends every task below
        everything.start_soon(watch, caught, stop)
        async with anyio.create_task_group() as workers:
            for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
                workers.start_soon(work, urls, job, idle, record, stop)
        stop()
    for connection in idle.drain():
        await close(connection)
    return caught[0] if caught else None


async def look_up_apart(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Give lookups threads of their own, and run."""
    asyncio.get_running_loop().set_default_executor(Lookups())
    return await run(job, record)


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return anyio.run(look_up_apart, job, record, backend="asyncio")
