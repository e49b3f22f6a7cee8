"""fetch on httpx with Trio: the client of httpx_asyncio, and workers as tasks of one nursery."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import httpx
import trio

from implementations.httpx_asyncio.fetch import WORDS, get, session
from implementations.native import Body, TooLarge, failed
from implementations.trio.fetch import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Outcome, Url


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    client: httpx.AsyncClient,
    record: Callable[[int, Outcome], None],
    stop: Callable[[], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        body = Body(job.max_bytes)
        try:
            with trio.fail_after(job.deadline_s):  # deadline: connecting included
                outcome = body.outcome(await get(client, url, body), perf_counter() - begin)
        except trio.TooSlowError:
            outcome = failed(TimeoutError(), WORDS, perf_counter() - begin)
        except (httpx.TransportError, TooLarge) as error:  # end, reset: WORDS tells them apart
            outcome = failed(error, WORDS, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = enumerate(job.urls)
    caught: list[int] = []
    async with session(job) as client, trio.open_nursery() as everything:  # reuse: one client
        stop = everything.cancel_scope.cancel  # cancel: ends every task below
        everything.start_soon(watch, caught, stop)
        async with trio.open_nursery() as workers:
            for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
                workers.start_soon(work, urls, job, client, record, stop)
        stop()
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return trio.run(run, job, record)
