"""Rows `width` and `order`: how narrow a full run's intervals are, and whether two runs agree.

Rules: they read run folders as they are. `width` looks at the ratios that a report prints; `order`
at every pair of frameworks, in every ranked cell and over each workload as a whole.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from harness import contrast, cost, files, stats
from harness.model import BASELINE, Sample
from harness.precision import half_width
from harness.proof import runs, spread
from harness.proof.row import Reached
from harness.proven import Figure
from harness.results import overall
from harness.run_folder import spent
from harness.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.cost import Cost, Shares
    from harness.model import Cell, Kind
    from harness.proof.row import Setting
    from harness.results import Where
    from harness.summary import CellSummary

HALF_WIDTH_MOST = 0.015
CONNECTIONS = (10, 100)
RUN_MOST_S = 600.0
OWN_MOST = 0.15  # of the wall clock, not spent in slices, priming or process starts


def _ratios(cell: CellSummary, kinds: Mapping[str, Kind]) -> dict[str, float | None]:
    """Return the half-width of each contestant's ratio in a cell; None where it has no interval."""
    return {
        one.implementation: half_width(one.ratio) if one.ratio else None
        for one in cell.results
        if kinds.get(one.implementation) != "reference" and one.implementation != BASELINE
    }


def cost_figures(found: Shares | None) -> tuple[Figure, ...]:
    """Return the harness's own share of a run's jobs, waiting for a quiet machine left out."""
    if found is None:
        return ()
    own = stats.significant(found.own - found.waits, 3)
    waits = stats.significant(found.waits, 3)
    return (
        Figure(what="the harness's own share of the jobs", value=own, unit="%", most=OWN_MOST),
        Figure(what="waiting for a quiet machine", value=waits, unit="%"),
    )


def widths(summary: Summary) -> Iterator[tuple[Cell, dict[str, float | None]]]:
    """Yield every ranked closed loop at 10 and 100 connections with everyone's half-width there."""
    kinds = {one.name: one.kind for one in summary.implementations}
    for workload in summary.workloads:
        for cell in workload.cells:
            closed = cell.cell.ranked and not cell.cell.rate_per_s
            if closed and cell.cell.concurrency in CONNECTIONS:
                yield cell.cell, _ratios(cell, kinds)


def widest(ratios: Mapping[str, float | None]) -> tuple[str, float] | None:
    """Return who has the widest interval, and its half-width; None where nobody has one."""
    return max(
        ((name, width) for name, width in ratios.items() if width is not None),
        key=lambda one: one[1],
        default=None,
    )


def width_figures(summary: Summary, spent_s: float) -> tuple[Figure, ...]:
    """Return the widest interval of every ranked cell at 10 and 100 connections, and the time."""
    found = []
    without = 0
    for cell, ratios in widths(summary):
        there = [width for width in ratios.values() if width is not None]
        without += len(ratios) - len(there)
        if (most := widest(ratios)) is None:
            continue
        found.append(
            Figure(
                what=f"{cell.workload} {cell.name}: widest half-width of a rate ratio, of "
                f"{len(there)} ({most[0]})",
                value=stats.significant(most[1], 3),
                unit="%",
                most=HALF_WIDTH_MOST,
                best=stats.significant(min(there), 3),
            )
        )
    some = Figure(what="cells with intervals", value=float(len(found)), least=1.0)
    bare = Figure(what="rate ratios without an interval", value=float(without), most=0.0)
    took = Figure(what="the run took", value=round(spent_s, 1), unit="s", most=RUN_MOST_S)
    return (*found, some, bare, took)


def width_causes(summary: Summary) -> tuple[str, ...]:
    """Return how much was measured and thrown out."""
    thrown = summary.thrown_out
    counted = ", ".join(f"{w.workload} {w.blocks}" for w in summary.workloads)
    words = (
        f"blocks that count: {counted}; {len(thrown.blocks)} of {thrown.all_blocks} blocks and "
        f"{sum(thrown.slices.values())} of {thrown.all_slices} slices were thrown out"
    )
    return (words,)


def _minutes(costs: Sequence[Cost], spent_s: float, measured: int, blocks: int) -> float:
    """Return how long the same run takes with `blocks` instead of `measured` blocks."""
    in_blocks_s = sum(one.wall_s for one in costs if one.part == "blocks") or spent_s
    return (spent_s + in_blocks_s * (blocks / measured - 1)) / 60


def spread_causes(
    folder: Path, summary: Summary, spent_s: float, costs: Sequence[Cost]
) -> Iterator[str]:
    """Yield for every cell that is too wide what makes it so, and how many blocks it would take."""
    found_wide = ((cell, widest(ratios)) for cell, ratios in widths(summary))
    wide = [(cell, most) for cell, most in found_wide if most and most[1] > HALF_WIDTH_MOST]
    if not wide:
        return
    samples = files.read_jsonl(folder / "samples.jsonl", Sample)
    where = {one.label: one for one in runs.wheres(folder)[1]}
    for cell, most in wide:
        there = where[f"{cell.workload}/{cell.name}"]
        logs = [spread.logs(samples, there, name) for name in (most[0], BASELINE)]
        found = spread.of(*logs)
        if found is None:
            continue
        blocks = spread.blocks_for(most[1], HALF_WIDTH_MOST, found.blocks)
        yield (
            f"{cell.workload} {cell.name}: {spread.sentence(found, most[0], BASELINE)}; "
            f"{HALF_WIDTH_MOST:.1%} would take {blocks} blocks, "
            f"{_minutes(costs, spent_s, found.blocks, blocks):.0f} minutes"
        )


def run_width(setting: Setting) -> Reached:
    """Look at a full run."""
    folder = setting.full_run(0)
    summary = files.read_json(folder / "summary.json", Summary)
    spent_s, costs = spent(folder).spent_s, cost.Book(folder).read()
    return Reached(
        figures=(*width_figures(summary, spent_s), *cost_figures(cost.shares(costs))),
        notes=(f"the run of {summary.created}, seed {summary.seed}",),
        causes=(*width_causes(summary), *spread_causes(folder, summary, spent_s, costs)),
    )


def sides(
    logs: contrast.Logs, names: Sequence[str], seed: int, label: str
) -> dict[tuple[str, str], int]:
    """Return for each pair who is faster: 1 the first, -1 the second, 0 not told apart.

    Told apart: the 95% interval of their ratio within blocks does not hold 1.
    """
    found = {}
    for one, other in combinations(sorted(names), 2):
        ratio = contrast.ratio(logs, one, other, seed, label)
        if ratio is None or ratio.low is None or ratio.high is None:
            continue
        found[one, other] = (ratio.low > 1) - (ratio.high < 1)
    return found


def order_figures(
    first: Mapping[str, Mapping[tuple[str, str], int]],
    second: Mapping[str, Mapping[tuple[str, str], int]],
) -> tuple[Figure, ...]:
    """Return how many pairs two runs put in opposite order, both of them sure of it."""
    pairs = [
        (where, pair) for where in first for pair in first[where] if pair in second.get(where, {})
    ]
    opposite = [(w, p) for w, p in pairs if first[w][p] * second[w][p] < 0]
    both = sum(first[w][p] * second[w][p] > 0 for w, p in pairs)
    named = "".join(f"; {where}: {pair[0]}, {pair[1]}" for where, pair in opposite)
    return (
        Figure(
            what=f"pairs in opposite order, in {len(first)} cells{named}",
            value=float(len(opposite)),
            most=0.0,
        ),
        Figure(what="pairs that both runs have", value=float(len(pairs)), least=1.0),
        Figure(what="pairs that both runs told apart alike", value=float(both)),
    )


def standings(folder: Path) -> dict[str, dict[tuple[str, str], int]]:
    """Return who is faster than whom, by cell, and over each workload as `echo` and `fetch`."""
    the_plan, cells = runs.wheres(folder)
    names = [one.name for one in the_plan.implementations if one.kind == "framework"]
    ranked: dict[str, Where] = {cell.label: cell for cell in cells if cell.cell.ranked}
    for workload in the_plan.workloads:
        whole = overall([cell for cell in cells if cell.cell.workload == workload])
        if whole is not None:
            ranked[workload] = whole
    return {label: sides(w.rates, names, the_plan.seed, label) for label, w in ranked.items()}


def run_order(setting: Setting) -> Reached:
    """Compare two full runs."""
    folders = [setting.full_run(number) for number in (0, 1)]
    summaries = [files.read_json(folder / "summary.json", Summary) for folder in folders]
    return Reached(
        figures=order_figures(*(standings(folder) for folder in folders)),
        notes=tuple(f"the run of {one.created}, seed {one.seed}" for one in summaries),
    )
