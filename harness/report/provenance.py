"""Where each number of REPORT.md comes from: the file, its fields, and what is done to them.

Rules: one row a kind of figure, in the words of the files (`model`). tests/test_provenance.py
recomputes figures of the golden run from these rows alone, without the harness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.report.markdown import Markdown, prose, table

if TYPE_CHECKING:
    from harness.summary import Summary
    from harness.tax import Tax


class Source(NamedTuple):
    """What a figure is made of."""

    figure: str
    file: str
    how: str


SOURCES = (
    Source(
        "rate",
        "samples.jsonl",
        "of each warm slice `messages / (wall_ns - child_wait_ns)`, the wait being "
        "`wall_ns - child_cpu_ns` at most; the middle of a process's slices (Hodges and "
        "Lehmann's: the median of all pairs' means), then the median over blocks. Where the "
        "origin waits: the sums of `messages` and `wall_ns`",
    ),
    Source(
        "rate, × a baseline; of the ceiling",  # noqa: RUF001
        "samples.jsonl",
        "a process's rate over the other's of the same `block`; the median over blocks. A "
        "workload's: in each block first the geometric mean over its cells",
    ),
    Source(
        "interval, rank",
        "samples.jsonl",
        "bootstrap over the blocks' ratios, from the run's seed; randomization test, stepped down",
    ),
    Source("CPU", "samples.jsonl", "`child_cpu_ns / messages`, middle and median as for the rate"),
    Source(
        "latency",
        "samples.jsonl",
        "`latencies` (nanoseconds, how many) of the cell with a given rate, a process's slices "
        "added up; p99 is the median of the blocks', merged is of all blocks together",
    ),
    Source("fairness", "samples.jsonl", "`jain`, the median over slices, then over blocks"),
    Source("page faults", "samples.jsonl", "`child_faults / messages`, medians as for fairness"),
    Source("cold", "samples.jsonl", "the same of slices with `phase` cold"),
    Source("measured once", "samples.jsonl", "the same of `block` -1; small: the slices' extremes"),
    Source(
        "memory of a connection",
        "traits.jsonl",
        "scenario memory: the slope of `pss_bytes` against `at`, the connections held",
    ),
    Source(
        "other scenarios, under All figures",
        "traits.jsonl",
        "the median over `at`, the repetitions, and extremes",
    ),
    Source("behaviour", "verdicts.jsonl", "`verdict` of each `case`; a clause shows the worst"),
    Source("lines, versions, machine", "plan.json", "as they were when the run began"),
    Source(
        "controls, thrown out",
        "samples.jsonl",
        "the baseline under the names that end in ~twin, ~planted and ~stalled; `gauge_wait_ns`, "
        "`child_wait_ns`, `late_p99_ns`, `error`",
    ),
    Source("what the contract costs", "tax.json", "written by `nox -s tax`"),
)


def sources(summary: Summary, taxed: Tax | None) -> Markdown:
    """Return the table of what this report rests on: figure, file, fields, what is done to them."""
    absent = {
        name for name, has in (("traits.jsonl", summary.traits), ("tax.json", taxed)) if not has
    }
    rows = [[one.figure, one.file, prose(one.how)] for one in SOURCES if one.file not in absent]
    return table(["figure", "file", "how"], rows, "lll")
