"""A fetch client that keeps the contract, and every way to break it that has a name in FAULTS.

It is written on asyncio's raw socket calls, so that each fault is one visible line. Started as
`fetch_base.py [--fault NAME] fetch URL ...`; without a fault it passes every MUST clause.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from fetch_dial import Wire, dial, prepare

from implementations.contract import Exchange, Idle, Url, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = """
bad_url_fetches_first bad_url_status bad_url_traceback body_on_204 body_kept cause_lost
chunk_size_0x close_ignored crc_of_first_piece deadline_drip deadline_early deadline_from_enqueue
deadline_late deadline_leak deadline_renewed_by_retry doubled_line extra_header failure_kills
fail_fast_exit_0 fail_fast_socket_open fail_fast_starts_more fragment_sent hangs_on_end
host_without_port idle_left_open interim_is_final lenient_grammar
length_from_first limit_off_by_one last_length_wins lingers_on_signal missing_line no_fail_fast
no_max_bytes no_retry no_reuse noisy refused_is_reset reset_is_end retry_after_byte
retry_on_fresh retry_on_idle retry_twice serial short_length signal_ignored signal_status
slot_lost_on_failure socket_left_on_error summary_counts_all summary_crc surplus_reused_at_once
surplus_reused_late timeout_is_reset transfer_encoding_wins trailer_unread truncated_is_reset
unchecked_number wrong_index_order
few_lookups handshake_is_refused lookup_in_loop lookup_is_waited_for no_certificate_check
no_name_check no_sni one_address one_after_another tls_cut_is_end tls_surplus_reused
unresolved_is_refused
""".split()  # noqa: SIM905  sixty names in quotes are harder to read

EQUIVALENT = "tiny_reads extra_yields reversed_order two_writes".split()  # noqa: SIM905
"""Variations that keep the contract: no case may fail for them."""

READ_SIZE = 65536
HEAD = b"\r\n\r\n"


class Stop(Exception):  # noqa: N818  it is no error
    """Ends all workers."""


class Distorted(Exchange):
    """An exchange that is fed something else than what came, or says something else than it saw."""

    def __init__(self, url: Url, max_bytes: int, fault: str) -> None:
        """Keep the fault's name."""
        super().__init__(url, 2**62 if fault == "no_max_bytes" else max_bytes)
        self.fault = fault
        self.head: bytes | None = b""
        self.seen = b""
        self.request = self._distort_request(url, self.request)

    def _distort_request(self, url: Url, request: bytes) -> bytes:
        if self.fault == "extra_header":
            return request.replace(b"Accept: */*", b"Accept: */*\r\nAccept-Encoding: identity")
        if self.fault == "host_without_port":
            return re.sub(rb"(Host: [^:\r]+):\d+", rb"\1", request)
        if self.fault == "fragment_sent" and "#" in url.text:
            return request.replace(
                b" HTTP/", b"#" + url.text.partition("#")[2].encode() + b" HTTP/"
            )
        return request

    def feed(self, data: bytes) -> None:
        """Hold the head back until it can be distorted as a whole."""
        if not data:
            self._end()
        elif self.head is None or self.fault not in HEADS:
            super().feed(self._distort_body(data))
        else:
            self.started = True
            self.head += data
            if (
                HEAD in self.head
                or len(self.head) > 70_000
                or not b"HTTP/1.".startswith(self.head[:7])
            ):
                data, self.head = self.head, None
                super().feed(HEADS[self.fault](data))

    def _distort_body(self, data: bytes) -> bytes:
        self.seen += data if len(self.seen) < 1 << 16 else b""
        if self.fault == "chunk_size_0x":
            return re.sub(rb"(\r\n\r\n)(?:0x|\+)(?=\d)", rb"\1", data)
        if self.fault == "trailer_unread" and b"\r\n0\r\n" in data and b"chunked" in self.seen:
            return data[: data.index(b"\r\n0\r\n")] + b"\r\n0\r\n\r\n"
        return data

    def _end(self) -> None:
        if self.fault == "short_length" and not self.done and self.status:
            self._complete(surplus=False)
            self.reusable = False
        elif self.head:
            data, self.head = self.head, None
            super().feed(data)
        super().feed(b"")

    def reset(self) -> None:
        """Take RST for an ordinary end where that is the fault."""
        if self.fault == "reset_is_end":
            super().feed(b"")
        else:
            super().reset()


def _last_length(head: bytes) -> bytes:
    lengths = re.findall(rb"(?i)content-length:[^\r]*\r\n", head)
    for one in lengths[:-1]:
        head = head.replace(one, b"", 1)
    return head


def _first_length(head: bytes) -> bytes:
    return re.sub(rb"(?i)(content-length: ?\d+)[^\r]*", rb"\1", head)


def _drop_length(head: bytes) -> bytes:
    both = re.search(rb"(?i)transfer-encoding: *chunked", head)
    return re.sub(rb"(?i)content-length:[^\r]*\r\n", b"", head) if both else head


def _lenient(head: bytes) -> bytes:
    start, end, body = head.partition(HEAD)
    start = re.sub(rb"(?<!\r)\n", b"\r\n", start)
    start = re.sub(rb"\r\n[ \t]+", b" ", start)
    return re.sub(rb"[ \t]+:", b":", start) + end + body


HEADS: dict[str, Callable[[bytes], bytes]] = {
    "last_length_wins": _last_length,
    "length_from_first": _first_length,
    "transfer_encoding_wins": _drop_length,
    "lenient_grammar": _lenient,
    "interim_is_final": lambda head: re.sub(rb"^HTTP/1.1 1(\d\d) ", rb"HTTP/1.1 2\1 ", head),
    "body_on_204": lambda head: re.sub(rb"^HTTP/1.1 (204|304)", b"HTTP/1.1 200", head),
    "close_ignored": lambda head: re.sub(rb"(?i)connection: *(\w+, )?close", b"X-Was: close", head),
}


class Fetch:
    """One run; every method is the plain thing with its faults beside it."""

    def __init__(self, urls: list[Url], options: argparse.Namespace, fault: str) -> None:
        """Queue the URLs."""
        self.urls = urls
        self.options = options
        self.fault = fault
        self.loop = asyncio.get_running_loop()
        prepare(fault)
        self.idle: Idle[Wire] = Idle()
        self.open: set[Wire] = set()
        self.hoard: list[bytes] = []
        self.missing = set(range(len(urls)))
        self.words: dict[str, int] = {}
        self.bytes = self.crc32 = 0
        self.failed = False
        self.caught: int | None = None
        self.begin = time.perf_counter()
        order = list(enumerate(urls))
        self.queue = iter(order[::-1] if fault == "reversed_order" else order)

    def record(
        self, index: int, outcome: tuple[object, object, object], error: str | None, took: float
    ) -> None:
        """Write a line, or add to the sums."""
        self.missing.discard(index)
        self.failed = self.failed or error is not None
        word = {
            "truncated_is_reset": "truncated",
            "timeout_is_reset": "timeout",
            "refused_is_reset": "refused",
        }
        if error and word.get(self.fault) == error:
            error = "reset"
        if self.options.summary:
            self.words[error or "ok"] = self.words.get(error or "ok", 0) + 1
            if error is None or self.fault == "summary_counts_all":
                self.bytes += int(str(outcome[1] or 1))
                self.crc32 += int(str(outcome[2] or 0)) + (self.fault == "summary_crc")
            if error is None and not outcome[1]:
                self.bytes -= 1
            return
        if self.fault == "missing_line" and index == 3:
            return
        line = {
            "index": index,
            "url": self.urls[index].text,
            "status": outcome[0],
            "bytes": outcome[1],
            "crc32": outcome[2],
            "error": error,
            "elapsed_s": took,
        }
        if self.fault == "crc_of_first_piece" and outcome[1] and int(str(outcome[1])) > READ_SIZE:
            line["crc32"] = 7
        if self.fault == "wrong_index_order":
            line["index"] = len(self.urls) - 1 - index
        print(json.dumps(line), flush=True)
        if self.fault == "doubled_line" and index == 3:
            print(json.dumps(line), flush=True)

    def close(self, sock: Wire) -> None:
        """Close a socket, whoever waits for it."""
        self.open.discard(sock)
        sock.close()

    async def connect(self, url: Url) -> Wire:
        """Open a connection."""
        context = ssl.create_default_context(cafile=self.options.ca) if self.options.ca else None
        sock = await dial(url, context, self.fault)
        self.open.add(sock)
        return sock

    def reuse(self, url: Url) -> Wire | None:
        """Return an idle connection on which nothing has arrived."""
        while sock := self.idle.take(url):
            if self.fault == "no_reuse" or (
                self.fault != "surplus_reused_late" and not sock.quiet()
            ):
                self.close(sock)
            else:
                return sock
        return None

    async def talk(  # noqa: C901  each branch is a fault
        self, sock: Wire, url: Url, deadline: asyncio.Timeout
    ) -> Exchange:
        """Send one request and read its answer."""
        exchange = Distorted(url, self.options.max_bytes, self.fault)
        try:
            request = exchange.request
            if self.fault == "two_writes":
                await sock.send(request[:9])
                request = request[9:]
            await sock.send(request)
            while not exchange.done:
                size = 7 if self.fault == "tiny_reads" and len(exchange.seen) < 4096 else READ_SIZE
                data = await sock.receive(size)
                if self.fault == "extra_yields":
                    await asyncio.sleep(0)
                if self.fault == "deadline_drip" and data:
                    deadline.reschedule(self.loop.time() + self.options.deadline_s)
                if self.fault == "body_kept":
                    self.hoard.append(data)
                exchange.feed(data)
        except OSError:
            exchange.reset()
        except BaseException:
            cancelled = self.failed or self.caught
            if self.fault == ("fail_fast_socket_open" if cancelled else "deadline_leak"):
                self.hoard.append(sock.sock.detach().to_bytes(4, "big"))
            raise
        finally:
            again = exchange.reusable
            if self.fault == "surplus_reused_at_once" and exchange.error is None:
                again = again or not (b"close" in exchange.seen or b"HTTP/1.0" in exchange.seen)
            if again:
                self.idle.put(url, sock)
            elif self.fault != "socket_left_on_error" or exchange.error is None:
                self.close(sock)
        return exchange

    async def fetch(self, url: Url, deadline: asyncio.Timeout) -> Exchange:
        """Fetch one URL, with one retry where a reused connection was stale."""
        sock = self.reuse(url)
        reused = sock is not None
        exchange = await self.talk(sock or await self.connect(url), url, deadline)
        retries = {"no_retry": 0, "retry_twice": 2}.get(self.fault, 1)
        again = reused or self.fault == "retry_on_fresh"
        while again and retries and exchange.error in ("truncated", "reset"):
            if exchange.started and self.fault != "retry_after_byte":
                break
            retries -= 1
            if self.fault == "deadline_renewed_by_retry":
                deadline.reschedule(self.loop.time() + self.options.deadline_s)
            sock = self.reuse(url) if self.fault == "retry_on_idle" else None
            exchange = await self.talk(sock or await self.connect(url), url, deadline)
        return exchange

    def deadline(self) -> asyncio.Timeout:
        """Return this URL's time limit."""
        seconds = self.options.deadline_s
        if self.fault == "deadline_from_enqueue":
            seconds -= time.perf_counter() - self.begin
        return asyncio.timeout(
            seconds * {"deadline_early": 0.7, "deadline_late": 1.8}.get(self.fault, 1)
        )

    async def work(self) -> None:  # noqa: C901  each branch is a fault or an end
        """Fetch URLs until none is left."""
        for index, url in self.queue:
            begin = time.perf_counter()
            error: str | None
            answer: tuple[object, object, object] = (None, None, None)
            try:
                async with self.deadline() as deadline:
                    exchange = await self.fetch(url, deadline)
                    answer, error = (
                        (exchange.status, exchange.bytes, exchange.crc32),
                        exchange.error,
                    )
            except TimeoutError:
                error = "timeout"
            except ssl.SSLError:
                error = "tls"
            except socket.gaierror:
                error = "refused" if self.fault == "unresolved_is_refused" else "unresolved"
            except OSError:
                error = "refused"
            if error:
                answer = (None, None, None)
            if error and self.options.fail_fast and self.fault == "cause_lost":
                error = "cancelled"
            self.record(index, answer, error, time.perf_counter() - begin)
            if error and self.options.fail_fast and self.fault != "no_fail_fast":
                raise Stop
            if error and self.fault == "failure_kills" and len(self.urls) > 100:
                raise Stop
            if error and self.fault == "slot_lost_on_failure" and len(self.missing) > self.limit():
                return

    def limit(self) -> int:
        """Return how many workers there are."""
        limit = self.options.limit + (self.fault == "limit_off_by_one")
        return 1 if self.fault == "serial" else int(limit)

    def stop(self, number: int) -> None:
        """Cancel every worker after a signal."""
        if self.fault != "signal_ignored":
            self.caught = number
            for worker in self.workers:
                worker.cancel()

    async def run(self) -> None:
        """Let the workers draw from one queue, and end them all at the first Stop."""
        self.workers = [
            asyncio.ensure_future(self.work()) for _ in range(min(self.limit(), len(self.urls)))
        ]
        for number in (signal.SIGINT, signal.SIGTERM):
            self.loop.add_signal_handler(number, self.stop, number)
        with suppress(Stop, asyncio.CancelledError):
            await asyncio.gather(*self.workers)
        if self.fault == "fail_fast_starts_more" and self.failed and self.options.fail_fast:
            _, url = next(self.queue)
            self.close(await self.connect(url))
        for worker in self.workers:
            worker.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)
        if self.fault != "idle_left_open":
            for sock in self.idle.drain():
                self.close(sock)

    def finish(self) -> int:
        """Write what is missing and return the exit status."""
        for index in sorted(self.missing):
            if not (self.fault == "missing_line" and index == 3):
                self.record(index, (None, None, None), "cancelled", 0.0)
        if self.options.summary:
            sums = {
                "summary": len(self.urls),
                "errors": self.words,
                "bytes": self.bytes,
                "crc32": self.crc32 % 2**64,
                "elapsed_s": time.perf_counter() - self.begin,
            }
            print(json.dumps(sums), flush=True)
        if self.fault == "noisy":
            print("Task was destroyed but it is pending!", file=sys.stderr)
        if self.caught is not None and self.fault != "lingers_on_signal":
            return 130 if self.fault == "signal_status" else 128 + self.caught
        time.sleep(self.options.linger_s)
        if self.fault == "hangs_on_end":
            time.sleep(60)
        return int(self.options.fail_fast and self.failed and self.fault != "fail_fast_exit_0")


class Parser(argparse.ArgumentParser):
    """Bad arguments are one line and status 2."""

    def error(self, message: str) -> None:  # type: ignore[override]
        refuse(message, 2)


def refuse(message: str, status: int) -> None:
    """End with one line."""
    print(message, file=sys.stderr)
    raise SystemExit(status)


def number(kind: type, least: float, *, fault: str) -> object:
    """Return an argparse type."""

    def convert(text: str) -> object:
        try:
            value = kind(text)
        except ValueError:
            value = -1.0
        if fault == "unchecked_number":
            return abs(value) or 1
        if not least <= value < 1e18:
            raise argparse.ArgumentTypeError(f"{text!r} is out of range")
        return value

    return convert


def arguments(fault: str) -> argparse.Namespace:
    """Read the command line behind `fetch`."""
    parser = Parser()
    parser.add_argument("urls", nargs="*")
    parser.add_argument("--limit", type=number(int, 1, fault=fault), default=10)  # type: ignore[arg-type]
    parser.add_argument("--deadline-s", type=number(float, 1e-6, fault=fault), default=30.0)  # type: ignore[arg-type]
    parser.add_argument("--max-bytes", type=number(int, 0, fault=fault), default=1 << 24)  # type: ignore[arg-type]
    parser.add_argument("--linger-s", type=float, default=0.0)
    parser.add_argument("--fail-fast", action="store_true")
    parser.add_argument("--summary", action="store_true")
    parser.add_argument("--ca")
    return parser.parse_args(sys.argv[sys.argv.index("fetch") + 1 :])


def parse(texts: list[str], fault: str) -> list[Url]:
    """Check every URL."""
    urls = []
    for text in texts:
        try:
            urls.append(parse_url(text))
        except ValueError as error:
            if fault == "bad_url_traceback":
                raise
            if fault == "bad_url_fetches_first":
                socket.create_connection((urls[0].host, urls[0].port)).close()
            refuse(str(error), 1 if fault == "bad_url_status" else 2)
    return urls


async def main() -> int:
    """Fetch."""
    fault = sys.argv[sys.argv.index("--fault") + 1] if "--fault" in sys.argv else ""
    assert not fault or fault in (*FAULTS, *EQUIVALENT)
    options = arguments(fault)
    texts = options.urls or [line for line in sys.stdin.read().splitlines() if line]
    fetch = Fetch(parse(texts, fault), options, fault)
    await fetch.run()
    return fetch.finish()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    status = asyncio.run(main())
    sys.stdout.flush()
    os._exit(status)
