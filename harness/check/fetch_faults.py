"""F11, F12, F14: the word for each fault, the deadline, and connections that went stale.

Rules: a deadline is judged twice, by what fetch says of itself and by when the origin sees the
socket end. A retry is counted at the origin, where it cannot be hidden.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late, case
from harness.check.fetch_rows import Row, answer, judge, ok, row, shown, sized, wrong
from harness.check.origin import Origin, Step
from harness.check.table import Setting, ask, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.check.client import Client
    from harness.check.fetch_rows import Outcome
    from harness.check.origin import Request, Script
    from harness.check.stage import Stage

CHUNKED = "Transfer-Encoding: chunked"
LATE_S = 0.2  # F12: how far past its deadline a URL may end
ROUNDING_S = 0.001  # of elapsed_s, and of clocks that tick in milliseconds
HELLO = sized(b"hello")


def _drip(begin: bytes, piece: bytes, every_s: float = 0.05) -> Script:
    """Yield a beginning, then one piece after every pause, for ever."""
    return chain((begin,), *repeat((piece, every_s), 200))


STALLS: dict[str, Script] = {
    "nothing at all": (60.0,),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", 60.0),
    "half a body": (answer("Content-Length: 9", b"half"), 60.0),
    "half a chunk": (answer(CHUNKED, b"9\r\nhalf"), 60.0),
    "no last chunk": (answer(CHUNKED, b"4\r\nhalf\r\n"), 60.0),
    "no FIN": (answer("", b"hello"), 60.0),
    "only 100": (answer("", b"", "100 Continue"), 60.0),
    "a dripping header": tuple(_drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"a")),
    "dripping headers": tuple(_drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n")),
    "a dripping body": tuple(_drip(answer("Content-Length: 999"), b"b")),
    "dripping chunks": tuple(_drip(answer(CHUNKED), b"1\r\nc\r\n")),
    "a dripping body up to FIN": tuple(_drip(answer(""), b"d")),
}
"""Answers that never end, quiet ones and dripping ones."""


def _cause_rows() -> list[Row]:
    beginnings = {
        "nothing": (),
        "one byte": (b"H", Step.READ),
        "half a head": (b"HTTP/1.1 200 OK\r\nX", Step.READ),
        "a head": (answer("Content-Length: 9"), Step.READ),
        "half a body": (answer("Content-Length: 9", b"half"), Step.READ),
        "half a chunk": (answer(CHUNKED, b"9\r\nhalf"), Step.READ),
        "a chunk but not the last": (answer(CHUNKED, b"4\r\nhalf\r\n"), Step.READ),
        "a trailer but no end": (answer(CHUNKED, b"0\r\nA: b\r\n"), Step.READ),
    }
    return [
        row(f"{name}, then {end.name}", (*begin, end), word)
        for name, begin in beginnings.items()
        for end, word in ((Step.FIN, "truncated"), (Step.RST, "reset"))
    ]


CAUSES = table("F11", _cause_rows(), does="ends an answer early", why="RFC 9112 8", sitting="fresh")
# Apart from the rest, whose words must not depend on how busy the machine is.
STALLED = table(
    "F11",
    [Row(name, tuple(script), ("timeout",)) for name, script in STALLS.items()],
    does="never ends its answer, with --deadline-s 0.4",
    sitting="stalled",
    quick=False,
    first=41,
)


@case(
    "F11.1",
    quick=True,
    does="refuses a connect, lets one stall, answers garbage and too much, one URL each",
    expects="one word per cause: refused, timeout, malformed, too_large",
)
def words(stage: Stage) -> None:
    """Play F11.1."""
    with Origin(stage) as elsewhere:
        rows = [
            Row("nobody listens", (), ("refused",), url=elsewhere.refusing_url()),
            Row("no route", (), ("refused",), url="http://255.255.255.255:7/"),
            Row("a silent connect", (), ("timeout",), url=elsewhere.deaf_url()),
            row("no HTTP", b"hello\r\n\r\n", "malformed"),
            row("too long", answer("Content-Length: 1001"), "too_large"),
            row("nothing wrong", HELLO, ok(b"hello")),
        ]
        setting = Setting(50, ("--max-bytes", "1000"), deadline_s=0.8)
        ask(stage, rows, setting).expect(range(len(rows)))


def _judge_deadline(stage: Stage, client: Client, origin: Origin, deadline_s: float) -> None:
    """Raise Failure unless every URL ended in time, in its own eyes and in the origin's."""
    late_s = stage.within(LATE_S)
    for line in client.lines:
        if line.error != "timeout":
            raise Failure(f"`timeout` for {line.url}", shown(line))
        if line.elapsed_s < deadline_s - ROUNDING_S:
            raise Failure(f"an end {deadline_s:g} s after the start of {line.url}", shown(line))
        if line.elapsed_s > deadline_s + late_s:
            raise Late(f"an end {LATE_S:g} s after its deadline of {line.url}", shown(line))
    # A request may be seen late, so that its lower bound is a loose one; it only meets a plain lie.
    for connection in origin.connections:
        last = connection.requests[-1]
        took_s = connection.ended_at - last.at
        if not connection.end:
            raise Late(f"the socket of {last.target} closed", "one that is open")
        if not deadline_s / 2 <= took_s <= deadline_s + late_s:
            raise Late(
                f"{last.target}: closed {deadline_s:g} to {deadline_s + LATE_S:g} s after it asked",
                f"closed after {took_s:.3f} s",
            )


@case(
    "F12.1",
    quick=True,
    needs="core",
    does="stalls and drips in every part of an answer, and in the connect, with --deadline-s 0.5",
    expects="`timeout` within 0.5 to 0.7 s, dripping or not, and the socket closed then",
)
def deadline(stage: Stage) -> None:
    """Play F12.1."""
    scripts = list(STALLS.values())
    with Origin(stage, lambda request: scripts[int(request.target.strip("/"))]) as origin:
        urls = [origin.url(f"/{at}") for at in range(len(scripts))] + [origin.deaf_url()]
        # It lingers for longer than a socket may stay open, however far that bound is stretched.
        linger = f"{stage.within(2 * LATE_S):g}"
        options = ("--deadline-s", "0.5", "--limit", "20", "--linger-s", linger)
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            origin.until(lambda: len(client.lines) == len(urls), "a line for every URL", 3.0)
            origin.rest(stage.within(LATE_S))
            _judge_deadline(stage, client, origin, 0.5)
            client.by_index()


@case(
    "F12.2",
    needs="core",
    does="stalls four URLs with --limit 2 and --deadline-s 0.4",
    expects="each ends 0.4 to 0.6 s after it was let start: waiting for the limiter does not count",
)
def deadline_behind_limit(stage: Stage) -> None:
    """Play F12.2."""
    with Origin(stage) as origin:
        urls = [origin.url(f"/{at}") for at in range(4)]
        with stage.fetch(urls, "--deadline-s", "0.4", "--limit", "2") as client:
            origin.serve(client, 3.0)
            _judge_deadline(stage, client, origin, 0.4)
            client.by_index()
            apart_s = origin.requests[2].at - origin.requests[0].at
            if apart_s < 0.2:
                raise Late(
                    "the third URL started when the first had ended", f"{apart_s:.3f} s later"
                )


@case(
    "F12.3",
    needs="core",
    does="ends a reused connection after 0.3 of the 0.6 s of --deadline-s, and stalls the retry",
    expects="`timeout` 0.6 to 0.8 s after the start: the retry has only what is left",
)
def deadline_with_retry(stage: Stage) -> None:
    """Play F12.3."""

    def reply(request: Request) -> Script:
        if len(origin.requests) == 1:
            return (HELLO,)
        return (0.3, Step.FIN) if request.connection.number == 1 else (60.0,)

    with Origin(stage, reply) as origin:
        urls = [origin.url("/1"), origin.url("/2")]
        with stage.fetch(urls, "--deadline-s", "0.6", "--limit", "1") as client:
            origin.serve(client, 3.0)
            client.by_index()
            line = client.lines[-1]
            late = 0.6 + stage.within(LATE_S)
            if line.error != "timeout" or line.elapsed_s < 0.6 - ROUNDING_S:
                raise Failure("`timeout` 0.6 s after the start at the earliest", shown(line))
            if line.elapsed_s > late:
                raise Late("`timeout` 0.8 s after the start at the latest", shown(line))
            if len(origin.requests) != 3:
                raise Failure("one retry", f"{len(origin.requests) - 2}")
            took_s = origin.requests[2].connection.ended_at - origin.requests[1].at
            if took_s > late:
                raise Late(
                    "the retry's socket closed 0.8 s after the first try", f"after {took_s:.3f} s"
                )


@case(
    "F12.4",
    needs="core",
    again=True,
    does="stalls an answer with --deadline-s 5.1",
    expects="`timeout` after 5.1 to 5.3 s, and the socket closed then",
    why="clients have time limits of their own, and some round long ones",
)
def long_deadline(stage: Stage) -> None:
    """Play F12.4."""
    with (
        Origin(stage) as origin,
        stage.fetch([origin.url("/")], "--deadline-s", "5.1") as client,
    ):
        origin.serve(client, 8.0)
        _judge_deadline(stage, client, origin, 5.1)
        client.by_index()


def _expect_tries(requests: Sequence[Request], count: int, what: str) -> None:
    """Raise Failure unless the origin saw so many requests, each retry first on its connection."""
    if len(requests) != count:
        raise Failure(f"{count} request(s) for {what}", f"{len(requests)}")
    if any(request.number != 1 for request in requests[1:]):
        raise Failure(f"the retry of {what} on a new connection", "a reused one")


def _expect(client: Client, *allowed: Outcome) -> None:
    """Raise Failure when a line is none of the allowed outcomes."""
    for line in client.by_index().values():
        if not judge(line, allowed):
            raise wrong(line, allowed)


@case(
    "F14.1",
    quick=True,
    does="ends a reused connection by FIN or RST once the next request has come",
    expects="exactly one retry, on a new connection",
    why="RFC 9110 9.2.2 and 9112 9.3.1: a GET may be tried again",
)
def stale_retry(stage: Stage) -> None:
    """Play F14.1."""
    # Two connections a door are opened by holding the first two requests; then all reused ones end.
    ends = {0: Step.FIN, 1: Step.RST}

    def reply(request: Request) -> Script | None:
        if request.number == 1:
            return None if len(request.connection.requests) == 1 and not opened else (HELLO,)
        return (Step.ACKED, ends[request.connection.door])

    opened: list[bool] = []
    with Origin(stage, reply, doors=2) as origin:
        urls = [origin.url(f"/{at}/{door}", door) for at in range(4) for door in ends]
        with stage.fetch(urls, "--limit", "4") as client:
            origin.attend(client)
            origin.until(lambda: len(origin.held) == 4, "4 requests in flight")
            opened.append(True)
            for request in origin.held:
                request.reply(HELLO)
            origin.serve(client)
            _expect(client, ok(b"hello"))
        for url in urls:
            tries = origin.asked(url)
            _expect_tries(tries, 1 if tries[0].number == 1 else 2, url)
        if not any(request.number > 1 for request in origin.requests):
            raise Failure("a reused connection", "a new one for every request")


@case(
    "F14.5",
    does="ends a reused connection so while another one to the same origin is idle",
    expects="the retry on a new connection all the same",
    why="the idle one may be as stale as the first",
)
def stale_beside_idle(stage: Stage) -> None:
    """Play F14.5."""
    for end in (Step.FIN, Step.RST):
        with Origin(stage) as origin:
            urls = [origin.url(f"/{at}") for at in range(3)]
            with stage.fetch(urls, "--limit", "2") as client:
                origin.attend(client)
                origin.fill(2)
                first, second = origin.held
                origin.deliver(first, HELLO)
                origin.until(lambda: len(origin.requests) == 3, "the third request")
                origin.deliver(second, HELLO)
                origin.until(lambda: len(client.lines) == 2, "two lines")
                third = origin.held[0]
                if third.number != 2:
                    raise Failure("the third request on the idle connection", "a new one")
                origin.answer = lambda _: (HELLO,)
                third.reply(end)
                origin.serve(client)
                _expect(client, ok(b"hello"))
            _expect_tries([third, *origin.requests[3:]], 2, f"a URL ended by {end.name}")


@case(
    "F14.2",
    does="ends the retry as well, by FIN or RST",
    expects="`truncated` or `reset`, and no third try",
)
def stale_twice(stage: Stage) -> None:
    """Play F14.2."""
    ends = {0: Step.FIN, 1: Step.RST}

    def reply(request: Request) -> Script:
        door = request.connection.door
        first = not any(one.connection.door == door for one in origin.requests[:-1])
        return (HELLO,) if first else (ends[door],)

    with Origin(stage, reply, doors=2) as origin:
        urls = [origin.url(f"/{at}/{door}", door) for door in ends for at in range(2)]
        with stage.fetch(urls, "--limit", "1") as client:
            origin.serve(client)
            _expect(client, ok(b"hello"), "truncated", "reset")
            lines = client.by_index()
        for door, word in ((0, "truncated"), (1, "reset")):
            mine = [one for one in origin.requests if one.connection.door == door]
            _expect_tries(mine[1:], 2, f"a URL whose connection ended by {ends[door].name}")
            words = [lines[at].error for at in (2 * door, 2 * door + 1) if lines[at].error]
            if words != [word]:
                raise Failure(f"`{word}` once after {ends[door].name}", f"{words}")


@case(
    "F14.3",
    does="ends a fresh connection before any answer byte, and a reused one after the first",
    expects="`truncated` by FIN, `reset` by RST, and no retry",
    why="only what the origin may never have seen is tried again",
)
def no_retry(stage: Stage) -> None:
    """Play F14.3."""
    # Doors 0 and 1 end a fresh connection; 2 and 3 answer, and end the second after a byte.
    ends = {0: Step.FIN, 1: Step.RST, 2: Step.FIN, 3: Step.RST}

    def reply(request: Request) -> Script:
        end = ends[request.connection.door]
        if request.connection.door < 2:
            return (Step.ACKED, end)
        return (HELLO,) if request.number == 1 else (b"H", Step.READ, end)

    with Origin(stage, reply, doors=4) as origin:
        urls = [origin.url(f"/{door}", door) for door in (0, 1)]
        urls += [origin.url(f"/{at}/{door}", door) for door in (2, 3) for at in range(2)]
        with stage.fetch(urls, "--limit", "1") as client:
            origin.serve(client)
            lines = client.by_index()
        for url in urls:
            _expect_tries(origin.asked(url), 1, url)
        words = [[lines[at].error for at in group] for group in ((0,), (1,), (2, 3), (4, 5))]
        for got, word, what in zip(
            words,
            ("truncated", "reset", "truncated", "reset"),
            ("fresh, FIN", "fresh, RST", "after a byte, FIN", "after a byte, RST"),
            strict=True,
        ):
            if [each for each in got if each] != [word]:
                raise Failure(f"`{word}` once ({what})", f"{got}")


@case(
    "F14.4",
    does="ends idle connections by FIN or RST while another origin is asked",
    expects="the next URL is answered, and asked for once",
)
def stale_while_idle(stage: Stage) -> None:
    """Play F14.4."""
    with Origin(stage, doors=3) as origin:
        urls = [origin.url(f"/{at}/{door}", door) for at in range(3) for door in range(3)]
        with stage.fetch(urls, "--limit", "1") as client:
            origin.attend(client)
            for _ in urls:
                request = origin.next_held()
                for other in origin.open:
                    if other is not request.connection:
                        other.play(None, (Step.RST if other.door == 2 else Step.FIN,))
                origin.until(lambda: not any(one.playing for one in origin.connections), "the ends")
                origin.deliver(request, HELLO)
            origin.serve(client)
            _expect(client, ok(b"hello"))
        for url in urls:
            _expect_tries(origin.asked(url), 1, url)
