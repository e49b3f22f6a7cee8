"""The suite again and again, to see whether any verdict changes.

Rules: `compare` looks at verdicts and does no I/O; `repeat` plays and keeps every verdict the
moment it is known, so that an end at any time loses nothing. The order of the cases is another each
time, drawn from a seed that is kept.
"""

from __future__ import annotations

import random
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec

from harness import files, judge
from harness.check import suite
from harness.check.hogs import hogs
from harness.model import Verdict, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.check.case import Case
    from harness.model import Implementation


class Repetition(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the suite was played."""

    number: int
    """From 1; its verdicts stand in verdicts-<number>.jsonl."""
    seed: int
    """Of the order of its cases."""
    wall_s: float
    whole: bool
    """False where it was cut short."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose verdict was not the same each time."""

    implementation: str
    case: str
    counts: dict[VerdictKind, int]
    """How often each verdict was given, the most frequent first."""
    wrong: bool
    """False where the verdict changed to or from INCONCLUSIVE alone, which claims nothing."""
    repetition: int
    """The first repetition, from 1, that did not give the most frequent verdict."""
    first: Verdict
    """Its verdict, with the evidence."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What so many repetitions had in common."""

    changes: tuple[Change, ...]
    verdicts: int
    """How many were given, over all repetitions."""
    inconclusive: int
    """How many of them said nothing."""
    steady: dict[VerdictKind, int]
    """Verdict -> how many cases gave that one each time."""

    @property
    def wrong(self) -> int:
        """How many cases changed what they claim."""
        return sum(change.wrong for change in self.changes)


def compare(repetitions: Sequence[Sequence[Verdict]]) -> Comparison:
    """Return what changed between repetitions; a case counts where it has a verdict.

    A sum or a declaration that a repetition cut short does not have is no change.
    """
    found: dict[tuple[str, tuple[str, int, str]], list[tuple[int, Verdict]]] = {}
    for number, verdicts in enumerate(repetitions, 1):
        for verdict in verdicts:
            key = (verdict.implementation, judge.case_order(verdict.case))
            found.setdefault(key, []).append((number, verdict))
    changes = []
    steady: dict[VerdictKind, int] = {}
    for _, given in sorted(found.items()):
        counts = _counts([verdict for _, verdict in given])
        usual = next(iter(counts))
        if len(counts) == 1:
            steady[usual] = steady.get(usual, 0) + 1
            continue
        number, first = next((n, v) for n, v in given if v.verdict != usual)
        changes.append(
            Change(
                implementation=first.implementation,
                case=first.case,
                counts=counts,
                wrong=len(counts.keys() - {"INCONCLUSIVE"}) > 1,
                repetition=number,
                first=first,
            )
        )
    every = [verdict for verdicts in repetitions for verdict in verdicts]
    return Comparison(
        changes=tuple(changes),
        verdicts=len(every),
        inconclusive=sum(verdict.verdict == "INCONCLUSIVE" for verdict in every),
        steady=steady,
    )


def _counts(verdicts: Sequence[Verdict]) -> dict[VerdictKind, int]:
    """Return how often each verdict occurs, the most frequent first, then by name."""
    kinds = [verdict.verdict for verdict in verdicts]
    return {k: kinds.count(k) for k in sorted(set(kinds), key=lambda k: (-kinds.count(k), k))}


def repeat(
    implementations: Sequence[Implementation],
    cases: Sequence[Case],
    folder: Path,
    *,
    times: int,
    seed: int,
    hog: bool,
    on_verdict: Callable[[int, Verdict], None],
) -> None:
    """Play the cases so many times; every verdict and every repetition is kept as it comes."""
    draw = random.Random(seed)  # noqa: S311  an order, not a secret
    with hogs() if hog else nullcontext():
        for number in range(1, times + 1):
            own = draw.randrange(2**31)
            begin = time.monotonic()
            whole = False
            try:
                _once(implementations, cases, folder, number, own, on_verdict)
                whole = True
            finally:
                done = Repetition(
                    number=number,
                    seed=own,
                    wall_s=round(time.monotonic() - begin, 1),
                    whole=whole,
                )
                files.append_jsonl(folder / "repetitions.jsonl", [done])


def _once(
    implementations: Sequence[Implementation],
    cases: Sequence[Case],
    folder: Path,
    number: int,
    seed: int,
    on_verdict: Callable[[int, Verdict], None],
) -> None:
    file = folder / f"verdicts-{number}.jsonl"
    order = list(cases)
    random.Random(seed).shuffle(order)  # noqa: S311  an order, not a secret

    def keep(verdict: Verdict) -> None:
        files.append_jsonl(file, [verdict])
        on_verdict(number, verdict)

    suite.run(implementations, order, on_verdict=keep)


def outcome(folder: Path) -> tuple[list[Repetition], Comparison]:
    """Return what a folder holds so far, and keep what changed in its changes.jsonl."""
    file = folder / "repetitions.jsonl"
    repetitions = files.read_jsonl(file, Repetition) if file.exists() else []
    played = []
    for one in repetitions:
        verdicts = folder / f"verdicts-{one.number}.jsonl"
        played.append(files.read_jsonl(verdicts, Verdict) if verdicts.exists() else [])
    comparison = compare(played)
    files.write_jsonl(folder / "changes.jsonl", comparison.changes)
    return repetitions, comparison
