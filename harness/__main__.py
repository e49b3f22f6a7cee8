"""The command line; nothing else.

Rules: a command makes or opens a run folder and calls the stages of `stages`. Whatever goes wrong
ends here in one sentence and an exit status: 0 done, 1 a MUST failed (check), 2 the user's or the
harness's fault, 130 interrupted.
"""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from harness import files, judge, machine, plan, report, run_folder, stages
from harness.check import cases, suite
from harness.launch import ROOT
from harness.model import WORKLOADS, HarnessError, Plan, Summary, UsageError, Verdict, Workload
from harness.progress import Progress
from harness.report import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Implementation

BUDGET = "9m30s"  # six frameworks in ten minutes or less, reporting included
BUDGET_QUICK = "110s"
INTERRUPTED = 130


class Duration(click.ParamType[float]):
    """Seconds as `90s`, `10m`, `1h30m` or a plain number."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", str(value).strip())
        if not match or not any(match.groups()):
            self.fail(f"{value!r} is no duration; write it as 90s, 10m or 1h30m.", param, ctx)
        hours, minutes, seconds = (float(part or 0) for part in match.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if not 0 < total <= 24 * 3600:
            self.fail(f"{value!r} is not between 0 and 24 hours.", param, ctx)
        return total


def _names(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Split comma-separated names."""
    return tuple(name for value in values for name in value.split(",") if name)


_only = click.option(
    "--only", multiple=True, callback=_names, metavar="NAME,...", help="These alone."
)
_workload = click.option(
    "--workload",
    type=click.Choice(WORKLOADS),
    multiple=True,
    help="One of the two workloads alone.",
)
_from = click.option(
    "--from",
    "outside",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Add every folder below DIR that has a meta.toml.",
)
_quick = click.option("--quick", is_flag=True, help="Two minutes: one case a clause, six blocks.")
_budget = click.option(
    "--budget", type=Duration(), help=f"Time for the whole run; {BUDGET} if not given."
)
_seed = click.option("--seed", type=int, help="Seed of every random order; drawn if not given.")
_out = click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run folder.")
_run = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Compare Python's concurrency frameworks: check that they behave alike, measure, report.

    \b
    python -m harness compare --quick
    """


def _workloads(names: Sequence[str]) -> tuple[Workload, ...]:
    """Return the chosen workloads, both where none is chosen."""
    return tuple(one for one in WORKLOADS if one in names) or WORKLOADS


def _reference(known: Sequence[Implementation]) -> list[Implementation]:
    return [one for one in known if one.kind == "reference"]


def _make_plan(
    only: Sequence[str],
    workload: Sequence[str],
    outside: Sequence[Path],
    *,
    quick: bool,
    budget: float | None,
    seed: int | None,
) -> Plan:
    """Return the plan that the options ask for; the reference is always part of it."""
    known = plan.discover(outside)
    chosen = plan.choose(known, only)
    chosen += [one for one in _reference(known) if one not in chosen]
    fallback = BUDGET_QUICK if quick else BUDGET
    arguments = [f"--only={','.join(only)}"] if only else []
    arguments += [f"--workload={name}" for name in workload]
    arguments += ["--quick"] if quick else []
    arguments += [f"--budget={budget:g}s"] if budget else []
    return plan.make(
        chosen,
        workloads=_workloads(workload),
        quick=quick,
        budget_s=budget or Duration().convert(fallback, None, None),
        seed=seed,
        arguments=arguments,
    )


@main.command()
@_only
@_workload
@_from
@_quick
@_budget
@_seed
@_out
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Go on with a run that was cut short.",
)
def compare(
    only: tuple[str, ...],
    workload: tuple[str, ...],
    outside: tuple[Path, ...],
    *,
    quick: bool,
    budget: float | None,
    seed: int | None,
    out: Path | None,
    resume: Path | None,
) -> None:
    """Check, measure and report: the main job.

    \b
    nox -s compare
    nox -s compare -- --quick
    nox -s compare -- --only trio,asyncio --workload echo --budget 3m
    """
    if resume:
        if only or workload or outside or quick or budget or seed is not None or out:
            raise UsageError("--resume goes on with a run as it was planned; give no other option.")
        folder, the_plan = resume, run_folder.reopen(resume)
    else:
        the_plan = _make_plan(only, workload, outside, quick=quick, budget=budget, seed=seed)
        the_plan = stages.fit_budget(the_plan, given=budget is not None)
        folder = run_folder.create(out, the_plan)
    clock = run_folder.Clock(folder)
    try:
        for stage in stages.STAGES:
            stage(the_plan, folder, clock)
    except KeyboardInterrupt:
        clock.save()
        _fail(
            f"interrupted; every result so far is kept. Go on with --resume {folder}", INTERRUPTED
        )
    summary = files.read_json(folder / "summary.json", Summary)
    click.echo(terminal.text(summary, colour=sys.stdout.isatty()))
    click.echo(f"\nThe report: {folder / 'REPORT.md'}")


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--case", "patterns", multiple=True, metavar="ID", help="A clause (E04) or a case (E04.3)."
)
@_workload
@_from
@click.option("--quick", is_flag=True, help="One case a clause.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the verdicts.",
)
@click.option(
    "--run", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Check a planned run."
)
def check(
    names: tuple[str, ...],
    patterns: tuple[str, ...],
    workload: tuple[str, ...],
    outside: tuple[Path, ...],
    *,
    quick: bool,
    json_file: Path | None,
    folder: Path | None,
) -> None:
    """Check the behaviour alone; exit 1 when a MUST fails.

    \b
    nox -s check
    nox -s check -- trio --case E04
    """
    if folder:
        the_plan = run_folder.reopen(folder)
        stages.check_stage(the_plan, folder, run_folder.Clock(folder))
        _judge(the_plan.implementations, stages.verdicts_of(folder))
        return
    chosen = plan.choose(plan.discover(outside), names)
    picked = suite.select(cases.ALL, patterns, workloads=_workloads(workload), quick=quick)
    verdicts: list[Verdict] = []
    able = [one for one in chosen if not one.cannot_run]
    with Progress() as progress:
        stages.play(able, picked, progress, verdicts.append)
    if json_file:
        files.write_array(json_file, verdicts)
    _judge(chosen, verdicts)


def _judge(implementations: Sequence[Implementation], verdicts: Sequence[Verdict]) -> None:
    """Print the sums of a check and set the exit status."""
    table = Table(box=None, pad_edge=False)
    for heading in ("implementation", *WORKLOADS, "cases"):
        table.add_column(heading)
    failed = False
    for one in implementations:
        own = [verdict for verdict in verdicts if verdict.implementation == one.name]
        if one.cannot_run:
            table.add_row(one.name, f"cannot run: {one.cannot_run}", "", "0")
            continue
        cells = []
        for workload in WORKLOADS:
            must = [v for v in own if v.workload == workload and v.level == "MUST"]
            worst = judge.worst(v.verdict for v in must) if must else ""
            failed = failed or judge.standing(one, workload, own).status == "fail"
            clauses = dict.fromkeys(v.clause for v in must if v.verdict == worst)
            cells.append(worst if worst in {"", "PASS"} else f"{worst} {' '.join(clauses)}")
        table.add_row(one.name, *cells, str(len(own)))
    Console().print(table)
    for verdict in verdicts:
        if verdict.verdict in {"FAIL", "HARNESS-ERROR"}:
            click.echo(
                f"\n{verdict.verdict} {verdict.implementation} {verdict.case}: {verdict.reason}"
            )
            for line in verdict.evidence:
                click.echo(f"    {line}")
    sys.exit(1 if failed else 0)


@main.command(name="plan")
@_only
@_workload
@_from
@_quick
@_budget
@_seed
@_out
def plan_command(
    only: tuple[str, ...],
    workload: tuple[str, ...],
    outside: tuple[Path, ...],
    *,
    quick: bool,
    budget: float | None,
    seed: int | None,
    out: Path | None,
) -> None:
    """Write the plan of a run into a new folder, for the stages to be run one by one.

    \b
    python -m harness plan --out runs/mine
    python -m harness check --run runs/mine
    python -m harness measure runs/mine
    python -m harness analyse runs/mine
    python -m harness report runs/mine
    """
    the_plan = _make_plan(only, workload, outside, quick=quick, budget=budget, seed=seed)
    click.echo(run_folder.create(out, the_plan))


@main.command()
@_run
def measure(folder: Path) -> None:
    """Measure what passed the check of a run folder; goes on where an earlier call ended."""
    the_plan = run_folder.reopen(folder)
    stages.measure_stage(the_plan, folder, run_folder.Clock(folder))


@main.command(name="analyse")
@_run
def analyse_command(folder: Path) -> None:
    """Turn a run folder's verdicts and samples into its summary.json."""
    stages.analyse_stage(None, folder, None)


@main.command(name="report")
@_run
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write; else the run folder.",
)
@click.option("--publish", is_flag=True, help="Make it the repository's own, samples beside it.")
def report_command(folder: Path, out: Path | None, *, publish: bool) -> None:
    """Render a run's report again, without measuring.

    \b
    nox -s report -- runs/20261122T140000Z
    """
    if (folder / "samples.jsonl").exists():
        stages.analyse_stage(None, folder, None)
    if publish:
        run_folder.publish(folder, ROOT / report.FOLDER)
        folder, out = ROOT / report.FOLDER, ROOT
    click.echo(report.run(folder, out or folder))


@main.command(name="list")
@_from
def list_command(outside: tuple[Path, ...]) -> None:
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


def _fail(sentence: str, status: int) -> NoReturn:
    """End with one sentence on stderr."""
    click.echo(f"evenloop: {sentence}", err=True)
    sys.exit(status)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def run() -> None:
    """Run the command line; every error ends here."""
    signal.signal(signal.SIGTERM, _interrupt)  # as nox and service managers end a program
    try:
        machine.require_linux()
        main.main(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted.", INTERRUPTED)
    except KeyboardInterrupt:
        _fail("interrupted.", INTERRUPTED)
    except click.ClickException as error:
        _fail(f"{error.format_message().rstrip('.')}. See --help.", 2)
    except HarnessError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:  # a full disk, a folder that may not be written
        where = f" {error.filename}" if error.filename else ""
        _fail(f"cannot write{where}: {error.strerror}. What a run has so far is kept: --resume.", 2)


if __name__ == "__main__":
    run()
