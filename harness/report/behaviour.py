"""What was seen of everyone's behaviour: the matrix, what failed and why, what it took to comply.

Rules: as in `tables`: Summary in, Markdown out, an empty string where there is nothing to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import words
from harness.report.markdown import Markdown, code, join, prose, small, strong, table, text
from harness.report.tables import NOTHING, known_by_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Summary


def matrix(summary: Summary, workload: str) -> Markdown:
    """Return the verdict of every clause of a workload, for everyone who was checked."""
    clauses = [c for c in summary.clauses if c.clause.startswith(workload[0].upper())]
    seen = {name for c in clauses for name in c.verdicts}
    names = [one for one in summary.implementations if one.name in seen]
    rows = []
    for c in clauses:
        marks = [words.MARKS[c.verdicts[o.name]] if o.name in c.verdicts else " " for o in names]
        level = "" if c.level == "MUST" else c.level
        rows.append([join([strong(c.clause), c.title, small(level)], " ").strip_end(), *marks])
    heads = ["", *(one.title for one in names)]
    return table(heads, rows, "l" + "c" * len(names)) if rows else NOTHING


def legend(summary: Summary) -> Markdown:
    """Return what the marks in the matrices mean, those alone that occur."""
    seen = {kind for c in summary.clauses for kind in c.verdicts.values()}
    return join([f"{words.MARKS[k]} {words.MEANINGS[k]}" for k in words.MARKS if k in seen], " · ")


def findings(summary: Summary, kinds: Sequence[str]) -> Markdown:
    """Return a list of what was found, with the reason and what went over the wire."""
    known = known_by_name(summary)
    lines: list[str] = []
    for v in summary.findings:
        if v.verdict not in kinds:
            continue
        title = known[v.implementation].title if v.implementation in known else v.implementation
        mark = words.MARKS[v.verdict]
        level = "" if v.level == "MUST" else f" ({v.level})"
        lines.append(f"- {mark} **{text(title)}** {text(v.case)}{level}: {prose(v.reason)}")
        if v.evidence:
            block = code([line[:200] for line in v.evidence[:20]])
            lines += ["", *(f"  {line}" for line in block.split("\n")), ""]
    return Markdown("\n".join(lines))


def declared(summary: Summary) -> Markdown:
    """Return the differences that implementations declare themselves."""
    rows = [
        f"- **{text(one.title)}** {text(clause)}: {prose(why)}"
        for one in summary.implementations
        for clause, why in sorted(one.known.items())
    ]
    return Markdown("\n".join(rows))


def beyond(summary: Summary) -> Markdown:
    """Return what was added to each natural idiom to keep the contract."""
    rows = [
        [one.title, join([strong(clause), prose(why)], ": ")]
        for one in summary.implementations
        for clause, why in sorted(one.beyond.items())
    ]
    return table(["", "added to its natural idiom"], rows, "ll") if rows else NOTHING
