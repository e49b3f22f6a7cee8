"""What was seen of everyone's behaviour: the matrix, what failed and why, what it took to comply.

Rules: as in `tables`: Summary in, Markdown out, an empty string where there is nothing to show.
The page shows clauses and groups what it tells; every case stands in report.html#behaviour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.report import FOLDER, HTML_FILE, numbers, siblings, words
from harness.report.markdown import Markdown, code, join, link, prose, small, strong, table, text
from harness.report.tables import COLUMNS, NOTHING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from harness.model import Implementation, Kind, Verdict, VerdictKind, Workload
    from harness.summary import CaseSummary, ClauseSummary, Summary

SHOWN_CASES = 3  # of a group; the rest are counted, and stand in report.html
SHOWN_LINES = 20  # of a wire log
SHOWN_LOGS = 12  # of a list; a page with more would be about nothing else

_TELLING: tuple[VerdictKind, ...] = ("FAIL", "DECLARED", "HARNESS-ERROR", "INCONCLUSIVE")


def by_level(summary: Summary, workload: Workload) -> list[ClauseSummary]:
    """Return the clauses of a workload: MUST first, then SHOULD, then INFO."""
    own = [c for c in summary.clauses if c.clause.startswith(workload[0].upper())]
    order = list(words.LEVELS)
    return sorted(own, key=lambda c: (order.index(c.level), c.clause))


def by_clause(summary: Summary) -> dict[str, list[CaseSummary]]:
    """Return the cases of each clause."""
    found: dict[str, list[CaseSummary]] = {}
    for one in summary.suite:
        found.setdefault(one.text.case.partition(".")[0], []).append(one)
    return found


def tally(cases: Sequence[CaseSummary], name: str, kind: VerdictKind) -> str:
    """Return how many of the cases that were played ended so: `2/14`; empty where it is all."""
    own = [one.verdicts[name] for one in cases if name in one.verdicts]
    many = own.count(kind)
    return f"{many}/{len(own)}" if many < len(own) else ""


def tallies(
    cases: Sequence[CaseSummary], name: str, worst: VerdictKind
) -> list[tuple[VerdictKind, str]]:
    """Return what a clause's cell shows: every kind that says more than a pass, each with `tally`.

    Differences stand first: that one case was not decided hides none of them. A clause of which no
    case says more than a pass, or whose cases are not known, has its worst verdict alone.
    """
    own = {one.verdicts[name] for one in cases if name in one.verdicts}
    return [(kind, tally(cases, name, kind)) for kind in _TELLING if kind in own] or [
        (worst, tally(cases, name, worst))
    ]


def absent(summary: Summary) -> list[Implementation]:
    """Return the frameworks that take no part, on no Python."""
    able = {one.same_as or one.name for one in summary.implementations if not one.cannot_run}
    return [
        one
        for one in summary.implementations
        if one.kind == "framework" and not one.same_as and one.name not in able
    ]


def kept(summary: Summary) -> str:
    """Return how many frameworks keep every clause that they must keep, as a heading.

    One that ran on several Pythons counts once, and keeps them where it does on each. Whoever can
    run on none is not counted.
    """
    known = {one.name: one.same_as or one.name for one in summary.implementations}
    out = {one.name for one in absent(summary)}
    frameworks = {known[one.name] for one in summary.implementations if one.kind == "framework"}
    frameworks -= out
    bad = {
        known[row.implementation]
        for found in summary.workloads
        for row in found.standings
        if row.status != "ok"
    }
    keep = sum(name not in bad for name in frameworks)
    of = "frameworks that can take part" if out else "frameworks"
    whole = f"All {keep} {of} keep" if not bad & frameworks else ""
    where = ", on every Python" if any(one.same_as for one in summary.implementations) else ""
    return f"{whole or f'{keep} of {len(frameworks)} {of} keep'} every clause that they must{where}"


def played(summary: Summary) -> Markdown:
    """Return how much was played, and where all of it stands."""
    where = every_case(summary, FOLDER)
    parts: list[object] = [
        f"{numbers.count(summary.cases, 'verdict')}, one for each case and contestant."
    ]
    if out := [one.title for one in absent(summary)]:
        take = "takes" if len(out) == 1 else "take"
        parts.insert(0, f"{' and '.join(out)} {take} no part: why stands below the first table.")
    if where:
        parts.append(
            Markdown(f"{where} stands in {HTML_FILE}, with what it does, expects and saw.")
        )
    return join(parts, " ")


def differences(summary: Summary, kind: Kind = "framework") -> Markdown:
    """Return the clauses in which not everyone of a kind passes.

    How many more there are, in which everyone passes, is said below.
    """
    names = {o.name for o in summary.implementations if o.kind == kind and not o.cannot_run}
    judged = [c for c in summary.clauses if c.level != "INFO" and names & c.verdicts.keys()]
    alike = [c for c in judged if {c.verdicts[n] for n in names & c.verdicts.keys()} == {"PASS"}]
    differ = [c for c in judged if c not in alike]
    rest = f"{len(alike)} clauses hold for everyone" if alike else "No clause holds for everyone"
    if not differ:
        return text(f"{rest}: no difference was seen.") if judged else NOTHING
    shown = _matrix(summary, differ, names)
    cases = by_clause(summary)
    marks = dict.fromkeys(
        kind
        for c in differ
        for name in sorted(names & c.verdicts.keys())
        for kind, _ in tallies(cases.get(c.clause, []), name, c.verdicts[name])
    )
    legend_line = join([f"{words.MARKS[mark]} {words.MEANINGS[mark]}" for mark in marks], "; ")
    return Markdown(f"{shown}\n\n{text(rest)}. {legend_line}; 2/14: so many of its cases.")


def matrix(summary: Summary, workload: Workload) -> Markdown:
    """Return the verdict of every clause of a workload, for everyone who was checked."""
    clauses = by_level(summary, workload)
    return _matrix(summary, clauses, {name for c in clauses for name in c.verdicts})


def _matrix(summary: Summary, clauses: Sequence[ClauseSummary], of: Collection[str]) -> Markdown:
    """Return verdicts: a row a clause, or where more than COLUMNS take part, a row for each."""
    known, cases = summary.by_name, by_clause(summary)
    seen = {name for c in clauses for name in c.verdicts if name in of}
    order = siblings.grouped([name for name in known if name in seen], known)

    def mark(c: ClauseSummary, name: str) -> str:
        kind = c.verdicts.get(name)
        shown = tallies(cases.get(c.clause, []), name, kind) if kind else []
        return " ".join(f"{words.MARKS[kind]} {many}".rstrip() for kind, many in shown) or " "

    if not clauses:
        return NOTHING
    if len(order) > COLUMNS:
        heads: list[object] = ["", *(join([strong(c.clause), c.title], "<br>") for c in clauses)]
        levels = [join([c.level, len(cases.get(c.clause, []))], "<br>") for c in clauses]
        wide: list[list[object]] = [["level, cases", *levels]]
        for name, variant in order:
            title = siblings.indented(known[name].title, variant=variant)
            wide.append([title, *(mark(c, name) for c in clauses)])
        return table(heads, wide, "l" + "c" * len(clauses))
    rows = []
    for c in clauses:
        many = len(cases.get(c.clause, [])) or numbers.NONE
        rows.append([strong(c.clause), c.title, c.level, many, *(mark(c, n) for n, _ in order)])
    heads = ["", "", "level", "cases", *(known[name].title for name, _ in order)]
    return table(heads, rows, "lllr" + "c" * len(order))


def legend() -> Markdown:
    """Return what each mark in the matrices means, a line each."""
    rows = [[words.MARKS[kind], kind, words.MEANINGS[kind]] for kind in words.MARKS]
    return table(["", "verdict", ""], rows, "cll")


class Group(NamedTuple):
    """What several say alike: cases of one clause that ended alike for the same reasons."""

    clause: str
    kind: VerdictKind
    names: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    """Those of the first name; the others' differ in nothing that the group tells."""


def groups(findings: Iterable[Verdict], kinds: Sequence[VerdictKind]) -> list[Group]:
    """Return the findings of some kinds, grouped; clauses in order, then as in `kinds`."""
    own: dict[tuple[str, int, str], list[Verdict]] = {}
    for v in findings:
        if v.verdict in kinds:
            key = (v.clause, kinds.index(v.verdict), v.implementation)
            own.setdefault(key, []).append(v)
    alike: dict[tuple[object, ...], Group] = {}
    for (clause, at, name), verdicts in sorted(own.items()):
        said = tuple((v.case, v.reason) for v in verdicts)
        found = alike.get((clause, at, said))
        names = (*found.names, name) if found else (name,)
        shown = found.verdicts if found else tuple(verdicts)
        alike[clause, at, said] = Group(clause, kinds[at], names, shown)
    return list(alike.values())


def _evidence(verdict: Verdict) -> list[str]:
    """Return a wire log that can be unfolded below a list item."""
    log = [line[:200] for line in verdict.evidence]
    if len(log) > SHOWN_LINES:
        half = SHOWN_LINES // 2
        left_out = f"... {len(log) - 2 * half} lines left out ..."
        log = [*log[:half], left_out, *log[-half:]]
    shown = [
        "  <details>",
        f"  <summary>What went over the wire in {text(verdict.case)}</summary>",
        "",
        *(f"  {line}" for line in code(log).split("\n")),
        "",
        "  </details>",
    ]
    return ["", *shown, ""]


def findings(summary: Summary, kinds: Sequence[VerdictKind]) -> Markdown:
    """Return what was found, a list item a clause and outcome, with reasons and a wire log."""
    known, cases = summary.by_name, by_clause(summary)
    titles = {c.clause: c.title for c in summary.clauses}
    lines: list[str] = []
    for number, group in enumerate(groups(summary.findings, kinds)):
        first = group.verdicts[0]
        names = join([strong(known[n].title if n in known else n) for n in group.names])
        level = f" {text(first.level)}" if first.level != "MUST" else ""
        many = tally(cases.get(group.clause, []), group.names[0], group.kind)
        of = f", {text(many)} cases" if many else ""
        head = f"{strong(group.clause)} {text(titles.get(group.clause, ''))}{level}"
        reasons: dict[str, list[str]] = {}
        for v in group.verdicts:
            reasons.setdefault(v.reason, []).append(v.case)
        lines.append(f"- {words.MARKS[group.kind]} {head}: {names}{of}")
        for reason, ids in list(reasons.items())[:SHOWN_CASES]:
            more = f" and {len(ids) - SHOWN_CASES} more" if len(ids) > SHOWN_CASES else ""
            lines.append(f"  - {join(ids[:SHOWN_CASES])}{more}: {prose(reason)}")
        if len(reasons) > SHOWN_CASES:
            rest = sum(len(ids) for ids in list(reasons.values())[SHOWN_CASES:])
            lines.append(f"  - {numbers.count(rest, 'more case')}: see every case")
        if first.evidence and number < SHOWN_LOGS:
            lines += _evidence(first)
    return Markdown("\n".join(lines))


def _seen(cases: Sequence[CaseSummary], name: str) -> str:
    """Return in how many of a clause's cases a declared difference was seen."""
    own = [one.verdicts.get(name) for one in cases]
    if not own:
        return "not checked"
    many = own.count("DECLARED")
    said = f"seen in {many or 'none'} of {numbers.count(len(own), 'case')}"
    said += " in this run" if not many else ""
    unknown = sum(own.count(kind) for kind in ("INCONCLUSIVE", "HARNESS-ERROR"))
    return said + (f", {unknown} not decided" if unknown else "")


def declared(summary: Summary, kind: Kind = "framework") -> Markdown:
    """Return the differences that those of a kind declare themselves, clause by clause."""
    titles = {c.clause: c.title for c in summary.clauses}
    cases = by_clause(summary)
    by: dict[str, dict[str, list[Markdown]]] = {}
    for one in summary.implementations:
        if one.kind != kind:
            continue
        for clause, why in one.known.items():
            name = join([strong(one.title), small(_seen(cases.get(clause, []), one.name))], " ")
            by.setdefault(clause, {}).setdefault(why, []).append(name)
    lines = []
    for clause, whys in sorted(by.items()):
        head = join([strong(clause), titles.get(clause, "")], " ").strip_end()
        lines.append(f"- {words.MARKS['DECLARED']} {head}")
        lines += [f"  - {join(names)}: {prose(why)}" for why, names in whys.items()]
    return Markdown("\n".join(lines))


def every_case(summary: Summary, folder: str) -> Markdown:
    """Return a link to the page of every case; empty where the summary has none."""
    if not summary.suite:
        return NOTHING
    many = numbers.count(len({one.text.case for one in summary.suite}), "case")
    return Markdown(f"{link(f'Every one of the {many}', f'{folder}/{HTML_FILE}#behaviour')}")
