"""The command line of the search: what is explored, what is kept, what is said at the end.

Rules: click and text alone. Exit status 1 when a disagreement was found, as `check` does for a
MUST that failed.
"""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from harness import plan
from harness.explore import trace
from harness.explore.crew import Crew
from harness.explore.explorer import Explorer, draw_seed, expected
from harness.launch import ROOT
from harness.model import WORKLOADS, UsageError, Workload
from harness.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.explore.explorer import Found, Tally
    from harness.explore.observation import Observation
    from harness.model import Implementation

KEPT = Path("runs/explore")
WORKERS = 4  # a play waits for its child's start much of the time
LOG_LINES = 60


def _able(known: Sequence[Implementation], names: Sequence[str]) -> list[Implementation]:
    """Return the chosen ones that can run here. Raises UsageError where none is left."""
    chosen = plan.choose(known, names)
    for one in chosen:
        if one.cannot_run:
            click.echo(f"left out: {one.name} cannot run here: {one.cannot_run}")
    able = [one for one in chosen if not one.cannot_run]
    if not able:
        raise UsageError("none of the implementations can run here.")
    return able


def _again(path: Path, implementations: Sequence[Implementation], found: Found) -> str:
    """Return the one command that plays a kept trace again."""
    names = {found.disagreement.implementation, found.disagreement.against} - {""}
    words = ["nox", "-s", "explore", "--", *sorted(names)]
    for one in implementations:
        folder = Path(one.folder)
        if one.name in names and not folder.is_relative_to(ROOT / "implementations"):
            words += ["--from", str(folder.parent)]
    return shlex.join([*words, "--replay", str(path)])


def _keep(folder: Path, explorer: Explorer, seed: int) -> None:
    """Write the trace of every difference, and say how to play it again."""
    for heading, all_ in (
        ("unstable, not seen again", explorer.tally.unstable),
        ("DISAGREEMENT", explorer.tally.found),
    ):
        for found in all_:
            kept = trace.Kept(why=f"{heading}: {found.disagreement}", seed=seed, trace=found.trace)
            again = _again(folder / kept.name(), explorer.implementations, found)
            trace.write(folder, msgspec.structs.replace(kept, again=again))
            click.echo(f"\n{heading} (seen in {found.times} traces): {found.disagreement}")
            for line in found.log[-LOG_LINES:]:
                click.echo(f"    {line}")
            click.echo(f"    {again}")


def _sum_up(tally: Tally, seed: int, took_s: float) -> None:
    """Print what a search has done."""
    total, plays = tally.traces.total(), tally.plays.total()
    by_workload = ", ".join(f"{count} {name}" for name, count in sorted(tally.traces.items()))
    click.echo(
        f"\n{total} traces ({by_workload or 'none'}) and {plays} plays in {took_s:.0f} s, "
        f"{60 * total / max(took_s, 0.001):.0f} traces a minute; seed {seed}"
    )
    for heading, counts in (("plays", tally.plays), ("steps", tally.kinds)):
        words = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        click.echo(f"{heading}: {words or 'none'}")
    click.echo(
        f"disagreements: {len(tally.found)}; unstable: {len(tally.unstable)}; "
        f"nothing to conclude: {len(tally.nothing)}"
    )
    for text in tally.nothing:
        click.echo(f"  {text}")


def _replay(explorer: Explorer, file: Path) -> bool:
    """Play one kept trace and show what was seen; tell whether it is as expected."""
    kept = trace.read(file)
    difference, seen = explorer.replay(kept.trace)
    click.echo(f"{file}: {kept.why}")
    _show(kept.trace, seen)
    if difference is not None:
        click.echo(f"\nDISAGREEMENT {difference}")
        for line in seen[difference.implementation].log[-LOG_LINES:]:
            click.echo(f"    {line}")
    return difference is None


def _show(played: trace.Trace, seen: Mapping[str, Observation]) -> None:
    """Print what was expected and who saw something else."""
    for one in expected(played):
        click.echo(f"  {one.what}: {' or '.join(one.allowed)}")
        for name, each in seen.items():
            saw = next((mark.saw for mark in each.marks if mark.what == one.what), "nothing")
            if saw not in one.allowed or len(one.allowed) > 1:
                click.echo(f"      {name}: {each.nothing or saw}")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--workload", type=click.Choice(WORKLOADS), multiple=True, help="One of the two alone."
)
@click.option(
    "--from",
    "outside",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Add every folder below DIR that has a meta.toml.",
)
@click.option("--minutes", type=click.FloatRange(0, 24 * 60), default=1.0, show_default=True)
@click.option("--seed", type=int, help="Seed of the traces; drawn if not given.")
@click.option(
    "--replay",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Play this kept trace instead of searching.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=KEPT,
    show_default=True,
    metavar="DIR",
    help="Where traces that show a disagreement are kept.",
)
def explore(
    names: tuple[str, ...],
    workload: tuple[Workload, ...],
    outside: tuple[Path, ...],
    minutes: float,
    seed: int | None,
    replay: tuple[Path, ...],
    out: Path,
) -> None:
    """Search for traces on which two implementations behave differently.

    \b
    nox -s explore -- --minutes 10
    nox -s explore -- trio asyncio --workload echo
    nox -s explore -- --replay runs/explore/echo-0123456789.json
    """
    able = _able(plan.discover(outside), names)
    with Crew(WORKERS) as crew, Progress() as progress:
        explorer = Explorer(crew, able, say=progress.note)
        if replay:
            same = [_replay(explorer, file) for file in replay]
            sys.exit(0 if all(same) else 1)
        seed = draw_seed() if seed is None else seed
        progress.say("explore", f"{len(able)} implementations, {minutes:g} minutes, seed {seed}")
        begin = time.monotonic()
        chosen = tuple(one for one in WORKLOADS if not workload or one in workload)
        explorer.search(chosen, seed=seed, until=begin + 60 * minutes)
    _keep(out, explorer, seed)
    _sum_up(explorer.tally, seed, time.monotonic() - begin)
    sys.exit(1 if explorer.tally.found else 0)
