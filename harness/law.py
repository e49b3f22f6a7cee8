"""Little's law over a slice of a closed loop: what the latencies of its replies must add up to.

Rules: one account for the control in every run and for the row of the proof, which keep their own
limits. It asks whether rates and latencies of the same slice contradict each other, and never how
good either is: a server that leaves connections waiting keeps the law as well.

L = lambda W holds over a window that begins and ends empty (Little, A Proof for the Queuing Formula
L = lambda W, 1961). A closed loop never is: each of N connections has one message on its way at
both edges. Over a window of length T the latencies of the replies within it add up to

    N T + before - after

where `before` and `after` are the ages of what is on its way at the first and at the second edge,
summed up; the gauge reads them from its clock there. It is an equation, not an estimate (what
such edges cost: Kim and Whitt, Statistical Analysis with Little's Law, 2013). Without them the sum
is off from N T by up to the share of messages cut, 2 N of those between the edges, times how much
longer than the mean those waited: all of T for a connection that is not served at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.model import Sample

LONGEST = 0.1  # of a slice: what is longer and cut by its edge looks like a contradiction
JAIN = 0.9  # under it connections starve


def _knows_its_edges(sample: Sample) -> bool:
    """Tell whether the gauge said what the edges cut; older ones did not."""
    return sample.before_ns > 0 or sample.after_ns > 0


def shows(sample: Sample) -> bool:
    """Tell whether the law must show in a slice: where what its edges cut is known, in every one.

    Otherwise only in one that is long and even enough. A contestant that answers a few connections
    alone was off by 80% there, a fair one by under 1%.
    """
    if _knows_its_edges(sample):
        return True
    longest_ns = max(sample.max_ns, sample.mean_latency_ns, sample.waited_ns)
    return longest_ns <= LONGEST * sample.wall_ns and sample.jain >= JAIN


def _beyond(slices: Iterable[Sample], must_ns: Callable[[Sample], int]) -> float:
    """Return by what share all latencies together exceed what they must add up to."""
    seen_ns = wanted_ns = 0.0
    for s in slices:
        seen_ns += s.messages * s.mean_latency_ns
        wanted_ns += must_ns(s)
    return seen_ns / max(wanted_ns, 1.0) - 1


def off(slices: Iterable[Sample], connections: int) -> float:
    """Return by what share the latencies of all slices' replies differ from what they must add to.

    0.05: they are 5% too long. Of at least one slice with a reply.
    """
    return _beyond(slices, lambda s: connections * s.wall_ns + s.before_ns - s.after_ns)


def cut(slices: Iterable[Sample], connections: int) -> float:
    """Return by what share they would differ from N T, where nobody knew what the edges cut.

    -0.8: four fifths of what the connections waited for is in no latency.
    """
    return _beyond(slices, lambda s: connections * s.wall_ns)
