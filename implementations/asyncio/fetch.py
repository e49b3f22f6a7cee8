"""fetch on asyncio: streams, and workers as tasks of one group."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from signal import SIG_DFL, SIGINT, SIGTERM, signal
from ssl import SSLError, SSLZeroReturnError
from time import perf_counter
from typing import TYPE_CHECKING

from implementations.contract import ATTEMPT_S, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable, Coroutine, Iterator

    from implementations.contract import FetchJob, Url

    Connection = tuple[StreamReader, StreamWriter]

EVERYTHING = 1 << 20  # more than a StreamReader ever holds: no surplus stays behind unseen


class Stop(Exception):  # noqa: N818  it ends work, it is no error
    """Ends the group of workers: after the first error, or by the signal that it carries."""


async def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    tls = job.tls if url.scheme == "https" else None
    try:
        return await asyncio.open_connection(
            url.host, url.port, ssl=tls, happy_eyeballs_delay=ATTEMPT_S
        )
    except (ConnectionResetError, BrokenPipeError) as error:
        if tls:
            raise SSLError from error  # in the handshake, where asyncio says so of a FIN as well
        raise


async def close(connection: Connection) -> None:
    """Close a connection at once."""
    _, writer = connection
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()  # or its error would be logged as never retrieved


async def quiet(connection: Connection) -> bool:
    """Tell whether nothing is left of what TLS has taken in, by a read that must not end."""
    reader, writer = connection

    async def read() -> None:
        with suppress(OSError):
            await reader.read(1)

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    arrived = reading.done() or readable(writer.get_extra_info("socket").fileno())
    reading.cancel()
    await asyncio.sleep(0)
    return not arrived


async def reuse(url: Url, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        transport = connection[1].transport
        if (
            not transport.is_closing()
            and not readable(transport.get_extra_info("socket").fileno())
            and (url.scheme == "http" or await quiet(connection))
        ):
            transport.resume_reading()  # type: ignore[attr-defined]  # it reads as well
            return connection
        await close(connection)
    return None


def held(connection: Connection) -> bytes:
    """Return what TLS still holds at the end of a StreamReader. Raises SSLError: no close_notify.

    A StreamReader takes an end without one for any other end.
    """
    session = connection[1].get_extra_info("ssl_object")
    try:
        return b"" if session is None else session.read(EVERYTHING)
    except SSLZeroReturnError:  # both have said close_notify
        return b""


async def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    reader, writer = connection
    exchange = Exchange(url, job.max_bytes)
    try:
        writer.write(exchange.request)
        while not exchange.done:
            data = await reader.read(EVERYTHING) or held(connection)
            exchange.feed(data)  # end: b"" is the peer's FIN
    except OSError:
        exchange.reset()  # reset
    finally:
        if exchange.reusable:  # reuse
            if url.scheme == "http":  # TLS cannot be paused: it goes on taking in what comes
                writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads as well
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


def release() -> None:
    """Give both signals their default action back."""
    for number in (SIGINT, SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
        signal(number, SIG_DFL)


def stop(workers: asyncio.TaskGroup, caught: int) -> None:
    """End everything at the first signal."""

    async def end() -> None:
        raise Stop(caught)

    release()
    workers.create_task(end())


async def together(job: FetchJob, work: Callable[[], Coroutine[None, None, None]]) -> int | None:
    """Let workers fetch until no URL is left or one raises Stop; return the signal that did."""
    caught: int | None = None
    try:
        async with asyncio.TaskGroup() as workers:
            for number in (SIGINT, SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop, workers, number)
            for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
                workers.create_task(work())
    except* Stop as stopped:  # cancel: the group has cancelled the others
        caught = next(iter(stopped.exceptions)).args[0]
    release()
    return caught


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    asyncio.get_running_loop().set_default_executor(Lookups())
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    caught = await together(job, lambda: work(urls, job, idle, record))
    for connection in idle.drain():
        await close(connection)
    return caught


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return asyncio.run(run(job, record))
