"""Histograms merge and read as the gauge's do, and stalls show in them as arithmetic says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import latencies, stats
from harness.latencies import Histogram
from harness.model import Sample

settings.register_profile("same", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("same")

VALUES = st.lists(st.integers(0, 2000), min_size=1, max_size=60)
SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0])


def histogram(values: list[int]) -> Histogram:
    """Return values that have a bucket each."""
    return Histogram({v: values.count(v) for v in values}, float(max(values, default=0)))


@given(VALUES, SHARES)
def test_a_quantile_is_the_smallest_value_that_the_share_does_not_exceed(
    values: list[int], share: float
) -> None:
    """By its definition, and by numpy's name for it (inverted_cdf)."""
    found = histogram(values).quantile(share)
    assert sum(v <= found for v in values) >= math.ceil(share * len(values))
    assert found in values
    assert all(sum(v <= w for v in values) < share * len(values) for w in values if w < found)
    assert found == np.quantile(values, share, method="inverted_cdf")


@given(st.lists(VALUES, min_size=1, max_size=5), SHARES)
def test_a_merge_is_exact(parts: list[list[int]], share: float) -> None:
    """Merged histograms are the histogram of all values, in whatever order."""
    whole = histogram([value for part in parts for value in part])
    for order in (parts, parts[::-1]):
        merged = latencies.merge(histogram(part) for part in order)
        assert (dict(merged.counts), merged.max_ns) == (dict(whole.counts), whole.max_ns)
        assert merged.quantile(share) == whole.quantile(share)


def test_no_quantile_is_above_the_exact_maximum() -> None:
    """The middle of the last bucket lies above the longest latency; empty is 0."""
    assert Histogram({5000: 3}, 4990.0).quantile(0.99) == 4990.0
    assert Histogram({}, 0.0).quantile(0.5) == 0.0


def test_samples_give_their_messages_together() -> None:
    """Buckets that several samples have are added; the maximum is the gauge's own."""
    fields = {"block": 0, "implementation": "x", "workload": "echo", "cell": "c", "of": 2}
    one = Sample(**fields, index=0, max_ns=210.0, latencies=((100, 3), (200, 1)))  # type: ignore[arg-type]
    two = Sample(**fields, index=1, latencies=((100, 2), (300, 1)))  # type: ignore[arg-type]
    found = latencies.of([one, two])
    assert (dict(found.counts), found.max_ns, found.many) == ({100: 5, 200: 1, 300: 1}, 300.0, 7)


@pytest.mark.parametrize("phase_s", [0.0, 0.05, 0.13, 0.2, 0.2499])
@pytest.mark.parametrize("wall_s", [0.5, 2.0, 2.1])
def test_stalls_show_as_arithmetic_says(phase_s: float, wall_s: float) -> None:
    """Waits worked out message by message lie where Stalls says, wherever the window begins."""
    for_s, every_s, rate = 0.05, 0.25, 20_000
    into = (np.arange(int(wall_s * rate)) / rate + phase_s) % every_s
    waits = np.maximum(0.0, for_s - into)
    held = latencies.stalls([wall_s], for_s, every_s)
    for share in (0.9, 0.99, 0.999):
        low, high = held.quantile_s(share)
        seen = float(np.quantile(waits, share, method="inverted_cdf"))
        assert low - 1.5 / rate <= seen <= high + 1.5 / rate
    assert (held.fewest == held.most) == (wall_s != 2.1)


def test_a_second_every_five_gives_the_textbook_percentiles() -> None:
    """Of a minute with a second of sleep in every five: half a second at p90, and so on."""
    held = latencies.stalls([60.0], 1.0, 5.0)
    assert held.quantile_s(0.9) == pytest.approx((0.5, 0.5))
    assert held.quantile_s(0.99) == pytest.approx((0.95, 0.95))
    assert held.quantile_s(0.999) == pytest.approx((0.995, 0.995))
    assert held.quantile_s(0.5) == (0.0, 0.0)


def _blocks(rng: np.random.Generator, many: int) -> np.ndarray:
    """Return the logarithms of so many blocks' p99: 1,000 answers each, one block in ten slow."""
    answers = rng.lognormal(4.6, 0.3, (many, 1000))
    answers *= np.where(rng.random(answers.shape) < 0.02, 2.0, 1.0)  # a tail of its own
    bias = rng.normal(0.0, 0.02, many) + (rng.random(many) < 0.1) * rng.exponential(0.5, many)
    p99 = np.quantile(answers, 0.99, axis=1, method="inverted_cdf")
    return np.asarray(np.log(p99) + bias)


@pytest.mark.parametrize("blocks", [6, 12, 20])
def test_the_interval_of_the_median_p99_covers_it_about_as_often_as_it_says(blocks: int) -> None:
    """Of 200 campaigns of skewed blocks, 90% or more have the median block's p99 in theirs."""
    rng = np.random.default_rng(blocks)
    truth = float(np.median(_blocks(rng, 4000)))
    covered = 0
    for campaign in range(200):
        low, high = stats.bootstrap_interval(list(_blocks(rng, blocks)), (7, campaign))
        covered += low <= truth <= high
    assert covered / 200 >= 0.90
