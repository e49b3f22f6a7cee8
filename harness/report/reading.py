"""How the figures are read: what each column is, and what each word on the page means.

Rules: plain text out, which REPORT.md and report.html place each in its own way; what a figure
means stands here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harness import contrast, stats
from harness.model import BASELINE, BLOCKS_LEAST
from harness.report import numbers, siblings, words
from harness.report.answer import also, plain_cells, rate_cell, usual

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.summary import Summary

HEADING = "How to read these figures"
_CEILING = "the share of what a native program reaches under the same load"


class Term(NamedTuple):
    """A word or a sign on the page."""

    term: str
    means: str


def legend(summary: Summary) -> str:
    """Return what the columns of REPORT.md's answer are, in a paragraph."""
    return " ".join(said for said, _ in _legend(summary))


def columns(summary: Summary) -> str:
    """Return the same of a table of one workload: no row below another, and shorter heads."""
    said = [said for said, everywhere in _legend(summary) if everywhere]
    return " ".join([*said, _cells(summary)]).rstrip()


def _legend(summary: Summary) -> Iterator[tuple[str, bool]]:
    """Yield each sentence, and whether it is not of REPORT.md's way to arrange things."""
    known = summary.by_name
    yield "A rank such as 2–3 is a range: these places cannot be told apart.", True  # noqa: RUF001
    yield "Small: 95% intervals.", True
    if any(variant for _, variant in siblings.grouped(list(known), known)):
        what = "a variant of the one above"
        if any(one.same_as for one in known.values()):
            what += ", or the same on another Python"
        yield f"{siblings.ARROW.strip()}: {what}, ranked as if it stood alone.", False
    if usual(summary):
        yield "Bold names take part in every run, the others where they are asked for.", False
    for found in summary.workloads:
        if cells := [c.cell for c in plain_cells(found)]:
            mean = "geometric mean of " if len(cells) > 1 else ""
            yield f"{found.workload.capitalize()} rate: {mean}{words.cells(cells)}.", True
    if any(found.reference for found in summary.workloads):
        yield f"Of the ceiling: {_CEILING}.", True
    firsts = [(w, plain_cells(w)[0].cell) for w in summary.workloads if plain_cells(w)]
    if firsts:
        each = ", ".join(f"per {words.NOUN[w.workload][0]} ({w.workload})" for w, _ in firsts)
        where = " and ".join(words.cell(cell) for _, cell in firsts)
        yield f"CPU: processor time {each}, at {where}.", True
    if given := rate_cell(summary.workloads):
        yield f"p99: at {words.cell(given.cell)}.", True
    yield "KiB: memory of one idle connection.", True
    yield _lines(summary), True
    if len(summary.workloads) > 1:
        both = ", below it ".join(found.workload for found in summary.workloads)
        yield f"Two figures in a cell: {both}.", False


def _lines(summary: Summary) -> str:
    """Return what is counted as a line, and whose."""
    known = summary.by_name
    if any(one.also_lines is not None for one in known.values()):
        return (
            "Lines: of code, + what else is run of it here: its folder's other files, and what is "
            "used of another implementation's."
        )
    shared = any(also(one, file) for one in known.values() for file in one.code_lines)
    said = "Lines: of code" + (", + those of files that both programs share" if shared else "")
    if any(one.variant_of in known for one in known.values()):
        said += "; a variant's are those that it adds to the one it is a variant of"
    return f"{said}."


def _cells(summary: Summary) -> str:
    """Return what the short names of the answer's conditions stand for; nothing without any."""
    found = [c.cell for w in summary.workloads for c in plain_cells(w)]
    if given := rate_cell(summary.workloads):
        found.append(given.cell)
    said = "; ".join(f"{cell.name}: {words.cell(cell)}" for cell in found)
    return f"{said}." if said else ""


def _least_p(summary: Summary) -> str:
    """Return the smallest p that there can be, by how many blocks counted."""
    many = dict.fromkeys(found.blocks for found in summary.workloads if found.blocks > 1)
    said = [
        f"with {numbers.count(blocks, 'block')} the smallest possible is "
        f"{numbers.plain(stats.least_p(blocks), 2)}"
        for blocks in many
    ]
    return f". {', '.join(said).capitalize()}" if said else ""


def terms(summary: Summary) -> Iterator[Term]:
    """Yield what each word means, in the order in which a reader meets them."""
    tie, alpha = f"{contrast.TIE:.0%}", f"{contrast.ALPHA:.0%}"
    yield Term(
        "Rate",
        "messages or requests per second of one process on one core, corrected for the time in "
        f"which it was ready to run and had no core. The ratio compares it with {BASELINE} in the "
        "same block; a block starts a fresh process of everyone, in random order. The figure is "
        "the median over blocks",
    )
    yield Term(
        "Interval",
        "95%, bootstrap over blocks. A figure is written with the digits that its interval "
        "supports",
    )
    yield Term(
        "Rank",
        f"two are told apart when their ratio within blocks differs by {tie} or more, its interval "
        f"excludes 1, and a randomization test, adjusted for their number, agrees ({alpha}). A "
        "range holds all places that are left. Fewer than "
        f"{BLOCKS_LEAST} blocks give neither interval nor rank",
    )
    yield Term(
        "p",
        f"how often chance alone would show a difference from {BASELINE} as sure as this one if "
        f"there were none, adjusted for being one of many{_least_p(summary)}",
    )
    yield Term("Of the ceiling", _CEILING)
    yield Term(
        "≥, ≤",
        "≥ stands where the load generator and not the contestant was the limit, ≤ where the "
        "figure that it is divided by was limited by the load generator",
    )
    yield Term("Of the ideal", "with a delay at the origin, concurrency / delay")
    yield Term(
        "CPU", "user and system time of the contestant, a second figure on the same question"
    )
    yield Term(
        "≠",
        f"rate and CPU differ by more than {tie}: the contestant then waits, or is woken, for "
        "something else",
    )
    yield Term(
        "p99",
        "what 99 of 100 answers did not exceed, in the median block. p99.9 and the maximum are a "
        "handful of answers",
    )
    yield Term(
        "Lines",
        "code without blanks, comments and docstrings; what lies in implementations/ for all of "
        "them to use is in nobody's",
    )
