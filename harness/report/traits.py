"""The part "Beyond the rate": what scenarios gave, a table for each question that they answer.

Rules: `TABLES` says which figure stands in which column, and in which unit. Rows are in the order
of the plan, variants below their sibling: nothing here is a ranking. A figure has three digits,
since its small companions are extremes and no interval; where a scenario failed, its reason stands
below the table. What is said above it is drawn from the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report import numbers, siblings
from harness.report.captions import span
from harness.report.markdown import Markdown, join, prose, small, table, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.model import Workload
    from harness.summary import Estimate, Summary, TraitSummary

MS, US, KIB, MIB = 1e6, 1e3, 1024.0, 1024.0 * 1024.0
FIT = "r²"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of one scenario, and what a unit of it is."""

    head: str
    scenario: str
    figure: str
    unit: float = 1.0
    fit: bool = False
    """True: not the figure, but how well its line fits."""
    whole: bool = False
    """True: a count, written as such."""
    share: bool = False
    """True: a part of a whole, written as per cent."""
    span: str = ""
    """How the sentence begins that names the least and the most of it; empty: there is none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A question, and the columns that answer it."""

    workload: Workload
    heading: str
    what: str
    columns: tuple[Column, ...]
    says: Callable[[Summary], str] | None = None
    """What is to be seen in it, in words from its figures, beside the spans of its columns."""


def _own_state(summary: Summary) -> str:
    """Return with whom a connection's state stays its own, and what becomes of it elsewhere."""
    shares: dict[str, dict[str, float]] = {}
    titles = {one.name: one.title for one in summary.implementations}
    for trait in summary.traits:
        if trait.scenario == "contextvars" and trait.estimate:
            own = shares.setdefault(titles[trait.implementation], {})
            own[trait.figure] = trait.estimate.value
    said: dict[str, list[str]] = {}
    for title, own in shares.items():
        lost, leaks = own.get("seen_share", 0.0) < 1, own.get("leaked_share", 0.0) > 0
        kind = "lost and leaks" if lost and leaks else "lost" if lost else "leaks"
        said.setdefault(kind if lost or leaks else "holds", []).append(title)
    sentences = {
        "holds": "It holds by itself with {}.",
        "lost": "Later steps do not all see it with {}.",
        "leaks": "Neighbours see it with {}.",
        "lost and leaks": "Neighbours see it, and not all later steps do, with {}.",
    }
    kinds = [kind for kind in sentences if kind in said]
    return " ".join(sentences[kind].format(", ".join(said[kind])) for kind in kinds)


TABLES = (
    Table(
        "echo",
        "Echo: what it takes",
        "From the start of a process to READY; the import alone, timed inside the process, with "
        "all that it needs and the launcher has not; its distributions on the disk, and how many "
        "they are; private memory at READY. An idle connection's memory (PSS of all its processes, "
        "without the kernel's share) is the slope of a line, its 95% interval beside it: r² tells "
        "how well the line fits. Last, connections that send 64 bytes, get them back and close.",
        (
            Column("start ms", "start", "ready_ns", MS),
            Column("import ms", "import", "import_ns", MS),
            Column("installed MiB", "size", "installed_bytes", MIB),
            Column("distributions", "size", "distributions", whole=True),
            Column("MiB at start", "start", "private_bytes", MIB),
            Column("KiB a connection", "memory", "pss_bytes_per_connection", KIB),
            Column(FIT, "memory", "pss_bytes_per_connection", fit=True),
            Column("connections/s", "churn", "opened_per_s"),
            Column("CPU µs each", "churn", "cpu_ns", US),
        ),
    ),
    Table(
        "echo",
        "Echo: what a neighbour costs everyone else",
        "What is left of the rate of 10 connections with 1 KiB, and their p99, while one more "
        "connection sends as fast as it is served (a flood), and while a thread of the same "
        "process computes without end.",
        (
            Column("p99 ms alone", "flood", "alone_p99_ns", MS),
            Column("rate left, flood", "flood", "rate_ratio"),
            Column("p99 ms", "flood", "beside_p99_ns", MS),
            Column("flood MiB/s", "flood", "flooded_bytes_per_s", MIB),
            Column(
                "rate left, busy thread",
                "busy-thread",
                "rate_ratio",
                span="Beside a busy thread, what is left of the rate goes",
            ),
            Column("p99 ms", "busy-thread", "beside_p99_ns", MS),
        ),
    ),
    Table(
        "echo",
        "Echo: one slow callback",
        "What all 256 connections wait for their replies, 2,000 messages a second from the moment "
        "each is due, while the main thread sleeps for 50 ms in every 500 ms. A message due in a "
        "stall waits for what is left of it: a p99 of 45 ms or more is arithmetic, and what lies "
        "above it, and at the median, is what catching up takes.",
        (
            Column("p50 ms alone", "stalled-main", "alone_p50_ns", MS),
            Column("p50 ms", "stalled-main", "beside_p50_ns", MS),
            Column("p99 ms alone", "stalled-main", "alone_p99_ns", MS),
            Column(
                "p99 ms",
                "stalled-main",
                "beside_p99_ns",
                MS,
                span="While the main thread stops now and then, p99 in ms goes",
            ),
            Column("most ms alone", "stalled-main", "alone_max_ns", MS),
            Column("most ms", "stalled-main", "beside_max_ns", MS),
        ),
    ),
    Table(
        "echo",
        "Echo: state that is a connection's own (contextvars)",
        "Whether what is set when a connection is accepted is seen at each of its later steps, and "
        "at none of another's. A step is an entry into the implementation's own code, or its "
        "resumption; where the loop is its own code as well, that counts like all else. The "
        "launcher sets marks there and looks for them; whichever step of the accept serves best "
        "counts. Where all later steps see it, and no neighbour's, a contextvar is the "
        "connection's by itself; elsewhere somebody has to carry it.",
        (
            Column("steps", "contextvars", "steps", whole=True),
            Column("of these see it", "contextvars", "seen_share", share=True),
            Column("of its neighbours'", "contextvars", "leaked_share", share=True),
        ),
        _own_state,
    ),
    Table(
        "fetch",
        "Fetch: start and end",
        "From the start of a process, and from its first connection, to its first outcome; memory "
        "(PSS of all its processes) with 100 requests in flight; by `--fail-fast`, from the first "
        "failure to the moment at which the origin has seen the end of the last of 99 other "
        "connections, while the process lives on.",
        (
            Column("first outcome ms", "start-and-end", "first_outcome_ns", MS),
            Column("ms after connecting", "start-and-end", "first_answer_ns", MS),
            Column("installed MiB", "size", "installed_bytes", MIB),
            Column("MiB at 100", "start-and-end", "pss_bytes", MIB),
            Column("last close ms", "start-and-end", "last_close_ns", MS),
        ),
    ),
)


def _figure(found: Estimate, unit: float) -> Markdown:
    """Return `1.30 <sub>1.28-1.35</sub>` in a unit; a range that cannot be seen is left out."""
    value = numbers.BOUNDS[found.bound] + numbers.plain(found.value / unit)
    if found.low is None or found.high is None:
        return text(value)
    low, high = numbers.plain(found.low / unit), numbers.plain(found.high / unit)
    spread = f"{low}–{high}" if low != high else ""  # noqa: RUF001
    return join([value, small(spread)], " ").strip_end()


def _cell(column: Column, own: Sequence[TraitSummary]) -> Markdown:
    for one in own:
        if (one.scenario, one.figure) == (column.scenario, column.figure) and one.estimate:
            if column.fit:
                return text(numbers.NONE if one.r2 is None else f"{one.r2:.3f}")
            if column.share:
                return text(numbers.percent(one.estimate))
            if column.whole:
                return text(f"{one.estimate.value:,.0f}")
            return _figure(one.estimate, column.unit)
    return text(numbers.NONE)


def _notes(titles: dict[str, str], found: Sequence[TraitSummary]) -> Markdown:
    """Return why cells are empty, everyone with the same reasons in one line."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, title in titles.items():
        wrong = [one for one in found if one.implementation == name and one.error]
        if wrong:
            reasons: dict[str, list[str]] = {}
            for one in wrong:
                reasons.setdefault(one.error, []).append(one.scenario)
            said = tuple(f"{', '.join(which)}: {why}" for why, which in reasons.items())
            alike.setdefault(said, []).append(title)
    lines = [f"- {join(names)}: {prose('; '.join(said))}" for said, names in alike.items()]
    return Markdown("\n".join(lines))


def _spans(one: Table, titles: Mapping[str, str], found: Sequence[TraitSummary]) -> Iterator[str]:
    """Yield the sentences of the columns that have one: the least and the most, and whose."""
    for column in one.columns:
        values = {
            titles[trait.implementation]: trait.estimate.value / column.unit
            for trait in found
            if (trait.scenario, trait.figure) == (column.scenario, column.figure) and trait.estimate
        }
        if column.span and (said := span(values, numbers.plain)):
            yield f"{column.span} {said}."


def parts(summary: Summary) -> list[dict[str, object]]:
    """Return the tables that have a row: heading, what it is about, the table, notes below it."""
    return list(_parts(summary))


def _parts(summary: Summary) -> Iterator[dict[str, object]]:
    known = summary.by_name
    for one in TABLES:
        wanted = {column.scenario for column in one.columns}
        found = [
            trait
            for trait in summary.traits
            if trait.workload == one.workload and trait.scenario in wanted
        ]
        titles = {
            i.name: i.title
            for i in summary.implementations
            if any(trait.implementation == i.name for trait in found)
        }
        rows = []
        for name, variant in siblings.grouped(list(titles), known):
            own = [trait for trait in found if trait.implementation == name]
            title = siblings.indented(titles[name], variant=variant)
            rows.append([title, *(_cell(column, own) for column in one.columns)])
        if rows:
            heads = ["", *(column.head for column in one.columns)]
            said = [*_spans(one, titles, found), one.says(summary) if one.says else ""]
            yield {
                "heading": one.heading,
                "what": prose(one.what),
                "says": text(" ".join(filter(None, said))),
                "table": table(heads, rows, "l" + "r" * len(one.columns)),
                "notes": _notes(titles, found),
            }
