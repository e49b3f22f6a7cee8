"""What obeying the contract costs: the variants that are compared, the record, and its arithmetic.

Rules: nothing is started here. A price is a ratio within blocks of one contestant to itself: with
the thing that costs over without it, so that below 1 it is paid. No contestant is compared with
another. Rates come from the native gauge at full load; TLS, which the gauge does not speak, is
priced by CPU time per message at an equal pace instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from harness import contrast, results
from harness.lines import code_lines
from harness.model import FORMAT, NAIVE, Cell
from harness.summary import Estimate, ThrownOut
from harness.units import keyed, noisy_blocks

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.model import Implementation, Sample
    from harness.results import Where

FILE = "tax.json"
FLOOR = 0.93  # MEASURING: of its naive echo's rate, for keeping the contract without any option

CELLS = (
    Cell(workload="echo", concurrency=10, size=1024, ranked=True),
    Cell(workload="echo", concurrency=100, size=1024, ranked=True),
)

What = Literal["contract", "idle", "limit", "tls"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run an echo."""

    name: str
    burden: tuple[str, ...] = ()
    """Words for the launcher; {chain} and {key} are the files of a certificate."""
    paced: bool = False
    """True: loaded at a fixed pace, instead of by the native gauge."""
    tls: bool = False


VARIANTS = (
    Variant("naive", ("--naive",)),
    Variant("plain"),
    Variant("idle", ("--idle-s", "30")),
    Variant("limit", ("--limit", "1000")),
    Variant("paced", paced=True),
    Variant("tls", ("--tls-cert", "{chain}", "--tls-key", "{key}"), paced=True, tls=True),
)
PRICES: dict[What, tuple[str, str]] = {
    "contract": ("plain", "naive"),
    "idle": ("idle", "plain"),
    "limit": ("limit", "plain"),
    "tls": ("tls", "paced"),
}
"""What is priced -> the variant that pays, and the one that does not."""


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one thing costs one contestant, in one cell or over all."""

    implementation: str
    what: What
    cell: str = ""
    """As `10x1KiB`; empty: the geometric mean over the cells."""
    rate: Estimate | None = None
    """Its rate with it over its rate without; None for tls."""
    cpu: Estimate | None = None
    """CPU time per message without it over with it: below 1, it costs."""
    blocks: int = 0
    """How many blocks it rests on."""
    error: str = ""
    """Why there is no figure; empty: there is one."""


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant, as the record shows it."""

    name: str
    title: str
    versions: dict[str, str] = {}
    naive_lines: int = 0
    """Lines of code of its naive echo; 0: it has none."""
    echo_lines: int = 0
    without: str = ""
    """Why nothing of it can be priced; empty: it can."""


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the tax."""

    format: int = FORMAT
    created: str
    """UTC, ISO 8601, to the second."""
    evenloop: str
    """Version of this project."""
    python: str
    machine: dict[str, str] = {}
    seed: int
    blocks: int
    """How many were measured."""
    wall_s: float
    payers: tuple[Payer, ...]
    prices: tuple[Price, ...]
    thrown_out: ThrownOut

    def price(self, implementation: str, what: What, cell: str = "") -> Price | None:
        """Return one price, None where the record has none."""
        for one in self.prices:
            if (one.implementation, one.what, one.cell) == (implementation, what, cell):
                return one
        return None

    @property
    def misses(self) -> tuple[Price, ...]:
        """Who keeps less than FLOOR of its naive rate, or should have that figure and has none."""
        able = {one.name for one in self.payers if not one.without}
        return tuple(
            one
            for one in self.prices
            if one.what == "contract" and not one.cell and one.implementation in able
            if one.rate is None or one.rate.value < FLOOR
        )


def alias(name: str, variant: str) -> str:
    """Return the name that a variant's samples carry."""
    return f"{name}~{variant}"


def variant_of(alias: str) -> str:
    """Return the variant's name (the inverse of `alias`)."""
    return alias.rpartition("~")[2]


def reason(one: Implementation) -> str:
    """Return why a contestant has no price; empty: it has."""
    if one.cannot_run:
        return f"it cannot run here: {one.cannot_run}"
    if one.run:
        return "it has its own launcher"
    return "" if (Path(one.folder) / NAIVE).is_file() else f"it has no {NAIVE}"


def payer(one: Implementation) -> Payer:
    """Return a contestant with the lines of code of its two echoes."""
    naive = Path(one.folder) / NAIVE
    return Payer(
        name=one.name,
        title=one.title,
        versions=one.versions,
        naive_lines=code_lines(naive.read_text("utf-8")) if naive.is_file() else 0,
        echo_lines=one.code_lines.get("echo.py", 0),
        without=reason(one),
    )


def prices(
    chosen: Sequence[Implementation], samples: Sequence[Sample], paced_cell: Cell, seed: int
) -> tuple[tuple[Price, ...], ThrownOut]:
    """Return every price of everyone, and what was thrown out by the rules of `units`."""
    paced = {variant.name for variant in VARIANTS if variant.paced}
    gauged = [s for s in samples if variant_of(s.implementation) not in paced]
    slow = [s for s in samples if variant_of(s.implementation) in paced]
    wheres, thrown = results.gather(gauged, keyed(CELLS))
    slow_wheres, slow_thrown = results.gather(slow, keyed([paced_cell]))
    whole = results.overall(wheres)
    found: list[Price] = []
    for one in (one for one in chosen if not reason(one)):
        for what in PRICES:
            at = slow_wheres if what == "tls" else wheres
            among = [("", whole if what != "tls" else at[0])]
            if what == "contract":
                among += [(where.cell.name, where) for where in at]
            for cell, where in among:
                found.append(_price(one.name, what, cell, where, samples, seed))
    return tuple(found), _both(thrown, slow_thrown)


def _both(one: ThrownOut, other: ThrownOut) -> ThrownOut:
    """Return what two loads of the same blocks lost, as one."""
    causes = one.slices.keys() | other.slices.keys()
    return ThrownOut(
        blocks={**one.blocks, **other.blocks},
        slices={c: one.slices.get(c, 0) + other.slices.get(c, 0) for c in sorted(causes)},
        units=one.units + other.units,
        all_blocks=max(one.all_blocks, other.all_blocks),
        all_slices=one.all_slices + other.all_slices,
    )


def _why(samples: Sequence[Sample], names: Collection[str]) -> str:
    """Return why there is no figure of these: their own fault first, then the machine's."""
    own = [s for s in samples if s.implementation in names]
    causes = [s.error for s in own if s.error] + [
        rule for block, rule in noisy_blocks(samples).items() if any(s.block == block for s in own)
    ]
    return f"no block counts: {causes[0]}" if causes else "no block counts"


def _price(
    name: str,
    what: What,
    cell: str,
    where: Where | None,
    samples: Sequence[Sample],
    seed: int,
) -> Price:
    """Return one price; without a figure it says why."""
    paying, free = (alias(name, variant) for variant in PRICES[what])
    if where is None:
        return Price(implementation=name, what=what, cell=cell, error="nothing was measured")
    label = f"{what}/{cell}"
    rate = contrast.bounded(
        contrast.ratio(where.rates, paying, free, seed, label),
        one=paying in where.limited,
        other=free in where.limited,
    )
    cpu = contrast.ratio(where.cpu, free, paying, seed, label + "/cpu")
    error = ""
    if rate is None or cpu is None:
        error = _why(samples, (paying, free))
    return Price(
        implementation=name,
        what=what,
        cell=cell,
        rate=None if what == "tls" else rate,
        cpu=cpu,
        blocks=len(contrast.differences(where.cpu, paying, free)),
        error=error,
    )
