"""fetch on threads: blocking sockets, and workers as threads that one lock holds together."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from selectors import EVENT_WRITE, PollSelector
from socket import SHUT_RDWR, SOCK_STREAM, getaddrinfo, socket
from ssl import SSLError
from threading import Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING
from weakref import WeakSet

from implementations.contract import ATTEMPT_S, CHUNK, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from implementations.contract import FetchJob, Url

LOOKUPS = Lookups()
SIGNALS = signal.SIGINT, signal.SIGTERM
ENDED = signal.SIGUSR1  # the end of the work is a signal, too: one call waits for both


class Shared(Idle[socket]):
    """Idle connections of all threads."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self._lock = Lock()

    def put(self, url: Url, connection: socket) -> None:
        """Keep a connection for whichever thread is next."""
        with self._lock:
            super().put(url, connection)

    def take(self, url: Url) -> socket | None:
        """Hand over the newest connection; None if there is none."""
        with self._lock:
            return super().take(url)


class Crew:
    """What the workers share, under one lock: URLs, record, sockets, and the end of all."""

    def __init__(self, job: FetchJob, record: Callable[[int, Outcome], None]) -> None:
        """Start with nobody at work."""
        self.job = job
        self.idle = Shared()
        self._record = record
        self._lock = Lock()
        self._urls = enumerate(job.urls)
        self._sockets: WeakSet[socket] = WeakSet()
        self._working = 0
        self._ended = False

    def start(self, count: int) -> None:
        """Start so many workers, a thread each."""
        self._working = count
        for _ in range(count):
            Thread(target=self._work, daemon=True).start()  # daemon: a lookup may hang in it

    def _work(self) -> None:
        try:
            Worker(self.job, self.idle, self.add).work(iter(self.draw, None), self.record)
        finally:
            with self._lock:
                self._working -= 1
                if not self._working:
                    os.kill(os.getpid(), ENDED)

    def draw(self) -> tuple[int, Url] | None:
        """Hand over the next URL; None when there is none, or after the end."""
        with self._lock:
            return None if self._ended else next(self._urls, None)

    def record(self, index: int, outcome: Outcome) -> None:
        """Record an outcome, unless it is one that the end has made."""
        with self._lock:
            if self._ended:
                return
            self._record(index, outcome)
            if self.job.fail_fast and outcome.error:
                self._ended = True  # or the next would still get in with an error of its own
                os.kill(os.getpid(), ENDED)

    def add(self, connection: socket) -> None:
        """Take in a new socket. Raises an OSError after the end."""
        with self._lock:
            if self._ended:
                raise ConnectionAbortedError
            self._sockets.add(connection)

    def end(self) -> None:
        """Shut down every socket: whoever waits for one goes on, and meets its end."""
        with self._lock:
            self._ended = True
            for connection in self._sockets:
                with suppress(OSError):  # not connected, or not any more
                    socket.shutdown(connection, SHUT_RDWR)  # below TLS, which its thread may be in


class Worker:
    """One thread's work, and the deadline of the URL in hand."""

    def __init__(self, job: FetchJob, idle: Idle[socket], add: Callable[[socket], None]) -> None:
        """Start with nothing in hand; every new socket is handed to `add`."""
        self.job = job
        self.idle = idle
        self.add = add
        self.deadline = 0.0

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError when there are none."""
        if (left := self.deadline - perf_counter()) <= 0:
            raise TimeoutError
        return left

    def dial(self, url: Url) -> socket:
        """Connect to the first address that answers; none has to wait until another has failed."""
        lookup = LOOKUPS.submit(getaddrinfo, url.host, url.port, type=SOCK_STREAM)
        found = lookup.result(self.left())
        failed = OSError()
        with PollSelector() as attempts:
            try:
                while found or attempts.get_map():
                    if found:
                        family, _, _, _, address = found.pop(0)
                        begun = socket(family)
                        attempts.register(begun, EVENT_WRITE, begun)
                        self.add(begun)
                        begun.setblocking(False)
                        begun.connect_ex(address)
                    wait_s = min(self.left(), ATTEMPT_S) if found else self.left()
                    for key, _ in attempts.select(wait_s):
                        attempt: socket = key.data
                        attempts.unregister(attempt)
                        try:
                            attempt.getpeername()
                        except OSError as error:  # this one is not connected
                            failed = error
                            attempt.close()
                        else:
                            return attempt
            finally:
                for key in attempts.get_map().values():
                    key.data.close()
        raise failed

    def connect(self, url: Url) -> socket:
        """Open a connection to the URL's origin."""
        connection = self.dial(url)
        if url.scheme == "http" or self.job.tls is None:
            return connection
        connection = self.job.tls.wrap_socket(
            connection,
            server_hostname=url.host,
            suppress_ragged_eofs=False,  # or a FIN without close_notify would be an end
            do_handshake_on_connect=False,
        )
        try:
            self.add(connection)
            connection.settimeout(self.left())
            connection.do_handshake()
        except OSError as error:
            self.close(connection)
            if isinstance(error, TimeoutError | SSLError):
                raise
            raise SSLError from error  # in the handshake
        return connection

    def close(self, connection: socket) -> None:
        """Close a connection at once."""
        connection.close()

    def reuse(self, url: Url) -> socket | None:
        """Return an idle connection on which nothing has arrived, if there is one."""
        while connection := self.idle.take(url):
            if not readable(connection.fileno()):
                return connection
            self.close(connection)
        return None

    def talk(self, connection: socket, url: Url) -> Exchange:
        """Send one request, read its answer, and keep or close the connection."""
        exchange = Exchange(url, self.job.max_bytes)
        try:
            connection.settimeout(self.left())
            connection.sendall(exchange.request)
            while not exchange.done:
                connection.settimeout(self.left())  # deadline: bytes that drip do not extend it
                exchange.feed(connection.recv(CHUNK))  # end: b"" is the peer's FIN
        except TimeoutError:
            raise
        except OSError:
            exchange.reset()  # reset
        finally:
            if exchange.reusable:  # reuse
                self.idle.put(url, connection)
            else:
                self.close(connection)  # cancel, deadline: the socket ends with the exchange
        return exchange

    def fetch(self, url: Url) -> Exchange:
        """Fetch one URL, with one retry where a reused connection had gone stale."""
        if connection := self.reuse(url):
            exchange = self.talk(connection, url)
            if exchange.started:
                return exchange
        return self.talk(self.connect(url), url)

    def work(self, urls: Iterable[tuple[int, Url]], record: Callable[[int, Outcome], None]) -> None:
        """Fetch URLs one after another until none is left."""
        for index, url in urls:
            begin = perf_counter()
            self.deadline = begin + self.job.deadline_s  # deadline: connecting and a retry included
            try:
                outcome = self.fetch(url).outcome(perf_counter() - begin)
            except OSError as error:
                outcome = Outcome.failed(error, perf_counter() - begin)
            record(index, outcome)


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # For all threads: this one asks for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (*SIGNALS, ENDED))
    crew = Crew(job, record)
    crew.start(min(job.limit, len(job.urls)))  # limit: so many workers, one iterator
    caught = signal.sigwaitinfo((*SIGNALS, ENDED)).si_signo
    crew.end()  # cancel: ends every worker
    for connection in crew.idle.drain():
        connection.close()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return None if caught == ENDED else caught


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
