"""memory: what an idle connection costs, from a process that holds more and more of them.

Rules: each connection has had one message echoed before it falls idle, so that whatever is made at
first use is there. The memory is the process tree's (PSS) once all its threads sleep; what the
kernel keeps for the sockets is not in it. No garbage collector is asked to run.
"""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import msgspec

from harness import launch, witness
from harness.measure.job import gauge_line, tell
from harness.measure.scenarios.scenario import Failed, Figure, Scenario
from harness.measure.scenarios.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.measure.job import Bench
    from harness.model import Implementation

STEPS = (0, 1000, 2000, 3000, 4000, 5000)
SPARE_FILES = 100  # descriptors that a process needs besides its connections
ASLEEP_S = 0.5


class Held(msgspec.Struct, frozen=True):
    """What the gauge's `hold` role says at each step; see harness/gauge/hold.h."""

    held: int
    error: str | None


def steps() -> list[int]:
    """Return the steps that the descriptors of a process are enough for."""
    most, _ = launch.file_limits()
    return [count for count in STEPS if count + SPARE_FILES <= most]


def measure(implementation: Implementation, bench: Bench) -> Iterator[Figure]:
    """Yield `pss_bytes` at each number of connections held."""
    chosen = steps()
    with serving(implementation, bench) as served:
        words = ["hold", "--port", str(served.port), "--steps", ",".join(map(str, chosen))]
        with bench.gauge(words, stdin=subprocess.PIPE) as gauge:
            for count in chosen:
                with bench.ledger.timed("slices_s"):
                    line = gauge_line(gauge, Held)
                    if line.error or line.held != count:
                        raise Failed(line.error or f"it held {line.held} of {count} connections")
                    _rest(served.pid)
                    pss = witness.pss_bytes(served.pid)
                yield Figure("pss_bytes", pss, count)
                tell(gauge, "")


def _rest(pid: int) -> None:
    """Wait until every thread of the process sleeps, for ASLEEP_S at most."""
    end = time.monotonic() + ASLEEP_S
    while not witness.asleep(pid) and time.monotonic() < end:
        time.sleep(0.005)


SCENARIO = Scenario("memory", "echo", 1.0, measure)
