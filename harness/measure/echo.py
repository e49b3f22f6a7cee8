"""One echo job: a fresh server, its connections primed, then slices in random order.

Rules: the same slices in the same order for every contestant of a block. The first cell that is
primed meets a process that has served nothing: its priming is the cold sample.
"""

from __future__ import annotations

import random
import subprocess
import time
from typing import TYPE_CHECKING

import msgspec

from harness.measure.job import Bench, Job, gauge_line, tell
from harness.measure.serving import UnservedError, serving
from harness.model import Cell, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.launch import Child

SLICES = 6  # of a ranked cell; MEASURING: an instance's own bias outweighs more of them
SLICES_ONCE = 3
WARM_UP_MS = 20
LENGTH_MS = 50
WARM_UP_OPEN_MS = 130  # 256 connections at 2000/s: each has had its first message by then
LENGTH_OPEN_MS = 500  # a thousand messages: p99 rests on ten of them
LENGTH_OPEN_ONCE_MS = 2000  # whole periods of the planted stall


class Slice(msgspec.Struct, frozen=True):
    """What the gauge's `load` role says of one slice; see harness/gauge/load.h."""

    connections: int
    size: int
    started_ns: int
    wall_ns: int
    messages: int
    server_cpu_ns: int
    server_wait_ns: int
    server_faults: int
    gauge_cpu_ns: int
    gauge_wait_ns: int
    busy: float
    jain: float
    mean_latency_ns: float
    p50_ns: float
    p90_ns: float
    p99_ns: float
    p999_ns: float
    max_ns: float
    unanswered: int
    error: str | None
    due: int = 0
    backlog: int = 0
    late_p50_ns: float = 0.0
    late_p99_ns: float = 0.0
    latencies: tuple[tuple[int, int], ...] = ()
    flooded_bytes: int = 0
    before_ns: int = 0
    after_ns: int = 0
    oldest_ns: int = 0

    @property
    def fault(self) -> str:
        """What is wrong with it: its error, or messages that never came back; empty: nothing."""
        if self.error or not self.unanswered:
            return self.error or ""
        return f"{self.unanswered} messages never came back"


def script(job: Job) -> list[tuple[Cell, bool]]:
    """Return the slices of a job in order: (cell, whether it is priming).

    Open loops are primed last: a cold sample is of a closed loop, as the warm ones that it stands
    beside.
    """
    order = random.Random(job.order)  # noqa: S311  an order, not a secret
    primed = list(job.cells)
    order.shuffle(primed)
    primed.sort(key=lambda cell: cell.rate_per_s)
    slices = [cell for cell in job.cells for _ in range(_slices(cell))]
    order.shuffle(slices)
    return [*((cell, True) for cell in primed), *((cell, False) for cell in slices)]


def _slices(cell: Cell) -> int:
    if cell.rate_per_s:
        return 1
    return SLICES if cell.ranked else SLICES_ONCE


def length_ms(cell: Cell, *, prime: bool) -> tuple[int, int]:
    """Return the warm-up and the window of a slice; priming is all window."""
    if not cell.rate_per_s:
        return (0 if prime else WARM_UP_MS), LENGTH_MS
    if prime:
        return 0, WARM_UP_OPEN_MS
    return WARM_UP_OPEN_MS, LENGTH_OPEN_MS if cell.ranked else LENGTH_OPEN_ONCE_MS


def run(job: Job, bench: Bench) -> list[Sample]:
    """Do the job: samples for every cell, void ones where the contestant failed.

    The gauge starts beside the server, on its own core, and waits there for its role.
    """
    begin_ns = time.monotonic_ns()
    try:
        with (
            bench.gauge(["-"], stdin=subprocess.PIPE) as gauge,
            serving(job, bench) as (port, pid),
        ):
            slices = script(job)
            words = ["load", "--port", str(port), "--server-pid", str(pid), "--slices"]
            tell(gauge, " ".join([*words, _text(slices)]))
            return list(_load(job, bench, gauge, slices, begin_ns))
    except UnservedError as error:
        return job.void(str(error))


def _text(slices: list[tuple[Cell, bool]]) -> str:
    """Return slices as the gauge wants them."""
    words = []
    for cell, prime in slices:
        rate = f"@{cell.rate_per_s}" if cell.rate_per_s else ""
        warm_up_ms, window_ms = length_ms(cell, prime=prime)
        words.append(f"{cell.concurrency}x{cell.size}{rate}/{warm_up_ms}/{window_ms}")
    return ",".join(words)


def _load(
    job: Job, bench: Bench, gauge: Child, slices: list[tuple[Cell, bool]], begin_ns: int
) -> Iterator[Sample]:
    """Read the gauge's line for each slice and yield those that are no priming as samples."""
    count = dict.fromkeys((cell.name for cell in job.cells), 0)
    cold = slices[0][0].name if job.cells[0].ranked else ""
    of = {
        name: sum(1 for cell, prime in slices if cell.name == name and not prime) for name in count
    }
    if cold:
        of[cold] += 1
    for number, (cell, prime) in enumerate(slices):
        line = gauge_line(gauge, Slice)
        if number == 0 and line.started_ns:
            bench.ledger.add("starts_s", (line.started_ns - begin_ns) / 1e9)
        warm_up_s = length_ms(cell, prime=prime)[0] / 1e3 if line.wall_ns else 0.0
        bench.ledger.add("priming_s" if prime else "slices_s", warm_up_s + line.wall_ns / 1e9)
        if prime and not (cold and number == 0):
            continue
        yield _sample(job, cell, line, index=count[cell.name], of=of[cell.name], cold=prime)
        count[cell.name] += 1


def _sample(job: Job, cell: Cell, line: Slice, *, index: int, of: int, cold: bool) -> Sample:
    """Translate the gauge's words into the harness's."""
    return Sample(
        block=job.block,
        implementation=job.alias,
        workload="echo",
        cell=cell.name,
        index=index,
        of=of,
        phase="cold" if cold else "warm",
        started_ns=line.started_ns,
        wall_ns=line.wall_ns,
        messages=line.messages,
        child_cpu_ns=line.server_cpu_ns,
        child_wait_ns=line.server_wait_ns,
        child_faults=line.server_faults,
        gauge_cpu_ns=line.gauge_cpu_ns,
        gauge_wait_ns=line.gauge_wait_ns,
        gauge_busy=line.busy,
        jain=line.jain,
        mean_latency_ns=line.mean_latency_ns,
        p50_ns=line.p50_ns,
        p90_ns=line.p90_ns,
        p99_ns=line.p99_ns,
        p999_ns=line.p999_ns,
        max_ns=line.max_ns,
        due=line.due,
        backlog=line.backlog,
        late_p50_ns=line.late_p50_ns,
        late_p99_ns=line.late_p99_ns,
        latencies=line.latencies,
        before_ns=line.before_ns,
        after_ns=line.after_ns,
        oldest_ns=line.oldest_ns,
        unanswered=line.unanswered,
        # An open loop need not close: whether enough came back is told by its rate.
        error=(line.error or "") if cell.rate_per_s else line.fault,
    )
