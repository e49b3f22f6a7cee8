"""The answer: one table of all implementations over both workloads, and what its columns are.

Rules: as in `tables`: Summary in, Markdown out. A row for everyone, in the order of the first
workload, a variant below its sibling wherever its own place is; who has no figures has a verdict in
their place. Where a cell has a figure of each workload, they stand one below the other. Native
clients have a table of their own, without the columns of a workload that none of them has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import WORKLOADS
from harness.report import FOLDER, HTML_FILE, numbers, siblings, words
from harness.report.markdown import Markdown, join, link, small, strong, table, text
from harness.report.marks import marks
from harness.report.sentences import connection_kib
from harness.report.tables import NOTHING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from harness.model import Implementation
    from harness.summary import CellSummary, Estimate, Standing, Summary, WorkloadSummary

BELOW = "<br>"
_DOUBT = "≠"


def with_interval(found: Estimate | None, *, most: int = 2, mark: str = "") -> Markdown:
    """Return a figure and below it, in small, its interval, which no line breaks."""
    value = text(numbers.figure(found, most=most) + mark)
    dash = "\N{EN DASH}"
    ends = small(numbers.interval(found, most=most)).replace(dash, f"&#8288;{dash}&#8288;")
    return Markdown(f"{value}{BELOW}{ends}") if ends else value


def plain_cells(found: WorkloadSummary) -> list[CellSummary]:
    """Return the cells that a workload's ranking rests on: ranked, without delay or given rate."""
    ranked = [c for c in found.cells if c.cell.ranked and not c.cell.rate_per_s]
    return [c for c in ranked if not c.cell.delay_ms] or ranked


def rate_cell(many: Iterable[WorkloadSummary]) -> CellSummary | None:
    """Return the first cell in which the rate is equal for all; None where there is none."""
    cells = (c for found in many for c in found.cells)
    return next((c for c in cells if c.cell.rate_per_s and c.results), None)


def cpu(found: WorkloadSummary, name: str) -> str:
    """Return its CPU time per message in the first of the cells that the ranking rests on."""
    cells = plain_cells(found)
    result = cells[0].of(name) if cells else None
    return numbers.figure(result.cpu_us, most=1) if result else numbers.NONE


def also(one: Implementation, file: str) -> dict[str, int]:
    """Return whose lines of code one of its programs runs beside its own file, and how many.

    Under its own name those of its folder's other files: all that are neither workload's, where the
    run did not look more closely.
    """
    if one.also_lines is not None:
        return one.also_lines.get(file, {})
    own = {f"{workload}.py" for workload in WORKLOADS}
    many = sum(count for name, count in one.code_lines.items() if name not in own)
    return {one.same_as or one.name: many} if many else {}


def lines(one: Implementation, file: str) -> Markdown:
    """Return the lines of code of one of its files, + others that it runs, and where it stands."""
    if file not in one.code_lines:
        return text(numbers.NONE)
    more = sum(also(one, file).values())
    many = f"{one.code_lines[file]}" + (f" + {more}" if more else "")
    return link(many, f"{one.folder}/{file}") if one.folder else text(many)


def _whose(one: Implementation, file: str, known: Mapping[str, Implementation]) -> Markdown:
    """Return the same with whose those others are."""
    own = one.same_as or one.name
    others = {name: count for name, count in also(one, file).items() if name != own}
    if not others:
        return lines(one, file)
    here = f"{one.code_lines[file]}"
    if own in also(one, file):
        here += f" + {also(one, file)[own]}"
    named = [
        f"{count} of {known[name].title if name in known else name}"
        for name, count in others.items()
    ]
    shown = link(here, f"{one.folder}/{file}") if one.folder else text(here)
    return join([shown, small(f"+ {', '.join(named)}")], " ")


def _behaviour(
    summary: Summary, many: Iterable[WorkloadSummary], rows: Iterable[Standing | None]
) -> Markdown:
    """Return how it keeps the contract, and the clauses in which it differs, a line each."""
    there = {w.workload: row for w, row in zip(many, rows, strict=True) if row}
    return join((words.mark(one.status, one.which) for one in marks(summary, there)), BELOW)


def _name(one: Implementation, *, variant: bool, heavy: bool) -> Markdown:
    name = link(one.title, one.homepage)
    return Markdown(siblings.indented(strong(name) if heavy else name, variant=variant))


def usual(summary: Summary) -> list[Implementation]:
    """Return the frameworks that take part unless others are asked for; none where all are such."""
    frameworks = [one for one in summary.implementations if one.kind == "framework"]
    own = [one for one in frameworks if one.default]
    return own if len(own) < len(frameworks) else []


def pairs(rows: Sequence[object]) -> Markdown:
    """Return figures of all workloads in one cell; a dash alone where there is none."""
    if all(str(one) == numbers.NONE for one in rows):
        return text(numbers.NONE)
    return join(rows, BELOW)


def _rank(one: Implementation, row: Standing) -> object:
    if not row.rank:
        return numbers.NONE
    return strong(words.rank(one.kind, row.rank).replace("-", "–"))  # noqa: RUF001


def _standing(one: Implementation, row: Standing | None) -> list[object]:
    """Return its rank and ratio in a workload; dashes where it has no such program."""
    if row is None:
        return [numbers.NONE, numbers.NONE]
    return [_rank(one, row), with_interval(row.ratio, mark=f" {_DOUBT}" if row.disagree else "")]


def answer(summary: Summary) -> Markdown:
    """Return the table of frameworks and the ceiling; nothing where nothing was planned."""
    kinds = {one.name for one in summary.implementations if one.kind != "native"}
    return _answer(summary, summary.workloads, kinds)


def natives(summary: Summary) -> Markdown:
    """Return the table of native clients; nothing where there are none."""
    kinds = {one.name for one in summary.implementations if one.kind == "native"}
    many = [w for w in summary.workloads if kinds & {row.implementation for row in w.standings}]
    return _answer(summary, many, kinds)


def _answer(summary: Summary, many: Sequence[WorkloadSummary], kinds: Collection[str]) -> Markdown:
    """Return a row for each of these names, columns for these workloads."""
    known, heavy = summary.by_name, {one.name for one in usual(summary)}
    by_name = [{row.implementation: row for row in w.standings} for w in many]
    names = [row.implementation for w in many for row in w.standings]
    names = [name for name in dict.fromkeys(names) if name in kinds]
    if not names:
        return NOTHING
    given = rate_cell(many)
    memory = any(connection_kib(summary, name) for name in names)
    rows = []
    for name, variant in siblings.grouped(names, known):
        one, own = known[name], [rows_of.get(name) for rows_of in by_name]
        row: list[object] = [_name(one, variant=variant, heavy=name in heavy)]
        row.append(_behaviour(summary, many, own))
        for standing in own:
            row += _standing(one, standing)
        row.append(pairs([numbers.percent(s.of_reference if s else None) for s in own]))
        if given:
            p99 = given.of(name)
            latency = p99.latency if p99 else None
            row.append(with_interval(latency.p99_us if latency else None, most=0))
        row.append(pairs([cpu(w, name) for w in many]))
        if memory:
            row.append(numbers.figure(connection_kib(summary, name), most=1))
        row.append(pairs([lines(one, f"{w.workload}.py") for w in many]))
        rows.append(row)
    heads = _heads(many, known, given=given is not None, memory=memory)
    return table(heads, rows, "ll" + "r" * (len(heads) - 2))


def _heads(
    many: Sequence[WorkloadSummary],
    known: Mapping[str, Implementation],
    *,
    given: bool,
    memory: bool,
) -> list[object]:
    heads: list[object] = ["", "SPEC"]
    for found in many:
        than = known[found.baseline].title if found.baseline else "the baseline"
        heads += [f"{found.workload} rank", f"{found.workload} rate, × {than}"]  # noqa: RUF001
    heads.append("of the ceiling")
    if given:
        heads.append("p99 µs")
    heads.append("CPU µs")
    if memory:
        heads.append("KiB / conn.")
    return [*heads, "lines"]


def side_by_side(summary: Summary) -> Markdown:
    """Return where each one's programs stand, and a link that sets them beside the baseline's."""
    first = next((w.baseline for w in summary.workloads if w.baseline), "")
    known = summary.by_name
    rows = []
    for name, variant in siblings.grouped(list(known), known):
        one = known[name]
        own = [w.workload for w in summary.workloads if f"{w.workload}.py" in one.code_lines]
        if not own or one.same_as:
            continue
        row: list[object] = [siblings.indented(one.title, variant=variant)]
        for found in summary.workloads:
            row.append(_whose(one, f"{found.workload}.py", known))
            pair = f"{FOLDER}/{HTML_FILE}#read={found.workload},{first},{one.name}"
            both = found.workload in own and first and one.name != first
            row.append(link("side by side", pair) if both else numbers.NONE)
        rows.append(row)
    than = known[first].title if first else ""
    heads: list[object] = [""]
    for found in summary.workloads:
        heads += [f"{found.workload}.py, lines", f"beside {than}'s"]
    return table(heads, rows, "l" + "rl" * len(summary.workloads)) if rows else NOTHING
