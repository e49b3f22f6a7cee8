"""Python itself as an axis: the same programs on several Pythons, and which of them are missing.

Rules: as in `tables`: Summary in, Markdown out, nothing where nobody asked for several. A program
is compared with itself alone. Whoever has no figure somewhere is named with the reason: nothing is
left out in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import numbers, words
from harness.report.answer import with_interval
from harness.report.markdown import Markdown, details, join, prose, strong, table, text
from harness.report.tables import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model import Interpreter
    from harness.summary import Estimate, OnPython, Standing, Summary, WorkloadSummary

HEADING = "By Python version"
_CPU_HEAD = "CPU time a message or request: its own on the first Python over that on each"


def pythons(summary: Summary) -> list[Interpreter]:
    """Return the Pythons that took part, in the order in which they were asked for."""
    return [one for one in summary.interpreters if not one.missing]


def programs(summary: Summary, found: WorkloadSummary) -> list[tuple[str, dict[str, OnPython]]]:
    """Return each program's title, and its rows by the Python that they were on."""
    known = summary.by_name
    made: dict[str, dict[str, OnPython]] = {}
    for row in found.pythons:
        one = known[row.implementation]
        made.setdefault(one.same_as or one.name, {})[one.on] = row
    return [(known[name].program, r) for name, r in made.items()]


def apart(row: OnPython, standings: dict[str, Standing]) -> bool:
    """Tell whether the ranks' own test tells a row apart from the one it is compared with."""
    own, other = standings.get(row.implementation), standings.get(row.to)
    if own is None or other is None:
        return False
    return row.to in own.ahead_of or row.implementation in other.ahead_of


def _rate(row: OnPython, standings: dict[str, Standing]) -> Markdown:
    """Return its ratio with the interval, or what keeps it from having one."""
    if row.ratio is None:
        own = standings[row.implementation]
        stands = own.status in {"fail", "cannot-run"}
        return text(words.status(own) if stands else numbers.NONE)
    shown = with_interval(row.ratio)
    return strong(shown) if apart(row, standings) else shown


def _cpu(row: OnPython, _standings: dict[str, Standing]) -> Markdown:
    own: Estimate | None = row.cpu_ratio
    if own is None:
        return text(numbers.figure(row.ratio) if row.to == row.implementation else numbers.NONE)
    return with_interval(own)


def _table(
    summary: Summary,
    found: WorkloadSummary,
    show: Callable[[OnPython, dict[str, Standing]], Markdown],
) -> Markdown:
    """Return a row a program and a column a Python; nothing where no program ran on several."""
    standings = {row.implementation: row for row in found.standings}
    there = [one.asked for one in pythons(summary)]
    rows = [
        [title, *(show(own[at], standings) if at in own else numbers.NONE for at in there)]
        for title, own in programs(summary, found)
    ]
    return table([found.workload, *there], rows, "l" + "r" * len(there)) if rows else NOTHING


def missing(summary: Summary) -> Markdown:
    """Return a line for every Python, and for every row, without figures: which, and why."""
    known = summary.by_name
    lines = [
        f"- {strong(f'Python {one.asked}')}: {prose(one.missing)}."
        for one in summary.interpreters
        if one.missing
    ]
    for found in summary.workloads:
        standings = {row.implementation: row for row in found.standings}
        for row in found.pythons:
            if row.ratio is None:
                why = words.why_no_figures(standings[row.implementation])
                title = text(known[row.implementation].title)
                lines.append(f"- {title}, {found.workload}: {prose(why)}")
    return Markdown("\n".join(lines))


def _says(summary: Summary) -> str:
    """Return what the tables are."""
    asked = [one.asked for one in pythons(summary)]
    return (
        f"The same programs on Python {words.pythons(summary)}, in the same blocks. Rates are over "
        f"the program's own on {asked[0]}, or where it has none there, on the first that gave any: "
        "that one shows 1.00. Small: 95% intervals. Bold: told apart from it by the test behind "
        "ranks, which counts every row of this run."
    )


def builds(summary: Summary) -> Markdown:
    """Return how each Python was built, and whether that was alike."""
    there = pythons(summary)
    lines = [f"- Python {text(one.version)}: {text(one.build or 'not known')}" for one in there]
    alike = len({one.build for one in there}) < 2
    said = "" if alike else ", which was not alike, and is part of what is seen"
    return Markdown("\n".join([f"How they were built{said}:", "", *lines]))


def with_gil(summary: Summary) -> str:
    """Return who runs with the GIL on a Python that is built to do without."""
    titles = [one.title for one in summary.implementations if one.gil]
    if not titles:
        return ""
    why = "With the GIL all the same, for something that they import asks for it"
    return f"{why}: {', '.join(titles)}."


def _parts(summary: Summary) -> Iterator[object]:
    yield _says(summary)
    for found in summary.workloads:
        yield _table(summary, found, _rate)
    yield builds(summary)
    yield with_gil(summary)
    if lines := missing(summary):
        yield "Without figures:"
        yield lines
    cpu = [_table(summary, found, _cpu) for found in summary.workloads]
    yield details(_CPU_HEAD, join(filter(None, cpu), "\n\n"))


def section(summary: Summary) -> Markdown:
    """Return the section below its heading; nothing where there are not two Pythons."""
    if len(pythons(summary)) < 2:
        return NOTHING
    return Markdown("\n\n".join(str(text(part)) for part in _parts(summary) if part))
