"""fetch on Twisted's inlineCallbacks: the same protocol, and workers as Deferreds of one list."""

from __future__ import annotations

from signal import SIG_DFL, SIGINT, SIGTERM, signal
from time import perf_counter
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, inlineCallbacks
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from implementations.contract import Exchange, Idle, Outcome
from implementations.twisted.fetch import CAUSES, Lookups, close, connect, reuse, start, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from implementations.contract import FetchJob, Url
    from implementations.twisted.fetch import Connection

    Work = Generator[Deferred[Any], Any, Any]  # what it waits for, and what comes of that


@inlineCallbacks
def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Work:
    """Send one request, read its answer, and keep or close the connection."""
    connection.exchange = Exchange(url, job.max_bytes)
    # cancel, deadline: the socket ends with the exchange
    connection.answered = Deferred(lambda _: close(connection))
    connection.transport.write(connection.exchange.request)
    exchange = yield connection.answered  # end, reset: the protocol tells the exchange
    if exchange.reusable:  # reuse
        idle.put(url, connection)
    else:
        close(connection)
    return exchange


@inlineCallbacks
def fetch(url: Url, job: FetchJob, idle: Idle[Connection]) -> Work:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := reuse(url, idle):
        exchange = yield talk(connection, url, job, idle)
        if exchange.started:
            return exchange
    connection = yield connect(url, job)
    return (yield talk(connection, url, job, idle))


@inlineCallbacks
def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[Connection],
    record: Callable[[int, Outcome], None],
    stopped: Deferred[None],
) -> Work:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        fetching = fetch(url, job, idle)
        # deadline: connecting and a retry included
        fetching.addTimeout(job.deadline_s, reactor, lambda *_: Failure(TimeoutError()))
        try:
            outcome = (yield fetching).outcome(perf_counter() - begin)
        except (*CAUSES, ConnectingCancelledError) as error:
            if stopped.called:  # a lookup that is cancelled says that there is no such name
                raise CancelledError from error
            cause = next(CAUSES[kind] for kind in CAUSES if isinstance(error, kind))
            outcome = Outcome.failed(cause, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            raise CancelledError


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> Deferred[int | None]:
    """Fetch all URLs; return the signal that ended it, if one did."""
    lookups = Lookups(0, max(1, len(job.urls)))  # one that hangs keeps its thread to the end
    lookups.start()
    reactor.threadpool = lookups
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    workers: list[Deferred[None]] = []
    stopped: Deferred[None] = Deferred()

    def stop(reason: Failure | None = None) -> Failure | None:
        if not stopped.called:
            stopped.callback(None)
            for worker in workers:
                worker.cancel()  # cancel: each gives up what it waits for
        return reason

    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers += [work(urls, job, idle, record, stopped).addErrback(stop) for _ in range(limit)]
    watch(caught, stop)

    def finish(results: list[tuple[bool, Any]]) -> Deferred[int | None]:
        for connection in idle.drain():
            close(connection)
        for number in (SIGINT, SIGTERM):
            signal(number, SIG_DFL)
        for succeeded, result in results:
            if not succeeded:
                result.trap(CancelledError)
        # The loop closes aborted sockets in its next turn.
        return deferLater(reactor, 0, lambda: caught[0] if caught else None)

    return DeferredList(workers, consumeErrors=True).addCallback(finish)


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return start(run, job, record)
