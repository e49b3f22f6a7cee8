"""fetch on httpx with asyncio: one client, and workers as tasks of one group."""

from __future__ import annotations

import asyncio
from socket import gaierror
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

import httpx

from implementations.asyncio.fetch import Stop, together
from implementations.native import HEADERS, Body, TooLarge, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Outcome, Url

# What it raises, or what is behind that -> the contract's word; the first that fits counts.
WORDS = (
    ((TimeoutError, httpx.TimeoutException), "timeout"),
    (gaierror, "unresolved"),
    (SSLError, "tls"),
    (httpx.ConnectError, "refused"),
    (httpx.NetworkError, "reset"),  # reset
    (httpx.RemoteProtocolError, "truncated", "Server disconnected"),  # end: it has no exception
    (httpx.RemoteProtocolError, "truncated", "closed connection"),  # of its own for that
    (httpx.RemoteProtocolError, "malformed"),
)


def session(job: FetchJob) -> httpx.AsyncClient:
    """Make the client that all workers share; its pool keeps connections alive."""
    return httpx.AsyncClient(
        verify=job.tls or False,  # there is nothing to verify where no URL is https
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),  # reuse
        timeout=httpx.Timeout(None),  # work() bounds all of it; else each step ends after 5 s
        trust_env=False,
    )


async def get(client: httpx.AsyncClient, url: Url, body: Body) -> int:
    """Fetch one URL into a body as the client does it; return the status."""
    # A request that the client has not built has none of its own headers.
    request = httpx.Request("GET", url.text, headers=HEADERS)
    response = await client.send(request, stream=True)
    try:
        body.declare(response.headers.get("Content-Length"))
        async for data in response.aiter_raw():
            body.add(data)
    finally:
        await response.aclose()
    return response.status_code


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    client: httpx.AsyncClient,
    record: Callable[[int, Outcome], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        body = Body(job.max_bytes)
        try:
            async with asyncio.timeout(job.deadline_s):  # deadline: connecting included
                outcome = body.outcome(await get(client, url, body), perf_counter() - begin)
        except (httpx.TransportError, TimeoutError, TooLarge) as error:
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
