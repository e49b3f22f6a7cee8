"""The search: traces are made, played on all implementations, compared, shrunk and kept.

Rules: Hypothesis makes the traces, `shrink` makes a failing one smaller. A difference counts only
when the implementation goes wrong again, twice, with more patience, be it in another way; where it
does not, the play was unstable, and counts as that.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.explore import echo_model, fetch_model, observation, shrink
from harness.explore.trace import EchoTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.explore.crew import Crew
    from harness.explore.observation import Disagreement, Expected, Observation
    from harness.explore.trace import Trace
    from harness.model import Implementation, Workload

ROUND = 15  # traces that Hypothesis makes at a time; it varies each a few times, so fewer are more
SHRINK_S = 60.0  # then the smallest so far must do
PATIENT = 2.5  # by which every bound is stretched when a difference is looked at again
AGAIN = 2  # how often


@dataclass(slots=True)
class Found:
    """A disagreement, the smallest trace that shows it, and what was seen."""

    disagreement: Disagreement
    trace: Trace
    log: tuple[str, ...]
    times: int = 1
    """How many traces have shown it."""


@dataclass(slots=True)
class Tally:
    """What a search has done."""

    traces: Counter[str] = field(default_factory=Counter)
    """By workload."""
    plays: Counter[str] = field(default_factory=Counter)
    """By implementation."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Steps played, by kind."""
    unstable: list[Found] = field(default_factory=list)
    """Differences that did not show themselves again."""
    nothing: list[str] = field(default_factory=list)
    """Plays of which nothing can be said, and why."""
    found: list[Found] = field(default_factory=list)


def expected(trace: Trace) -> tuple[Expected, ...]:
    """Return what must be seen of a trace."""
    if isinstance(trace, EchoTrace):
        return echo_model.expected(trace)
    return fetch_model.expected(trace)


class Explorer:
    """A search over some implementations."""

    def __init__(
        self,
        crew: Crew,
        implementations: Sequence[Implementation],
        *,
        say: Callable[[str], None] = lambda _: None,
        shrink_s: float = SHRINK_S,
        scale: float = 1.0,
        first: bool = False,
    ) -> None:
        """Play with this crew; `say` is told what has been found; `scale` stretches all bounds.

        `first`: look no further once something has been found.
        """
        self.first = first
        self.shrink_s = shrink_s
        self.scale = scale
        self.crew = crew
        self.implementations = implementations
        self.tally = Tally()
        self._known: set[Trace] = set()
        self._say = say

    def replay(self, trace: Trace) -> tuple[Disagreement | None, Mapping[str, Observation]]:
        """Play a trace on all that have its workload.

        Return the first difference that shows itself again, if any, and what was seen.
        """
        whom = [one for one in self.implementations if trace.workload in one.workloads]
        seen = self._play(trace, whom, self.scale)
        difference = observation.compare(seen, expected(trace))
        if difference:
            log = seen[difference.implementation].log
            difference = difference if self._again(trace, difference, log) else None
        return difference, seen

    def search(
        self, workloads: Sequence[Workload], *, seed: int, until: float, most: int = 0
    ) -> None:
        """Search until that moment (monotonic), or until `most` traces (0: no bound) were made."""
        number = 0
        while time.monotonic() < until and not (most and self.tally.traces.total() >= most):
            if self.first and self.tally.found:
                return
            for workload in workloads:
                self._round(workload, f"{seed}-{number}", until, min(ROUND, most or ROUND))
            number += 1

    def _play(
        self, trace: Trace, whom: Sequence[Implementation], scale: float
    ) -> dict[str, Observation]:
        seen = self.crew.play(trace, whom, scale)
        for name, one in seen.items():
            self.tally.plays[name] += 1
            if one.nothing:
                self.tally.nothing.append(f"{name}: {one.nothing.strip().splitlines()[-1]}")
        return seen

    def _again(self, trace: Trace, difference: Disagreement, log: tuple[str, ...]) -> bool:
        """Tell whether a difference shows itself again, each time; else it is unstable."""
        for _ in range(AGAIN):
            again, _log = self._look(trace, difference, PATIENT)
            if again is None:
                self.tally.unstable.append(Found(difference, trace, log))
                self._say(f"unstable: {difference}")
                return False
        return True

    def _look(
        self, trace: Trace, difference: Disagreement, scale: float = 1.0
    ) -> tuple[Disagreement | None, tuple[str, ...]]:
        """Play on those that a difference is about alone; return one of its kind, and its log."""
        names = {difference.implementation, difference.against}
        whom = [one for one in self.implementations if one.name in names]
        seen = self._play(trace, whom, scale * self.scale)
        again = observation.compare(seen, expected(trace))
        if again is None or again.kind != difference.kind:
            return None, ()
        return again, seen[again.implementation].log

    def _round(self, workload: Workload, seed: str, until: float, most: int) -> None:
        """Let Hypothesis make some traces, and look at each."""
        import hypothesis  # noqa: PLC0415  only a search needs it

        from harness.explore.strategies import TRACES  # noqa: PLC0415  the same

        def one(trace: Trace) -> None:
            if time.monotonic() < until and not (self.first and self.tally.found):
                self._explore(trace)

        settings = hypothesis.settings(
            max_examples=most,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=(hypothesis.Phase.generate,),
        )
        hypothesis.seed(seed)(settings(hypothesis.given(TRACES[workload])(one)))()

    def _explore(self, trace: Trace) -> None:
        """Play a new trace on all; shrink and keep a difference that was not found before."""
        if trace in self._known:
            return
        self._known.add(trace)
        self.tally.traces[trace.workload] += 1
        self.tally.kinds.update(f"{trace.workload} {kind}" for kind in trace.kinds())
        difference, seen = self.replay(trace)
        if difference is None:
            return
        for known in self.tally.found:
            if known.disagreement.signature == difference.signature:
                known.times += 1
                return
        self._say(f"shrinking: {difference}")
        found = Found(difference, trace, seen[difference.implementation].log)
        self._shrink(found)
        self._say(f"{found.disagreement}")
        if found.disagreement.signature not in {
            known.disagreement.signature for known in self.tally.found
        }:
            self.tally.found.append(found)

    def _shrink(self, found: Found) -> None:
        """Make a trace smaller while it shows a difference of the same kind."""
        until = time.monotonic() + self.shrink_s
        tried: set[Trace] = set()
        shrunk = True
        while shrunk:
            shrunk = False
            for trace in shrink.smaller(found.trace):
                if time.monotonic() > until:
                    return
                if trace in tried:
                    continue
                tried.add(trace)
                again, log = self._look(trace, found.disagreement)
                if again is not None:
                    found.disagreement, found.trace, found.log = again, trace, log
                    shrunk = True
                    break


def draw_seed() -> int:
    """Return a seed for a search that was given none."""
    return random.SystemRandom().randrange(2**31)
