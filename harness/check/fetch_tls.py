"""F23: what holds over TCP holds over TLS: where a body ends, and which connections serve again.

Rules: the rows are those of F01 to F03, and mean the same. FIN says close_notify first, as HTTP
asks (RFC 9112 9.8); CUT is the FIN that anybody on the way can forge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.check import tls
from harness.check.case import Failure, Inconclusive, case
from harness.check.fetch_bodies import (
    ALL_BYTES,
    CHUNKED,
    RICH,
    RICH_BODY,
    _chunked_rows,
    _length_rows,
    _to_close_rows,
    chunks,
)
from harness.check.fetch_rows import (
    answer,
    bytewise,
    every_cut,
    every_end,
    judge,
    ok,
    row,
    shown,
    sized,
)
from harness.check.origin import Origin, Step
from harness.check.table import Setting, ask, rows_alone, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.check.fetch_rows import Row
    from harness.check.origin import Request, Script
    from harness.check.stage import Stage

RECORD = 16384  # RFC 8446 5.1: the most plain bytes of one record; a longer write becomes several
HELLO = sized(b"hello")
SHORT_CHUNKS = answer(CHUNKED, chunks(b"hello", trailer=b"A: b\r\n"))
# An end that TLS does not announce. Many programs see it through a library that tells FIN and RST
# apart for nobody: CPython's ssl module before 3.11.9 and 3.12.3, Twisted's TLS.
CUTS = ("reset", "truncated")
BARE = answer("X-A: b")  # no length: the body ends with the connection
BIG = ALL_BYTES * 2048


def _sealed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows as they are judged over TLS."""
    return [replace(one, allowed=CUTS) if one.allowed == ("reset",) else one for one in rows]


LENGTHS = table(
    "F23",
    _length_rows(),
    first=101,
    does="answers over TLS with Content-Length",
    why="https is HTTP over TLS (RFC 9110 4.2.2)",
    sitting="sealed",
    quick=False,
)
CHUNKS = table(
    "F23",
    _chunked_rows(),
    first=141,
    does="answers over TLS in chunks",
    sitting="sealed",
    quick=False,
)
TO_CLOSE = table(
    "F23",
    [
        *_sealed(_to_close_rows()),
        row("close_notify without FIN", (BARE + b"hello", Step.NOTIFY), ok(b"hello"), reuse=False),
    ],
    first=181,
    does="answers over TLS without a length",
    why="RFC 9112 6.3-8, 9.8: close_notify is the end",
    sitting="sealed",
    quick=False,
)
FORGED = table(
    "F23",
    [
        row("a body", (BARE + b"hello", Step.READ, Step.CUT), *CUTS),
        row("a body, at once", (BARE + b"hello", Step.CUT), *CUTS),
        row("no body", (BARE, Step.READ, Step.CUT), *CUTS),
        row("512 KiB", (BARE + BIG, Step.CUT), *CUTS),
        row("5 bytes of a length, all there", (HELLO, Step.CUT), ok(b"hello")),
        row("chunks, all there", (SHORT_CHUNKS, Step.CUT), ok(b"hello")),
    ],
    first=211,
    does="ends by a FIN without close_notify",
    why="RFC 9112 8, 9.8: what such a close would end is incomplete: anybody can forge a FIN",
    sitting="sealed",
    quick=False,
)
_WHOLE = (
    row("5 bytes", sized(b"he\r\nlo", "X-A: b"), ok(b"he\r\nlo")),
    row("chunks", answer(CHUNKED, RICH), ok(RICH_BODY)),
    row("to close", (answer("X-A: b", b"hello\r\n"), Step.FIN), ok(b"hello\r\n")),
)
CUT = rows_alone(
    "F23.9",
    [each for one in _WHOLE for each in (bytewise(one), *every_cut(one))],
    does="cuts replies into two records at every offset, and sends them in records of one byte",
    expects="the same body every time",
    why="records mean as little as segments",
    sitting="sealed pieces",
)
CUT_SHORT = rows_alone(
    "F23.10",
    [
        *every_end("length", HELLO, "truncated"),
        *every_end("chunks", SHORT_CHUNKS, "truncated"),
        row("half, close_notify alone", (HELLO[:-2], Step.NOTIFY), "truncated"),
    ],
    does="ends a reply by close_notify and FIN after every one of its bytes but the last",
    expects="truncated, never success",
    why="RFC 9112 8",
    sitting="sealed pieces",
)
CUT_OFF = rows_alone(
    "F23.11",
    [
        *every_end("length", HELLO, *CUTS, end=Step.CUT),
        *every_end("chunks", SHORT_CHUNKS, *CUTS, end=Step.CUT),
    ],
    does="ends a reply by a FIN without close_notify after every one of its bytes but the last",
    expects="truncated or reset, never success",
    why="RFC 9112 8, 9.8",
    sitting="sealed pieces",
)


def _surplus_rows() -> list[Row]:
    body = b"r" * (RECORD - len(sized(b"r" * 9999)) - 1 + 9999)
    assert len(sized(body)) == RECORD  # so that what follows begins the next record
    between = row("between", sized(b"own body"), ok(b"own body"))
    rows = []
    for what, more in {"an answer": sized(b"nobody's"), "a byte": b"H", "CRLF": b"\r\n"}.items():
        rows += [
            row(f"{what} in its record", HELLO + more, ok(b"hello"), reuse=False),
            between,
            row(f"{what} in the next record", sized(body) + more, ok(body), reuse=False),
            between,
        ]
    return rows


SURPLUS = rows_alone(
    "F23.12",
    _surplus_rows(),
    does="sends more than the answer over TLS: in its record, or in one of its own behind it",
    expects="the answer alone, and no other request on that connection",
    why="RFC 9112 9.2",
    sitting="sealed in turn",
)


@case(
    "F23.13",
    does="answers 30 URLs in turn over TLS, then more beside a plain origin of the same host",
    expects="one connection for all with --limit 1, at most four with --limit 4; each its own body",
    why="RFC 9112 9.3",
)
def reuse(stage: Stage) -> None:
    """Play F23.13."""
    rows = [
        row("a length", HELLO, ok(b"hello")),
        row("chunks", answer(CHUNKED, chunks(b"hello")), ok(b"hello")),
        row("204", answer("", b"", "204 No Content"), ok(b"", 204)),
        row("two records", (HELLO[:-3], Step.READ, b"llo"), ok(b"hello")),
    ]
    for limit in (1, 4):
        asked = ask(stage, rows * 8, Setting(limit, tls=True))
        asked.expect(range(len(asked.rows)))
        count = len(asked.origin.connections)
        if count > limit:
            raise Failure(f"at most {limit} connection(s) with --limit {limit}", f"{count}")
    bodies = (sized(b"plain"), sized(b"sealed"))
    with Origin(stage, lambda request: (bodies[request.connection.door],)) as origin:
        origin.open_door(("127.0.0.1", 0), tls.context())
        urls = [origin.url(f"/{at}", door=at % 2) for at in range(20)]
        with stage.fetch(
            urls, "--limit", "3", "--ca", tls.authority_file(stage.folder())
        ) as client:
            origin.serve(client)
            for index, line in client.by_index().items():
                wanted = ok(b"sealed" if index % 2 else b"plain")
                if not judge(line, [wanted]):
                    raise Failure(f"{wanted} for {line.url}", shown(line))


@case(
    "F23.14",
    does="lets bytes arrive on an idle TLS connection while another origin is asked",
    expects="the next request comes on a new connection and gets its own answer",
    why="RFC 9112 9.2",
)
def surplus_while_idle(stage: Stage) -> None:
    """Play F23.14."""
    late = (sized(b"this belongs to nobody"), b"H", answer("", b"", "100 Continue"), b"\r\n")
    poisoned: set[int] = set()
    returned = False
    with Origin(stage, doors=2, tls=tls.context()) as origin:
        urls = [origin.url(f"/{at}/{door}", door) for at in range(5) for door in (0, 1)]
        options = ("--limit", "1", "--ca", tls.authority_file(stage.folder()))
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            for at in range(len(urls)):
                request = origin.next_held()
                if request.connection.number in poisoned:
                    raise Failure("a new connection", "a request on one that surplus had come to")
                door = request.connection.door
                returned = returned or any(
                    one.number in poisoned and one.door == door for one in origin.connections
                )
                for other in origin.open:
                    if other is not request.connection and other.number not in poisoned:
                        poisoned.add(other.number)
                        other.send_now(late[at % len(late)])
                request.reply(sized(b"own body"))
            origin.serve(client)
            for line in client.by_index().values():
                if not judge(line, [ok(b"own body")]):
                    raise Failure(f"its own body for {line.url}", shown(line))
    if not returned:
        raise Inconclusive("no URL went back to an origin whose connection had got surplus bytes")


@case(
    "F23.15",
    does="ends a reused TLS connection at the next request: close_notify, FIN, both, RST",
    expects="exactly one retry, on a new connection",
    why="RFC 9112 9.3.1: a GET may be tried again",
)
def stale_retry(stage: Stage) -> None:
    """Play F23.15."""
    ends = (Step.FIN, Step.CUT, Step.NOTIFY, Step.RST)

    def reply(request: Request) -> Script:
        return (HELLO,) if request.number == 1 else (Step.ACKED, ends[request.connection.door])

    with Origin(stage, reply, doors=len(ends), tls=tls.context()) as origin:
        urls = [origin.url(f"/{at}/{door}", door) for door in range(len(ends)) for at in range(2)]
        options = ("--limit", "1", "--ca", tls.authority_file(stage.folder()))
        with stage.fetch(urls, *options) as client:
            origin.serve(client)
            for line in client.by_index().values():
                if not judge(line, [ok(b"hello")]):
                    raise Failure(f"an answer for {line.url} after one retry", shown(line))
        for door, end in enumerate(ends):
            mine = [one for one in origin.requests if one.connection.door == door]
            if [one.number for one in mine] != [1, 2, 1]:
                numbers = [one.number for one in mine]
                raise Failure(f"after {end.name} one retry, on a new connection", f"{numbers}")
