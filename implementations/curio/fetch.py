"""fetch on curio: sockets, and workers as tasks of one group."""

from __future__ import annotations

from signal import SIGINT, SIGTERM, set_wakeup_fd, signal
from socket import SOCK_STREAM, getaddrinfo, socketpair
from ssl import SSLError
from time import perf_counter
from typing import TYPE_CHECKING

import curio
from curio.io import Socket
from curio.ssl import CurioSSLContext

from implementations.contract import ATTEMPT_S, CHUNK, Exchange, Idle, Outcome, readable
from implementations.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from implementations.contract import FetchJob, Url

LOOKUPS = Lookups()


async def attempt(family: int, address: tuple[object, ...], errors: list[OSError]) -> Socket | None:
    """Connect to one address; None where it fails."""
    connection = curio.socket.socket(family)
    try:
        await connection.connect(address)
    except BaseException as error:
        await connection.close()  # cancel, deadline
        if not isinstance(error, OSError):
            raise
        errors.append(error)
        return None
    return connection


async def dial(url: Url) -> Socket:
    """Connect to the first address that answers; none has to wait until another has failed."""
    lookup = getaddrinfo, url.host, url.port, 0, SOCK_STREAM
    found = await curio.run_in_executor(LOOKUPS, *lookup)
    errors: list[OSError] = []
    async with curio.TaskGroup(wait=None) as attempts:  # its end is that of all
        for family, _, _, _, address in found:
            await attempts.spawn(attempt, family, address, errors)
            async with curio.ignore_after(ATTEMPT_S):
                ended = await attempts.next_done()
                if ended.result:
                    return ended.result
        async for ended in attempts:
            if ended.result:
                return ended.result
    raise errors[-1]


async def connect(url: Url, job: FetchJob) -> Socket:
    """Open a connection to the URL's origin."""
    connection = await dial(url)
    if url.scheme == "http":
        return connection
    # Not by open_connection(): there, a FIN without close_notify would be an end.
    connection = await CurioSSLContext(job.tls).wrap_socket(
        connection,
        server_hostname=url.host,
        suppress_ragged_eofs=False,
        do_handshake_on_connect=False,
    )
    try:
        await connection.do_handshake()
    except BaseException as error:
        await close(connection)
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            raise SSLError from error  # in the handshake
        raise  # cancel, deadline
    return connection


async def close(connection: Socket) -> None:
    """Close a connection at once."""
    await connection.close()


async def reuse(url: Url, idle: Idle[Socket]) -> Socket | None:
    """Return an idle connection on which nothing has arrived, if there is one."""
    while connection := idle.take(url):
        if not readable(connection.fileno()):
            return connection
        await close(connection)
    return None


async def talk(connection: Socket, url: Url, job: FetchJob, idle: Idle[Socket]) -> Exchange:
    """Send one request, read its answer, and keep or close the connection."""
    exchange = Exchange(url, job.max_bytes)
    try:
        await connection.sendall(exchange.request)
        while not exchange.done:
            exchange.feed(await connection.recv(CHUNK))  # end: b"" is the peer's FIN
    except OSError:
        exchange.reset()  # reset
    finally:
        if exchange.reusable:  # reuse
            idle.put(url, connection)
        else:
            await close(connection)  # cancel, deadline: the socket ends with the exchange
    return exchange


async def fetch(url: Url, job: FetchJob, idle: Idle[Socket]) -> Exchange:
    """Fetch one URL, with one retry where a reused connection had gone stale."""
    if connection := await reuse(url, idle):
        exchange = await talk(connection, url, job, idle)
        if exchange.started:
            return exchange
    return await talk(await connect(url, job), url, job, idle)


async def work(
    urls: Iterator[tuple[int, Url]],
    job: FetchJob,
    idle: Idle[Socket],
    record: Callable[[int, Outcome], None],
    stop: Callable[[], Awaitable[None]],
) -> None:
    """Fetch URLs one after another until none is left."""
    for index, url in urls:
        begin = perf_counter()
        try:
            async with curio.timeout_after(job.deadline_s):  # deadline: connecting and a retry too
                outcome = (await fetch(url, job, idle)).outcome(perf_counter() - begin)
        except curio.TaskTimeout:
            outcome = Outcome.failed(TimeoutError(), perf_counter() - begin)
        except OSError as error:
            outcome = Outcome.failed(error, perf_counter() - begin)
        record(index, outcome)
        if job.fail_fast and outcome.error:
            await stop()  # this task included


async def watch(caught: list[int], stop: Callable[[], Awaitable[None]]) -> None:
    """End everything at the first signal."""
    woken, waker = map(Socket, socketpair())
    set_wakeup_fd(waker.fileno())
    former = {number: signal(number, lambda *_: None) for number in (SIGINT, SIGTERM)}
    try:
        while (number := (await woken.recv(1))[0]) not in former:  # a timer's comes here, too
            pass
        caught.append(number)  # the byte that arrives is the signal's number
        await stop()
    finally:
        set_wakeup_fd(-1)
        for number, handler in former.items():
            signal(number, handler)


async def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    urls = (numbered for numbered in enumerate(job.urls))
    idle: Idle[Socket] = Idle()
    caught: list[int] = []
    with LOOKUPS:  # one that ends after the loop finds nobody
        async with curio.TaskGroup() as workers:

            async def stop() -> None:
                urls.close()  # a worker that never has to wait would go on with the next
                await workers.cancel_remaining()  # cancel: ends every worker

            await workers.spawn(watch, caught, stop, daemon=True)
            for _ in range(min(job.limit, len(job.urls))):  # limit: so many workers, one iterator
                await workers.spawn(work, urls, job, idle, record, stop)
    for connection in idle.drain():
        await close(connection)
    return caught[0] if caught else None


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return curio.run(run, job, record)
