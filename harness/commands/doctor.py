"""`doctor`: whether this machine is fit to measure, a line a check.

Rules: it changes nothing; the exit status is 1 when the machine is unfit.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import files
from harness.commands import options
from harness.progress import Progress

if TYPE_CHECKING:
    from harness.doctor.finding import Diagnosis

COLOURS = {"good": "green", "fair": "yellow", "bad": "red"}


@click.command()
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the findings; the shape is described in harness/doctor/finding.py.",
)
def doctor(file: Path | None) -> None:
    """Tell whether this machine is fit to measure, and what to change; exit 1 when it is not.

    \b
    nox -s doctor
    nox -s doctor -- --json doctor.json
    """
    from harness.doctor.place import Place  # noqa: PLC0415  numpy is slow to import
    from harness.doctor.visit import diagnose  # noqa: PLC0415  the same

    options.writable(file)
    with Progress() as progress:
        found = diagnose(Place(), lambda said: progress.say("doctor", said))
    if file:
        files.write_json(file, found)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(rows(found))
    click.echo(f"\n{found.sentence}")
    sys.exit(0 if found.fit else 1)


def rows(found: Diagnosis) -> Table:
    """Return a line a check: mark, figure, advice."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("check", "", "figure", "what to change"):
        table.add_column(head)
    for one in found.findings:
        mark = Text(one.mark, style=COLOURS[one.mark])
        table.add_row(one.check, mark, Text(one.figure), Text(one.advice))
    return table
