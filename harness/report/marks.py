"""What stands in a column of behaviour: how a contestant keeps the contract, and where it differs.

Rules: standings in, kinds and clauses out. REPORT.md and report.html write these with signs of
their own; what is said of whom is decided here alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness.report.sentences import differing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model import VerdictKind, Workload
    from harness.summary import Standing, Status, Summary

KINDS: dict[Status, VerdictKind] = {
    "ok": "PASS",
    "declared": "DECLARED",
    "unproven": "INCONCLUSIVE",
    "fail": "FAIL",
    "cannot-run": "UNSUPPORTED",
}
_LISTED = 3  # clauses that a cell has room for


class Mark(NamedTuple):
    """One line of such a cell."""

    status: Status
    """Where it stands; of clauses below MUST, `fail` or `declared`."""
    clauses: tuple[str, ...] = ()

    @property
    def kind(self) -> VerdictKind:
        """The verdict whose sign stands before it."""
        return KINDS[self.status]

    @property
    def which(self) -> str:
        """The clauses, or how many they are where they would not fit."""
        few = len(self.clauses) <= _LISTED
        return " ".join(self.clauses) if few else f"{len(self.clauses)} clauses"


def marks(summary: Summary, rows: Mapping[Workload, Standing]) -> list[Mark]:
    """Return the worst of a contestant's standings, then the clauses in which it differs.

    Clauses of other workloads than these are left out.
    """
    if not rows:
        return []
    name = next(iter(rows.values())).implementation
    letters = {workload[0].upper() for workload in rows}
    below: dict[Status, list[str]] = {}
    for clause, _, kind in differing(summary, name):
        if clause[0] in letters:
            below.setdefault("fail" if kind == "FAIL" else "declared", []).append(clause)
    own = [clause for row in rows.values() if row.status == "ok" for clause in row.clauses]
    if own:  # declared, and ranked all the same: a native client
        return [Mark("declared", (*own, *(clause for many in below.values() for clause in many)))]
    bad = [Mark(row.status, row.clauses) for row in rows.values() if row.status != "ok"]
    said = list(dict.fromkeys(bad)) or [Mark("ok")]
    return said + [Mark(status, tuple(clauses)) for status, clauses in below.items()]
