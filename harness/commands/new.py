"""`new`: the folder of a new implementation, from a template.

Rules: it writes that folder and nothing else, and says which command shows how far it is.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from harness import plan, template


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--style",
    type=click.Choice(template.STYLES),
    default="coroutine",
    show_default=True,
    help="How its users write what waits.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder to write it into; this repository's implementations/ if not given.",
)
def new(name: str, style: str, into: Path | None) -> None:
    """Write the folder of a new implementation: it runs, and says in comments what to fill in.

    \b
    nox -s new -- NAME --style coroutine
    nox -s new -- NAME --style thread --into ../mine
    """
    root = into or _from_here(plan.IN_TREE)
    folder = template.write(name, style, root)
    for file in template.FILES:
        click.echo(f"wrote {folder / file}")
    words = ["nox", "-s", "check", "--", name, *(["--from", str(into)] if into else []), "--watch"]
    click.echo(
        "\nIt runs. What it lacks is marked `fill in` in echo.py and fetch.py; its cases turn green"
        f"\nas you write:\n\n    {shlex.join(words)}"
    )


def _from_here(folder: Path) -> Path:
    """Return a folder as it is called from where the user stands, if it lies below."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
