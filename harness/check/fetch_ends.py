"""F17-F19: nothing outlives the end: fail-fast, signals, and the end of all URLs.

Rules: sockets are judged at the origin, while --linger-s keeps the process from closing them by
ending. A bound in time counts from the moment at which the cause was given.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from harness.check.case import Failure, Late, case
from harness.check.fetch_rows import answer, judge, ok, row, sized, wrong
from harness.check.origin import Origin, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.check.client import Client
    from harness.check.origin import Request
    from harness.check.stage import Stage

CLOSED_S = 0.2  # F17, F19: how soon every socket is closed
LINGER_S = 0.3  # how much longer than that, however it is stretched, the process lives on
SIGNAL_S = 1.0  # F18: how soon the process has ended
HELLO = sized(b"hello")


def _expect_closed(origin: Origin, since: float, within_s: float) -> None:
    """Wait until fetch has closed every socket, and judge when; the bound is scaled already."""
    bound = since + within_s
    while origin.open and time.monotonic() < bound:
        origin.turn(0.01)
    late = [one for one in origin.connections if not one.end or one.ended_at > bound]
    if late:
        asked = ", ".join(
            one.requests[-1].target if one.requests else "unused" for one in late[:10]
        )
        raise Late(f"every socket closed within {within_s:g} s", f"{len(late)} open: {asked}")


def _hold_everything(origin: Origin) -> None:
    """Bring 7 of 10 held requests into every state that a request can be in."""
    origin.until(lambda: len(origin.held) == 10, "10 requests in flight")
    drip: tuple[bytes | float, ...] = (b"y" * 4096, 0.002)
    states: list[tuple[bytes | float | Step, ...]] = [
        (60.0,),
        (60.0,),
        (b"HTTP/1.1 200 OK\r\nX", 60.0),
        (answer("Content-Length: 9", b"half"), 60.0),
        (answer("Transfer-Encoding: chunked", b"9\r\nhalf"), 60.0),
        (answer("", b"never FIN"), 60.0),
        (answer("Content-Length: 30000000"), *drip * 2000),
    ]
    for request, script in zip(list(origin.held), states, strict=False):
        request.reply(*script)


def _judge_cancelled(client: Client, origin: Origin, cause: Request | None, word: str) -> None:
    """Raise Failure unless the cause kept its word, answers stayed, the rest is `cancelled`."""
    answered = {one.target for one in origin.requests if one.answered and one is not cause}
    for line in client.by_index().values():
        target = "/" + line.url.split("/", 3)[3]
        wanted = [ok(b"hello")] if target in answered else ["cancelled"]
        if cause is not None and target == cause.target:
            wanted = [word]
        if not judge(line, wanted):
            raise wrong(line, wanted)


def _fail_fast(stage: Stage, end: tuple[bytes | float | Step, ...], word: str) -> None:
    """Let one of ten requests in flight fail under --fail-fast, and judge the rest."""
    # The last 50 URLs have an origin of their own: connections to the first one become idle.
    with Origin(stage, doors=2) as origin:
        urls = [origin.url(f"/{at}", door=at >= 10) for at in range(60)]
        closed_s = stage.within(CLOSED_S)
        options = ["--fail-fast", "--limit", "10", "--max-bytes", "40000000"]
        options += ["--linger-s", f"{closed_s + LINGER_S:g}"]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            origin.until(lambda: len(origin.held) == 10, "10 requests in flight")
            for request in origin.held[:3]:
                request.reply(HELLO)
            origin.until(lambda: len(origin.requests) == 13, "three more requests")
            _hold_everything(origin)
            origin.rest(0.02)
            cause = origin.held[-1]
            asked, opened = len(origin.requests), len(origin.connections)
            origin.deliver(cause, *end)
            _expect_closed(origin, time.monotonic(), closed_s)
            if client.child.process.poll() is not None:
                raise Late("a process that lives on for --linger-s", "one that ended")
            status = origin.serve(client)
            if len(origin.requests) > asked or len(origin.connections) > opened:
                raise Failure(
                    "no URL started after the first error", f"{len(origin.requests) - asked}"
                )
            _judge_cancelled(client, origin, cause, word)
    if status != 1:
        raise Failure("exit status 1", f"{status}")


@case(
    "F17.1",
    quick=True,
    needs="core",
    does="resets one of 10 requests in flight, of 60, under --fail-fast and --linger-s",
    expects="every socket closed in 0.2 s, none opened; `cancelled`, the cause kept; exit 1",
)
def fail_fast(stage: Stage) -> None:
    """Play F17.1."""
    _fail_fast(stage, (b"H", Step.READ, Step.RST), "reset")  # after a byte: not to be tried again


@case(
    "F17.2",
    needs="core",
    does="the same with a malformed answer",
    expects="the same",
)
def fail_fast_malformed(stage: Stage) -> None:
    """Play F17.2."""
    _fail_fast(stage, (b"no HTTP\r\n\r\n",), "malformed")


@case(
    "F17.3",
    needs="core",
    does="lets a connect be refused, or stall, while a connection is idle, with --limit 1",
    expects="the idle socket closed in 0.2 s; one `refused` or `timeout`, else `cancelled`; exit 1",
)
def fail_fast_refused(stage: Stage) -> None:
    """Play F17.3."""
    with Origin(stage) as origin:
        refusing = [origin.refusing_url() for _ in range(3)]
        urls = [origin.url(f"/{at}") for at in range(2)] + [origin.deaf_url()] + refusing
        closed_s = stage.within(CLOSED_S)
        options = ["--fail-fast", "--limit", "1", "--deadline-s", "0.3"]
        options += ["--linger-s", f"{closed_s + LINGER_S:g}"]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            origin.answer = lambda _: (HELLO,)
            origin.until(lambda: len(client.lines) == len(urls), "a line for every URL")
            _expect_closed(origin, client.arrivals[-1], closed_s)
            status = origin.serve(client)
            words = [line.error for line in client.by_index().values() if line.error != "cancelled"]
    causes = [word for word in words if word]
    if causes not in (["refused"], ["timeout"]):
        raise Failure("one cause, `refused` or `timeout`", f"{causes}")
    if status != 1:
        raise Failure("exit status 1", f"{status}")


@case(
    "F17.4",
    does="answers everything under --fail-fast, errors of HTTP too",
    expects="no line says `cancelled`; exit 0: a status is an answer",
)
def fail_fast_without_failure(stage: Stage) -> None:
    """Play F17.4."""
    with Origin(stage, lambda _: (sized(b"hello", "", "500 Oops"),)) as origin:
        urls = [origin.url(f"/{at}") for at in range(20)]
        with stage.fetch(urls, "--fail-fast") as client:
            status = origin.serve(client)
            for line in client.by_index().values():
                if not judge(line, [ok(b"hello", 500)]):
                    raise wrong(line, [ok(b"hello", 500)])
    if status != 0:
        raise Failure("exit status 0", f"{status}")


def _interrupt(stage: Stage, number: signal.Signals) -> None:
    """Send a signal while requests are in every state, and judge the end."""
    with Origin(stage) as origin:
        urls = [origin.url(f"/{at}") for at in range(40)]
        options = ["--limit", "10", "--max-bytes", "40000000", "--linger-s", "5"]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            origin.until(lambda: len(origin.held) == 10, "10 requests in flight")
            for request in origin.held[:3]:
                request.reply(HELLO)
            origin.until(
                lambda: len(origin.requests) == 13 and len(client.lines) == 3, "three lines"
            )
            _hold_everything(origin)
            origin.rest(0.02)
            client.child.signal(number)
            sent_at = time.monotonic()
            _wait_for_end(stage, origin, client, sent_at)
            status = origin.serve(client)
            _judge_cancelled(client, origin, None, "")
        if len(origin.requests) > 13:
            raise Failure("no URL started after the signal", f"{len(origin.requests) - 13}")
    if status != 128 + number:
        raise Failure(f"exit status {128 + number}", f"{status}")


def _wait_for_end(stage: Stage, origin: Origin, client: Client, since: float) -> None:
    """Take turns until the process has ended. Raises Late when that takes longer than SIGNAL_S."""
    ended: Callable[[], bool] = lambda: client.child.process.poll() is not None  # noqa: E731
    bound = since + stage.within(SIGNAL_S)
    while not ended() and time.monotonic() < bound:
        origin.turn(0.01)
    if not ended():
        raise Late(f"an end within {SIGNAL_S:g} s of the signal", "a process that lives on")


@case(
    "F18.1",
    quick=True,
    needs="core",
    does="sends SIGINT with 10 of 40 URLs in flight in every state, and --linger-s 5",
    expects="three answers kept, `cancelled` for the rest, exit 130 within 1 s",
)
def interrupt(stage: Stage) -> None:
    """Play F18.1."""
    _interrupt(stage, signal.SIGINT)


@case("F18.2", needs="core", does="the same with SIGTERM", expects="the same with exit 143")
def terminate(stage: Stage) -> None:
    """Play F18.2."""
    _interrupt(stage, signal.SIGTERM)


@case(
    "F18.3",
    needs="core",
    does="sends SIGTERM while every URL waits for a connect that gets no answer, and to --summary",
    expects="the sums say `cancelled` for all, exit 143 within 1 s",
)
def terminate_connecting(stage: Stage) -> None:
    """Play F18.3."""
    with Origin(stage) as origin:
        urls = [origin.url("/0")] + [origin.deaf_url()] * 3
        with stage.fetch(urls, "--limit", "4", "--summary") as client:
            origin.attend(client)
            origin.until(lambda: bool(origin.held), "a request")
            origin.rest(0.05)
            client.child.signal(signal.SIGTERM)
            _wait_for_end(stage, origin, client, time.monotonic())
            status = origin.serve(client)
            errors = client.totals.errors if client.totals else None
    if errors != {"cancelled": 4}:
        raise Failure("four times `cancelled`", f"{errors}")
    if status != 128 + signal.SIGTERM:
        raise Failure(f"exit status {128 + signal.SIGTERM}", f"{status}")


@case(
    "F19.1",
    quick=True,
    needs="core",
    does="lets URLs end in every way while --linger-s holds the process",
    expects="every socket closed 0.2 s after the last line; nothing on stderr; exit 0",
)
def clean(stage: Stage) -> None:
    """Play F19.1."""
    body = bytes(range(256)) * 40
    rows = [
        row("fine", HELLO, ok(b"hello")),
        row("close", sized(b"hello", "Connection: close"), ok(b"hello")),
        row("204", answer("", b"", "204 No"), ok(b"", 204)),
        row("too large", answer("Content-Length: 99999999"), "too_large"),
        row("malformed", b"no HTTP\r\n\r\n", "malformed"),
        row("101", answer("Upgrade: x", b"", "101 Go"), "malformed"),
        row("short", (answer("Content-Length: 9", b"x"), Step.FIN), "truncated"),
        row("reset", (Step.RST,), "reset"),
        row("stalled", (60.0,), "timeout"),
        row("stalled body", (answer("Content-Length: 9", b"x"), 60.0), "timeout"),
        row("surplus", HELLO + b"more", ok(b"hello")),
        row("to FIN", (answer("", body), Step.FIN), ok(body)),
        # Asked for last: who fetches one after the other would leave no connection idle at the end.
        row("fine at the end", HELLO, ok(b"hello")),
    ]
    with Origin(stage, lambda request: rows[int(request.target.strip("/"))].reply) as origin:
        unanswered = [origin.deaf_url(), origin.refusing_url()]
        urls = unanswered + [origin.url(f"/{at}") for at in range(len(rows))]
        closed_s = stage.within(CLOSED_S)
        options = ["--max-bytes", "20000", "--limit", "20"]
        options += ["--linger-s", f"{closed_s + LINGER_S:g}"]
        options += ["--deadline-s", f"{stage.within(0.8):g}"]
        with stage.fetch(urls, *options) as client:
            origin.attend(client)
            origin.until(lambda: len(client.lines) == len(urls), "a line for every URL")
            _expect_closed(origin, client.arrivals[-1], closed_s)
            if client.child.process.poll() is not None:
                raise Late("a process that lives on for --linger-s", "one that ended")
            status = origin.serve(client)
            written = client.child.stderr().decode("utf-8", "replace").strip()
            lines = client.by_index()
    for at, one in enumerate(rows, start=len(unanswered)):
        if not judge(lines[at], one.allowed):
            raise wrong(lines[at], one.allowed, one.name)
    if written:
        raise Failure("nothing on stderr", f"{written.splitlines()[-1][:300]!r}")
    if status != 0:
        raise Failure("exit status 0", f"{status}")
