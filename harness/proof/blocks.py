"""Blocks of fresh processes in random order, as a run has them, for a comparison of a row's own.

Rules: a contestant here is a job under an alias of its own; the order of each block is drawn from
the row's seed. What counts is decided by `units`, what follows by `results` and `contrast`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from harness import machine, units
from harness.measure import echo
from harness.measure.job import Job
from harness.results import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.measure.job import Bench
    from harness.model import Cell, Implementation, Sample
    from harness.proof.row import Setting
    from harness.results import Where

    Do = Callable[[Job, Bench], list[Sample]]


def contestant(
    implementation: Implementation,
    cells: Sequence[Cell],
    *,
    alias: str = "",
    burden: Sequence[str] = (),
) -> Job:
    """Return a model job; `burden` are further words for its launcher."""
    return Job(
        block=0,
        implementation=implementation,
        alias=alias or implementation.name,
        workload="echo",
        cells=tuple(cells),
        order=0,
        burden=tuple(burden),
    )


def block(models: Sequence[Job], number: int, setting: Setting, do: Do = echo.run) -> list[Sample]:
    """Do every model job once, as block `number`, in random order; return their samples."""
    order = random.Random(f"{setting.seed}/{number}")  # noqa: S311  an order, not a secret
    seed = order.randrange(2**31)
    jobs = [msgspec.structs.replace(model, block=number, order=seed) for model in models]
    order.shuffle(jobs)
    with machine.pinned(setting.gauge_core):  # the contestant's core is the contestant's
        return [sample for job in jobs for sample in do(job, setting.bench)]


def interleaved(
    models: Sequence[Job], setting: Setting, *, what: str, do: Do = echo.run
) -> list[Sample]:
    """Do as many blocks as the setting asks for."""
    samples: list[Sample] = []
    for number in range(setting.blocks):
        setting.say(f"{what}: block {number + 1} of {setting.blocks}")
        samples += block(models, number, setting, do)
    return samples


def by_cell(samples: Sequence[Sample], cells: Sequence[Cell]) -> dict[str, Where]:
    """Return what counts of the samples, by the name of the cell; void samples fall out."""
    found, _ = gather(samples, units.keyed(cells))
    return {where.cell.name: where for where in found}


def losses(samples: Sequence[Sample], cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return what contestants failed with, and what was thrown out by the rules of `units`."""
    failed = {sample.implementation: sample.error for sample in samples if sample.error}
    found = [f"{name} failed: {error}" for name, error in sorted(failed.items())]
    _, thrown = units.units(samples, units.keyed(cells))
    if thrown.blocks or thrown.slices:
        causes = ", ".join(f"{many} {cause}" for cause, many in thrown.slices.items())
        found.append(
            f"{len(thrown.blocks)} of {thrown.all_blocks} blocks were thrown out, and of "
            f"{thrown.all_slices} slices: {causes}"
        )
    return tuple(found)
