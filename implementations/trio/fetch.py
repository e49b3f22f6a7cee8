"""fetch on trio: streams, and workers as tasks of one nursery."""

from __future__ import annotations

from contextlib import suppress
from signal import SIGINT, SIGTERM
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

import trio

from implementations.contract import CHUNK, Exchange, Idle, Outcome, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection = trio.SocketStream | trio.SSLStream[trio.SocketStream]


async def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    stream = await trio.open_tcp_stream(url.host, url.port)
    if url.scheme == "http" or job.tls is None:
        return stream
    connection = trio.SSLStream(stream, job.tls, server_hostname=url.host)
    try:
        await connection.do_handshake()
    except BaseException as failed:
        await close(stream)
        if isinstance(failed, trio.BrokenResourceError):
            raise SSLError from failed
        raise  # cancel, deadline
    return connection


async def close(connection: Connection) -> None:
    """Close a connection at once."""
    await trio.aclose_forcefully(connection)


async def reuse(url: Url, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        stream = (
            connection.transport_stream if isinstance(connection, trio.SSLStream) else connection
        )
        if not readable(stream.socket.fileno()) and (
            stream is connection or await quiet(connection)
        ):
            return connection
        await close(connection)
    return None


async def quiet(connection: Connection) -> bool:
    """Tell whether nothing is left of what TLS has taken in, by a read that must not end."""
    arrived = []

    async def read() -> None:
        with suppress(trio.BrokenResourceError):
            arrived.append(await connection.receive_some(1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        for _ in range(2):  # tasks take turns in any order: after two, it has had one
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    return not arrived


async def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        await connection.send_all(exchange.request)
        while not exchange.done:
            data = await connection.receive_some(CHUNK)
            exchange.feed(bytes(data))  # end: b"" is the peer's FIN
    except trio.BrokenResourceError:
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
            with trio.fail_after(job.deadline_s):  # deadline: connecting and a retry included
                outcome = (await fetch(url, job, idle)).outcome(perf_counter() - begin)
        except trio.TooSlowError:
            outcome = Outcome.failed(TimeoutError(), perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


async def watch(caught: list[int], stop: Callable[[], None]) -> None:
    """End everything at the first signal."""
    with trio.open_signal_receiver(SIGINT, SIGTERM) as signals:
        caught.append(await anext(signals))
        stop()


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # A lookup that hangs keeps its thread, even when nobody waits for it any more.
    trio.to_thread.current_default_thread_limiter().total_tokens = max(1, len(job.urls))
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    async with trio.open_nursery() as everything:
        stop = everything.cancel_scope.cancel  # cancel: ends every task below
        everything.start_soon(watch, caught, stop)
        async with trio.open_nursery() as workers:
            for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
                workers.start_soon(work, urls, job, idle, record, stop)
        stop()
    for connection in idle.drain():
        await close(connection)
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return trio.run(run, job, record)
