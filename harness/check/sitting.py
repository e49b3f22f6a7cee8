"""A sitting: several cases of one implementation that share what it costs to start it.

Rules: sharing may cost no verdict. The cases of echo follow one another on one server for as long
as none of them sees anything wrong; after that the next gets a fresh one. The rows of fetch's cases
are asked for by one process; what it leaves open is looked at alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness.check import player, table
from harness.check.case import Case
from harness.check.player import Played
from harness.check.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.check.fetch_rows import Row
    from harness.check.stage import Stage

    MakeStage = Callable[..., Stage]

ALONE_MOST = 12  # cases of a broken sitting that are looked at alone; more would take minutes


def play(cases: Sequence[Case], stage: MakeStage) -> Iterator[Played]:
    """Play the cases of one sitting, or a single case; yield what came of each."""
    if len(cases) == 1:
        yield player.play(cases[0], stage())
    elif cases[0].rows:
        yield from _play_rows(cases, stage)
    else:
        yield from _play_in_turn(cases, stage)


def _play_in_turn(cases: Sequence[Case], stage: MakeStage) -> Iterator[Played]:
    """Play cases one after the other, with a shelf between them."""
    shelf = Shelf()
    try:
        last = player.play(cases[0], stage(shelf))
        for case in cases[1:]:
            yield last
            if last.never_ready:  # one silent start is enough
                last = msgspec.structs.replace(last, case=case.id, wall_s=0.0)
            else:
                last = player.play(case, stage(shelf))
    finally:
        left = shelf.clear()
    yield msgspec.structs.replace(last, left=last.left or left)


def _play_rows(
    cases: Sequence[Case], stage: MakeStage, before: Played | None = None
) -> Iterator[Played]:
    """Ask for the rows of all cases at once, again for those that were not reached; the rest alone.

    `before` is what was wrong with an earlier process for which no row was to blame.
    """
    rows = _Rows(cases)
    trial = player.play(Case("", "", "", rows.ask), stage())
    found = {case.id: rows.played(case, trial.wall_s / len(cases)) for case in cases}
    open_ = [case for case in cases if found[case.id] is None]
    if ALONE_MOST < len(open_) < len(cases):  # it ended, or its time did: many answers never come
        known = [one for one in found.values() if one]
        yield from _heard(known, trial)
        wrong = trial if all(one.verdict == "PASS" for one in known) else before
        yield from _play_rows(open_, stage, wrong)
        return
    for number, case in enumerate(open_):
        if number < ALONE_MOST:
            found[case.id] = player.play(case, stage())
        else:
            reason = f"{ALONE_MOST} cases beside it had to be played alone: {trial.reason}"
            found[case.id] = Played(
                case=case.id, verdict="INCONCLUSIVE", reason=reason, evidence=trial.evidence
            )
    wrong = trial if trial.verdict != "PASS" else before
    if wrong and all(one and one.verdict == "PASS" for one in found.values()):
        # Each row holds, and still the process was wrong: nothing may be lost of that.
        blamed = (open_ or cases)[0].id
        found[blamed] = _blame(found[blamed], wrong)
    yield from _heard([one for one in found.values() if one], trial)


def _heard(known: Sequence[Played], trial: Played) -> Iterator[Played]:
    """Yield what came of cases; the first has what their process wrote to stderr."""
    first, *others = known
    yield msgspec.structs.replace(first, noise=first.noise or trial.noise, listened=trial.listened)
    yield from others


class _Rows:
    """The rows of many cases, and what came of them."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._setting = table.SETTINGS[cases[0].sitting]
        self._rows: list[Row] = []
        self._indexes: dict[str, range] = {}
        self._asked: table.Asked | None = None
        for case in cases:
            rows = table.followed(case.rows, self._setting)
            self._indexes[case.id] = range(len(self._rows), len(self._rows) + len(rows))
            self._rows += rows
        if self._setting.limit > 1:  # the last rows, too, need somebody who may come afterwards
            self._rows += [table.AFTERWARDS] * self._setting.limit

    def ask(self, stage: Stage) -> None:
        """Ask for all rows. Raises what was wrong with the process as a whole."""
        self._asked = table.ask(stage, self._rows, self._setting, patient=True)
        if self._asked.trouble is not None:
            raise self._asked.trouble

    def played(self, case: Case, wall_s: float) -> Played | None:
        """Return what came of a case; None while a line is missing and none is wrong."""
        asked, indexes = self._asked, self._indexes[case.id]
        if asked is None:
            return None
        if asked.refused:
            reason = "expected an answer for each URL; got exit status 2, and nothing fetched"
            return Played(case=case.id, verdict="FAIL", reason=reason, wall_s=round(wall_s, 3))
        if wrong := table.wrong_rows(asked, indexes):
            verdict, reason = player.conclude(asked.client.stage, wrong[0][1])
            rows = [index for index in indexes if any(one is asked.rows[index] for one, _ in wrong)]
            evidence = [line for index in rows[:20] for line in table.history(asked, index)]
            return Played(
                case=case.id,
                verdict=verdict,
                reason=reason,
                evidence=tuple(evidence),
                wall_s=round(wall_s, 3),
            )
        if any(index not in asked.lines for index in indexes):
            return None
        return Played(case=case.id, verdict="PASS", wall_s=round(wall_s, 3))


def _blame(played: Played | None, trial: Played) -> Played:
    """Give what was wrong with the whole process to one of its cases."""
    assert played is not None
    return msgspec.structs.replace(
        played,
        verdict=trial.verdict,
        reason=f"beside the other cases of its table: {trial.reason}",
        evidence=trial.evidence,
    )
