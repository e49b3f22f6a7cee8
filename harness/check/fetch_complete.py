"""F16: every URL has exactly one line, whatever becomes of the others.

Rules: the URLs end in every way that F11 knows, many at once, and are named on stdin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.case import Failure, case
from harness.check.fetch_rows import DEADLINE_S, Row, answer, judge, ok, row, sized, wrong
from harness.check.origin import Origin, Step

if TYPE_CHECKING:
    from harness.check.client import Client
    from harness.check.origin import Request, Script
    from harness.check.stage import Stage

HELLO = sized(b"hello")


def _mixed(origin: Origin, count: int) -> list[Row]:
    """Return rows of every kind of success and failure, in turn; two of five are fine."""
    refusing = origin.refusing_url()
    kinds = [
        row("fine", HELLO, ok(b"hello")),
        Row("refused", (), ("refused",), url=refusing),
        row("short", (answer("Content-Length: 9", b"short"), Step.FIN), "truncated"),
        row("reset", (answer("Content-Length: 9", b"short"), Step.READ, Step.RST), "reset"),
        row("long", sized(b"x" * 70_000), ok(b"x" * 70_000)),
        row("malformed", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "malformed"),
        row("too large", answer("Content-Length: 99999999"), "too_large"),
        row("not found", sized(b"no", "", "404 Not Found"), ok(b"no", 404)),
        row(
            "chunks", answer("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"), ok(b"hello")
        ),
        row("to FIN", (answer("", b"hello"), Step.READ, Step.FIN), ok(b"hello")),
    ]
    return [kinds[at % len(kinds)] for at in range(count)]


def _play_mixed(stage: Stage, *options: str) -> tuple[list[Row], Client]:
    """Fetch 200 URLs of all kinds, named on stdin; return the rows and the ended client."""
    rows: list[Row] = []

    def reply(request: Request) -> Script:
        return rows[int(request.target.strip("/"))].reply

    with Origin(stage, reply) as origin:
        rows += _mixed(origin, 200)
        urls = [one.url or origin.url(f"/{at}") for at, one in enumerate(rows)]
        more = (
            "--max-bytes",
            "100000",
            "--limit",
            "20",
            "--deadline-s",
            f"{stage.within(DEADLINE_S):g}",
        )
        with stage.fetch(urls, *more, *options, by_stdin=True) as client:
            status = origin.serve(client, 8.0)
        if status != 0:
            raise Failure("exit status 0: every URL has its line", f"{status}")
    return rows, client


@case(
    "F16.1",
    quick=True,
    does="names 200 URLs on stdin that end in every way there is",
    expects="exactly one line for each, each with its own outcome; exit 0",
)
def complete(stage: Stage) -> None:
    """Play F16.1."""
    rows, client = _play_mixed(stage)
    for at, line in client.by_index().items():
        if not judge(line, rows[at].allowed):
            raise wrong(line, rows[at].allowed, f"URL {at} ({rows[at].name})")


@case(
    "F16.2",
    does="fetches the same 200 URLs with --summary",
    expects="one line at the end whose sums are right",
)
def summary(stage: Stage) -> None:
    """Play F16.2."""
    rows, client = _play_mixed(stage, "--summary")
    totals = client.totals
    if totals is None or client.lines:
        raise Failure("one line of sums", f"{len(client.lines)} lines of outcomes, sums: {totals}")
    errors: dict[str, int] = {}
    length = checksum = 0
    for one in rows:
        outcome = one.allowed[0]
        word = outcome if isinstance(outcome, str) else "ok"
        errors[word] = errors.get(word, 0) + 1
        if not isinstance(outcome, str):
            length += outcome.bytes
            checksum += outcome.crc32
    wanted = (len(rows), errors, length, checksum % 2**64)
    got = (
        totals.summary,
        {k: v for k, v in totals.errors.items() if v},
        totals.bytes,
        totals.crc32,
    )
    if got != wanted:
        raise Failure(f"sums {wanted}", f"{got}")


@case(
    "F16.3",
    does="starts fetch without any URL, with none on stdin, and with the same URL three times",
    expects="no line and exit 0; a line for each of the three",
)
def complete_edges(stage: Stage) -> None:
    """Play F16.3."""
    with Origin(stage, lambda _: (HELLO,)) as origin:
        for urls in ([], [origin.url("/same")] * 3):
            with stage.fetch(urls, by_stdin=True) as client:
                status = origin.serve(client)
                client.by_index()
                if status != 0:
                    raise Failure(f"exit status 0 for {len(urls)} URLs", f"{status}")
