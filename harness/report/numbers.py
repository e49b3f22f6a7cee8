"""How a number is written: with the digits that its interval supports, and no more.

Rules: numbers in, plain text out; no unit but those asked for, nothing of Markdown.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.summary import Estimate

BOUNDS = {"": "", ">=": "≥ ", "<=": "≤ ", "~": "~ "}
NONE = "–"  # noqa: RUF001  an en dash, as in every table of figures


def places(low: float, high: float, most: int) -> int:
    """Return how many decimals (negative: zeros before the point) an interval supports.

    The last digit written is the first of the interval's half-width: where doubt begins.
    """
    half = abs(high - low) / 2
    return most if half <= 0 else min(most, -math.floor(math.log10(half)))


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals (negative: rounded to tens), thousands apart."""
    return f"{round(value, decimals):,.{max(decimals, 0)}f}"


def plain(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, thousands apart."""
    if value == 0:
        return "0"
    return fixed(value, digits - 1 - math.floor(math.log10(abs(value))))


def _decimals(found: Estimate, most: int, digits: int) -> int:
    exponent = math.floor(math.log10(abs(found.value) or 1.0))
    if found.low is None or found.high is None:
        return min(most, digits - 1 - exponent)
    return places(found.low, found.high, min(most, 3 - exponent))  # four digits are plenty


def figure(found: Estimate | None, *, most: int = 2, digits: int = 3) -> str:
    """Return an estimate alone: at most `most` decimals; without interval, `digits` digits."""
    if found is None:
        return NONE
    return BOUNDS[found.bound] + fixed(found.value, _decimals(found, most, digits))


def interval(found: Estimate | None, *, most: int = 2) -> str:
    """Return an estimate's interval with the estimate's own decimals; empty where there is none."""
    if found is None or found.low is None or found.high is None:
        return ""
    decimals = _decimals(found, most, 3)
    return f"{fixed(found.low, decimals)}–{fixed(found.high, decimals)}"  # noqa: RUF001


def percent(found: Estimate | None) -> str:
    """Return a share as per cent, without its interval."""
    if found is None:
        return NONE
    decimals = 0 if found.value >= 0.1 else 1
    return f"{BOUNDS[found.bound]}{100 * found.value:.{decimals}f}%"


def count(number: int, one: str, many: str = "") -> str:
    """Return `1 block`, `2 blocks`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: int) -> str:
    """Return bytes as `64 B`, `10 KiB`."""
    return f"{number // 1024} KiB" if number >= 1024 else f"{number} B"
