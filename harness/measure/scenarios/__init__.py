"""Scenarios: what is measured once for each implementation, shown with its spread, never ranked.

Rules: `TABLE` has all of them in order, one module each; `run` plays what the run folder lacks.
The traits of one implementation in one scenario are appended in one piece that ends with `wall_s`;
a piece without it was cut short, and is dropped and done again. A scenario begins only where the
time left is enough for everyone, so that no figure is there for some alone.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from harness import files
from harness.cost import Book
from harness.measure.scenarios import (
    busy_thread,
    churn,
    contexts,
    flood,
    imports,
    memory,
    size,
    stalled_main,
    start,
    start_and_end,
)
from harness.measure.scenarios.scenario import Scenario, play
from harness.model import WHOLE, Trait

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from harness.measure.job import Bench, Job
    from harness.model import Plan, Workload

    Models = Mapping[Workload, Sequence[Job]]
    Piece = tuple[str, Workload, str]

TABLE: tuple[Scenario, ...] = (
    size.ECHO,
    start.SCENARIO,
    imports.SCENARIO,
    churn.SCENARIO,
    flood.SCENARIO,
    busy_thread.SCENARIO,
    stalled_main.SCENARIO,
    memory.SCENARIO,
    contexts.SCENARIO,
    size.FETCH,
    start_and_end.SCENARIO,
)


def _models(scenario: Scenario, models: Models) -> list[Job]:
    """Return a model job for everyone who takes part: each implementation once, no second names."""
    chosen = models.get(scenario.workload, ())
    return [model for model in chosen if model.alias == model.implementation.name]


def cost_s(plan: Plan, models: Models) -> float:
    """Estimate the seconds of all scenarios of a plan, before any was played."""
    if plan.quick:
        return 0.0
    return sum(scenario.cost_s * len(_models(scenario, models)) for scenario in TABLE)


def take_over(file: Path) -> set[Piece]:
    """Drop the pieces that an earlier process left unfinished, and return those that are whole."""
    files.mend(file)
    traits = files.read_jsonl(file, Trait) if file.exists() else []
    whole = {_piece(trait) for trait in traits if trait.figure == WHOLE}
    kept = [trait for trait in traits if _piece(trait) in whole]
    if len(kept) < len(traits):
        files.write_jsonl(file, kept)
    return whole


def _piece(trait: Trait) -> Piece:
    return trait.implementation, trait.workload, trait.scenario


def run(
    plan: Plan,
    models: Models,
    bench: Bench,
    folder: Path,
    progress: Callable[[Job, str], None],
    left_s: float,
) -> None:
    """Play the scenarios that a run folder has no traits of, in the time that is left.

    `models` has a job of everyone who takes part, by workload. A quick plan has no scenarios.
    """
    if plan.quick:
        return
    until = time.monotonic() + left_s
    file, book = folder / "traits.jsonl", Book(folder)
    done = take_over(file)
    for scenario in TABLE:
        jobs = [
            model
            for model in _models(scenario, models)
            if (model.alias, scenario.workload, scenario.name) not in done
        ]
        if not jobs or time.monotonic() + scenario.cost_s * len(jobs) > until:
            continue
        order = f"{plan.seed}/{scenario.workload}/{scenario.name}"
        random.Random(order).shuffle(jobs)  # noqa: S311  an order, not a secret
        for number, job in enumerate(jobs):
            progress(job, f"{scenario.name}, {number + 1} of {len(jobs)}")
            files.append_jsonl(file, play(scenario, job.implementation, bench))
            book.add(bench.ledger.close("scenarios"))
