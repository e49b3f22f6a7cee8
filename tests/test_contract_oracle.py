"""The exchange against h11: the same replies to both, and every disagreement has a name.

Rules: a reply stands in REPLIES once, with what SPEC.md makes of it. Where h11 judges otherwise,
DISAGREEMENTS says why; a disagreement without a reason fails, and so does a reason without one.
Every reply is followed by a FIN if it has not ended by then, and delivered in every possible way.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.contract import ERRORS, Exchange, Outcome, parse_url
from implementations.http_exchange import HEAD_LIMIT, HEADER_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

URL = parse_url("http://127.0.0.1/")
MAX_BYTES = 100_000
# Replies over this are delivered whole, byte by byte and cut at both ends and every so often.
SHORT = 400

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ABC = b"Content-Length: 3\r\n\r\nabc"


class Verdict(NamedTuple):
    """What a parser made of a reply; all None and False where it refused it."""

    status: int | None
    size: int | None
    crc32: int | None
    reusable: bool


REFUSED = Verdict(None, None, None, reusable=False)


def whole(body: bytes = b"abc", status: int = 200, *, reuse: bool = True) -> Verdict:
    """Expect a whole answer, by default on a connection that serves on."""
    return Verdict(status, len(body), crc32(body), reuse)


def closed(body: bytes = b"abc", status: int = 200) -> Verdict:
    """Expect a whole answer on a connection that must not serve on."""
    return whole(body, status, reuse=False)


def length(value: bytes) -> bytes:
    """Make an answer with this Content-Length."""
    return OK + b"Content-Length: " + value + b"\r\n\r\nabc"


def coding(value: bytes) -> bytes:
    """Make a chunked answer with this Transfer-Encoding."""
    return OK + b"Transfer-Encoding: " + value + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def connection(value: bytes, version: bytes = b"1.1") -> bytes:
    """Make an answer with this Connection header."""
    return b"HTTP/%b 200 OK\r\nConnection: %b\r\n" % (version, value) + ABC


def head_of(size: int) -> bytes:
    """Make an answer whose head has this size."""
    rest = OK + b"X-Pad: \r\n" + ABC
    return rest.replace(b"X-Pad: ", b"X-Pad: " + b"p" * (size - len(rest) + 3))


# name: (the reply, what SPEC.md makes of it: a verdict, or the word of its error)
REPLIES: dict[str, tuple[bytes, Verdict | str]] = {
    # F01 is about bodies by their length
    "length": (OK + ABC, whole()),
    "length zero": (OK + b"Content-Length: 0\r\n\r\n", whole(b"")),
    "length, lower case": (OK + b"content-length:3\r\n\r\nabc", whole()),
    "length, white space around": (length(b" \t3\t "), whole()),
    "length, leading zeros": (length(b"0003"), whole()),
    "length, forty zeros": (length(b"0" * 40 + b"3"), whole()),
    "length short": (OK + b"Content-Length: 4\r\n\r\nabc", "truncated"),
    "length without body": (OK + b"Content-Length: 4\r\n\r\n", "truncated"),
    "body with empty lines": (
        OK + b"Content-Length: 8\r\n\r\n" + b"\r\n" * 4,
        whole(b"\r\n" * 4),
    ),
    "body with NUL": (OK + b"Content-Length: 3\r\n\r\n\0\xff\0", whole(b"\0\xff\0")),
    # F02 is about chunks
    "chunked": (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", whole()),
    "chunked empty": (CHUNKED + b"0\r\n\r\n", whole(b"")),
    "chunked, many zeros at the end": (CHUNKED + b"3\r\nabc\r\n0000\r\n\r\n", whole()),
    "chunked by single bytes": (
        CHUNKED + b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
        whole(),
    ),
    "chunked, hex of both cases": (
        CHUNKED + b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
        whole(b"01234567890123456789a"),
    ),
    "chunked, zeros before a size": (CHUNKED + b"003\r\nabc\r\n0\r\n\r\n", whole()),
    "chunked, thirty zeros before a size": (
        CHUNKED + b"0" * 30 + b"3\r\nabc\r\n0\r\n\r\n",
        whole(),
    ),
    "chunked, the body looks like an end": (
        CHUNKED + b"9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
        whole(b"\r\n0\r\n\r\n\r\n"),
    ),
    "extension": (CHUNKED + b"3;a=b\r\nabc\r\n0;c\r\n\r\n", whole()),
    "extension, quoted": (CHUNKED + b'3;a="b ;c"\r\nabc\r\n0\r\n\r\n', whole()),
    "extension, white space before": (CHUNKED + b"3 \t;a=b\r\nabc\r\n0\r\n\r\n", whole()),
    "extension, white space within": (CHUNKED + b"3; a = b\r\nabc\r\n0\r\n\r\n", whole()),
    "extension, empty": (CHUNKED + b"3;\r\nabc\r\n0\r\n\r\n", whole()),
    "extension with NUL": (CHUNKED + b"3;a\0\r\nabc\r\n0\r\n\r\n", "malformed"),
    "extension with bare LF": (CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n", "malformed"),
    "extension with bare CR": (CHUNKED + b"3;a\rb\r\nabc\r\n0\r\n\r\n", "malformed"),
    "extension of 3 KiB": (CHUNKED + b"3;" + b"e" * 3072 + b"\r\nabc\r\n0\r\n\r\n", whole()),
    "extension of 80 KiB": (
        CHUNKED + b"3;" + b"e" * 81920 + b"\r\nabc\r\n0\r\n\r\n",
        "malformed",
    ),
    "white space after a size": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", whole()),
    "white space before a size": (CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n", "malformed"),
    "trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\n", whole()),
    "trailer with a length": (CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n", whole()),
    "trailer, space before the colon": (CHUNKED + b"0\r\nA : b\r\n\r\n", "malformed"),
    "trailer, folded": (CHUNKED + b"0\r\nA: b\r\n c\r\n\r\n", "malformed"),
    "trailer without colon": (CHUNKED + b"0\r\nA\r\n\r\n", "malformed"),
    "trailer with NUL": (CHUNKED + b"0\r\nA: b\0\r\n\r\n", "malformed"),
    "trailers cut": (CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\n", "truncated"),
    "trailers of 128 KiB": (CHUNKED + b"0\r\nA: " + b"t" * 131072 + b"\r\n\r\n", "malformed"),
    "chunk size empty": (CHUNKED + b"\r\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk size 0x3": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk size +3": (CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk size -3": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk size 1_0": (CHUNKED + b"1_0\r\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk size over 2**63-1": (CHUNKED + b"8000000000000000\r\nabc", "malformed"),
    "chunk size over 2**64": (CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk size line by LF": (CHUNKED + b"3\nabc\r\n0\r\n\r\n", "malformed"),
    "chunk data ended by LF": (CHUNKED + b"3\r\nabc\n0\r\n\r\n", "malformed"),
    "chunk data without end": (CHUNKED + b"3\r\nabc0\r\n\r\n", "malformed"),
    "chunk longer than its size": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", "malformed"),
    "chunked, ended by LF": (CHUNKED + b"3\r\nabc\r\n0\r\n\n", "malformed"),
    "chunked, cut in a size": (CHUNKED + b"3", "truncated"),
    "chunked, cut in data": (CHUNKED + b"3\r\nab", "truncated"),
    "chunked, cut after data": (CHUNKED + b"3\r\nabc\r\n", "truncated"),
    "chunked, cut before the end": (CHUNKED + b"3\r\nabc\r\n0\r\n", "truncated"),
    # F03 is about bodies up to the FIN
    "to close": (OK + b"\r\nabc", closed()),
    "to close, empty": (OK + b"\r\n", closed(b"")),
    "to close, 1.0": (b"HTTP/1.0 200 OK\r\n\r\nabc", closed()),
    "to close, keep-alive": (OK + b"Connection: keep-alive\r\n\r\nabc", closed()),
    # F04 is about no body
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", whole(b"", 204)),
    "204 with a length": (b"HTTP/1.1 204 N\r\nContent-Length: 3\r\n\r\n", whole(b"", 204)),
    "204 with a coding": (b"HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n", whole(b"", 204)),
    "204 and a body all the same": (b"HTTP/1.1 204 N\r\n" + ABC, closed(b"", 204)),
    "304": (b"HTTP/1.1 304 Not Modified\r\n\r\n", whole(b"", 304)),
    "304 with a length": (b"HTTP/1.1 304 N\r\nContent-Length: 3\r\n\r\n", whole(b"", 304)),
    "204 with an unknown coding": (
        b"HTTP/1.1 204 N\r\nTransfer-Encoding: gzip\r\n\r\n",
        whole(b"", 204),
    ),
    "205 has a body": (b"HTTP/1.1 205 R\r\n" + ABC, whole(b"abc", 205)),
    # F05 is about what comes before the answer
    "100": (CONTINUE + OK + ABC, whole()),
    "100, 102, 103": (
        CONTINUE + b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\n" + OK + ABC,
        whole(),
    ),
    "100 with a length": (b"HTTP/1.1 100 C\r\nContent-Length: 9\r\n\r\n" + OK + ABC, whole()),
    "100 with close": (b"HTTP/1.1 100 C\r\nConnection: close\r\n\r\n" + OK + ABC, whole()),
    "100 sixteen times": (CONTINUE * 16 + OK + ABC, whole()),
    "100 seventeen times": (CONTINUE * 17 + OK + ABC, "malformed"),
    "100 and no answer": (CONTINUE, "truncated"),
    "100, empty line, answer": (CONTINUE + b"\r\n" + OK + ABC, "malformed"),
    "101": (b"HTTP/1.1 101 S\r\n\r\n", "malformed"),
    "101 with upgrade": (
        b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
        "malformed",
    ),
    "200 with upgrade": (OK + b"Upgrade: h2c\r\nConnection: upgrade\r\n" + ABC, whole()),
    # F06 is about lengths
    "length twice, equal": (OK + b"Content-Length: 3\r\n" + ABC, "malformed"),
    "length 3, 3": (length(b"3, 3"), "malformed"),
    "length twice, differing": (OK + b"Content-Length: 2\r\n" + ABC, "malformed"),
    "length 3, 2": (length(b"3, 2"), "malformed"),
    "length +3": (length(b"+3"), "malformed"),
    "length -3": (length(b"-3"), "malformed"),
    "length 3s": (length(b"3s"), "malformed"),
    "length 0x3": (length(b"0x3"), "malformed"),
    "length 1_0": (length(b"1_0"), "malformed"),
    "length 3 3": (length(b"3 3"), "malformed"),
    "length 3.0": (length(b"3.0"), "malformed"),
    "length empty": (length(b""), "malformed"),
    "length white space": (length(b"  "), "malformed"),
    "length 2**63": (length(b"9223372036854775808"), "malformed"),
    "length 2**64-1": (length(b"18446744073709551615"), "malformed"),
    "length 2**64+3": (length(b"18446744073709551619"), "malformed"),
    "length of 5000 digits": (length(b"1" * 5000), "malformed"),
    # F07 is about codings
    "chunked, any case": (coding(b"CHUNKed"), whole()),
    "coding and length": (
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "malformed",
    ),
    "length after coding": (
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "malformed",
    ),
    "chunked, chunked": (coding(b"chunked, chunked"), "malformed"),
    "chunked twice": (coding(b"chunked\r\nTransfer-Encoding: chunked"), "malformed"),
    "gzip and chunked apart": (coding(b"gzip\r\nTransfer-Encoding: chunked"), "malformed"),
    "chunked, gzip": (coding(b"chunked, gzip"), "malformed"),
    "gzip, chunked": (coding(b"gzip, chunked"), "malformed"),
    "gzip": (coding(b"gzip"), "malformed"),
    "identity": (coding(b"identity"), "malformed"),
    "coding empty": (coding(b""), "malformed"),
    "chunked;q=1": (coding(b"chunked;q=1"), "malformed"),
    "xchunked": (coding(b"xchunked"), "malformed"),
    "chunked and a comma": (coding(b"chunked,"), "malformed"),
    "chunked by 1.0": (coding(b"chunked").replace(b"1.1", b"1.0", 1), closed()),
    # F08 is about grammar
    "reason empty": (b"HTTP/1.1 200 \r\n" + ABC, whole()),
    "reason left out": (b"HTTP/1.1 200\r\n" + ABC, whole()),
    "reason with high bytes": (b"HTTP/1.1 200 \xe9\xff\t\r\n" + ABC, whole()),
    "reason with NUL": (b"HTTP/1.1 200 O\0K\r\n" + ABC, "malformed"),
    "reason with bare CR": (b"HTTP/1.1 200 O\rK\r\n" + ABC, "malformed"),
    "reason with a control character": (b"HTTP/1.1 200 O\1K\r\n" + ABC, whole()),
    "status 299": (b"HTTP/1.1 299 ?\r\n" + ABC, whole(status=299)),
    "status 404": (b"HTTP/1.1 404 Not Found\r\n" + ABC, whole(status=404)),
    "status 599": (b"HTTP/1.1 599 ?\r\n" + ABC, whole(status=599)),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + ABC, whole(status=302)),
    "status 600": (b"HTTP/1.1 600 ?\r\n" + ABC, "malformed"),
    "status 999": (b"HTTP/1.1 999 ?\r\n" + ABC, "malformed"),
    "status 099": (b"HTTP/1.1 099 ?\r\n" + ABC, "malformed"),
    "status 000": (b"HTTP/1.1 000 ?\r\n" + ABC, "malformed"),
    "status of two digits": (b"HTTP/1.1 20 OK\r\n" + ABC, "malformed"),
    "status of four digits": (b"HTTP/1.1 2000 OK\r\n" + ABC, "malformed"),
    "status 2x0": (b"HTTP/1.1 2x0 OK\r\n" + ABC, "malformed"),
    "status -20": (b"HTTP/1.1 -20 OK\r\n" + ABC, "malformed"),
    "status left out": (b"HTTP/1.1 OK\r\n" + ABC, "malformed"),
    "status after two spaces": (b"HTTP/1.1  200 OK\r\n" + ABC, "malformed"),
    "status after a tab": (b"HTTP/1.1\t200 OK\r\n" + ABC, "malformed"),
    "HTTP/0.9": (b"HTTP/0.9 200 OK\r\n" + ABC, "malformed"),
    "HTTP/1.2": (b"HTTP/1.2 200 OK\r\n" + ABC, "malformed"),
    "HTTP/2.0": (b"HTTP/2.0 200 OK\r\n" + ABC, "malformed"),
    "HTTP/1": (b"HTTP/1 200 OK\r\n" + ABC, "malformed"),
    "HTTP/1.10": (b"HTTP/1.10 200 OK\r\n" + ABC, "malformed"),
    "HTTP/11.1": (b"HTTP/11.1 200 OK\r\n" + ABC, "malformed"),
    "http/1.1": (b"http/1.1 200 OK\r\n" + ABC, "malformed"),
    "RTSP/1.0": (b"RTSP/1.0 200 OK\r\n" + ABC, "malformed"),
    "ICY": (b"ICY 200 OK\r\n" + ABC, "malformed"),
    "garbage": (b"SSH-2.0-OpenSSH_9.6\r\n", "malformed"),
    "garbage without a line": (b"\x16\x03\x01\x02", "malformed"),
    "a body alone": (b"<html></html>", "malformed"),
    "empty line first": (b"\r\n" + OK + ABC, "malformed"),
    "LF first": (b"\n" + OK + ABC, "malformed"),
    "empty lines without end": (b"\r\n" * 40_000, "malformed"),
    "space first": (b" " + OK + ABC, "malformed"),
    "status line by LF": (b"HTTP/1.1 200 OK\n" + ABC, "malformed"),
    "header line by LF": (OK + b"A: b\n" + ABC, "malformed"),
    "head ended by LF": (OK + b"Content-Length: 3\r\n\nabc", "malformed"),
    "all by LF": (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "malformed"),
    "folded": (OK + b"A: b\r\n c\r\n" + ABC, "malformed"),
    "folded by a tab": (OK + b"A: b\r\n\tc\r\n" + ABC, "malformed"),
    "white space before the first header": (OK + b" A: b\r\n" + ABC, "malformed"),
    "space before the colon": (OK + b"A : b\r\n" + ABC, "malformed"),
    "tab before the colon": (OK + b"A\t: b\r\n" + ABC, "malformed"),
    "length, space before the colon": (OK + b"Content-Length : 3\r\n\r\nabc", "malformed"),
    "header name empty": (OK + b": b\r\n" + ABC, "malformed"),
    "header name of two words": (OK + b"A b: c\r\n" + ABC, "malformed"),
    "header name with high bytes": (OK + b"A\xe9: b\r\n" + ABC, "malformed"),
    "header name with NUL": (OK + b"A\0: b\r\n" + ABC, "malformed"),
    "header without colon": (OK + b"A\r\n" + ABC, "malformed"),
    "header value empty": (OK + b"A:\r\nB: \r\n" + ABC, whole()),
    "header value with high bytes": (OK + b"A: \xe9\xff\r\n" + ABC, whole()),
    "header value with NUL": (OK + b"A: b\0c\r\n" + ABC, "malformed"),
    "header value with bare CR": (OK + b"A: b\rc\r\n" + ABC, "malformed"),
    "header value with a control character": (OK + b"A: b\1c\r\n" + ABC, "malformed"),
    "header value with DEL": (OK + b"A: b\x7fc\r\n" + ABC, "malformed"),
    "every token character": (OK + b"!#$%&'*+-.^_`|~09azAZ: b\r\n" + ABC, whole()),
    # F09 is about more than the answer
    "surplus byte": (OK + ABC + b"x", closed()),
    "surplus answer": (OK + ABC + OK + ABC, closed()),
    "surplus CRLF": (OK + ABC + b"\r\n", closed()),
    "surplus after chunks": (CHUNKED + b"3\r\nabc\r\n0\r\n\r\nx", closed()),
    "surplus CRLF after chunks": (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n\r\n", closed()),
    "surplus answer after chunks": (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + OK + ABC, closed()),
    "surplus after trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\n\r\nx", closed()),
    "surplus after 304": (b"HTTP/1.1 304 N\r\n\r\nx", closed(b"", 304)),
    "surplus after length zero": (OK + b"Content-Length: 0\r\n\r\nx", closed(b"")),
    # F10 is about bounds
    "head of 60 KiB": (head_of(60 * 1024), whole()),
    "head of 64 KiB": (head_of(HEAD_LIMIT), whole()),
    "head of 64 KiB and one": (head_of(HEAD_LIMIT + 1), "malformed"),
    "head of 128 KiB": (head_of(128 * 1024), "malformed"),
    "header without end": (OK + b"A: " + b"b" * 131072, "malformed"),
    "header name without end": (OK + b"b" * 131072, "malformed"),
    "reason without end": (OK[:-2] + b"b" * 131072, "malformed"),
    "1000 headers": (OK + b"A: b\r\n" * (HEADER_LIMIT - 1) + ABC, whole()),
    "1001 headers": (OK + b"A: b\r\n" * HEADER_LIMIT + ABC, "malformed"),
    "1001 trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 1001 + b"\r\n", "malformed"),
    "1000 headers and trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 999 + b"\r\n", whole(b"")),
    "1001 headers and trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 1000 + b"\r\n", "malformed"),
    "body of max_bytes": (
        OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000,
        whole(b"x" * 100_000),
    ),
    "length over max_bytes": (OK + b"Content-Length: 100001\r\n\r\n", "too_large"),
    "length 2**63-1": (length(b"9223372036854775807"), "too_large"),
    "chunk over max_bytes": (CHUNKED + b"186a1\r\n", "too_large"),
    "chunks over max_bytes": (
        CHUNKED + b"c350\r\n" + b"x" * 50_000 + b"\r\nc351\r\n",
        "too_large",
    ),
    "to close, over max_bytes": (OK + b"\r\n" + b"x" * 100_001, "too_large"),
    "to close, max_bytes": (OK + b"\r\n" + b"x" * 100_000, closed(b"x" * 100_000)),
    # F11 is about answers cut short
    "nothing": (b"", "truncated"),
    "cut in the version": (b"HTTP/1", "truncated"),
    "cut in the status line": (b"HTTP/1.1 200 O", "truncated"),
    "cut in a header": (OK + b"Content-Le", "truncated"),
    "cut before the empty line": (OK + b"Content-Length: 3\r\n", "truncated"),
    "cut in the empty line": (OK + b"Content-Length: 3\r\n\r", "truncated"),
    # F13 is about whether the connection persists
    "close": (connection(b"close"), closed()),
    "Close": (connection(b"Close"), closed()),
    "close in a list": (connection(b"a, close , b"), closed()),
    "keep-alive, close": (connection(b"keep-alive, close"), closed()),
    "close in another header": (connection(b"keep-alive\r\nConnection: close"), closed()),
    "keep-alive after close": (connection(b"close\r\nConnection: keep-alive"), closed()),
    "closed is not close": (connection(b"closed"), whole()),
    "connection empty": (connection(b""), whole()),
    "close on chunked": (
        OK + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        closed(),
    ),
    "close on 304": (b"HTTP/1.1 304 N\r\nConnection: close\r\n\r\n", closed(b"", 304)),
    "1.0": (b"HTTP/1.0 200 OK\r\n" + ABC, closed()),
    "1.0, keep-alive": (connection(b"Keep-Alive", b"1.0"), whole()),
    "1.0, keep-alive in a list": (connection(b"a,keep-alive", b"1.0"), whole()),
    "1.0, keep-alive and close": (connection(b"keep-alive, close", b"1.0"), closed()),
}

# Where h11 judges otherwise: the reason, and the replies it covers.
DISAGREEMENTS: dict[str, tuple[str, ...]] = {
    "RFC 9112 6.2 and 7.1 bound no number's digits; h11 takes at most 20": (
        "length, forty zeros",
        "chunked, thirty zeros before a size",
    ),
    "RFC 9112 7.1.1: BWS before the semicolon must be read; h11 refuses it": (
        "extension, white space before",
    ),
    "RFC 9112 7.1.1: an extension is tokens and quoted strings; h11 lets any character through": (
        "extension with NUL",
        "extension with bare CR",
    ),
    "F10 bounds every part; h11 bounds only what is still incomplete after a feed": (
        "extension of 80 KiB",
        "trailers of 128 KiB",
        "head of 64 KiB and one",
        "head of 128 KiB",
    ),
    "F10: at most 1000 headers; h11 does not count them": (
        "1001 headers",
        "1001 trailers",
        "1001 headers and trailers",
    ),
    "F05: at most 16 interim answers; h11 does not count them": ("100 seventeen times",),
    "RFC 9112 2.2: a line may end in a bare LF, which F08 refuses and h11 takes": (
        "chunked, ended by LF",
        "status line by LF",
        "header line by LF",
        "head ended by LF",
        "all by LF",
    ),
    "RFC 9112 6.3-1: a 204 ends with its head whatever its headers say; h11 checks the coding": (
        "204 with an unknown coding",
    ),
    "RFC 9112 5.2: obs-fold may be refused (F08) or unfolded (h11)": (
        "trailer, folded",
        "folded",
        "folded by a tab",
    ),
    "RFC 9110 8.6: equal lengths may be refused (httptools) or be one (h11)": (
        "length twice, equal",
        "length 3, 3",
    ),
    "RFC 9112 6.3-3: both length and coding is an attack (F07); h11 reads the coding": (
        "coding and length",
        "length after coding",
    ),
    "RFC 9110 15: a status over 599 is invalid; h11 takes up to 999": ("status 600", "status 999"),
    "RFC 9112 2.3: the answer to HTTP/1.1 is HTTP/1.1 or 1.0; h11 takes any digits": (
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/2.0",
    ),
    "RFC 9110 5.5: control characters are invalid in a value; h11 refuses only a few": (
        "header value with a control character",
        "header value with DEL",
    ),
    "RFC 9112 9.3: HTTP/1.0 persists with keep-alive; h11 never lets it": (
        "1.0, keep-alive",
        "1.0, keep-alive in a list",
    ),
}
DISAGREED = frozenset(name for names in DISAGREEMENTS.values() for name in names)


def judge(pieces: Iterable[bytes]) -> tuple[Outcome, bool]:
    """Say what the exchange makes of a reply in these pieces and then, if need be, a FIN."""
    exchange = Exchange(URL, MAX_BYTES)
    for piece in pieces:
        exchange.feed(piece)
    if not exchange.done:
        exchange.feed(b"")
    return exchange.outcome(0.0), exchange.reusable


def to_verdict(outcome: Outcome, *, reusable: bool) -> Verdict:
    """Leave out what h11 cannot know: which word, how long."""
    return Verdict(outcome.status, outcome.bytes, outcome.crc32, reusable)


def ask_h11(pieces: Iterable[bytes]) -> Verdict:
    """Say what h11 makes of the same."""
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
    peer.send(h11.Request(method="GET", target="/", headers=[("Host", "127.0.0.1")]))
    peer.send(h11.EndOfMessage())
    status, body, ended = None, bytearray(), False
    try:
        for piece in [*pieces, b""]:
            if ended and not piece:
                break
            peer.receive_data(piece)
            while not ended:
                event = peer.next_event()
                if event is h11.NEED_DATA:
                    break
                if isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
                elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    return REFUSED
                ended = isinstance(event, h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return REFUSED
    if len(body) > MAX_BYTES:
        return REFUSED
    reusable = peer.their_state is h11.DONE and peer.trailing_data == (b"", False)
    return Verdict(status, len(body), crc32(body), reusable)


def deliveries(raw: bytes, *, every: int = 1) -> Iterator[list[bytes]]:
    """Deliver whole, byte by byte, and in two at every (or every so many) offsets."""
    yield [raw] if raw else []
    yield [raw[at : at + 1] for at in range(len(raw))]
    for at in range(1, len(raw), every):
        yield [raw[:at], raw[at:]]


def ways(raw: bytes) -> Iterator[list[bytes]]:
    """Deliver in as many ways as the reply's size allows in a test."""
    return deliveries(raw, every=1 if len(raw) <= SHORT else max(1, len(raw) // 40))


@pytest.mark.parametrize("name", REPLIES)
def test_reply_is_judged_as_spec_says(name: str) -> None:
    """Each reply ends in the verdict, or with the word, that stands beside it."""
    raw, want = REPLIES[name]
    outcome, reusable = judge([raw] if raw else [])
    if isinstance(want, str):
        assert outcome.error == want
        want = REFUSED
    else:
        assert outcome.error is None
    assert to_verdict(outcome, reusable=reusable) == want


@pytest.mark.parametrize("name", REPLIES)
def test_cuts_change_nothing(name: str) -> None:
    """However a reply is cut, the outcome and the fitness for reuse are the same."""
    raw, _ = REPLIES[name]
    assert len({judge(pieces) for pieces in ways(raw)}) == 1


@pytest.mark.parametrize("name", REPLIES)
def test_h11_agrees_or_the_table_says_why(name: str) -> None:
    """h11 comes to the same verdict, or the disagreement has a reason in the table."""
    raw, _ = REPLIES[name]
    outcome, reusable = judge([raw] if raw else [])
    ours = to_verdict(outcome, reusable=reusable)
    theirs = {ask_h11(pieces) for pieces in (ways(raw) if len(raw) <= SHORT else [[raw]])}
    if name in DISAGREED:
        assert theirs != {ours}, "no longer a disagreement: take its reason out"
    else:
        assert theirs == {ours}


def test_tables_are_sound() -> None:
    """Every reason covers replies that exist, and none is covered twice."""
    names = [name for each in DISAGREEMENTS.values() for name in each]
    assert len(names) == len(DISAGREED)
    assert set(REPLIES) >= DISAGREED
    assert {want for _, want in REPLIES.values() if isinstance(want, str)} <= set(ERRORS)


class Reply(NamedTuple):
    """A well-formed reply and what its maker knows about it."""

    raw: bytes
    want: Verdict


TOKEN = st.text("!#$%&'*+-.^_`|~abcXYZ019", min_size=1, max_size=12).map(str.encode)
VISIBLE = [bytes([byte]) for byte in range(33, 256) if byte != 127]
VALUE = st.lists(st.sampled_from(VISIBLE), max_size=12).map(b"".join)
FIELDS = st.lists(st.tuples(TOKEN.map(b"X-".__add__), VALUE), max_size=4).map(
    lambda fields: b"".join(b"%b: %b\r\n" % field for field in fields)
)
EXTENSION = st.sampled_from([b"", b";a", b";a=b", b'; a = "b; c"', b" ;a"])
SURPLUS = st.one_of(st.just(b""), st.binary(max_size=5), st.just(OK + ABC))


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Make a reply of any framing, with its surroundings, and its verdict."""
    framing = draw(st.sampled_from(["length", "chunked", "to close", "none"]))
    status = draw(st.sampled_from([204, 304] if framing == "none" else [200, 301, 404, 503]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    option = draw(st.sampled_from([b"", b"close", b"keep-alive"]))
    pieces = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
    body = b"" if framing == "none" else b"".join(pieces)
    surplus = b"" if framing == "to close" else draw(SURPLUS)

    raw = b"".join(
        b"HTTP/1.1 %d Wait\r\n%b\r\n" % (interim, draw(FIELDS))
        for interim in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=3))
    )
    raw += b"HTTP/%b %d %b\r\n%b" % (version, status, draw(VALUE), draw(FIELDS))
    if option:
        raw += b"Connection: %b\r\n" % option
    if framing == "length":
        raw += b"Content-Length: %d\r\n" % len(body)
    elif framing == "chunked":
        raw += b"Transfer-Encoding: chunked\r\n"
    raw += b"\r\n"
    if framing == "chunked":
        for piece in pieces:
            raw += b"%x%b\r\n%b\r\n" % (len(piece), draw(EXTENSION), piece)
        raw += b"0%b\r\n%b\r\n" % (draw(EXTENSION), draw(FIELDS))
    else:
        raw += body

    persists = option != b"close" if version == b"1.1" else option == b"keep-alive"
    if framing == "to close" or surplus or (framing == "chunked" and version == b"1.0"):
        persists = False
    return Reply(raw + surplus, Verdict(status, len(body), crc32(body), persists))


def cut(raw: bytes, offsets: list[int]) -> list[bytes]:
    """Cut at offsets, taken modulo the length so that any number is one."""
    edges = sorted({0, len(raw), *(offset % (len(raw) + 1) for offset in offsets)})
    return [raw[begin:end] for begin, end in pairwise(edges)]


OFFSETS = st.lists(st.integers(0, 2000), max_size=8)


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(replies(), OFFSETS)
def test_well_formed_replies_are_read(reply: Reply, offsets: list[int]) -> None:
    """Any well-formed reply, however cut, is read as its maker meant it."""
    outcome, reusable = judge(cut(reply.raw, offsets))
    assert outcome.error is None
    assert to_verdict(outcome, reusable=reusable) == reply.want


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(replies(), st.integers(0, 2000))
def test_no_prefix_passes_for_a_reply(reply: Reply, at: int) -> None:
    """A reply cut short is truncated, unless its end is the FIN or was reached before the cut."""
    raw = reply.raw[: at % (len(reply.raw) + 1)]
    outcome, _ = judge([raw] if raw else [])
    if outcome.error is None:
        assert outcome.status == reply.want.status
        assert outcome.bytes is not None
        assert reply.want.size is not None
        assert outcome.bytes <= reply.want.size
    else:
        assert outcome.error == "truncated"


@settings(derandomize=True, deadline=None, database=None, max_examples=250)
@given(
    st.one_of(
        replies().map(lambda reply: reply.raw),
        st.sampled_from([raw for raw, _ in REPLIES.values() if len(raw) <= SHORT]),
    ),
    st.integers(0, 2000),
    st.integers(0, 3),
    st.sampled_from([bytes([byte]) for byte in b"\0\t\n\r ,:;0139AaHxc\x7f\xff"] + [b"\r\n", b""]),
    OFFSETS,
)
def test_damaged_replies_end_alike(
    raw: bytes, at: int, gone: int, come: bytes, offsets: list[int]
) -> None:
    """A reply with a few bytes replaced has one outcome however cut, and it is a known word."""
    at %= len(raw) + 1
    damaged = raw[:at] + come + raw[at + gone :]
    bytewise = [damaged[begin : begin + 1] for begin in range(len(damaged))]
    outcomes = {judge(pieces) for pieces in (cut(damaged, []), bytewise, cut(damaged, offsets))}
    assert len(outcomes) == 1
    assert outcomes.pop()[0].error in {None, *ERRORS}
