"""start-and-end: fetch outside of its steady state, each process from its start to its last close.

Rules: one fresh client a repetition, `--limit` 100, `--fail-fast`. The origin answers ANSWERS
requests at once, then holds every request until 100 are in flight: there the memory is read. Then
one answer ends half-way, and what is timed is how long until the origin has seen the end of every
other connection, while `--linger-s` keeps the process alive: nothing is closed by its exit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from harness import launch, witness
from harness.measure.scenarios.origin import Origin
from harness.measure.scenarios.scenario import Failed, Figure, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

TIMES = 3
LIMIT = 100
ANSWERS = 500  # five for each connection: memory at first use is there
URLS = ANSWERS + 2 * LIMIT  # a hundred of them never begin
WITHIN_S = 20.0  # an import under load, or a hundred answers
LINGER_S = 20.0


class Line(msgspec.Struct, frozen=True):
    """What a scenario takes of an outcome's line; see implementations/SPEC.md."""

    error: str | None


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield the figures of each process.

    `first_outcome_ns` runs from the start of the process to the first line on its stdout, and
    `first_answer_ns` from the first connection that the origin accepted, which leaves the
    interpreter and imports out; `last_close_ns` from the failure to the last socket's end.
    """
    for number in range(TIMES):
        with Origin(ANSWERS) as origin:
            yield from _one(implementation, bench, origin, number)


def _one(implementation: Implementation, bench: Bench, origin: Origin, at: int) -> Iterator[Figure]:
    listing = bench.folder / "urls"
    listing.write_text("".join(f"http://127.0.0.1:{origin.port}/{n}\n" for n in range(URLS)))
    words = [*launch.command(implementation, "fetch"), "--limit", str(LIMIT), "--fail-fast"]
    words += ["--linger-s", str(LINGER_S)]
    stderr = bench.folder / f"{implementation.name}.scenario.stderr"
    begin = time.monotonic_ns()
    with (
        listing.open("rb") as stdin,
        launch.start(words, stderr=stderr, core=bench.server_core, stdin=stdin) as client,
    ):
        origin.attend(client)
        origin.until(lambda: bool(origin.first_line_ns), "the first outcome", WITHIN_S)
        origin.until(lambda: len(origin.held) == LIMIT, f"request {LIMIT} in flight", WITHIN_S)
        origin.until(lambda: witness.asleep(client.pid), "its rest", WITHIN_S)
        pss = witness.pss_bytes(client.pid)
        failed_ns = origin.cut()
        origin.until(lambda: not origin.open, "the end of its last connection", WITHIN_S)
        origin.until(lambda: origin.stdout.count(b"\n") >= URLS, "its last line", WITHIN_S)
        _verify(bytes(origin.stdout))
    bench.ledger.add("starts_s", (origin.first_connect_ns - begin) / 1e9)
    bench.ledger.add("slices_s", (origin.last_close_ns - origin.first_connect_ns) / 1e9)
    yield Figure("first_outcome_ns", origin.first_line_ns - begin, at)
    yield Figure("first_answer_ns", origin.first_line_ns - origin.first_connect_ns, at)
    yield Figure("pss_bytes", pss, at)
    yield Figure("last_close_ns", max(0, origin.last_close_ns - failed_ns), at)


def _verify(stdout: bytes) -> None:
    """Raise Failed unless every URL has the outcome that the origin gave it."""
    wanted = {"ok": ANSWERS, "truncated": 1, "cancelled": URLS - ANSWERS - 1}
    found: dict[str, int] = {}
    for line in stdout.splitlines():
        try:
            word = msgspec.json.decode(line, type=Line).error or "ok"
        except msgspec.DecodeError as error:
            raise Failed(f"a line is not as SPEC.md says: {error}") from error
        found[word] = found.get(word, 0) + 1
    if found != wanted:
        raise Failed(f"its outcomes are {found}; expected {wanted}")


SCENARIO = Scenario("start-and-end", "fetch", 0.8, measure)
