"""`diff`: two runs against each other.

Rules: it reads both folders and writes nothing. Runs that are not alike are refused unless asked
for; the exit status is 1 where something became worse by more than was allowed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from harness import recorded
from harness.alike import conditions
from harness.commands import options
from harness.model import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.diff import Difference


class Share(click.ParamType[float]):
    """A share as per cent: `5%`, `2.5%` or `5`."""

    name = "per cent"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the share, 0.05 for `5%`."""
        try:
            share = float(str(value).strip().removesuffix("%")) / 100
        except ValueError:
            share = -1.0
        if not 0 <= share < 1:
            self.fail(f"{value!r} is no share; write it as 5% (0 to 100).", param, ctx)
        return share


@click.command()
@click.argument("before", type=options.RunFolder(), metavar="RUN_A")
@click.argument("after", type=options.RunFolder(), metavar="RUN_B")
@click.option("--anyway", is_flag=True, help="Compare other machines, Pythons or settings as well.")
@click.option(
    "--fail-over",
    type=Share(),
    metavar="5%",
    help="Exit 1 where something became worse by more: its whole interval lies beyond.",
)
def diff(before: Path, after: Path, *, anyway: bool, fail_over: float | None) -> None:
    """Tell what changed from one run to another: rates, answer times, verdicts.

    A ratio is run B over run A, each over the ceiling's figure of the same block, so that what the
    machine did in between falls out. Better or worse: by 3% or more, with an interval that excludes
    1, and a test that agrees. The folder of a published report is a run as well.

    \b
    nox -s diff -- runs/20261122T140000Z runs/20261123T090000Z
    nox -s diff -- report runs/20261123T090000Z --fail-over 5%
    """
    from harness.diff import difference, too_much  # noqa: PLC0415  numpy is slow to import
    from harness.report import differences  # noqa: PLC0415  the same

    one, other = recorded.read_measured(before), recorded.read_measured(after)
    if (unlike := conditions(one.plan, other.plan)) and not anyway:
        raise UsageError(
            f"the runs are not alike in {differences.unlike(unlike)}; "
            "what differs may be that alone. --anyway compares them all the same."
        )
    found = difference(one, other)
    titles = {i.name: i.title for run in (one, other) for i in run.plan.implementations}
    click.echo(differences.text(found, titles, colour=options.colour()), nl=False)
    if fail_over is None:
        return
    _judge(found, too_much(found, fail_over), fail_over)


def _judge(found: Difference, said: list[str], share: float) -> None:
    """End with 1 where something is too much worse."""
    if not any(change.ratio.low is not None for change in found.changes if change.p is not None):
        raise UsageError("there is no interval to judge by: a run needs six blocks that count.")
    for sentence in said:
        click.echo(f"over {100 * share:g}%: {sentence}")
    sys.exit(1 if said else 0)
