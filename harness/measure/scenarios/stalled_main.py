"""stalled-main: latencies while, every half second, one slow callback blocks the main thread.

Rules: the launcher lets the main thread sleep, the same for all. An open loop, so that a message
that falls due during a stall is late by what is left of it, sent or not. Each slice with stalls is
as long as they are apart, and so holds one whole stall wherever it begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.measure.scenarios.scenario import Figure, Scenario
from harness.measure.scenarios.serving import figures, load, needs_launcher, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

STALL_S = 0.05
EVERY_S = 0.5
CELL = "256x1024@2000"
WARM_UP_MS = 50
LENGTHS_MS = {"alone_": (250,), "beside_": (500, 500)}
OPTIONS = {
    "alone_": (),
    "beside_": ("--stall-s", str(STALL_S), "--stall-every-s", str(EVERY_S)),
}


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield the figures of slices `alone_` and `beside_` the stalls, and how late the gauge was."""
    needs_launcher(implementation)
    for prefix, options in OPTIONS.items():
        slices = [f"{CELL}/{WARM_UP_MS}/{length_ms}" for length_ms in LENGTHS_MS[prefix]]
        with serving(implementation, bench, *options) as served:
            for number, line in enumerate(load(served, bench, slices)):
                yield from figures(line, prefix, number)
                yield Figure(f"{prefix}late_p99_ns", line.late_p99_ns, number)


SCENARIO = Scenario("stalled-main", "echo", 1.8, measure)
