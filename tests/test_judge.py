"""Who is measured and who is ranked follows from the verdicts, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import judge
from harness.model import Implementation, Kind, Level, Verdict, VerdictKind

if TYPE_CHECKING:
    from harness.summary import Status


def implementation(kind: Kind = "framework", **more: object) -> Implementation:
    """Return an implementation named x."""
    return Implementation(
        name="x",
        folder="/x",
        title="X",
        style="coroutine",
        kind=kind,
        **more,  # type: ignore[arg-type]
    )


def verdict(case: str, kind: VerdictKind, level: Level = "MUST") -> Verdict:
    """Return a verdict on x."""
    return Verdict(implementation="x", case=case, level=level, verdict=kind, reason=kind.lower())


@pytest.mark.parametrize(
    ("kind", "case", "seen", "status"),
    [
        ("framework", "E04.1", "PASS", "ok"),
        ("framework", "E04.1", "FAIL", "fail"),
        ("framework", "E04.1", "INCONCLUSIVE", "unproven"),
        ("framework", "E04.1", "HARNESS-ERROR", "unproven"),
        ("framework", "E04.1", "UNSUPPORTED", "unproven"),
        ("framework", "E04.1", "DECLARED", "fail"),
        ("framework", "E13.1", "DECLARED", "declared"),
        ("native", "F05.1", "DECLARED", "ok"),
        ("native", "E05.1", "DECLARED", "fail"),
        ("reference", "F05.1", "DECLARED", "ok"),
    ],
)
def test_one_case_decides(kind: Kind, case: str, seen: VerdictKind, status: Status) -> None:
    """The status of an implementation of which one MUST case is known."""
    workload = "echo" if case.startswith("E") else "fetch"
    found = judge.standing(implementation(kind), workload, [verdict(case, seen)])  # type: ignore[arg-type]
    assert found.status == status


def test_a_should_never_takes_a_rank() -> None:
    """A SHOULD that fails, or breaks, leaves the workload proven."""
    seen = [verdict("E01.1", "PASS"), verdict("E17.1", "FAIL", "SHOULD")]
    assert judge.standing(implementation(), "echo", seen).status == "ok"


def test_what_was_not_checked_is_not_proven() -> None:
    """No verdict at all, or none on a clause that the others have, is no pass."""
    assert judge.standing(implementation(), "echo", []).status == "unproven"
    found = judge.standing(implementation(), "echo", [verdict("E01.1", "PASS")], ["E01", "E04"])
    assert (found.status, found.clauses, found.reason) == ("unproven", ("E04",), "was not checked")


def test_a_case_that_cannot_be_played_leaves_its_clause_to_the_others() -> None:
    """PASS and UNSUPPORTED of one clause: proven, and shown as unsupported."""
    seen = [verdict("E16.1", "PASS"), verdict("E16.2", "UNSUPPORTED")]
    assert judge.standing(implementation(), "echo", seen).status == "ok"
    assert judge.worst(v.verdict for v in seen) == "UNSUPPORTED"


def test_a_failure_outweighs_what_is_unknown() -> None:
    """FAIL, INCONCLUSIVE and DECLARED together are a failure, with the clause that failed."""
    seen = [
        verdict("E13.1", "DECLARED"),
        verdict("E05.1", "INCONCLUSIVE"),
        verdict("E04.2", "FAIL"),
    ]
    found = judge.standing(implementation(), "echo", seen)
    assert (found.status, found.clauses) == ("fail", ("E04",))


def test_a_clause_that_was_seen_to_differ_is_settled() -> None:
    """Where a declared difference was seen, nothing unknown of its clause leaves it open."""
    seen = [verdict("E13.1", "DECLARED"), verdict("E13.2", "INCONCLUSIVE")]
    found = judge.standing(implementation(), "echo", seen)
    assert (found.status, found.clauses) == ("declared", ("E13",))
    seen.append(verdict("E05.1", "INCONCLUSIVE"))
    assert judge.standing(implementation(), "echo", seen).clauses == ("E05",)


def test_who_cannot_run_says_why() -> None:
    """The reason of meta.toml and the machine is the reason of the row."""
    found = judge.standing(implementation(cannot_run="no gevent here"), "echo", [])
    assert (found.status, found.reason) == ("cannot-run", "no gevent here")
