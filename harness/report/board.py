"""What `check --watch` shows: the clauses in their colours and signs, and what fails first.

Rules: at most a screen; what an implementation wrote never becomes markup or a control sequence. A
clause that no colour tells apart has its sign.

    rows(board, width, lines) -> what a terminal shows, drawn anew at every verdict
    line(board) -> what a log gets, once a change
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from harness import judge
from harness.model import WORKLOADS
from harness.report.failures import failures
from harness.report.html.matrix import SHOWN
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import CaseText, Verdict, VerdictKind

COLOURS: dict[str, str] = {
    "PASS": "green",
    "FAIL": "bold red",
    "HARNESS-ERROR": "bold red",
    "INCONCLUSIVE": "yellow",
    "DECLARED": "cyan",
}
"""Of the verdicts; the others are dim."""
WAITS = "·"  # not played yet
GOOD: frozenset[str] = frozenset({"PASS", "DECLARED", "INFO"})
BAD: frozenset[str] = frozenset({"FAIL", "HARNESS-ERROR", "INCONCLUSIVE"})
_CELL = 6  # columns: a sign, the clause, a space (E13q has none)


@dataclass
class Board:
    """One implementation under the eyes of whoever writes it."""

    name: str
    folder: str
    """As its user calls it."""
    clauses: Sequence[str]
    """Those that are played, in order."""
    texts: Mapping[str, CaseText]
    """Case -> what it is, in words."""
    verdicts: list[Verdict] = field(default_factory=list)
    """Of the run that goes on, or that was the last."""
    before: dict[str, VerdictKind] = field(default_factory=dict)
    """Clause -> its verdict in the last whole run."""
    why: str = ""
    """What began the run: the files that changed."""
    fault: str = ""
    """Why nothing can be played; empty: it can."""
    doing: str = ""
    """The last line: what goes on now."""

    def kinds(self) -> dict[str, VerdictKind]:
        """Return the worst verdict so far of every clause that has one."""
        return {
            clause: judge.worst(one.verdict for one in own)
            for clause, own in judge.by_clause(self.verdicts).items()
        }

    def begin(self, why: str) -> None:
        """Forget the verdicts, for a new run."""
        self.verdicts, self.why, self.fault = [], why, ""

    def end(self) -> None:
        """Keep what is known, to tell what the next run changes."""
        self.before = self.kinds()


def _turned(board: Board) -> tuple[list[str], list[str]]:
    """Return the clauses that hold now and did not before, and those that did and do not."""
    now = board.kinds()
    known = [clause for clause in now if clause in board.before]
    better = [c for c in known if now[c] in GOOD and board.before[c] not in GOOD]
    worse = [c for c in known if now[c] not in GOOD and board.before[c] in GOOD]
    return better, worse


def _sentence(board: Board) -> str:
    """Return how many clauses hold, and what has turned."""
    now = board.kinds()
    holds = sum(kind in GOOD for kind in now.values())
    better, worse = _turned(board)
    said = f"{holds} of {len(board.clauses)} clauses hold"
    said += f"; now green: {' '.join(better)}" if better else ""
    return said + (f"; no longer: {' '.join(worse)}" if worse else "")


def line(board: Board) -> str:
    """Return one line on a run that has ended."""
    said = f"{board.why}: " if board.why else ""
    if board.fault:
        return visible(f"{said}{board.fault}")
    groups: dict[str, list[str]] = {}
    for clause, kind in board.kinds().items():
        groups.setdefault(kind, []).append(clause)
    left = [f"{kind}: {' '.join(own)}" for kind, own in groups.items() if kind not in GOOD]
    return visible(f"{said}{'; '.join([_sentence(board), *left])}")


def _grid(board: Board, width: int) -> list[Text]:
    """Return the clauses of each workload, as many in a line as fit."""
    now, rows = board.kinds(), []
    each = max(1, (width - 7) // _CELL)
    for workload in WORKLOADS:
        own = [clause for clause in board.clauses if clause[0] == workload[0].upper()]
        for at in range(0, len(own), each):
            row = Text(no_wrap=True).append(f"{'' if at else workload:<7}", style="bold")
            for clause in own[at : at + each]:
                kind = now.get(clause)
                sign = SHOWN[kind][1] if kind else WAITS
                row.append(f"{sign}{clause}".ljust(_CELL), style=COLOURS.get(kind or "", "dim"))
            rows.append(row)
    return rows


def _failed(board: Board, lines: int) -> list[Text]:
    """Return a line a clause that fails, and the first of them whole, where there is room."""
    found: dict[str, Verdict] = {}
    for verdict in sorted(board.verdicts, key=lambda one: judge.case_order(one.case)):
        if verdict.verdict in BAD:
            found.setdefault(verdict.clause, verdict)
    rows = [
        Text(
            f"{one.verdict} {one.case} {visible(one.reason)}", style=COLOURS.get(one.verdict, "dim")
        )
        for one in found.values()
    ]
    if len(rows) > lines:
        return [*rows[: max(0, lines - 1)], Text(f"and {len(rows) - max(0, lines - 1)} more")]
    first = [one for one in found.values() if one.verdict == "FAIL"][:1]
    whole = [Text(text) for text in failures(first, board.texts)]
    return rows + whole if len(rows) + len(whole) <= lines else rows


def rows(board: Board, width: int, lines: int) -> Text:
    """Return the board as at most so many lines, each cut at so many columns."""
    head = Text.assemble((board.name, "bold"), (f"  {visible(board.folder)}", "dim"))
    shown = [head, *_grid(board, width)]
    if board.fault:
        shown.append(Text(visible(board.fault), style="bold red"))
    else:
        said = f"{board.why}: " if board.why else ""
        shown.append(Text(visible(said + _sentence(board))))
    room = lines - len(shown) - 2  # an empty one above, and what goes on now below
    if room > 0 and not board.fault:
        shown += [Text(), *_failed(board, room)]
    shown = [*shown[: lines - 1], Text(board.doing, style="dim")]
    for row in shown:
        row.truncate(width, overflow="ellipsis")
    return Text("\n").join(shown)
