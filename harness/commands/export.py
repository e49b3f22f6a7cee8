"""`export`: a run's figures and verdicts for other programs.

Rules: it reads the run folder and never writes into it. Every file that was asked for is made
before the first is written; `-` is stdout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import files, judge, recorded
from harness.checked import Checked, contestant
from harness.commands import options
from harness.model import UsageError
from harness.report.junit import junit

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.recorded import Recorded

STDOUT = Path("-")


def _csv(run: Recorded) -> str:
    from harness import analyse  # noqa: PLC0415  numpy is slow to import
    from harness.report.exports import table  # noqa: PLC0415

    return table.text(analyse.summarise(*run))


def _json(run: Recorded) -> str:
    from harness import analyse  # noqa: PLC0415  numpy is slow to import

    return files.pretty(analyse.summarise(*run)).decode()


def _bencher(run: Recorded) -> str:
    from harness import analyse  # noqa: PLC0415  numpy is slow to import
    from harness.report.exports import bencher  # noqa: PLC0415

    return bencher.text(analyse.summarise(*run))


def _pyperf(run: Recorded) -> str:
    from harness import analyse  # noqa: PLC0415  numpy is slow to import
    from harness.report.exports import pyperf  # noqa: PLC0415
    from harness.results import MEASURED  # noqa: PLC0415

    cells, _ = analyse.measured(run.plan, run.samples)
    may = {
        (workload, one.name)
        for workload in run.plan.workloads
        for one in run.plan.implementations
        if judge.standing(one, workload, run.verdicts).status in MEASURED
    }
    return pyperf.text(run.plan, cells, may)


def _junit(run: Recorded) -> str:
    """Return the verdicts of a run as `check --junit` writes them."""
    checked = Checked(
        created=run.plan.created,
        evenloop=run.plan.evenloop,
        python=run.plan.python,
        implementations=tuple(contestant(one) for one in run.plan.implementations),
        cases=tuple(run.texts),
        verdicts=tuple(run.verdicts),
    )
    return junit(checked)


FORMATS: dict[str, tuple[Callable[[Recorded], str], str]] = {
    "csv": (_csv, "a line for each implementation in each cell"),
    "json": (_json, "the whole summary; its schema is docs/summary.schema.json"),
    "junit": (_junit, "the verdicts as JUnit XML, as CI services read it"),
    "pyperf": (_pyperf, "every block, for `pyperf compare_to`"),
    "bencher": (_bencher, "Bencher Metric Format, for `bencher run --file`"),
}


def _formats(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each format."""
    for name, (_, what) in reversed(FORMATS.items()):
        kind = click.Path(path_type=Path, allow_dash=True)
        command = click.option(f"--{name}", type=kind, metavar="FILE", help=f"{what}.")(command)
    return command


@click.command()
@options.run
@_formats
def export(folder: Path, **asked: Path | None) -> None:
    """Write a run's figures and verdicts for other programs; FILE may be - for stdout.

    All is made from the run's own records, and nothing in its folder is changed. The folder of a
    published report is a run as well. pyperf's compare_to tests where both runs have as many blocks
    (its t-test wants that); `diff` needs no such thing, and lets the machine's part fall out.

    \b
    nox -s export -- runs/20261122T140000Z --csv figures.csv --json summary.json
    nox -s export -- report --pyperf before.json && pyperf compare_to before.json after.json
    nox -s export -- runs/20261122T140000Z --bencher bmf.json --junit junit.xml
    """
    chosen = {name: file for name, file in asked.items() if file is not None}
    if not chosen:
        raise UsageError(f"say what to write: {', '.join(f'--{name} FILE' for name in FORMATS)}.")
    if sum(file == STDOUT for file in chosen.values()) > 1:
        raise UsageError("only one of the files can be stdout (-).")
    for file in chosen.values():
        options.writable(file if file != STDOUT else None)
    read = recorded.read if set(chosen) <= {"junit", "json"} else recorded.read_measured
    run = read(folder)
    made = {file: FORMATS[name][0](run) for name, file in chosen.items()}
    for file, content in made.items():
        if file == STDOUT:
            click.echo(content, nl=False)
            continue
        try:
            file.write_text(content, encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}.") from error
        click.echo(f"{file}", err=True)
