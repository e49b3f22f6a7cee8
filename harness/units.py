"""From samples to units, and which of them count.

A unit is what one process gave for one cell in one block: rate and CPU time as the middle of its
slices (`stats.middle`), the rest as their median, or with a delay at the origin their total.

Rules: what is thrown out is thrown out by the constants here, set before anything was measured, and
none of them looks at a name. What is thrown out is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from harness import latencies, stats
from harness.model import ALIASES, BASELINE, ONCE, STALLED, Cell, UsageError
from harness.summary import ThrownOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.latencies import Histogram
    from harness.model import Plan, Sample, Workload

GAUGE_WAIT = 0.05  # of a slice: a gauge that had no core for longer measured itself
CHILD_WAIT = 0.50  # of a slice: up to here the correction was shown to hold, with a hog on the core
KEPT = 0.50  # of a unit's slices, and of a block's: less is a remnant
BUSY = 0.90  # of a core: under it the contestant was not the limit, from it on the gauge was
REACHED = 0.99  # of an open loop's rate: who answers less was asked something else
BACKLOG = 0.05  # of what was due: who is further behind at the end of a slice does not keep up
LATE_NS = 200_000  # p99 of the gauge's own lateness: beyond it, latencies are the gauge's

_ECHO = re.compile(r"(\d+)x(\d+)(B|KiB)(?:@(\d+))?")
_FETCH = re.compile(r"(\d+)@(\d+)ms")


@dataclass(frozen=True, slots=True)
class Unit:
    """The medians over the slices of one process in one cell of one block."""

    block: int
    implementation: str
    workload: Workload
    cell: str
    phase: str
    rate_per_s: float
    slowest_per_s: float
    fastest_per_s: float
    cpu_us: float
    faults: float
    jain: float
    least_jain: float
    most_jain: float
    limited: bool
    """True where the gauge, not the contestant, was the limit."""
    histogram: Histogram
    """Latencies of an open loop, all slices merged; empty in a closed one."""


@cache  # a run has a dozen of them, and asks for every slice
def cell(workload: Workload, name: str, *, ranked: bool) -> Cell | None:
    """Return the cell that a name stands for (the inverse of Cell.name); None for no such name."""
    found = (_ECHO if workload == "echo" else _FETCH).fullmatch(name)
    if found is None:
        return None
    if workload == "echo":
        size = int(found[2]) * (1024 if found[3] == "KiB" else 1)
        return Cell(
            workload="echo",
            concurrency=int(found[1]),
            size=size,
            rate_per_s=int(found[4] or 0),
            ranked=ranked,
        )
    return Cell(
        workload="fetch",
        concurrency=int(found[1]),
        size=0,
        delay_ms=int(found[2]),
        ranked=ranked,
    )


def cells(plan: Plan, samples: Sequence[Sample]) -> dict[tuple[str, str], Cell]:
    """Return every cell in the samples, in an order for reading.

    A cell that was measured in blocks and once more besides is a ranked one. Raises UsageError
    with the line of a sample that does not belong to the plan.
    """
    names = {i.name for i in plan.implementations} | set(ALIASES)
    found: dict[tuple[str, str], Cell] = {}
    seen: set[tuple[object, ...]] = set()
    for line, s in enumerate(samples, 1):
        known = cell(s.workload, s.cell, ranked=s.block != ONCE)
        key = (s.block, s.implementation, s.workload, s.cell, s.index)
        wrong = ""
        if s.implementation not in names:
            wrong = f"implementation {s.implementation!r} is not in the plan"
        elif known is None:
            wrong = f"{s.cell!r} is no cell of {s.workload}"
        elif not 0 <= s.index < s.of:
            wrong = f"index {s.index} of {s.of}"
        elif key in seen:
            wrong = f"slice {s.index} of {s.implementation} in {s.cell} stands there twice"
        if wrong or known is None:
            raise UsageError(f"samples.jsonl, line {line}: {wrong}. The file was edited.")
        seen.add(key)
        if s.implementation in ALIASES:
            continue  # a control is no contestant: it opens no cell
        if known.ranked or (s.workload, s.cell) not in found:
            found[s.workload, s.cell] = known

    def order(one: Cell) -> tuple[object, ...]:
        open_loop = one.rate_per_s
        return one.workload, not one.ranked, open_loop, one.delay_ms, one.size, one.concurrency

    return dict(sorted(found.items(), key=lambda item: order(item[1])))


def void(sample: Sample, cell: Cell) -> str:
    """Return why a slice does not count, or nothing; the gauge's own faults first."""
    slow = sample.messages < REACHED * cell.rate_per_s * sample.wall_ns / 1e9
    causes = {
        "error": bool(sample.error),
        "empty": sample.wall_ns <= 0 or sample.messages <= 0,
        "gauge waited": sample.gauge_wait_ns >= GAUGE_WAIT * sample.wall_ns,
        "contestant waited": sample.waited_ns >= sample.wall_ns,
        "gauge late": sample.late_p99_ns > LATE_NS,
        "rate not reached": slow or sample.backlog > BACKLOG * sample.due > 0,
        "never answered": bool(cell.rate_per_s) and sample.unanswered > 0,
    }
    return next((cause for cause, holds in causes.items() if holds), "")


def rate(sample: Sample, cell: Cell) -> float:
    """Return a slice's rate, corrected where CPU is what limits it.

    With a delay the contestant mostly sleeps: a wait for the core then costs little, and dividing
    it out would promise more than the ideal.
    """
    wait_ns = 0 if cell.delay_ms else sample.waited_ns
    return stats.corrected_rate(sample.messages, sample.wall_ns, wait_ns)


def _limited(sample: Sample, cell: Cell) -> bool:
    """Tell whether the gauge had no rest while the contestant had some.

    In an open loop it never rests, and limits nothing: it sends at a rate that is given.
    """
    had_core_ns = sample.wall_ns - sample.waited_ns
    idle = sample.child_cpu_ns < BUSY * had_core_ns
    closed = not (cell.delay_ms or cell.rate_per_s)
    return closed and idle and sample.gauge_busy >= BUSY


def _unit(slices: Sequence[Sample], cell: Cell) -> Unit:
    one = slices[0]
    rates = [rate(s, cell) for s in slices]
    if cell.delay_ms:  # requests come in bursts, a delay apart: a slice holds two or three of them
        wall_ns = sum(s.wall_ns for s in slices)
        rates = [stats.corrected_rate(sum(s.messages for s in slices), wall_ns, 0)]
    return Unit(
        block=one.block,
        implementation=one.implementation,
        workload=one.workload,
        cell=one.cell,
        phase=one.phase,
        rate_per_s=stats.middle(rates),
        slowest_per_s=min(rates),
        fastest_per_s=max(rates),
        cpu_us=stats.middle([s.child_cpu_ns / s.messages / 1e3 for s in slices]),
        faults=stats.median([s.child_faults / s.messages for s in slices]),
        jain=stats.median([s.jain for s in slices]),
        least_jain=min(s.jain for s in slices),
        most_jain=max(s.jain for s in slices),
        limited=2 * sum(_limited(s, cell) for s in slices) > len(slices),
        histogram=latencies.of(slices),
    )


def noisy_blocks(samples: Iterable[Sample]) -> dict[int, str]:
    """Return the blocks that do not count, each with the rule that it broke.

    A block goes when the contestants' median wait for a core passes what the correction is good
    for, or when the gauge waited too long in half of its slices: all slices together, whoever's.
    """
    by_block: dict[int, list[Sample]] = {}
    for sample in samples:
        if sample.block != ONCE and not sample.error and sample.wall_ns > 0:
            by_block.setdefault(sample.block, []).append(sample)
    found = {}
    for block, slices in sorted(by_block.items()):
        waits = stats.median([s.waited_ns / s.wall_ns for s in slices])
        late = sum(s.gauge_wait_ns >= GAUGE_WAIT * s.wall_ns for s in slices)
        if waits > CHILD_WAIT:
            found[block] = "contestants waited"
        elif late > (1 - KEPT) * len(slices):
            found[block] = "gauge waited"
    return found


def _void_unit(
    unit: Sequence[Sample],
    blocks: Mapping[int, str],
    where: Mapping[tuple[str, str], Cell],
) -> str:
    """Return why nothing of a unit counts, or nothing."""
    one = unit[0]
    if one.block in blocks:
        return "noisy block"
    if len(unit) < one.of:
        return "cut short"
    if one.block == ONCE and where[one.workload, one.cell].ranked:
        return "measured in blocks as well"
    return ""


def units(
    samples: Sequence[Sample], where: Mapping[tuple[str, str], Cell]
) -> tuple[list[Unit], ThrownOut]:
    """Return the units that count, in an order of their own, and what was thrown out.

    `where` has every cell that contestants were measured in, by workload and name. The stalled
    baseline stays out: it is slow by intent, and looked at by itself (`canaries`).
    """
    stalled = BASELINE + STALLED
    samples = [s for s in samples if s.implementation != stalled and (s.workload, s.cell) in where]
    blocks = noisy_blocks(samples)
    grouped: dict[tuple[object, ...], list[Sample]] = {}
    for s in samples:
        grouped.setdefault((s.block, s.implementation, s.workload, s.cell), []).append(s)
    causes: Counter[str] = Counter()
    whole: list[list[Sample]] = []
    few = 0
    for unit in grouped.values():
        if cause := _void_unit(unit, blocks, where):
            causes[cause] += len(unit)
            continue
        for phase in ("cold", "warm"):
            all_of_it = [s for s in unit if s.phase == phase]
            why = [void(s, where[s.workload, s.cell]) for s in all_of_it]
            kept = [s for s, cause in zip(all_of_it, why, strict=True) if not cause]
            causes.update(cause for cause in why if cause)
            if kept and len(kept) >= KEPT * len(all_of_it):
                whole.append(kept)
            elif all_of_it:
                few += 1
    thrown = ThrownOut(
        blocks={str(block): rule for block, rule in blocks.items()},
        slices=dict(sorted(causes.items())),
        units=few,
        all_blocks=len({s.block for s in samples} - {ONCE}),
        all_slices=len(samples),
    )
    made = [_unit(g, where[g[0].workload, g[0].cell]) for g in whole]
    return sorted(made, key=lambda u: (u.workload, u.cell, u.implementation, u.block)), thrown


def keyed(cells: Iterable[Cell]) -> dict[tuple[str, str], Cell]:
    """Return cells by workload and name, as samples name them."""
    return {(cell.workload, cell.name): cell for cell in cells}


def missing(
    samples: Sequence[Sample],
    where: Mapping[tuple[str, str], Cell],
    counted: Sequence[Unit],
) -> dict[tuple[str, str], dict[str, str]]:
    """Return by cell who was measured there in vain, and why most of its slices do not count."""
    there = {(u.workload, u.cell, u.implementation) for u in counted if u.phase == "warm"}
    causes: dict[tuple[str, str, str], Counter[str]] = {}
    for s in samples:
        key = (s.workload, s.cell, s.implementation)
        if key in there or s.implementation in ALIASES or (s.workload, s.cell) not in where:
            continue
        cause = void(s, where[s.workload, s.cell]) or "noisy or cut short"
        causes.setdefault(key, Counter())[cause] += 1
    found: dict[tuple[str, str], dict[str, str]] = {}
    for (workload, name, implementation), own in sorted(causes.items()):
        most = min(own, key=lambda cause: (-own[cause], cause))
        found.setdefault((workload, name), {})[implementation] = most
    return found
