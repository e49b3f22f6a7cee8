"""Row `tax`: who keeps the contract keeps nearly all of its rate.

Rules: each framework against its own naive echo, no framework against another; variants, prices and
the floor are those of `harness.tax`, of which this measures the two that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import tax
from harness.measure import paced
from harness.proof import blocks
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.proof.row import Setting
    from harness.tax import Price

MEASURED = tax.PRICES["contract"]


def figures(prices: Sequence[Price], payers: int) -> tuple[Figure, ...]:
    """Return what share of its naive rate each of `payers` keeps, over all cells."""
    found = [
        Figure(
            what=f"{one.implementation}: its rate over its naive echo's",
            value=one.rate.value,
            unit="x",
            low=one.rate.low,
            high=one.rate.high,
            least=tax.FLOOR,
        )
        for one in prices
        if one.what == "contract" and not one.cell and one.rate is not None
    ]
    some = Figure(what="frameworks priced", value=float(len(found)), least=float(max(1, payers)))
    return (*found, some)


def run(setting: Setting) -> Reached:
    """Measure the contract and the naive echo of everyone who has both."""
    able = [one for one in setting.implementations if not tax.reason(one)]
    models = [
        blocks.contestant(
            one, tax.CELLS, alias=tax.alias(one.name, variant.name), burden=variant.burden
        )
        for one in able
        for variant in tax.VARIANTS
        if variant.name in MEASURED
    ]
    samples = blocks.interleaved(models, setting, what="tax")
    prices, _ = tax.prices(able, samples, paced.CELL, setting.seed)
    return Reached(
        figures=figures(prices, len(able)),
        notes=(f"{setting.blocks} interleaved blocks of {len(models)} echoes",),
        causes=blocks.losses(samples, tax.CELLS),
    )
