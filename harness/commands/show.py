"""`show`: one implementation in the foreground, to be tried by hand.

Rules: it measures and judges nothing; the exit status is 0 where the program's own was.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from harness import plan
from harness.commands import options
from harness.model import WORKLOADS, InterruptedRun, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@click.command(context_settings={"ignore_unknown_options": True})
@options.name
@click.argument("workload", type=click.Choice(WORKLOADS))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=7007,
    show_default=True,
    help="Where it listens on 127.0.0.1, or for fetch its origin; 0: a free port.",
)
@options.outside
@click.argument("own", nargs=-1, type=click.UNPROCESSED, metavar="[ITS OWN OPTIONS]...")
def show(
    name: str, workload: str, port: int, outside: tuple[Path, ...], own: tuple[str, ...]
) -> None:
    """Run one implementation in the foreground, with the commands to try by hand.

    Ctrl-C drains it, and its exit status is told; a second one ends it at once. Its own options are
    those of SPEC.md, as --grace-s and --idle-s for echo, --limit and --deadline-s for fetch.

    \b
    nox -s show -- trio echo
    nox -s show -- trio echo --port 0 --idle-s 10 --limit 2
    nox -s show -- twisted fetch --limit 3
    """
    (one,) = plan.choose(plan.discover(outside), [name])
    if one.cannot_run:
        raise UsageError(f"{one.name} cannot run here: {one.cannot_run}.")
    if workload not in one.workloads:
        raise UsageError(f"{one.name} has no {workload}; it has {', '.join(one.workloads)}.")
    from harness import show as showing  # noqa: PLC0415  the gauge is not for every command

    run = {"echo": showing.echo, "fetch": showing.fetch}[workload]
    try:
        status = run(one, port, own, click.echo)
    except KeyboardInterrupt:
        raise InterruptedRun("interrupted twice; it was ended at once.") from None
    sys.exit(1 if status else 0)
