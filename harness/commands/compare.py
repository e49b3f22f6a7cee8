"""`compare`, the main job, and `plan`, its first step by itself.

Rules: the order of the stages is `stages.STAGES`; this only walks it.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

from harness import cost, files, run_folder, stages
from harness.commands import options
from harness.model import InterruptedRun, UsageError
from harness.summary import Summary

if TYPE_CHECKING:
    from pathlib import Path

    from harness.commands.options import Choice
    from harness.model import Plan


@click.command()
@options.choice
@click.option(
    "--resume",
    type=options.RunFolder(),
    metavar="DIR",
    help="Go on with a run that was cut short; with --budget, for longer than was planned.",
)
def compare(choice: Choice, resume: Path | None) -> None:
    """Check, measure and report: the main job.

    \b
    nox -s compare
    nox -s compare -- --quick
    nox -s compare -- --only trio,asyncio --workload echo --budget 3m
    nox -s compare -- --python 3.11,3.12,3.13
    nox -s compare -- --resume runs/DIR --budget 1h
    """
    if resume:
        if replace(choice, budget=None).given():
            raise UsageError(
                "--resume goes on with a run as it was planned; give --budget, if any other option."
            )
        folder, the_plan = resume, run_folder.reopen(resume)
        if choice.budget:
            the_plan = run_folder.prolong(folder, the_plan, choice.budget)
    else:
        the_plan = stages.fit_budget(choice.plan(), given=choice.budget is not None)
        folder = run_folder.create(choice.out, the_plan)
        _missing(the_plan)
    clock, book = run_folder.Clock(folder), cost.Book(folder)
    try:
        for part, stage in stages.STAGES.items():
            with book.timed(part):
                stage(the_plan, folder, clock)
    except KeyboardInterrupt:
        _interrupted(folder, clock)
    clock.end("complete")
    _tell(folder)
    for sentence in cost.sentences(book.read()):
        click.echo(sentence)
    click.echo(f"The report: {folder / 'REPORT.md'}")


def _missing(the_plan: Plan) -> None:
    """Tell which of the Pythons that were asked for take no part; the report says so as well."""
    for one in the_plan.interpreters:
        if one.missing:
            click.echo(f"Python {one.asked} takes no part: {one.missing}.", err=True)


def _interrupted(folder: Path, clock: run_folder.Clock) -> NoReturn:
    """Show what there is, and how to go on; a second Ctrl-C ends this at once."""
    clock.end("interrupted")
    again = f"Go on with: nox -s compare -- --resume {shlex.quote(str(folder))}"
    click.echo("Interrupted; the report is made of what there is. Ctrl-C again: at once.", err=True)
    try:
        if stages.salvage(folder):
            _tell(folder)
            click.echo(f"The report: {folder / 'REPORT.md'}")
    except KeyboardInterrupt:
        raise InterruptedRun(f"interrupted twice; every result is kept. {again}") from None
    raise InterruptedRun(f"interrupted; every result so far is kept. {again}") from None


def _tell(folder: Path) -> None:
    """Print the answer: it fits a screen."""
    from harness.report import terminal  # noqa: PLC0415  numpy is slow to import

    summary = files.read_json(folder / "summary.json", Summary)
    click.echo(terminal.text(summary, colour=options.colour()), nl=False)


@click.command(name="plan")
@options.choice
def plan(choice: Choice) -> None:
    """Write the plan of a run into a new folder, for the stages to be run one by one.

    \b
    python -m harness plan --out runs/mine
    python -m harness check --run runs/mine
    python -m harness measure runs/mine
    python -m harness analyse runs/mine
    python -m harness report runs/mine
    """
    click.echo(run_folder.create(choice.out, choice.plan()))
