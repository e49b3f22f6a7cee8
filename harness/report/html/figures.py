"""The tables of report.html, which a reader sorts and filters.

Rules: one function a table, Summary in, records for the template out. What stands in a cell is
plain text; its number, by which it is sorted, is the summary's own and not the rounded one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.model import WORKLOADS
from harness.report import controls, numbers, words
from harness.report.answer import also, plain_cells
from harness.report.html.matrix import SHOWN
from harness.report.markdown import is_url, visible
from harness.report.marks import KINDS, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Implementation, VerdictKind, Workload
    from harness.summary import (
        Canary,
        CellSummary,
        Estimate,
        Result,
        Standing,
        Summary,
        WorkloadSummary,
    )


class Column(NamedTuple):
    """A column's head, and what a reader can do with it."""

    head: str
    number: bool = True
    choice: bool = False
    """True: a list to choose one of its values from stands above the table."""


class Cell(NamedTuple):
    """What stands in a cell, beside it in small, and by what it is sorted (None: last)."""

    text: str
    more: str = ""
    by: float | str | None = None
    href: str = ""
    strong: bool = False
    signed: tuple[tuple[str, str], ...] = ()
    """The text once more, each verdict in it with its class."""


class Table(NamedTuple):
    """A table with its heading, a sentence about it, and its rows as they stand at first."""

    id: str
    heading: str
    what: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def choices(self) -> list[tuple[int, str, list[str]]]:
        """Return the columns to choose from: number, head, values in order of appearance."""
        return [
            (at, column.head, list(dict.fromkeys(row[at].text for row in self.rows)))
            for at, column in enumerate(self.columns)
            if column.choice
        ]


NOTHING = Cell(numbers.NONE)


def _text(value: str, **more: object) -> Cell:
    shown = visible(value)
    return Cell(shown, by=shown.casefold(), **more)  # type: ignore[arg-type]


def _number(value: float | None, digits: int = 3) -> Cell:
    return NOTHING if value is None else Cell(numbers.plain(value, digits), by=value)


def _estimate(found: Estimate | None, *, most: int = 2) -> Cell:
    if found is None:
        return NOTHING
    return Cell(numbers.figure(found, most=most), numbers.interval(found, most=most), found.value)


def _title(one: Implementation, more: str = "") -> Cell:
    href = one.homepage if is_url(one.homepage) else ""
    return _text(one.title, more=visible(more), href=href, strong=True)


def _below(one: Implementation, known: Mapping[str, Implementation]) -> str:
    """Return whose variant it is, where that one is there."""
    over = known.get(one.variant_of)
    return f"a variant of {over.title}" if over else ""


def _rank(rank: str, one: Implementation) -> Cell:
    if not rank:
        return NOTHING
    kind = "" if one.kind == "framework" else one.kind
    return Cell(rank, kind, float(rank.partition("-")[0]), strong=True)


def _p99(result: Result | None) -> Cell:
    return _estimate(result.latency.p99_us, most=0) if result and result.latency else NOTHING


_MEMORY: dict[Workload, tuple[str, str, str, float]] = {
    "echo": ("KiB a connection", "memory", "pss_bytes_per_connection", 1024.0),
    "fetch": ("MiB at 100", "start-and-end", "pss_bytes", 1024.0 * 1024.0),
}


def _memory(summary: Summary, workload: Workload, name: str) -> Cell:
    _, scenario, figure, unit = _MEMORY[workload]
    for trait in summary.traits:
        which = (trait.workload, trait.implementation, trait.scenario, trait.figure)
        if which == (workload, name, scenario, figure) and trait.estimate:
            return _number(trait.estimate.value / unit)
    return NOTHING


def _signed(kind: VerdictKind, more: str = "") -> tuple[str, str]:
    """Return the class of a verdict, and its sign and word with what stands behind them."""
    css, sign, word = SHOWN[kind]
    return css, visible(" ".join(filter(None, (sign, word, more))))


def _behaviour(summary: Summary, workload: Workload, row: Standing) -> Cell:
    """Return what REPORT.md says of it, sorted by the worst of that."""
    found = marks(summary, {workload: row})
    signed = tuple(_signed(one.kind, one.which) for one in found)
    worst = max(list(KINDS).index(one.status) for one in found)
    text = " ".join(said for _, said in signed)
    return Cell(text, visible(row.reason), float(worst), signed=signed)


def _lines(one: Implementation, workload: Workload) -> Cell:
    """Return the lines of code of a program, + others that it runs; sorted by their sum."""
    file = f"{workload}.py"
    if file not in one.code_lines:
        return NOTHING
    own, more = one.code_lines[file], sum(also(one, file).values())
    return Cell(f"{own}" + (f" + {more}" if more else ""), by=float(own + more))


def _where(each: CellSummary) -> str:
    return each.cell.name


def answer(summary: Summary, found: WorkloadSummary) -> Table:
    """Return a workload's answer: a row for everyone, who has no figures included."""
    known, (one, many) = summary.by_name, words.NOUN[found.workload]
    plain = plain_cells(found)
    paced = next((c for c in found.cells if c.cell.rate_per_s), None)
    columns = [Column("rank"), Column("implementation", number=False)]
    columns += [Column(f"rate, × {found.baseline or 'baseline'}")]  # noqa: RUF001
    columns += [Column(f"{many}/s, {_where(c)}") for c in plain]
    columns += [Column("of the ceiling"), Column(f"CPU µs a {one}")]
    columns += [Column(f"p99 µs, {_where(paced)}")] if paced else []
    columns += [
        Column(_MEMORY[found.workload][0]),
        Column("lines"),
        Column("behaviour", number=False),
    ]
    rows = []
    for row in found.standings:
        name = row.implementation
        first = plain[0].of(name) if plain else None
        of = row.of_reference
        whose = ", ".join(filter(None, [known[name].style, _below(known[name], known)]))
        cells = [_rank(row.rank, known[name]), _title(known[name], whose)]
        cells += [_estimate(row.ratio)]
        cells += [_estimate(r.rate_per_s if (r := c.of(name)) else None, most=0) for c in plain]
        cells += [Cell(numbers.percent(of), by=of.value) if of else NOTHING]
        cells += [_estimate(first.cpu_us if first else None, most=1)]
        cells += [_p99(paced.of(name))] if paced else []
        cells += [_memory(summary, found.workload, name)]
        cells += [_lines(known[name], found.workload)]
        cells += [_behaviour(summary, found.workload, row)]
        rows.append(tuple(cells))
    return Table(
        f"answer-{found.workload}", "The answer", words.withheld(found), tuple(columns), tuple(rows)
    )


def pythons(summary: Summary) -> Table:
    """Return every program on each of several Pythons, against itself on the first."""
    known, rows = summary.by_name, []
    for found in summary.workloads:
        standings = {row.implementation: row for row in found.standings}
        for row in found.pythons:
            one = known[row.implementation]
            to = known[row.to].on if row.to else ""
            why = "" if row.ratio else words.why_no_figures(standings[row.implementation])
            rows.append(
                (
                    _text(found.workload),
                    _text(one.program, strong=True),
                    _text(one.on),
                    _estimate(row.ratio) if row.ratio else Cell(numbers.NONE, visible(why)),
                    _estimate(row.cpu_ratio),
                    _text(to or numbers.NONE),
                )
            )
    chosen = ("workload", "implementation", "Python")
    columns = [Column(head, number=False, choice=True) for head in chosen]
    columns += [Column("rate, over the first's"), Column("the first's CPU / its")]
    what = (
        "A program's rate over its own on the first Python that gave any, block by block; which "
        "one that was stands in the last column."
    )
    heads = (*columns, Column("the first", number=False))
    return Table("pythons", "By Python version", what, heads, tuple(rows))


def _measured(
    known: Implementation, found: WorkloadSummary, c: CellSummary, r: Result
) -> tuple[Cell, ...]:
    latency = r.latency
    return (
        _text(found.workload),
        Cell(_where(c), words.cell(c.cell), _where(c)),
        _text(known.title, strong=True),
        _rank(r.rank, known),
        _estimate(r.rate_per_s, most=0),
        _estimate(r.ratio, most=3),
        Cell(f"{r.efficiency:.0%}", by=r.efficiency) if r.efficiency is not None else NOTHING,
        _estimate(r.cpu_us, most=2),
        Cell(f"{r.faults:.2f}", by=r.faults),
        Cell(f"{r.jain:.3f}", by=r.jain) if r.jain else NOTHING,
        _number(latency.merged.p50_us if latency else None),
        _p99(r),
        _number(latency.merged.max_us if latency else None),
        Cell(f"{r.units}", by=float(r.units)),
    )


def cells(summary: Summary) -> Table:
    """Return every figure of everyone in every cell."""
    known = summary.by_name
    rows = [
        _measured(known[r.implementation], found, c, r)
        for found in summary.workloads
        for c in found.cells
        for r in c.results
    ]
    heads = (
        *("rank", "rate/s", "ratio to the baseline", "of the ideal", "CPU µs each"),
        *("page faults each", "Jain", "p50 µs", "p99 µs", "most µs", "blocks"),
    )
    chosen = [Column(h, number=False, choice=True) for h in ("workload", "cell", "implementation")]
    what = (
        "A cell is one condition: connections × bytes for echo, requests at once @ the origin's "  # noqa: RUF001
        "delay for fetch, and messages per second where the rate is given. In small: the 95% "
        "interval; in a cell measured once, the extremes. Latencies run from the intended send."
    )
    columns = (*chosen, *(Column(head) for head in heads))
    return Table("cells", "Every cell", what, columns, tuple(rows))


def traits(summary: Summary) -> Table:
    """Return what was measured once for each implementation, and is never ranked."""
    known = summary.by_name
    rows = []
    for t in summary.traits:
        said = Cell(numbers.NONE, visible(t.error)) if t.error else NOTHING
        found = t.estimate
        value = _number(found.value) if found else said
        ends = found and found.low is not None and found.high is not None
        if found and ends:
            low, high = (numbers.plain(end or 0.0) for end in (found.low, found.high))
            value = Cell(value.text, f"{low}–{high}", found.value)  # noqa: RUF001
        rows.append(
            (
                _text(t.workload),
                _text(t.scenario),
                _text(t.figure or "error"),
                _text(known[t.implementation].title, strong=True),
                value,
                Cell(f"{t.r2:.3f}", by=t.r2) if t.r2 is not None else NOTHING,
            )
        )
    chosen = ("workload", "scenario", "figure", "implementation")
    columns = [Column(head, number=False, choice=True) for head in chosen]
    what = (
        "Scenarios, in the units that the figures' names end with. In small: the extremes of the "
        "repetitions; of a slope (bytes a connection) its 95% interval, with r² of the line."
    )
    heads = (*columns, Column("value"), Column("r²"))
    return Table("traits", "Beyond the rate", what, heads, tuple(rows))


def contestants(summary: Summary) -> Table:
    """Return what was compared: versions, style, loop, read size, lines of code."""
    known, heads = summary.by_name, ("style", "version", "loop", "reads at most")
    rows = []
    for one in summary.implementations:
        versions = ", ".join(f"{name} {found}" for name, found in sorted(one.versions.items()))
        stands = versions or "standard library"
        stands = "this repository" if one.kind == "reference" else stands
        stands = f"takes no part: {one.cannot_run}" if one.cannot_run else stands
        rows.append(
            (
                _title(one, _below(one, known)),
                Cell(f"{one.year}", by=float(one.year)) if one.year else NOTHING,
                *(_text(value) for value in (one.style, stands, one.loop, one.read_size)),
                *(_lines(one, workload) for workload in WORKLOADS),
            )
        )
    columns = [Column("implementation", number=False), Column("year")]
    columns += [Column(head, number=False) for head in heads]
    columns += [Column("lines of echo"), Column("lines of fetch")]
    return Table("contestants", "What was compared", "", tuple(columns), tuple(rows))


def _passed(canary: Canary) -> Cell:
    if canary.passed is None:
        return Cell(controls.verdict(canary), by="unknown")
    signed = _signed("PASS" if canary.passed else "FAIL")
    return Cell(signed[1], by=signed[1], signed=(signed,))


def canaries(summary: Summary) -> Table:
    """Return the controls inside the run: what was expected, what was seen, and the verdict."""
    known = summary.by_name
    rows = []
    for found in summary.workloads:
        for c in found.canaries:
            whose = known[c.implementation].title if c.implementation in known else ""
            rows.append(
                (
                    Cell(controls.TITLES[c.name], by=c.name, strong=True),
                    _text(f"{c.workload} {c.cell}", more=visible(whose)),
                    _text(controls.FIGURES.get(c.figure, c.figure)),
                    Cell(controls.expected(c), by=c.expected),
                    Cell(controls.seen(c), by=c.estimate.value),
                    _passed(c),
                )
            )
    columns = [Column(head, number=False) for head in ("control", "where", "figure")]
    columns += [Column("expected"), Column("seen"), Column("", number=False)]
    what = "Figures that are known beforehand, and what the run saw of them."
    return Table("controls", "Controls inside the run", what, tuple(columns), tuple(rows))


def shown(tables: Iterable[Table]) -> Sequence[Table]:
    """Return the tables that have rows."""
    return [table for table in tables if table.rows]
