"""What each chart says, in a sentence from its figures: from the least to the most, and whose.

Rules: as in `sentences`, plain text out and nothing that the figures do not say; a range names its
two ends and ranks nobody, for most of these figures were measured once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import numbers
from harness.report.answer import rate_cell
from harness.report.sentences import connection_kib
from harness.report.tables import fair_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.summary import CellSummary, Result, Summary, WorkloadSummary


def span(values: Mapping[str, float], show: Callable[[float], str], unit: str = "") -> str:
    """Return `from 1.2 (one) to 3.4 (other) KiB`; nothing of fewer than two."""
    if len(values) < 2:
        return ""
    low, high = (pick(values, key=lambda t: (values[t], t)) for pick in (min, max))
    return f"from {show(values[low])} ({low}) to {show(values[high])} ({high}){unit}"


def _frameworks(summary: Summary) -> dict[str, str]:
    return {one.name: one.title for one in summary.implementations if one.kind != "reference"}


def _workload(summary: Summary, name: str) -> WorkloadSummary | None:
    return next((found for found in summary.workloads if found.workload == name), None)


def _by_title(
    summary: Summary, each: CellSummary | None, figure: Callable[[Result], float]
) -> dict[str, float]:
    titles = _frameworks(summary)
    results = each.results if each else ()
    return {titles[r.implementation]: figure(r) for r in results if r.implementation in titles}


def _cell(found: WorkloadSummary | None, concurrency: int, size: int) -> CellSummary | None:
    cells = found.cells if found else ()
    wanted = (concurrency, size, 0, 0)
    for each in cells:
        c = each.cell
        if (c.concurrency, c.size, c.delay_ms, c.rate_per_s) == wanted:
            return each
    return None


def _kept(summary: Summary, few: CellSummary | None, many: CellSummary | None) -> str:
    """Return what is left of everyone's rate from one cell to another."""

    def rate(result: Result) -> float:
        return result.rate_per_s.value

    before, after = (_by_title(summary, each, rate) for each in (few, many))
    left = {title: after[title] / before[title] for title in before.keys() & after.keys()}
    return span(left, lambda share: f"{share:.0%}")


def connections(summary: Summary) -> str:
    """Return what is left of the rates with many connections."""
    echo = _workload(summary, "echo")
    left = _kept(summary, _cell(echo, 100, 1024), _cell(echo, 1000, 1024))
    return f"With 1,000 connections instead of 100, rates are {left} of what they were." * bool(
        left
    )


def sizes(summary: Summary) -> str:
    """Return what is left of the rates with large messages."""
    echo = _workload(summary, "echo")
    left = _kept(summary, _cell(echo, 100, 64), _cell(echo, 100, 102_400))
    return f"With 100 KiB instead of 64 B, rates are {left} of what they were." * bool(left)


def latency(summary: Summary) -> str:
    """Return the range of everyone's median and p99 at the equal rate."""
    each = rate_cell(summary.workloads)

    def value(name: str) -> Callable[[Result], float]:
        def of(result: Result) -> float:
            found = getattr(result.latency, name, None)
            return found.value if found else 0.0

        return of

    p50, p99 = (
        span(_by_title(summary, each, value(name)), numbers.plain, " µs")
        for name in ("p50_us", "p99_us")
    )
    if each is None or not p50:
        return ""
    return (
        f"Everyone is sent {each.cell.rate_per_s:,} messages a second over "
        f"{each.cell.concurrency} connections, and a latency counts from when a message was due. "
        f"p50 lies {p50}, p99 {p99}; lines are 95% intervals."
    )


def memory(summary: Summary) -> str:
    """Return the range of an idle connection's memory."""
    found = {
        title: kib.value
        for name, title in _frameworks(summary).items()
        if (kib := connection_kib(summary, name))
    }
    said = span(found, lambda kib: f"{kib:.1f}", " KiB")
    return f"An idle connection takes {said}. The axis is logarithmic." * bool(said)


def fairness(summary: Summary) -> str:
    """Return the range of Jain's index where most connections are, and what it means."""
    echo = _workload(summary, "echo")
    cells = fair_cells(echo) if echo else []
    if not cells:
        return ""
    many = cells[-1].cell.concurrency
    said = span(_by_title(summary, cells[-1], lambda r: r.jain), lambda jain: f"{jain:.3f}")
    return (
        f"With {many:,} connections Jain's index is {said}: 1 when all of them got as much, "
        f"{1 / many:.3f} when one got everything, counted slice by slice."
    ) * bool(said)


def efficiency(summary: Summary) -> str:
    """Return the range of the shares of the ideal rate where most requests are at once."""
    fetch = _workload(summary, "fetch")
    cells = [c for c in fetch.cells if c.cell.delay_ms and c.results] if fetch else []
    if not cells:
        return ""
    most = max(cells, key=lambda c: c.cell.concurrency)
    said = span(_by_title(summary, most, lambda r: r.efficiency or 0.0), lambda x: f"{x:.1%}")
    return (
        f"With an origin that waits {most.cell.delay_ms} ms and {most.cell.concurrency} requests "
        f"at once, rates are {said} of the ideal, concurrency / delay. Requests come in bursts; a "
        "window that begins or ends within one can count a little more than its share."
    ) * bool(said)


CAPTIONS: dict[str, tuple[str, Callable[[Summary], str]]] = {
    "echo-connections": ("Rate against connections", connections),
    "echo-sizes": ("Rate against size", sizes),
    "echo-latency": ("Latency at an equal rate", latency),
    "echo-memory": ("Memory against connections", memory),
    "echo-fairness": ("Fairness", fairness),
    "fetch-efficiency": ("Fetch from a slow origin", efficiency),
}
"""The charts under "How it changes with load": name -> heading, and what it says."""
