"""F05-F08: interim replies, lengths that disagree, smuggling, and grammar.

Rules: tables only. A row says what is sent and every outcome that RFC 9112 and SPEC.md leave open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.case import case
from harness.check.fetch_rows import answer, ask, bytewise, every_cut, every_end, ok, row, sized
from harness.check.origin import Step

if TYPE_CHECKING:
    from harness.check.fetch_rows import Row
    from harness.check.stage import Stage

FINAL = sized(b"hello")
CHUNKED_HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def _interim(status: str, head: str = "") -> bytes:
    return answer(head, b"", status)


@case(
    "F05.1",
    quick=True,
    does="sends 100, 102 and 103 before the answer, alone, mixed and 16 of them; then 17; then 101",
    expects="the answer; `malformed` for 17 interim replies and for 101",
    why="RFC 9110 15.2; 101 was not asked for (9110 7.8)",
)
def interim(stage: Stage) -> None:
    """Play F05.1."""
    early = _interim("103 Early Hints", "Link: </a.css>; rel=preload\nX-A: b")
    upgrade = _interim("101 Switching Protocols", "Upgrade: foo\nConnection: upgrade")
    mixed = _interim("100 Continue") + _interim("102 Processing") + early
    rows = [
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
    ask(stage, rows, limit=4)


@case(
    "F05.2",
    does="cuts two interim replies and the answer at every offset, and sends them byte by byte",
    expects="the answer every time",
    why="RFC 9110 15.2",
)
def interim_cut(stage: Stage) -> None:
    """Play F05.2."""
    wire = _interim("100 Continue") + _interim("103 E", "Link: a") + FINAL
    whole = row("100, 103, 200", wire, ok(b"hello"))
    ask(stage, [bytewise(whole), *every_cut(whole)])


@case(
    "F06.1",
    quick=True,
    does="sends equal, differing and bad lengths, each reply followed by FIN",
    expects="equal ones: that length or `malformed`; all others: `malformed`",
    why="RFC 9112 6.3-5, RFC 9110 8.6",
)
def lengths(stage: Stage) -> None:
    """Play F06.1."""
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
    rows = [
        row(
            f"equal: {text!r}",
            (answer(f"Content-Length: {text}", body[:5]), Step.READ, Step.FIN),
            ok(body[:5]),
            "malformed",
        )
        for text in equal
    ]
    for name, text in bad.items():
        wire = answer(f"Content-Length: {text}", body)
        rows.append(row(name, (wire, Step.READ, Step.FIN), "malformed", reuse=False))
    # Left open, a client that took any length as given would wait or succeed.
    rows += [
        row(f"{name}, left open", answer(f"Content-Length: {text}", body), "malformed", reuse=False)
        for name, text in bad.items()
    ]
    ask(stage, rows)


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


@case(
    "F07.1",
    quick=True,
    does="sends both lengths, codings that do not end in chunked, chunked twice",
    expects="`malformed`, a connection that is never used again, other URLs untouched",
    why="RFC 9112 6.3-3, 6.3-4, 11.2",
)
def smuggle(stage: Stage) -> None:
    """Play F07.1."""
    rows = []
    for one in _smuggled():
        rows += [one, row(f"between, after {one.name}", FINAL, ok(b"hello"))]
    ask(stage, rows, limit=2)


@case(
    "F07.2",
    does="ends the same replies by FIN, and sends them byte by byte",
    expects="`malformed`: an end makes them no better",
    why="RFC 9112 6.3-3",
)
def smuggle_ended(stage: Stage) -> None:
    """Play F07.2."""
    rows = _smuggled()
    ended = [row(f"{one.name}, FIN", (*one.reply, Step.FIN), "malformed") for one in rows]
    ask(stage, [*ended, *map(bytewise, rows)])


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


@case(
    "F08.1",
    quick=True,
    does="breaks the grammar of status line and headers, and leaves the connection open",
    expects="`malformed` for each, without waiting for the deadline",
    why="RFC 9112 2.2, 4, 5; bare LF, folds and a leading CRLF, left open there, are decided",
)
def grammar(stage: Stage) -> None:
    """Play F08.1."""
    ask(stage, [row(name, wire, "malformed", reuse=False) for name, wire in MALFORMED.items()])


@case(
    "F08.2",
    does="sends the same replies byte by byte",
    expects="`malformed` for each",
    why="how bytes are cut means nothing",
)
def grammar_bytewise(stage: Stage) -> None:
    """Play F08.2."""
    rows = [row(name, wire, "malformed", reuse=False) for name, wire in MALFORMED.items()]
    ask(stage, [bytewise(one) for one in rows], limit=64)


@case(
    "F08.3",
    does="sends what the grammar allows (an empty reason, obs-text) or SPEC.md leaves free",
    expects="the answer; HTTP/1.2 and up and status 600-999: that or `malformed`",
    why="RFC 9112 4, RFC 9110 5.5",
)
def grammar_allowed(stage: Stage) -> None:
    """Play F08.3."""
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
    ask(stage, [*rows, *map(bytewise, rows)])


@case(
    "F08.4",
    does="ends a head by FIN after every byte, and mangles one byte of the status line at a time",
    expects="`truncated` for a head that was right so far; `malformed` for each mangled one",
    why="RFC 9112 8",
)
def grammar_mangled(stage: Stage) -> None:
    """Play F08.4."""
    head = b"HTTP/1.1 200 OK" + REST
    # The reason is free text and the last digits make other statuses: up to the first digit alone.
    rows = [
        row(f"byte {at} mangled", head[:at] + b"\x01" + head[at + 1 :], "malformed", reuse=False)
        for at in range(13)
    ]
    ask(stage, [*rows, *every_end("head", head[: head.index(b"hello")], "truncated")])
