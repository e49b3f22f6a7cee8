"""fetch on processes: blocking sockets, and workers as processes that are killed together."""

from __future__ import annotations

import encodings.idna  # noqa: F401  getaddrinfo() wants it: once here, or a copy in each process
import signal
from itertools import chain, islice
from multiprocessing import get_context
from select import select
from socket import socket, socketpair
from typing import TYPE_CHECKING

from implementations.contract import CHUNK, Idle
from implementations.threads.fetch import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from implementations.contract import FetchJob, Outcome, Url

FORK = get_context("fork")  # a worker begins with all that its parent knows
SIGNALS = signal.SIGINT, signal.SIGTERM


class Urls:
    """The one iterator of all processes, in memory that they share."""

    def __init__(self, job: FetchJob, ahead: int) -> None:
        """Begin with the first; a worker may look so many ahead."""
        self.urls = job.urls
        self.ahead = ahead
        self.head = FORK.Value("q", 0)
        self.drawn = FORK.RawArray("b", len(job.urls))
        self.met: set[tuple[str, str, int]] = set()  # each process has its own

    def draw(self) -> tuple[int, Url] | None:
        """Hand over the next URL whose origin this process has met, or else the next one."""
        with self.head:
            waiting = (at for at in range(self.head.value, len(self.urls)) if not self.drawn[at])
            if (first := next(waiting, None)) is None:
                return None
            window = chain((first,), islice(waiting, self.ahead - 1))
            index = next((at for at in window if self.urls[at].origin in self.met), first)
            self.drawn[index] = True
            while self.head.value < len(self.urls) and self.drawn[self.head.value]:
                self.head.value += 1
        self.met.add(self.urls[index].origin)
        return index, self.urls[index]

    def stop(self) -> None:
        """Hand over no URL any more, in no process."""
        with self.head:
            self.head.value = len(self.urls)


def work(job: FetchJob, urls: Urls, outcomes: Connection) -> None:
    """Fetch URLs one after another until none is left."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches all of a terminal's processes, and it is the parent that ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def record(index: int, outcome: Outcome) -> None:
        if job.fail_fast and outcome.error:
            urls.stop()  # cancel: before others hear of it they would go on
        outcomes.send((index, outcome))  # so few bytes go through a pipe as one (PIPE_BUF)

    idle: Idle[socket] = Idle()
    # end, reset, deadline, reuse: as on threads
    Worker(job, idle, lambda _connection: None).work(iter(urls.draw, None), record)


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    woken, waker = socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    former = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    outcomes, sender = FORK.Pipe(duplex=False)
    limit = min(job.limit, len(job.urls))  # limit: so many workers, one iterator
    urls = Urls(job, limit)
    workers = [FORK.Process(target=work, args=(job, urls, sender)) for _ in range(limit)]
    with urls.head:  # or some would be at work before others are there
        for worker in workers:
            worker.start()
    sender.close()  # so that the last worker's end is that of the pipe
    sources: list[socket | Connection] = [woken, outcomes]
    caught: int | None = None
    while caught is None:
        heard, _, _ = select(sources, [], [])
        if woken in heard:  # the byte that arrives is the signal's number; a timer's comes, too
            caught = next((number for number in woken.recv(CHUNK) if number in SIGNALS), None)
            continue
        try:
            index, outcome = outcomes.recv()
        except EOFError:
            break
        record(index, outcome)
        if job.fail_fast and outcome.error:
            break
    for worker in workers:
        worker.kill()  # cancel: ends every worker, and the kernel closes its sockets
    for worker in workers:
        worker.join()
    signal.set_wakeup_fd(-1)
    for number, handler in former.items():
        signal.signal(number, handler)
    return caught


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
