"""What two runs must be alike in before their figures are compared, and what they are not.

Rules: it looks at plans alone. What a comparison is about (versions, the implementations' own code,
how much was measured) is no condition; the machine, the interpreter and the settings are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Plan

SETTINGS = ("python", "evenloop", "quick")
"""Of a plan: what must be the same beside the machine, for figures to be compared."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that two runs were not alike in."""

    what: str
    before: str
    after: str


def circumstances(plan: Plan) -> dict[str, str]:
    """Return what must be alike for the figures of two runs to be compared."""
    settings = {what: str(getattr(plan, what)) for what in SETTINGS}
    cores = f"{plan.server_core} and {plan.gauge_core}"
    # the machine's python says more
    return {**settings, **plan.machine, "pinned to cores": cores, **_further(plan)}


def _further(plan: Plan) -> dict[str, str]:
    """Return the version of each Python of a run but the first, which `python` is."""
    there = [one for one in plan.interpreters if not one.missing]
    return {f"Python {one.asked}": one.version for one in there[1:]}


def conditions(before: Plan, after: Plan) -> tuple[Condition, ...]:
    """Return what two runs were not alike in: machine, interpreter, settings.

    A Python that one of them has beside the first is no condition for the rows that both have.
    """
    one, other = circumstances(before), circumstances(after)
    alone = _further(before).keys() ^ _further(after).keys()
    alone |= {"build"} & (one.keys() ^ other.keys())  # older runs do not say
    names = [name for name in dict.fromkeys([*one, *other]) if name not in alone]
    return unlike([(name, one.get(name, "?"), other.get(name, "?")) for name in names])


def unlike(pairs: Sequence[tuple[str, str, str]]) -> tuple[Condition, ...]:
    """Return those of (what, before, after) whose sides differ."""
    return tuple(Condition(what=what, before=a, after=b) for what, a, b in pairs if a != b)
