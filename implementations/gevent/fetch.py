"""fetch on gevent: blocking sockets, and workers as greenlets of one group."""

from __future__ import annotations

from contextlib import suppress
from signal import SIGINT, SIGTERM
from socket import SOCK_STREAM
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

import gevent
import gevent.socket
from gevent.pool import Group
from gevent.queue import Empty, Queue
from gevent.ssl import SSLSocket

from implementations.contract import ATTEMPT_S, CHUNK, Exchange, Idle, Outcome, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection: TypeAlias = gevent.socket.socket


def attempt(family: int, address: tuple[object, ...]) -> Connection | OSError:
    """Connect to one address; return what came of it, for hub and log take errors for news."""
    connection = gevent.socket.socket(family)
    try:
        connection.connect(address)
    except BaseException as error:
        connection.close()
        if isinstance(error, OSError):
            return error
        raise  # cancel, deadline
    return connection


def dial(url: Url) -> Connection:
    """Connect to the first address that answers; none has to wait until another has failed."""
    found = gevent.socket.getaddrinfo(url.host, url.port, type=SOCK_STREAM)
    results = Queue()
    attempts = Group()
    running = 0
    try:
        while found or running:
            if found:
                family, _, _, _, address = found.pop(0)
                attempts.spawn(attempt, family, address).link(results.put)
                running += 1
            with suppress(Empty):
                result = results.get(timeout=ATTEMPT_S if found else None).value
                running -= 1
                if not isinstance(result, OSError):
                    return result
    finally:
        attempts.kill()
    raise result


def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    connection = dial(url)
    if url.scheme == "http":
        return connection
    try:
        return SSLSocket(
            connection,
            server_hostname=url.host,
            suppress_ragged_eofs=False,  # or a FIN without close_notify would be an end
            _context=job.tls,
        )
    except (ConnectionResetError, BrokenPipeError) as error:
        raise SSLError from error  # in the handshake


def close(connection: Connection) -> None:
    """Close a connection at once."""
    connection.close()


def reuse(url: Url, idle: Idle[Connection]) -> Connection | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        if not readable(connection.fileno()):
            return connection
        close(connection)
    return None


def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        connection.sendall(exchange.request)
        while not exchange.done:
            exchange.feed(connection.recv(CHUNK))  # end: b"" is the peer's FIN
    except OSError:
        exchange.reset()  # reset
    finally:
        if exchange.reusable:  # reuse
            idle.put(url, connection)
        else:
            close(connection)  # cancel, deadline: the socket ends with the exchange
    return exchange


def fetch(url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := reuse(url, idle):
        exchange = talk(connection, url, job, idle)
        if exchange.started:
            return exchange
    return talk(connect(url, job), url, job, idle)


def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[Connection],
    record: Callable[[int, Outcome], None],
    stop: Callable[[], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        try:
            with gevent.Timeout(job.deadline_s):  # deadline: connecting and a retry included
                outcome = fetch(url, job, idle).outcome(perf_counter() - begin)
        except gevent.Timeout:
            outcome = Outcome.failed(TimeoutError(), perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


def watch(caught: list[int], stop: Callable[[], None]) -> list[gevent.signal_handler]:
    """End everything at the first signal."""

    def catch(number: int) -> None:
        caught.append(number)
        stop()

    return [gevent.signal_handler(number, catch, number) for number in (SIGINT, SIGTERM)]


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # A lookup that hangs keeps its thread, even when nobody waits for it any more.
    gevent.get_hub().threadpool.maxsize = max(1, len(job.urls))
    urls = (numbered for numbered in enumerate(job.urls))
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    workers = Group()

    def stop() -> None:
        urls.close()  # a worker that never has to wait would go on with the next
        workers.kill(block=False)  # cancel: ends every worker

    watchers = watch(caught, stop)
    for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
        workers.spawn(work, urls, job, idle, record, stop)
    workers.join()
    for watcher in watchers:
        watcher.cancel()
    for connection in idle.drain():
        close(connection)
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
