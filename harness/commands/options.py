"""What several commands take from the command line, and the record that it becomes.

Rules: an option is described once. A command gets a `Choice` and passes it on; it makes no sense of
options itself.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from harness import plan, pythons
from harness.model import LEVELS, WORKLOADS, Plan, UsageError, Workload
from harness.run_folder import RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.model import Implementation
    from harness.pythons import Wanted

BUDGET = "9m30s"  # six frameworks in ten minutes or less, reporting included
BUDGET_QUICK = "110s"


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


class RunFolder(click.Path):
    """A run folder; completion offers those below runs/ and every other folder."""

    def __init__(self) -> None:
        """Take any path: what is no run folder is told by whoever reads it."""
        super().__init__(path_type=Path)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the run folders that begin so, the latest first."""
        found = sorted((str(file.parent) for file in RUNS.glob("*/plan.json")), reverse=True)
        begun = [CompletionItem(name) for name in found if name.startswith(incomplete)]
        return begun or [CompletionItem(incomplete, type="dir")]


def known(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the last of comma-separated names of implementations."""
    head, comma, begun = incomplete.rpartition(",")
    return [
        CompletionItem(f"{head}{comma}{one.name}", help=one.cannot_run or one.title)
        for one in plan.discover()
        if one.name.startswith(begun)
    ]


workload = click.option(
    "--workload",
    type=click.Choice(WORKLOADS),
    multiple=True,
    help="One of the two workloads alone.",
)
outside = click.option(
    "--from",
    "outside",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Add every folder below DIR that has a meta.toml.",
)
names = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=known)
name = click.argument("name", metavar="NAME", shell_complete=known)
case = click.option(
    "--case", "patterns", multiple=True, metavar="ID", help="A clause (E04) or a case (E04.3)."
)
levels = click.option(
    "--level",
    "levels",
    type=click.Choice(LEVELS),
    multiple=True,
    help="The clauses of one level alone.",
)
run = click.argument("folder", type=RunFolder(), metavar="DIR")
seed = click.option("--seed", type=int, help="Seed of every random order; drawn if not given.")


def writable(file: Path | None) -> None:
    """Refuse, before anything runs, a file that could not be written afterwards."""
    if file is None:
        return
    folder = file.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {file}: there is no folder {folder}.")
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        raise UsageError(f"cannot write {file}: it is a folder, or not yours to write.")


def colour() -> bool:
    """Tell whether stdout takes colours: a terminal, and NO_COLOR (no-color.org) is not set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and _terminal_is_able()


def _terminal_is_able() -> bool:
    return os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a run is to be, as its options say."""

    only: tuple[str, ...]
    workload: tuple[str, ...]
    outside: tuple[Path, ...]
    quick: bool
    budget: float | None
    seed: int | None
    out: Path | None
    python: tuple[Wanted, ...] = ()

    def given(self) -> bool:
        """Tell whether any option was given at all."""
        words = self.only or self.workload or self.outside or self.quick or self.budget
        return bool(words or self.python or self.seed is not None or self.out)

    def plan(self) -> Plan:
        """Return the plan that the options ask for; the reference is always part of it.

        Several Pythons take the time of as many runs, unless a budget is given.
        """
        known = plan.discover(self.outside)
        chosen = plan.choose(known, self.only)
        chosen += [one for one in _reference(known) if one not in chosen]
        found = pythons.search(self.python) if self.python else []
        if found:
            chosen = plan.spread(chosen, self.outside, found)
        usual_s = Duration().convert(BUDGET_QUICK if self.quick else BUDGET, None, None)
        many = max(1, sum(one.environment is not None for one in found))
        arguments = [f"--only={','.join(self.only)}"] if self.only else []
        arguments += [f"--workload={name}" for name in self.workload]
        arguments += [f"--python={','.join(one.asked for one in self.python)}"] * bool(found)
        arguments += ["--quick"] if self.quick else []
        arguments += [f"--budget={self.budget:g}s"] if self.budget else []
        return plan.make(
            chosen,
            workloads=workloads(self.workload),
            quick=self.quick,
            budget_s=self.budget or usual_s * many,
            seed=self.seed,
            arguments=arguments,
            interpreters=[one.interpreter for one in found],
        )


def workloads(chosen: Sequence[str]) -> tuple[Workload, ...]:
    """Return the chosen workloads, both where none is chosen."""
    return tuple(one for one in WORKLOADS if one in chosen) or WORKLOADS


def interpreters(
    _ctx: click.Context, _param: click.Parameter, values: Sequence[str]
) -> tuple[Wanted, ...]:
    """Return the Pythons that are asked for."""
    return pythons.wanted(values)


def _reference(known: Sequence[Implementation]) -> list[Implementation]:
    return [one for one in known if one.kind == "reference"]


def split(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Split comma-separated names."""
    return tuple(name for value in values for name in value.split(",") if name)


_CHOICE = (
    click.option(
        "--only",
        multiple=True,
        callback=split,
        metavar="NAME,...",
        help="These alone; all: also those that a run leaves out otherwise.",
        shell_complete=known,
    ),
    workload,
    outside,
    click.option(
        "--python",
        multiple=True,
        callback=interpreters,
        metavar="3.X,...",
        help="Run them on each of these (3.13t: free-threaded; 3.12=PATH: that program).",
    ),
    click.option("--quick", is_flag=True, help="Two minutes: one case a clause, six blocks."),
    click.option(
        "--budget",
        type=Duration(),
        help=f"Time for the whole run, as 60s, 10m or 2h; {BUDGET} if not given.",
    ),
    seed,
    click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run folder."),
)


def choice(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that make a plan, as one `Choice`, its first argument."""

    @functools.wraps(command)
    def take(
        only: tuple[str, ...],
        workload: tuple[str, ...],
        outside: tuple[Path, ...],
        python: tuple[Wanted, ...],
        *,
        quick: bool,
        budget: float | None,
        seed: int | None,
        out: Path | None,
        **others: Any,
    ) -> None:
        chosen = Choice(
            only=only,
            workload=workload,
            outside=outside,
            quick=quick,
            budget=budget,
            seed=seed,
            out=out,
            python=python,
        )
        command(chosen, **others)

    for option in reversed(_CHOICE):
        take = option(take)
    return take
