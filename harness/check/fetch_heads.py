"""F05-F08: interim replies, lengths that disagree, smuggling, and grammar.

Rules: tables only. A row says what is sent and every outcome that RFC 9112 and SPEC.md leave open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.fetch_rows import answer, bytewise, every_cut, every_end, ok, row, short, sized
from harness.check.origin import Step
from harness.check.table import rows_alone, table

if TYPE_CHECKING:
    from harness.check.fetch_rows import Row

FINAL = sized(b"hello")
CHUNKED_HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def _interim(status: str, head: str = "") -> bytes:
    return answer(head, b"", status)


def _interim_rows() -> list[Row]:
    early = _interim("103 Early Hints", "Link: </a.css>; rel=preload\nX-A: b")
    upgrade = _interim("101 Switching Protocols", "Upgrade: foo\nConnection: upgrade")
    mixed = _interim("100 Continue") + _interim("102 Processing") + early
    return [
        row("100", _interim("100 Continue") + FINAL, ok(b"hello")),
        row("102", _interim("102 Processing") + FINAL, ok(b"hello")),
        row("103", early + FINAL, ok(b"hello")),
        row("all three", mixed + FINAL, ok(b"hello")),
        row("all three, read apart", (mixed, Step.READ, FINAL), ok(b"hello")),
        row("16", _interim("100 Continue") * 16 + FINAL, ok(b"hello")),
        row("17", _interim("100 Continue") * 17 + FINAL, "malformed"),
        row("103 and 204", early + answer("", b"", "204 No Content"), ok(b"", 204)),
        row(
            "103 and chunks",
            early + answer("Transfer-Encoding: chunked", CHUNKED_HELLO),
            ok(b"hello"),
        ),
        row("103 and a body to FIN", (early + answer("", b"hello"), Step.FIN), ok(b"hello")),
        row("103 and 404", early + sized(b"no", "", "404 Not Found"), ok(b"no", 404)),
        row("100 and FIN", (_interim("100 Continue"), Step.READ, Step.FIN), "truncated"),
        row("100 and RST", (_interim("100 Continue"), Step.READ, Step.RST), "reset"),
        row("101", upgrade, "malformed", reuse=False),
        row("101 and an answer", upgrade + FINAL, "malformed", reuse=False),
        row("100 and 101", _interim("100 Continue") + upgrade, "malformed", reuse=False),
    ]


INTERIM = table(
    "F05",
    _interim_rows(),
    does="sends interim replies before the answer",
    why="RFC 9110 15.2; 101 was not asked for (9110 7.8)",
)
_INTERIM_AND_FINAL = row(
    "100, 103, 200",
    _interim("100 Continue") + _interim("103 E", "Link: a") + FINAL,
    ok(b"hello"),
)
INTERIM_CUT = rows_alone(
    "F05.2",
    [*map(bytewise, short(_interim_rows())), *every_cut(_INTERIM_AND_FINAL)],
    does="sends short replies with interim ones byte by byte, and cuts one at every offset",
    expects="the answer every time, or `malformed` for 101",
    why="RFC 9110 15.2",
)


def _lengths() -> tuple[list[Row], list[Row]]:
    """Return the rows of equal lengths and those of bad ones."""
    body = b"hello plus more than any of the lengths"
    equal = ("5\nContent-Length: 5", "5, 5", "5,5", "5\ncontent-length: 5\nCONTENT-LENGTH: 5")
    bad = {
        "differing": "5\nContent-Length: 6",
        "differing, the other way": "6\nContent-Length: 5",
        "differing far apart": "5\nX-A: b\nContent-Length: 0",
        "a list that differs": "5, 6",
        "a list with a hole": "5,,6",
        "plus": "+5",
        "minus": "-5",
        "minus zero": "-0",
        "letter after": "5s",
        "letter before": "a5",
        "hexadecimal": "0x5",
        "empty": "",
        "a comma": ",",
        "a space inside": "5 5",
        "a point": "5.0",
        "an exponent": "5e0",
        "an underscore": "1_0",
        "2**63": str(2**63),
        "2**64 + 5": str(2**64 + 5),
        "5 and 60 zeros before": "1" + "0" * 60 + "5",
        "a superscript five": "\xb5",
    }
    good = [
        row(
            f"equal: {text!r}",
            (answer(f"Content-Length: {text}", body[:5]), Step.READ, Step.FIN),
            ok(body[:5]),
            "malformed",
        )
        for text in equal
    ]
    wires = {name: answer(f"Content-Length: {text}", body) for name, text in bad.items()}
    return good, [row(name, wire, "malformed", reuse=False) for name, wire in wires.items()]


EQUAL, BAD = _lengths()
LENGTHS = table(
    "F06",
    [*EQUAL, *BAD],
    does="sends lengths that are doubled or bad, and leaves the connection open",
    why="RFC 9112 6.3-5, RFC 9110 8.6: a client that took any of them would wait, or succeed",
)
LENGTHS_ENDED = rows_alone(
    "F06.2",
    [row(f"{one.name}, FIN", (*one.reply, Step.READ, Step.FIN), "malformed") for one in BAD],
    does="sends the bad lengths and ends each reply by FIN",
    expects="`malformed`: an end makes them no better",
    why="RFC 9112 6.3-5",
)
LENGTHS_BYTEWISE = rows_alone(
    "F06.3",
    [bytewise(one) for one in (*EQUAL, *BAD)],
    does="sends doubled and bad lengths byte by byte",
    expects="equal ones: that length or `malformed`; all others: `malformed`",
    why="how bytes are cut means nothing",
)


def _smuggled() -> list[Row]:
    both = f"Content-Length: {len(CHUNKED_HELLO)}\nTransfer-Encoding: chunked"
    swapped = "Transfer-Encoding: chunked\nContent-Length: 5"
    heads = {
        "both": both,
        "both, the other way": swapped,
        "both, length 0": "Content-Length: 0\nTransfer-Encoding: chunked",
        "both, far apart": "Transfer-Encoding: chunked\nX-A: b\nX-C: d\ncontent-length: 5",
        "both, identity": "Content-Length: 5\nTransfer-Encoding: identity",
        "gzip alone": "Transfer-Encoding: gzip",
        "identity alone": "Transfer-Encoding: identity",
        "chunked not last": "Transfer-Encoding: chunked, gzip",
        "chunked not last, two headers": "Transfer-Encoding: chunked\nTransfer-Encoding: gzip",
        "chunked, chunked": "Transfer-Encoding: chunked, chunked",
        "chunked twice": "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
        "almost chunked": "Transfer-Encoding: xchunked",
        "chunked with a tail": "Transfer-Encoding: chunkedx",
        "chunked in quotes": 'Transfer-Encoding: "chunked"',
        "empty": "Transfer-Encoding:",
    }
    return [
        row(name, answer(head, CHUNKED_HELLO), "malformed", reuse=False)
        for name, head in heads.items()
    ]


SMUGGLED = table(
    "F07",
    _smuggled(),
    does="sends lengths and codings that let two readers see two bodies",
    why="RFC 9112 6.3-3, 6.3-4, 11.2",
)
SMUGGLED_BETWEEN = rows_alone(
    "F07.1",
    [
        each
        for one in _smuggled()
        for each in (one, row(f"between, after {one.name}", FINAL, ok(b"hello")))
    ],
    does="sends both lengths, codings that do not end in chunked, each followed by a good reply",
    expects="`malformed`, a connection that is never used again, other URLs untouched",
    why="RFC 9112 6.3-3, 6.3-4, 11.2",
    sitting="rows",
)
SMUGGLED_ENDED = rows_alone(
    "F07.2",
    [
        *(row(f"{one.name}, FIN", (*one.reply, Step.FIN), "malformed") for one in _smuggled()),
        *map(bytewise, _smuggled()),
    ],
    does="ends the same replies by FIN, and sends them byte by byte",
    expects="`malformed`: an end makes them no better",
    why="RFC 9112 6.3-3",
)


REST = b"\r\nContent-Length: 5\r\n\r\nhello"
MALFORMED = {
    "version HTTP/2.0": b"HTTP/2.0 200 OK" + REST,
    "version HTTP/0.9": b"HTTP/0.9 200 OK" + REST,
    "version HTTP/11": b"HTTP/11 200 OK" + REST,
    "version HTTP/1": b"HTTP/1 200 OK" + REST,
    "version HTTP/1.": b"HTTP/1. 200 OK" + REST,
    "version HTTP/1,1": b"HTTP/1,1 200 OK" + REST,
    "version http/1.1": b"http/1.1 200 OK" + REST,
    "version HTTPS/1.1": b"HTTPS/1.1 200 OK" + REST,
    "another protocol": b"ICY 200 OK" + REST,
    "no version": b"200 OK" + REST,
    "status of two digits": b"HTTP/1.1 20 OK" + REST,
    "status of four digits": b"HTTP/1.1 2000 OK" + REST,
    "status 099": b"HTTP/1.1 099 OK" + REST,
    "status 000": b"HTTP/1.1 000 OK" + REST,
    "status with a letter": b"HTTP/1.1 20x OK" + REST,
    "status with a sign": b"HTTP/1.1 +20 OK" + REST,
    "status missing": b"HTTP/1.1 OK" + REST,
    "status line ends at once": b"HTTP/1.1" + REST,
    "garbage": b"\x16\x03\x01\x02\x00garbage that is no HTTP at all\r\n\r\n",
    "a page without a head": b"<html>hello</html>\r\n\r\n",
    "an error line of ssh": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "NUL first": b"\x00HTTP/1.1 200 OK" + REST,
    "NUL in the reason": b"HTTP/1.1 200 O\x00K" + REST,
    "NUL in a name": b"HTTP/1.1 200 OK\r\nX-\x00A: b" + REST,
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX-A: b\x00c" + REST,
    "bare CR in the reason": b"HTTP/1.1 200 O\rK" + REST,
    "bare CR in a name": b"HTTP/1.1 200 OK\r\nX\rA: b" + REST,
    "bare CR in a value": b"HTTP/1.1 200 OK\r\nX-A: b\rc" + REST,
    "bare CR as line end": b"HTTP/1.1 200 OK\rContent-Length: 5\r\r\nhello\r\n\r\n",
    "space before the colon": b"HTTP/1.1 200 OK\r\nX-A : b" + REST,
    "space before the colon of the length": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "tab before the colon": b"HTTP/1.1 200 OK\r\nX-A\t: b" + REST,
    "a header without a colon": b"HTTP/1.1 200 OK\r\nno colon here" + REST,
    "a header without a name": b"HTTP/1.1 200 OK\r\n: value" + REST,
    "a name with a space": b"HTTP/1.1 200 OK\r\nX A: b" + REST,
    "a name with a parenthesis": b"HTTP/1.1 200 OK\r\nX(A): b" + REST,
    "bare LF in the head": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "bare LF after the status line": b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello",
    "bare LF after a header": b"HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 5\r\n\r\nhello",
    "bare LF as the empty line": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello",
    "folded line, space": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c" + REST,
    "folded line, tab": b"HTTP/1.1 200 OK\r\nX-A: b\r\n\tc" + REST,
    "first header folded": b"HTTP/1.1 200 OK\r\n X-A: b" + REST,
    "leading CRLF": b"\r\nHTTP/1.1 200 OK" + REST,
    "leading LF": b"\nHTTP/1.1 200 OK" + REST,
    "leading space": b" HTTP/1.1 200 OK" + REST,
}
"""Replies that are none; where a line never ends the byte that decides is there all the same."""


_MALFORMED = [row(name, wire, "malformed", reuse=False) for name, wire in MALFORMED.items()]
GRAMMAR = table(
    "F08",
    _MALFORMED,
    does="breaks the grammar of status line and headers, and leaves the connection open",
    why="RFC 9112 2.2, 4, 5; bare LF, folds and a leading CRLF, left open there, are decided",
)
GRAMMAR_BYTEWISE = rows_alone(
    "F08.2",
    [bytewise(one) for one in _MALFORMED],
    does="sends the same replies byte by byte",
    expects="`malformed` for each",
    why="how bytes are cut means nothing",
)


def _allowed_rows() -> list[Row]:
    good = {
        "empty reason": b"HTTP/1.1 200 " + REST,
        "reason of many words": b"HTTP/1.1 200 All is well, thank you!" + REST,
        "reason with obs-text": b"HTTP/1.1 200 \xe9t\xe9" + REST,
        "value with obs-text": b"HTTP/1.1 200 OK\r\nX-A: \xff\xfe" + REST,
        "empty value": b"HTTP/1.1 200 OK\r\nX-A:\r\nX-B: " + REST,
        "value with a colon": b"HTTP/1.1 200 OK\r\nX-A: b:c" + REST,
        "every token character in a name": b"HTTP/1.1 200 OK\r\n!#$%&'*+-.^_`|~09azAZ: b" + REST,
        "tab inside a value": b"HTTP/1.1 200 OK\r\nX-A: b\tc" + REST,
        "the same header twice": b"HTTP/1.1 200 OK\r\nX-A: b\r\nX-A: c" + REST,
        "HTTP/1.0": b"HTTP/1.0 200 OK" + REST,
    }
    free = {
        "HTTP/1.2": (b"HTTP/1.2 200 OK" + REST, 200),
        "HTTP/1.9": (b"HTTP/1.9 200 OK" + REST, 200),
        "status 600": (b"HTTP/1.1 600 OK" + REST, 600),
        "status 999": (b"HTTP/1.1 999 OK" + REST, 999),
    }
    rows = [row(name, wire, ok(b"hello")) for name, wire in good.items()]
    rows += [row("no space after the status", b"HTTP/1.1 200" + REST, ok(b"hello"), "malformed")]
    rows += [
        row(name, wire, ok(b"hello", status), "malformed") for name, (wire, status) in free.items()
    ]
    return rows


ALLOWED = table(
    "F08",
    _allowed_rows(),
    does="sends what the grammar allows or SPEC.md leaves free",
    why="RFC 9112 4, RFC 9110 5.5",
    first=71,
)
ALLOWED_BYTEWISE = rows_alone(
    "F08.3",
    [bytewise(one) for one in _allowed_rows()],
    does="sends the same replies byte by byte",
    expects="the answer; HTTP/1.2 and up and status 600-999: that or `malformed`",
    why="RFC 9112 4, RFC 9110 5.5",
)
_HEAD = b"HTTP/1.1 200 OK" + REST
# The reason is free text and the last digits make other statuses: up to the first digit alone.
MANGLED = rows_alone(
    "F08.4",
    [
        row(f"byte {at} mangled", _HEAD[:at] + b"\x01" + _HEAD[at + 1 :], "malformed", reuse=False)
        for at in range(13)
    ],
    does="mangles one byte of the status line at a time",
    expects="`malformed` for each",
    why="RFC 9112 4",
)
HEAD_SHORT = rows_alone(
    "F08.5",
    every_end("head", _HEAD[: _HEAD.index(b"hello")], "truncated"),
    does="ends a head by FIN after every one of its bytes but the last",
    expects="`truncated`: it was right so far",
    why="RFC 9112 8",
)
