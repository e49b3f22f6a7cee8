"""The statistics keep their promises on data whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import contrast, stats

settings.register_profile("same", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("same")

FINITE = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
SHARES = st.floats(min_value=0.0, max_value=1.0)


@given(st.lists(FINITE, min_size=1, max_size=40))
def test_the_median_has_half_on_each_side(values: list[float]) -> None:
    """At most half of the values are below the median, at most half above."""
    middle = stats.median(values)
    assert 2 * sum(v < middle for v in values) <= len(values)
    assert 2 * sum(v > middle for v in values) <= len(values)


@given(st.integers(1, 10**6), st.integers(10**6, 10**9), st.floats(min_value=0.0, max_value=0.9))
def test_the_corrected_rate_is_that_of_a_server_that_had_its_core(
    messages: int, wall_ns: int, wait: float
) -> None:
    """Rate / (1 - wait share), whatever the share."""
    wait_ns = int(wait * wall_ns)
    raw = messages / (wall_ns / 1e9)
    expected = raw / (1 - wait_ns / wall_ns)
    assert stats.corrected_rate(messages, wall_ns, wait_ns) == pytest.approx(expected)


@pytest.mark.parametrize("blocks", [6, 8, 12, 20])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(blocks: int) -> None:
    """Of 300 campaigns with a known ratio, 90% or more have it in their 95% interval."""
    rng = np.random.default_rng(blocks)
    covered = 0
    for campaign in range(300):
        low, high = stats.bootstrap_interval(list(rng.normal(0.4, 0.015, blocks)), (7, campaign))
        covered += low <= 0.4 <= high
    assert covered / 300 >= 0.90


@given(st.lists(FINITE, min_size=2, max_size=12), st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_interval_lies_within_the_values_and_depends_on_the_seed_alone(
    values: list[float], seed: int
) -> None:
    """An interval of a median is never outside the data; the same seed gives the same."""
    low, high = stats.bootstrap_interval(values, (seed,))
    assert min(values) <= low <= high <= max(values)
    assert (low, high) == stats.bootstrap_interval(values, (seed,))


@pytest.mark.parametrize("many", [2, 3, 6, 7, 11, 12, 60, 300])
def test_the_interval_is_that_of_scipy(many: int) -> None:
    """The same resamples from the same seed, also of values that occur twice, to the last bits."""
    values = np.random.default_rng(many).normal(0.4, 0.02, many)
    for data in (values, values.round(2)):
        theirs = scipy.stats.bootstrap(
            (data,),
            np.median,
            n_resamples=stats.RESAMPLES,
            confidence_level=0.9,
            method="percentile",
            rng=np.random.default_rng([7, many]),
        ).confidence_interval
        ours = stats.bootstrap_interval(list(data), (7, many), 0.9)
        assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-14)


@given(st.lists(FINITE, min_size=1, max_size=40))
def test_the_median_is_that_of_numpy(values: list[float]) -> None:
    """Bit for bit."""
    assert stats.median(values) == np.median(values)


@given(st.lists(SHARES, min_size=1, max_size=12))
def test_holm_is_between_the_raw_p_and_bonferroni(p_values: list[float]) -> None:
    """Adjusted p-values are no smaller than raw, no larger than Bonferroni's, in the same order."""
    adjusted = stats.holm(p_values)
    for raw, found in zip(p_values, adjusted, strict=True):
        assert raw <= found <= min(1.0, len(p_values) * raw) + 1e-12
    by_raw = [found for _, found in sorted(zip(p_values, adjusted, strict=True))]
    assert by_raw == sorted(by_raw)


def test_holm_gives_the_textbook_answer() -> None:
    """Holm's own example order: 0.01, 0.04, 0.03 become 0.03, 0.06, 0.06."""
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def alone(values: list[float]) -> float:
    """Return the p of one comparison."""
    return stats.sign_flip_p([dict(enumerate(values))], (1,))[0]


def test_the_test_reaches_no_less_than_two_to_the_minus_n() -> None:
    """Eight differences of one sign give 2/256; those around zero give nothing."""
    assert alone([float(i) for i in range(1, 9)]) == pytest.approx(2 / 256)
    assert alone([1.0, -1.1, 2.0, -2.1, 3.0, -3.1]) > 0.5
    assert alone([0.0] * 9) == alone([]) == 1.0
    assert stats.sign_flip_p([], (1,)) == []


def test_the_smallest_p_is_that_of_blocks_all_alike() -> None:
    """What the report says can be reached at best is what the test gives at best."""
    for blocks in (2, 6, 9, 13):
        alike = dict.fromkeys(range(blocks), 0.1)
        assert stats.sign_flip_p([alike], (1,)) == [pytest.approx(stats.least_p(blocks))]
    drawn = stats.sign_flip_p([dict.fromkeys(range(14), 0.1)], (1,))[0]
    assert stats.least_p(14) <= drawn < 10 * stats.least_p(14)


@pytest.mark.parametrize("blocks", [5, 8, 12])
def test_one_comparison_has_the_p_of_scipys_permutation_test(blocks: int) -> None:
    """Nothing is adjusted where nothing else is compared."""
    values = np.random.default_rng(blocks).normal(0.005, 0.01, blocks)
    whole = scipy.stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert alone(list(values)) == pytest.approx(whole.pvalue)


def test_a_comparison_costs_no_more_for_being_many() -> None:
    """Six blocks tell twenty apart that are sure, and not the one that is not."""
    rng = np.random.default_rng(4)
    sure = [dict(enumerate(0.1 * k + rng.normal(0, 0.01, 6))) for k in range(1, 21)]
    found = stats.sign_flip_p([*sure, dict(enumerate(rng.normal(0, 0.01, 6)))], (1,))
    assert found[:20] == pytest.approx([2 / 64] * 20)
    assert found[20] > 0.05


@pytest.mark.parametrize(("blocks", "others"), [(8, 5), (8, 20), (12, 20), (16, 5)])
def test_among_equals_one_is_seldom_told_apart(blocks: int, others: int) -> None:
    """In 400 campaigns of equals 5% or fewer have any p of 5%, but for the luck of 400."""
    rng = np.random.default_rng(blocks + others)
    wrong = 0
    for campaign in range(400):
        own = rng.normal(0, 0.01, blocks)
        found = [dict(enumerate(own - rng.normal(0, 0.01, blocks))) for _ in range(others)]
        wrong += min(stats.sign_flip_p(found, (campaign,))) <= 0.05
    assert wrong / 400 <= 0.075


def test_a_block_that_one_comparison_lacks_counts_for_the_others() -> None:
    """What was thrown out takes nothing else with it."""
    whole = {b: 0.1 + 0.001 * b for b in range(8)}
    part = {b: value + 0.01 * b for b, value in whole.items() if b != 3}
    found = stats.sign_flip_p([whole, part], (1,))
    assert found == pytest.approx([2 / 256, 2 / 128])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_ranks_of_a_full_order_are_competition_ranks(scores: list[int]) -> None:
    """When everyone is told apart by score, equal scores share exactly the places they fill."""
    names = [f"n{i}" for i in range(len(scores))]
    score = dict(zip(names, scores, strict=True))
    beaten_by = {a: frozenset(b for b in names if score[b] > score[a]) for a in names}
    for name, (best, worst) in stats.rank_ranges(names, beaten_by).items():
        assert best == 1 + sum(s > score[name] for s in scores)
        assert worst - best + 1 == sum(s == score[name] for s in scores)


@given(st.lists(st.floats(min_value=0.0, max_value=1e6), min_size=1, max_size=50))
def test_jain_lies_between_one_nth_and_one(values: list[float]) -> None:
    """1/n when one has everything, 1 when all have the same, never outside."""
    assert 1 / len(values) - 1e-9 <= stats.jain(values) <= 1 + 1e-9
    assert stats.jain([5.0] * len(values)) == pytest.approx(1.0)
    assert stats.jain([1.0, *[0.0] * 9]) == pytest.approx(0.1)


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_significant_keeps_six_digits(value: float) -> None:
    """The rounding error is under half of the sixth digit."""
    assert stats.significant(value) == pytest.approx(value, rel=5.1e-6)


def _logs(rng: np.random.Generator, effects: dict[str, float], blocks: int) -> contrast.Logs:
    """Return synthetic log rates: a block's mood, an instance's bias of 1%, and the effect."""
    mood = rng.normal(0, 0.1, blocks)
    return {
        name: {b: 10 + mood[b] + math.log(effect) + rng.normal(0, 0.01) for b in range(blocks)}
        for name, effect in effects.items()
    }


def test_ten_per_cent_is_told_apart_and_equals_are_not() -> None:
    """A leads B by 10%, C equals B: in 20 campaigns of 12 blocks A is 1, B and C share 2-3."""
    rng = np.random.default_rng(3)
    for campaign in range(20):
        logs = _logs(rng, {"a": 1.1, "b": 1.0, "c": 1.0}, 12)
        found = contrast.ranks(logs, ["a", "b", "c"], seed=campaign)
        assert found == {"a": "1", "b": "2-3", "c": "2-3"}


def test_under_three_per_cent_is_a_tie_however_sure() -> None:
    """A lead of 2% stays a tie with 60 quiet blocks."""
    logs = _logs(np.random.default_rng(5), {"a": 1.02, "b": 1.0}, 60)
    assert contrast.ranks(logs, ["a", "b"], seed=1) == {"a": "1-2", "b": "1-2"}


def test_nobody_is_better_than_who_is_only_bounded_below() -> None:
    """Where the gauge was b's limit, a's lead over b says nothing; b's lead over c stands."""
    logs = _logs(np.random.default_rng(6), {"a": 1.3, "b": 1.2, "c": 1.0}, 12)
    found = contrast.ranks(logs, ["a", "b", "c"], seed=1, limited={"b"})
    assert found == {"a": "1-2", "b": "1-2", "c": "3"}


def test_an_effect_is_the_same_in_a_wild_minute() -> None:
    """What a block does to everyone falls out of the ratio."""
    calm = {"a": dict.fromkeys(range(8), 0.5), "b": dict.fromkeys(range(8), 0.0)}
    wild = {n: {b: v + 3.0 * b for b, v in own.items()} for n, own in calm.items()}
    assert contrast.differences(wild, "a", "b") == pytest.approx(
        contrast.differences(calm, "a", "b")
    )


def test_under_six_blocks_there_is_no_interval() -> None:
    """Five values give a median alone, six an interval."""
    assert contrast.estimate([0.1] * 5, 1, "x").low is None
    assert contrast.estimate([0.1, 0.2, 0.1, 0.2, 0.1, 0.2], 1, "x").low is not None


def test_a_slope_by_hand() -> None:
    """(0,0) (1,1) (2,2) (3,5): Sxy 8, Sxx 5, SSE 1.2, Syy 14, t(0.975, 2) 4.302653."""
    middle, low, high, r2 = stats.slope([0, 1, 2, 3], [0, 1, 2, 5])
    half = 4.302653 * math.sqrt(1.2 / 2 / 5)
    assert middle == pytest.approx(1.6)
    assert (low, high) == pytest.approx((1.6 - half, 1.6 + half))
    assert r2 == pytest.approx(1 - 1.2 / 14)


@pytest.mark.parametrize("many", [*range(3, 12), 40, 301])
def test_the_slope_is_that_of_scipy(many: int) -> None:
    """Line, interval and r squared, with few points and many."""
    at = np.arange(many) * 100.0
    values = 3.0 * at + np.random.default_rng(many).normal(0.0, 40.0, many)
    theirs = scipy.stats.linregress(at, values)
    half = theirs.stderr * scipy.stats.t.ppf(0.975, many - 2)
    wanted = (theirs.slope, theirs.slope - half, theirs.slope + half, theirs.rvalue**2)
    assert stats.slope(list(at), list(values)) == pytest.approx(wanted, rel=1e-9)


def test_a_flat_line_fits() -> None:
    """Values that are all the same: no slope, no doubt, and a line that explains them."""
    assert stats.slope([0, 1, 2], [7, 7, 7]) == (0.0, 0.0, 0.0, 1.0)


def test_the_middle_is_that_of_all_pairs() -> None:
    """Of two the mean, of any the median of pairs; one of six that is far off moves it little."""
    assert stats.middle([3.0]) == 3.0
    assert stats.middle([1.0, 4.0]) == stats.median([1.0, 4.0]) == 2.5
    assert stats.middle([1.0, 2.0, 6.0]) == np.median([1.0, 1.5, 2.0, 3.5, 4.0, 6.0])
    assert stats.middle([1.0, 2.0, 3.0, 4.0, 5.0, 1e9]) < 5.0
    drawn = np.random.default_rng(4).normal(size=(4000, 6))
    variance = np.var([stats.middle(row) for row in drawn]) / np.var(drawn.mean(axis=1))
    assert variance == pytest.approx(1.07, abs=0.03)


def test_a_share_has_its_interval() -> None:
    """All of 20: a power of 0.83 at least; the ends are Clopper and Pearson's."""
    assert list(stats.share_interval(20, 20)) == pytest.approx([0.025 ** (1 / 20), 1.0])
    assert list(stats.share_interval(38, 40)) == pytest.approx([0.8308, 0.9939], abs=1e-4)
