"""Two runs against each other, on a terminal: cell by cell, then what changed in a few lines.

Rules: as in `terminal`: what an implementation wrote never becomes markup or a control sequence,
colours only where asked for. The conclusion stands last, where a reader of a terminal looks.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import contrast
from harness.report import numbers, words
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.alike import Condition
    from harness.diff import CellChange, Difference, Outcome
    from harness.model import Cell

WIDTH = 80
VERDICTS = 12  # told one by one; more of them are a broken run, and counted
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "better": ("better", "green"),
    "worse": ("worse", "bold red"),
    "same": ("same", ""),
    "noise": ("within noise", "dim"),
}


def unlike(conditions: Sequence[Condition]) -> str:
    """Return what differs, in half a sentence."""
    parts = [f"{one.what} ({visible(one.before)} | {visible(one.after)})" for one in conditions]
    return ", ".join(parts)


def _how(found: Difference, titles: Mapping[str, str]) -> str:
    """Return how the ratios are made."""
    judged = [change for change in found.changes if change.p is not None]
    if not judged:
        return "The runs have no figures in common."
    against = next((titles[change.against] for change in judged if change.against), "")
    if not against:
        return "Ratios: the second run over the first, with what the machine did in between."
    return f"Ratios: the second run over the first, each over the {visible(against)} of its block."


def _said(change: CellChange) -> Text:
    if change.p is None:
        return Text("the machine's own part", style="dim")
    if change.ratio.low is None:
        return Text("too few blocks", style="dim")
    word, style = OUTCOMES[change.outcome]
    return Text(word, style=style)


def _table(cell: Cell, changes: Sequence[CellChange], titles: Mapping[str, str]) -> Table:
    """Return what became of everyone in one cell."""
    _, many = words.NOUN[cell.workload]
    figure = "p99 in µs: above 1 is slower" if cell.rate_per_s else f"{many} per second"
    title = Text(f"{cell.workload} {cell.name}, {figure}", style="bold")
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for head in ("", "before", "after", "ratio", "95%", ""):
        right = head in {"before", "after", "ratio"}
        table.add_column(head, justify="right" if right else "left", no_wrap=True)
    for change in changes:
        table.add_row(
            Text(visible(titles[change.implementation])),
            Text(numbers.figure(change.before)),
            Text(numbers.figure(change.after)),
            Text(numbers.figure(change.ratio)),
            Text(numbers.interval(change.ratio)),
            _said(change),
        )
    return table


def _cells(found: Difference) -> dict[Cell, list[CellChange]]:
    cells: dict[Cell, list[CellChange]] = {}
    for change in found.changes:
        cells.setdefault(change.cell, []).append(change)
    return cells


def _verdicts(found: Difference) -> Iterator[str]:
    for change in found.verdicts[:VERDICTS]:
        reason = f": {visible(change.reason)}" if change.reason else ""
        yield (
            f"{change.implementation} {change.case} ({change.level}): "
            f"{change.before}, now {change.after}{reason}"
        )
    more = len(found.verdicts) - VERDICTS
    if more > 0:
        yield f"and {numbers.count(more, 'more verdict')}"


def _conclusion(found: Difference, titles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what a reader takes away, each line with its style."""
    judged = [change for change in found.changes if change.p is not None]
    for change in judged:
        if change.outcome in {"better", "worse"}:
            word, style = OUTCOMES[change.outcome]
            what = f"{change.cell.workload} {change.cell.name}"
            figure = f"{numbers.figure(change.ratio)} ({numbers.interval(change.ratio)})"
            yield f"{word}: {titles[change.implementation]}, {what}: {figure}", style
    counts = {kind: sum(c.outcome == kind for c in judged) for kind in OUTCOMES}
    known = f"{counts['same']} the same within {contrast.TIE:.0%}"
    changed = f"{counts['better']} better, {counts['worse']} worse"
    many = numbers.count(len(judged), "figure")
    yield f"Of {many}: {changed}, {known}, {counts['noise']} within noise.", "bold"
    for who in (*found.only_before, *found.only_after):
        gone = "has figures in the first run alone" if who in found.only_before else "is new"
        yield f"{who}: {gone}", "yellow"
    others = numbers.count(len(found.verdicts), "verdict")
    yield f"{others} changed, of {numbers.count(found.cases, 'case')} that both judged.", ""


def text(
    found: Difference, titles: Mapping[str, str], *, width: int = WIDTH, colour: bool = False
) -> str:
    """Return what there is to say of two runs, ready to print, with a line feed at the end."""
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False
    )
    if found.conditions:
        said = f"! The runs are not alike in: {unlike(found.conditions)}."
        console.print(Text(said, style="bold red"))
    if found.versions:
        console.print(Text(f"Versions: {unlike(found.versions)}."))
    console.print(Text(_how(found, titles)))
    for cell, changes in _cells(found).items():
        console.print()
        console.print(_table(cell, changes, titles))
    console.print()
    for line in _verdicts(found):
        console.print(Text(line, style="yellow"))
    for line, style in _conclusion(found, titles):
        console.print(Text(line, style=style))
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
