"""What SPEC.md says: its clauses, and which of them each word in a comment stands for.

Rules: SPEC.md's text in, clauses out. It is the only prose on the contract: nothing of it is
written here a second time but the names of four clauses whose word is another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from harness.launch import ROOT
from harness.report.markdown import visible

if TYPE_CHECKING:
    from harness.model import Workload

SPEC = ROOT / "implementations" / "SPEC.md"
WORDS = (
    "backpressure", "end", "idle", "limit", "drain", "reset", "deadline", "cancel", "reuse",
)  # fmt: skip
"""The words that implementations have in comments, on the lines that fulfil them."""

_ROW = re.compile(r"\| ([EF]\d\d[a-z]?) (\S+) \| (\w+) \| (.+) \|")
_OTHER_NAMES: dict[tuple[Workload, str], str] = {
    ("echo", "end"): "half-close",
    ("fetch", "end"): "to-close",
    ("fetch", "reset"): "words",
    ("fetch", "cancel"): "fail-fast",
}


class Clause(NamedTuple):
    """One row of SPEC.md's tables."""

    id: str
    title: str
    level: str
    owes: str

    @property
    def workload(self) -> Workload:
        """The workload that it belongs to."""
        return "echo" if self.id.startswith("E") else "fetch"


def clauses(spec: str) -> list[Clause]:
    """Return the clauses of SPEC.md's text, in its order; their sentences as plain text."""
    return [Clause(*(visible(group) for group in row)) for row in _ROW.findall(spec)]


def clause_of(known: list[Clause], workload: Workload, word: str) -> str:
    """Return the clause that a word stands for in a workload; empty where there is none."""
    title = _OTHER_NAMES.get((workload, word), word)
    return next((c.id for c in known if c.workload == workload and c.title == title), "")
