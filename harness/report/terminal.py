"""The end of `compare` on a terminal: the answer on one screen of 80 columns and 24 lines.

Rules: what an implementation wrote never becomes markup or a control sequence; colours only where
asked for. No figure stands here that REPORT.md has not. What does not fit is counted.

    text(summary) -> a table with a row an implementation; who leads, who ties, who failed what
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
    from collections.abc import Iterator, Sequence

    from harness.model import Kind
    from harness.summary import Standing, Summary, WorkloadSummary

WIDTH = 80
LINES = 17  # of a screen of 24: where the time went, the report and the prompt come below
WARNINGS = 2
BELOW = 8  # lines that are kept below a table of many rows
NAME = 18  # of the 80 columns; a longer title is cut
RATIO = 16


def _cut(said: str, room: int) -> str:
    return said if len(said) <= room else said[: max(0, room - 1)] + "…"


def _columns(found: WorkloadSummary, row: Standing | None, kind: Kind) -> tuple[Text, Text, Text]:
    """Return a row's rank, its ratio with the interval, and its share of the ceiling."""
    if row is None:  # it has no such program
        return Text("-"), Text(""), Text("")
    if row.ratio is None:
        said = "does not run" if row.status == "cannot-run" else "no figures"
        if row.status == "fail":
            said = f"fails {' '.join(row.clauses)}"
        return Text("-"), Text(_cut(said, RATIO), style="yellow"), Text("")
    interval = numbers.interval(row.ratio)
    if row.implementation == found.baseline:
        interval = "baseline"
    return (
        Text(words.rank(kind, row.rank) or "-", style="bold" if row.rank == "1" else ""),
        Text(f"{numbers.figure(row.ratio):>6} {interval}"),
        Text(numbers.percent(row.of_reference) if row.of_reference else ""),
    )


def _order(summary: Summary) -> list[str]:
    """Return all names in the order of the first workload that has any figures of them."""
    measured = (found for found in summary.workloads if found.baseline)
    names = [row.implementation for found in measured for row in found.standings]
    return list(dict.fromkeys([*names, *(one.name for one in summary.implementations)]))


def _table(summary: Summary, names: Sequence[str]) -> Table:
    """Return a row an implementation, three columns a workload."""
    titles = {one.name: words.short(one, NAME) for one in summary.implementations}
    kinds = {one.name: one.kind for one in summary.implementations}
    rows = [{row.implementation: row for row in w.standings} for w in summary.workloads]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for found in summary.workloads:
        heading = f"{'×':>6} {found.baseline}" if found.baseline else ""  # noqa: RUF001  times
        table.add_column(Text(found.workload), justify="right", no_wrap=True)
        table.add_column(Text(heading), no_wrap=True)
        table.add_column("ceiling", justify="right", no_wrap=True)
    for name in names:
        cells: list[Text] = [Text(titles.get(name, name))]
        for found, row in zip(summary.workloads, rows, strict=True):
            cells += _columns(found, row.get(name), kinds[name])
        table.add_row(*cells)
    return table


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _leads(found: WorkloadSummary, titles: dict[str, str]) -> str:
    """Return who of these is first in a workload and who ties, by rank; why there are none."""
    if reason := words.withheld(found):
        return f"{found.workload}: {reason.partition('. ')[0].rstrip('.')}."
    places: dict[str, list[str]] = {}
    for row in found.standings:
        if row.rank and row.implementation in titles:
            places.setdefault(row.rank, []).append(titles[row.implementation])
    if not places:
        return f"{found.workload}: nobody is ranked."
    first = next(iter(places))
    leaders = places.pop(first)
    said = f"{leaders[0]} is first" if first == "1" else f"{_joined(leaders)} may be first"
    ties = [_joined(names) for place, names in places.items() if len(names) > 1]
    return f"{found.workload}: {said}" + (f"; tied: {'; '.join(ties)}." if ties else ".")


def _behaviour(summary: Summary, titles: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield who broke what, then who has no rank and why; each with its style."""
    failed: dict[str, list[str]] = {}
    for clause in summary.clauses:
        for name, verdict in clause.verdicts.items():
            if verdict == "FAIL":
                level = "" if clause.level == "MUST" else f" ({clause.level})"
                failed.setdefault(name, []).append(f"{clause.clause} {clause.title}{level}")
    for name, clauses in failed.items():
        yield f"failed: {titles.get(name, name)}: {', '.join(clauses)}", "red"
    if not failed and summary.cases:
        yield "failed: nothing; every clause that could be judged was seen to hold.", ""
    for found in summary.workloads:
        for row in found.standings:
            if row.status in {"declared", "unproven"}:
                said = f"{row.status} {' '.join(row.clauses)}"
                yield f"no rank: {titles[row.implementation]} in {found.workload}: {said}", "yellow"


def _counts(summary: Summary) -> str:
    thrown = summary.thrown_out
    blocks = ", ".join(f"{found.blocks} of {found.workload}" for found in summary.workloads)
    gone = f"{len(thrown.blocks)} of {thrown.all_blocks} thrown out"
    return f"{numbers.count(summary.cases, 'case')} played; blocks: {blocks}, {gone}."


def _below(summary: Summary) -> list[tuple[str, str]]:
    """Return the lines below the table, each with its style."""
    titles = {one.name: visible(one.title) for one in summary.implementations}
    frameworks = {o.name: titles[o.name] for o in summary.implementations if o.kind == "framework"}
    found = [(_leads(each, frameworks), "bold") for each in summary.workloads]
    found += _behaviour(summary, titles)
    for each in summary.workloads:
        if said := words.widths(each):
            found.append((said.replace("every ratio is known", "known"), "dim"))
    return [*found, (_counts(summary), "dim")]


def text(summary: Summary, *, width: int = WIDTH, lines: int = LINES, colour: bool = False) -> str:
    """Return the answer to each workload, ready to print, with a line feed at the end.

    It is at most so many lines of so many columns: a long one is cut, and what is left out counted.
    """
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False
    )

    def say(said: str, style: str = "") -> None:
        console.print(Text(_cut(visible(said), width), style=style), no_wrap=True, crop=True)

    warnings = list(words.warnings(summary))
    names, below = _order(summary), _below(summary)
    room = lines - min(len(warnings), WARNINGS + 1) - 1
    rows = room - min(len(below), BELOW)
    shown = names if len(names) <= rows else names[: max(3, rows - 1)]
    for warning in warnings[:WARNINGS]:
        say("! " + warning, "bold red")
    if len(warnings) > WARNINGS:
        say(f"! and {numbers.count(len(warnings) - WARNINGS, 'more warning')}", "bold red")
    console.print(_table(summary, shown))
    room -= len(shown)
    if len(shown) < len(names):
        say(f"  and {len(names) - len(shown)} more")
        room -= 1
    kept = below if len(below) <= room else [*below[: max(0, room - 1)], ("", "")]
    for said, style in kept:
        say(said or f"and {numbers.count(len(below) - len(kept) + 1, 'more line')}", style)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
