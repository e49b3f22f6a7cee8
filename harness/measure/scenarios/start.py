"""start: from the start of a process to its READY, and the private memory that it has then.

Rules: a fresh process each time, under nobody's load. The time holds all that a user waits for: the
interpreter, the launcher, the framework's import, its loop, and the listener in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import witness
from harness.measure.scenarios.scenario import Figure, Scenario
from harness.measure.scenarios.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

TIMES = 3


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield `ready_ns` and `private_bytes` of each process."""
    for number in range(TIMES):
        with serving(implementation, bench) as served:
            private = witness.resources(served.pid).private_bytes
        yield Figure("ready_ns", served.ready_ns, number)
        yield Figure("private_bytes", private, number)


SCENARIO = Scenario("start", "echo", 0.5, measure)
