"""fetch on eventlet: green sockets, and workers as green threads of one pool."""

from __future__ import annotations

from contextlib import suppress
from signal import SIGINT, SIGTERM, set_wakeup_fd, signal
from socket import SOCK_STREAM, socketpair
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

import eventlet
from eventlet.green import socket
from eventlet.green.ssl import GreenSSLSocket
from eventlet.greenio import GreenSocket
from eventlet.hubs import trampoline
from eventlet.queue import Empty, Queue

from implementations.contract import ATTEMPT_S, CHUNK, Exchange, Idle, Outcome, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection: TypeAlias = GreenSocket | GreenSSLSocket


def attempt(family: int, address: tuple[object, ...], results: Queue) -> None:
    """Connect to one address; put what came of it."""
    connection = GreenSocket(family)
    try:
        connection.connect(address)
    except BaseException as error:
        connection.close()
        if not isinstance(error, OSError):
            raise  # cancel, deadline
        results.put(error)
    else:
        results.put(connection)


def dial(url: Url) -> GreenSocket:
    """Connect to the first address that answers; none has to wait until another has failed."""
    found = socket.getaddrinfo(url.host, url.port, type=SOCK_STREAM)
    results = Queue()
    attempts = []
    running = 0
    try:
        while found or running:
            if found:
                family, _, _, _, address = found.pop(0)
                attempts.append(eventlet.spawn(attempt, family, address, results))
                running += 1
            with suppress(Empty):
                result = results.get(timeout=ATTEMPT_S if found else None)
                running -= 1
                if not isinstance(result, OSError):
                    return result
    finally:
        for each in attempts:
            each.kill()
    raise result


def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    connection = dial(url)
    if url.scheme == "http":
        return connection
    connection = GreenSSLSocket(
        connection,
        server_hostname=url.host,
        suppress_ragged_eofs=False,  # or a FIN without close_notify would be an end
        do_handshake_on_connect=False,
        _context=job.tls,
    )
    try:
        connection.do_handshake()
    except BaseException as error:
        close(connection)
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            raise SSLError from error  # in the handshake
        raise  # cancel, deadline
    return connection


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


def receive(connection: Connection) -> bytes:
    """Return the bytes that came; recv() of a GreenSocket would take a reset for an end."""
    if isinstance(connection, GreenSSLSocket):
        return connection.recv(CHUNK)
    while True:
        try:
            return connection.fd.recv(CHUNK)
        except BlockingIOError:
            trampoline(connection, read=True)


def talk(connection: Connection, url: Url, job: FetchJob, idle: Idle[Connection]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        connection.sendall(exchange.request)
        while not exchange.done:
            exchange.feed(receive(connection))  # end: b"" is the peer's FIN
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
            with eventlet.Timeout(job.deadline_s):  # deadline: connecting and a retry included
                outcome = fetch(url, job, idle).outcome(perf_counter() - begin)
        except eventlet.Timeout:
            outcome = Outcome.failed(TimeoutError(), perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            stop()
            return


def watch(caught: list[int], stop: Callable[[], None]) -> None:
    """End everything at the first signal."""
    woken, waker = map(GreenSocket, socketpair())
    set_wakeup_fd(waker.fileno())
    former = {number: signal(number, lambda *_: None) for number in (SIGINT, SIGTERM)}
    try:
        while (number := woken.recv(1)[0]) not in former:  # a timer's signal comes here, too
            pass
        caught.append(number)  # the byte that arrives is the signal's number
        stop()
    finally:
        set_wakeup_fd(-1)
        for number, handler in former.items():
            signal(number, handler)


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = (numbered for numbered in enumerate(job.urls))
    idle: Idle[Connection] = Idle()
    caught: list[int] = []
    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers = eventlet.GreenPool(limit)

    def stop() -> None:
        urls.close()  # a worker that never has to wait would go on with the next
        for worker in workers.coroutines_running - {eventlet.getcurrent()}:
            worker.kill()  # cancel: ends every worker

    watching = eventlet.spawn(watch, caught, stop)
    for _ in range(limit):
        workers.spawn(work, urls, job, idle, record, stop)
    workers.waitall()
    watching.kill()
    for connection in idle.drain():
        close(connection)
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
