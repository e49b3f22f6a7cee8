"""flood: what others lose while one connection sends as fast as it is served.

Rules: one process, the same cell with and without the flood, in random order.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from harness.measure.echo import WARM_UP_MS
from harness.measure.scenarios.scenario import Figure, Scenario
from harness.measure.scenarios.serving import figures, load, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

PAIRS = 5  # with some all or nothing is left, as it happens to fall out: one pair says little
LENGTH_MS = 100
CELLS = {"alone_": "10x1024", "beside_": "10x1024+1"}


def script() -> list[tuple[str, int]]:
    """Return the slices in an order of their own, the same for all: (prefix, repetition)."""
    slices = [(prefix, number) for number in range(PAIRS) for prefix in CELLS]
    random.Random(PAIRS).shuffle(slices)  # noqa: S311  an order, not a secret
    return slices


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield the figures of slices `alone_` and `beside_` the flood, and the flood's own rate."""
    slices = [(prefix, -1) for prefix in CELLS] + script()  # the first two prime
    times = [f"{0 if number < 0 else WARM_UP_MS}/{LENGTH_MS}" for _, number in slices]
    words = [f"{CELLS[prefix]}/{time}" for (prefix, _), time in zip(slices, times, strict=True)]
    with serving(implementation, bench) as served:
        lines = load(served, bench, words)
        for (prefix, number), line in zip(slices, lines, strict=True):
            if number < 0:
                continue
            yield from figures(line, prefix, number)
            if prefix == "beside_":
                rate = line.flooded_bytes / line.wall_ns * 1e9
                yield Figure("flooded_bytes_per_s", rate, number)


SCENARIO = Scenario("flood", "echo", 1.6, measure)
