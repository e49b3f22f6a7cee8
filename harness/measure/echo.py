"""One echo job: a fresh server, its connections primed, then slices in random order.

Rules: the same slices in the same order for every contestant of a block. The first cell that is
primed meets a process that has served nothing: its priming is the cold sample.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from harness.measure.job import Bench, Job, gauge_line
from harness.measure.serving import UnservedError, serving
from harness.model import Cell, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICES = 6  # of a ranked cell; MEASURING: an instance's own bias outweighs more of them
SLICES_ONCE = 3
WARM_UP_MS = 20
LENGTH_MS = 50


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


def script(job: Job) -> list[tuple[Cell, bool]]:
    """Return the slices of a job in order: (cell, whether it is priming)."""
    order = random.Random(job.order)  # noqa: S311  an order, not a secret
    primed = list(job.cells)
    order.shuffle(primed)
    per_cell = SLICES if job.cells[0].ranked else SLICES_ONCE
    slices = [cell for cell in job.cells for _ in range(per_cell)]
    order.shuffle(slices)
    return [*((cell, True) for cell in primed), *((cell, False) for cell in slices)]


def run(job: Job, bench: Bench) -> list[Sample]:
    """Do the job: samples for every cell, void ones where the contestant failed."""
    try:
        with serving(job, bench) as (port, pid):
            return list(_load(job, bench, port, pid))
    except UnservedError as error:
        return job.void(str(error))


def _load(job: Job, bench: Bench, port: int, pid: int) -> Iterator[Sample]:
    """Drive the gauge through the script and yield its slices as samples."""
    slices = script(job)
    text = ",".join(
        f"{cell.concurrency}x{cell.size}/{0 if prime else WARM_UP_MS}/{LENGTH_MS}"
        for cell, prime in slices
    )
    count = dict.fromkeys((cell.name for cell in job.cells), 0)
    cold = slices[0][0].name if job.cells[0].ranked else ""
    of = {
        name: sum(1 for cell, prime in slices if cell.name == name and not prime) for name in count
    }
    if cold:
        of[cold] += 1
    words = ["load", "--port", str(port), "--server-pid", str(pid), "--slices", text]
    with bench.gauge(words) as gauge:
        for number, (cell, prime) in enumerate(slices):
            line = gauge_line(gauge, Slice)
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
        unanswered=line.unanswered,
        error=line.error
        or (f"{line.unanswered} messages never came back" if line.unanswered else ""),
    )
