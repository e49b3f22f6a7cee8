"""The golden run's summary with as many contestants as the whole story has: twenty, seven variants.

Rules: made from the golden summary and this table alone, the same every time. Who is new has the
figures of one who was measured, times a factor, in every place where that one has any.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness import files
from harness.summary import Estimate, Summary

if TYPE_CHECKING:
    from harness.model import Implementation, VerdictKind
    from harness.summary import CellSummary, Result, Standing, WorkloadSummary

GOLDEN = Path(__file__).resolve().parent / "golden" / "run" / "summary.json"


ONE = Estimate(value=1.0, low=0.97, high=1.02)  # the baseline's own ratio has no interval


class New(NamedTuple):
    """Someone of the long run who is not in the golden one."""

    title: str
    style: str
    year: int
    like: str
    """Whose figures it has, ..."""
    factor: float
    """... and by how much they are its own."""
    variant_of: str = ""


NEW = {
    "anyio_asyncio": New("anyio on asyncio", "coroutine", 2018, "asyncio", 0.71),
    "anyio_trio": New("anyio on Trio", "coroutine", 2018, "trio", 0.84, "anyio_asyncio"),
    "asyncio_protocol": New("asyncio (protocols)", "callback", 2014, "asyncio", 1.34, "asyncio"),
    "asyncore": New("asyncore", "callback", 1999, "twisted", 1.02),
    "eventlet": New("eventlet", "greenlet", 2006, "gevent", 0.58),
    "generators": New("Generators", "coroutine", 2006, "asyncio", 0.93),
    "medusa": New("Medusa", "callback", 1996, "twisted", 0.97, "asyncore"),
    "processes": New("processes", "process", 1991, "asyncio", 0.88),
    "selectors": New("selectors", "callback", 1992, "gevent", 1.6),
    "stackless": New("Stackless", "greenlet", 2000, "gevent", 1.1),
    "twisted_inline": New("Twisted, inlineCallbacks", "coroutine", 2007, "twisted", 0.5, "twisted"),
    "uvloop": New("uvloop", "coroutine", 2016, "asyncio", 1.45, "asyncio"),
    "uvloop_protocol": New("uvloop (protocols)", "callback", 2016, "asyncio", 2.3, "uvloop"),
}


def _times(found: Estimate | None, factor: float) -> Estimate | None:
    if found is None:
        return None
    low, high = (None if end is None else end * factor for end in (found.low, found.high))
    return msgspec.structs.replace(found, value=found.value * factor, low=low, high=high)


def _implementation(name: str, new: New, like: Implementation) -> Implementation:
    return msgspec.structs.replace(
        like,
        name=name,
        folder=f"implementations/{name}",
        title=new.title,
        style=new.style,
        year=new.year,
        novelty=f"What {new.title} brought in {new.year}.",
        variant_of=new.variant_of,
        versions={},
    )


def _standings(found: WorkloadSummary) -> tuple[Standing, ...]:
    by_name = {row.implementation: row for row in found.standings}
    rows = list(found.standings)
    for name, new in NEW.items():
        like = by_name[new.like]
        changed = msgspec.structs.replace(
            like,
            implementation=name,
            ratio=_times(like.ratio if like.ratio and like.ratio.low else ONE, new.factor),
            of_reference=_times(like.of_reference, new.factor),
        )
        rows.append(changed)
    rows.sort(key=lambda row: -(row.ratio.value if row.ratio else 0.0))
    ranked = [row.implementation for row in rows if row.rank]
    ranks = {name: number for number, name in enumerate(ranked, 1)}
    return tuple(
        msgspec.structs.replace(row, rank=str(rank), ahead_of=tuple(ranked[rank:]))
        if (rank := ranks.get(row.implementation))
        else row
        for row in rows
    )


def _cell(found: CellSummary) -> CellSummary:
    by_name = {result.implementation: result for result in found.results}
    new = [
        _result(name, one, by_name[one.like]) for name, one in NEW.items() if one.like in by_name
    ]
    results = sorted((*found.results, *new), key=lambda result: -result.rate_per_s.value)
    return msgspec.structs.replace(found, results=tuple(results))


def _result(name: str, new: New, like: Result) -> Result:
    return msgspec.structs.replace(
        like,
        implementation=name,
        rate_per_s=_times(like.rate_per_s, new.factor),
        cpu_us=_times(like.cpu_us, 1 / new.factor),
        ratio=_times(like.ratio, new.factor),
    )


def summary() -> Summary:
    """Return the summary."""
    golden = files.read_json(GOLDEN, Summary)
    known = {one.name: one for one in golden.implementations}
    for name, new in NEW.items():
        known[name] = _implementation(name, new, known[new.like])
    traits = list(golden.traits)
    for name, new in NEW.items():
        own = [trait for trait in golden.traits if trait.implementation == new.like]
        traits += [
            msgspec.structs.replace(t, implementation=name, estimate=_times(t.estimate, new.factor))
            for t in own
        ]

    def everyones(verdicts: dict[str, VerdictKind]) -> dict[str, VerdictKind]:
        new = {name: verdicts[one.like] for name, one in NEW.items() if one.like in verdicts}
        return dict(sorted({**verdicts, **new}.items()))

    return msgspec.structs.replace(
        golden,
        implementations=tuple(known[name] for name in sorted(known)),
        workloads=tuple(
            msgspec.structs.replace(
                found,
                standings=_standings(found),
                cells=tuple(_cell(each) for each in found.cells),
            )
            for found in golden.workloads
        ),
        clauses=tuple(
            msgspec.structs.replace(c, verdicts=everyones(c.verdicts)) for c in golden.clauses
        ),
        suite=tuple(
            msgspec.structs.replace(c, verdicts=everyones(c.verdicts)) for c in golden.suite
        ),
        traits=tuple(traits),
    )
