"""What RFC 9112 and SPEC.md make of a reply: an own, strict reading, written from the documents.

Rules: it knows nothing of how any implementation parses, and is no faster than it must be. It reads
the whole wire at once, line by line. Where the documents leave something open it notes a doubt:
from then on `malformed` is right as well, and so is what comes of reading on.

The decided points (section numbers are those of RFC 9112):
- 2.2: every line ends in CRLF; bare LF or CR, NUL, folded lines, a leading CRLF are refused (F08)
- 4: HTTP/1.0 or 1.1 and three digits; status 600 and above is free, 101 refused (F05)
- 6.3-1: 204 and 304 end with their head; bad framing there is free (F04)
- 6.3-3, 6.3-4: both framings, or codings other than one chunked: refused (F07)
- 6.3-5: one decimal length up to 2**63-1; equal duplicates are free (F06)
- 7.1: chunks; extensions of another grammar than 7.1.1 are in doubt; trailers are heads' lines
- 9.3: what persists
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

MOST_INTERIM, MOST_FIELDS = 16, 1000
SURE_HEAD, MOST_HEAD = 60 * 1024, 128 * 1024  # between them is free (F10)
SURE_LINE = 4096  # of a chunk's size line; longer ones are bounded somewhere
MOST_LENGTH = 2**63 - 1
TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3}) (" + TEXT + rb")")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*(" + TEXT + rb")")
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
EXTENSION = (
    rb"(?:[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN + rb"|" + QUOTED + rb"))?)*"
)
CHUNK = re.compile(rb"([0-9A-Fa-f]+)" + EXTENSION)
LOOSE_STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: [^\0\r\n]*)?")
LOOSE_FIELD = re.compile(rb"(" + TOKEN + rb"):([^\0\r\n]*)")
LOOSE_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*|[ \t]*;[^\0\r\n]*)")
STATUS_LIKE = b"HTTP/1.1 200 "
WORDS = {"FIN": "truncated", "RST": "reset", "": "timeout"}


@dataclass(slots=True)
class Reading:
    """What may be made of one reply."""

    allowed: set[str] = field(default_factory=set)
    """Outcomes, in the words of `answered` or those of SPEC.md."""
    free: bool = False
    """True where SPEC.md lets implementations differ."""
    persists: bool = False
    """True when the connection may serve again, by this reply's bytes alone."""
    ends_at: int | None = None
    """Where the message is whole; None: nowhere, or it is refused."""


class _Refused(Exception):  # noqa: N818  an outcome, not an error
    """The reply is none; carries the word."""


class _More(Exception):  # noqa: N818  the same
    """The message is not whole; `odd`: what there is of its last line is no beginning of one."""

    def __init__(self, *, odd: bool = False) -> None:
        super().__init__()
        self.odd = odd


def answered(status: int | None, size: int | None, checksum: int | None) -> str:
    """Return the word for an answer."""
    return f"{status} with {size} bytes, crc32 {checksum}"


class _Reader:
    """One pass over a wire."""

    def __init__(self, wire: bytes, end: str, most: int) -> None:
        self.wire = wire
        self.end = end
        self.most = most
        self.at = 0
        self.begin = 0
        """Where the head, chunk line or trailer section in hand begins, for its bound."""
        self.doubt = False
        self.free = False
        self.persists = False
        self.fields = 0

    def line(self, like: tuple[re.Pattern[bytes], bytes]) -> bytes:
        """Return the next line without its CRLF; `like` tells what a part of one may be."""
        stop = self.wire.find(b"\n", self.at)
        if stop < 0:
            self.bound(len(self.wire) - self.begin)
            if _conflicting(self.wire[self.begin :]):
                raise _More(odd=True)
            raise _More(odd=not _begins(self.wire[self.at :], *like))
        text = self.wire[self.at : stop]
        if not text.endswith(b"\r"):
            raise _Refused("malformed")
        self.at = stop + 1
        return text[:-1]

    def section(self) -> dict[bytes, list[bytes]]:
        """Read fields up to the empty line."""
        found: dict[bytes, list[bytes]] = {}
        while text := self.line((FIELD, b"a:")):
            match = LOOSE_FIELD.fullmatch(text)
            if match is None:
                raise _Refused("malformed")
            if FIELD.fullmatch(text) is None:  # control characters may be retained (9110 5.5)
                self.doubt = self.free = True
            found.setdefault(match[1].lower(), []).append(match[2].strip(b" \t"))
            self.fields += 1
            if self.fields > MOST_FIELDS:
                raise _Refused("malformed")
        self.bound(self.at - self.begin)
        return found

    def bound(self, size: int) -> None:
        """Take the size of a section into account."""
        if size >= MOST_HEAD:
            raise _Refused("malformed")
        if size > SURE_HEAD:
            self.doubt = self.free = True

    def head(self) -> tuple[int, bool, dict[bytes, list[bytes]]]:
        """Read the answer's head, past interim ones: its status, whether it is 1.1, its fields."""
        for _ in range(MOST_INTERIM + 1):
            self.begin, self.fields = self.at, 0
            text = self.line((STATUS, STATUS_LIKE))
            match = LOOSE_STATUS.fullmatch(text)
            if match is None or int(match[2]) < 100:
                raise _Refused("malformed")
            self.doubt |= STATUS.fullmatch(text) is None
            status = int(match[2])
            if status >= 600:
                self.doubt = self.free = True
            fields = self.section()
            if status >= 200:
                return status, match[1] == b"1", fields
            if status == 101:
                raise _Refused("malformed")
        raise _Refused("malformed")

    def read(self) -> str:
        """Return the outcome when nothing is refused on the way; `at` is where it ends."""
        status, modern, fields = self.head()
        options = {
            word.strip(b" \t").lower()
            for value in fields.get(b"connection", [])
            for word in value.split(b",")
        }
        self.persists = (modern or b"keep-alive" in options) and b"close" not in options
        body = self.body(status, fields, modern=modern)
        return answered(status, len(body), crc32(body))

    def body(self, status: int, fields: dict[bytes, list[bytes]], *, modern: bool) -> bytes:
        """Read the body (6.3)."""
        lengths, codings = fields.get(b"content-length"), fields.get(b"transfer-encoding")
        if status in (204, 304):
            if codings or (lengths and not re.fullmatch(rb"[0-9]{1,18}", b",".join(lengths))):
                plain = codings is None or (lengths is None and codings == [b"chunked"])
                if not plain or lengths:
                    self.doubt = self.free = True
            return b""
        if codings is not None:
            return self.coded(codings, lengths, modern=modern)
        if lengths is not None:
            return self.sized(lengths)
        self.persists = False
        return self.to_close()

    def sized(self, values: list[bytes]) -> bytes:
        """Read a body by its length."""
        numbers = [one.strip(b" \t") for one in b",".join(values).split(b",")]
        if not all(re.fullmatch(rb"[0-9]+", one) for one in numbers):
            raise _Refused("malformed")
        digits = {one.lstrip(b"0") or b"0" for one in numbers}
        if len(digits) > 1 or len(next(iter(digits))) > 19:
            raise _Refused("malformed")
        size = int(next(iter(digits)))
        if size > MOST_LENGTH:
            raise _Refused("malformed")
        if len(numbers) > 1:
            self.doubt = self.free = True
        if size > self.most:
            raise _Refused("too_large")
        return self.exactly(size)

    def exactly(self, size: int) -> bytes:
        """Read exactly so many bytes."""
        data = self.wire[self.at : self.at + size]
        if len(data) < size:
            raise _More
        self.at += size
        return data

    def to_close(self) -> bytes:
        """Read all there is; only FIN ends it well."""
        data = self.wire[self.at :]
        if len(data) > self.most:
            raise _Refused("too_large")
        self.at = len(self.wire)
        if self.end != "FIN":
            raise _More
        return data

    def coded(self, codings: list[bytes], lengths: list[bytes] | None, *, modern: bool) -> bytes:
        """Read a body in chunks."""
        names = [one.strip(b" \t").lower() for one in b",".join(codings).split(b",")]
        if lengths is not None or names[-1:] != [b"chunked"] or names.count(b"chunked") > 1:
            if (
                names[-1:] == [b""]
                and [one for one in names if one] == [b"chunked"]
                and not lengths
            ):
                self.doubt = True  # an empty element of a list means nothing (9110 5.6.1)
            else:
                raise _Refused("malformed")
        self.doubt |= len(names) > 1  # a coding that nobody asked for (7)
        if not modern:  # suspect framing (6.1): read it or not, but never go on
            self.doubt, self.persists = True, False
        return self.chunks()

    def chunks(self) -> bytes:
        """Read chunks, the last one and the trailers."""
        body = b""
        while True:
            self.begin = self.at
            text = self.line((CHUNK, b"0"))
            match = LOOSE_CHUNK.fullmatch(text)
            if match is None:
                raise _Refused("malformed")
            self.doubt |= CHUNK.fullmatch(text) is None
            if len(text) > SURE_LINE:
                self.doubt = self.free = True
            size = int(match[1], 16)
            if size > MOST_LENGTH:
                raise _Refused("malformed")
            if len(body) + size > self.most:
                raise _Refused("too_large")
            if not size:
                self.begin = self.at
                trailers = self.section()
                if trailers.keys() & {b"content-length", b"transfer-encoding", b"connection"}:
                    self.doubt = self.free = True  # ignored or refused (9110 6.5.1)
                return body
            body += self.exactly(size)
            if self.wire[self.at : self.at + 2] != b"\r\n"[: len(self.wire) - self.at]:
                raise _Refused("malformed")
            self.exactly(2)


def _begins(part: bytes, pattern: re.Pattern[bytes], like: bytes) -> bool:
    """Tell whether some line of this kind begins with these bytes; `like` is one of them."""
    if part.endswith(b"\r"):  # whole but for its LF; an empty one ends a section
        text = part[:-1]
        return bool(pattern.fullmatch(text)) or (not text and pattern is FIELD)
    return not part or any(pattern.fullmatch(part + like[at:]) for at in range(len(like) + 1))


def _conflicting(head: bytes) -> bool:
    """Tell whether the part of a head that has come frames its body in a way that is refused."""
    lines = re.findall(
        rb"(?im)^(content-length|transfer-encoding):[ \t]*([^\r\n]*?)[ \t]*(\r\n|\r?\Z)", head
    )
    lengths = [value for name, value, _ in lines if name.lower() == b"content-length"]
    codings = [
        (value.lower(), end) for name, value, end in lines if name.lower() != b"content-length"
    ]
    if len(lines) > 1 or any(re.search(rb"[^0-9]", one) for one in lengths):
        return True
    # A line that is whole has to say it; what is cut short may still become it.
    return any(
        value != b"chunked" if end == b"\r\n" else not b"chunked".startswith(value)
        for value, end in codings
    )


def read(
    wire: bytes, end: Literal["FIN", "RST", ""], *, most: int, unread: bool = False
) -> Reading:
    """Return what may be made of these bytes and this end; `unread`: RST may overtake bytes."""
    reader = _Reader(wire, end, most)
    found = Reading()
    try:
        found.allowed.add(reader.read())
        found.ends_at = reader.at
        found.persists = reader.persists and reader.at == len(wire)
    except _Refused as refused:
        found.allowed.add(str(refused))
    except _More as more:
        found.allowed.add(WORDS[end])
        if more.odd:  # bad as far as it goes, and cut short as well: both words are true
            found.allowed.add("malformed")
            found.free = True
    if reader.doubt:
        found.allowed.add("malformed")
    if unread and end == "RST":
        found.allowed.add("reset")
        found.free = True
    found.free |= reader.free
    return found
