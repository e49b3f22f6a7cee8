"""The conditions under which the workloads are measured.

Rules: data only. Ranked cells are measured in every block, the others once, with their range and
never with a rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.model import Cell

if TYPE_CHECKING:
    from harness.model import Plan

KIB = 1024

LATENCY = Cell(workload="echo", concurrency=256, size=KIB, rate_per_s=2000, ranked=True)
"""Latencies at one rate for all: an absolute one, never made from what the slowest can."""
RANKED = (
    Cell(workload="echo", concurrency=10, size=KIB, ranked=True),
    Cell(workload="echo", concurrency=100, size=KIB, ranked=True),
    LATENCY,
    Cell(workload="fetch", concurrency=10, size=KIB, ranked=True),
    Cell(workload="fetch", concurrency=100, size=KIB, ranked=True),
    Cell(workload="fetch", concurrency=100, size=KIB, delay_ms=20, ranked=True),
)
ONCE = (
    *(
        Cell(workload="echo", concurrency=connections, size=size)
        for connections in (1, 10, 100, 1000)
        for size in (64, KIB, 10 * KIB, 100 * KIB)
        if (connections, size) not in {(10, KIB), (100, KIB)}  # every block measures these
    ),
    Cell(workload="fetch", concurrency=1, size=KIB, delay_ms=20),
    Cell(workload="fetch", concurrency=10, size=KIB, delay_ms=20),
)
QUICK = tuple(cell for cell in RANKED if cell.concurrency == 10)
PLANTED = RANKED[:1]
"""Where the baseline with a known loss is compared with itself, in every block."""
STALLED = (msgspec.structs.replace(LATENCY, ranked=False),)
"""Where the baseline that sleeps at known times is measured, once."""


def ranked(plan: Plan) -> tuple[Cell, ...]:
    """Return the cells that every block of this plan measures."""
    return tuple(
        cell for cell in (QUICK if plan.quick else RANKED) if cell.workload in plan.workloads
    )


def once(plan: Plan) -> tuple[Cell, ...]:
    """Return the cells that this plan measures once; none for a quick one."""
    return () if plan.quick else tuple(cell for cell in ONCE if cell.workload in plan.workloads)
