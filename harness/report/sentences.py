"""The answer in words: one heading, and one sentence a framework, drawn from figures alone.

Rules: `RULES` has every half-sentence that can be said, in order; each takes Facts and gives text,
or nothing where its condition does not hold. More or fewer than the baseline is said only of those
who were told apart (a rank's own test: tie, interval, test), and as the interval, never as a point.
Nothing is said of a workload whose ranks are withheld, nor after a quick run. Plain text goes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness import stats
from harness.report import numbers, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from harness.model import Implementation, VerdictKind
    from harness.summary import Estimate, Result, Standing, Summary, WorkloadSummary

UNEVEN = 0.9  # Jain's index: below it one connection in ten might as well not be there
_KIB = 1024.0
_MANY = 3  # leaders that a heading names; more are counted

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_DIFFERENCES: tuple[VerdictKind, ...] = ("FAIL", "DECLARED")  # the worse first
VERBS = {"echo": ("answers", "answer"), "fetch": ("makes", "make")}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one implementation."""

    one: Implementation
    summary: Summary

    @property
    def open(self) -> list[tuple[WorkloadSummary, Standing]]:
        """The workloads that may be spoken of, and where it stands in each."""
        return [
            (found, row)
            for found in self.summary.workloads
            for row in found.standings
            if row.implementation == self.one.name and not withheld(self.summary, found)
        ]


def withheld(summary: Summary, found: WorkloadSummary) -> str:
    """Return why nothing is said of a workload in words; empty: it may be."""
    if why := words.withheld(found):
        return why
    return "No ranking in words: this was a quick run." if summary.quick else ""


def _title(summary: Summary, name: str) -> str:
    return next((one.title for one in summary.implementations if one.name == name), name)


def _told(one: str, row: Standing | Result, other: Standing | Result | None) -> int:
    """Return 1 where one was told to be ahead of the other, -1 behind, 0 where nobody can tell."""
    if other is None:
        return 0
    return (other.implementation in row.ahead_of) - (one in other.ahead_of)


def more(found: Estimate, told: int, nouns: str, than: str) -> str:
    """Return an interval around a ratio as `3-9% more messages than X`; from 2 on as multiples.

    `told`: 1 where the ratio was told to be above 1, -1 below. A bound that the gauge set is said
    as such.
    """
    low, high = found.low or found.value, found.high or found.value
    if told > 0 and low >= 2:
        ends = f"{low:.1f}" if found.bound else _range(f"{low:.1f}", f"{high:.1f}")
        return f"{'at least ' if found.bound else ''}{ends} times as many {nouns} as {than}"
    ends_percent = (low - 1, high - 1) if told > 0 else (1 - high, 1 - low)
    first, last = (f"{100 * end:.0f}" for end in ends_percent)
    if found.bound:
        return f"at least {first}% {'more' if told > 0 else 'fewer'} {nouns} than {than}"
    return f"{_range(first, last)}% {'more' if told > 0 else 'fewer'} {nouns} than {than}"


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first}–{last}"  # noqa: RUF001


def _against(found: WorkloadSummary, row: Standing, than: str) -> str:
    """Return what stands behind a rank, in brackets; nothing for the baseline itself."""
    if row.implementation == found.baseline or row.ratio is None:
        return ""
    base = next((r for r in found.standings if r.implementation == found.baseline), None)
    told = _told(row.implementation, row, base)
    if not told:
        return f" (not told apart from {than})"
    return f" ({more(row.ratio, told, words.NOUN[found.workload][1], than)})"


def _place(rank: str) -> str:
    """Return a rank in words: `first`, or `2-3` as a range."""
    number = int(rank) if rank.isdigit() else 0
    return ORDINALS[number - 1] if 0 < number <= len(ORDINALS) else rank.replace("-", "–")  # noqa: RUF001


def _ranks(facts: Facts) -> str:
    said = [
        f"{_place(row.rank)} in {found.workload}"
        + _against(found, row, _title(facts.summary, found.baseline))
        for found, row in facts.open
        if row.rank
    ]
    return f"ranks {' and '.join(said)}" if said else ""


def _unranked(facts: Facts) -> str:
    """Return why it has no rank where others have one."""
    said: dict[str, list[str]] = {}
    for found, row in facts.open:
        if row.rank:
            continue
        clauses = ", ".join(row.clauses) or "its behaviour"
        why = {
            "ok": "none of its slices counted",
            "fail": f"fails {clauses}",
            "declared": f"differs in {clauses} and says so",
            "unproven": f"{clauses} could not be judged",
            "cannot-run": "takes no part",
        }[row.status]
        said.setdefault(why, []).append(found.workload)
    return "; ".join(f"is not ranked in {' and '.join(w)}: {why}" for why, w in said.items())


def _p99(facts: Facts) -> str:
    """Return its latency at the equal rate, where it was told apart from the baseline's."""
    for found, _ in facts.open:
        for each in found.cells:
            by_name = {result.implementation: result for result in each.results}
            own, base = by_name.get(facts.one.name), by_name.get(found.baseline)
            if not each.cell.rate_per_s or own is None or own.latency is None:
                continue
            told, ratio = _told(facts.one.name, own, base), own.latency.ratio
            if not told or ratio is None or ratio.low is None or ratio.high is None:
                continue
            than = _title(facts.summary, found.baseline)
            low, high = (100 * abs(end - 1) for end in (ratio.low, ratio.high))
            ends = _range(*(f"{end:.0f}" for end in sorted((low, high))))
            how = "below" if told > 0 else "above"
            return f"its p99 at {each.cell.rate_per_s:,} messages/s is {ends}% {how} {than}'s"
    return ""


def _uneven(facts: Facts) -> str:
    """Return how unequally it serves connections under load, where that is beyond doubt."""
    worst: tuple[float, str] | None = None
    for found, _ in facts.open:
        for each in found.cells:
            for own in each.results:
                high = own.jain_high
                if own.implementation != facts.one.name or not each.cell.ranked or high is None:
                    continue
                if high < UNEVEN and (worst is None or own.jain < worst[0]):
                    ends = f"{own.jain_low:.2f}–{high:.2f}"  # noqa: RUF001
                    many = numbers.count(each.cell.concurrency, "connection")
                    worst = own.jain, f"it serves {many} unevenly (Jain's index {ends} of 1)"
    return worst[1] if worst else ""


def connection_kib(summary: Summary, name: str) -> Estimate | None:
    """Return the memory of an idle echo connection in KiB; None where it was not measured."""
    for trait in summary.traits:
        key = trait.implementation, trait.workload, trait.figure
        if key == (name, "echo", "pss_bytes_per_connection") and trait.estimate:
            found = trait.estimate
            ends = (None if end is None else end / _KIB for end in (found.low, found.high))
            low, high = ends
            return msgspec.structs.replace(found, value=found.value / _KIB, low=low, high=high)
    return None


def _memory(facts: Facts) -> str:
    found = connection_kib(facts.summary, facts.one.name)
    return f"an idle connection takes {numbers.figure(found, most=1)} KiB" if found else ""


def differing(summary: Summary, name: str) -> list[tuple[str, str, VerdictKind]]:
    """Return the clauses below MUST in which it differs: clause, title, verdict.

    A clause differs where any of its cases does, though others were not decided.
    """
    seen: dict[str, set[VerdictKind]] = {}
    for one in summary.suite:
        if one.level == "SHOULD" and name in one.verdicts:
            seen.setdefault(one.text.case.partition(".")[0], set()).add(one.verdicts[name])
    found: list[tuple[str, str, VerdictKind]] = []
    for c in summary.clauses:
        if c.level == "SHOULD" and name in c.verdicts:
            kinds = {c.verdicts[name], *seen.get(c.clause, ())}
            worst = [kind for kind in _DIFFERENCES if kind in kinds]
            found += [(c.clause, c.title, kind) for kind in worst[:1]]
    return found


def _differs(facts: Facts) -> str:
    found = [f"{clause} ({title})" for clause, title, _ in differing(facts.summary, facts.one.name)]
    return f"it does not keep {' and '.join(found)}" if found else ""


RULES: tuple[Callable[[Facts], str], ...] = (_ranks, _unranked, _p99, _uneven, _memory, _differs)


def sentences(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield title and sentence of each framework, in the order of the answer."""
    if all(withheld(summary, found) for found in summary.workloads):
        return
    known = summary.by_name
    names = [row.implementation for found in summary.workloads for row in found.standings]
    for name in dict.fromkeys(names):
        if known[name].kind == "framework":
            facts = Facts(known[name], summary)
            said = [half for rule in RULES if (half := rule(facts))]
            yield known[name].title, "; ".join(said) + "."


def among(summary: Summary, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield a workload and the places that some have among themselves: `one 1-2, other 1-2`.

    Who was told apart from whom is what the run found among all of its contestants.
    """
    for found in summary.workloads:
        own = [row for row in found.standings if row.rank and row.implementation in names]
        if len(own) < 2 or withheld(summary, found):
            continue
        here = [row.implementation for row in own]
        beaten_by = {
            name: frozenset(row.implementation for row in own if name in row.ahead_of)
            for name in here
        }
        ranges = stats.rank_ranges(here, beaten_by)
        order = sorted(here, key=ranges.__getitem__)
        places = {name: _range(*map(str, ranges[name])) for name in order}
        said = ", ".join(f"{_title(summary, name)} {place}" for name, place in places.items())
        yield found.workload, f"{said}."


def p99_pairs(summary: Summary) -> str:
    """Return how many pairs can be told apart by their p99 at the equal rate, and which, if few."""
    kinds = {one.name: one.kind for one in summary.implementations}
    for found in summary.workloads:
        for each in found.cells:
            own = [r for r in each.results if r.rank and kinds[r.implementation] == "framework"]
            if not each.cell.rate_per_s or len(own) < 2 or withheld(summary, found):
                continue
            apart = [(r.implementation, other) for r in own for other in r.ahead_of]
            pairs = len(own) * (len(own) - 1) // 2
            named = [f"{_title(summary, a)} ahead of {_title(summary, b)}" for a, b in apart]
            which = f": {'; '.join(named)}" if 0 < len(named) <= _MANY else ""
            many = f"{len(apart)} of {pairs} pairs" if apart else f"none of {pairs} pairs"
            return f"at {each.cell.rate_per_s:,} messages/s, {many} can be told apart{which}."
    return ""


def _leads(summary: Summary, found: WorkloadSummary) -> str:
    """Return who is first in a workload; nothing where nobody is."""
    kinds = {one.name: one.kind for one in summary.implementations}
    first = [
        row
        for row in found.standings
        if row.rank.partition("-")[0] == "1" and kinds[row.implementation] == "framework"
    ]
    names = [_title(summary, row.implementation) for row in first]
    one, many = VERBS[found.workload]
    nouns = f"{found.workload} {words.NOUN[found.workload][1]}"
    if not first:
        return ""
    if len(first) > _MANY:
        return f"who leads {found.workload} cannot be told: {len(first)} may be first"
    if len(first) > 1:
        listed = ", ".join(names[:-1]) + f" and {names[-1]}"
        return f"{listed} {many} the most {nouns}, and cannot be told apart"
    if first[0].rank != "1":
        return f"{names[0]} leads {found.workload}, not told apart from everyone"
    return f"{names[0]} {one} the most {nouns}"


def heading(summary: Summary) -> str:
    """Return the answer as a heading."""
    free = [found for found in summary.workloads if not withheld(summary, found)]
    said = [lead for found in free if (lead := _leads(summary, found))]
    if said:
        titles = sorted((f"{one.title} " for one in summary.implementations), key=len)
        for title in reversed(titles):  # the longest first: one may be how another begins
            if all(one.startswith(title) for one in said):  # said once of who leads them all
                return title + " and ".join(one.removeprefix(title) for one in said)
        return "; ".join(said)
    if any(found.withheld == "canary" for found in summary.workloads):
        return "No ranking: a control of this run failed"
    if not any(found.baseline for found in summary.workloads):
        return "Nothing was measured"
    return "No ranking: too little was measured"
