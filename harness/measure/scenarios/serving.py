"""A fresh echo for a scenario, and the gauge's figures of the slices it is put under.

Rules: slices are as long as a job's. A burden is asked of the launcher by its options, so who has a
launcher of its own cannot bear one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.measure.echo import Slice
from harness.measure.job import gauge_line
from harness.measure.scenarios.scenario import OWN_LAUNCHER, Failed, Figure
from harness.measure.serving import started

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.measure.job import Bench
    from harness.measure.serving import Started
    from harness.model import Implementation


def needs_launcher(implementation: Implementation) -> None:
    """Raise Failed where an implementation is not started by the shared launcher."""
    if implementation.run:
        raise Failed(OWN_LAUNCHER)


@contextmanager
def serving(implementation: Implementation, bench: Bench, *options: str) -> Iterator[Started]:
    """Start an echo with these options of the launcher for the length of a `with` block."""
    with started(implementation, bench, *options, name=f"{implementation.name}.scenario") as served:
        bench.ledger.add("starts_s", served.ready_ns / 1e9)
        yield served


def load(served: Started, bench: Bench, slices: Sequence[str]) -> Iterator[Slice]:
    """Put an echo under these slices, one after the other, and yield the gauge's line of each.

    A slice is told as the gauge wants it, its warm-up before its window, both in ms, at its end.
    Raises Failed where a reply was wrong or did not come.
    """
    words = ["load", "--port", str(served.port), "--server-pid", str(served.pid)]
    with bench.gauge([*words, "--slices", ",".join(slices)]) as gauge:
        for text in slices:
            line = gauge_line(gauge, Slice)
            warm_up_s = int(text.split("/")[1]) / 1e3
            bench.ledger.add("slices_s", warm_up_s + line.wall_ns / 1e9)
            if line.fault:
                raise Failed(line.fault)
            yield line


def figures(line: Slice, prefix: str, at: int) -> Iterator[Figure]:
    """Yield the figures of a slice under names with this prefix.

    The rate is over the wall clock, the contestant's waits for a core within: beside a neighbour
    in its own process these are just what it loses. `core` is the share of a core that it used, of
    the time in which it had one (1 at most); it and `gauge_busy` tell who of the two was the limit.
    """
    had_ns = max(1, line.wall_ns - line.server_wait_ns, line.server_cpu_ns)
    yield Figure(f"{prefix}rate_per_s", line.messages / line.wall_ns * 1e9, at)
    yield Figure(f"{prefix}p50_ns", line.p50_ns, at)
    yield Figure(f"{prefix}p99_ns", line.p99_ns, at)
    yield Figure(f"{prefix}max_ns", line.max_ns, at)
    yield Figure(f"{prefix}core", line.server_cpu_ns / had_ns, at)
    yield Figure(f"{prefix}gauge_busy", line.busy, at)
    yield Figure(f"{prefix}gauge_wait", line.gauge_wait_ns / line.wall_ns, at)
