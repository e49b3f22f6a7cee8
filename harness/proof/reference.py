"""Row `reference`: what the instrument can drive is well above what any Python reaches.

Rules: everyone who can run takes part in heats, from which nothing but the names of the fastest is
taken; these and the reference then run in blocks of their own, and the fastest framework of each
cell is whom the reference is compared with, block by block.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from harness import contrast, stats
from harness.measure import cells
from harness.model import Cell
from harness.proof import blocks
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.model import Implementation
    from harness.proof.row import Setting
    from harness.results import Where

LEAST = 1.10  # of the reference over the fastest; uvloop's Protocol reached 0.85-0.90 of C
HEATS = 2  # blocks
FINALISTS = 4
CELLS = tuple(
    Cell(workload="echo", concurrency=connections, size=cells.KIB, ranked=True)
    for connections in (10, 100)
)


def fastest_first(cell: Where, names: Sequence[str]) -> list[str]:
    """Return those of `names` that have a rate in a cell, the highest median first."""
    speed = {n: stats.median(list(own.values())) for n in names if (own := cell.rates.get(n))}
    return sorted(speed, key=speed.__getitem__, reverse=True)


def figures(
    where: Mapping[str, Where], reference: str, pythons: Sequence[str], seed: int
) -> tuple[Figure, ...]:
    """Return the reference's rate over the fastest of `pythons` in every cell that has both."""
    found = []
    for name, cell in where.items():
        there = fastest_first(cell, pythons)
        if reference not in cell.rates or not there:
            continue
        fastest = there[0]
        ratio = contrast.ratio(cell.rates, reference, fastest, seed, cell.label)
        logs = contrast.differences(cell.rates, reference, fastest)
        if ratio is None:
            continue
        found.append(
            Figure(
                what=f"{name}: {reference} over {fastest}",
                value=ratio.value,
                unit="x",
                low=ratio.low,
                high=ratio.high,
                least=LEAST,
                best=stats.significant(math.exp(max(logs))),
            )
        )
    cells_ = float(len(where))
    some = Figure(what="cells with a figure", value=float(len(found)), least=cells_)
    return (*found, some)


def limits(where: Mapping[str, Where]) -> tuple[str, ...]:
    """Return where the gauge and not the contestant was the limit, a sentence for each."""
    return tuple(
        f"{name}: the gauge was the limit of {', '.join(sorted(cell.limited))}, "
        "whose rate is therefore a lower bound"
        for name, cell in where.items()
        if cell.limited
    )


def finalists(where: Mapping[str, Where], names: Sequence[str], most: int) -> list[str]:
    """Return the `most` fastest of `names` in each cell, together, in the order of `names`."""
    found = {name for cell in where.values() for name in fastest_first(cell, names)[:most]}
    return [name for name in names if name in found]


def _blocks(
    of: Sequence[Implementation], setting: Setting, what: str
) -> tuple[dict[str, Where], tuple[str, ...]]:
    """Measure these in interleaved blocks; return what counts, and what did not."""
    models = [blocks.contestant(one, CELLS) for one in of]
    samples = blocks.interleaved(models, setting, what=what)
    return blocks.by_cell(samples, CELLS), blocks.losses(samples, CELLS)


def run(setting: Setting) -> Reached:
    """Measure everyone in heats, and then the fastest and the reference."""
    reference = setting.reference.name
    pythons = [one.name for one in setting.everyone if one.kind == "framework"]
    heats, lost = _blocks(setting.everyone, replace(setting, blocks=HEATS), "reference, heats")
    best = finalists(heats, pythons, FINALISTS)
    last = [one for one in setting.everyone if one.name in {*best, reference}]
    where, lost_last = _blocks(last, setting, "reference")
    note = (
        f"{setting.blocks} interleaved blocks of the reference and {', '.join(best)}, the fastest "
        f"of {len(pythons)} in {HEATS} blocks before"
    )
    return Reached(
        figures=figures(where, reference, best, setting.seed),
        notes=(note, *limits(where)),
        causes=(*lost, *lost_last),
    )
