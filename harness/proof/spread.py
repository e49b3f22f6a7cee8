"""Why an interval is as wide as it is: what slices, processes and blocks each add to a ratio.

Rules: of the slices that a run counted, and nothing else; it explains and never judges. Variances
of logarithms, by the nested analysis of variance with its method of moments (Searle, Casella and
McCulloch, Variance Components, 1992, chapter 3); one that comes out negative is 0, as there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import covariance, fmean, variance
from typing import TYPE_CHECKING

from harness import units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Sample
    from harness.results import Where

    Logs = Mapping[int, Sequence[float]]

BLOCKS_LEAST = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations of logarithms, as shares: 0.02 is 2%."""

    blocks: int
    slices_each: float
    """How many slices of one process count, on the average."""
    one: float
    """Between slices of the same process, of the one that is compared."""
    other: float
    """The same, of whom it is compared with."""
    ratio: float
    """Between blocks, of the ratio of both processes' mean."""
    of_slices: float
    """What the slices of both leave in that mean: fewer, or longer ones, change this alone."""
    of_processes: float
    """What is left: one start of a program is not the next."""
    of_blocks: float
    """What both have in common from block to block, and the ratio within blocks is rid of."""


def logs(samples: Iterable[Sample], where: Where, name: str) -> dict[int, list[float]]:
    """Return the logarithm of the rate of each warm slice that counts, by block."""
    cell = where.cell
    blocks = {unit.block for unit in where.warm.get(name, ())}
    found: dict[int, list[float]] = {}
    for s in samples:
        if (s.workload, s.cell, s.implementation) != (cell.workload, cell.name, name):
            continue
        if s.block in blocks and s.phase == "warm" and not units.void(s, cell):
            found.setdefault(s.block, []).append(math.log(units.rate(s, cell)))
    return found


def _within(groups: Iterable[Sequence[float]]) -> float:
    """Return the variance within groups, pooled over their degrees of freedom; 0 without any."""
    several = [group for group in groups if len(group) > 1]
    free = sum(len(group) - 1 for group in several)
    return sum(variance(group) * (len(group) - 1) for group in several) / free if free else 0.0


def of(one: Logs, other: Logs) -> Spread | None:
    """Return what makes up the spread of one's ratio to the other; None under three blocks."""
    both = sorted(one.keys() & other.keys())
    if len(both) < BLOCKS_LEAST:
        return None
    within = [_within([logs[block] for block in both]) for logs in (one, other)]
    mine, theirs = ([fmean(logs[block]) for block in both] for logs in (one, other))
    slices = sum(
        variance_ * fmean([1 / len(logs[block]) for block in both])
        for variance_, logs in zip(within, (one, other), strict=True)
    )
    whole = variance([a - b for a, b in zip(mine, theirs, strict=True)])
    common = covariance(mine, theirs)
    return Spread(
        blocks=len(both),
        slices_each=fmean([len(logs[block]) for logs in (one, other) for block in both]),
        one=math.sqrt(within[0]),
        other=math.sqrt(within[1]),
        ratio=math.sqrt(whole),
        of_slices=math.sqrt(slices),
        of_processes=math.sqrt(max(0.0, whole - slices)),
        of_blocks=math.sqrt(max(0.0, common)),
    )


def blocks_for(half_width: float, wanted: float, blocks: int) -> int:
    """Return how many blocks a half-width takes: it falls with the root of their number."""
    return math.ceil(blocks * (half_width / wanted) ** 2)


def sentence(found: Spread, one: str, other: str) -> str:
    """Return the spread of a ratio in words."""
    return (
        f"{one} over {other} differs by {found.ratio:.1%} (standard deviation) between "
        f"{found.blocks} blocks: {found.of_slices:.1%} is the slices' ({found.slices_each:.1f} of "
        f"each process, which differ by {found.one:.1%} and {found.other:.1%}) and "
        f"{found.of_processes:.1%} the processes' own; {found.of_blocks:.1%} is common to both in "
        "a block and divided out"
    )
