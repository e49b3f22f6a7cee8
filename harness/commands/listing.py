"""`list`: what there is, and what can run here.

Rules: it starts nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from harness import plan
from harness.commands import options

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="list")
@options.outside
def list_all(outside: tuple[Path, ...]) -> None:
    """List the implementations, their versions, and whether each can run here.

    \b
    nox -s list
    nox -s list -- --from ../mine
    """
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "title", "kind", "style", "versions", "runs here"):
        table.add_column(heading, no_wrap=True)
    known = plan.discover(outside)
    for one in known:
        versions = ", ".join(f"{name} {version}" for name, version in one.versions.items())
        runs = "no" if one.cannot_run else "yes"
        table.add_row(one.name, one.title, one.kind, one.style, versions or "-", runs)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for one in known:
        if one.cannot_run:
            click.echo(f"\n{one.name} cannot run here: {one.cannot_run}")
