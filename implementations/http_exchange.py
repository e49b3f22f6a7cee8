"""One HTTP/1.1 request and its answer, without I/O: bytes in, an outcome out.

Rules: no I/O, no clock, no framework. Body bytes are counted and summed, never kept; what is kept
of a head is bounded. The outcome depends on the bytes alone, never on how they were cut.

httptools parses every head and every trailer section, strictly (llhttp's default). The end of a
message is found here, because httptools tells neither that a body ends with the connection nor
where surplus bytes begin; so heads are handed to it one by one, and bodies never. What it lets
through against SPEC.md is refused here: versions other than 1.0 and 1.1, status 099 and above 599,
NUL in the reason, leading empty lines, lengths over 2**63-1, codings other than one `chunked`.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import Url

ERRORS = (
    "refused",  # no connection could be made, whatever the cause
    "reset",  # the connection ended by RST
    "timeout",  # the deadline passed
    "truncated",  # FIN before the answer was whole
    "malformed",  # not an answer by RFC 9112, or past one of the bounds below
    "too_large",  # a body over max_bytes
    "cancelled",  # ended by fail-fast or a signal
    "unresolved",  # the name has no address
    "tls",  # the handshake or a certificate failed
)

# What an exception before the answer means; the first that fits counts.
CAUSES: tuple[tuple[type[OSError], str], ...] = (
    (TimeoutError, "timeout"),
    (ssl.SSLError, "tls"),
    (socket.gaierror, "unresolved"),
    (OSError, "refused"),
)

HEAD_LIMIT = 64 * 1024  # bytes of a head or of a trailer section; SPEC leaves 60 to 128 KiB free
HEADER_LIMIT = 1000  # headers of an answer, its trailers included
INTERIM_LIMIT = 16  # 1xx heads before the answer
CHUNK_LINE_LIMIT = 4096  # a chunk's size line with its extensions; Go's net/http has the same
LENGTH_LIMIT = 2**63 - 1  # beyond it a length is an overflow waiting to happen (RFC 9112 6.3)

# How a status line begins, and whether the connection then persists unless told otherwise.
PERSISTENT = {b"HTTP/1.1 ": True, b"HTTP/1.0 ": False}
VERSION_LENGTH = 9
FRAMING_HEADERS = frozenset([b"content-length", b"transfer-encoding", b"connection"])
# A trailer section has the grammar of a head without its status line, so it is parsed behind one.
TRAILERS_START = b"HTTP/1.1 200 OK\r\n"
BODILESS = frozenset([204, 304])

# RFC 9112 7.1: white space is allowed around the extension's semicolon (BWS), where llhttp is
# stricter. Every line but the first begins with the CRLF that ends the chunk before it.
# (++ and *+ do not backtrack: a line that drips in costs one pass for each feed.)
_SIZE, _EXTENSION = rb"[0-9A-Fa-f]++", rb"[ \t]*+(?:;[\t\x20-\x7e\x80-\xff]*+)?"
_FIRST_LINE = re.compile(rb"(%b)%b\r\n" % (_SIZE, _EXTENSION))
_NEXT_LINE = re.compile(rb"\r\n(%b)%b\r\n" % (_SIZE, _EXTENSION))
_PARTIAL = rb"(?:%b(?:%b\r?)?)?" % (_SIZE, _EXTENSION)
# What may become such a line with more bytes; anything else is refused without waiting for them.
_PARTIAL_LINE = {
    _FIRST_LINE: re.compile(_PARTIAL),
    _NEXT_LINE: re.compile(rb"\r?|\r\n%b" % _PARTIAL),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one URL; with an error the first three are None."""

    status: int | None
    """The final status."""
    bytes: int | None
    """The body's length, after chunked coding is taken off."""
    crc32: int | None
    """zlib.crc32 of the body."""
    error: str | None
    """One of ERRORS, or None."""
    elapsed_s: float
    """From the moment the limiter let the URL start."""

    @classmethod
    def failed(cls, error: OSError, elapsed_s: float) -> Outcome:
        """Name the cause of an error before any answer: from connecting or the deadline."""
        word = next(word for kind, word in CAUSES if isinstance(error, kind))
        return cls(None, None, None, word, elapsed_s)


class _Fault(Exception):  # noqa: N818 - its argument is the word that becomes the outcome's error
    """The answer breaks a rule; carries one of ERRORS."""


class _Fields:
    """What httptools calls: counts the headers and keeps the few that frame a body."""

    # Apart from the section, or parser and section would hold each other until the collector runs.
    __slots__ = ("count", "framing")

    def __init__(self, count: int) -> None:
        self.count = count
        self.framing: dict[bytes, bytes] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; a repeated one is joined (RFC 9110 5.3)."""
        self.count += 1
        name = name.lower()
        if name in FRAMING_HEADERS:
            value = value.strip()
            before = self.framing.get(name)
            self.framing[name] = value if before is None else before + b"," + value


class _Section:
    """One head or one trailer section: where it ends, its status, its fields."""

    __slots__ = ("_parser", "_seen", "_size", "fields")

    def __init__(self, count: int = 0, start: bytes = b"") -> None:
        self.fields = _Fields(count)
        self._size = 0
        self._seen = start[-3:]  # enough of the past to find CRLF CRLF across two feeds
        self._parser = HttpResponseParser(self.fields)
        if start:
            self._parser.feed_data(start)

    def feed(self, data: bytes) -> int | None:
        """Parse; the offset in data where the section ends, None while it has not."""
        seen = self._seen + data if self._seen else data
        at = seen.find(b"\r\n\r\n")
        end = None
        if at < 0:
            self._seen = seen[-3:]
        else:
            end = at + 4 - len(self._seen)
            data = data[:end]
        self._size += len(data)
        if self._size > HEAD_LIMIT or b"\0" in data:
            raise _Fault("malformed")
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as fault:
            if fault.__context__ is not None:  # an exception of on_header: a bug, not an answer
                raise
            raise _Fault("malformed") from None
        if self.fields.count > HEADER_LIMIT:
            raise _Fault("malformed")
        return end

    @property
    def status(self) -> int:
        """The status code, once the section has ended."""
        return self._parser.get_status_code()


class Exchange:
    """One GET and its answer: send `request`, feed what comes back until `done`.

    A new one for every attempt. `feed(b"")` is the peer's FIN, `reset()` its RST or a failed write,
    `fail(word)` what only the caller can know. The first end counts; later ones change nothing,
    except that any byte or FIN after the end makes the connection unfit for reuse.
    """

    __slots__ = (
        "_crc",
        "_held",
        "_interims",
        "_left",
        "_line",
        "_max_bytes",
        "_persistent",
        "_read",
        "_section",
        "_size",
        "_start",
        "bytes",
        "crc32",
        "done",
        "error",
        "request",
        "reusable",
        "started",
        "status",
    )

    def __init__(self, url: Url, max_bytes: int) -> None:
        """Prepare to ask for url and to accept at most max_bytes of body."""
        self.request = (
            f"GET {url.target} HTTP/1.1\r\nHost: {url.authority}\r\n"
            "User-Agent: evenloop\r\nAccept: */*\r\n\r\n"
        ).encode("ascii")
        self.done = False
        self.started = False  # an answer byte has arrived: too late for a retry
        self.reusable = False  # done, and the connection may serve another request
        self.status: int | None = None
        self.bytes: int | None = None
        self.crc32: int | None = None
        self.error: str | None = None
        self._max_bytes = max_bytes
        self._read: Callable[[Exchange, bytes], None] = Exchange._read_head
        self._start = b""  # how the head in hand begins
        self._section: _Section | None = None  # the head or trailer section in hand
        self._interims = 0
        self._persistent = False
        self._size = 0  # of the body so far
        self._crc = 0
        self._left = 0  # bytes still to come of the body, or of the chunk in hand
        self._line = _FIRST_LINE  # what the next chunk begins with
        self._held = b""  # the part of it that has come

    def feed(self, data: bytes) -> None:
        """Take bytes of the answer as they come; b"" is the peer's FIN."""
        if self.done:
            self.reusable = False
        elif data:
            self.started = True
            try:
                self._read(self, data)
            except _Fault as fault:
                self.fail(fault.args[0])
        elif self._read is Exchange._read_to_close:
            self._complete(surplus=False)
        else:
            self.fail("truncated")

    def reset(self) -> None:
        """Say that the connection ended by RST or that a write failed."""
        self.fail("reset")

    def fail(self, word: str) -> None:
        """End with one of ERRORS, unless done already: a whole answer stays whole."""
        if not self.done:
            self.done = True
            self.error = word
            self.status = None
            self._section = None

    def outcome(self, elapsed_s: float) -> Outcome:
        """Sum up, once done."""
        return Outcome(self.status, self.bytes, self.crc32, self.error, elapsed_s)

    def _complete(self, *, surplus: bool) -> None:
        self.done = True
        self.bytes = self._size
        self.crc32 = self._crc
        self.reusable = self._persistent and not surplus
        self._section = None

    def _read_head(self, data: bytes) -> None:
        if len(self._start) < VERSION_LENGTH:
            start = self._start = (self._start + data)[:VERSION_LENGTH]
            if start not in PERSISTENT and not any(one.startswith(start) for one in PERSISTENT):
                raise _Fault("malformed")
        section = self._section
        if section is None:
            section = self._section = _Section()
        end = section.feed(data)
        if end is None:
            return
        status = section.status
        if 200 <= status <= 599:
            self.status = status
            self._choose_body(status, section.fields.framing)
        else:
            self._pass_over(status)
        self._read(self, data[end:])

    def _pass_over(self, status: int) -> None:
        """Forget an interim head; refuse what is no answer of ours (F05, F08)."""
        self._interims += 1
        if not 100 <= status <= 199 or status == 101 or self._interims > INTERIM_LIMIT:
            raise _Fault("malformed")
        self._start = b""
        self._section = None

    def _choose_body(self, status: int, fields: dict[bytes, bytes]) -> None:
        """Decide where the body ends (RFC 9112 6.3) and whether the connection persists (9.3)."""
        self._persistent = PERSISTENT[self._start]
        if b"connection" in fields:
            tokens = {token.strip() for token in fields[b"connection"].lower().split(b",")}
            self._persistent |= b"keep-alive" in tokens
            self._persistent &= b"close" not in tokens
        length = fields.get(b"content-length")
        coding = fields.get(b"transfer-encoding")
        if status in BODILESS:
            self._read = Exchange._read_length
        elif coding is not None:
            if coding.lower() != b"chunked" or length is not None:
                raise _Fault("malformed")
            # RFC 9112 6.1: framing by HTTP/1.0 is suspect; read it, but never reuse.
            self._persistent &= self._start == b"HTTP/1.1 "
            self._read = Exchange._read_chunked
        elif length is not None:
            self._left = self._allow(_to_length(length))
            self._read = Exchange._read_length
        else:
            self._persistent = False
            self._read = Exchange._read_to_close

    def _allow(self, more: int) -> int:
        """Let a body grow by so much, before a byte of it is read (F10)."""
        if self._size + more > self._max_bytes:
            raise _Fault("too_large")
        return more

    def _read_length(self, data: bytes) -> None:
        body = data[: self._left]
        self._crc = crc32(body, self._crc)
        self._size += len(body)
        self._left -= len(body)
        if not self._left:
            self._complete(surplus=len(data) > len(body))

    def _read_to_close(self, data: bytes) -> None:
        self._size += self._allow(len(data))
        self._crc = crc32(data, self._crc)

    def _read_chunked(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        at = 0
        while True:
            if self._left:
                piece = data[at : at + self._left]
                self._crc = crc32(piece, self._crc)
                self._size += len(piece)
                self._left -= len(piece)
                at += len(piece)
                if self._left:
                    return
            match = self._line.match(data, at)
            if match is None:
                self._held = data[at:]
                possible = _PARTIAL_LINE[self._line].fullmatch(self._held)
                if possible is None or len(self._held) > CHUNK_LINE_LIMIT:
                    raise _Fault("malformed")
                return
            if match.end() - at > CHUNK_LINE_LIMIT:
                raise _Fault("malformed")
            at = match.end()
            size = int(match[1], 16)
            if size == 0:
                break
            if size > LENGTH_LIMIT:
                raise _Fault("malformed")
            self._left = self._allow(size)
            self._line = _NEXT_LINE
        head = self._section
        assert head is not None
        self._section = _Section(head.fields.count, TRAILERS_START)
        self._read = Exchange._read_trailers
        self._read_trailers(data[at:])

    def _read_trailers(self, data: bytes) -> None:
        assert self._section is not None
        end = self._section.feed(data)
        if end is not None:
            self._complete(surplus=end < len(data))


def _to_length(value: bytes) -> int:
    """Read a Content-Length; anything but one number that fits is refused (RFC 9112 6.3)."""
    digits = value.lstrip(b"0") or b"0"  # 5 may be written with zeros that int() would choke on
    if not value.isdigit() or len(digits) > 19 or int(digits) > LENGTH_LIMIT:
        raise _Fault("malformed")
    return int(digits)
