"""What the cases are, in words, for the stages that never play one.

Rules: nothing is told here that a case does not say itself, but for the two kinds of verdicts that
no case of their own stands behind: sums over a workload, and declarations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.check.case import CLAUSES
from harness.check.suite import LEFT, SUMS
from harness.model import CaseText

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.check.case import Case


def texts(cases: Iterable[Case]) -> list[CaseText]:
    """Return what each case is, and what the verdicts are that `suite.run` adds to theirs."""
    found = [
        CaseText(
            case=one.id, title=one.clause.title, does=one.does, expects=one.expects, why=one.why
        )
        for one in cases
    ]
    found += [_sum(clause) for clause in SUMS]
    return found + [_declared(clause) for clause in CLAUSES]


def _sum(clause: str) -> CaseText:
    workload, word = SUMS[clause]
    nothing = "nothing left behind" if word == LEFT else "nothing on stderr"
    return CaseText(
        case=f"{clause}.0",
        title=CLAUSES[clause].title,
        does=f"adds up what was seen after every case of {workload} that was played",
        expects=f"{nothing} by any of them",
    )


def _declared(clause: str) -> CaseText:
    return CaseText(
        case=f"{clause}.declared",
        title=CLAUSES[clause].title,
        does="looks for the difference that meta.toml declares, in every case of the clause",
        expects="one case at least that sees it",
        why="a declaration that is no longer true has to go",
    )
