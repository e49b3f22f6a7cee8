"""fetch on Twisted: protocols, and workers as tasks of one cooperator."""

from __future__ import annotations

from functools import partial
from signal import SIG_DFL, SIGINT, SIGTERM, signal
from socket import SO_ERROR, SOL_SOCKET, gaierror
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING

from twisted.internet import error, reactor, ssl
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import cooperate, deferLater
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from implementations.contract import Exchange, Idle, Outcome, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from implementations.contract import FetchJob, Url

# What may end a URL before its answer -> what the contract knows it by; the first that fits counts.
CAUSES: dict[type[Exception], OSError] = {
    TimeoutError: TimeoutError(),
    error.TimeoutError: TimeoutError(),
    error.DNSLookupError: gaierror(),
    error.ConnectError: ConnectionRefusedError(),
}


@implementer(IHalfCloseableProtocol)
class Connection(Protocol):
    """Carries one exchange after another."""

    exchange: Exchange
    answered: Deferred[Exchange]
    shaken = lost = False

    def dataReceived(self, data: bytes) -> None:
        """Feed the exchange."""
        self.exchange.feed(data)
        if self.exchange.done and self.shaken:
            reactor.callLater(0, self.answer)  # TLS may hold surplus that comes before that
        elif self.exchange.done:
            self.answer()

    def answer(self) -> None:
        """Hand over the exchange, once."""
        if not self.answered.called:
            self.answered.callback(self.exchange)

    def readConnectionLost(self) -> None:
        """Tell FIN from RST: the reactor takes an error that it meets while polling for a FIN."""
        reset = self.transport.getHandle().getsockopt(SOL_SOCKET, SO_ERROR)
        self.transport.loseConnection()
        self.connectionLost(Failure(error.ConnectionLost() if reset else error.ConnectionDone()))

    def writeConnectionLost(self) -> None:
        """Never happens: no connection is half-closed from here."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the exchange, unless its end is what closed the connection."""
        self.lost = True
        if self.answered.called:
            return
        if isinstance(self.transport, TLSMemoryBIOProtocol) and not self.shaken:
            self.exchange.fail("tls")
        elif reason.check(error.ConnectionDone):
            self.exchange.feed(b"")  # end: the peer's FIN
        else:
            self.exchange.reset()  # reset
        self.answer()


# A class of its own: of these two interfaces an endpoint hands on the last one alone.
@implementer(IHandshakeListener)
class TLSConnection(Connection):
    """Carries one exchange after another, over TLS."""

    def handshakeCompleted(self) -> None:
        """Know that what fails from now on is not the handshake."""
        self.shaken = True


class Lookups(ThreadPool):
    """Threads for lookups, which the end of the process does not wait for: one may hang."""

    threadFactory = staticmethod(partial(Thread, daemon=True))  # noqa: N815  Twisted's name


def connect(url: Url, job: FetchJob) -> Deferred[Connection]:
    """Open a connection to the URL's origin."""
    # An address needs no resolver and its thread; this endpoint takes those of IPv6 as well.
    numeric = isIPAddress(url.host) or isIPv6Address(url.host)
    kind = TCP4ClientEndpoint if numeric else HostnameEndpoint
    endpoint = kind(reactor, url.host, url.port, job.deadline_s)
    factory = Factory.forProtocol(TLSConnection if url.scheme == "https" else Connection)
    factory.noisy = False
    if url.scheme == "http" or job.tls is None:
        return endpoint.connect(factory)
    roots = [ssl.Certificate.load(each) for each in job.tls.get_ca_certs(binary_form=True)]
    options = ssl.optionsForClientTLS(url.host, ssl.trustRootFromCertificates(roots))
    return wrapClientTLS(options, endpoint).connect(factory)


def close(connection: Connection) -> None:
    """Close a connection at once."""
    if not connection.lost:  # TLS would stumble over it
        connection.transport.abortConnection()


def reuse(url: Url, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        alive = connection.exchange.reusable and not connection.lost
        if alive and not readable(connection.transport.fileno()):
            return connection
        close(connection)
    return None


def talk(
    connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]
) -> Deferred[Exchange]:
    """Send one request, read its answer, and keep or close the connection."""
    connection.exchange = Exchange(url, job.max_bytes)
    # cancel, deadline: the socket ends with the exchange
    connection.answered = Deferred(lambda _: close(connection))
    connection.transport.write(connection.exchange.request)

    def leave(exchange: Exchange) -> Exchange:
        if exchange.reusable:  # reuse
            idle.put(url, connection)
        else:
            close(connection)
        return exchange

    return connection.answered.addCallback(leave)


def fetch(url: Url, job: FetchJob, idle: Idle[Connection]) -> Deferred[Exchange]:
    """Fetch one URL, with one retry where a reused connection had gone stale."""

    def anew(exchange: Exchange | None = None) -> Exchange | Deferred[Exchange]:
        if exchange and exchange.started:
            return exchange
        return connect(url, job).addCallback(talk, url, job, idle)

    connection = reuse(url, idle)
    return talk(connection, url, job, idle).addCallback(anew) if connection else anew()


def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[Connection],
    record: Callable[[int, Outcome], None],
) -> Generator[Deferred[None], None, None]:
    """Fetch URLs one after another until none is left."""
    given_up = False

    def conclude(result: Exchange | Failure, index: int, begin: float) -> None:
        if given_up:  # a lookup that is cancelled says that there is no such name
            raise CancelledError
        if isinstance(result, Failure):
            cause = CAUSES[result.trap(*CAUSES)]
            outcome = Outcome.failed(cause, perf_counter() - begin)
        else:
            outcome = result.outcome(perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            raise CancelledError

    for index, url in urls:
        begin = perf_counter()
        fetching = fetch(url, job, idle)
        # deadline: connecting and a retry included
        fetching.addTimeout(job.deadline_s, reactor, lambda *_: Failure(TimeoutError()))
        fetching.addBoth(conclude, index, begin)
        try:
            yield fetching
        except GeneratorExit:
            given_up = True
            raise
        finally:
            fetching.cancel()  # cancel: once it has ended, this does nothing


def watch(caught: list[int], stop: Callable[[], None]) -> None:
    """End everything at the first signal."""

    def catch(number: int, _frame: object) -> None:
        caught.append(number)
        reactor.callFromThread(stop)

    for number in (SIGINT, SIGTERM):
        signal(number, catch)


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> Deferred[int | None]:
    """Fetch all URLs; return the signal that ended it, if one did."""
    lookups = Lookups(0, max(1, len(job.urls)))  # one that hangs keeps its thread to the end
    lookups.start()
    reactor.threadpool = lookups
    urls = enumerate(job.urls)
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers = [work(urls, job, idle, record) for _ in range(limit)]
    ended = gatherResults([cooperate(one).whenDone() for one in workers], consumeErrors=True)
    watch(caught, ended.cancel)

    def finish(result: object) -> Deferred[int | None]:
        for worker in workers:
            worker.close()  # cancel: each gives up what it waits for
        for connection in idle.drain():
            close(connection)
        for number in (SIGINT, SIGTERM):
            signal(number, SIG_DFL)
        if isinstance(result, Failure):
            result.trap(FirstError)
            result.value.subFailure.trap(CancelledError)
        # The loop closes aborted sockets in its next turn.
        return deferLater(reactor, 0, lambda: caught[0] if caught else None)

    return ended.addBoth(finish)


def start(
    run: Callable[[FetchJob, Callable[[int, Outcome], None]], Deferred[int | None]],
    job: FetchJob,
    record: Callable[[int, Outcome], None],
) -> int | None:
    """Run the reactor until a Deferred has its result, and return that."""
    results: list[int | Failure | None] = []

    def begin() -> None:  # once the reactor's own handlers stand, for watch() replaces two of them
        run(job, record).addBoth(results.append).addCallback(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return start(run, job, record)
