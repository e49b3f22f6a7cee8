"""churn: connections opened, used once and closed, as many as the echo takes.

Rules: the gauge's `churn` role keeps the same number of visitors coming; what is counted is whole
visits, from connect to the server's FIN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness import model
from harness.measure.job import gauge_line
from harness.measure.scenarios.scenario import Failed, Figure, Scenario
from harness.measure.scenarios.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

TIMES = 3
AT_ONCE = 10
WARM_UP_MS = 50
LENGTH_MS = 150
SOURCES = 64  # addresses that the gauge dials from in turn; harness/gauge/churn.h


class Visits(msgspec.Struct, frozen=True):
    """What the gauge's `churn` role says at its end; see harness/gauge/churn.h."""

    opened: int
    wall_ns: int
    server_cpu_ns: int
    server_wait_ns: int
    gauge_wait_ns: int
    busy: float
    p99_ns: float
    error: str | None
    errors: int = 0


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield the figures of each repetition, one process for all of them."""
    with serving(implementation, bench) as served:
        words = ["churn", "--port", str(served.port), "--server-pid", str(served.pid)]
        words += ["--at-once", str(AT_ONCE), "--warmup-ms", str(WARM_UP_MS)]
        for number in range(TIMES):
            # From addresses of its own: the ports of the repetition before are in TIME_WAIT.
            each = ["--first-source", str(number * SOURCES // TIMES)]
            with bench.gauge([*words, *each, "--length-ms", str(LENGTH_MS)]) as gauge:
                found = gauge_line(gauge, Visits)
            bench.ledger.add("slices_s", WARM_UP_MS / 1e3 + found.wall_ns / 1e9)
            yield from _figures(found, number)


def _figures(found: Visits, at: int) -> Iterator[Figure]:
    if found.error or found.errors or not found.opened:
        raise Failed(found.error or f"{found.errors} of its connections ended wrongly")
    had_ns = found.wall_ns - model.waited_ns(
        found.wall_ns, found.server_wait_ns, found.server_cpu_ns
    )
    yield Figure("opened_per_s", found.opened / had_ns * 1e9, at)
    yield Figure("cpu_ns", found.server_cpu_ns / found.opened, at)
    yield Figure("p99_ns", found.p99_ns, at)
    yield Figure("core", found.server_cpu_ns / had_ns, at)
    yield Figure("gauge_busy", found.busy, at)
    yield Figure("gauge_wait", found.gauge_wait_ns / found.wall_ns, at)


SCENARIO = Scenario("churn", "echo", 0.85, measure)
