"""The order of measuring: which job comes next, when the budget is spent, what a resumed run lacks.

Rules: one process runs at a time beside the gauge. A job's samples are appended in one piece, so
that a crash costs one job; a resumed run drops a piece that is not whole and does that job again.
No decision here looks at a name or at a result.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from harness import files
from harness.measure import cells, echo, fetch
from harness.measure.job import Bench, Job
from harness.model import BASELINE, TWIN, HarnessError, Implementation, Plan, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.model import Cell, Workload

    Progress = Callable[[Job, str], None]

BLOCKS_LEAST = 6  # under six no interval
BLOCKS_MOST = 60
# Seconds that one contestant's job takes, to plan by: starting two processes, priming, slices.
COST_S = {"echo": 1.5, "fetch": 0.9}
COST_QUICK_S = {"echo": 1.0, "fetch": 0.7}
COST_ONCE_S = {"echo": 6.0, "fetch": 2.0}


def contestants(plan: Plan, failed: Iterable[tuple[str, Workload]]) -> dict[Workload, list[Job]]:
    """Return a model job per contestant and workload: who can run and did not fail, the twin."""
    out = set(failed)
    result: dict[Workload, list[Job]] = {}
    for workload in plan.workloads:
        chosen = [
            one
            for one in plan.implementations
            if not one.cannot_run and (one.name, workload) not in out
        ]
        result[workload] = [_model(one, one.name, workload) for one in chosen]
        result[workload] += [
            _model(one, one.name + TWIN, workload) for one in chosen if one.name == BASELINE
        ]
    return result


def _model(implementation: Implementation, alias: str, workload: Workload) -> Job:
    return Job(
        block=0, implementation=implementation, alias=alias, workload=workload, cells=(), order=0
    )


def block_cost_s(plan: Plan, models: dict[Workload, list[Job]]) -> float:
    """Estimate the seconds of one block, before anything was measured."""
    cost = COST_QUICK_S if plan.quick else COST_S
    processes = {
        "echo": 1,
        "fetch": sum(1 for cell in cells.ranked(plan) if cell.workload == "fetch"),
    }
    return sum(
        cost[workload] * processes[workload] * len(jobs) for workload, jobs in models.items()
    )


def once_cost_s(plan: Plan, models: dict[Workload, list[Job]]) -> float:
    """Estimate the seconds of the cells that are measured once."""
    return sum(
        COST_ONCE_S[cell] * len(models[cell])
        for cell in {cell.workload for cell in cells.once(plan)}
    )


def least_s(plan: Plan) -> float:
    """Estimate the seconds of the least there is to measure: BLOCKS_LEAST blocks of all."""
    return BLOCKS_LEAST * block_cost_s(plan, contestants(plan, ()))


def block_jobs(plan: Plan, block: int, models: dict[Workload, list[Job]]) -> list[Job]:
    """Return the jobs of one block in its random order; plan and number decide it."""
    order = random.Random(f"{plan.seed}/{block}")  # noqa: S311  an order, not a secret
    pieces: list[tuple[Workload, tuple[Cell, ...], int]] = []
    for workload, chosen in _pieces(plan, once=block < 0):
        pieces.append((workload, chosen, order.randrange(2**31)))
    jobs = [
        Job(
            block=block,
            implementation=model.implementation,
            alias=model.alias,
            workload=workload,
            cells=chosen,
            order=seed,
        )
        for workload, chosen, seed in pieces
        for model in models[workload]
        if block >= 0 or not model.alias.endswith(TWIN)
    ]
    order.shuffle(jobs)
    return jobs


def _pieces(plan: Plan, *, once: bool) -> Iterator[tuple[Workload, tuple[Cell, ...]]]:
    """Yield what one process each gives: all echo cells together, every fetch cell alone."""
    chosen = cells.once(plan) if once else cells.ranked(plan)
    echoes = tuple(cell for cell in chosen if cell.workload == "echo")
    if echoes:
        yield "echo", echoes
    for cell in chosen:
        if cell.workload == "fetch":
            yield "fetch", (cell,)


def done(samples: Sequence[Sample]) -> tuple[list[Sample], set[tuple[int, str, Workload, str]]]:
    """Return the samples of whole units, and which units they are."""
    count = Counter(_unit(sample) for sample in samples)
    kept = [sample for sample in samples if count[_unit(sample)] == sample.of]
    return kept, {_unit(sample) for sample in kept}


def _unit(sample: Sample) -> tuple[int, str, Workload, str]:
    return sample.block, sample.implementation, sample.workload, sample.cell


def _is_done(job: Job, units: set[tuple[int, str, Workload, str]]) -> bool:
    return all((job.block, job.alias, job.workload, cell.name) in units for cell in job.cells)


class Session:
    """Measures a plan into the samples.jsonl of a run folder."""

    def __init__(self, plan: Plan, folder: Path, failed: Iterable[tuple[str, Workload]]) -> None:
        """Prepare; what an earlier process measured into the folder stays and is not done again."""
        if plan.server_core == plan.gauge_core:
            raise HarnessError(
                "measuring needs two cores, one of them for the gauge; check runs on one."
            )
        self.plan = plan
        self.models = contestants(plan, failed)
        self._file = folder / "samples.jsonl"
        self._units = self._take_over()

    def _take_over(self) -> set[tuple[int, str, Workload, str]]:
        """Drop what an earlier process left unfinished, and return the units that are whole."""
        if not self._file.exists():
            return set()
        files.mend(self._file)
        samples = files.read_jsonl(self._file, Sample)
        kept, units = done(samples)
        if len(kept) < len(samples):
            files.write_jsonl(self._file, kept)
        return units

    def run(self, until: float, progress: Progress) -> int:
        """Measure blocks until the clock (time.monotonic) says `until`; return how many are whole.

        A block that would end too late is not begun, once there are BLOCKS_LEAST. The cells that
        are measured once come last, in the time set aside for them.
        """
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.plan.gauge_core})  # the contestant's core is the contestant's
        try:
            with tempfile.TemporaryDirectory(prefix="evenloop-") as folder:
                bench = Bench(
                    server_core=self.plan.server_core,
                    gauge_core=self.plan.gauge_core,
                    folder=Path(folder),
                )
                return self._blocks(bench, until, progress)
        finally:
            os.sched_setaffinity(0, allowed)

    def _blocks(self, bench: Bench, until: float, progress: Progress) -> int:
        cost = block_cost_s(self.plan, self.models)
        until -= once_cost_s(self.plan, self.models)
        whole = 0
        for block in range(BLOCKS_MOST):
            if block >= BLOCKS_LEAST and time.monotonic() + cost > until:
                break
            jobs = self._left(block)
            begin = time.monotonic()
            for number, job in enumerate(jobs):
                left_s = max(0.0, until - time.monotonic())
                progress(
                    job, f"block {block + 1}, {number + 1} of {len(jobs)}; {left_s:.0f} s left"
                )
                self._do(job, bench)
            if jobs:
                cost = max(time.monotonic() - begin, cost if block else 0.0)
            whole += 1
        jobs = self._left(-1)
        for number, job in enumerate(jobs):
            progress(job, f"cells measured once, {number + 1} of {len(jobs)}")
            self._do(job, bench)
        return whole

    def _left(self, block: int) -> list[Job]:
        """Return the jobs of a block that nobody has done."""
        return [
            job
            for job in block_jobs(self.plan, block, self.models)
            if not _is_done(job, self._units)
        ]

    def _do(self, job: Job, bench: Bench) -> None:
        """Do a job and append its samples in one piece."""
        if job.workload == "echo":
            samples = echo.run(job, bench)
        else:
            samples = fetch.run(job, bench, quick=self.plan.quick)
        files.append_jsonl(self._file, samples)
        self._units.update(_unit(sample) for sample in samples)
