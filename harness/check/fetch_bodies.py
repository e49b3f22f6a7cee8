"""F01-F04: where a body ends, by length, by chunks, by the connection, or because there is none.

Rules: tables only. A row says what is sent and every outcome that RFC 9112 and SPEC.md leave open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.fetch_rows import (
    answer,
    bytewise,
    every_cut,
    every_end,
    ok,
    row,
    short,
    sized,
)
from harness.check.origin import Step
from harness.check.table import rows_alone, table

if TYPE_CHECKING:
    from harness.check.fetch_rows import Row

ALL_BYTES = bytes(range(256))
CHUNKED = "Transfer-Encoding: chunked"
RICH = (
    b'2;a=b\r\nhe\r\n3 ;q="x;y"\r\nllo\r\n0001\r\n \r\n0A\r\nwide world\r\n'
    b"00;last\r\nX-Sum: 1\r\nX-End: 2\r\n\r\n"
)
RICH_BODY = b"hello wide world"


def chunks(*pieces: bytes, size: str = "{:x}", trailer: bytes = b"") -> bytes:
    """Return a body in chunked coding, whole."""
    parts = [size.format(len(piece)).encode() + b"\r\n" + piece + b"\r\n" for piece in pieces]
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"


def _length_rows() -> list[Row]:
    bodies = {
        "no byte": b"",
        "one byte": b"x",
        "all 256 values": ALL_BYTES,
        "1000 bytes": b"k" * 1000,
        "a body that looks like a reply": sized(b"inner"),
        "70,000 bytes": ALL_BYTES[:250] * 280,
        "4 MiB": ALL_BYTES * (4 * 4096),
    }
    rows = [row(name, sized(body), ok(body)) for name, body in bodies.items()]
    for status in (
        "201 Created",
        "301 Moved",
        "302 Found",
        "404 Not Found",
        "500 Oops",
        "503 Busy",
    ):
        reply = sized(b"a body", "Location: /elsewhere", status)
        rows.append(row(f"status {status}", reply, ok(b"a body", int(status[:3]))))
    rows += [
        row("name in capitals", answer("CONTENT-LENGTH: 5", b"hello"), ok(b"hello")),
        row("no space after the colon", answer("content-length:5", b"hello"), ok(b"hello")),
        row(
            "white space around the value",
            answer("Content-Length: \t 5 \t", b"hello"),
            ok(b"hello"),
        ),
        row("FIN right after the last byte", (sized(b"hello"), Step.FIN), ok(b"hello")),
    ]
    return rows


LENGTHS = table(
    "F01",
    _length_rows(),
    does="answers with Content-Length and exactly so many bytes",
    why="RFC 9112 6.2, 6.3-6",
)
_SIX_BYTES = row("6 bytes", sized(b"he\r\nlo", "X-A: b"), ok(b"he\r\nlo"))
LENGTHS_CUT = rows_alone(
    "F01.2",
    [*map(bytewise, short(_length_rows())), *every_cut(_SIX_BYTES)],
    does="sends the short replies with Content-Length byte by byte, and cuts one at every offset",
    expects="the same body every time",
    why="TCP has no messages: how bytes are cut means nothing",
)
_LONG = sized(b"z" * 300_000)
LENGTHS_SHORT = rows_alone(
    "F01.3",
    every_end("short", sized(b"hello"), "truncated"),
    does="ends a reply with Content-Length by FIN after every one of its bytes but the last",
    expects="truncated, never success",
    why="RFC 9112 8",
)
LENGTHS_CUT_OFF = table(
    "F01",
    [
        row("one of 300,000 missing", (_LONG[:-1], Step.FIN), "truncated"),
        row("one byte of 2 MiB", (answer("Content-Length: 2097152", b"x"), Step.FIN), "truncated"),
        row("a short 404", (answer("Content-Length: 9", b"x", "404 No"), Step.FIN), "truncated"),
    ],
    does="sends less than Content-Length says, then FIN",
    why="RFC 9112 8",
    first=41,
)


TEXT = b"hello wide world"
CHUNKED_BODIES: dict[str, tuple[bytes, bytes]] = {
    "one chunk": (chunks(TEXT), TEXT),
    "1-byte chunks": (chunks(*(TEXT[at : at + 1] for at in range(len(TEXT)))), TEXT),
    "capital hex": (chunks(b"a" * 10, b"b" * 31, size="{:X}"), b"a" * 10 + b"b" * 31),
    "small hex": (chunks(b"a" * 10, b"b" * 31, size="{:x}"), b"a" * 10 + b"b" * 31),
    "mixed hex": (b"aB\r\n" + b"q" * 171 + b"\r\n0\r\n\r\n", b"q" * 171),
    "leading zeros": (chunks(TEXT, size="{:08x}"), TEXT),
    "many zeros at the end": (b"3\r\nabc\r\n00000\r\n\r\n", b"abc"),
    "no byte at all": (chunks(), b""),
    "extension": (b"3;name\r\nabc\r\n0\r\n\r\n", b"abc"),
    "extension with a value": (b"3;name=value\r\nabc\r\n0;x=y\r\n\r\n", b"abc"),
    "quoted extension": (b'3;name="a;b"\r\nabc\r\n0\r\n\r\n', b"abc"),
    "many extensions": (b"3;a;b=1;c=2;d\r\nabc\r\n0\r\n\r\n", b"abc"),
    "extension of 1000 bytes": (b"3;" + b"e" * 1000 + b"\r\nabc\r\n0\r\n\r\n", b"abc"),
    "space before the extension": (b"3 ;name\r\nabc\r\n0\r\n\r\n", b"abc"),
    "trailer": (chunks(TEXT, trailer=b"X-Sum: 1\r\n"), TEXT),
    "body that looks like an end": (chunks(b"0\r\n\r\n", b"\r\n"), b"0\r\n\r\n\r\n"),
    "300,000 bytes in odd chunks": (chunks(*[ALL_BYTES[:251]] * 1200), ALL_BYTES[:251] * 1200),
}


def _chunked_rows() -> list[Row]:
    heads = (
        "transfer-encoding:chunked",
        "Transfer-Encoding: CHUNKED",
        "TRANSFER-ENCODING: Chunked",
    )
    # A trailer of framing may be ignored or refused (RFC 9110 6.5.1), but never obeyed.
    framing = chunks(TEXT, trailer=b"Content-Length: 3\r\nX: y\r\n")
    return [
        *(
            row(name, answer(CHUNKED, wire), ok(body))
            for name, (wire, body) in CHUNKED_BODIES.items()
        ),
        *(row(head, answer(head, chunks(TEXT)), ok(TEXT)) for head in heads),
        row("trailers of framing", answer(CHUNKED, framing), ok(TEXT), "malformed"),
    ]


CHUNKS = table(
    "F02",
    _chunked_rows(),
    does="answers in chunks",
    why="RFC 9112 7.1",
)
_RICH = row("chunks", answer(CHUNKED, RICH), ok(RICH_BODY))
CHUNKS_CUT = rows_alone(
    "F02.2",
    [*map(bytewise, short([_RICH, *_chunked_rows()])), *every_cut(_RICH)],
    does="sends the short replies in chunks byte by byte; cuts one with trailers at every offset",
    expects="the same body every time",
    why="RFC 9112 7.1",
)
CHUNKS_SHORT = rows_alone(
    "F02.3",
    every_end("chunks", answer(CHUNKED, chunks(b"hello", trailer=b"A: b\r\n")), "truncated"),
    does="ends a chunked reply by FIN after every one of its bytes but the last",
    expects="truncated, never success",
    why="RFC 9112 8: incomplete without the zero chunk and the empty line",
)


def _broken_rows() -> list[Row]:
    wires = {
        "no hex digit": b"g\r\nx\r\n0\r\n\r\n",
        "no size": b"\r\nx\r\n0\r\n\r\n",
        "only an extension": b";a\r\nx\r\n0\r\n\r\n",
        "minus": b"-1\r\nx\r\n0\r\n\r\n",
        "plus": b"+1\r\nx\r\n0\r\n\r\n",
        "0x": b"0x1\r\nx\r\n0\r\n\r\n",
        "underscore": b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
        "leading space": b" 1\r\nx\r\n0\r\n\r\n",
        "over 64 bits": b"10000000000000001\r\nx\r\n0\r\n\r\n",
        "NUL in the size": b"1\x00\r\nx\r\n0\r\n\r\n",
        "bytes after the chunk": b"1\r\nxy\r\n0\r\n\r\n",
        "no CRLF after the chunk": b"1\r\nx0\r\n\r\n",
        "bare LF after the size": b"1\nx\r\n0\r\n\r\n",
        "bare CR in the extension": b"1;a\rb\r\nx\r\n0\r\n\r\n",
        "a trailer without a colon": b"0\r\nno colon here\r\n\r\n",
        "space before a trailer's colon": b"0\r\nX : y\r\n\r\n",
    }
    return [
        row(name, answer(CHUNKED, wire), "malformed", reuse=False) for name, wire in wires.items()
    ]


CHUNKS_BROKEN = table(
    "F02",
    _broken_rows(),
    does="breaks the grammar of chunks",
    why="RFC 9112 7.1: chunk-size = 1*HEXDIG, and every chunk ends with CRLF",
    first=41,
)
CHUNKS_BROKEN_BYTEWISE = rows_alone(
    "F02.4",
    [bytewise(one) for one in _broken_rows()],
    does="breaks the grammar of chunks, byte by byte",
    expects="malformed",
    why="how bytes are cut means nothing",
)


def _to_close_rows() -> list[Row]:
    big = ALL_BYTES * 2048
    bare = answer("X-A: b")
    old = b"HTTP/1.0 200 OK\r\n\r\n"
    return [
        row("a body and FIN", (bare + b"hello", Step.FIN), ok(b"hello"), reuse=False),
        row("no body and FIN", (bare, Step.FIN), ok(b""), reuse=False),
        row("512 KiB and FIN", (bare + big, Step.FIN), ok(big), reuse=False),
        row("HTTP/1.0", (old + b"hello", Step.FIN), ok(b"hello"), reuse=False),
        row(
            "keep-alive asked for",
            (answer("Connection: keep-alive", b"x"), Step.FIN),
            ok(b"x"),
            reuse=False,
        ),
        row("looks like two replies", (bare + sized(b"a"), Step.FIN), ok(sized(b"a")), reuse=False),
        row("FIN long after", (bare + b"hello", Step.READ, Step.FIN), ok(b"hello"), reuse=False),
        row("a body and RST", (bare + b"hello", Step.READ, Step.RST), "reset"),
        row("no body and RST", (bare, Step.READ, Step.RST), "reset"),
        row("RST at once", (bare + b"hello", Step.RST), "reset"),
        row("512 KiB and RST", (bare + big, Step.READ, Step.RST), "reset"),
        row("HTTP/1.0 and RST", (old + b"hello", Step.READ, Step.RST), "reset"),
    ]


TO_CLOSE = table(
    "F03",
    _to_close_rows(),
    does="answers without a length",
    why="RFC 9112 6.3-8",
)
_TO_CLOSE = row("to close", (answer("X-A: b", b"hello\r\n"), Step.FIN), ok(b"hello\r\n"))
TO_CLOSE_CUT = rows_alone(
    "F03.2",
    [*map(bytewise, short(_to_close_rows())), *every_cut(_TO_CLOSE)],
    does="sends the short replies without a length byte by byte, and cuts one at every offset",
    expects="the same body every time, or `reset`",
    why="RFC 9112 6.3-8",
)
TO_CLOSE_RESET = rows_alone(
    "F03.3",
    every_end("to close", answer("X-A: b", b"hello"), "reset", end=Step.RST),
    does="ends a reply without a length by RST after every one of its bytes but the last",
    expects="reset, never success",
    why="RFC 9112 6.3-8",
)


def _bodiless_rows() -> list[Row]:
    rows = []
    for status in ("204 No Content", "304 Not Modified"):
        empty = ok(b"", int(status[:3]))
        rows += [
            row(f"{status}, {head or 'no header'}", answer(head, b"", status), empty)
            for head in ("", "Content-Length: 0", "Content-Length: 5", CHUNKED, "Connection: close")
        ]
        rows += [
            row(f"{status}, FIN", (answer("Content-Length: 5", b"", status), Step.FIN), empty),
            row(f"{status}, no length, FIN", (answer("", b"", status), Step.FIN), empty),
        ]
        for head in (
            f"Content-Length: 5\n{CHUNKED}",
            "Content-Length: x",
            "Content-Length: 5\nContent-Length: 6",
        ):
            wire = answer(head, b"", status)
            rows.append(row(f"{status}, {head!r}", wire, empty, "malformed"))
    return rows


def _unwanted_rows() -> list[Row]:
    rows = []
    for status in ("204 No Content", "304 Not Modified"):
        empty = ok(b"", int(status[:3]))
        rows += [
            row(f"{status} and its length", sized(b"hello", "", status), empty, reuse=False),
            row(f"{status} and chunks", answer(CHUNKED, chunks(b"hi"), status), empty, reuse=False),
        ]
    return rows


BODILESS = table(
    "F04",
    _bodiless_rows(),
    does="answers with headers that promise a body, and sends none",
    why="RFC 9112 6.3-1",
)
BODILESS_BYTEWISE = rows_alone(
    "F04.1",
    [bytewise(one) for one in _bodiless_rows()],
    does="sends replies without a body byte by byte",
    expects="an empty body at once; with both lengths or a bad one, that or `malformed`",
    why="RFC 9112 6.3-1",
)
BODILESS_WITH_BODY = table(
    "F04",
    _unwanted_rows(),
    does="sends a body where there is none",
    why="RFC 9112 6.3-1; the bytes are surplus (9.2)",
    first=41,
)
BODILESS_WITH_BODY_AGAIN = rows_alone(
    "F04.2",
    _unwanted_rows() * 3,
    does="sends a body after 204 and 304 all the same, three times",
    expects="an empty body, and no other request on that connection",
    why="RFC 9112 6.3-1; the bytes are surplus (9.2)",
    sitting="rows",
)
