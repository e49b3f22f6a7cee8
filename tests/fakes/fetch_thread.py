"""A fetch client of worker threads, and every way to break it that has a name in FAULTS.

Rules: blocking sockets with what is left of the deadline as their timeout. `--limit` workers draw
from one iterator; who must stop them shuts every live socket down and waits. Each fault is a line
beside the line that it breaks; without one it passes every MUST clause. Started as `fetch_start`
says.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import suppress

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
EQUIVALENT = ("one_buffer", "tiny_reads")
"""Variations that keep the contract: no case may fail for them."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)
CHUNK = 65536
JOIN_S = 0.5  # a worker whose socket is shut down ends at once


class StoppedError(Exception):
    """Everything ends; nothing more is to be written."""


class Deadline:
    """The moment at which a URL's time is over."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self.seconds = seconds
        self.at = time.perf_counter() + seconds

    def left_s(self) -> float:
        """Return how much is left. Raises TimeoutError when nothing is."""
        left = self.at - time.perf_counter()
        if left <= 0:
            raise TimeoutError
        return left

    def renew(self) -> None:
        """Begin anew."""
        self.at = time.perf_counter() + self.seconds


class Fetch:
    """One run: the workers and what they share."""

    def __init__(self, start: Start) -> None:
        """Queue the URLs."""
        self.start, self.fault = start, start.fault
        self.queue = start.queue()
        self.lock = threading.RLock()
        self.idle: Idle[tuple[socket.socket, bytes]] = Idle()
        self.live: set[socket.socket] = set()
        self.hoard: list[object] = []
        self.working = 0
        self.stopped = False
        self.told, self.tell = os.pipe()

    def run(self) -> None:
        """Let the workers fetch all, then write the end."""
        os.set_blocking(self.tell, False)
        signal.set_wakeup_fd(self.tell)  # whichever thread the kernel tells of it
        for number in SIGNALS:
            signal.signal(number, self.catch)
        count = self.working = min(self.start.limit, len(self.start.urls))
        workers = [threading.Thread(target=self.work, daemon=True) for _ in range(count)]
        for worker in workers:
            worker.start()
        while self.working and not self.stopped and self.start.caught is None:
            os.read(self.told, 1)
        if self.start.caught is not None:
            self.stop()
        end = time.monotonic() + JOIN_S
        for worker in workers:
            worker.join(max(0.0, end - time.monotonic()))
        if self.fault != "idle_left_open":
            for sock, _ in self.idle.drain():
                sock.close()
        self.start.finish()

    def catch(self, number: int, _frame: object) -> None:
        """Remember the signal; the main thread is awake."""
        if self.fault != "signal_ignored":
            self.start.caught = number

    def stop(self) -> None:
        """Wake everyone who waits for a socket; nobody starts any more."""
        with self.lock:
            self.stopped = True
            if self.fault == "fail_fast_starts_more" and self.start.fail_fast:
                _, url = next(self.queue)
                socket.create_connection((url.host, url.port)).close()
            if self.fault == "siblings_not_cancelled" and self.start.fail_fast:
                return
            silently = self.fault == "fail_fast_socket_open" and self.start.fail_fast
            for sock in self.live:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RD if silently else socket.SHUT_RDWR)

    def work(self) -> None:
        """Fetch URLs until none is left, or all must end."""
        with suppress(StoppedError):
            while (one := self.next_url()) is not None:
                error = self.fetch(*one)
                if error and self.fault == "slot_given_twice":
                    with self.lock:
                        self.working += 1
                    threading.Thread(target=self.work, daemon=True).start()
                if error and self.fault == "slot_lost_on_failure":
                    with self.lock:
                        if self.working > 1:
                            break
        with self.lock:
            self.working -= 1
            if not self.working or self.stopped:
                os.write(self.tell, b".")

    def next_url(self) -> tuple[int, Url] | None:
        """Draw the next URL."""
        with self.lock:
            return None if self.stopped else next(self.queue, None)

    def fetch(self, index: int, url: Url) -> str | None:
        """Fetch one URL and write its line; return its error."""
        begin = time.perf_counter()
        seconds = self.start.deadline_s
        if self.fault == "deadline_from_enqueue":
            seconds -= begin - self.start.begin
        answer: Answer = NOTHING
        error: str | None
        try:
            reading = self.ask(url, Deadline(seconds))
            answer, error = (reading.status, reading.bytes, reading.crc32), reading.error
        except TimeoutError:
            error = "timeout"
        except OSError:
            error = "refused"
        with self.lock:
            if self.stopped:
                raise StoppedError
            self.start.record(index, answer, error, time.perf_counter() - begin)
            if error and self.start.fail_fast and self.fault != "no_fail_fast":
                self.stop()
            if error and self.fault == "failure_kills" and len(self.start.urls) > 100:
                self.stop()
        return error

    def ask(self, url: Url, deadline: Deadline) -> Reading:
        """Ask on an idle connection or a new one, and once more where it was stale."""
        idle = self.take_idle(url)
        again = idle is not None or self.fault == "retry_on_fresh"
        reading = self.talk(idle or self.connect(url, deadline), url, deadline)
        retries = {"no_retry": 0, "retry_twice": 2}.get(self.fault, 1)
        while again and retries and reading.error in ("truncated", "reset"):
            if reading.started and self.fault != "retry_after_byte":
                break
            retries -= 1
            if self.fault == "deadline_renewed_by_retry":
                deadline.renew()
            idle = self.take_idle(url) if self.fault == "retry_on_idle" else None
            reading = self.talk(idle or self.connect(url, deadline), url, deadline)
        return reading

    def register(self, sock: socket.socket) -> None:
        """Let `stop` reach this socket."""
        with self.lock:
            if self.stopped:
                sock.close()
                raise StoppedError
            self.live.add(sock)

    def close(self, sock: socket.socket) -> None:
        """Close a socket."""
        with self.lock:
            self.live.discard(sock)
            sock.close()

    def connect(self, url: Url, deadline: Deadline) -> tuple[socket.socket, bytes]:
        """Open a connection."""
        sock = socket.socket()
        self.register(sock)
        try:
            sock.settimeout(deadline.left_s())
            sock.connect((url.host, url.port))
        except BaseException:
            self.close(sock)
            raise
        return sock, b""

    def take_idle(self, url: Url) -> tuple[socket.socket, bytes] | None:
        """Return an idle connection on which nothing has arrived."""
        with self.lock:
            while found := self.idle.take(url):
                unfit = self.fault != "surplus_reused_late" and readable(found[0].fileno())
                if unfit or self.fault == "no_reuse":
                    found[0].close()
                else:
                    self.register(found[0])
                    return found
        return None

    def talk(self, way: tuple[socket.socket, bytes], url: Url, deadline: Deadline) -> Reading:
        """Send one request and read its answer."""
        sock, surplus = way
        reading = Reading(self.start.max_bytes, self.fault)
        if surplus:
            reading.feed(surplus)
        try:
            self.exchange(sock, self.start.request(url), reading, deadline)
        except TimeoutError:
            if self.fault == "deadline_leak":
                self.hoard.append(sock.dup())
            reading.fail("timeout")
        except OSError:
            reading.reset()
        if self.stopped and self.fault == "fail_fast_socket_open" and self.start.fail_fast:
            self.hoard.append(sock.dup())
        if reading.error and self.fault == "socket_left_on_error":
            self.hoard.append(sock.dup())
        if reading.reusable:
            with self.lock:
                self.live.discard(sock)
                self.idle.put(url, (sock, reading.surplus))
        else:
            self.close(sock)
        return reading

    def exchange(
        self, sock: socket.socket, request: bytes, reading: Reading, deadline: Deadline
    ) -> None:
        """Move the bytes. Raises TimeoutError and other OSErrors."""
        sock.settimeout(deadline.left_s())
        sock.sendall(request)
        fed = 0
        while not reading.done:
            sock.settimeout(deadline.left_s())
            if self.fault == "one_buffer":
                buffer = bytearray(3000)
                data = bytes(memoryview(buffer)[: sock.recv_into(buffer)])
            else:
                data = sock.recv(1 if self.fault == "tiny_reads" and fed < 4096 else CHUNK)
            fed += len(data)
            if self.fault == "deadline_drip" and data:
                deadline.renew()
            if self.fault == "body_kept":
                self.hoard.append(data)
            reading.feed(data)


if __name__ == "__main__":
    Fetch(Start((*FAULTS, *EQUIVALENT))).run()
