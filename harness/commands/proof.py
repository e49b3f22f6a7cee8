"""`proof`: the rows that prove the instrument, each with the figure it reached.

Rules: a row's record is appended as soon as the row ends, so that an interrupted proof keeps what
it has; status 1 comes after all rows, when one was missed.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import files, machine, plan, proven, run_folder
from harness.commands import options
from harness.model import WORKLOADS, HarnessError, InterruptedRun, UsageError
from harness.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.proof.row import Row, Setting
    from harness.proven import Proven

BLOCKS = 10
CAMPAIGNS = 40
CAMPAIGN_S = 45.0
KILLS = 100
MEMORY_S = 300.0


def choose(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """Return the named rows in the table's order, all for no name. Raises UsageError."""
    known = [row.name for row in rows]
    for name in names:
        if name not in known:
            raise UsageError(f"no row is called {name!r}; there are {', '.join(known)}.")
    return [row for row in rows if not names or row.name in names]


def text(found: Proven) -> str:
    """Return a row's record as a person reads it."""
    lines = [f"{'reached' if found.passed else 'MISSED '}  {found.row}: {found.what}"]
    lines += [f"  must show: {found.must}"]
    lines += [
        f"  {'ok  ' if figure.passed else 'MISS'} {proven.sentence(figure)}"
        if figure.bound
        else f"       {proven.sentence(figure)}"
        for figure in found.figures
    ]
    lines += [f"  {note}" for note in found.notes]
    lines += [f"  why: {reason}" for reason in found.reasons]
    lines += [f"  meanwhile ({found.wall_s:.0f} s): {found.disturbance.text}"]
    return "\n".join(lines)


def _put_aside(home: Path) -> None:
    """Keep the full runs of an earlier proof under another name, so that new ones are measured."""
    if home.exists():
        stamp = datetime.fromtimestamp(home.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
        home.rename(home.with_name(f"{home.name}-{stamp}"))


def _prove(rows: Sequence[Row], setting: Setting, file: Path, *, resume: bool) -> list[Proven]:
    """Run every row that has no record yet, and show and keep each as it ends."""
    from harness.proof.row import prove  # noqa: PLC0415  numpy is slow to import

    files.mend(file)
    done = proven.read(file) if resume else {}
    found = []
    for row in rows:
        made = done.get(row.name)
        if made is None:
            made = prove(row, setting)
            files.append_jsonl(file, [made])
        click.echo(text(made) + "\n")
        found.append(made)
    return found


@click.command()
@click.argument("names", nargs=-1, metavar="[ROW]...")
@click.option("--resume", is_flag=True, help="Show what --out has already, and run the rest.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The records."
)
@click.option(
    "--runs",
    nargs=2,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR DIR",
    help="Two full runs that are there already, instead of measuring them.",
)
@click.option("--blocks", type=click.IntRange(6, 60), default=BLOCKS, help="Of a comparison (10).")
@click.option("--campaigns", type=click.IntRange(1, 1000), default=CAMPAIGNS, help="Of A/A (40).")
@click.option("--campaign", type=options.Duration(), default=CAMPAIGN_S, help="Its length (45s).")
@click.option("--kills", type=click.IntRange(1, 10_000), default=KILLS, help="Of a run (100).")
@click.option("--memory", type=options.Duration(), default=MEMORY_S, help="Its run (5m).")
@options.seed
def proof(
    names: tuple[str, ...],
    *,
    resume: bool,
    out: Path | None,
    runs: tuple[Path, Path] | None,
    blocks: int,
    campaigns: int,
    campaign: float,
    kills: int,
    memory: float,
    seed: int | None,
) -> None:
    """Prove the instrument: every claim with the figure it reached; exit 1 when one is missed.

    \b
    nox -s proof                              everything, in 90 minutes
    nox -s proof -- hog wrk                   two rows
    nox -s proof -- --resume                  go on where it was interrupted
    nox -s proof -- width order --runs runs/one runs/other
    """
    from harness.proof.row import Setting  # noqa: PLC0415  numpy is slow to import
    from harness.proof.runs import FullRuns  # noqa: PLC0415
    from harness.proof.table import ROWS  # noqa: PLC0415

    rows = choose(ROWS, names)
    file = out or run_folder.RUNS / proven.FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    server_core, gauge_core = machine.cores()
    if server_core == gauge_core:
        raise HarnessError("proving needs two cores, one of them for the gauge.")
    seed = plan.drawn(seed)
    with Progress() as progress, tempfile.TemporaryDirectory(prefix="evenloop-") as folder:

        def say(text: str) -> None:
            progress.say("proof", text)

        home = file.with_suffix("")
        if not resume:
            _put_aside(home)
        able = [one for one in plan.discover() if not one.cannot_run]
        setting = Setting(
            implementations=tuple(
                one for one in able if one.default and set(one.workloads) == set(WORKLOADS)
            ),
            everyone=tuple(one for one in able if "echo" in one.workloads),
            server_core=server_core,
            gauge_core=gauge_core,
            folder=Path(folder),
            seed=seed,
            blocks=blocks,
            campaigns=campaigns,
            campaign_s=campaign,
            kills=kills,
            memory_s=memory,
            say=say,
            full_run=FullRuns(home=home, say=say, given=list(runs or ())),
        )
        try:
            found = _prove(rows, setting, file, resume=resume)
        except KeyboardInterrupt:
            raise InterruptedRun(
                f"interrupted; what was proven is kept in {file}. Go on with --resume."
            ) from None
    missed = [one.row for one in found if not one.passed]
    click.echo(f"\n{len(found) - len(missed)} of {len(found)} rows reached; {file} has the records")
    if missed:
        click.echo(f"missed: {', '.join(missed)}")
    sys.exit(1 if missed else 0)
