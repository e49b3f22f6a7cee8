"""A process that spins: `python -m harness.doctor.spin SECONDS`.

Rules: standard library alone, so that it starts at once. It says READY, waits for the end of stdin,
reads the clock for so long and does nothing else, and says what it saw in one line of JSON.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter_ns

GAP_NS = 20_000  # a reading takes under 100 ns; the kernel's own tick under 10,000


def watch(for_s: float) -> dict[str, int]:
    """Return the readings of the clock within `for_s` seconds, and the gaps among them."""
    gaps = lost = longest = readings = 0
    begin = last = perf_counter_ns()
    end = begin + round(for_s * 1e9)
    while last < end:
        now = perf_counter_ns()
        readings += 1
        gap = now - last
        if gap > GAP_NS:
            gaps += 1
            lost += gap
            longest = max(longest, gap)
        last = now
    return {
        "wall_ns": last - begin,
        "readings": readings,
        "gaps": gaps,
        "lost_ns": lost,
        "longest_ns": longest,
    }


if __name__ == "__main__":
    print("READY", flush=True)
    sys.stdin.read()
    print(json.dumps(watch(float(sys.argv[1]))), flush=True)
