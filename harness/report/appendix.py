"""The appendix: what proves the suite and the instrument, for readers who want to know how far.

Rules: as in `tables`: a record in, Markdown out. The records are those that `nox -s sensitivity`
and `nox -s proof` wrote; what they say is shown, whether it flatters or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import files, proven
from harness.report import numbers
from harness.report.markdown import Markdown, join, prose, small, strong, table, text
from harness.report.tables import NOTHING
from harness.sensitivity import FILE, Sensitivity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.proven import Proven
    from harness.sensitivity import ClauseKills

STYLES = ("coroutine", "callback", "thread")


def proof_of(folder: Path) -> Sensitivity | None:
    """Return the record that lies in a folder, None where none does."""
    file = folder / FILE
    return files.read_json(file, Sensitivity) if file.exists() else None


def rows_of(folder: Path) -> dict[str, Proven]:
    """Return the last record of each row of the instrument's proof that lies in a folder."""
    return proven.read(folder / proven.FILE)


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


def _claims(found: Mapping[str, Proven], missed: int) -> str:
    """Return how many claims there are, and what became of each."""
    absent = [name for name in proven.ROWS if name not in found]
    ended = [f"{len(found) - missed} reached", f"{missed} missed"]
    ended += [f"{len(absent)} not run ({', '.join(absent)})"] if absent else []
    oldest = min(one.created for one in found.values())[:10]
    many = numbers.count(len(found) + len(absent), "claim")
    said = f"{many}: {', '.join(ended)}; the oldest record is of {oldest}."
    return f"{said} `nox -s proof` repeats each."


def instrument(found: Mapping[str, Proven]) -> Markdown:
    """Return the rows that prove the instrument: what must show, what was reached, meanwhile what.

    Whatever missed says why, in the words of its record.
    """
    if not found:
        return NOTHING
    missed = sum(not one.passed for one in found.values())
    sums = prose(_claims(found, missed))
    rows = [
        [
            join([strong(one.row), one.what], " "),
            one.must,
            _reached(one),
            "reached" if one.passed else strong("missed"),
        ]
        for one in found.values()
    ]
    meanwhile = Markdown(
        "\n".join(
            f"- {strong(one.row)} {text(f'({one.created}, {one.wall_s:.0f} s)')} "
            f"{text(one.disturbance.text)}"
            for one in found.values()
        )
    )
    said = Markdown("**What else the machine did meanwhile**")
    shown = table(["", "must show", "figures", ""], rows, "llll")
    return Markdown(f"{sums}\n\n{shown}\n\n{said}\n\n{meanwhile}")


def _reached(one: Proven) -> Markdown:
    """Return the figures of a row, what was measured, and the reasons of a miss, a line each."""
    lines: list[object] = [
        proven.sentence(figure) if figure.passed else strong(proven.sentence(figure))
        for figure in one.figures
    ]
    lines += [small(note) for note in one.notes]
    lines += [f"why: {reason}" for reason in one.reasons]
    return join(lines, "<br>")
