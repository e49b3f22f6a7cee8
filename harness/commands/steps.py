"""`measure`, `analyse` and `report`: the later stages of a run, one by one.

Rules: each takes a run folder and calls its stage.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness import proven, recorded, run_folder, sensitivity
from harness.commands import options
from harness.launch import ROOT
from harness.report import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T", bound="Callable[..., Any]")


def _record(command: str, parameter: str, use: str) -> Callable[[T], T]:
    """Return the option that takes what another command recorded."""
    return click.option(
        f"--{command}",
        parameter,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"With --publish: the record of nox -s {command}, {use}.",
    )


@click.command()
@options.run
def measure(folder: Path) -> None:
    """Measure what passed the check of a run folder; goes on where an earlier call ended."""
    from harness import stages  # noqa: PLC0415  the whole suite, which a rendering does not need

    the_plan = run_folder.reopen(folder)
    stages.measure_stage(the_plan, folder, run_folder.Clock(folder))


@click.command(name="analyse")
@options.run
def analyse(folder: Path) -> None:
    """Turn a run folder's verdicts and samples into its summary.json."""
    from harness import analyse as analysing  # noqa: PLC0415  numpy, slow to import

    analysing.run(folder)


@click.command(name="report")
@options.run
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write; else the run folder.",
)
@click.option("--publish", is_flag=True, help="Make it the repository's own, samples beside it.")
@_record("sensitivity", "suite", "for the appendix")
@_record("tax", "taxed", "for what the contract costs")
@_record("proof", "instrument", "for the appendix")
def report(
    folder: Path,
    out: Path | None,
    *,
    publish: bool,
    suite: Path | None,
    taxed: Path | None,
    instrument: Path | None,
) -> None:
    """Render a run's report again, without measuring.

    The folder of a published report is a run as well. With --out nothing in DIR is changed.

    \b
    nox -s report -- runs/20261122T140000Z
    nox -s report -- report --out runs/again
    """
    from harness.report import engine  # noqa: PLC0415

    engine.prepare()  # before anything large is imported
    from harness import analyse as analysing  # noqa: PLC0415
    from harness import tax  # noqa: PLC0415
    from harness.report import rendering  # noqa: PLC0415

    summary = None
    if recorded.samples_file(folder).exists():
        summary = analysing.run(folder, None if publish else out)
    with ThreadPoolExecutor(max_workers=1) as beside:
        if publish:
            run_folder.publish(folder, ROOT / FOLDER)
            packing = beside.submit(run_folder.pack, folder, ROOT / FOLDER)
            records = ((suite, sensitivity.FILE), (taxed, tax.FILE), (instrument, proven.FILE))
            for record, name in records:
                if record:
                    shutil.copyfile(record, ROOT / FOLDER / name)
            folder, out = ROOT / FOLDER, ROOT
        written = rendering.run(folder, out or folder, summary)
        if publish:
            packing.result()
    click.echo(written)
