"""The story: every system by its year, with what was new in it, its figures and its lines of code.

Rules: as in `answer`, whose columns these are: Summary in, Markdown out, nothing where no system
has a year. What was new are the words of its meta.toml. Frameworks alone are systems: a client or
the ceiling has no place in the history of concurrency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import numbers, words
from harness.report.answer import cpu, lines, pairs, with_interval
from harness.report.markdown import Markdown, link, prose, table, text
from harness.report.sentences import connection_kib
from harness.report.tables import NOTHING

if TYPE_CHECKING:
    from harness.model import Implementation
    from harness.summary import Standing, Summary

SAME = "the same, another way"


def systems(summary: Summary) -> list[Implementation]:
    """Return the frameworks that have a year, the oldest first; of one year in the plan's order.

    Each on the first Python of the run, where it was on several.
    """
    dated = [
        one
        for one in summary.implementations
        if one.year and one.kind == "framework" and not one.same_as
    ]
    return sorted(dated, key=lambda one: one.year)


def heading(summary: Summary) -> str:
    """Return the story in a line: from whom to whom; empty where it has not two ends."""
    found = systems(summary)
    if len({one.year for one in found}) < 2:
        return ""
    first, last = (f"{one.title} ({one.year})" for one in (found[0], found[-1]))
    return f"The story: from {first} to {last}"


def says(summary: Summary) -> str:
    """Return what the table is, and between whom the rates of each workload lie."""
    found = systems(summary)
    first, last = found[0].year, found[-1].year
    what = (
        f"{numbers.count(len(found), 'system')} of {last - first} years, each by the year of its "
        "first release or of its entry into the standard library, and as it is today. Figures and "
        "small intervals as in the answer."
    )
    parts = [what]
    known = {one.name: one for one in found}
    for each in summary.workloads:
        rows = [
            row for row in each.standings if row.ratio is not None and row.implementation in known
        ]
        if len(rows) < 2 or words.withheld(each):
            continue
        by_rate = sorted(rows, key=lambda row: row.ratio.value if row.ratio else 0.0)
        least, most = (
            f"{numbers.figure(row.ratio)} ({known[row.implementation].title}, "
            f"{known[row.implementation].year})"
            for row in (by_rate[0], by_rate[-1])
        )
        parts.append(f"{each.workload.capitalize()} rates go from {least} to {most}.")
    return " ".join(parts)


def _rate(row: Standing | None) -> Markdown:
    """Return a ratio, or the verdict that stands in its place."""
    if row is None:
        return text(numbers.NONE)
    return with_interval(row.ratio) if row.ratio else text(words.status(row))


def timeline(summary: Summary) -> Markdown:
    """Return the table; nothing where there is no story."""
    if not heading(summary):
        return NOTHING
    many, known = summary.workloads, summary.by_name
    standings = [{row.implementation: row for row in each.standings} for each in many]
    found = systems(summary)
    memory = any(connection_kib(summary, one.name) for one in found)
    rows: list[list[object]] = []
    new = ""
    for one in found:
        said = SAME if one.novelty and one.novelty == new else one.novelty
        new = one.novelty
        row: list[object] = [one.year, link(one.title, one.homepage), prose(said), one.style]
        row += [_rate(own.get(one.name)) for own in standings]
        row.append(pairs([cpu(each, one.name) for each in many]))
        if memory:
            row.append(numbers.figure(connection_kib(summary, one.name), most=1))
        row.append(pairs([lines(one, f"{each.workload}.py") for each in many]))
        rows.append(row)
    heads: list[object] = ["year", "", "what was new", "style"]
    for each in many:
        than = known[each.baseline].title if each.baseline else "the baseline"
        heads.append(f"{each.workload} rate, × {than}")  # noqa: RUF001
    heads += ["CPU µs", *(["KiB / conn."] if memory else []), "lines"]
    return table(heads, rows, "rlll" + "r" * (len(heads) - 4))
