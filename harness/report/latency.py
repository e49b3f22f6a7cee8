"""Latencies at an equal rate: their table, and who is missing from it.

Rules: as in `tables`: Summary in, Markdown out, an empty string where there is nothing to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import numbers, words
from harness.report.markdown import Markdown, join, link, small, strong, table, text

if TYPE_CHECKING:
    from harness.summary import CellSummary, Estimate, Summary, WorkloadSummary

WHY = {
    "rate not reached": "it did not answer as many as were sent",
    "gauge late": "the gauge was too late in most of its slices",
    "gauge waited": "the gauge had no core in most of its slices",
    "contestant waited": "it had no core in most of its slices",
    "error": "most of its slices ended in an error",
}

SAYS = (
    "Median block: each block's own percentile, and the median of these, which one slow block does "
    "not move; ranks, ratios and intervals are of it. Pooled: the percentiles, µs, of the messages "
    "of all blocks together, in which the slowest block makes the tail."
)


def cells(found: WorkloadSummary) -> list[CellSummary]:
    """Return the cells of a workload in which the rate is equal for all."""
    return [c for c in found.cells if c.cell.rate_per_s and c.results]


def _with_interval(found: Estimate | None, *, most: int = 2) -> Markdown:
    ends = small(numbers.interval(found, most=most))
    return join([numbers.figure(found, most=most), ends], " ").strip_end()


def rows(summary: Summary, found: WorkloadSummary, each: CellSummary) -> Markdown:
    """Return a cell's table, the shortest p99 first."""
    known = summary.by_name
    heads = ["rank", "", f"p99, × {found.baseline}", "p99 µs, median block"]  # noqa: RUF001
    heads += ["p50 µs, median block", "all blocks pooled: p50", "p90", "p99", "p99.9", "max"]
    heads += ["CPU µs a message", "blocks"]
    shown = []
    for r in each.results:
        if r.latency is None:
            continue
        one, all_of_it = known[r.implementation], r.latency.merged
        rank = words.rank(one.kind, r.rank)
        shown.append(
            [
                strong(rank) if rank else numbers.NONE,
                link(one.title, one.homepage),
                _with_interval(r.latency.ratio),
                _with_interval(r.latency.p99_us, most=0),
                _with_interval(r.latency.p50_us, most=1),
                numbers.plain(all_of_it.p50_us),
                numbers.plain(all_of_it.p90_us),
                numbers.plain(all_of_it.p99_us),
                numbers.plain(all_of_it.p999_us),
                numbers.plain(all_of_it.max_us),
                numbers.figure(r.cpu_us, most=1),
                r.units,
            ]
        )
    return table(heads, shown, "cl" + "r" * (len(heads) - 2))


def without(summary: Summary, each: CellSummary) -> Markdown:
    """Return a line for everyone who was measured here and has no figure."""
    titles = {one.name: one.title for one in summary.implementations}
    lines = [
        f"- {text(titles[name])}: no figure: {text(WHY.get(cause, cause))}"
        for name, cause in each.without.items()
        if name in titles
    ]
    return Markdown("\n".join(lines))


def sections(summary: Summary, found: WorkloadSummary) -> list[tuple[str, Markdown, Markdown]]:
    """Return heading, table and missing ones of each such cell."""
    return [
        (words.cell(each.cell), rows(summary, found, each), without(summary, each))
        for each in cells(found)
    ]
