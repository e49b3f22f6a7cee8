"""From the verdicts of cases to the verdict of a clause, and to where an implementation stands.

Rules: it reads verdicts and never measures. `measure` asks it whom to measure, `analyse` whom to
rank, so that both give the same answer.

- A clause's verdict is the worst of its cases.
- FAIL of a MUST clause: nothing of that workload is measured.
- INCONCLUSIVE and HARNESS-ERROR of a MUST clause are no failures of the implementation, but nothing
  is proven either: measured and shown, never ranked. The same where a clause was not played at all.
- A clause that was seen to differ as declared is settled: no other case of it is missed.
- UNSUPPORTED leaves a MUST clause unproven only where none of its cases could be played.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.summary import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Implementation, Verdict, VerdictKind, Workload

DECLARABLE = frozenset({"E11", "E13", "F17", "F20"})
"""The MUST clauses that a framework may declare to break: some offer no way to keep them."""

_WORST_FIRST: tuple[VerdictKind, ...] = (
    "FAIL",
    "HARNESS-ERROR",
    "INCONCLUSIVE",
    "DECLARED",
    "UNSUPPORTED",
    "PASS",
    "INFO",
)
_UNKNOWN: frozenset[VerdictKind] = frozenset({"HARNESS-ERROR", "INCONCLUSIVE"})


def case_order(case: str) -> tuple[str, int, str]:
    """Return a key that sorts the ids of cases: E04.10 after E04.9, E17.declared first."""
    clause, _, number = case.partition(".")
    digits = re.match(r"\d*", number)
    return clause, int(digits[0] or 0) if digits else 0, number


def worst(kinds: Iterable[VerdictKind]) -> VerdictKind:
    """Return the worst of at least one verdict."""
    return min(kinds, key=_WORST_FIRST.index)


def by_clause(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """Return the verdicts by clause, the clauses in order."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.clause, []).append(verdict)
    return dict(sorted(found.items()))


def may_declare(implementation: Implementation, clause: str) -> bool:
    """Tell whether the contract lets it declare that it breaks a MUST clause."""
    if implementation.kind == "reference":
        return True
    if implementation.kind == "native" and clause.startswith("F"):
        return True
    return clause in DECLARABLE


def _failed(implementation: Implementation, verdict: Verdict) -> bool:
    if verdict.verdict == "DECLARED":
        return not may_declare(implementation, verdict.clause)
    return verdict.verdict == "FAIL"


def _unproven(clauses: dict[str, list[Verdict]], expected: Iterable[str]) -> dict[str, str]:
    """Return each clause about which nothing is known, and why."""
    found = {clause: "was not checked" for clause in expected if clause not in clauses}
    for clause, verdicts in clauses.items():
        kinds = {verdict.verdict for verdict in verdicts}
        if "DECLARED" in kinds:
            continue
        if unknown := [verdict for verdict in verdicts if verdict.verdict in _UNKNOWN]:
            found[clause] = unknown[0].reason or unknown[0].verdict.lower()
        elif kinds == {"UNSUPPORTED"}:
            found[clause] = verdicts[0].reason or "could not be played here"
    return dict(sorted(found.items()))


def standing(
    implementation: Implementation,
    workload: Workload,
    verdicts: Iterable[Verdict],
    expected: Sequence[str] = (),
) -> Standing:
    """Return where an implementation stands in a workload, without any figure.

    `verdicts` may hold those of others and of other levels; `expected` are the MUST clauses that
    have to be there (none of the reference, which shows only what measuring needs of it).
    """
    name = implementation.name
    if implementation.cannot_run:
        return Standing(implementation=name, status="cannot-run", reason=implementation.cannot_run)
    own = [v for v in verdicts if v.implementation == name and v.workload == workload]
    must = by_clause(v for v in own if v.level == "MUST")
    failed = [v for found in must.values() for v in found if _failed(implementation, v)]
    if failed:
        clauses = tuple(dict.fromkeys(v.clause for v in failed))
        return Standing(
            implementation=name, status="fail", clauses=clauses, reason=failed[0].reason
        )
    needed = () if implementation.kind == "reference" and must else expected
    unproven = _unproven(must, needed)
    if unproven or not must:
        return Standing(
            implementation=name,
            status="unproven",
            clauses=tuple(unproven),
            reason=next(iter(unproven.values()), "nothing was checked"),
        )
    declared = [v for found in must.values() for v in found if v.verdict == "DECLARED"]
    if declared:
        clauses = tuple(dict.fromkeys(v.clause for v in declared))
        return Standing(
            implementation=name,
            status="declared" if implementation.kind == "framework" else "ok",
            clauses=clauses,
            reason=implementation.known.get(clauses[0], declared[0].reason),
        )
    return Standing(implementation=name, status="ok")
