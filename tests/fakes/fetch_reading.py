"""One HTTP/1.1 answer as the fakes in callback and thread style read it, line by line.

Rules: no I/O and no clock. Written from SPEC.md alone, apart from `implementations.contract`, so
that two readers of their own agree with the cases; where SPEC.md leaves two outcomes open it takes
the other one. Each fault is a line beside the line that it breaks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

READING_FAULTS = (
    *("any_coding", "any_version", "bare_lf_taken", "body_on_204", "chunk_size_int"),
    *("close_ignored", "crc_of_first_piece", "endless_head", "interim_is_final"),
    *("interims_uncounted", "last_length_wins", "length_from_first", "length_by_int"),
    *("no_max_bytes", "reset_is_end", "short_length", "space_before_colon"),
    *("surplus_is_next", "surplus_reused_at_once", "trailer_unread", "transfer_encoding_wins"),
    "truncated_chunks",
)
HEAD_LIMIT = 64 * 1024
HEADER_LIMIT = 1000
INTERIM_LIMIT = 16
LINE_LIMIT = 4096  # of a chunk's size with its extensions
LENGTH_LIMIT = 2**63 - 1

STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
ANY_STATUS = re.compile(rb"[A-Z]+/[0-9]\.([0-9]) ([1-5][0-9]{2})(?: .*)?")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
SPACED = re.compile(rb"([^:\s]+)[ \t]*:[ \t]*(.*?)[ \t]*")
SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class BadError(Exception):
    """The answer breaks a rule; carries the word to write."""


class Reading:
    """One answer: `feed` it until `done`."""

    def __init__(self, max_bytes: int, fault: str) -> None:
        """Wait for a head."""
        self.fault = fault
        self.max_bytes = LENGTH_LIMIT if fault == "no_max_bytes" else max_bytes
        self.done = self.started = self.reusable = False
        self.error: str | None = None
        self.status = 0
        self.bytes = self.crc32 = 0
        self.surplus = b""
        self._data = b""
        self._step: Callable[[], bool] = self._head
        self._status_line = b""
        self._fields: dict[bytes, bytes] = {}
        self._count = self._size = self._interims = 0
        self._persistent = False
        self._left = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they come; b"" is FIN."""
        if self.done:
            self.reusable = False
            return
        if not data:
            self._end()
            return
        self.started = True
        self._data += data
        try:
            while not self.done and self._step():
                pass
        except BadError as bad:
            self.fail(str(bad))

    def reset(self) -> None:
        """Say that the connection was reset."""
        if self.fault == "reset_is_end":
            self._end()
        self.fail("reset")

    def fail(self, word: str) -> None:
        """End with an error, unless all is over already."""
        if not self.done:
            self.done, self.error = True, word
            self.reusable = False

    def _end(self) -> None:
        """Take FIN."""
        if self._step == self._to_close:
            self._complete()
        if self.fault == "short_length" and self._step == self._sized:
            self._complete()
        if self.fault == "truncated_chunks" and self._step == self._chunk_size:
            self._complete()
        self.fail("truncated")

    def _line(self, most: int) -> bytes | None:
        """Take a line off without its end, None while there is none."""
        at = self._data.find(b"\n")
        line = self._data if at < 0 else self._data[: at + 1]
        if self.fault == "endless_head":
            most = LENGTH_LIMIT
        if len(line) > most or b"\0" in line:
            raise BadError("malformed")
        if self.fault == "bare_lf_taken" and at >= 0 and not line.endswith(b"\r\n"):
            self._data = self._data[at + 1 :]
            return line[:-1]
        if at < 0:
            if b"\r" in line[:-1]:
                raise BadError("malformed")
            return None
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise BadError("malformed")
        self._data = self._data[at + 1 :]
        return line[:-2]

    def _field(self, line: bytes) -> None:
        match = (SPACED if self.fault == "space_before_colon" else FIELD).fullmatch(line)
        self._count += 1
        if match is None or (self._count > HEADER_LIMIT and self.fault != "endless_head"):
            raise BadError("malformed")
        name, value = match[1].lower(), match[2]
        if name in self._fields and self.fault != "last_length_wins":
            value = self._fields[name] + b"," + value
        self._fields[name] = value

    def _head(self) -> bool:
        line = self._line(HEAD_LIMIT - self._size)
        if line is None:
            return False
        self._size += len(line) + 2
        if not self._status_line:
            kind = ANY_STATUS if self.fault == "any_version" else STATUS
            if kind.fullmatch(line) is None:
                raise BadError("malformed")
            self._status_line = line
        elif line:
            self._field(line)
        else:
            self._choose()
        return True

    def _choose(self) -> None:
        """Decide where the body ends."""
        match = ANY_STATUS.fullmatch(self._status_line)
        assert match is not None
        status = int(match[2])
        if status == 101:
            raise BadError("malformed")
        if status < 200 and self.fault != "interim_is_final":
            self._interims += 1
            if self._interims > INTERIM_LIMIT and self.fault != "interims_uncounted":
                raise BadError("malformed")
            self._status_line, self._fields, self._count, self._size = b"", {}, 0, 0
            return
        self.status = status
        self._frame(status, self._persists(match[1] == b"1"))

    def _persists(self, usual: bool) -> bool:
        tokens = {one.strip() for one in self._fields.get(b"connection", b"").lower().split(b",")}
        if self.fault == "close_ignored":
            return True
        return (usual or b"keep-alive" in tokens) and b"close" not in tokens

    def _frame(self, status: int, persistent: bool) -> None:
        lengths = self._fields.get(b"content-length")
        coding = self._fields.get(b"transfer-encoding")
        self._persistent = persistent
        self._step = self._sized
        if status in (204, 304) and self.fault != "body_on_204":
            self._left = 0
        elif coding is not None and self._is_chunked(coding, lengths):
            self._persistent = persistent and self._status_line.startswith(b"HTTP/1.1")
            self._step = self._chunk_size
        elif lengths is not None:
            self._left = self._allow(self._length(lengths))
        else:
            self._persistent = False
            self._step = self._to_close

    def _is_chunked(self, coding: bytes, lengths: bytes | None) -> bool:
        if self.fault == "any_coding" and b"chunked" in coding.lower():
            return True
        if self.fault == "transfer_encoding_wins":
            lengths = None
        if coding.lower() != b"chunked" or lengths is not None:
            raise BadError("malformed")
        return True

    def _length(self, text: bytes) -> int:
        if self.fault == "length_by_int":
            try:
                return abs(int(text))
            except ValueError:
                raise BadError("malformed") from None
        several = {one.strip(b" \t") for one in text.split(b",")}
        if self.fault == "length_from_first":
            several = {re.split(rb"[^0-9]", text)[0] or b"0"}
        number = several.pop()
        if several or not number.isdigit():
            raise BadError("malformed")
        digits = number.lstrip(b"0") or b"0"
        if len(digits) > 19 or int(digits) > LENGTH_LIMIT:
            raise BadError("malformed")
        return int(digits)

    def _allow(self, more: int) -> int:
        """Let the body grow by so much."""
        if self.bytes + more > self.max_bytes:
            raise BadError("too_large")
        return more

    def _take(self, count: int) -> None:
        """Count and sum so many bytes of the body."""
        piece = self._data[:count]
        if self.fault != "crc_of_first_piece" or not self.bytes:
            self.crc32 = crc32(piece, self.crc32)
        self.bytes += len(piece)
        self._data = self._data[count:]

    def _sized(self) -> bool:
        before = self.bytes
        self._take(self._left)
        self._left -= self.bytes - before
        if not self._left:
            self._complete()
        return False

    def _to_close(self) -> bool:
        self._take(self._allow(len(self._data)))
        return False

    def _chunk_size(self) -> bool:
        line = self._line(LINE_LIMIT)
        if line is None:
            if len(self._data) > 17 and b";" not in self._data and self.fault != "endless_head":
                self._digits(self._data.rstrip(b"\r"))
            return False
        size = self._digits(line)
        if size > LENGTH_LIMIT:
            raise BadError("malformed")
        self._left = self._allow(size)
        if not size:
            self._size = 0
        self._step = self._chunk if size else self._trailer
        return True

    def _digits(self, line: bytes) -> int:
        if self.fault == "chunk_size_int":
            try:
                return abs(int(line.partition(b";")[0].decode(), 16))
            except ValueError:
                raise BadError("malformed") from None
        match = SIZE.fullmatch(line)
        if match is None:
            raise BadError("malformed")
        return int(match[1], 16)

    def _chunk(self) -> bool:
        before = self.bytes
        self._take(self._left)
        self._left -= self.bytes - before
        if self._left:
            return False
        self._step = self._chunk_end
        return True

    def _chunk_end(self) -> bool:
        if not b"\r\n".startswith(self._data[:2]):
            raise BadError("malformed")
        if len(self._data) < 2:
            return False
        self._data = self._data[2:]
        self._step = self._chunk_size
        return True

    def _trailer(self) -> bool:
        if self.fault == "trailer_unread":
            self._data = self._data.removeprefix(b"\r\n")
            self._complete()
            return False
        line = self._line(HEAD_LIMIT - self._size)
        if line is None:
            return False
        self._size += len(line) + 2
        if line:
            self._field(line)
            return True
        self._complete()
        return False

    def _complete(self) -> None:
        self.done = True
        self.reusable = self._persistent and not self._data
        if self.fault == "surplus_reused_at_once":
            self.reusable = self._persistent
        if self.fault == "surplus_is_next":
            self.reusable, self.surplus = self._persistent, self._data
