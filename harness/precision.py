"""How narrow the intervals are: what measuring stops at, and what a report says was reached.

Rules: the same units, ratios and seeds as in the summary, so that both know the same widths. It
asks how wide an interval is, never where it lies, and knows nobody: to stop as soon as a difference
is significant would find differences that are not there. One number a unit is kept, and no sample.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from harness import contrast, units

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from harness.model import Cell, Sample, Workload
    from harness.summary import Estimate

HALF_WIDTH = 0.015  # half of a tie (contrast.TIE): who is a tie apart is then told apart
BLOCKS_ENOUGH = 12  # with fewer, one lucky block makes an interval narrow


class Width(msgspec.Struct, frozen=True, kw_only=True):
    """How wide the interval of one ratio is."""

    workload: Workload
    cell: str
    implementation: str
    share: float
    """Half of the interval's length over the ratio; infinite where there is no interval yet."""


def half_width(ratio: Estimate | None) -> float | None:
    """Return half the length of a ratio's interval over the ratio; None without an interval."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    return (ratio.high - ratio.low) / 2 / ratio.value


class Precision:
    """Follows the rates of a run, block by block."""

    def __init__(
        self,
        baselines: Mapping[Workload, str],
        compared: Mapping[Workload, Collection[str]],
        seed: int,
    ) -> None:
        """Compare these with their baselines; `seed` is the plan's."""
        self._baselines = baselines
        self._compared = compared
        self._seed = seed
        self._logs: dict[tuple[Workload, str], dict[str, dict[int, float]]] = {}
        self._last: tuple[Workload, str, str] | None = None

    def add(self, samples: Sequence[Sample]) -> None:
        """Take the samples of one whole block."""
        where: dict[tuple[str, str], Cell] = {}
        for s in samples:
            if cell := units.cell(s.workload, s.cell, ranked=True):
                where[s.workload, s.cell] = cell
        counted, _ = units.units(samples, where)
        for u in counted:
            if u.phase == "warm" and not where[u.workload, u.cell].rate_per_s:
                names = self._logs.setdefault((u.workload, u.cell), {})
                names.setdefault(u.implementation, {})[u.block] = math.log(u.rate_per_s)

    def _ratios(self) -> list[tuple[Workload, str, str]]:
        """Return every ratio there is, the last that was too wide first."""
        found = [
            (workload, cell, name)
            for (workload, cell), logs in sorted(self._logs.items())
            for name in sorted(logs)
            if name in self._compared[workload]
        ]
        return sorted(found, key=lambda key: key != self._last)

    def widths(self) -> Iterator[Width]:
        """Yield the width of every ratio to the baseline in every closed loop."""
        for workload, cell, name in self._ratios():
            logs = self._logs[workload, cell]
            label = f"{workload}/{cell}"
            ratio = contrast.ratio(logs, name, self._baselines[workload], self._seed, label)
            share = half_width(ratio)
            yield Width(
                workload=workload,
                cell=cell,
                implementation=name,
                share=math.inf if share is None else share,
            )

    def narrow(self) -> bool:
        """Tell whether every interval is narrow enough; False where there is no ratio."""
        for width in self.widths():
            if width.share > HALF_WIDTH:
                self._last = (width.workload, width.cell, width.implementation)
                return False
        return bool(self._ratios())

    def widest(self) -> Width | None:
        """Return the widest of all; None where there is no ratio."""
        return max(self.widths(), key=lambda width: width.share, default=None)
