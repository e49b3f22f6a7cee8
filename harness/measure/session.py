"""The order of measuring: which job comes next, when it is enough, what a resumed run lacks.

Rules: one process runs at a time beside the gauge. A job's samples are appended in one piece, so
that a crash costs one job; a resumed run drops a piece that is not whole and does that job again.
No decision here looks at a name, or at which way a result goes. Samples go to the file and are
forgotten: what stays is a number for each unit, so that a long run needs no more memory.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from harness import files, machine
from harness.cost import Book, Ledger
from harness.measure import echo, fetch, scenarios
from harness.measure.gate import Gate
from harness.measure.job import Bench, Job
from harness.measure.schedule import (
    baselines,
    block_jobs,
    compared,
    contestants,
    cost_s,
)
from harness.model import BLOCKS_LEAST, ONCE, HarnessError, Plan, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.cost import Part
    from harness.model import Workload
    from harness.precision import Precision, Width

    Progress = Callable[[Job, str], None]
    Unit = tuple[int, str, Workload, str]


Why = Literal["narrow", "budget", "nobody"]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the blocks of a run came to their end."""

    blocks: int
    why: Why
    """narrow: every interval is; budget: it is spent; nobody: there is nobody to measure."""
    widest: Width | None
    """The widest interval of a rate ratio; None where there is no ratio."""
    left_out: bool
    """True where no time was left for what is measured once."""


def done(samples: Sequence[Sample]) -> tuple[list[Sample], set[Unit]]:
    """Return the samples of whole units, and which units they are."""
    count = Counter(_unit(sample) for sample in samples)
    kept = [sample for sample in samples if count[_unit(sample)] == sample.of]
    return kept, {_unit(sample) for sample in kept}


def _unit(sample: Sample) -> Unit:
    return sample.block, sample.implementation, sample.workload, sample.cell


def _is_done(job: Job, units: set[Unit]) -> bool:
    return all((job.block, job.alias, job.workload, cell.name) in units for cell in job.cells)


class Session:
    """Measures a plan into the samples.jsonl of a run folder."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        failed: Iterable[tuple[str, Workload]],
        *,
        gate: Gate | None = None,
        do: Callable[[Job, Bench], list[Sample]] | None = None,
    ) -> None:
        """Prepare; what an earlier process measured into the folder stays and is not done again.

        `do` does a job and `gate` lets it begin, where they are not the real ones.
        """
        if plan.server_core == plan.gauge_core:
            raise HarnessError(
                "measuring needs two cores, one of them for the gauge; check runs on one."
            )
        self.plan = plan
        self.models = contestants(plan, failed)
        self._file = folder / "samples.jsonl"
        self._folder = folder
        self._book = Book(folder)
        self._gate = gate or Gate((plan.server_core, plan.gauge_core))
        self._job = do or self._real
        self._earlier = self._take_over()

    def _take_over(self) -> dict[int, list[Sample]]:
        """Drop what an earlier process left unfinished; return the samples of whole jobs by block.

        What is left of a job goes with it: it is done again, all of its cells.
        """
        if not self._file.exists():
            return {}
        files.mend(self._file)
        samples = files.read_jsonl(self._file, Sample)
        kept, units = done(samples)
        torn = {
            (job.block, job.alias, job.workload, cell.name)
            for block in {sample.block for sample in samples}
            for job in block_jobs(self.plan, block, self.models)
            if not _is_done(job, units)
            for cell in job.cells
        }
        kept = [sample for sample in kept if _unit(sample) not in torn]
        if len(kept) < len(samples):
            files.write_jsonl(self._file, kept)
        found: dict[int, list[Sample]] = {}
        for sample in kept:
            found.setdefault(sample.block, []).append(sample)
        return found

    def run(self, until: float, progress: Progress) -> Ended:
        """Measure blocks until the clock (time.monotonic) says `until`, or until it is enough.

        Enough: BLOCKS_ENOUGH blocks and every interval narrow (`precision`). A block that would end
        too late is not begun, once there are BLOCKS_LEAST. What is measured once comes last, then
        the scenarios, in the time set aside for them.
        """
        ledger = Ledger()  # the import counts: it is time in which nothing is measured
        from harness.precision import Precision  # noqa: PLC0415  numpy is slow to import

        # the contestant's core is the contestant's
        with (
            machine.pinned(self.plan.gauge_core),
            tempfile.TemporaryDirectory(prefix="evenloop-") as folder,
        ):
            bench = Bench(
                server_core=self.plan.server_core,
                gauge_core=self.plan.gauge_core,
                folder=Path(folder),
                ledger=ledger,
            )
            precision = Precision(baselines(self.models), compared(self.models), self.plan.seed)
            end = until - scenarios.cost_s(self.plan, self.models)
            once_s = cost_s(self.plan, ONCE, self.models)
            blocks, why = self._blocks(bench, precision, end - once_s, progress)
            left_out = not self._once(bench, end, progress)
            left_s = until - time.monotonic()
            scenarios.run(self.plan, self.models, bench, self._folder, progress, left_s)
        return Ended(blocks=blocks, why=why, widest=precision.widest(), left_out=left_out)

    def _blocks(
        self, bench: Bench, precision: Precision, until: float, progress: Progress
    ) -> tuple[int, Why]:
        """Measure blocks; return how many are whole and why there are no more."""
        from harness.precision import BLOCKS_ENOUGH  # noqa: PLC0415  numpy is slow to import

        if not block_jobs(self.plan, 0, self.models):
            return 0, "nobody"
        cost, block = cost_s(self.plan, 0, self.models), 0
        while block < BLOCKS_ENOUGH or not precision.narrow():
            samples, jobs = self._left(block)
            begin = time.monotonic()
            if jobs and block >= BLOCKS_LEAST and begin + cost > until:
                precision.add(samples)
                return block, "budget"
            for number, job in enumerate(jobs):
                left_s = max(0.0, until - time.monotonic())
                progress(
                    job, f"block {block + 1}, {number + 1} of {len(jobs)}; {left_s:.0f} s left"
                )
                samples += self._do(job, bench, "blocks")
            if jobs:
                cost = max(time.monotonic() - begin, cost if block else 0.0)
            precision.add(samples)
            block += 1
        return block, "narrow"

    def _once(self, bench: Bench, until: float, progress: Progress) -> bool:
        """Measure what is measured once; return False where there is no time for it.

        A small budget ends with the blocks. Half of the time is enough to begin: the estimate is a
        generous one, and the blocks may have taken some of it.
        """
        _, jobs = self._left(ONCE)
        if jobs and time.monotonic() + cost_s(self.plan, ONCE, self.models) / 2 > until:
            return False
        for number, job in enumerate(jobs):
            progress(job, f"cells measured once, {number + 1} of {len(jobs)}")
            self._do(job, bench, "once")
        return True

    def _left(self, block: int) -> tuple[list[Sample], list[Job]]:
        """Return what an earlier process measured of a block, and the jobs that nobody has done."""
        earlier = self._earlier.pop(block, [])
        units = {_unit(sample) for sample in earlier}
        jobs = block_jobs(self.plan, block, self.models)
        return earlier, [job for job in jobs if not _is_done(job, units)]

    def _do(self, job: Job, bench: Bench, part: Part) -> list[Sample]:
        """Do a job once the machine is quiet; append its samples in one piece, then its cost."""
        waited = self._gate.wait()
        bench.ledger.add("waits_s", waited.wait_s)
        bench.ledger.noisy = waited.noisy
        samples = self._job(job, bench)
        files.append_jsonl(self._file, samples)
        self._book.add(bench.ledger.close(part))
        return samples

    def _real(self, job: Job, bench: Bench) -> list[Sample]:
        if job.workload == "echo":
            return echo.run(job, bench)
        return fetch.run(job, bench, quick=self.plan.quick)
