"""The statistics of the comparison: floats in, floats out.

Rules: pure functions; no record of the harness, no file, no global random state. Whoever needs
randomness hands over a seed. A formula has its source in the docstring. What every report needs is
computed here with numpy: scipy.stats takes longer to import than a rendering may, and is asked for
the rare rest. tests/test_stats.py holds the one against the other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

RESAMPLES = 4999  # the ends of a 95% interval then move by under a tenth of its width between seeds
EXACT_BLOCKS = 13  # 8192 flips; with more blocks RESAMPLES of them
ROUNDING = 1e-9  # by which equal sums may differ
BATCH = 500  # resamples at once
DRAWN = 32_768  # values at once: the same numbers, and no more memory for many blocks than for few
LEVEL = 0.95


def _scipy_stats() -> Any:
    """Return scipy.stats, which takes longer to import than a rendering may."""
    from scipy import stats  # noqa: PLC0415

    return stats


def median(values: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two in the middle. `values` is not empty."""
    ordered = sorted(values)
    at = len(ordered) // 2
    return float(ordered[at] if len(ordered) % 2 else (ordered[at - 1] + ordered[at]) / 2)


def middle(values: Sequence[float]) -> float:
    """Return the Hodges-Lehmann estimate: the median of the means of all pairs, each with itself.

    Of six normal values its variance is 1.07 times their mean's, a median's 1.28 times; one of six
    may lie anywhere, of a median's two. Source: Hodges and Lehmann, Estimates of Location Based on
    Rank Tests (1963). `values` is not empty.
    """
    found = np.asarray(values, dtype=np.float64)
    one, other = np.triu_indices(len(found))
    return float(np.median((found[one] + found[other]) / 2))


def corrected_rate(messages: int, wall_ns: int, wait_ns: int) -> float:
    """Return messages per second of the time in which the server had a core or wanted none.

    rate / (1 - wait/wall), which is messages / (wall - wait). `wait_ns` is less than `wall_ns`.
    """
    return messages / ((wall_ns - wait_ns) / 1e9)


def _medians(values: Sequence[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the medians of RESAMPLES resamples, drawn as scipy.stats.bootstrap draws them.

    A median depends on the order of the values alone: ranks of a byte sort faster than they do.
    """
    many = len(values)
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    order = np.argsort(values, kind="stable")
    rank = np.empty(many, dtype=np.uint8 if many < 256 else np.intp)
    rank[order] = np.arange(many)
    found = np.empty(RESAMPLES)
    rows = max(1, DRAWN // many)
    for at in range(0, RESAMPLES, rows):
        some = min(rows, RESAMPLES - at)
        drawn = np.sort(rank[rng.integers(0, many, (some, many))], axis=1)
        middles = ordered[drawn[:, (many - 1) // 2]] + ordered[drawn[:, many // 2]]
        found[at : at + some] = middles / 2
    return found


def bootstrap_interval(
    values: Sequence[float], seed: Sequence[int], level: float = LEVEL
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the median of at least two values.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. BCa was
    refused: its acceleration rests on the jackknife, which is inconsistent for a median.
    A nominal 95% covers 0.93 of normal data at 6 to 12 values, 0.95 at 20 (tests/test_stats.py).
    """
    medians = _medians(values, np.random.default_rng(list(seed)))
    low, high = np.quantile(medians, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_shift(
    before: Sequence[float], after: Sequence[float], seed: Sequence[int], level: float = LEVEL
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the median after minus the median before.

    At least two values each, which are resampled apart: they are not paired. Source: Efron and
    Tibshirani, An Introduction to the Bootstrap (1993), sections 8.3 and 13.3.
    """

    def shift(one: Any, other: Any, axis: int = -1) -> Any:
        return np.median(other, axis=axis) - np.median(one, axis=axis)

    found = (
        _scipy_stats()
        .bootstrap(
            (np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)),
            shift,
            n_resamples=RESAMPLES,
            confidence_level=level,
            method="percentile",
            batch=BATCH,
            rng=np.random.default_rng(list(seed)),
        )
        .confidence_interval
    )
    return float(found.low), float(found.high)


def mann_whitney_p(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the two-sided p of the hypothesis that both come from one distribution.

    Mann and Whitney's test, exact for few values without ties (Mann and Whitney 1947;
    scipy.stats.mannwhitneyu). The least it can reach with n and n values is 2 / (2n choose n):
    0.1 with 3, 0.002 with 6.
    """
    if not before or not after:
        return 1.0
    return float(_scipy_stats().mannwhitneyu(before, after, alternative="two-sided").pvalue)


def sign_flip_p(compared: Sequence[Mapping[int, float]], seed: Sequence[int]) -> list[float]:
    """Return for each comparison the two-sided p that its differences lie evenly around 0.

    A comparison is its differences by block. Fisher's randomization test (The Design of Experiments
    (1935), section 21) of their studentized mean, adjusted for being many by Westfall and Young's
    step-down method (Resampling-Based Multiple Testing (1993), section 2.6; Romano and Wolf, Exact
    and Approximate Stepdown Methods (2005)): a block's sign is flipped in all comparisons at once,
    and p is the share of flips under which any that is not decided before does as well. So who is
    far from 0 in each of n blocks reaches 2 / 2**n among however many: 0.031 with 6, 0.008 with 8.
    Holm's correction of Wilcoxon's test asks each for its own: among twenty nobody could be told
    apart with 9 blocks. Exact up to 2**EXACT_BLOCKS flips; beyond, RESAMPLES random ones from the
    seed, and the data's own. A comparison has two blocks at least.
    """
    blocks = sorted({block for one in compared for block in one})
    if not blocks:
        return [1.0] * len(compared)
    values = np.array([[one.get(block, 0.0) for block in blocks] for one in compared])
    had = np.array([len(one) for one in compared])
    norms = np.sqrt(had * np.square(values).sum(axis=1))
    values /= np.where(norms, norms, 1.0)[:, np.newaxis]
    sums = np.abs(_flips(len(blocks), seed) @ values.T)  # flips x comparisons, each from 0 to 1
    # Student's t of the same values, so that unequal numbers of blocks have one measure.
    flipped = sums * np.sqrt((had - 1) / np.maximum(1 - np.square(sums), ROUNDING))
    seen = flipped[0]
    weakest_first = np.argsort(seen, kind="stable")
    # At each, the best that any does that is no stronger: those that are not decided before it.
    undecided = np.maximum.accumulate(flipped[:, weakest_first], axis=1)
    shares = np.mean(undecided >= seen[weakest_first] * (1 - ROUNDING), axis=0)
    adjusted = np.empty(len(compared))
    adjusted[weakest_first] = np.maximum.accumulate(shares[::-1])[::-1]
    return [float(p) for p in adjusted]


def least_p(blocks: int) -> float:
    """Return the smallest p that `sign_flip_p` gives with so many blocks: of them all, alike.

    The data's own flip counts, and where all flips are tried, the one that mirrors it.
    """
    return 2.0 / 2**blocks if blocks <= EXACT_BLOCKS else 1.0 / (RESAMPLES + 1)


def _flips(blocks: int, seed: Sequence[int]) -> Any:
    """Return signs to give to blocks, a row each; the first leaves them as they are."""
    if blocks <= EXACT_BLOCKS:
        every = np.arange(2**blocks)[:, np.newaxis] >> np.arange(blocks) & 1
        return 1.0 - 2.0 * every
    drawn = np.random.default_rng(list(seed)).choice((-1.0, 1.0), (RESAMPLES, blocks))
    return np.vstack([np.ones(blocks), drawn])


def share_interval(many: int, of: int) -> tuple[float, float]:
    """Return the 95% interval of a share that `many` of `of` tries had, `of` at least 1.

    Source: Clopper and Pearson, The Use of Confidence or Fiducial Limits (1934): it covers at least
    so often, whatever the share (scipy.stats.binomtest).
    """
    found = _scipy_stats().binomtest(many, of).proportion_ci(LEVEL, "exact")
    return float(found.low), float(found.high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for being many, in the order given.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
    """
    count = len(p_values)
    adjusted = [0.0] * count
    highest = 0.0
    for step, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (count - step) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def rank_ranges(
    names: Sequence[str], beaten_by: Mapping[str, frozenset[str]]
) -> dict[str, tuple[int, int]]:
    """Return for each name the best and the worst rank that it may have.

    `beaten_by[name]` holds who is told apart from it and better. Best rank: one after all who beat
    it. Worst: before all whom it beats. Source: Mogstad, Romano, Shaikh and Wilhelm, Inference for
    Ranks (2024), section 3.
    """
    beats = {name: sum(name in beaten_by[other] for other in names) for name in names}
    return {name: (1 + len(beaten_by[name]), len(names) - beats[name]) for name in names}


def _within(t: float, freedom: int) -> float:
    """Return how likely Student's t with so many degrees of freedom lies between -t and t.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):  # freedom // 2 terms
        total += term
        term *= square * k / (k + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _student(freedom: int, level: float = LEVEL) -> float:
    """Return the t between whose negative and itself Student's t lies so likely: by bisection."""
    low, high = 0.0, 1000.0  # 12.7 with one degree, less with more
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return middle


def slope(at: Sequence[float], values: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the slope of the least-squares line, the ends of its interval, and r squared.

    At least three points that do not stand one above the other. The interval is Student's, with two
    degrees of freedom less than points (Draper and Smith, Applied Regression Analysis (1998),
    section 1.4). Values that are all the same lie on their line: 1.
    """
    if len(set(values)) == 1:  # its r and standard error are 0 / 0
        return 0.0, 0.0, 0.0, 1.0
    (across, both), (_, along) = np.cov(at, values, bias=True)
    r2 = min(1.0, float(both) ** 2 / (float(across) * float(along)))
    middle, freedom = float(both / across), len(at) - 2
    half = math.sqrt((1 - r2) * float(along / across) / freedom) * _student(freedom)
    return middle, middle - half, middle + half, r2


def jain(values: Sequence[float]) -> float:
    """Return Jain's fairness index: 1 when all are equal, 1/n when one has everything.

    (sum x)^2 / (n * sum x^2); 1 when nobody has anything. Source: Jain, Chiu and Hawe, A
    Quantitative Measure of Fairness (1984).
    """
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def significant(value: float, digits: int = 6) -> float:
    """Return the value rounded to so many significant digits.

    The last bits of a logarithm differ between processors; what is written down must not.
    """
    if value == 0.0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
