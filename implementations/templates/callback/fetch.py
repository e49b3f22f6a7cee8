"""fetch on NAME: callbacks, and workers as chains of them.

It stands on asyncio's transports until yours take their place, fetches what answers in time, and
no more: what is missing is asked for where it belongs, in comments that begin with `fill in` and a
clause of SPEC.md.
"""

from __future__ import annotations

import asyncio
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

from implementations.contract import Exchange, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from implementations.contract import FetchJob, Url

    Conclude: TypeAlias = Callable[[Exchange | OSError], None]


class Connection(asyncio.Protocol):
    """Carries one exchange."""

    connecting: asyncio.Task[object]
    timer: asyncio.TimerHandle
    transport: asyncio.Transport | None = None

    def __init__(self, exchange: Exchange, conclude: Conclude) -> None:
        """Wait for the connection."""
        self.exchange, self.conclude = exchange, conclude
        self.answered = False

    def connected(self, connecting: asyncio.Task[object]) -> None:
        """Tell where there is no connection."""
        if not connecting.cancelled() and (error := connecting.exception()):
            if not isinstance(error, OSError):
                raise error
            self.answer(error)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Send the request."""
        self.transport = transport
        transport.write(self.exchange.request)

    def data_received(self, data: bytes) -> None:
        """Feed the exchange."""
        self.exchange.feed(data)
        if self.exchange.done:
            self.answer(self.exchange)

    def eof_received(self) -> None:
        """End the exchange; the transport closes itself."""
        self.exchange.feed(b"")  # end: the peer's FIN
        self.answer(self.exchange)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """End the exchange, unless its end is what closed the connection."""
        self.exchange.reset()  # reset
        self.answer(self.exchange)

    def answer(self, result: Exchange | OSError) -> None:
        """Hand over what came of it, once."""
        if self.answered:
            return
        self.answered = True
        self.timer.cancel()
        # fill in F13, F15 (reuse): where exchange.reusable, keep it in an Idle (contract.py)
        close(self)
        self.conclude(result)


def connect(url: Url, job: FetchJob, conclude: Conclude) -> Connection:
    """Open a connection to the URL's origin."""
    loop = asyncio.get_running_loop()
    connection = Connection(Exchange(url, job.max_bytes), conclude)
    # fill in F22: a lookup that hangs, or an address that is silent, holds up nobody else
    connecting = loop.create_connection(lambda: connection, url.host, url.port)
    connection.connecting = loop.create_task(connecting)
    connection.connecting.add_done_callback(connection.connected)
    return connection


def close(connection: Connection) -> None:
    """Close a connection at once."""
    connection.connecting.cancel()
    if connection.transport:
        connection.transport.abort()


def fetch(url: Url, job: FetchJob, conclude: Conclude) -> None:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    later = asyncio.get_running_loop().call_later
    if url.scheme == "https":
        # fill in F23 (tls): it shakes hands by job.tls; what fails there is an SSLError
        later(0, conclude, SSLError("no TLS yet"))
        return
    # fill in F14: take an idle connection that is not readable(); one retry if nothing started
    connection = connect(url, job, conclude)
    connection.timer = later(job.deadline_s, connection.answer, TimeoutError())  # deadline


def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    record: Callable[[int, Outcome], None],
    ended: Callable[[], None],
) -> None:
    """Fetch URLs one after another until none is left."""
    index, url = next(urls, (-1, None))
    if url is None:
        ended()
        return
    begin = perf_counter()

    def conclude(result: Exchange | OSError) -> None:
        elapsed_s = perf_counter() - begin
        if isinstance(result, OSError):
            outcome = Outcome.failed(result, elapsed_s)
        else:
            outcome = result.outcome(elapsed_s)
        record(index, outcome)
        # fill in F17 (cancel): with job.fail_fast the first error ends all the others at once
        work(urls, job, record, ended)

    fetch(url, job, conclude)


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    loop = asyncio.new_event_loop()
    urls = iter(enumerate(job.urls))
    alive = min(job.limit, len(job.urls))  # limit: so many workers, one iterator

    def ended() -> None:
        nonlocal alive
        alive -= 1
        if not alive:
            loop.call_soon(loop.stop)  # in the next turn: this one closes sockets

    # fill in F18, F19: SIGINT and SIGTERM end all work, and the first of them is returned
    for _ in range(alive):
        loop.call_soon(work, urls, job, record, ended)
    loop.run_forever()
    return None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
