"""fetch on aiohttp: one session, and workers as tasks of one group."""

from __future__ import annotations

import asyncio
import math
from time import perf_counter
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from implementations.asyncio.fetch import Stop, together
from implementations.native import HEADERS, Body, TooLarge, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Outcome, Url

HEAD_LIMIT = 64 * 1024  # of a line of a head; 8190 bytes otherwise
# What it raises -> the contract's word; the first that fits counts.
WORDS = (
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "unresolved"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "refused"),
    (ConnectionResetError, "reset"),  # reset: while the head is awaited
    (aiohttp.ClientPayloadError, "reset", "ConnectionResetError"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError), "truncated"),  # end
    (aiohttp.ClientError, "malformed"),
)


def session(job: FetchJob) -> aiohttp.ClientSession:
    """Make the session that all workers share; its connector keeps connections alive."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=job.limit, ssl=job.tls or True),  # reuse
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        skip_auto_headers=["Accept-Encoding"],
        auto_decompress=False,
        max_line_size=HEAD_LIMIT,
        max_field_size=HEAD_LIMIT,
        # deadline: connecting included, and a long one not rounded up to a whole second
        timeout=aiohttp.ClientTimeout(total=job.deadline_s, ceil_threshold=math.inf),
    )


async def get(client: aiohttp.ClientSession, url: Url, body: Body) -> int:
    """Fetch one URL into a body as the client does it; return the status."""
    async with client.get(URL(url.text, encoded=True), allow_redirects=False) as response:
        body.declare(response.headers.get("Content-Length"))
        async for data in response.content.iter_any():
            body.add(data)
        return response.status


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    client: aiohttp.ClientSession,
    record: Callable[[int, Outcome], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        body = Body(job.max_bytes)
        try:
            outcome = body.outcome(await get(client, url, body), perf_counter() - begin)
        except (aiohttp.ClientError, TimeoutError, TooLarge) as error:
            outcome = failed(error, WORDS, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            raise Stop(None)


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = enumerate(job.urls)
    async with session(job) as client:
        # limit: so many workers, one iterator; cancel: the first error ends them all
        return await together(job, lambda: work(urls, job, client, record))


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return asyncio.run(run(job, record))
