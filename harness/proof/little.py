"""Row `little`: rate times mean latency is the number of messages on their way.

Rules: closed loop keeps one message of each connection on its way, so that by Little's law rate x
latency = connections; a histogram or a counter that is wrong cannot keep it. Source: Little, A
Proof for the Queuing Formula L = lambda W (1961).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import stats, units
from harness.measure import cells
from harness.proof import blocks
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import Cell, Sample
    from harness.proof.row import Setting

OFF_MOST = 0.03
BLOCKS_MOST = 3  # all cells of everyone take a quarter of a minute a block


def deviations(
    samples: Sequence[Sample], cells_: Mapping[str, Cell]
) -> dict[str, dict[str, float]]:
    """Return abs(N - rate x latency) / N by cell and implementation, over all slices that count.

    Slices are summed up: what is on its way across one's edges is missing here and too much there.
    """
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for one in samples:
        if one.cell in cells_ and one.phase == "warm" and not units.void(one, cells_[one.cell]):
            waited_ns, wall_ns = sums.get((one.cell, one.implementation), (0.0, 0))
            waited_ns += one.messages * one.mean_latency_ns
            sums[one.cell, one.implementation] = waited_ns, wall_ns + one.wall_ns
    found: dict[str, dict[str, float]] = {}
    for name, cell in cells_.items():
        for (where, implementation), (waited_ns, wall_ns) in sorted(sums.items()):
            if where == name:
                off = abs(cell.concurrency - waited_ns / wall_ns) / cell.concurrency
                found.setdefault(name, {})[implementation] = off
    return found


def figures(found: Mapping[str, Mapping[str, float]], pairs: int) -> tuple[Figure, ...]:
    """Return the worst implementation of every cell; of `pairs` cells of implementations."""
    some = sum(len(offs) for offs in found.values())
    made = [
        Figure(
            what=f"of {pairs} cells of implementations, without a slice that counts",
            value=float(pairs - some),
            most=0.0,
        )
    ]
    for cell, offs in found.items():
        name, worst = max(offs.items(), key=lambda item: item[1])
        made.append(
            Figure(
                what=f"{cell}: rate x latency off by, worst of {len(offs)} ({name})",
                value=stats.significant(worst, 3),
                unit="%",
                most=OFF_MOST,
                best=stats.significant(min(offs.values()), 3),
            )
        )
    return tuple(made)


def causes(samples: Sequence[Sample], missed: Sequence[str]) -> tuple[str, ...]:
    """Return how few messages a connection had in a slice, for the cells that missed."""
    found = []
    for cell in missed:
        own = [one.messages for one in samples if one.cell == cell and not one.error]
        if own:
            found.append(f"{cell}: {stats.median(own):.0f} messages in a slice at the median")
    return tuple(found)


def run(setting: Setting) -> Reached:
    """Measure every closed-loop echo cell of everyone."""
    chosen = [
        cell
        for cell in (*cells.RANKED, *cells.ONCE)
        if cell.workload == "echo" and not cell.rate_per_s
    ]
    models = [
        blocks.contestant(one, [cell for cell in chosen if cell.ranked == ranked])
        for one in setting.implementations
        for ranked in (True, False)
    ]
    samples: list[Sample] = []
    rounds = min(BLOCKS_MOST, setting.blocks)
    for number in range(rounds):
        setting.say(f"little: block {number + 1} of {rounds}")
        samples += blocks.block(models, number, setting)
    by_name = {cell.name: cell for cell in chosen}
    made = figures(deviations(samples, by_name), len(chosen) * len(setting.implementations))
    return Reached(
        figures=made,
        notes=(f"{rounds} blocks of {len(setting.implementations)} implementations",),
        causes=(
            *blocks.losses(samples, chosen),
            *causes(samples, [f.what.partition(":")[0] for f in made if not f.passed]),
        ),
    )
