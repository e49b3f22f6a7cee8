"""`check`: the behaviour alone, told on the terminal and to other programs.

Rules: what was asked for is written before the verdict on the whole is given, also when cases
failed; the exit status is 1 when a MUST does not hold.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from harness import files, judge, plan, run_folder, stages
from harness.check import cases, suite, told
from harness.checked import Checked, contestant
from harness.commands import options
from harness.model import ALL, WORKLOADS, UsageError, Verdict
from harness.progress import Progress
from harness.report.failures import failures
from harness.report.junit import junit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Implementation


@click.command()
@options.names
@options.case
@options.workload
@options.levels
@options.outside
@click.option("--quick", is_flag=True, help="One case a clause.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all cases and verdicts; the shape is described in harness/checked.py.",
)
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write JUnit XML, as CI services read it.",
)
@click.option(
    "--run", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Check a planned run."
)
@click.option("--watch", is_flag=True, help="Check one again at each change of its files.")
def check(
    names: tuple[str, ...],
    patterns: tuple[str, ...],
    workload: tuple[str, ...],
    levels: tuple[str, ...],
    outside: tuple[Path, ...],
    *,
    quick: bool,
    json_file: Path | None,
    junit_file: Path | None,
    folder: Path | None,
    watch: bool,
) -> None:
    """Check the behaviour alone; exit 1 when a MUST fails.

    \b
    nox -s check
    nox -s check -- trio --case E04
    nox -s check -- trio --watch --quick                      until Ctrl-C
    nox -s check -- --json verdicts.json --junit junit.xml
    """
    if watch and (len(names) != 1 or ALL in names or json_file or junit_file or folder):
        raise UsageError("--watch takes the NAME of one implementation, and no file to write.")
    for file in (json_file, junit_file):
        options.writable(file)
    if folder:
        the_plan = run_folder.reopen(folder)
        stages.check_stage(the_plan, folder, run_folder.Clock(folder))
        chosen, verdicts = list(the_plan.implementations), stages.verdicts_of(folder)
    else:
        picked = suite.select(
            cases.ALL,
            patterns,
            workloads=options.workloads(workload),
            levels=levels,
            quick=quick,
        )
        if watch:
            from harness.commands import watching  # noqa: PLC0415  a plain check needs no board

            watching.watch(names[0], outside, picked)
            return
        chosen = plan.choose(plan.discover(outside), names)
        verdicts = []
        able = [one for one in chosen if not one.cannot_run]
        with Progress() as progress:
            stages.play(able, picked, progress, verdicts.append)
    checked = _checked(chosen, verdicts)
    if json_file:
        _write(json_file, files.pretty(checked))
    if junit_file:
        _write(junit_file, junit(checked).encode())
    Console().print(_sums(chosen, verdicts))
    for one in chosen:
        if one.cannot_run:
            click.echo(f"\n{one.name} cannot run here: {one.cannot_run}")
    for line in failures(verdicts, {text.case: text for text in checked.cases}):
        click.echo(line)
    sys.exit(1 if _failed(chosen, verdicts) else 0)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}.") from error


def _checked(chosen: Sequence[Implementation], verdicts: Sequence[Verdict]) -> Checked:
    """Return what other programs are told."""
    seen = {verdict.case for verdict in verdicts}
    texts = sorted(told.texts(cases.ALL), key=lambda text: judge.case_order(text.case))
    order = {one.name: at for at, one in enumerate(chosen)}
    return Checked(
        created=plan.now(),
        evenloop=plan.version(),
        python=platform.python_version(),
        implementations=tuple(contestant(one) for one in chosen),
        cases=tuple(text for text in texts if text.case in seen),
        verdicts=tuple(
            sorted(verdicts, key=lambda v: (order[v.implementation], judge.case_order(v.case)))
        ),
    )


def _sums(chosen: Sequence[Implementation], verdicts: Sequence[Verdict]) -> Table:
    """Return a line an implementation: the worst of its MUST clauses, and what else is not PASS."""
    table = Table(box=None, pad_edge=False)
    for heading in ("implementation", *WORKLOADS, "cases", "not PASS"):
        table.add_column(heading)
    for one in chosen:
        own = [verdict for verdict in verdicts if verdict.implementation == one.name]
        if one.cannot_run:
            table.add_row(one.name, "cannot run", "", "0", "")  # why stands below the table
            continue
        cells = []
        for workload in WORKLOADS:
            if workload not in one.workloads:
                cells.append("-")
                continue
            must = [v for v in own if v.workload == workload and v.level == "MUST"]
            worst = judge.worst(v.verdict for v in must) if must else ""
            clauses = dict.fromkeys(v.clause for v in must if v.verdict == worst)
            cells.append(worst if worst in {"", "PASS"} else f"{worst} {' '.join(clauses)}")
        kinds: dict[str, int] = {}
        for verdict in own:
            kinds[verdict.verdict] = kinds.get(verdict.verdict, 0) + 1
        others = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()) if kind != "PASS")
        table.add_row(one.name, *cells, str(len(own)), others)
    return table


def _failed(chosen: Sequence[Implementation], verdicts: Sequence[Verdict]) -> bool:
    """Tell whether somebody breaks a MUST."""
    return any(
        judge.standing(one, workload, verdicts).status == "fail"
        for one in chosen
        for workload in WORKLOADS
    )
