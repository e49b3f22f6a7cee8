"""fetch on asyncore: dispatchers, and workers that are called back."""

from __future__ import annotations

import asyncore
from math import inf
from socket import SOCK_STREAM, getaddrinfo
from ssl import SSLError, SSLWantReadError, SSLWantWriteError
from sys import exception
from time import perf_counter
from typing import TYPE_CHECKING, Any

from implementations.asyncore.waker import Waker
from implementations.contract import ATTEMPT_S, CHUNK, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from ssl import SSLContext

    from implementations.contract import FetchJob, Url

    Channels = dict[int, asyncore.dispatcher]

LOOKUPS = Lookups()
TICK_S = 0.05  # how often to look at the clock


class Connection(asyncore.dispatcher):
    """Carries one exchange after another, each for a worker."""

    socket: Any  # of TLS or not

    def __init__(self, worker: Worker, family: int, address: Any, channels: Channels) -> None:
        """Begin to connect."""
        super().__init__(map=channels)
        self.worker = worker
        self.exchange: Exchange | None = None
        self.unsent = b""
        self.shaking = self.full = False  # hands, over TLS; TLS has to write before it can go on
        worker.connections.append(self)
        self.create_socket(family, SOCK_STREAM)
        try:
            self.connect(address)
        except OSError as error:
            worker.failed(self, error)

    def writable(self) -> bool:
        """Write what is left, and learn that it is connected."""
        return not self.connected or self.full or bool(self.unsent)

    def handle_connect(self) -> None:
        """Tell the worker."""
        self.worker.connected(self)

    def shake(self, tls: SSLContext, host: str) -> None:
        """Begin TLS."""
        self.set_socket(
            tls.wrap_socket(
                self.socket,
                server_hostname=host,
                suppress_ragged_eofs=False,  # or a FIN without close_notify would be an end
                do_handshake_on_connect=False,
            )
        )
        self.shaking = True

    def begin(self, exchange: Exchange) -> None:
        """Send a request; its answer is the worker's."""
        self.exchange, self.unsent = exchange, exchange.request
        self.handle_write()

    def handle_read(self) -> None:
        """Go on with whatever TLS lets go on."""
        self.full = False
        try:
            if self.shaking:
                self.socket.do_handshake()
                self.shaking = False
                self.worker.talk(self)
            elif self.exchange:
                self.exchange.feed(self.socket.recv(CHUNK))  # end: b"" is the peer's FIN
        except (BlockingIOError, SSLWantReadError):
            return
        except SSLWantWriteError:
            self.full = True
            return
        except OSError as error:
            if self.exchange is None:
                raise SSLError from error  # in the handshake
            self.exchange.reset()  # reset
        if self.exchange and self.exchange.done:
            self.worker.answered(self, self.exchange)

    def handle_write(self) -> None:
        """Send more of the request."""
        if self.shaking or self.full:
            self.handle_read()
        elif self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except (BlockingIOError, SSLWantWriteError):
                pass
            except OSError:  # what came before it may still be an answer: reading tells
                self.unsent = b""

    def handle_expt(self) -> None:
        """Leave an urgent byte alone."""

    def handle_close(self) -> None:
        """Give up connecting; afterwards reading tells FIN from RST."""
        if self.exchange is None:
            self.worker.failed(self, SSLError() if self.shaking else ConnectionRefusedError())

    def handle_error(self) -> None:
        """Tell the worker why it could not connect."""
        error = exception()
        if not isinstance(error, OSError):
            raise  # noqa: PLE0704  asyncore calls this while it handles the error
        self.worker.failed(self, error)


class Worker:
    """Fetches URLs, one after another, as the others do from the same iterator."""

    def __init__(
        self,
        urls: Iterator[tuple[int, Url]],
        job: FetchJob,
        idle: Idle[Connection],
        record: Callable[[int, Outcome], None],
        channels: Channels,
        wake: Callable[[], None],
        stop: Callable[[], None],
        kind: type[Connection],
    ) -> None:
        """Begin with none."""
        self.urls, self.job, self.idle, self.record = urls, job, idle, record
        self.channels, self.wake, self.stop, self.kind = channels, wake, stop, kind
        self.url: Url | None = None
        self.lookup: Future[list[Any]] | None = None
        self.found: list[Any] = []  # addresses, not yet tried
        self.next_attempt = inf
        self.connections: list[Connection] = []  # of this URL

    def connect(self) -> None:
        """Open a connection to the URL's origin."""
        assert self.url
        self.reused = False
        self.lookup = LOOKUPS.submit(getaddrinfo, self.url.host, self.url.port, 0, SOCK_STREAM)
        self.lookup.add_done_callback(lambda _: self.wake())

    def attempt(self) -> None:
        """Try the next address, while those before it may still answer."""
        family, _, _, _, address = self.found.pop(0)
        self.next_attempt = perf_counter() + ATTEMPT_S if self.found else inf
        self.kind(self, family, address, self.channels)

    def connected(self, connection: Connection) -> None:
        """Take the first connection there is."""
        for other in self.connections:
            if other is not connection:
                other.close()
        self.found.clear()
        self.next_attempt, self.connections = inf, [connection]
        assert self.url
        if self.url.scheme == "https" and self.job.tls:
            connection.shake(self.job.tls, self.url.host)
        else:
            self.talk(connection)

    def failed(self, connection: Connection, error: OSError) -> None:
        """Wait for another address, if there is one."""
        connection.close()
        if connection not in self.connections:  # it had ended already
            return
        self.connections.remove(connection)
        if self.found:
            self.attempt()
        elif not self.connections:
            self.conclude(Outcome.failed(error, perf_counter() - self.begin))

    def reuse(self) -> Connection | None:
        """Return an idle connection on which nothing has arrived, if there is one."""
        assert self.url
        while connection := self.idle.take(self.url):
            if not readable(connection.socket.fileno()):
                connection.set_socket(connection.socket)  # a channel again
                return connection
            connection.close()
        return None

    def talk(self, connection: Connection) -> None:
        """Send one request, read its answer, and keep or close the connection."""
        assert self.url
        self.connections, connection.worker = [connection], self
        connection.begin(Exchange(self.url, self.job.max_bytes))

    def answered(self, connection: Connection, exchange: Exchange) -> None:
        """Conclude, or try once more where a reused connection had gone stale."""
        self.connections, connection.exchange = [], None
        if exchange.reusable:  # reuse
            connection.del_channel()
            assert self.url
            self.idle.put(self.url, connection)
        else:
            connection.close()
        if self.reused and not exchange.started:
            self.connect()
        else:
            self.conclude(exchange.outcome(perf_counter() - self.begin))

    def fetch(self) -> None:
        """Fetch one URL, with one retry where a reused connection had gone stale."""
        connection = self.reuse()
        self.reused = connection is not None
        if connection:
            self.talk(connection)
        else:
            self.connect()

    def work(self) -> None:
        """Fetch URLs one after another until none is left."""
        self.url = None
        for index, url in self.urls:
            self.index, self.url, self.begin = index, url, perf_counter()
            self.fetch()
            return

    def turn(self) -> None:
        """Look at the clock, and at the lookup."""
        if self.url and perf_counter() >= self.begin + self.job.deadline_s:
            self.cancel()  # deadline: connecting and a retry included
            self.conclude(Outcome.failed(TimeoutError(), perf_counter() - self.begin))
        elif self.lookup and self.lookup.done():
            lookup, self.lookup = self.lookup, None
            try:
                self.found = lookup.result()
            except OSError as error:
                self.conclude(Outcome.failed(error, perf_counter() - self.begin))
            else:
                self.attempt()
        elif perf_counter() >= self.next_attempt:
            self.attempt()

    def conclude(self, outcome: Outcome) -> None:
        """Record what became of a URL, and go on with the next."""
        self.record(self.index, outcome)
        if self.job.fail_fast and outcome.error:
            self.stop()
        self.work()

    def cancel(self) -> None:
        """Give up what is under way."""
        for connection in self.connections:
            connection.close()  # cancel, deadline: the socket ends with the exchange
        self.url = self.lookup = None
        self.found, self.connections, self.next_attempt = [], [], inf


def run(
    job: FetchJob,
    record: Callable[[int, Outcome], None],
    kind: type[Connection] = Connection,
) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = (numbered for numbered in enumerate(job.urls))
    idle: Idle[Connection] = Idle()
    channels: Channels = {}
    waker = Waker(channels)

    def stop() -> None:
        urls.close()
        for worker in workers:
            worker.cancel()  # cancel: ends every worker

    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers = [
        Worker(urls, job, idle, record, channels, waker.wake, stop, kind) for _ in range(limit)
    ]
    with LOOKUPS:  # one that ends after the loop finds nobody
        for worker in workers:
            worker.work()
        while waker.caught is None and any(worker.url for worker in workers):
            asyncore.poll2(TICK_S, channels)
            for worker in workers:
                worker.turn()
    stop()
    waker.close()
    for connection in idle.drain():
        connection.close()
    return waker.caught


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
