"""The appendix: what proves the suite itself, for readers who want to know whom it would catch.

Rules: as in `tables`: a record in, Markdown out. The record is the one that `nox -s sensitivity`
wrote; what it says is shown, whether it flatters the suite or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files
from harness.report.markdown import Markdown, join, small, strong, table, text
from harness.report.tables import NOTHING
from harness.sensitivity import FILE, Sensitivity

if TYPE_CHECKING:
    from pathlib import Path

    from harness.sensitivity import ClauseKills

STYLES = ("coroutine", "callback", "thread")


def proof_of(folder: Path) -> Sensitivity | None:
    """Return the record that lies in a folder, None where none does."""
    file = folder / FILE
    return files.read_json(file, Sensitivity) if file.exists() else None


def sensitivity(found: Sensitivity | None) -> Markdown:
    """Return the whole section below its heading: kills, harmless variants, sabotages."""
    if found is None:
        return NOTHING
    parts = [
        _sums(found),
        _kills(found),
        Markdown("**Programs that keep the contract, each in its own way: no case may fail.**"),
        _harmless(found),
        Markdown("**Checkers made blind: a mutant that dies in a true run must survive.**"),
        _blinded(found),
    ]
    if found.faults:
        parts.insert(1, Markdown("\n".join(f"- ⚠ {text(fault)}" for fault in found.faults)))
    return Markdown("\n\n".join(parts))


def _sums(found: Sensitivity) -> Markdown:
    """Return what was played, in a sentence each."""
    planted = [one for clause in found.clauses for one in clause.planted]
    killed = sum(one.killed for one in planted)
    alarms = sum(len(one.alarms) for one in found.harmless)
    caught = sum(one.caught for one in found.blinded)
    return text(
        f"{len(planted)} programs with a planted fault, {killed} of them seen by the clause that "
        f"the fault breaks; {len(found.harmless)} programs without one, {alarms} false alarms; "
        f"{len(found.blinded)} sabotages of the checkers, {caught} noticed. "
        f"Python {found.python}, evenloop {found.evenloop}, {found.created}, "
        f"{found.wall_s:.0f} s."
    )


def _share(clause: ClauseKills, style: str) -> str:
    """Return killed and planted; nothing where nothing is planted."""
    killed, planted = clause.of(style)
    return f"{killed}/{planted}" if planted else ""


def _kills(found: Sensitivity) -> Markdown:
    """Return the kill table, a row a clause."""
    rows = [
        [
            join(
                [strong(one.clause), one.title, small("" if one.level == "MUST" else one.level)],
                " ",
            ).strip_end(),
            one.cases,
            *(_share(one, style) for style in STYLES),
            one.deadliest,
        ]
        for one in found.clauses
    ]
    return table(["", "cases", *STYLES, "kills most"], rows, "lrrrrl")


def _harmless(found: Sensitivity) -> Markdown:
    """Return the programs that must pass, and what they did not pass."""
    rows = [[one.name, one.does, one.passed, join(one.alarms, "; ")] for one in found.harmless]
    return table(["", "what it does otherwise", "passed", "false alarms"], rows, "llrl")


def _blinded(found: Sensitivity) -> Markdown:
    """Return the sabotages, and by whom each was noticed."""
    rows = [
        [one.name, one.does, join(one.survivors) if one.caught else strong("nobody noticed")]
        for one in found.blinded
    ]
    return table(["", "what the harness no longer does", "noticed by"], rows, "lll")
