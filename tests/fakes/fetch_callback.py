"""A fetch client of callbacks on one loop, and every way to break it that has a name in FAULTS.

Rules: no coroutine and no thread. Each URL in flight is a `Try` that is called back. Each fault is
a line beside the line that it breaks; without one it passes every MUST clause. Started as
`fetch_start` says.
"""

from __future__ import annotations

import errno
import signal
import socket
import time

from callback_loop import READ, SIGNALS, WRITE, Loop
from fetch_reading import READING_FAULTS, Reading
from fetch_start import NOTHING, START_FAULTS, Answer, Start

from implementations.contract import Idle, Url, readable

FAULTS = (
    *START_FAULTS,
    *READING_FAULTS,
    *("body_kept", "deadline_drip", "deadline_early", "deadline_from_enqueue", "deadline_late"),
    *("deadline_leak", "deadline_renewed_by_retry", "fail_fast_socket_open"),
    *("fail_fast_starts_more", "failure_kills", "idle_left_open", "limit_off_by_one"),
    *("no_fail_fast", "no_retry", "no_reuse", "retry_after_byte", "retry_on_fresh"),
    *(
        "retry_on_idle",
        "retry_twice",
        "serial",
        "siblings_not_cancelled",
        "signal_ignored",
        "slot_given_twice",
    ),
    *("slot_lost_on_failure", "socket_left_on_error", "surplus_reused_late"),
)
EQUIVALENT = ("reversed_order", "two_writes")
"""Variations that keep the contract: no case may fail for them."""

CHUNK = 65536
PENDING = (0, errno.EINPROGRESS)


class Try:
    """One URL in flight, from its start to its line."""

    def __init__(self, fetch: Fetch, index: int, url: Url) -> None:
        """Start on an idle connection or on a new one."""
        self.fetch, self.index, self.url = fetch, index, url
        self.start, self.fault, self.loop = fetch.start, fetch.start.fault, fetch.loop
        self.begin = time.perf_counter()
        self.retries = {"no_retry": 0, "retry_twice": 2}.get(self.fault, 1)
        self.sock: socket.socket | None = None
        self.timer: int | None = None
        self.out = b""
        fetch.active.add(self)
        self.renew_deadline()
        self.attempt(fetch.take_idle(url))

    def renew_deadline(self) -> None:
        """Begin to count the time."""
        seconds = self.start.deadline_s
        if self.fault == "deadline_from_enqueue":
            seconds = max(0.0, seconds - (time.perf_counter() - self.start.begin))
        self.loop.cancel(self.timer)
        self.timer = self.loop.later(seconds, self.expire)

    def attempt(self, idle: tuple[socket.socket, bytes] | None) -> None:
        """Ask on this connection, or on a new one."""
        self.reading = Reading(self.start.max_bytes, self.fault)
        self.reused = idle is not None
        self.out = self.start.request(self.url)
        if idle is not None:
            self.sock, surplus = idle
            if surplus:
                self.reading.feed(surplus)
            self.loop.watch(self.sock.fileno(), WRITE, self.write)
            return
        self.sock = socket.socket()
        self.sock.setblocking(False)
        if self.sock.connect_ex((self.url.host, self.url.port)) not in PENDING:
            self.end(NOTHING, "refused")
            return
        self.loop.watch(self.sock.fileno(), WRITE, self.connected)

    def connected(self) -> None:
        """Learn what became of the connect."""
        assert self.sock is not None
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.end(NOTHING, "refused")
        else:
            self.write()

    def write(self) -> None:
        """Send the request, as far as the kernel takes it."""
        assert self.sock is not None
        whole = self.out.startswith(b"GET ")
        piece = self.out[:9] if self.fault == "two_writes" and whole else self.out
        try:
            self.out = self.out[self.sock.send(piece) :]
        except BlockingIOError:
            pass
        except OSError:
            self.reading.reset()
        if self.reading.done:
            self.answered()
        elif self.out:
            self.loop.watch(self.sock.fileno(), WRITE, self.write)
        else:
            self.loop.watch(self.sock.fileno(), READ, self.read)

    def read(self) -> None:
        """Take what has come of the answer."""
        assert self.sock is not None
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self.reading.reset()
        else:
            if self.fault == "deadline_drip" and data:
                self.renew_deadline()
            if self.fault == "body_kept":
                self.fetch.hoard.append(data)
            self.reading.feed(data)
        if self.reading.done:
            self.answered()

    def answered(self) -> None:
        """Try again where the connection was stale; else this is the outcome."""
        found = self.reading
        stale = found.error in ("truncated", "reset")
        fresh = not self.reused and self.fault != "retry_on_fresh"
        late = found.started and self.fault != "retry_after_byte"
        if stale and self.retries and not fresh and not late:
            self.retries -= 1
            self.close()
            if self.fault == "deadline_renewed_by_retry":
                self.renew_deadline()
            self.attempt(self.fetch.take_idle(self.url) if self.fault == "retry_on_idle" else None)
            self.reused = True
        else:
            self.end((found.status, found.bytes, found.crc32), found.error)

    def expire(self) -> None:
        """End because the time is over."""
        if self.fault == "deadline_leak" and self.sock is not None:
            self.loop.forget(self.sock.fileno())
            self.fetch.hoard.append(self.sock)
            self.sock = None
        self.end(NOTHING, "timeout")

    def end(self, answer: Answer, error: str | None) -> None:
        """Write the line, let go of the connection, and give the place to another."""
        took_s = time.perf_counter() - self.begin
        if self.sock is not None and self.reading.reusable:
            self.loop.forget(self.sock.fileno())
            self.fetch.idle.put(self.url, (self.sock, self.reading.surplus))
            self.sock = None
        if error and self.fault == "socket_left_on_error" and self.sock is not None:
            self.loop.forget(self.sock.fileno())
            self.fetch.hoard.append(self.sock)
            self.sock = None
        self.cancel()
        self.start.record(self.index, answer, error, took_s)
        self.fetch.ended(error)

    def close(self) -> None:
        """Close the connection."""
        if self.sock is not None:
            self.loop.forget(self.sock.fileno())
            self.sock.close()
            self.sock = None

    def cancel(self) -> None:
        """Stop, and be called back no more."""
        self.fetch.active.discard(self)
        self.loop.cancel(self.timer)
        self.close()


class Fetch:
    """One run: who is in flight, and who waits."""

    def __init__(self, start: Start) -> None:
        """Queue the URLs."""
        self.start, self.fault = start, start.fault
        self.loop = Loop()
        self.queue = start.queue()
        self.active: set[Try] = set()
        self.idle: Idle[tuple[socket.socket, bytes]] = Idle()
        self.hoard: list[object] = []
        self.limit = start.limit
        self.stopped = self.filling = self.exhausted = False

    def run(self) -> None:
        """Fetch all, then write the end."""
        self.loop.after_signal(self.signalled)
        for number in SIGNALS:
            signal.signal(number, self.catch)
        self.fill()
        while self.active:
            self.loop.turn()
        if self.fault != "idle_left_open":
            for sock, _ in self.idle.drain():
                sock.close()
        self.start.finish()

    def catch(self, number: int, _frame: object) -> None:
        """Remember the signal until the loop's next turn."""
        if self.fault != "signal_ignored":
            self.start.caught = number

    def signalled(self) -> None:
        """Stop after a signal."""
        if self.start.caught is not None:
            self.stop()

    def fill(self) -> None:
        """Start URLs while there is room; one that fails at once comes back here."""
        if self.filling:
            return
        self.filling = True
        while not self.stopped and len(self.active) < self.limit:
            index, url = next(self.queue, (-1, None))
            if url is None:
                break
            Try(self, index, url)
        self.filling = False

    def ended(self, error: str | None) -> None:
        """Go on with the next, or stop at the first error."""
        if error and self.start.fail_fast and self.fault != "no_fail_fast":
            self.stop()
        if error and self.fault == "failure_kills" and len(self.start.urls) > 100:
            self.stop()
        if error and self.fault == "slot_lost_on_failure" and self.limit > 1:
            self.limit -= 1
        if error and self.fault == "slot_given_twice":
            self.limit += 1
        self.fill()

    def stop(self) -> None:
        """End everyone in flight; nobody starts any more."""
        self.stopped = True
        if self.fault == "fail_fast_starts_more" and self.start.fail_fast:
            _, url = next(self.queue)
            socket.create_connection((url.host, url.port)).close()
        if self.fault == "siblings_not_cancelled" and self.start.fail_fast:
            return
        for each in list(self.active):
            if self.fault == "fail_fast_socket_open" and self.start.fail_fast:
                self.hoard.append(each.sock)
                each.sock = None
            each.cancel()

    def take_idle(self, url: Url) -> tuple[socket.socket, bytes] | None:
        """Return an idle connection on which nothing has arrived."""
        while found := self.idle.take(url):
            unfit = self.fault != "surplus_reused_late" and readable(found[0].fileno())
            if unfit or self.fault == "no_reuse":
                found[0].close()
            else:
                return found
        return None


if __name__ == "__main__":
    Fetch(Start((*FAULTS, *EQUIVALENT))).run()
