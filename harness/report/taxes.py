"""What the contract costs: the table of REPORT.md, and the same on a terminal.

Rules: as in `tables`: a record in, Markdown or plain rows out. The record is the one that
`nox -s tax` wrote; a price that misses the floor is shown as what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from harness import files, tax
from harness.report import numbers
from harness.report.markdown import Markdown, join, small, table, text, visible
from harness.report.tables import NOTHING

if TYPE_CHECKING:
    from pathlib import Path

    from harness.summary import Estimate
    from harness.tax import Payer, Price, Tax, What

HEADS: dict[What, str] = {
    "contract": "contract / naive",
    "idle": "with --idle-s 30",
    "limit": "with --limit 1000",
    "tls": "with TLS, by CPU",
}
HOW = (
    "Rates under full load, the geometric mean of 10 and 100 connections x 1 KiB; by CPU: time per "
    "message without over with. The native load speaks no TLS, so TLS is priced by the server's "
    "CPU per message at an equal pace, 2,000 messages a second sent from Python, with and without. "
    "Lines: the code of naive.py and of echo.py."
)
MISS = "✗"  # beside a price under the floor


def taxes_of(folder: Path) -> Tax | None:
    """Return the record that lies in a folder, None where none does."""
    file = folder / tax.FILE
    return files.read_json(file, tax.Tax) if file.exists() else None


def _shown(price: Price | None) -> Estimate | None:
    """Return the figure of a price: rates, and for TLS the CPU time."""
    if price is None:
        return None
    return price.cpu if price.what == "tls" else price.rate


def _mark(found: Tax, price: Price | None) -> str:
    return f" {MISS}" if price in found.misses else ""


def _row(found: Tax, one: Payer) -> list[tuple[str, str]]:
    """Return a contestant's figures, each with its interval: the prices, the cells, CPU, lines."""
    cells = [""] + [cell.name for cell in tax.CELLS]
    prices = [found.price(one.name, "contract", cell) for cell in cells]
    row = [
        (numbers.figure(_shown(p)) + _mark(found, p), numbers.interval(_shown(p))) for p in prices
    ]
    cpu = prices[0].cpu if prices[0] else None
    row.append((numbers.figure(cpu), numbers.interval(cpu)))
    for what in HEADS:
        if what != "contract":
            shown = _shown(found.price(one.name, what))
            row.append((numbers.figure(shown), numbers.interval(shown)))
    row.append((f"{one.naive_lines} → {one.echo_lines}" if one.naive_lines else numbers.NONE, ""))
    return row


def _heads() -> list[str]:
    cells = [f"at {cell.concurrency}" for cell in tax.CELLS]
    options = [head for what, head in HEADS.items() if what != "contract"]
    return [HEADS["contract"], *cells, "the same by CPU", *options, "lines"]


def reasons(found: Tax) -> list[str]:
    """Return a sentence for every figure that is missing, once a reason and contestant."""
    titles = {one.name: one.title for one in found.payers}
    none = [f"{one.title} has no prices: {one.without}." for one in found.payers if one.without]
    why: dict[tuple[str, str], list[str]] = {}
    for one in found.prices:
        if one.error and not one.cell:
            why.setdefault((one.implementation, one.error), []).append(HEADS[one.what])
    return none + [
        f"{titles[name]}, {', '.join(heads)}: {error}." for (name, error), heads in why.items()
    ]


def verdict(found: Tax) -> str:
    """Return one sentence: who keeps the floor, who misses it, and what to do about noise."""
    titles = {one.name: one.title for one in found.payers}
    judged = [p for p in found.prices if p.what == "contract" and not p.cell]
    missed = [titles[p.implementation] for p in judged if p in found.misses]
    floor = f"{tax.FLOOR:.0%} of the rate of its naive echo"
    if not judged:
        return "Nobody's contract could be priced."
    if not missed:
        return f"Each of the {len(judged)} priced keeps at least {floor}."
    doubtful = [titles[p.implementation] for p in found.misses if _reaches(p.rate)]
    again = (
        f" Not decided here: {', '.join(doubtful)}; on a quiet machine, "
        "nox -s tax -- --blocks 20 tells."
    )
    return f"Not shown to keep {floor}: {', '.join(missed)}.{again if doubtful else ''}"


def _reaches(rate: Estimate | None) -> bool:
    """Tell whether a rate under the floor may still lie above it."""
    return rate is None or rate.high is None or rate.high >= tax.FLOOR


def _circumstances(found: Tax) -> str:
    """Return how much was measured, when and with what, and what was thrown out."""
    thrown = found.thrown_out
    return (
        f"{numbers.count(found.blocks, 'block')}, Python {found.python}, evenloop "
        f"{found.evenloop}, {found.created}, {found.wall_s:.0f} s; thrown out: "
        f"{numbers.count(len(thrown.blocks), 'block')}, {sum(thrown.slices.values()):,} of "
        f"{thrown.all_slices:,} slices."
    )


def taxes(found: Tax | None) -> Markdown:
    """Return the whole section below its heading."""
    if found is None:
        return NOTHING
    rows = [
        [
            one.title,
            *(join([value, small(ends)], " ").strip_end() for value, ends in _row(found, one)),
        ]
        for one in found.payers
        if not one.without
    ]
    heads = ["", *_heads()]
    says = [
        text(
            "What each framework pays for the contract: its own echo against the echo of its "
            "documentation, which has no drain, no limit, no idle timer and no care for a peer "
            "that ends, resets or does not read. Each figure is a ratio of the framework to itself "
            "within a block, with its 95% interval; under 1 it costs. "
            f"{MISS}: under {tax.FLOOR}, or not known."
        ),
        table(heads, rows, "l" + "r" * (len(heads) - 1)),
        text(f"{HOW} {verdict(found)} {_circumstances(found)}"),
    ]
    if why := reasons(found):
        says.append(Markdown("\n".join(f"- {text(one)}" for one in why)))
    return Markdown("\n\n".join(says))


def rows(found: Tax) -> Table:
    """Return the table for a terminal."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("", *_heads()):
        shown.add_column(head, justify="right" if head else "left")
    for one in (one for one in found.payers if not one.without):
        cells = [f"{value}\n{ends}" if ends else value for value, ends in _row(found, one)]
        shown.add_row(Text(visible(one.title)), *(Text(cell) for cell in cells))
    return shown
