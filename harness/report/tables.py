"""The tables of REPORT.md, row by row.

Rules: one function a table, Summary in, Markdown out; an empty string where there is nothing to
show. Order and figures are the summary's; digits are `numbers`', sentences `words`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report import controls, numbers, siblings, words
from harness.report.markdown import Markdown, join, link, prose, small, table, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.summary import CellSummary, Result, Summary, WorkloadSummary

NOTHING = Markdown("")
COLUMNS = 8  # of contestants that a page has room for, their titles on top


def fair_cells(found: WorkloadSummary) -> list[CellSummary]:
    """Return the cells whose fairness is shown: 1 KiB, more than one connection, a closed loop."""
    cells = [
        c
        for c in found.cells
        if c.cell.size == 1024 and c.cell.concurrency > 1 and not c.cell.rate_per_s and c.results
    ]
    return sorted(cells, key=lambda c: c.cell.concurrency)


def without_figures(summary: Summary, found: WorkloadSummary) -> Markdown:
    """Return a line for everyone who has no figures in a workload, with the reason."""
    known = summary.by_name
    lines = [
        f"- {text(one.title)}: {prose(words.why_no_figures(row) + words.to_see(one))}"
        for row in found.standings
        if row.ratio is None and (one := known[row.implementation])
    ]
    return Markdown("\n".join(lines))


def without_rank(summary: Summary, found: WorkloadSummary) -> Markdown:
    """Return a line for everyone who was measured and is not ranked because of a clause."""
    known = summary.by_name
    says = {"declared": "differs in {} and says so", "unproven": "{} could not be judged"}
    lines = []
    for row in found.standings:
        if row.ratio is not None and row.status in says:
            clauses = says[row.status].format(", ".join(row.clauses) or "its behaviour")
            title = text(known[row.implementation].title)
            lines.append(f"- {title}: not ranked: {text(clauses)}: {prose(row.reason)}")
    return Markdown("\n".join(lines))


def cell(summary: Summary, found: WorkloadSummary, each: CellSummary) -> Markdown:
    """Return one ranked cell in full."""
    known, (one, many) = summary.by_name, words.NOUN[found.workload]
    ideal = bool(each.cell.delay_ms)
    heads = ["rank", "", f"rate, × {found.baseline}", "95% interval", f"{many}/s"]  # noqa: RUF001
    heads += ["of the ideal"] if ideal else ["of the ceiling"]
    heads += [f"CPU µs a {one}", f"{found.baseline}'s CPU / its", "p", "blocks"]
    rows = []
    for r in each.results:
        share = (
            f"{r.efficiency:.0%}" if r.efficiency is not None else numbers.percent(r.of_reference)
        )
        rows.append(
            [
                words.rank(known[r.implementation].kind, r.rank) or numbers.NONE,
                known[r.implementation].title,
                numbers.figure(r.ratio, most=3) + (" ≠" if r.disagree else ""),
                numbers.interval(r.ratio, most=3) or numbers.NONE,
                numbers.figure(r.rate_per_s, most=0),
                share,
                numbers.figure(r.cpu_us, most=2),
                numbers.figure(r.cpu_ratio),
                numbers.NONE if r.p is None else numbers.plain(r.p, 2),
                r.units,
            ]
        )
    return table(heads, rows, "cl" + "r" * (len(heads) - 2))


def _rate(r: Result) -> object:
    """Return a rate with its range, or where there is an ideal, the share of it."""
    if r.efficiency is not None:
        return f"{r.efficiency:.0%}"
    low, high = (numbers.plain(x or 0) for x in (r.rate_per_s.low, r.rate_per_s.high))
    ends = "" if low == high else f"{low}–{high}"  # noqa: RUF001
    rate = numbers.BOUNDS[r.rate_per_s.bound] + numbers.plain(r.rate_per_s.value)
    return join([rate, small(ends)], " ").strip_end()


def _cpu(r: Result) -> object:
    return numbers.plain(r.cpu_us.value)


def _faults(r: Result) -> object:
    return f"{r.faults:.2f}"


def _jain(r: Result) -> object:
    return f"{r.jain:.3f}"


def once(
    summary: Summary,
    found: WorkloadSummary,
    show: Callable[[Result], object] = _rate,
) -> Markdown:
    """Return one figure over all conditions: rate (echo), or the share of the ideal (fetch).

    The ranked cells stand among them, so that a row or a column can be read without a gap. A row is
    a condition, or where more than COLUMNS were measured, a contestant.
    """
    cells = [
        c
        for c in found.cells
        if c.results and (c.cell.delay_ms or found.workload == "echo") and not c.cell.rate_per_s
    ]
    if all(c.cell.ranked for c in cells):
        return NOTHING
    cells.sort(key=lambda c: (c.cell.size, c.cell.concurrency))
    known = summary.by_name
    seen = {r.implementation for c in cells for r in c.results}
    names = [row.implementation for row in found.standings if row.implementation in seen]

    def shown(c: CellSummary, name: str) -> object:
        r = c.of(name)
        return numbers.NONE if r is None else show(r)

    def head(c: CellSummary, between: str) -> object:
        blocks = small("every block" if c.cell.ranked else "")
        return join([words.cell(c.cell), blocks], between if blocks else "")

    heads: list[object]
    if len(names) <= COLUMNS:
        heads = ["", *(known[name].title for name in names)]
        rows = [[head(c, " "), *(shown(c, name) for name in names)] for c in cells]
    else:
        heads = ["", *(head(c, "<br>") for c in cells)]
        rows = [
            [
                siblings.indented(known[name].title, variant=variant),
                *(shown(c, name) for c in cells),
            ]
            for name, variant in siblings.grouped(names, known)
        ]
    return table(heads, rows, "l" + "r" * (len(heads) - 1)) if rows else NOTHING


def cpu(summary: Summary, found: WorkloadSummary) -> Markdown:
    """Return CPU time per message over all conditions."""
    return once(summary, found, _cpu)


def faults(summary: Summary, found: WorkloadSummary) -> Markdown:
    """Return minor page faults per message over all conditions."""
    return once(summary, found, _faults)


def fairness(summary: Summary, found: WorkloadSummary) -> Markdown:
    """Return Jain's index over the connections, at each number of them above one, 1 KiB each."""
    cells, titles = fair_cells(found), summary.by_name
    rows = []
    for row in found.standings:
        own = [c.of(row.implementation) for c in cells]
        if any(r is not None and r.jain for r in own):
            shown = [numbers.NONE if r is None else _jain(r) for r in own]
            rows.append([titles[row.implementation].title, *shown])
    heads = ["", *(numbers.count(c.cell.concurrency, "connection") for c in cells)]
    return table(heads, rows, "l" + "r" * len(cells)) if rows else NOTHING


def widths(summary: Summary) -> Markdown:
    """Return the widest interval of each ranked cell."""
    titles = summary.by_name
    rows = [
        [
            f"{found.workload} {words.cell(each.cell)}",
            "p99" if each.cell.rate_per_s else "rate",
            f"± {each.half_width:.1%}",
            titles[each.widest].title,
        ]
        for found in summary.workloads
        for each in found.cells
        if each.half_width is not None
    ]
    return table(["", "ratio of", "widest interval", "whose"], rows, "llrl") if rows else NOTHING


def cold(summary: Summary) -> Markdown:
    """Return cold against warm: the same process, cell and size, before and after priming."""
    known = summary.by_name
    rows = []
    for found in summary.workloads:
        for c in found.cells:
            for r in c.results:
                if r.cold is None or not c.cell.ranked:
                    continue
                rows.append(
                    [
                        f"{found.workload} {words.cell(c.cell)}",
                        known[r.implementation].title,
                        numbers.plain(r.cold.cpu_us),
                        numbers.plain(r.cpu_us.value),
                        numbers.plain(r.cold.rate_per_s),
                        numbers.plain(r.rate_per_s.value),
                        f"{r.cold.faults:.2f}",
                        f"{r.faults:.2f}",
                    ]
                )
    heads = ["", "", "CPU µs cold", "warm", "rate/s cold", "warm", "faults cold", "warm"]
    return table(heads, rows, "llrrrrrr") if rows else NOTHING


def contestants(summary: Summary) -> Markdown:
    """Return what was compared: versions, style, loop, read size."""
    rows: list[list[object]] = []
    known = summary.by_name
    for name, variant in siblings.grouped(list(known), known):
        one = known[name]
        titled = Markdown(siblings.indented(link(one.title, one.homepage), variant=variant))
        versions = join([f"{name} {found}" for name, found in sorted(one.versions.items())])
        stands: object = versions or "standard library"
        stands = "this repository" if one.kind == "reference" else stands
        if one.cannot_run:
            stands = Markdown(f"takes no part: {text(one.cannot_run)}")
            rows.append([titled, one.style, stands, "", ""])
        else:
            rows.append([titled, one.style, stands, one.loop, one.read_size])
    return table(["", "style", "version", "loop", "reads at most"], rows, "lllll")


def machine(summary: Summary) -> Markdown:
    """Return the facts about the machine and the run."""
    return table(["", ""], [list(fact) for fact in words.machine(summary).items()], "ll")


def canaries(summary: Summary) -> Markdown:
    """Return the controls inside the run: what was expected, what was seen, and the verdict."""
    titles = summary.by_name
    rows = []
    for found in summary.workloads:
        for c in found.canaries:
            figure = controls.FIGURES.get(c.figure, c.figure)
            if c.implementation in titles:
                figure += f", {titles[c.implementation].title}"
            rows.append(
                [
                    controls.TITLES[c.name],
                    f"{c.workload} {c.cell}",
                    figure,
                    controls.expected(c),
                    controls.seen(c),
                    controls.verdict(c),
                ]
            )
    heads = ["", "where", "figure", "expected", "seen", ""]
    return table(heads, rows, "lllrrl") if rows else NOTHING


def thrown_out(summary: Summary) -> Markdown:
    """Return what was thrown out, and by which rule."""
    thrown = summary.thrown_out
    blocks = join([f"{number} ({rule})" for number, rule in thrown.blocks.items()])
    slices = join([f"{number:,} ({cause})" for cause, number in thrown.slices.items()])
    out = sum(thrown.slices.values())
    lines = [
        f"- Blocks: {len(thrown.blocks)} of {thrown.all_blocks}"
        + (f": {blocks}." if blocks else "."),
        f"- Slices: {out:,} of {thrown.all_slices:,}" + (f": {slices}." if slices else "."),
        "- "
        + numbers.count(thrown.units, "process", "processes")
        + " with too few slices in a cell.",
    ]
    return Markdown("\n".join(lines))
