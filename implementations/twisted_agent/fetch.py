"""fetch on Twisted's Agent: one pool of connections, and workers as coroutines."""

from __future__ import annotations

from signal import SIG_DFL, SIGINT, SIGTERM, signal
from time import perf_counter
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error, reactor, ssl
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from implementations.native import HEADERS, Body, TooLarge, failed
from implementations.twisted.fetch import start, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Outcome, Url

# What it raises, or has as a reason -> the contract's word; the first that fits counts.
WORDS = (
    ((TimeoutError, error.TimeoutError), "timeout"),
    (error.DNSLookupError, "unresolved"),
    ((SSL.Error, VerificationError), "tls"),
    (error.ConnectError, "refused"),
    (error.ConnectionLost, "reset"),  # reset
    ((ParseError, ValueError), "malformed"),
    ((error.ConnectionDone, ResponseFailed), "truncated"),  # end
)
ERRORS = TimeoutError, error.ConnectError, error.DNSLookupError, ResponseFailed, TooLarge


class Reading(Protocol):
    """Takes the body of one response; `done` fires at its end."""

    def __init__(self, body: Body, length: object) -> None:
        """Start before the first byte; `length` is what the head says of it."""
        self._body = body
        self._length = str(length)
        self.done: Deferred[None] = Deferred(lambda _: self.transport.loseConnection())

    def connectionMade(self) -> None:
        """Take the declared length."""
        self._take(self._body.declare, self._length)

    def dataReceived(self, data: bytes) -> None:
        """Take what came."""
        self._take(self._body.add, data)

    def _take(self, take: Callable[[Any], None], what: object) -> None:
        try:
            take(what)
        except TooLarge:
            self.connectionLost(Failure())
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the end, once: a body without a length may end with the connection."""
        if not self.done.called:
            whole = reason.check(ResponseDone, PotentialDataLoss)
            self.done.callback(None) if whole else self.done.errback(reason)


def session(job: FetchJob) -> tuple[Agent, HTTPConnectionPool]:
    """Make the agent that all workers share, and its pool, which keeps connections alive."""
    pool = HTTPConnectionPool(reactor)  # reuse
    pool.maxPersistentPerHost = job.limit
    found = job.tls.get_ca_certs(binary_form=True) if job.tls else []
    roots = ssl.trustRootFromCertificates([ssl.Certificate.load(each) for each in found])
    policy = BrowserLikePolicyForHTTPS(roots)
    return Agent(reactor, policy, connectTimeout=job.deadline_s, pool=pool), pool


async def get(agent: Agent, url: Url, body: Body) -> int:
    """Fetch one URL into a body as the client does it; return the status."""
    asked = {"Host": url.authority, **HEADERS}
    headers = Headers({name: [value] for name, value in asked.items()})
    response = await agent.request(b"GET", url.text.encode(), headers)
    reading = Reading(body, response.length)
    response.deliverBody(reading)
    await reading.done
    return int(response.code)


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    agent: Agent,
    record: Callable[[int, Outcome], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        body = Body(job.max_bytes)
        getting = Deferred.fromCoroutine(get(agent, url, body))
        # deadline: connecting and a retry included
        getting.addTimeout(job.deadline_s, reactor, lambda *_: Failure(TimeoutError()))
        try:
            outcome = body.outcome(await getting, perf_counter() - begin)
        except ERRORS as failure:
            outcome = failed(failure, WORDS, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            raise CancelledError


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> Deferred[int | None]:
    """Fetch all URLs; return the signal that ended it, if one did."""
    agent, pool = session(job)
    urls = (numbered for numbered in enumerate(job.urls))
    caught: list[int] = []
    stopped = False

    def note(index: int, outcome: Outcome) -> None:
        if not stopped:  # what is cancelled fails in many ways
            record(index, outcome)

    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers = [Deferred.fromCoroutine(work(urls, job, agent, note)) for _ in range(limit)]
    ended = gatherResults(workers, consumeErrors=True)

    def stop() -> None:
        nonlocal stopped
        stopped = True
        urls.close()
        for worker in workers:
            worker.cancel()  # cancel: each gives up what it waits for

    watch(caught, stop)

    def finish(result: Any) -> Deferred[int | None]:
        broken = isinstance(result, Failure) and not stopped
        stop()
        for number in (SIGINT, SIGTERM):
            signal(number, SIG_DFL)
        if broken:
            result.value.subFailure.trap(CancelledError)
        pool.closeCachedConnections()  # TLS waits for the peer, reactor.stop() for nobody
        # The loop closes aborted sockets in its next turn.
        return deferLater(reactor, 0, lambda: caught[0] if caught else None)

    return ended.addBoth(finish)


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return start(run, job, record)
