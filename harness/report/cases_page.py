"""cases.html: every case by every implementation, in one file that needs no other.

Rules: Summary in, HTML out, the same bytes every time. jinja2 escapes whatever is put in; style and
script are the page's own, named by their hashes in its policy, and nothing else may load or run.
It reads the same without the script. Wire logs are shortened as far as MOST_BYTES asks for.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from harness.model import WORKLOADS
from harness.report import behaviour, numbers, words
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Implementation, Verdict
    from harness.model import VerdictKind as Kind
    from harness.summary import CaseSummary, ClauseSummary, Summary

LOG_BYTES = 300_000  # of wire logs in all, so that a page of 600 cases stays below a megabyte
LOG_LINES = (400, 120, 60, 30, 16, 8, 4, 0)
LINE_BYTES = 160
REASON_BYTES = 300
SHOWN: dict[Kind, tuple[str, str, str]] = {
    "PASS": ("P", "✓", "pass"),
    "FAIL": ("F", "✗", "fail"),
    "DECLARED": ("D", "◆", "declared"),
    "INFO": ("I", "i", "info"),
    "UNSUPPORTED": ("U", "–", "not here"),  # noqa: RUF001  an en dash, as in every table
    "INCONCLUSIVE": ("Q", "?", "unclear"),
    "HARNESS-ERROR": ("H", "!", "broken"),
}
"""Verdict -> its class in the style, its sign, and the word beside it where there is room."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell: one verdict, or the worst of a clause with how many cases ended so."""

    css: str
    sign: str
    word: str
    many: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What stands behind cells of one case that are not PASS."""

    names: str
    mark: Mark
    reason: str
    log: str
    again: str


@dataclass(frozen=True, slots=True)
class Row:
    """One case."""

    id: str
    does: str
    expects: str
    why: str
    marks: tuple[Mark | None, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """One clause, to be unfolded."""

    id: str
    title: str
    level: str
    count: str
    marks: tuple[Mark | None, ...]
    rows: tuple[Row, ...]
    open: bool


def _mark(kind: Kind | None, many: str = "") -> Mark | None:
    return Mark(*SHOWN[kind], many) if kind else None


def _kept(lines: Sequence[str], most: int) -> Sequence[str]:
    """Return at most so many lines of a log, of which the last ones say the most."""
    if len(lines) <= most or not most:
        return lines if most else ()
    head = most // 3
    left_out = f"... {len(lines) - most} lines left out ..."
    return (*lines[:head], left_out, *lines[len(lines) - most + head :])


def _log(verdict: Verdict, most: int) -> str:
    """Return a wire log as it is shown."""
    return "\n".join(visible(line[:LINE_BYTES]) for line in _kept(verdict.evidence, most))


def _most_lines(findings: Sequence[Verdict]) -> int:
    """Return how many lines of each log keep all of them together below LOG_BYTES."""
    for most in LOG_LINES:
        kept = (_kept(v.evidence, most) for v in findings)
        if sum(min(len(line), LINE_BYTES) + 1 for lines in kept for line in lines) <= LOG_BYTES:
            return most
    return 0


def _again(verdict: Verdict) -> str:
    """Return the command that plays a case again: the evidence's own where it has one."""
    own = verdict.evidence[-1] if verdict.evidence else ""
    if own.startswith("nox "):
        return visible(own)
    return visible(f"nox -s check -- {verdict.implementation} --case {verdict.case}")


class _Page:
    """What the rows of a page have in common."""

    def __init__(self, summary: Summary) -> None:
        seen = {name for one in summary.suite for name in one.verdicts}
        self.columns = [one for one in summary.implementations if one.name in seen]
        self._titles = {one.name: one.title for one in summary.implementations}
        self._cases = behaviour.by_clause(summary)
        self._most = _most_lines(summary.findings)
        self._found: dict[str, list[Verdict]] = {}
        for verdict in summary.findings:
            self._found.setdefault(verdict.case, []).append(verdict)

    def _notes(self, case: str) -> Iterable[Note]:
        """Return what stands behind a case's cells; what several say alike is said once."""
        alike: dict[tuple[object, ...], list[Verdict]] = {}
        for v in self._found.get(case, []):
            alike.setdefault((v.verdict, v.reason, _log(v, self._most)), []).append(v)
        for verdicts in alike.values():
            first = verdicts[0]
            yield Note(
                ", ".join(visible(self._titles.get(v.implementation, "")) for v in verdicts),
                Mark(*SHOWN[first.verdict]),
                visible(first.reason)[:REASON_BYTES],
                _log(first, self._most),
                _again(first),
            )

    def _row(self, one: CaseSummary) -> Row:
        text = one.text
        marks = tuple(_mark(one.verdicts.get(column.name)) for column in self.columns)
        does, expects, why = visible(text.does), visible(text.expects), visible(text.why)
        return Row(text.case, does, expects, why, marks, tuple(self._notes(text.case)))

    def fold(self, clause: ClauseSummary) -> Fold:
        """Return a clause with its cases; open where somebody fails."""
        own = self._cases.get(clause.clause, [])
        marks = []
        for column in self.columns:
            kind = clause.verdicts.get(column.name)
            marks.append(_mark(kind, behaviour.tally(own, column.name, kind) if kind else ""))
        return Fold(
            clause.clause,
            visible(clause.title),
            clause.level,
            numbers.count(len(own), "case"),
            tuple(marks),
            tuple(self._row(one) for one in own),
            bool({"FAIL", "HARNESS-ERROR"} & set(clause.verdicts.values())),
        )


def _counts(summary: Summary) -> list[tuple[Mark, str, str]]:
    """Return each verdict, how often it occurs, and what it means."""
    kinds = [kind for one in summary.suite for kind in one.verdicts.values()]
    return [
        (Mark(*shown), f"{kinds.count(kind):,}", words.MEANINGS[kind])
        for kind, shown in SHOWN.items()
    ]


def _version(one: Implementation) -> str:
    return visible(", ".join(sorted(one.versions.values())))


def _hash(text: str) -> str:
    """Return a text as a Content-Security-Policy names it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def page(summary: Summary) -> str:
    """Return cases.html."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made = _Page(summary)
    style = environment.get_template("cases.css.j2").render(n=len(made.columns))
    script = environment.get_template("cases.js.j2").render()
    return environment.get_template("cases.html.j2").render(
        style=Markup(style),  # noqa: S704  a file of this repository and a number
        script=Markup(script),  # noqa: S704  a file of this repository
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        columns=[(visible(one.title), _version(one)) for one in made.columns],
        counts=_counts(summary),
        levels=words.LEVELS,
        cases=numbers.count(len(summary.suite), "case"),
        created=visible(summary.created),
        python=visible(summary.python),
        workloads=[
            (
                workload,
                words.SEEN[workload],
                [made.fold(c) for c in behaviour.by_level(summary, workload)],
            )
            for workload in WORKLOADS
            if behaviour.by_level(summary, workload)
        ],
    )
