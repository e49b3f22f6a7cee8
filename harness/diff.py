"""Two runs against each other: what became faster or slower, and which verdicts changed.

Rules: blocks of two runs have nothing in common, so nothing is divided across them but medians. In
each run everyone's figure is first divided by the ceiling's of the same block, and what the machine
did between the runs falls out; where there is no ceiling, it does not, and that is said. Runs under
different conditions are told apart here (`conditions`), and whoever compares them all the same
knows it. A change is what a rank is made of: a tie or more, an interval that excludes 1, and a test
that agrees after Holm's correction over the implementations of the cell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal
from zlib import crc32

import msgspec

from harness import analyse, contrast, judge, stats
from harness.alike import Condition, conditions, unlike
from harness.model import ALIASES, BLOCKS_LEAST, Cell, Level, VerdictKind
from harness.results import MEASURED
from harness.summary import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.contrast import Logs
    from harness.model import Plan, Verdict
    from harness.recorded import Recorded
    from harness.results import Where

Outcome = Literal[
    "better",
    "worse",
    "same",  # the whole interval lies within a tie
    "noise",  # neither a change nor known to be none
]


class CellChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one implementation in one cell, from one run to the other."""

    cell: Cell
    implementation: str
    figure: Literal["rate_per_s", "p99_us"]
    before: Estimate
    after: Estimate
    ratio: Estimate
    """After over before; each over the ceiling's in its block where `against` names one."""
    against: str
    p: float | None
    """That nothing changed: Mann-Whitney, Holm over the cell. None for the ceiling itself."""
    outcome: Outcome


class VerdictChange(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose verdict is another one."""

    implementation: str
    case: str
    level: Level
    before: VerdictKind
    after: VerdictKind
    reason: str
    """Of the verdict after; where that has none, of the one before."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to be said of two runs."""

    conditions: tuple[Condition, ...]
    versions: tuple[Condition, ...]
    """Of the implementations: what a comparison is mostly about."""
    changes: tuple[CellChange, ...]
    verdicts: tuple[VerdictChange, ...]
    only_before: tuple[str, ...]
    """Who has figures in a cell in the first run alone, as `trio echo 10x1KiB`."""
    only_after: tuple[str, ...]
    cases: int
    """How many cases both runs judged."""


def _versions(before: Plan, after: Plan) -> tuple[Condition, ...]:
    """Return which distributions have other versions."""
    found: list[dict[str, str]] = []
    for plan in (before, after):
        every = {name: v for one in plan.implementations for name, v in one.versions.items()}
        found.append(every)
    both = sorted(found[0].keys() & found[1].keys())
    pairs = [(name, found[0][name], found[1][name]) for name in both]
    commits = ("evenloop's commit", before.commit, after.commit)
    return unlike([*pairs, commits] if before.commit and after.commit else pairs)


def _figures(where: Where) -> Logs:
    """Return what a cell is about: answer times where the rate is given, else the rate."""
    found = where.p99 if where.cell.rate_per_s else where.rates
    return {name: logs for name, logs in found.items() if name not in ALIASES and logs}


def _own(figures: Logs, name: str, against: str) -> list[float]:
    """Return a name's figures, as logarithms, over those of `against` in the same blocks."""
    if against:
        return contrast.differences(figures, name, against)
    return [figures[name][block] for block in sorted(figures[name])]


def _ratio(before: Sequence[float], after: Sequence[float], seed: Sequence[int]) -> Estimate:
    value = stats.significant(math.exp(stats.median(after) - stats.median(before)))
    if min(len(before), len(after)) < BLOCKS_LEAST:
        return Estimate(value=value)
    low, high = stats.bootstrap_shift(before, after, seed)
    return Estimate(
        value=value, low=stats.significant(math.exp(low)), high=stats.significant(math.exp(high))
    )


def _outcome(ratio: Estimate, p: float | None, *, higher_is_better: bool) -> Outcome:
    if ratio.low is None or ratio.high is None:
        return "noise"
    tie = 1 + contrast.TIE
    if 1 / tie < ratio.low and ratio.high < tie:
        return "same"
    beyond = ratio.high < 1 or ratio.low > 1
    far = ratio.value >= tie or ratio.value <= 1 / tie
    if p is None or p > contrast.ALPHA or not (beyond and far):
        return "noise"
    return "better" if (ratio.value > 1) == higher_is_better else "worse"


def _absolute(where: Where, figures: Logs, name: str, seed: int) -> Estimate:
    """Return a figure in its unit: messages per second, or microseconds."""
    shift = math.log(1e3) if where.cell.rate_per_s else 0.0
    logs = [figures[name][block] - shift for block in sorted(figures[name])]
    return contrast.estimate(logs, seed, f"{where.label}/{name}")


def _cell(
    before: Where, after: Where, reference: str, seeds: tuple[int, int]
) -> Iterator[CellChange]:
    """Yield what changed in a cell that both runs measured, the ceiling last."""
    one, other = _figures(before), _figures(after)
    against = reference if reference in one and reference in other else ""
    names = sorted((one.keys() & other.keys()) - {against})
    pairs = {name: (_own(one, name, against), _own(other, name, against)) for name in names}
    pairs = {name: pair for name, pair in pairs.items() if all(pair)}
    raw = [stats.mann_whitney_p(*pair) for pair in pairs.values()]
    p: dict[str, float | None] = dict(zip(pairs, stats.holm(raw), strict=True))
    if against:
        pairs[against], p[against] = (_own(one, against, ""), _own(other, against, "")), None
    for name, pair in pairs.items():
        seed = (*seeds, crc32(f"{before.label}/{name}".encode()))
        ratio = _ratio(*pair, seed)
        higher = not before.cell.rate_per_s
        kind = _outcome(ratio, p[name], higher_is_better=higher)
        limits = {"one": name in after.limited, "other": name in before.limited}
        yield CellChange(
            cell=before.cell,
            implementation=name,
            figure="rate_per_s" if higher else "p99_us",
            before=_absolute(before, one, name, seeds[0]),
            after=_absolute(after, other, name, seeds[1]),
            ratio=contrast.bounded(ratio, **limits) or ratio if higher else ratio,
            against=against if name != against else "",
            p=p[name],
            outcome=kind,
        )


def _ranked(run: Recorded) -> dict[str, Where]:
    """Return the cells of a run that were measured in blocks, each with who may have figures."""
    found, _ = analyse.measured(run.plan, run.samples)
    return {where.label: where for where in found if where.cell.ranked}


def _measured(run: Recorded, where: Where) -> set[str]:
    """Return who has figures in a cell that count, by name."""
    by_name = {one.name: one for one in run.plan.implementations}
    return {
        name
        for name in _figures(where)
        if judge.standing(by_name[name], where.cell.workload, run.verdicts).status in MEASURED
    }


def _alone(one: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return who has figures in the one and none in the other, in cells that both have."""
    return tuple(
        f"{name} {label.replace('/', ' ', 1)}"
        for label in one
        if label in other
        for name in sorted(one[label] - other[label])
    )


def _verdicts(
    before: Sequence[Verdict], after: Sequence[Verdict]
) -> tuple[int, list[VerdictChange]]:
    """Return how many cases both judged, and which of them have another verdict."""
    known = {(v.implementation, v.case): v for v in before}
    both = [(known[key], v) for v in after if (key := (v.implementation, v.case)) in known]
    changed = [
        VerdictChange(
            implementation=v.implementation,
            case=v.case,
            level=v.level,
            before=was.verdict,
            after=v.verdict,
            reason=v.reason or was.reason,
        )
        for was, v in both
        if was.verdict != v.verdict
    ]
    return len(both), sorted(changed, key=lambda c: (judge.case_order(c.case), c.implementation))


def difference(before: Recorded, after: Recorded) -> Difference:
    """Return what changed from one run to another; the same two give the same.

    Cells that were measured once have no blocks, and no interval: they are left out.
    Raises UsageError where the samples do not belong to their plan.
    """
    one, other = _ranked(before), _ranked(after)
    kinds = {i.name: i.kind for i in before.plan.implementations}
    reference = next((name for name, kind in kinds.items() if kind == "reference"), "")
    seeds = (before.plan.seed, after.plan.seed)
    who = {label: _measured(before, where) for label, where in one.items()}
    whose = {label: _measured(after, where) for label, where in other.items()}
    changes = [
        change
        for label in one
        if label in other
        for change in _cell(one[label], other[label], reference, seeds)
        if change.implementation in who[label] & whose[label]
    ]
    cases, verdicts = _verdicts(before.verdicts, after.verdicts)
    return Difference(
        conditions=conditions(before.plan, after.plan),
        versions=_versions(before.plan, after.plan),
        changes=tuple(changes),
        verdicts=tuple(verdicts),
        only_before=_alone(who, whose),
        only_after=_alone(whose, who),
        cases=cases,
    )


def too_much(found: Difference, share: float) -> list[str]:
    """Return what became worse by more than a share (0.05: 5%), a sentence each.

    A figure counts where it is a change and its whole interval lies beyond the share; a MUST that
    held and fails, and figures that are gone, are worse than any share.
    """
    said = []
    for change in found.changes:
        low, high = change.ratio.low, change.ratio.high
        if change.outcome != "worse" or low is None or high is None:
            continue
        slower = change.figure == "rate_per_s"
        if high < 1 - share if slower else low > 1 + share:
            what = f"{change.cell.workload} {change.cell.name}"
            said.append(f"{change.implementation} {what}: {change.ratio.value:.2f} of before")
    said += [
        f"{v.implementation} {v.case}: {v.before}, now FAIL"
        for v in found.verdicts
        if v.level == "MUST" and v.after == "FAIL"
    ]
    return said + [f"{who}: has no figures any more" for who in found.only_before]
