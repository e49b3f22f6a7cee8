"""`tax`: what obeying the contract costs each framework.

Rules: samples are written as they come, beside the record, which is written before anything is
judged; the exit status is 1 when a contestant keeps less than the floor of its naive rate.
"""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from harness import files, machine, plan, run_folder
from harness.commands import options
from harness.progress import Progress

BLOCKS = 10  # MEASURING: a difference of 5% is told apart at ten


@click.command()
@options.names
@options.outside
@click.option("--blocks", type=click.IntRange(1, 100), default=BLOCKS, show_default=True)
@options.seed
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the record goes, its samples beside it; else runs/tax.json.",
)
def tax(
    names: tuple[str, ...],
    outside: tuple[Path, ...],
    blocks: int,
    seed: int | None,
    file: Path | None,
) -> None:
    """Measure what the contract costs each framework; exit 1 when it is more than 7%.

    \b
    nox -s tax                       six frameworks, ten blocks: nine minutes
    nox -s tax -- trio --blocks 20   one of them, more narrowly
    """
    from harness import tax as record  # noqa: PLC0415  numpy is slow to import
    from harness.measure import paced  # noqa: PLC0415  the same
    from harness.measure import tax as measuring  # noqa: PLC0415  the same
    from harness.report import taxes  # noqa: PLC0415  the same

    out = file or run_folder.RUNS / record.FILE
    chosen = [one for one in plan.choose(plan.discover(outside), names) if one.kind != "reference"]
    if not file:
        out.parent.mkdir(parents=True, exist_ok=True)
    options.writable(out)
    begun, seed = time.monotonic(), plan.drawn(seed)
    beside, samples = out.with_suffix(".samples.jsonl"), []
    beside.unlink(missing_ok=True)
    with Progress() as progress:
        for some in measuring.run(
            chosen,
            machine.cores(),
            seed=seed,
            blocks=blocks,
            progress=lambda said: progress.say("tax", said),
        ):
            files.append_jsonl(beside, some)
            samples += some
    prices, thrown_out = record.prices(chosen, samples, paced.CELL, seed)
    found = record.Tax(
        created=plan.now(),
        evenloop=plan.version(),
        python=platform.python_version(),
        machine=machine.facts(),
        seed=seed,
        blocks=blocks,
        wall_s=round(time.monotonic() - begun, 1),
        payers=tuple(record.payer(one) for one in chosen),
        prices=prices,
        thrown_out=thrown_out,
    )
    files.write_json(out, found)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(taxes.rows(found))
    for said in (
        *taxes.reasons(found),
        taxes.verdict(found),
        f"The record: {out}, its samples: {beside}",
    ):
        click.echo(said)
    sys.exit(1 if found.misses else 0)
