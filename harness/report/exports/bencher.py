"""Bencher Metric Format: what `bencher run --file` takes, a benchmark a cell and implementation.

Rules: as https://bencher.dev/docs/reference/bencher-metric-format/ has it: benchmark name ->
measure -> value, lower_value, upper_value. Latencies go into its own measure `latency`, which is in
nanoseconds; `throughput` is its own as well, in operations per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from harness.summary import Estimate, Result, Summary


def _metric(found: Estimate, scale: float = 1.0) -> dict[str, float]:
    values = {"value": found.value, "lower_value": found.low, "upper_value": found.high}
    return {name: value * scale for name, value in values.items() if value is not None}


def _measures(found: Result) -> dict[str, dict[str, float]]:
    measures = {"throughput": _metric(found.rate_per_s), "cpu-us": _metric(found.cpu_us)}
    if found.latency:  # the rate is given: it measures nothing
        measures["latency"] = _metric(found.latency.p99_us, 1e3)
        del measures["throughput"]
    if found.ratio and found.ratio.low is not None:
        measures["ratio"] = _metric(found.ratio)
    return measures


def text(summary: Summary) -> str:
    """Return the figures of a run as BMF JSON, with a line feed at the end."""
    found = {
        f"{workload.workload}/{each.cell.name}/{result.implementation}": _measures(result)
        for workload in summary.workloads
        for each in workload.cells
        for result in each.results
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
