"""Row `reference`: what the instrument can drive is well above what any Python reaches.

Rules: everyone who can run takes part; the fastest framework of each cell is whom the reference is
compared with, block by block.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness import contrast, stats
from harness.measure import cells
from harness.model import Cell
from harness.proof import blocks
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.proof.row import Setting
    from harness.results import Where

LEAST = 1.10  # of the reference over the fastest; uvloop's Protocol reached 0.85-0.90 of C
CELLS = tuple(
    Cell(workload="echo", concurrency=connections, size=cells.KIB, ranked=True)
    for connections in (10, 100)
)


def figures(
    where: Mapping[str, Where], reference: str, pythons: Sequence[str], seed: int
) -> tuple[Figure, ...]:
    """Return the reference's rate over the fastest of `pythons` in every cell that has both."""
    found = []
    for name, cell in where.items():
        there = [one for one in pythons if cell.rates.get(one)]
        if reference not in cell.rates or not there:
            continue
        fastest = max(there, key=lambda one: stats.median(list(cell.rates[one].values())))
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


def run(setting: Setting) -> Reached:
    """Measure everyone in interleaved blocks."""
    reference = setting.reference.name
    models = [blocks.contestant(one, CELLS) for one in setting.implementations]
    samples = blocks.interleaved(models, setting, what="reference")
    where = blocks.by_cell(samples, CELLS)
    pythons = [one.name for one in setting.implementations if one.kind == "framework"]
    return Reached(
        figures=figures(where, reference, pythons, setting.seed),
        notes=(
            f"{setting.blocks} interleaved blocks of {len(models)} implementations",
            *limits(where),
        ),
        causes=blocks.losses(samples, CELLS),
    )
