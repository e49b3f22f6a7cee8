"""fetch on NAME: streams, and workers as tasks of one group.

It stands on asyncio until yours takes its place, fetches what answers in time, and no more: what
is missing is asked for where it belongs, in comments that begin with `fill in` and a clause of
SPEC.md.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

from implementations.contract import CHUNK, Exchange, Outcome

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection = tuple[StreamReader, StreamWriter]


async def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    # fill in F22: a lookup that hangs, or an address that is silent, holds up nobody else
    if url.scheme == "https":
        # fill in F23 (tls): it shakes hands by job.tls; what fails there is an SSLError
        raise SSLError("no TLS yet")
    return await asyncio.open_connection(url.host, url.port)


async def close(connection: Connection) -> None:
    """Close a connection at once."""
    _, writer = connection
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def talk(connection: Connection, url: Url, job: FetchJob) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    reader, writer = connection
    exchange = Exchange(url, job.max_bytes)
    try:
        writer.write(exchange.request)
        while not exchange.done:
            exchange.feed(await reader.read(CHUNK))  # end: b"" is the peer's FIN
    except OSError:
        exchange.reset()  # reset
    finally:
        # fill in F13, F15 (reuse): where exchange.reusable, keep it in an Idle (contract.py)
        await close(connection)  # deadline: the socket ends with the exchange
    return exchange


async def fetch(url: Url, job: FetchJob) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    # fill in F14: take an idle connection that is not readable(); one retry if nothing started
    return await talk(await connect(url, job), url, job)


async def work(
    urls: Iterator[tuple[int, Url]], job: FetchJob, record: Callable[[int, Outcome], None]
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        try:
            async with asyncio.timeout(job.deadline_s):  # deadline: connecting and a retry included
                outcome = (await fetch(url, job)).outcome(perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        # fill in F17 (cancel): with job.fail_fast the first error ends all the others at once


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # fill in F18, F19: SIGINT and SIGTERM end all work, and the first of them is returned
    urls = enumerate(job.urls)
    async with asyncio.TaskGroup() as workers:
        for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
            workers.create_task(work(urls, job, record))
    return None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return asyncio.run(run(job, record))
