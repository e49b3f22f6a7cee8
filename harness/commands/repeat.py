"""`repeat`: the suite N times, and every verdict that changed.

Rules: an interrupted repeat prints the table of what was played so far. INCONCLUSIVE claims
nothing: a verdict that changed to or from it is shown, and is no reason for exit status 1.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import plan, run_folder
from harness import repeat as repeating
from harness.check import cases, suite
from harness.commands import options
from harness.model import InterruptedRun, UsageError
from harness.progress import Progress
from harness.report.markdown import visible

if TYPE_CHECKING:
    from harness.model import Verdict
    from harness.repeat import Comparison, Repetition


@click.command()
@click.argument("times", type=click.IntRange(1, 10_000), metavar="N")
@options.names
@options.case
@options.workload
@options.levels
@options.outside
@click.option("--quick", is_flag=True, help="One case a clause.")
@click.option(
    "--every-case", is_flag=True, help="Play the cases, too, that only repeat others to be surer."
)
@click.option("--hog", is_flag=True, help="Keep every core busy meanwhile.")
@options.seed
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="An empty folder.")
def repeat(
    times: int,
    names: tuple[str, ...],
    patterns: tuple[str, ...],
    workload: tuple[str, ...],
    levels: tuple[str, ...],
    outside: tuple[Path, ...],
    *,
    quick: bool,
    every_case: bool,
    hog: bool,
    seed: int | None,
    out: Path | None,
) -> None:
    """Play the suite N times and report every verdict that changed; exit 1 when one did.

    Cases that only repeat others to be surer are left out as in `compare`: this repeats all others.

    \b
    nox -s repeat -- 25
    nox -s repeat -- 10 trio asyncio --case E04 --hog
    """
    chosen = plan.choose(plan.discover(outside), names)
    able = [one for one in chosen if not one.cannot_run]
    picked = suite.select(
        cases.ALL,
        patterns,
        workloads=options.workloads(workload),
        levels=levels,
        quick=quick,
        again=every_case or bool(patterns),
    )
    folder = _folder(out)
    seed = plan.drawn(seed)
    interrupted = False
    with Progress() as progress:
        total = sum(len(suite.played_by(one, picked)) for one in able)
        count = {"number": 0, "played": 0}

        def on_verdict(number: int, verdict: Verdict) -> None:
            played = count["played"] + 1 if number == count["number"] else 1
            count.update(number=number, played=played)
            said = f"{verdict.implementation} {verdict.case} {verdict.verdict}"
            progress.say("repeat", f"{number} of {times}, {min(played, total)} of {total}: {said}")

        progress.say("repeat", f"{len(picked)} cases for {len(able)} implementations, seed {seed}")
        try:
            repeating.repeat(
                able, picked, folder, times=times, seed=seed, hog=hog, on_verdict=on_verdict
            )
        except KeyboardInterrupt:
            interrupted = True
    repetitions, comparison = repeating.outcome(folder)
    _tell(repetitions, comparison, folder, seed)
    if interrupted:
        raise InterruptedRun(f"interrupted; what was played is kept in {folder}.")
    sys.exit(1 if comparison.wrong else 0)


def _folder(out: Path | None) -> Path:
    """Make the folder of a repeat. Raises UsageError where one lies there."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = out or run_folder.RUNS / f"repeat-{stamp}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder; choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}.") from error
    return folder


def _table(comparison: Comparison) -> Table:
    """Return a line for every case whose verdict changed."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("implementation", "case", "verdicts", "first other", "its reason"):
        table.add_column(heading, overflow="fold")
    for change in comparison.changes:
        kinds = ", ".join(f"{many} {kind}" for kind, many in change.counts.items())
        table.add_row(
            Text(visible(change.implementation)),
            change.case,
            Text(kinds, style="bold red" if change.wrong else "yellow"),
            f"repetition {change.repetition}",
            Text(visible(change.first.reason or change.first.verdict)[:300]),
        )
    return table


def _tell(repetitions: list[Repetition], comparison: Comparison, folder: Path, seed: int) -> None:
    """Print what changed, how long it took, and what stayed the same."""
    if comparison.changes:
        Console(width=None if sys.stdout.isatty() else 160).print(_table(comparison))
        click.echo(f"The evidence of each first other verdict: {folder / 'changes.jsonl'}\n")
    walls = [one.wall_s for one in repetitions]
    each = ", ".join(
        f"{wall:g}" + ("" if one.whole else " (cut short)")
        for one, wall in zip(repetitions, walls, strict=True)
    )
    whole = sum(one.whole for one in repetitions)
    click.echo(
        f"{whole} whole repetitions in {sum(walls):.1f} s (seconds each: {each}), seed {seed}."
    )
    steady = ", ".join(f"{many} {kind}" for kind, many in sorted(comparison.steady.items()))
    click.echo(f"The same each time: {steady or 'nothing'}.")
    click.echo(
        f"Changed: {comparison.wrong} of claim, "
        f"{len(comparison.changes) - comparison.wrong} to or from INCONCLUSIVE alone; "
        f"{comparison.inconclusive} of {comparison.verdicts} verdicts INCONCLUSIVE."
    )
    click.echo(f"Every verdict: {folder}")
