"""Who is measured in what, in which order, and what that will cost: decided by plan and seed alone.

Rules: nothing is started and no result is looked at. A model job says who takes part and under
which name; `cells` in it, where there are any, are the only ones it is measured in: so the run's
own controls are contestants like all others.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from harness.measure import cells
from harness.measure.job import Job
from harness.model import (
    BASELINE,
    BLOCKS_LEAST,
    ONCE,
    PLANTED,
    PLANTED_SHARE,
    STALL_EVERY_S,
    STALL_S,
    STALLED,
    TWIN,
    Implementation,
    Plan,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.model import Cell, Workload

    Models = dict[Workload, list[Job]]

# Seconds to plan by, until a first block has been measured.
START_S = 0.45  # starting and ending a process, and the gauge beside it
ECHO_S = 0.48  # six slices of a ranked cell, and its priming
ECHO_ONCE_S = 0.4  # three slices; large messages over many connections take long to drain
OPEN_S = 0.8
OPEN_ONCE_S = 2.3
FETCH_S = 0.45
FETCH_QUICK_S = 0.25


def contestants(plan: Plan, failed: Iterable[tuple[str, Workload]]) -> Models:
    """Return a model job per contestant and workload: who has it, can run and did not fail.

    The controls are the baseline again, after all others: as it is (a twin), with a planted loss,
    with a planted stall. The last two need the shared launcher.
    """
    out = set(failed)
    result: Models = {}
    for workload in plan.workloads:
        models = [
            _model(one, workload)
            for one in plan.implementations
            if not one.cannot_run and workload in one.workloads and (one.name, workload) not in out
        ]
        result[workload] = models + [
            control
            for model in models
            if model.alias == BASELINE
            for control in _controls(model, plan)
        ]
    return result


def _model(implementation: Implementation, workload: Workload) -> Job:
    return Job(
        block=0,
        implementation=implementation,
        alias=implementation.name,
        workload=workload,
        cells=(),
        order=0,
    )


def _controls(baseline: Job, plan: Plan) -> Iterator[Job]:
    """Yield the model jobs of the run's controls in a workload."""

    def control(alias: str, chosen: Iterable[Cell], *burden: str) -> Job:
        return msgspec.structs.replace(
            baseline, alias=BASELINE + alias, cells=tuple(chosen), burden=burden
        )

    yield control(TWIN, (c for c in cells.ranked(plan) if c.workload == baseline.workload))
    if baseline.workload == "echo" and not baseline.implementation.run:
        yield control(PLANTED, cells.PLANTED, "--burn", f"{PLANTED_SHARE:g}")
        if not plan.quick:
            stall = ("--stall-s", f"{STALL_S:g}", "--stall-every-s", f"{STALL_EVERY_S:g}")
            yield control(STALLED, cells.STALLED, *stall)


def baselines(models: Mapping[Workload, Sequence[Job]]) -> dict[Workload, str]:
    """Return whose rates all others are compared with: the baseline, or else the reference."""

    def order(job: Job) -> tuple[bool, bool, str]:
        return job.alias != BASELINE, job.implementation.kind != "reference", job.alias

    return {workload: min(jobs, key=order).alias for workload, jobs in models.items() if jobs}


def compared(models: Mapping[Workload, Sequence[Job]]) -> dict[Workload, frozenset[str]]:
    """Return whose ratios to the baseline a report has: neither the ceiling's nor a control's."""
    whom = baselines(models)
    return {
        workload: frozenset(
            job.alias for job in jobs if not job.cells and job.implementation.kind != "reference"
        )
        - {whom.get(workload, "")}
        for workload, jobs in models.items()
    }


def block_jobs(plan: Plan, block: int, models: Mapping[Workload, Sequence[Job]]) -> list[Job]:
    """Return the jobs of one block in its random order; plan and number decide it.

    The order of a job's slices is the same for all contestants of a block.
    """
    usual = cells.once(plan) if block == ONCE else cells.ranked(plan)
    jobs = []
    for workload in plan.workloads:
        for model in models[workload]:
            own = [c for c in model.cells or usual if c.workload == workload]
            for chosen in _pieces([c for c in own if c.ranked == (block != ONCE)]):
                key = f"{plan.seed}/{block}/{workload}"
                key += f"/{chosen[0].name}" if workload == "fetch" else ""
                seed = random.Random(key).randrange(2**31)  # noqa: S311  an order, not a secret
                piece = msgspec.structs.replace(model, block=block, cells=chosen, order=seed)
                jobs.append(piece)
    random.Random(f"{plan.seed}/{block}").shuffle(jobs)  # noqa: S311  an order, not a secret
    return jobs


def _pieces(chosen: Sequence[Cell]) -> Iterator[tuple[Cell, ...]]:
    """Yield what one process each gives: all echo cells together, every fetch cell alone."""
    echoes = tuple(cell for cell in chosen if cell.workload == "echo")
    if echoes:
        yield echoes
    yield from ((cell,) for cell in chosen if cell.workload == "fetch")


def _cell_cost_s(cell: Cell, *, quick: bool) -> float:
    if cell.workload == "fetch":
        return FETCH_QUICK_S if quick else FETCH_S
    if cell.rate_per_s:
        return OPEN_S if cell.ranked else OPEN_ONCE_S
    return ECHO_S if cell.ranked else ECHO_ONCE_S


def cost_s(plan: Plan, block: int, models: Mapping[Workload, Sequence[Job]]) -> float:
    """Estimate the seconds of one block, before anything was measured."""
    return sum(
        START_S + sum(_cell_cost_s(cell, quick=plan.quick) for cell in job.cells)
        for job in block_jobs(plan, block, models)
    )


def least_s(plan: Plan) -> float:
    """Estimate the seconds of the least there is to measure: BLOCKS_LEAST blocks of all."""
    return BLOCKS_LEAST * cost_s(plan, 0, contestants(plan, ()))
