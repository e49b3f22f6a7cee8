"""CSV: a line for each implementation in each cell, its columns named after the summary's fields.

Rules: full precision, a dot for the decimals, empty where there is no figure (RFC 4180).
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.summary import Estimate, Result, Summary

ESTIMATES = ("rate_per_s", "cpu_us", "ratio", "cpu_ratio", "of_reference")
PERCENTILES = ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")
CELL = ("concurrency", "size", "delay_ms", "rate_given_per_s", "ranked")


def _spread(name: str) -> tuple[str, str, str, str]:
    return name, f"{name}_low", f"{name}_high", f"{name}_bound"


COLUMNS = (
    *("workload", "cell", *CELL, "implementation", "status", "rank", "units"),
    *(column for name in ESTIMATES for column in _spread(name)),
    *("faults", "jain", "efficiency", "p"),
    *(f"block_{column}" for column in _spread("p99_us")[:3]),
    *PERCENTILES,
)


def _figures(name: str, found: Estimate | None) -> dict[str, object]:
    if found is None:
        return {}
    return dict(zip(_spread(name), (found.value, found.low, found.high, found.bound), strict=True))


def _result(found: Result) -> dict[str, object]:
    row: dict[str, object] = {
        name: getattr(found, name)
        for name in ("implementation", "rank", "units", "faults", "jain", "efficiency", "p")
    }
    for name in ESTIMATES:
        row |= _figures(name, getattr(found, name))
    if found.latency:
        row |= {name: getattr(found.latency.merged, name) for name in PERCENTILES}
        blocks = _figures("block_p99_us", found.latency.p99_us)
        row |= {name: value for name, value in blocks.items() if name in COLUMNS}
    return row


def _rows(summary: Summary) -> Iterator[dict[str, object]]:
    for workload in summary.workloads:
        status = {row.implementation: row.status for row in workload.standings}
        for each in workload.cells:
            cell = {
                "workload": workload.workload,
                "cell": each.cell.name,
                "concurrency": each.cell.concurrency,
                "size": each.cell.size,
                "delay_ms": each.cell.delay_ms,
                "rate_given_per_s": each.cell.rate_per_s,
                "ranked": str(each.cell.ranked).lower(),
            }
            for found in each.results:
                yield cell | _result(found) | {"status": status.get(found.implementation, "")}


def text(summary: Summary) -> str:
    """Return the figures of a run as CSV with a heading, lines ended by CRLF."""
    out = StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for row in _rows(summary):
        writer.writerow(row)
    return out.getvalue()
