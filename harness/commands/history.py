"""`history`: what was run, and one cell over time.

Rules: it reads and starts nothing; the one file it writes is the SVG that was asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import history as past
from harness import run_folder
from harness.commands import options
from harness.model import UsageError
from harness.progress import duration
from harness.report import words
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.history import Past
    from harness.model import Cell

STYLES = {"complete": "green", "published": "green", "interrupted": "yellow", "cut short": "yellow"}
WIDTH = 160  # where there is no terminal


@click.command()
@click.argument("folders", nargs=-1, type=options.RunFolder(), metavar="[DIR]...")
@click.option("--cell", "name", metavar="CELL", help="Plot this one, as echo:100x1KiB.")
@click.option("--only", callback=options.split, multiple=True, metavar="NAME,...",
              help="Plot these alone.", shell_complete=options.known)  # fmt: skip
@click.option(
    "--svg",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --cell: draw it into a file.",
)
def history(
    folders: tuple[Path, ...], name: str | None, only: tuple[str, ...], file: Path | None
) -> None:
    """List earlier runs, or plot one cell over time from them.

    A DIR is a run folder or holds some; runs/ if not given. Runs on different machines, Pythons or
    settings have letters of their own, and no line joins them.

    \b
    nox -s history
    nox -s history -- --cell echo:100x1KiB --only trio,asyncio
    nox -s history -- runs report --cell fetch:10@0ms --svg fetch.svg
    """
    if file and not name:
        raise UsageError("--svg draws a cell: name it with --cell, as echo:100x1KiB.")
    options.writable(file)
    where = past.cell(name) if name else None
    found, broken = past.runs(folders or (run_folder.RUNS,))
    if not found and not broken:
        at = ", ".join(map(str, folders)) or f"{run_folder.RUNS}/"
        raise UsageError(f"there is no run in {at}; nox -s compare makes one.")
    if where is None:
        _list(found)
    else:
        broken += _plot(found, where, only, file)
    for sentence in broken:
        click.echo(f"! {sentence}", err=True)


def _versions(run: Past) -> dict[str, str]:
    """Return the version of every distribution that took part in a run."""
    return words.by_distribution(run.plan.implementations)


def _list(found: Sequence[Past]) -> None:
    """Print a line a run, the latest last; versions that all runs share come below, once."""
    seen: dict[str, set[str]] = {}
    for run in found:
        for name, version in _versions(run).items():
            seen.setdefault(name, set()).add(version)
    changed = {name for name, versions in seen.items() if len(versions) > 1}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    heads = ["", "run", "date", "state", "budget", "commit", "python", "who", "machine"]
    heads += ["versions"] if changed else []
    for head in heads:
        table.add_column(head, no_wrap=head not in {"versions", "machine"})
    letters = {id(run): letter for letter, own in past.groups(found).items() for run in own}
    for run in found:
        plan = run.plan
        versions = [f"{k} {v}" for k, v in sorted(_versions(run).items()) if k in changed]
        budget = duration(plan.budget_s) + (" quick" if plan.quick else "")
        state = Text(run.state, style=STYLES.get(run.state, ""))
        texts = (str(run.folder), run.label, state, budget, plan.commit or "-", plan.python)
        machine = ", ".join(plan.machine.get(what, "?") for what in ("cpu", "kernel"))
        more = (f"{len(plan.implementations)}", machine, ", ".join(versions))
        cells = [Text(visible(o)) if isinstance(o, str) else o for o in (*texts, *more)]
        table.add_row(letters[id(run)], *cells[: len(heads) - 1])
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    console.print(table)
    alike = ", ".join(f"{k} {next(iter(v))}" for k, v in sorted(seen.items()) if k not in changed)
    if alike:
        console.print(Text(f"\nThe same in every run that has it: {visible(alike)}."))


def _plot(
    found: Sequence[Past], where: Cell, only: tuple[str, ...], file: Path | None
) -> list[str]:
    """Print or draw a cell; return what could not be read."""
    from harness.report import over_time  # noqa: PLC0415  slow to import

    points, broken = past.series(found, where, only)
    if not points:
        whose = f" of {', '.join(only)}" if only else ""
        raise UsageError(
            f"no run has a figure{whose} in {where.workload}:{where.name}; REPORT.md names the "
            "cells of a run, and `list` the implementations."
        )
    titles = {one.name: one.title for run in found for one in run.plan.implementations}
    if file:
        try:
            file.write_text(over_time.drawing(where, points, titles), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}.") from error
        click.echo(file)
        return broken
    for line in (*over_time.lines(where, points, titles), ""):
        click.echo(line)
    for line in over_time.legend(past.groups(found)):
        click.echo(line)
    return broken
