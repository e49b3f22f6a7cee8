"""pyperf JSON: what `pyperf compare_to`, `show` and `stats` read; a pyperf run is a block here.

Rules: the file is written in pyperf's format 1.0 (pyperf's own `BenchmarkSuite` reads it), without
pyperf. A value is seconds per message (or per request): pyperf knows times, and the less
the better. At a given rate it is the p99 of a block. A cell that was measured once has one run, and
is left out: pyperf would compare it by a single value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from harness import stats
from harness.model import ALIASES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.model import Plan
    from harness.results import Where

VERSION = "1.0"


def _values(where: Where, name: str) -> list[float]:
    """Return a figure of each block, in seconds."""
    if where.cell.rate_per_s:
        found = where.p99[name]
        return [stats.significant(math.exp(found[block]) / 1e9) for block in sorted(found)]
    rates = where.rates[name]
    return [stats.significant(math.exp(-rates[block])) for block in sorted(rates)]


def _benchmark(where: Where, name: str, plan: Plan) -> dict[str, Any]:
    version = {
        f"{key}_version": value
        for one in plan.implementations
        if one.name == name
        for key, value in one.versions.items()
    }
    asked = {one.on for one in plan.implementations if one.name == name}
    for at in plan.interpreters:
        if at.asked in asked:
            version["python_version"] = at.version
    metadata = {
        "name": f"{where.cell.workload} {where.cell.name} {name}",
        "unit": "second",
        "loops": 1,
        **version,
    }
    # pyperf wants a run of its own for each process, as each block has one
    runs = [{"values": [value], "metadata": {}} for value in _values(where, name)]
    return {"metadata": metadata, "runs": runs}


def text(plan: Plan, cells: Sequence[Where], measured: Collection[tuple[str, str]]) -> str:
    """Return a run's blocks as a pyperf suite, with a line feed at the end.

    `measured` has (workload, implementation) of everyone whose figures may be shown.
    """
    benchmarks = [
        _benchmark(where, name, plan)
        for where in cells
        if where.cell.ranked
        for name in sorted(where.warm)
        if name not in ALIASES and (where.cell.workload, name) in measured
    ]
    common = {
        "python_version": plan.python,
        "cpu_model_name": plan.machine.get("cpu", ""),
        "platform": plan.machine.get("kernel", ""),
        "date": plan.created.replace("T", " ").rstrip("Z"),
        "evenloop_version": plan.evenloop,
    }
    suite = {"version": VERSION, "metadata": common, "benchmarks": benchmarks}
    return msgspec.json.format(msgspec.json.encode(suite), indent=1).decode() + "\n"
