"""`list`: what there is, and what can run here.

Rules: it starts nothing. A row is one line of a terminal of 80 columns: titles and versions that
are too long are cut. A variant stands indented below the implementation that it is a variant of.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import plan
from harness.commands import options
from harness.report import siblings
from harness.report.markdown import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.model import Implementation

WIDE = 160  # columns of a file or a pipe
TITLE = 20  # a longer title is cut, and versions take what is left
VERSIONS = 8
HEADS = ("name", "year", "title", "style", "runs", "versions")


def _row(one: Implementation, *, variant: bool) -> list[Text]:
    versions = ", ".join(f"{name} {version}" for name, version in one.versions.items())
    runs = "no" if one.cannot_run else "yes"
    name = f"  {one.name}" if variant else one.name
    # A word has to do: the kind of those who are no framework, the style of all others.
    style = one.style if one.kind == "framework" else one.kind
    if len(one.workloads) == 1:
        style += f" {one.workloads[0]}"
    cells = (name, f"{one.year or '-'}", one.title, style, runs, versions or "-")
    return [Text(visible(cell)) for cell in cells]


def table(known: Mapping[str, Implementation], width: int) -> Table:
    """Return a row each; what is as wide as it likes to be are the last column's cells alone."""
    grouped = siblings.grouped(list(known), known)
    rows = [_row(known[name], variant=variant) for name, variant in grouped]
    columns = list(zip(map(Text, HEADS), *rows, strict=True))
    widest = [max(cell.cell_len for cell in column) for column in columns]
    widest[2] = min(widest[2], TITLE)
    widest[-1] = max(VERSIONS, width - sum(widest[:-1]) - len(HEADS))
    made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for head, most in zip(HEADS, widest, strict=True):
        made.add_column(head, no_wrap=True, overflow="ellipsis", max_width=most)
    for row in rows:
        made.add_row(*row)
    return made


@click.command(name="list")
@options.outside
def list_all(outside: tuple[Path, ...]) -> None:
    """List the implementations, their years, their versions, and whether each can run here.

    A variant stands below the implementation that it is a variant of.

    \b
    nox -s list
    nox -s list -- --from ../mine
    """
    known = {one.name: one for one in plan.discover(outside)}
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table(known, console.width))
    for one in known.values():
        if one.cannot_run:
            click.echo(f"\n{one.name} cannot run here: {one.cannot_run}")
    for sentence in plan.refused():
        click.echo(f"\n{sentence}")
