"""The end of `compare` on a terminal: the answer on one screen.

Rules: what an implementation wrote never becomes markup or a control sequence; colours only where
asked for. No figure stands here that REPORT.md has not.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report import numbers, words
from harness.report.markdown import visible

if TYPE_CHECKING:
    from harness.summary import Summary, WorkloadSummary


def _cut(said: str, room: int) -> str:
    return said if len(said) <= room else said[: max(0, room - 1)] + "…"


def _table(summary: Summary, found: WorkloadSummary, width: int) -> Table:
    """Return a workload's answer; a reason is cut where the line ends."""
    titles = {one.name: one.title for one in summary.implementations}
    table = Table(title=found.workload, title_justify="left", box=None, padding=(0, 2, 0, 0))
    room = width - 40 - max((len(visible(title)) for title in titles.values()), default=0)
    heads = ("rank", "", f"x {found.baseline}" if found.baseline else "", "95%", "ceiling", "")
    for head in heads:
        right = head in ("rank", "95%", "ceiling") or head.startswith("x ")
        table.add_column(head, justify="right" if right else "left", no_wrap=True)
    for row in found.standings:
        said = words.status(row) if row.ratio else words.why_no_figures(row)
        table.add_row(
            Text(row.rank or "-"),
            Text(visible(titles[row.implementation])),
            Text(numbers.figure(row.ratio)),
            Text(numbers.interval(row.ratio)),
            Text(numbers.percent(row.of_reference)),
            Text(_cut(visible(said), room), style="" if row.status == "ok" else "yellow"),
        )
    return table


def text(summary: Summary, *, width: int = 100, colour: bool = False) -> str:
    """Return the answer to each workload, ready to print, with a line feed at the end."""
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False
    )
    for warning in words.warnings(summary):
        console.print(Text("! " + visible(warning), style="bold red"))
    for found in summary.workloads:
        console.print(_table(summary, found, width))
        for line in (words.withheld(found), words.widths(found)):
            if line:
                console.print(Text(line), style="" if line.startswith(found.workload) else "yellow")
        console.print()
    thrown = summary.thrown_out
    counted = ", ".join(
        numbers.count(found.blocks, "block") + f" of {found.workload}"
        for found in summary.workloads
    )
    out_of = f"{len(thrown.blocks)} of {thrown.all_blocks} blocks thrown out"
    console.print(Text(f"{numbers.count(summary.cases, 'case')} played; {counted}; {out_of}."))
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
