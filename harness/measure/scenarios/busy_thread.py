"""busy-thread: what a thread that computes without end, in the same process, leaves of the rate.

Rules: the launcher starts the thread, the same for all. Two processes, with it and without, on the
same core: the price is that of a core shared and of the interpreter's lock together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.measure.echo import LENGTH_MS, WARM_UP_MS
from harness.measure.scenarios.scenario import Scenario
from harness.measure.scenarios.serving import figures, load, needs_launcher, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.measure.scenarios.scenario import Figure
    from harness.model import Implementation

TIMES = 3
CELL = "10x1024"
LENGTHS_MS = {"alone_": LENGTH_MS, "beside_": 4 * LENGTH_MS}
"""Beside the thread a wakeup may take 5 ms (sys.getswitchinterval()): a slice must hold many."""


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield the figures of slices `alone_` and `beside_` the busy thread."""
    needs_launcher(implementation)
    for prefix, options in (("alone_", ()), ("beside_", ("--busy-thread",))):
        slices = [f"{CELL}/0/{LENGTH_MS}"]  # it primes
        slices += [f"{CELL}/{WARM_UP_MS}/{LENGTHS_MS[prefix]}"] * TIMES
        with serving(implementation, bench, *options) as served:
            for number, line in enumerate(load(served, bench, slices), -1):
                if number >= 0:
                    yield from figures(line, prefix, number)


SCENARIO = Scenario("busy-thread", "echo", 1.5, measure)
