"""fetch on selectors: sockets that never block, and workers as state machines of one loop."""

from __future__ import annotations

from selectors import EVENT_READ, EVENT_WRITE
from ssl import SSLError, SSLSocket, SSLWantReadError, SSLWantWriteError
from time import perf_counter
from typing import TYPE_CHECKING

from implementations.contract import CHUNK, Exchange, Idle, Outcome, readable
from implementations.selectors.dial import Dial, Dialer
from implementations.selectors.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from implementations.contract import FetchJob, Url


class Crew:
    """What the workers share: the loop, the URLs, the idle connections, the timers, the end."""

    def __init__(self, job: FetchJob, record: Callable[[int, Outcome], None]) -> None:
        """Start with nobody at work."""
        self.job = job
        self.record = record
        self.loop = Loop()
        self.dialer = Dialer(self.loop)
        self.urls = enumerate(job.urls)
        self.idle: Idle[socket] = Idle()
        # deadline: connecting and a retry included
        self.deadline = self.loop.alarm(job.deadline_s, Worker.time_out)
        self.working = 0


class Worker:
    """Fetches URLs one after another: each method goes on where something was waited for."""

    index: int
    url: Url
    begin: float
    reused: bool
    exchange: Exchange
    unsent: bytes
    dial: Dial | None = None
    connection: socket | None = None

    def __init__(self, crew: Crew) -> None:
        """Start with nothing in hand."""
        self.crew = crew
        self.selector = crew.loop.selector

    def give_up(self) -> None:
        """Wait for nothing any more, and close what is open."""
        if self.dial:
            self.dial.cancel()
        if connection := self.connection:
            self.let_go(connection)
            self.close(connection)  # cancel, deadline: the socket ends with the exchange

    def fail(self, error: OSError) -> None:
        """End the URL in hand without an answer."""
        self.give_up()
        self.finish(Outcome.failed(error, perf_counter() - self.begin))

    def time_out(self) -> None:
        """End the URL in hand at its deadline."""
        self.fail(TimeoutError())

    def connect(self) -> None:
        """Open a connection to the URL's origin."""
        self.dial = Dial(self.crew.dialer, self.url.host, self.url.port, self.connected)

    def connected(self, result: socket | OSError) -> None:
        """Speak with whom has answered."""
        tls = self.crew.job.tls
        if isinstance(result, OSError):
            self.fail(result)
        elif self.url.scheme == "http" or tls is None:
            self.hold(result)
            self.talk()
        else:
            connection = tls.wrap_socket(
                result,
                server_hostname=self.url.host,
                suppress_ragged_eofs=False,  # or a FIN without close_notify would be an end
                do_handshake_on_connect=False,
            )
            self.hold(connection)
            self.shake_hands()

    def shake_hands(self) -> None:
        """Make it TLS."""
        connection = self.connection
        assert isinstance(connection, SSLSocket)
        try:
            connection.do_handshake()
        except SSLWantReadError:
            self.selector.modify(connection, EVENT_READ, self.shake_hands)
        except SSLWantWriteError:
            self.selector.modify(connection, EVENT_WRITE, self.shake_hands)
        except OSError as error:
            self.fail(error if isinstance(error, SSLError) else SSLError())  # in the handshake
        else:
            self.talk()

    def hold(self, connection: socket) -> None:
        """Have a connection in hand."""
        self.connection = connection
        self.selector.register(connection, EVENT_READ)

    def let_go(self, connection: socket) -> None:
        """Have it in hand no more."""
        self.connection = None
        self.selector.unregister(connection)

    def close(self, connection: socket) -> None:
        """Close a connection at once."""
        connection.close()

    def reuse(self) -> socket | None:
        """Return an idle connection on which nothing has arrived, if there is one."""
        while connection := self.crew.idle.take(self.url):
            if not readable(connection.fileno()):
                return connection
            self.close(connection)
        return None

    def talk(self) -> None:
        """Send one request, read its answer, and keep or close the connection."""
        self.exchange = Exchange(self.url, self.crew.job.max_bytes)
        self.unsent = self.exchange.request
        self.go_on()

    def go_on(self) -> None:
        """Send what is left of the request, or read what has come of the answer."""
        connection, exchange, events = self.connection, self.exchange, 0
        assert connection is not None
        try:
            if self.unsent:
                self.unsent = self.unsent[connection.send(self.unsent) :]
            else:
                exchange.feed(connection.recv(CHUNK))  # end: b"" is the peer's FIN
        except SSLWantReadError:
            events = EVENT_READ
        except SSLWantWriteError:
            events = EVENT_WRITE
        except BlockingIOError:
            pass
        except OSError:
            exchange.reset()  # reset
        if exchange.done:
            self.conclude(connection, exchange)
        else:
            events = events or (EVENT_WRITE if self.unsent else EVENT_READ)
            self.selector.modify(connection, events, self.go_on)

    def conclude(self, connection: socket, exchange: Exchange) -> None:
        """Keep or close the connection, and try once more where it had gone stale."""
        self.let_go(connection)
        if exchange.reusable:  # reuse
            self.crew.idle.put(self.url, connection)
        else:
            self.close(connection)
        if self.reused and not exchange.started:
            self.reused = False
            self.connect()
        else:
            self.finish(exchange.outcome(perf_counter() - self.begin))

    def finish(self, outcome: Outcome) -> None:
        """Record what became of the URL, and go on with the next."""
        self.crew.deadline.clear(self)
        self.crew.record(self.index, outcome)
        if self.crew.job.fail_fast and outcome.error:
            self.crew.loop.stop()
        else:
            self.work()

    def fetch(self) -> None:
        """Fetch one URL, with one retry where a reused connection had gone stale."""
        connection = self.reuse()
        self.reused = connection is not None
        if connection:
            self.hold(connection)
            self.talk()
        else:
            self.connect()

    def work(self) -> None:
        """Fetch URLs one after another until none is left."""
        if drawn := next(self.crew.urls, None):
            self.index, self.url = drawn
            self.begin = perf_counter()
            self.crew.deadline.set(self)
            self.fetch()
            return
        self.crew.working -= 1
        if not self.crew.working:
            self.crew.loop.stop()


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    crew = Crew(job, record)
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        crew.loop.stop()

    crew.loop.catch_signals(stop)
    crew.working = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers = [Worker(crew) for _ in range(crew.working)]
    for worker in workers:
        worker.work()
    crew.loop.run()
    crew.loop.release_signals()
    for worker in workers:
        worker.give_up()  # cancel: ends every worker
    for connection in crew.idle.drain():
        connection.close()
    crew.dialer.lookups.shutdown(wait=False)  # one that ends after the loop finds nobody
    crew.loop.close()
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
