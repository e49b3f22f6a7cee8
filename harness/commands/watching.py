"""`check --watch`: one implementation, played again at each change of its files.

Rules: one run at a time: a change in the middle ends the run that it makes worthless, and the next
begins once its workers are gone. A terminal gets a board that is drawn anew, anything else a line a
run. A mistake in what is being written is shown, and waited out; Ctrl-C is the way to end, with
status 0.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live

from harness import judge, plan, watched
from harness.check import suite, told
from harness.model import UsageError
from harness.progress import duration
from harness.report import board as boards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.check.case import Case
    from harness.model import Implementation, Verdict
    from harness.report.board import Board


class _Changed(Exception):  # noqa: N818  it ends a run, it is no error
    """A file has changed: what is being played is of yesterday."""


class _Screen:
    """Shows a board: drawn anew on a terminal, a line at the end of each run elsewhere."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board, self._console = board, console
        able = console.is_terminal and not console.is_dumb_terminal
        self.live = Live(console=console, auto_refresh=False) if able else None

    def draw(self, doing: str) -> None:
        """Show how far it is, and what goes on now."""
        self._board.doing = doing
        if self.live:
            size = self._console.size
            self.live.update(boards.rows(self._board, size.width, size.height - 1), refresh=True)

    def conclude(self, doing: str) -> None:
        """Show what a run that has ended has found."""
        self.draw(doing)
        if not self.live:
            click.echo(boards.line(self._board))


def watch(name: str, outside: tuple[Path, ...], picked: Sequence[Case]) -> None:
    """Play cases for one implementation again and again, until Ctrl-C.

    Raises UsageError where there is no such implementation to begin with.
    """
    one = _find(name, outside)
    if not one.folder:
        raise UsageError(f"{one.cannot_run.rstrip('.')}.")
    board = boards.Board(
        name=name,
        folder=one.folder,
        clauses=_clauses(suite.played_by(one, picked)),
        texts={text.case: text for text in told.texts(picked)},
    )
    screen = _Screen(board, Console())
    with suppress(KeyboardInterrupt):
        if screen.live is None:
            _watch(board, screen, outside, picked)
        else:
            with screen.live:
                _watch(board, screen, outside, picked)


def _clauses(picked: Sequence[Case]) -> list[str]:
    """Return the clauses that get a verdict, in order, those that sum up the others among them."""
    workloads = {case.clause.workload for case in picked}
    sums = {clause for clause, (workload, _) in suite.SUMS.items() if workload in workloads}
    return sorted({case.clause.id for case in picked} | sums, key=judge.case_order)


def _watch(
    board: Board, screen: _Screen, outside: tuple[Path, ...], picked: Sequence[Case]
) -> None:
    """Play, wait for a change, and play again."""
    folders = [Path(board.folder)]
    now = watched.state(folders)
    while True:
        begin = time.monotonic()
        with suppress(_Changed):
            _play(board, screen, outside, picked, folders, now)
            took = duration(time.monotonic() - begin)
            screen.conclude(f"took {took}. Ctrl-C ends; waiting for a change in {board.folder}")
            board.end()
        before, now = now, watched.wait(folders, now)
        board.begin(f"{', '.join(watched.changed(before, now))} changed")


def _play(
    board: Board,
    screen: _Screen,
    outside: tuple[Path, ...],
    picked: Sequence[Case],
    folders: Sequence[Path],
    now: watched.State,
) -> None:
    """Play every case once, or say why none can be. Raises _Changed."""
    total = 0

    def on_verdict(verdict: Verdict) -> None:
        board.verdicts.append(verdict)
        screen.draw(f"{min(len(board.verdicts), total)} of {total} cases played")
        if watched.state(folders) != now:
            raise _Changed

    try:
        one = _find(board.name, outside)
    except UsageError as error:  # meta.toml is half written
        board.fault = str(error)
        return
    own = suite.played_by(one, picked)
    board.fault = one.cannot_run or ("" if own else f"{one.name} has none of the cases asked for")
    board.clauses = _clauses(own)
    total = len(own) + sum(clause in board.clauses for clause in suite.SUMS)
    if not board.fault:
        screen.draw(f"{total} cases to play")
        suite.run([one], own, on_verdict=on_verdict)


def _find(name: str, outside: tuple[Path, ...]) -> Implementation:
    """Return the implementation as its meta.toml is now."""
    return plan.choose(plan.discover(outside), [name])[0]
