"""`measure`, `analyse` and `report`: the later stages of a run, one by one.

Rules: each takes a run folder and calls its stage.
"""

from __future__ import annotations

from pathlib import Path

import click

from harness import report as reports
from harness import run_folder, stages
from harness.commands import options
from harness.launch import ROOT


@click.command()
@options.run
def measure(folder: Path) -> None:
    """Measure what passed the check of a run folder; goes on where an earlier call ended."""
    the_plan = run_folder.reopen(folder)
    stages.measure_stage(the_plan, folder, run_folder.Clock(folder))


@click.command(name="analyse")
@options.run
def analyse(folder: Path) -> None:
    """Turn a run folder's verdicts and samples into its summary.json."""
    stages.analyse_stage(None, folder, None)


@click.command(name="report")
@options.run
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write; else the run folder.",
)
@click.option("--publish", is_flag=True, help="Make it the repository's own, samples beside it.")
def report(folder: Path, out: Path | None, *, publish: bool) -> None:
    """Render a run's report again, without measuring.

    \b
    nox -s report -- runs/20261122T140000Z
    """
    if (folder / "samples.jsonl").exists():
        stages.analyse_stage(None, folder, None)
    if publish:
        run_folder.publish(folder, ROOT / reports.FOLDER)
        folder, out = ROOT / reports.FOLDER, ROOT
    click.echo(reports.run(folder, out or folder))
