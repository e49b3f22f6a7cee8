"""Histograms of latencies: exact merge, quantiles, and what a planted stall must show in them.

Rules: nanoseconds in and out, pure functions. A histogram is what the gauge writes: pairs of a
bucket's middle and how many. The same merge and quantile as harness/gauge/histogram.h, so that a
figure merged here is the one that the gauge would have given for all messages at once.

On statistics: blocks are the unit. The median of the blocks' p99 has a bootstrap interval, and that
interval is of the median block, not of the p99 of all messages, which a single bad block can make:
that one comes from the merged histogram and has no interval. A p99 of 1,000 messages rests on its
ten slowest and leans to the right, and so do its blocks; the percentile interval of the median
needs no symmetry. Of skewed blocks, one in ten of them slow, nominal 95% cover 0.93 to 0.94 with 6
to 20 blocks (1,500 campaigns each; tests/test_latencies.py has the data and repeats it in small).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.model import Sample

    Pairs = Iterable[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each latency was seen."""

    counts: Mapping[int, int]
    """A bucket's middle in nanoseconds -> how many."""
    max_ns: float

    @property
    def many(self) -> int:
        """How many latencies there are."""
        return sum(self.counts.values())

    def quantile(self, share: float) -> float:
        """Return the smallest value that at least `share` (0 to 1) of all do not exceed.

        0 while empty; never above the exact maximum, as a bucket's middle may be.
        """
        wanted, seen = max(1, math.ceil(share * self.many)), 0
        for middle_ns, count in sorted(self.counts.items()):
            seen += count
            if seen >= wanted:
                return min(float(middle_ns), self.max_ns)
        return self.max_ns


def merge(parts: Iterable[Histogram]) -> Histogram:
    """Return all of them as one: counts are added, and nothing is lost."""
    counts: Counter[int] = Counter()
    max_ns = 0.0
    for part in parts:
        counts.update(part.counts)
        max_ns = max(max_ns, part.max_ns)
    return Histogram(counts, max_ns)


def of(samples: Iterable[Sample]) -> Histogram:
    """Return the histogram of all messages of some samples."""
    return merge(Histogram(dict(s.latencies), _max_ns(s)) for s in samples)


def _max_ns(sample: Sample) -> float:
    """Return the exact maximum, or the highest bucket's middle where the gauge gave none."""
    return sample.max_ns or float(max((middle for middle, _ in sample.latencies), default=0))


@dataclass(frozen=True, slots=True)
class Stalls:
    """Windows of `wall_s` in all, in which a server sleeps `for_s` at the begin of each period.

    `fewest` and `most`: how many whole sleeps the windows can hold; equal where each is a whole
    number of periods long.
    """

    for_s: float
    wall_s: float
    fewest: int
    most: int

    def quantile_s(self, share: float) -> tuple[float, float]:
        """Return the least and the most that a quantile can be, in seconds; 0 outside the sleeps.

        Messages are due evenly, and one that is due within a sleep waits for its rest. Of a window
        of W with k sleeps of S so k(S - x)/W wait longer than x, whence x = S - (1 - share) W / k.
        """
        ends = [
            self.for_s - (1 - share) * self.wall_s / k if k else 0.0
            for k in (self.fewest, self.most)
        ]
        return max(0.0, ends[0]), max(0.0, ends[1])


def stalls(walls_s: Iterable[float], for_s: float, every_s: float) -> Stalls:
    """Return what windows of these lengths hold of sleeps of `for_s` every `every_s`.

    A window whose length misses a whole number of periods by under 2% counts as one.
    """
    periods = [wall_s / every_s for wall_s in walls_s]
    return Stalls(
        for_s=for_s,
        wall_s=sum(periods) * every_s,
        fewest=sum(math.floor(p + 0.02) for p in periods),
        most=sum(math.ceil(p - 0.02) for p in periods),
    )
