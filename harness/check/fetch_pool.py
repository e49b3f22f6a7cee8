"""F09, F13, F15: which connections serve again, and how many requests are in flight.

Rules: judged by what the origin sees. Surplus bytes are known to have arrived (acknowledged) before
the next request can be sent, because its origin is only then given a reason to be asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.case import Failure, Inconclusive, case
from harness.check.fetch_rows import DEADLINE_S, answer, judge, ok, row, sized, wrong
from harness.check.origin import Origin, Step
from harness.check.table import Setting, ask, rows_alone, table

if TYPE_CHECKING:
    from harness.check.fetch_rows import Row
    from harness.check.stage import Stage

CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
POISON = sized(b"this belongs to nobody")
HOLD_S = 0.1  # how long the forbidden request past the limit has to show itself


def _surplus_rows() -> list[Row]:
    firsts = {
        "5 bytes": (sized(b"hello"), ok(b"hello")),
        "no byte": (sized(b""), ok()),
        "chunks": (answer(CHUNKED, CHUNKS), ok(b"hello")),
        "chunks and a trailer": (answer(CHUNKED, CHUNKS[:-2] + b"A: b\r\n\r\n"), ok(b"hello")),
        "204": (answer("", b"", "204 No Content"), ok(b"", 204)),
        "304": (answer("", b"", "304 Not Modified"), ok(b"", 304)),
    }
    surplus = {
        "an answer": POISON,
        "one byte": b"H",
        "CRLF": b"\r\n",
        "100": answer("", b"", "100 Continue"),
    }
    rows = []
    for name, (wire, outcome) in firsts.items():
        rows += [
            row(f"{name} and {what}", wire + more, outcome, reuse=False)
            for what, more in surplus.items()
        ]
    return rows


SURPLUS = table(
    "F09",
    _surplus_rows(),
    does="sends more in one piece with the answer",
    why="RFC 9112 9.2",
)
SURPLUS_BETWEEN = rows_alone(
    "F09.1",
    [
        each
        for one in _surplus_rows()
        for each in (one, row(f"between, after {one.name}", sized(b"own body"), ok(b"own body")))
    ],
    does="sends a second answer, or a single byte, in one piece with the first; then good ones",
    expects="the first answer alone, and no other request on that connection",
    why="RFC 9112 9.2",
    sitting="rows",
)


@case(
    "F09.2",
    does="lets bytes arrive on an idle connection while another origin is asked",
    expects="the next request comes on a new connection and gets its own answer",
    why="RFC 9112 9.2",
)
def surplus_while_idle(stage: Stage) -> None:
    """Play F09.2."""
    late = (POISON, b"H", answer("", b"", "100 Continue"), b"\r\n")
    own = sized(b"own body")
    poisoned: set[int] = set()
    with Origin(stage, doors=2) as origin:
        urls = [origin.url(f"/{at}/{door}", door) for at in range(5) for door in (0, 1)]
        with stage.fetch(
            urls, "--limit", "1", "--deadline-s", f"{stage.within(DEADLINE_S):g}"
        ) as client:
            origin.attend(client)
            returned = False
            for at in range(len(urls)):
                request = origin.next_held()
                connection = request.connection
                if connection.number in poisoned:
                    raise Failure(
                        "a new connection", "a request on one that surplus bytes had come to"
                    )
                returned = returned or any(
                    one.number in poisoned and one.door == connection.door
                    for one in origin.connections
                )
                for other in origin.open:
                    if other is not connection and other.number not in poisoned:
                        poisoned.add(other.number)
                        other.send_now(late[at % len(late)])
                request.reply(own)
            status = origin.serve(client)
            for line in client.by_index().values():
                if not judge(line, [ok(b"own body")]):
                    raise wrong(line, [ok(b"own body")])
    if status != 0:
        raise Failure("exit status 0", f"{status}")
    if not returned:
        raise Inconclusive("no URL went back to an origin whose connection had got surplus bytes")


def _kept_rows() -> list[Row]:
    return [
        row("a length", sized(b"hello"), ok(b"hello")),
        row("no byte", sized(b""), ok()),
        row("chunks", answer(CHUNKED, CHUNKS), ok(b"hello")),
        row("trailers", answer(CHUNKED, CHUNKS[:-2] + b"A: b\r\n\r\n"), ok(b"hello")),
        row("204", answer("", b"", "204 No Content"), ok(b"", 204)),
        row("304", answer("Content-Length: 5", b"", "304 Not Modified"), ok(b"", 304)),
        row("404", sized(b"no", "", "404 Not Found"), ok(b"no", 404)),
        row("103 first", answer("", b"", "103 E") + sized(b"hello"), ok(b"hello")),
        row("keep-alive", sized(b"hello", "Connection: keep-alive"), ok(b"hello")),
        row("two pieces", (sized(b"hello")[:-3], Step.READ, b"llo"), ok(b"hello")),
    ]


@case(
    "F13.1",
    quick=True,
    does="answers 30 URLs in turn on persistent connections, with and without bodies",
    expects="one connection for all with --limit 1, at most four with --limit 4",
    why="RFC 9112 9.3",
)
def reuse(stage: Stage) -> None:
    """Play F13.1."""
    rows = _kept_rows() * 3
    for limit in (1, 4):
        asked = ask(stage, rows, Setting(limit))
        asked.expect(range(len(rows)))
        count = len(asked.origin.connections)
        if count > limit:
            raise Failure(f"at most {limit} connection(s) with --limit {limit}", f"{count}")


def _closing_rows() -> list[Row]:
    hello = ok(b"hello")
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n"
    return [
        *(
            row(head, sized(b"hello", head), hello, reuse=False)
            for head in (
                "Connection: close",
                "connection:close",
                "Connection: Close",
                "Connection: CLOSE",
                "Connection: foo, close",
                "Connection: close, foo",
                "Connection: foo\nConnection: close",
                "Connection: keep-alive, close",
            )
        ),
        row(
            "close and chunks", answer(f"Connection: close\n{CHUNKED}", CHUNKS), hello, reuse=False
        ),
        row("close and 204", answer("Connection: close", b"", "204 No"), ok(b"", 204), reuse=False),
        row("HTTP/1.0", old + b"\r\nhello", hello, reuse=False),
        row("HTTP/1.0, close", old + b"Connection: close\r\n\r\nhello", hello, reuse=False),
        row("HTTP/1.0, another option", old + b"Connection: foo\r\n\r\nhello", hello, reuse=False),
    ]


CLOSED = table(
    "F13",
    _closing_rows(),
    does="answers with close or in HTTP/1.0, and leaves the connection open",
    why="RFC 9112 9.3, 9.6",
)
CLOSED_BETWEEN = rows_alone(
    "F13.2",
    [
        each
        for one in _closing_rows()
        for each in (one, row(f"between, after {one.name}", sized(b"hello"), ok(b"hello")))
    ],
    does="answers with close, in several spellings, or HTTP/1.0, each followed by a good answer",
    expects="the body, and no other request on that connection",
    why="RFC 9112 9.3, 9.6",
    sitting="rows",
)


def _unfinished_rows() -> list[Row]:
    rows = [
        row("declared too large", answer("Content-Length: 1001"), "too_large", reuse=False),
        row(
            "too large by its bytes",
            answer(CHUNKED, b"3e9\r\n" + b"x" * 1001),
            "too_large",
            reuse=False,
        ),
        row("broken chunk", answer(CHUNKED, b"5\r\nhelloX"), "malformed", reuse=False),
        row("stalled", answer("Content-Length: 9", b"half"), "timeout", reuse=False),
    ]
    between = row("between", sized(b"hello"), ok(b"hello"))
    return [each for one in rows for each in (one, between)]


UNFINISHED = rows_alone(
    "F13.3",
    _unfinished_rows(),
    does="leaves bodies unfinished: too large, malformed, stalled past the deadline",
    expects="no other request on those connections",
    why="RFC 9112 9.3: what comes next there is the rest of that body",
    sitting="unfinished",
)


def _hold_at(stage: Stage, limit: int, count: int) -> None:
    """Let `count` URLs be asked for with this limit, and release them one by one at the full."""
    with Origin(stage) as origin:
        urls = [origin.url(f"/{at}") for at in range(count)]
        with stage.fetch(urls, "--limit", str(limit)) as client:
            origin.attend(client)
            origin.fill(limit)
            origin.rest(HOLD_S)
            for done in range(count):
                origin.fill(min(limit, count - done))
                origin.deliver(origin.held[0], sized(b"hello"))
            origin.serve(client)
            for line in client.by_index().values():
                if not judge(line, [ok(b"hello")]):
                    raise wrong(line, [ok(b"hello")])
        if origin.most_in_flight > limit or len(origin.connections) > limit:
            raise Failure(
                f"at most {limit} requests in flight on as many connections",
                f"{origin.most_in_flight} on {len(origin.connections)}",
            )


@case(
    "F15.1",
    quick=True,
    does="holds every request with --limit 7, then answers one at a time",
    expects="7 in flight, never more, and 7 again after every answer",
)
def limit_seven(stage: Stage) -> None:
    """Play F15.1."""
    _hold_at(stage, 7, 40)


@case("F15.2", does="the same with --limit 1", expects="one in flight, never more")
def limit_one(stage: Stage) -> None:
    """Play F15.2."""
    _hold_at(stage, 1, 8)


@case("F15.3", does="the same with --limit 50", expects="50 in flight, never more")
def limit_fifty(stage: Stage) -> None:
    """Play F15.3."""
    _hold_at(stage, 50, 120)


@case(
    "F15.4",
    does="lets two of three URLs fail, by refusal, FIN, RST and a broken answer, with --limit 5",
    expects="5 in flight again and again: a failure gives its place back, once",
)
def limit_with_failures(stage: Stage) -> None:
    """Play F15.4."""
    ends: list[tuple[bytes | float | Step, ...]] = [
        (Step.FIN,),
        (sized(b"hello"),),
        (Step.RST,),
        (b"no HTTP\r\n\r\n",),
        (sized(b"hello"),),
    ]
    with Origin(stage) as origin:
        refusing = origin.refusing_url()
        urls = [refusing if at % 4 == 3 else origin.url(f"/{at}") for at in range(60)]
        with stage.fetch(urls, "--limit", "5") as client:
            origin.attend(client)
            for done in range(45):
                origin.fill(min(5, 45 - done))
                if done % 15 == 0:
                    origin.rest(HOLD_S / 2)
                request = origin.held[0]
                fresh = request.number == 1  # a reused connection that ends is tried again (F14)
                script = ends[done % 5] if fresh or done % 5 in (1, 3, 4) else (sized(b"hello"),)
                origin.deliver(request, *script)
            origin.serve(client)
            client.by_index()
        if origin.most_in_flight > 5:
            raise Failure("at most 5 requests in flight", f"{origin.most_in_flight}")
