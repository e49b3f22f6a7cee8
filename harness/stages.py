"""The stages of a run, in their order: check, measure, analyse, report.

Rules: a stage takes the plan and the run folder, reads what the stage before wrote there, and
writes its own file. It can be called again: what is done is not done twice.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import msgspec

from harness import files, judge
from harness.check import cases, suite, told
from harness.measure.schedule import least_s
from harness.measure.session import Session
from harness.model import BLOCKS_LEAST, Plan, UsageError, Verdict, Workload
from harness.progress import Pace, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.check.case import Case
    from harness.cost import Part
    from harness.measure.job import Job
    from harness.measure.session import Ended
    from harness.model import Implementation
    from harness.run_folder import Clock


SHOWN = {"FAIL": "red", "HARNESS-ERROR": "red", "INCONCLUSIVE": "yellow"}
"""Verdicts that the reader is told of at once, and their colours."""


CHECK_S = 15.0  # what checking one implementation takes, to plan by
CHECK_QUICK_S = 4.0


def fit_budget(the_plan: Plan, *, given: bool) -> Plan:
    """Return the plan with a budget that holds what must be done, before anything starts.

    Raises UsageError where a budget that was given is too small; a default one grows.
    """
    able = sum(1 for one in the_plan.implementations if not one.cannot_run)
    check_s = able * (CHECK_QUICK_S if the_plan.quick else CHECK_S)
    blocks_s = least_s(the_plan)
    need = check_s + blocks_s
    if the_plan.budget_s >= need:
        return the_plan
    if given:
        raise UsageError(
            f"the budget is too small: checking takes about {check_s:.0f} s and {BLOCKS_LEAST} "
            f"blocks about {blocks_s:.0f} s; give --budget {need:.0f}s, or choose fewer (--only)."
        )
    return msgspec.structs.replace(the_plan, budget_s=need)


def verdicts_of(folder: Path) -> list[Verdict]:
    """Return the verdicts in a run folder so far."""
    file = folder / "verdicts.jsonl"
    files.mend(file)
    return files.read_jsonl(file, Verdict) if file.exists() else []


def check_stage(the_plan: Plan, folder: Path, clock: Clock) -> None:
    """Play every case that has no verdict yet, for every implementation that can run."""
    earlier = verdicts_of(folder)
    chosen = suite.select(
        cases.ALL, workloads=the_plan.workloads, quick=the_plan.quick, again=False
    )
    files.write_jsonl(folder / "cases.jsonl", told.texts(chosen))
    file = folder / "verdicts.jsonl"
    with Progress() as progress:
        play(
            the_plan.implementations,
            chosen,
            progress,
            lambda verdict: files.append_jsonl(file, [verdict]),
            earlier,
            left_s=lambda: the_plan.budget_s - clock.spent_s,
        )
    clock.save()


def play(
    implementations: Sequence[Implementation],
    chosen: Sequence[Case],
    progress: Progress,
    keep: Callable[[Verdict], None],
    earlier: Sequence[Verdict] = (),
    left_s: Callable[[], float] | None = None,
) -> None:
    """Play cases and show each verdict as it comes.

    `left_s` tells how long the run still takes, where the check is a part of one.
    """
    total = sum(len(suite.played_by(one, chosen)) for one in implementations)
    count = 0
    pace = Pace()

    def on_verdict(verdict: Verdict) -> None:
        nonlocal count
        count = min(count + 1, total)  # sums over all cases come on top
        keep(verdict)
        progress.say(
            "check",
            f"{count} of {total}: {verdict.implementation} {verdict.case} {verdict.verdict}",
            left_s=left_s() if left_s else pace.left_s(count, total),
            share=count / total,
        )
        if verdict.verdict in SHOWN:
            progress.note(
                f"{verdict.verdict} {verdict.implementation} {verdict.case}: {verdict.reason}",
                style=SHOWN[verdict.verdict],
            )

    progress.say("check", f"{len(chosen)} cases for {len(implementations)} implementations")
    suite.run(implementations, chosen, on_verdict=on_verdict, earlier=earlier)


def measure_stage(the_plan: Plan, folder: Path, clock: Clock) -> None:
    """Measure what passed, in blocks, until the intervals are narrow or the budget is spent."""
    failed = _failed(the_plan, verdicts_of(folder))
    session = Session(the_plan, folder, failed)
    left_s = the_plan.budget_s - clock.spent_s
    with Progress() as progress:

        def on_job(job: Job, text: str) -> None:
            clock.save()
            what = text.partition(";")[0]  # its own time left is that of the blocks alone
            progress.say(
                "measure",
                f"{job.implementation.name} {job.workload}, {what}",
                left_s=the_plan.budget_s - clock.spent_s,
                share=clock.spent_s / the_plan.budget_s,
            )

        ended = session.run(time.monotonic() + left_s, on_job)
        progress.note(ending(ended))
    clock.save()


def ending(ended: Ended) -> str:
    """Return how measuring came to its end, and how narrow the intervals are."""
    why = {
        "narrow": "every interval is narrow enough",
        "budget": "the budget is spent",
        "nobody": "nobody is left to measure",
    }
    said = f"measure: {ended.blocks} blocks; {why[ended.why]}"
    if ended.widest and math.isfinite(ended.widest.share):
        widest = ended.widest
        said += f"; the widest half-width of a rate ratio is {widest.share:.2%} "
        said += f"({widest.implementation}, {widest.workload} {widest.cell})"
    elif ended.widest:
        said += "; too few of them for every interval"
    if ended.left_out:
        said += "; no time was left for the cells that are measured once"
    return said + "."


def _failed(the_plan: Plan, verdicts: Sequence[Verdict]) -> list[tuple[str, Workload]]:
    """Return who is not measured in which workload, because a MUST does not hold."""
    return [
        (one.name, workload)
        for one in the_plan.implementations
        for workload in the_plan.workloads
        if judge.standing(one, workload, verdicts).status == "fail"
    ]


def analyse_stage(_plan: Plan, folder: Path, _clock: Clock) -> None:
    """Turn verdicts and samples into summary.json."""
    _analyse(folder)


def _analyse(folder: Path) -> None:
    from harness.report import engine  # noqa: PLC0415  slow to import, as the next one

    engine.prepare()  # what draws the charts begins while this counts
    from harness import analyse  # noqa: PLC0415

    analyse.run(folder)


def report_stage(_plan: Plan, folder: Path, _clock: Clock) -> None:
    """Turn summary.json into REPORT.md and what it links to."""
    from harness.report import rendering  # noqa: PLC0415  slow to import

    rendering.run(folder, folder)


def salvage(folder: Path) -> bool:
    """Render what an interrupted run has so far; False where it has nothing yet."""
    if not any(_holds(folder / name) for name in ("verdicts.jsonl", "samples.jsonl")):
        return False
    for name in ("verdicts.jsonl", "samples.jsonl", "traits.jsonl"):
        files.mend(folder / name)  # the line that was being written
    _analyse(folder)
    from harness.report import rendering  # noqa: PLC0415

    rendering.run(folder, folder)
    return True


def _holds(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


STAGES: dict[Part, Callable[[Plan, Path, Clock], None]] = {
    "check": check_stage,
    "measure": measure_stage,
    "analyse": analyse_stage,
    "report": report_stage,
}
"""The whole program, in order."""
