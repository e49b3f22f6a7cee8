"""fetch on NAME: blocking sockets, and workers as threads of one list.

It fetches what answers in time, and no more: what is missing is asked for where it belongs, in
comments that begin with `fill in` and a clause of SPEC.md.
"""

from __future__ import annotations

import socket
from ssl import SSLError
from threading import Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from implementations.contract import CHUNK, Exchange, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url


def connect(url: Url, job: FetchJob, end: float) -> socket.socket:
    """Open a connection to the URL's origin."""
    # fill in F22: a lookup that hangs, or an address that is silent, holds up nobody else
    if url.scheme == "https":
        # fill in F23 (tls): it shakes hands by job.tls; what fails there is an SSLError
        raise SSLError("no TLS yet")
    return socket.create_connection((url.host, url.port), left(end))


def close(connection: socket.socket) -> None:
    """Close a connection at once."""
    connection.close()


def left(end: float) -> float:
    """Return what is left of the deadline, in seconds, for the next call on a socket."""
    left_s = end - perf_counter()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def talk(connection: socket.socket, url: Url, job: FetchJob, end: float) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        connection.sendall(exchange.request)
        while not exchange.done:
            connection.settimeout(left(end))
            exchange.feed(connection.recv(CHUNK))  # end: b"" is the peer's FIN
    except TimeoutError:  # deadline: the URL's outcome is `timeout`
        raise
    except OSError:
        exchange.reset()  # reset
    finally:
        # fill in F13, F15 (reuse): where exchange.reusable, keep it in an Idle (contract.py)
        close(connection)
    return exchange


def fetch(url: Url, job: FetchJob) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    end = perf_counter() + job.deadline_s  # deadline: connecting and a retry included
    # fill in F14: take an idle connection that is not readable(); one retry if nothing started
    return talk(connect(url, job, end), url, job, end)


def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    record: Callable[[int, Outcome], None],
    lock: Lock,
) -> None:
    """Fetch URLs one after another until none is left."""
    while True:
        with lock:
            index, url = next(urls, (-1, None))
        if url is None:
            return
        begin = perf_counter()
        try:
            outcome = fetch(url, job).outcome(perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        with lock:
            record(index, outcome)
        # fill in F17 (cancel): with job.fail_fast the first error ends all the others at once


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # fill in F18, F19: SIGINT and SIGTERM end all work, and the first of them is returned
    shared = iter(enumerate(job.urls)), job, record, Lock()
    count = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    workers = [Thread(target=work, args=shared, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
