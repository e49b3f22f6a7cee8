"""The part "Behaviour": every case by every implementation, and the wire log behind each cell.

Rules: Summary in, records for the template out, of which jinja2 escapes every word. Wire logs are
shortened as far as LOG_BYTES asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model import WORKLOADS
from harness.report import behaviour, numbers, siblings, words
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Implementation, Verdict, Workload
    from harness.model import VerdictKind as Kind
    from harness.summary import CaseSummary, ClauseSummary, Summary

LOG_BYTES = 200_000  # of wire logs in all, so that 600 cases stay below a megabyte
LOG_LINES = (400, 120, 60, 30, 16, 8, 4, 0)
LINE_BYTES = 160
REASON_BYTES = 300
SHORT_BYTES = 60  # of reason and log: what is longer is said once, and then referred to
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
    same: str = ""
    """The case that says the same of the same; reason and log stand there and not here."""


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
    owes: str
    level: str
    count: str
    marks: tuple[Mark | None, ...]
    rows: tuple[Row, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everyone's verdicts: a column each, a fold a clause."""

    columns: tuple[tuple[str, str], ...]
    """Title and versions."""
    cases: str
    counts: tuple[tuple[Mark, str, str], ...]
    """Each verdict, how often it occurs, and what it means."""
    workloads: tuple[tuple[Workload, str, tuple[Fold, ...]], ...]
    alike: tuple[tuple[str, Mark, str], ...]
    """Title, verdict and reason of whoever has the same of both in every case."""


def _mark(kind: Kind | None) -> Mark | None:
    return Mark(*SHOWN[kind]) if kind else None


def _sum(found: Sequence[tuple[Kind, str]]) -> Mark:
    """Return a clause's cell: its first kind as such, in small what else there is."""
    (kind, many), *more = found
    signs = (f"{SHOWN[other][1]} {count}" for other, count in more)
    return Mark(*SHOWN[kind], ", ".join(filter(None, (many, *signs))))


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


def _again(verdict: Verdict, one: Implementation | None) -> str:
    """Return the command that plays a case again: the evidence's own where it has one."""
    own = verdict.evidence[-1] if verdict.evidence else ""
    if own.startswith("nox "):
        return visible(own)
    there = f"--force-python {one.on} " if one and one.on else ""
    name = (one.same_as or one.name) if one else verdict.implementation
    return visible(f"nox -s check {there}-- {name} --case {verdict.case}")


def _alike(summary: Summary) -> Iterable[tuple[str, Verdict]]:
    """Yield who has one verdict for one reason in all of its cases, with the first of them.

    Case 0 of a clause only sums the others up, in words of its own.
    """
    played = [name for one in summary.suite for name in one.verdicts]
    found: dict[str, list[Verdict]] = {}
    for v in summary.findings:
        found.setdefault(v.implementation, []).append(v)
    for name, own in found.items():
        said = [v for v in own if not v.case.endswith(".0")]
        one = len({v.verdict for v in own}) == 1 == len({v.reason for v in said})
        if one and 1 < len(own) == played.count(name):
            yield name, said[0]


class _Folds:
    """What the rows of the matrix have in common."""

    def __init__(self, summary: Summary, owed: Mapping[str, str]) -> None:
        seen = {name for one in summary.suite for name in one.verdicts}
        self._known = known = summary.by_name
        order = siblings.grouped([name for name in known if name in seen], known)
        self.columns = [known[name] for name, _ in order]
        self._cases = behaviour.by_clause(summary)
        self._owed = owed
        self.alike = dict(_alike(summary))
        shown = [v for v in summary.findings if v.implementation not in self.alike]
        self._most = _most_lines(shown)
        self._told: dict[tuple[Kind, str, str, str], str] = {}
        self._found: dict[str, list[Verdict]] = {}
        for verdict in shown:
            self._found.setdefault(verdict.case, []).append(verdict)

    def _notes(self, case: str) -> Iterable[Note]:
        """Return what stands behind a case's cells; what is said alike is said once."""
        alike: dict[tuple[Kind, str, str], list[Verdict]] = {}
        for v in self._found.get(case, []):
            alike.setdefault((v.verdict, v.reason, _log(v, self._most)), []).append(v)
        for (kind, reason, log), verdicts in alike.items():
            first = verdicts[0]
            who = [self._known.get(v.implementation) for v in verdicts]
            names = ", ".join(visible(one.title if one else "") for one in who)
            same = self._told.setdefault((kind, reason, log, names), case)
            if same == case or len(reason) + len(log) <= SHORT_BYTES:
                same = ""
            yield Note(
                names,
                Mark(*SHOWN[first.verdict]),
                "" if same else visible(first.reason)[:REASON_BYTES],
                "" if same else log,
                _again(first, who[0]),
                same,
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
            worst = clause.verdicts.get(column.name)
            marks.append(_sum(behaviour.tallies(own, column.name, worst)) if worst else None)
        return Fold(
            clause.clause,
            visible(clause.title),
            self._owed.get(clause.clause, ""),
            clause.level,
            numbers.count(len(own), "case"),
            tuple(marks),
            tuple(self._row(one) for one in own),
            bool({"FAIL", "HARNESS-ERROR"} & set(clause.verdicts.values())),
        )


def _counts(summary: Summary) -> tuple[tuple[Mark, str, str], ...]:
    kinds = [kind for one in summary.suite for kind in one.verdicts.values()]
    return tuple(
        (Mark(*shown), f"{kinds.count(kind):,}", words.MEANINGS[kind])
        for kind, shown in SHOWN.items()
    )


def matrix(summary: Summary, owed: Mapping[str, str]) -> Matrix | None:
    """Return the matrix of a run; None where no case was played. `owed`: clause -> its sentence."""
    if not summary.suite:
        return None
    folds = _Folds(summary, owed)
    columns = [
        (visible(one.title), visible(", ".join(sorted(one.versions.values()))))
        for one in folds.columns
    ]
    return Matrix(
        tuple(columns),
        numbers.count(len(summary.suite), "case"),
        _counts(summary),
        tuple(
            (workload, words.SEEN[workload], tuple(folds.fold(clause) for clause in own))
            for workload in WORKLOADS
            if (own := behaviour.by_level(summary, workload))
        ),
        tuple(
            (visible(one.title), Mark(*SHOWN[first.verdict]), visible(first.reason))
            for one in folds.columns
            if (first := folds.alike.get(one.name))
        ),
    )
