"""Row `little`: rate times mean latency is the number of messages on their way.

Rules: closed loop keeps one message of each connection on its way, so that by Little's law rate x
latency = connections, once what a slice's edges cut is accounted for (`law`); a histogram or a
counter that is wrong cannot keep it. Who leaves connections waiting keeps it, and is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import law, stats, units
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

Counted = dict[tuple[str, str], list["Sample"]]


def counted(samples: Sequence[Sample], cells_: Mapping[str, Cell]) -> Counted:
    """Return the slices that count, by cell and implementation, in the cells' order."""
    found: Counted = {}
    for one in samples:
        if one.cell in cells_ and one.phase == "warm" and not units.void(one, cells_[one.cell]):
            found.setdefault((one.cell, one.implementation), []).append(one)
    order = list(cells_)
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0][0]), item[0][1])))


def deviations(
    samples: Sequence[Sample], cells_: Mapping[str, Cell]
) -> dict[str, dict[str, float]]:
    """Return by how much rate x latency is off, by cell and implementation (law.off)."""
    found: dict[str, dict[str, float]] = {}
    for (name, implementation), slices in counted(samples, cells_).items():
        off = abs(law.off(slices, cells_[name].concurrency))
        found.setdefault(name, {})[implementation] = off
    return found


def _waited(slices: Sequence[Sample], name: str, cut: float) -> str:
    """Return what the edges of these slices cut, and how they served their connections."""
    jain = stats.median([one.jain for one in slices])
    longest_ns = max(max(one.max_ns, one.oldest_ns) for one in slices)
    length_ns = stats.median([one.wall_ns for one in slices])
    starved_ns = max(one.waited_ns for one in slices)
    how = "missing from" if cut < 0 else "too much in"
    return (
        f"of what connections waited in {name}'s slices, {abs(cut):.1%} is {how} the latencies and "
        f"was accounted for at the edges: Jain's index {jain:.2f} at the median, the longest wait "
        f"{longest_ns / 1e6:.1f} ms of a slice of {length_ns / 1e6:.0f} ms, in which it had "
        f"no core for {starved_ns / 1e6:.1f} ms at the most"
    )


def starved(samples: Sequence[Sample], cells_: Mapping[str, Cell]) -> tuple[str, ...]:
    """Return whose messages the edges cut by more than is asked of the law, and why: a sentence.

    Of each cell the one with the most: how evenly connections were served, how long one waited.
    """
    worst: dict[str, tuple[float, str]] = {}
    for (name, implementation), slices in counted(samples, cells_).items():
        cut = law.cut(slices, cells_[name].concurrency)
        if abs(cut) > max(OFF_MOST, abs(worst.get(name, (0.0, ""))[0])):
            worst[name] = cut, f"{name}: {_waited(slices, implementation, cut)}"
    return tuple(text for _, text in worst.values())


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
        notes=(
            f"{rounds} blocks of {len(setting.implementations)} implementations",
            *starved(samples, by_name),
        ),
        causes=(
            *blocks.losses(samples, chosen),
            *causes(samples, [f.what.partition(":")[0] for f in made if not f.passed]),
        ),
    )
