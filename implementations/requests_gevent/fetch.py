"""fetch on requests with gevent: the session of requests_threads, and workers as greenlets."""

from __future__ import annotations

import ssl
from time import perf_counter
from typing import TYPE_CHECKING

import gevent
from gevent.pool import Group

from implementations.gevent.fetch import watch
from implementations.native import Body, failed
from implementations.requests_threads.fetch import ERRORS, WORDS, get, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from implementations.contract import FetchJob, Outcome, Url


def cooperative(tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """Return a context of the patched kind that trusts the same certificates."""
    if tls is None:
        return None
    return ssl.create_default_context(cadata=b"".join(tls.get_ca_certs(binary_form=True)))


def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    client: requests.Session,
    record: Callable[[int, Outcome], None],
    stop: Callable[[], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        body = Body(job.max_bytes)
        try:
            with gevent.Timeout(job.deadline_s, TimeoutError):  # deadline: connecting included
                outcome = body.outcome(get(client, url, job, body), perf_counter() - begin)
        except ERRORS as error:  # end, reset: WORDS tells them apart
            outcome = failed(error, WORDS, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = (numbered for numbered in enumerate(job.urls))
    caught: list[int] = []
    workers = Group()

    def stop() -> None:
        urls.close()  # a worker that never has to wait would go on with the next
        workers.kill(block=False)  # cancel: ends every worker

    watchers = watch(caught, stop)
    with session(job, cooperative(job.tls)) as client:  # reuse: one session
        for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
            workers.spawn(work, urls, job, client, record, stop)
        workers.join()
    for watcher in watchers:
        watcher.cancel()
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
