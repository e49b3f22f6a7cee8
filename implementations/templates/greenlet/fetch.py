"""fetch on NAME: blocking sockets, and workers as greenlets of one group.

It stands on gevent until yours takes its place, fetches what answers in time, and no more: what is
missing is asked for where it belongs, in comments that begin with `fill in` and a clause of
SPEC.md.
"""

from __future__ import annotations

from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

import gevent
import gevent.socket
from gevent.pool import Group

from implementations.contract import CHUNK, Exchange, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Connection: TypeAlias = gevent.socket.socket


def connect(url: Url, job: FetchJob) -> Connection:
    """Open a connection to the URL's origin."""
    # fill in F22: a lookup that hangs, or an address that is silent, holds up nobody else
    if url.scheme == "https":
        # fill in F23 (tls): it shakes hands by job.tls; what fails there is an SSLError
        raise SSLError("no TLS yet")
    return gevent.socket.create_connection((url.host, url.port))


def close(connection: Connection) -> None:
    """Close a connection at once."""
    connection.close()


def talk(connection: Connection, url: Url, job: FetchJob) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        connection.sendall(exchange.request)
        while not exchange.done:
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
    # fill in F14: take an idle connection that is not readable(); one retry if nothing started
    return talk(connect(url, job), url, job)


def work(
    urls: Iterator[tuple[int, Url]], job: FetchJob, record: Callable[[int, Outcome], None]
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        try:
            with gevent.Timeout(job.deadline_s, TimeoutError()):  # deadline: connecting included
                outcome = fetch(url, job).outcome(perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        # fill in F17 (cancel): with job.fail_fast the first error ends all the others at once


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # fill in F18, F19: SIGINT and SIGTERM end all work, and the first of them is returned
    urls = enumerate(job.urls)
    workers = Group()
    for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
        workers.spawn(work, urls, job, record)
    workers.join()
    return None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
