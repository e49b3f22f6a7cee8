"""Earlier runs, and one cell over time from them.

Rules: it reads plans and summaries, and a summary is made anew only where none was written. Figures
of runs that are not alike (`alike.circumstances`) never get into one series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from harness import alike, files, recorded, run_folder
from harness.model import WORKLOADS, Cell, Plan, UsageError
from harness.summary import Estimate, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from harness.summary import Result

State = Literal["complete", "interrupted", "cut short", "published", "planned", "not told"]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was."""

    folder: Path
    plan: Plan
    state: State
    """cut short: it is going on, or was killed; not told: an older version wrote it."""

    @property
    def label(self) -> str:
        """When it was planned, to the minute."""
        return self.plan.created[:16].replace("T", " ")


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One implementation's figure in one run."""

    run: Past
    implementation: str
    group: str
    """A letter for the circumstances, A for those of the first run: a line joins no two of them."""
    estimate: Estimate
    figure: Literal["of_reference", "rate_per_s", "p99_us"]


def _state(folder: Path) -> State:
    said = run_folder.spent(folder).state
    if said in {"complete", "interrupted"}:
        return said
    if said == "begun":
        return "cut short"
    if (folder / recorded.SAMPLES[1]).exists():
        return "published"
    whole = (folder / "verdicts.jsonl").exists() or (folder / recorded.SAMPLES[0]).exists()
    return "not told" if whole else "planned"


def _folders(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        if (root / "plan.json").exists():
            yield root
            continue
        if not root.is_dir():
            raise UsageError(f"there is no folder {root}.")
        yield from (file.parent for file in root.glob("*/plan.json"))


def runs(roots: Iterable[Path]) -> tuple[list[Past], list[str]]:
    """Return the runs at or right below some folders, the first first, and what cannot be read.

    Raises UsageError where a folder is none.
    """
    found, broken = [], []
    for folder in dict.fromkeys(_folders(roots)):
        try:
            plan = files.read_json(folder / "plan.json", Plan)
            found.append(Past(folder=folder, plan=plan, state=_state(folder)))
        except UsageError as error:
            broken.append(str(error))
    return sorted(found, key=lambda run: (run.plan.created, str(run.folder))), broken


def cell(name: str) -> Cell:
    """Return the cell that `echo:100x1KiB` names. Raises UsageError for no such name."""
    from harness import units  # noqa: PLC0415  numpy is slow to import

    workload, _, inside = name.partition(":")
    found = units.cell(workload, inside, ranked=True) if workload in WORKLOADS else None
    if found is None:
        raise UsageError(f"{name!r} is no cell; name it as echo:100x1KiB or fetch:10@20ms.")
    return found


def _summary(run: Past) -> Summary | None:
    """Return a run's summary; None where it has no samples."""
    if (run.folder / "summary.json").exists():
        return files.read_json(run.folder / "summary.json", Summary)
    if not recorded.samples_file(run.folder).exists():
        return None
    from harness import analyse  # noqa: PLC0415  numpy is slow to import

    return analyse.summarise(*recorded.read(run.folder))


def _results(summary: Summary, where: Cell) -> dict[str, Result]:
    for workload in summary.workloads:
        for each in workload.cells:
            if (each.cell.workload, each.cell.name) == (where.workload, where.name):
                return {result.implementation: result for result in each.results}
    return {}


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"A{number}"


def groups(past: Sequence[Past]) -> dict[str, list[Past]]:
    """Return the runs by the letter of their circumstances."""
    found: dict[tuple[tuple[str, str], ...], list[Past]] = {}
    for run in past:
        found.setdefault(tuple(sorted(alike.circumstances(run.plan).items())), []).append(run)
    return {_letter(number): own for number, own in enumerate(found.values())}


def series(
    past: Sequence[Past], where: Cell, only: Sequence[str] = ()
) -> tuple[dict[str, list[Point]], list[str]]:
    """Return everyone's points in a cell, in the runs' order, and which runs cannot be read.

    At a given rate a point is the p99; else the share of the ceiling, in which the machine's minute
    falls out, or where a run has no ceiling there, every point is a rate.
    """
    letters = {id(run): letter for letter, own in groups(past).items() for run in own}
    had: list[tuple[Past, dict[str, Result]]] = []
    broken = []
    for run in past:
        try:
            summary = _summary(run)
        except UsageError as error:
            broken.append(str(error))
            continue
        if summary and (results := _results(summary, where)):
            had.append((run, results))
    shares = all(all(r.of_reference for r in results.values()) for _, results in had)
    found: dict[str, list[Point]] = {}
    for run, results in had:
        for name, result in results.items():
            if only and name not in only:
                continue
            point = _point(run, name, result, letters[id(run)], shares=shares)
            if point:
                found.setdefault(name, []).append(point)
    return dict(sorted(found.items())), broken


def _point(run: Past, name: str, result: Result, group: str, *, shares: bool) -> Point | None:
    """Return one point; None for the ceiling over itself."""
    if result.latency:
        estimate, figure = result.latency.p99_us, "p99_us"
    elif shares and result.of_reference:
        kinds = {one.name: one.kind for one in run.plan.implementations}
        if kinds.get(name) == "reference":
            return None
        estimate, figure = result.of_reference, "of_reference"
    else:
        estimate, figure = result.rate_per_s, "rate_per_s"
    return Point(run=run, implementation=name, group=group, estimate=estimate, figure=figure)  # type: ignore[arg-type]
