"""What it took each framework to keep the contract: its idiom, what was amiss, what put it right.

Rules: as in `tables`: Summary in, Markdown out. The notes are those of each meta.toml, the prices
those of `nox -s tax`; a framework says of itself, and no sentence about one stands here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.report import numbers
from harness.report.markdown import Markdown, details, join, link, prose, strong, text
from harness.report.picture import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model import Implementation
    from harness.summary import Summary
    from harness.tax import Tax

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z]|\w+\()")
ARROW = Markdown(" **→** ")


def many(summary: Summary) -> str:
    """Return how many frameworks had to add something to their own idiom."""
    frameworks = [
        one for one in summary.implementations if one.kind == "framework" and not one.same_as
    ]
    adding = sum(bool(one.beyond) for one in frameworks)
    who = f"All {adding}" if adding == len(frameworks) else f"{adding} of {len(frameworks)}"
    return f"{who} frameworks add to what their documentation teaches"


def sentences(note: str) -> Markdown:
    """Return a note with an arrow between what is amiss and what puts it right.

    A note says `this: that`; where a sentence has no such colon, it stays as it is.
    """
    said = []
    for sentence in _SENTENCE.split(note.strip()):
        amiss, colon, right = sentence.partition(": ")
        said.append(join([prose(amiss), prose(right)], ARROW) if colon else prose(sentence))
    return Markdown(" ".join(said))


def _file(one: Implementation, clause: str) -> str:
    """Return the file that keeps a clause: a path in this repository, or nothing."""
    name = {"E": "echo.py", "F": "fetch.py"}.get(clause[:1], "__init__.py")
    return f"{one.folder}/{name}" if one.folder and name in one.code_lines else ""


def _notes(one: Implementation, titles: dict[str, str]) -> Iterator[str]:
    for clause, note in sorted(one.beyond.items()):
        name = join([strong(link(clause, _file(one, clause))), titles.get(clause, "")], " ")
        yield f"- {name.strip_end()}: {sentences(note)}"
    for clause, why in sorted(one.known.items()):
        yield f"- {strong(clause)} {text(titles.get(clause, ''))}, not kept: {prose(why)}"


def _price(one: Implementation, taxed: Tax | None) -> list[str]:
    """Return what keeping the contract costs it: lines, and a share of its naive echo's rate."""
    payer = next((p for p in taxed.payers if p.name == one.name), None) if taxed else None
    said = []
    if payer and payer.naive_lines:
        said.append(f"echo: {payer.naive_lines} → {payer.echo_lines} lines of code")
    price = taxed.price(one.name, "contract") if taxed else None
    if price and price.rate:
        ends = numbers.interval(price.rate)
        rate = numbers.figure(price.rate) + (f" ({ends})" if ends else "")
        said.append(f"{rate} of its naive echo's rate")
    return said


def idioms(summary: Summary, taxed: Tax | None = None) -> list[Markdown]:
    """Return a folded part for each framework: what was amiss, what put it right, what is left."""
    titles = {c.clause: c.title for c in summary.clauses}
    parts = []
    for one in summary.implementations:
        if one.kind != "framework" or one.same_as or not (one.beyond or one.known):
            continue
        said = [numbers.count(len(one.beyond), "clause took more", "clauses took more")]
        if one.known:
            said.append(numbers.count(len(one.known), "is not kept", "are not kept"))
        said += _price(one, taxed)
        notes = Markdown("\n".join(_notes(one, titles)))
        parts.append(details(f"{label(one)}: {', '.join(said)}", notes))
    return parts
