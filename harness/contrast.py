"""Who is faster than whom, block by block: ratios, their intervals, and the ranks that follow.

Rules: blocks are the unit of everything here. Only figures of the same block are ever divided, so
what a block's minute did to the machine falls out. A `Logs` holds each contestant's figure as a
natural logarithm, by block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zlib import crc32

from harness import stats
from harness.model import BLOCKS_LEAST
from harness.summary import Estimate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Logs = Mapping[str, Mapping[int, float]]

TIE = 0.03  # ratios: instances of one program differ by 1-2%, and nobody should choose by less
ALPHA = 0.05

_TIE = math.log1p(TIE)


def by_block(logs: Logs, one: str, other: str) -> dict[int, float]:
    """Return one's log-ratio to the other in every block that has both, by block."""
    mine, theirs = logs.get(one, {}), logs.get(other, {})
    return {block: mine[block] - theirs[block] for block in sorted(mine.keys() & theirs.keys())}


def differences(logs: Logs, one: str, other: str) -> list[float]:
    """Return one's log-ratio to the other in every block that has both, in the blocks' order."""
    return list(by_block(logs, one, other).values())


def estimate(logs: Sequence[float], seed: int, label: str, level: float = stats.LEVEL) -> Estimate:
    """Return the median of logarithms as a figure, with an interval where blocks are enough.

    The label (which figure this is) goes into the seed: the interval is then the same whatever else
    is computed, and in whatever order.
    """
    value = stats.significant(math.exp(stats.median(logs)))
    if len(logs) < BLOCKS_LEAST:
        return Estimate(value=value)
    low, high = stats.bootstrap_interval(logs, (seed, crc32(label.encode())), level)
    return Estimate(
        value=value,
        low=stats.significant(math.exp(low)),
        high=stats.significant(math.exp(high)),
    )


def ratio(logs: Logs, one: str, other: str, seed: int, label: str = "") -> Estimate | None:
    """Return one over the other, within blocks; None where they share no block."""
    found = differences(logs, one, other)
    return estimate(found, seed, f"{label}/{one}/{other}") if found else None


def bounded(found: Estimate | None, *, one: bool, other: bool) -> Estimate | None:
    """Return a ratio with what it is worth when the gauge was the limit of one, or of the other."""
    bounds: dict[tuple[bool, bool], Literal["", ">=", "<=", "~"]] = {
        (True, False): ">=",
        (False, True): "<=",
        (True, True): "~",
    }
    if found is None or not (one or other):
        return found
    bound = bounds[one, other]
    return Estimate(value=found.value, low=found.low, high=found.high, bound=bound)


def against(logs: Logs, one: str, others: Sequence[str], seed: int) -> dict[str, float]:
    """Return p of "one is as fast as the other" for each other, adjusted for all of them.

    Who shares fewer than BLOCKS_LEAST blocks with it is not asked: it could not be told apart, and
    its few blocks would stand in the way of all others.
    """
    found = {other: by_block(logs, one, other) for other in others}
    asked = {other: own for other, own in found.items() if len(own) >= BLOCKS_LEAST}
    p = stats.sign_flip_p(list(asked.values()), (seed, crc32(one.encode())))
    return dict(zip(asked, p, strict=True))


def _beaten(
    logs: Logs, one: str, other: str, p: Mapping[str, Mapping[str, float]], seed: int, label: str
) -> bool:
    """Tell whether the other is better than one: by more than a tie, by interval and by test."""
    if other not in p[one]:
        return False
    found = differences(logs, other, one)
    if stats.median(found) < _TIE or max(p[one][other], p[other][one]) > ALPHA:
        return False
    if stats.significant(math.exp(min(found))) > 1.0:
        return True  # the median of no resample lies below the least of all: no need to draw any
    low = estimate(found, seed, f"{label}/{other}/{one}").low
    return low is not None and low > 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stands among others."""

    rank: str
    """As `1` or `2-4`."""
    ahead_of: tuple[str, ...]
    """Who was told apart from it and is behind it, in the order that was asked for."""


def places(
    logs: Logs,
    names: Sequence[str],
    *,
    seed: int,
    label: str = "",
    limited: Collection[str] = (),
) -> dict[str, Place]:
    """Return the place of each name that has BLOCKS_LEAST blocks, from all who are told apart.

    `limited`: whose figure is only a lower bound; nobody is told to be better than they are.
    """
    names = [name for name in names if len(logs.get(name, ())) >= BLOCKS_LEAST]
    p = {one: against(logs, one, [name for name in names if name != one], seed) for one in names}
    beaten_by = {
        one: frozenset(
            other
            for other in names
            if other != one and one not in limited and _beaten(logs, one, other, p, seed, label)
        )
        for one in names
    }
    ranges = stats.rank_ranges(names, beaten_by)
    return {
        name: Place(
            rank=f"{a}" if a == b else f"{a}-{b}",
            ahead_of=tuple(other for other in names if name in beaten_by[other]),
        )
        for name, (a, b) in ranges.items()
    }


def ranks(
    logs: Logs,
    names: Sequence[str],
    *,
    seed: int,
    label: str = "",
    limited: Collection[str] = (),
) -> dict[str, str]:
    """Return the rank alone of each name's place."""
    found = places(logs, names, seed=seed, label=label, limited=limited)
    return {name: place.rank for name, place in found.items()}


def mean_logs(cells: Sequence[Logs]) -> dict[str, dict[int, float]]:
    """Return the mean over cells (the logarithm of the geometric mean), by name and block.

    A block counts for a name when it has all the cells: a mean over others would be another figure.
    """
    if not cells:
        return {}
    found: dict[str, dict[int, float]] = {}
    for name in cells[0]:
        own = [cell.get(name, {}) for cell in cells]
        blocks = set.intersection(*(set(values) for values in own))
        found[name] = {b: sum(values[b] for values in own) / len(own) for b in sorted(blocks)}
    return found
