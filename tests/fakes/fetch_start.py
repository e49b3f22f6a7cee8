"""How the fake fetch clients in callback and thread style begin and end: command line and lines.

Rules: nothing is fetched here. A program is started as `PROGRAM [FAULT] fetch URL ...`; the faults
of what is read and of what is written are planted here, beside the lines that they break.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from implementations.contract import Url, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

START_FAULTS = (
    *("bad_url_fetches_first", "bad_url_status", "bad_url_traceback", "cause_lost"),
    *("doubled_line", "extra_header", "fail_fast_exit_0", "fragment_sent", "hangs_on_end"),
    *("host_without_port", "lingers_on_signal", "missing_line", "noisy", "refused_is_reset"),
    *("signal_status", "summary_counts_all", "summary_crc", "timeout_is_reset"),
    *("truncated_is_reset", "unchecked_number", "wrong_index_order"),
)
WORDS = {"truncated_is_reset": "truncated", "timeout_is_reset": "timeout"}
WORDS["refused_is_reset"] = "refused"
Answer = tuple[int | None, int | None, int | None]
NOTHING: Answer = (None, None, None)


class Parser(argparse.ArgumentParser):
    """Bad arguments are one line and status 2."""

    def error(self, message: str) -> NoReturn:
        refuse(message, 2)


def refuse(message: str, status: int) -> NoReturn:
    """End with one line."""
    print(message, file=sys.stderr)
    raise SystemExit(status)


class Start:
    """What a client begins with, and what it writes."""

    def __init__(self, known: Iterable[str]) -> None:
        """Read the command line; `known` are the faults and variations of this program."""
        words = sys.argv[1:]
        self.fault = words.pop(0) if words[0] != "fetch" else ""
        if self.fault not in ("", *known):
            raise SystemExit(f"there is no fault {self.fault!r}")
        parser = Parser()
        parser.add_argument("urls", nargs="*")
        parser.add_argument("--limit", type=self._number(int, 1), default=10)
        parser.add_argument("--deadline-s", type=self._number(float, 1e-6), default=30.0)
        parser.add_argument("--max-bytes", type=self._number(int, 0), default=1 << 24)
        parser.add_argument("--linger-s", type=float, default=0.0)
        parser.add_argument("--fail-fast", action="store_true")
        parser.add_argument("--summary", action="store_true")
        options = parser.parse_args(words[1:])
        self.limit = int(options.limit) + (self.fault == "limit_off_by_one")
        if self.fault == "serial":
            self.limit = 1
        self.deadline_s = float(options.deadline_s)
        self.deadline_s *= {"deadline_early": 0.7, "deadline_late": 1.8}.get(self.fault, 1.0)
        self.max_bytes = int(options.max_bytes)
        self.fail_fast = bool(options.fail_fast)
        self._linger_s, self._summary = float(options.linger_s), bool(options.summary)
        texts = options.urls or [line for line in sys.stdin.read().splitlines() if line]
        self.urls = self._parse(texts)
        self.begin = time.perf_counter()
        self.failed = False
        self.caught: int | None = None
        self.missing = set(range(len(self.urls)))
        self._words: dict[str, int] = {}
        self._bytes = self._crc32 = 0
        self._writing = threading.Lock()

    def _number(self, kind: type, least: float) -> Callable[[str], float]:
        """Return an argparse type."""

        def convert(text: str) -> float:
            try:
                value = float(kind(text))
            except ValueError:
                value = -1.0
            if self.fault == "unchecked_number":
                return abs(value) or 1
            if not least <= value < 1e19:
                raise argparse.ArgumentTypeError(f"{text!r} is out of range")
            return value

        return convert

    def _parse(self, texts: list[str]) -> list[Url]:
        """Check every URL."""
        urls: list[Url] = []
        for text in texts:
            try:
                urls.append(parse_url(text))
            except ValueError as error:
                if self.fault == "bad_url_traceback":
                    raise
                if self.fault == "bad_url_fetches_first":
                    socket.create_connection((urls[0].host, urls[0].port)).close()
                refuse(str(error), 1 if self.fault == "bad_url_status" else 2)
        return urls

    def queue(self) -> Iterator[tuple[int, Url]]:
        """Return the URLs in the order in which they start."""
        numbered = list(enumerate(self.urls))
        return iter(numbered[::-1] if self.fault == "reversed_order" else numbered)

    def request(self, url: Url) -> bytes:
        """Return the bytes that ask for a URL."""
        target, host, more = url.target, url.authority, ""
        if self.fault == "fragment_sent" and "#" in url.text:
            target += "#" + url.text.partition("#")[2]
        if self.fault == "host_without_port":
            host = re.sub(r":\d+$", "", host)
        if self.fault == "extra_header":
            more = "Accept-Encoding: identity\r\n"
        lines = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: evenloop\r\nAccept: */*\r\n"
        return f"{lines}{more}\r\n".encode("ascii")

    def record(self, index: int, answer: Answer, error: str | None, took_s: float) -> None:
        """Write a line, or add to the sums."""
        with self._writing:
            self.missing.discard(index)
            self.failed = self.failed or error is not None
            if self.fault in WORDS and WORDS[self.fault] == error:
                error = "reset"
            if error and self.fail_fast and self.fault == "cause_lost":
                error = "cancelled"
            if error is not None and self.fault != "summary_counts_all":
                answer = NOTHING
            if self._summary:
                self._add(answer, error)
            else:
                self._write(index, answer, error, took_s)

    def _add(self, answer: Answer, error: str | None) -> None:
        self._words[error or "ok"] = self._words.get(error or "ok", 0) + 1
        self._bytes += answer[1] or 0
        self._crc32 += answer[2] or 0
        if self.fault == "summary_counts_all" and error:
            self._bytes += 1
        if self.fault == "summary_crc":
            self._crc32 += 1

    def _write(self, index: int, answer: Answer, error: str | None, took_s: float) -> None:
        if self.fault == "missing_line" and index == 3:
            return
        line = {
            "index": len(self.urls) - 1 - index if self.fault == "wrong_index_order" else index,
            "url": self.urls[index].text,
            **dict(zip(("status", "bytes", "crc32"), answer, strict=True)),
            "error": error,
            "elapsed_s": took_s,
        }
        text = json.dumps(line) + "\n"
        os.write(1, text.encode() * (2 if self.fault == "doubled_line" and index == 3 else 1))

    def finish(self) -> NoReturn:
        """Write what is missing, linger, and end with the right status."""
        for index in sorted(self.missing):
            self.record(index, NOTHING, "cancelled", 0.0)
        if self._summary:
            sums = {"summary": len(self.urls), "errors": self._words, "bytes": self._bytes}
            sums |= {"crc32": self._crc32 % 2**64, "elapsed_s": time.perf_counter() - self.begin}
            os.write(1, json.dumps(sums).encode() + b"\n")
        if self.fault == "noisy":
            os.write(2, b"Task was destroyed but it is pending!\n")
        if self.caught is not None and self.fault != "lingers_on_signal":
            os._exit(130 if self.fault == "signal_status" else 128 + self.caught)
        time.sleep(self._linger_s)
        if self.fault == "hangs_on_end":
            time.sleep(60)
        os._exit(int(self.fail_fast and self.failed and self.fault != "fail_fast_exit_0"))
