"""Variants of one framework stand together: each below the implementation that it is a variant of.

So does a program on further Pythons, below its row on the first.

Rules: an order of names and nothing else. A variant whose sibling is not there stands where its own
place is, as does a ring of variants of one another; within a group, and among groups, the order
that was given stays. How anyone is measured, judged or ranked knows nothing of groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import Implementation

ARROW = "↳ "


def _over(one: Implementation) -> str:
    return one.same_as or one.variant_of


def head(name: str, known: Mapping[str, Implementation], present: Iterable[str]) -> str:
    """Return below whom a name stands: the last of those present that its variants lead to."""
    there, seen = set(present), [name]
    while (over := _over(known[seen[-1]])) in there and over in known:
        if over in seen:
            return name
        seen.append(over)
    return seen[-1]


def grouped(names: Sequence[str], known: Mapping[str, Implementation]) -> list[tuple[str, bool]]:
    """Return the names, each with whether it stands below another as its variant."""
    heads = {name: head(name, known, names) for name in names}
    return [
        (name, name != first)
        for first in names
        if heads[first] == first
        for name in (first, *(one for one in names if heads[one] == first != one))
    ]


def indented(title: str, *, variant: bool) -> str:
    """Return a title as it stands in a first column."""
    return f"{ARROW}{title}" if variant else title
