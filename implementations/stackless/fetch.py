"""fetch on Stackless tasklets: sockets, and workers as tasklets of one group."""

from __future__ import annotations

from selectors import EVENT_READ
from signal import SIGINT, SIGTERM
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

from implementations.contract import CHUNK, Exchange, Idle, Outcome, readable
from implementations.stackless import sockets, tasklets
from implementations.stackless.tasklets import Group, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from socket import socket

    from implementations.contract import FetchJob, Url


def connect(url: Url, job: FetchJob) -> socket:
    """Open a connection to the URL's origin."""
    connection = sockets.dial(url.host, url.port)
    if url.scheme == "http" or job.tls is None:
        return connection
    try:
        connection = job.tls.wrap_socket(
            connection,
            server_hostname=url.host,
            suppress_ragged_eofs=False,  # or a FIN without close_notify would be an end
            do_handshake_on_connect=False,
        )
        sockets.attempt(connection, EVENT_READ, connection.do_handshake)
    except BaseException as error:
        close(connection)
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            raise SSLError from error  # in the handshake
        raise  # cancel, deadline
    return connection


def close(connection: socket) -> None:
    """Close a connection at once."""
    connection.close()


def reuse(url: Url, idle: Idle[socket]) -> socket | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        if not readable(connection.fileno()):
            return connection
        close(connection)
    return None


def talk(connection: socket, url: Url, job: FetchJob, idle: Idle[socket]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        sockets.send(connection, exchange.request)
        while not exchange.done:
            # end: b"" is the peer's FIN
            exchange.feed(sockets.receive(connection, CHUNK))
    except OSError:
        exchange.reset()  # reset
    finally:
        if exchange.reusable:  # reuse
            idle.put(url, connection)
        else:
            close(connection)  # cancel, deadline: the socket ends with the exchange
    return exchange


def fetch(url: Url, job: FetchJob, idle: Idle[socket]) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := reuse(url, idle):
        exchange = talk(connection, url, job, idle)
        if exchange.started:
            return exchange
    connection = connect(url, job)
    return talk(connection, url, job, idle)


def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[socket],
    record: Callable[[int, Outcome], None],
    stop: Callable[[], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        try:
            with Timeout(job.deadline_s):  # deadline: connecting and a retry included
                exchange = fetch(url, job, idle)
            outcome = exchange.outcome(perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


def watch(caught: list[int], stop: Callable[[], None]) -> None:
    """End everything at the first signal."""
    with sockets.Signals(SIGINT, SIGTERM) as signals:
        caught.append(signals.get())
        stop()


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = enumerate(job.urls)
    idle: Idle[socket] = Idle()
    caught: list[int] = []
    watching, workers = Group(), Group()
    stop = workers.kill  # cancel: ends every worker
    with sockets.LOOKUPS:  # one that ends after the loop finds nobody
        watching.spawn(watch, caught, stop)
        for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
            workers.spawn(work, urls, job, idle, record, stop)
        workers.join()
        watching.kill()
        watching.join()
    for connection in idle.drain():
        close(connection)
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return tasklets.run(run, job, record)
