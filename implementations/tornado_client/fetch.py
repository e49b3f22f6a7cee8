"""fetch on Tornado's AsyncHTTPClient: one client, and workers as futures of one list."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from socket import gaierror
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

from tornado.gen import convert_yielded, multi
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.iostream import UnsatisfiableReadError
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError

from implementations.native import HEADERS, Body, failed
from implementations.tornado.fetch import watch

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Outcome, Url

# What it raises -> the contract's word; the first that fits counts.
WORDS = (
    (HTTPTimeoutError, "timeout"),
    (gaierror, "unresolved"),
    (SSLError, "tls"),
    (HTTPStreamClosedError, "truncated"),  # end: and for whatever it does not understand
    ((ConnectionResetError, BrokenPipeError), "reset"),  # reset
    (OSError, "refused"),
    ((UnsatisfiableReadError, ValueError), "malformed"),
)
ERRORS = OSError, HTTPTimeoutError, HTTPStreamClosedError, UnsatisfiableReadError, ValueError


async def get(client: AsyncHTTPClient, url: Url, job: FetchJob, body: Body) -> int:
    """Fetch one URL into a body as the client does it; return the status."""
    request = HTTPRequest(
        url.text,
        headers=HEADERS,
        follow_redirects=False,
        decompress_response=False,
        streaming_callback=body.add,
        ssl_options=job.tls,
        connect_timeout=job.deadline_s,
        request_timeout=job.deadline_s,  # deadline: connecting included
    )
    response = await client.fetch(request, raise_error=False)
    return response.code


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    client: AsyncHTTPClient,
    record: Callable[[int, Outcome], None],
    stop: Callable[[], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        body = Body(job.max_bytes)
        try:
            outcome = body.outcome(await get(client, url, job, body), perf_counter() - begin)
        except ERRORS as error:
            outcome = failed(error, WORDS, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # reuse: of the client alone; it opens a connection for each URL
    client = AsyncHTTPClient(
        force_instance=True, max_clients=job.limit, max_body_size=job.max_bytes
    )
    urls = enumerate(job.urls)
    caught: list[int] = []
    workers: list[Future[None]] = []

    def stop() -> None:
        for worker in workers:
            worker.cancel()  # cancel: ends every worker, though not what it has asked for

    watch(caught, stop)
    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers += [convert_yielded(work(urls, job, client, record, stop)) for _ in range(limit)]
    with suppress(asyncio.CancelledError):
        await multi(workers)
    client.close()
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return asyncio.run(run(job, record))
