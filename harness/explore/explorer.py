"""The search: traces are made, played on all implementations, compared, shrunk and kept.

Rules: Hypothesis makes and shrinks; what is kept is the smallest trace that was seen to fail, so
that nothing depends on how Hypothesis ends. A difference counts only when the implementation shows
it again, twice, with more patience; where it does not, the play was unstable, and counts as that.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.explore import echo_model, fetch_model, observation
from harness.explore.trace import EchoTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.explore.crew import Crew
    from harness.explore.observation import Disagreement, Expected, Observation
    from harness.explore.trace import Trace
    from harness.model import Implementation, Workload

ROUND = 40  # traces that Hypothesis makes at a time; small, so that a found fault is soon shrunk
SHRINK_S = 60.0  # then the smallest so far must do
PATIENT = 2.5  # by which every bound is stretched when a difference is looked at again
AGAIN = 2  # how often
REPEATED = 10  # rounds that found nothing new, to begin with the other workload meanwhile


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
    unstable: list[str] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    """Plays of which nothing can be said, and why."""
    found: list[Found] = field(default_factory=list)


def expected(trace: Trace) -> tuple[Expected, ...]:
    """Return what must be seen of a trace."""
    if isinstance(trace, EchoTrace):
        return echo_model.expected(trace)
    return fetch_model.expected(trace)


class _Failing(Exception):  # noqa: N818  Hypothesis's signal to shrink
    """The trace shows the difference that is being shrunk."""


class Explorer:
    """A search over some implementations."""

    def __init__(
        self,
        crew: Crew,
        implementations: Sequence[Implementation],
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Play with this crew; `say` is told what has been found so far."""
        self.crew = crew
        self.implementations = implementations
        self.tally = Tally()
        self._say = say

    def replay(self, trace: Trace) -> tuple[Disagreement | None, Mapping[str, Observation]]:
        """Play a trace on all; return the first difference that shows itself again, if any."""
        seen = self._play(trace, self.implementations)
        difference = observation.compare(seen, expected(trace))
        if difference and not self._again(trace, difference):
            difference = None
        return difference, seen

    def search(
        self, workloads: Sequence[Workload], *, seed: int, until: float, most: int = 0
    ) -> None:
        """Search until that moment (monotonic), or until `most` traces (0: no bound) were made."""
        number = 0
        while time.monotonic() < until and not (most and self.tally.traces.total() >= most):
            for workload in workloads:
                self._round(workload, f"{seed}-{number}", until, min(ROUND, most or ROUND))
            number += 1

    def _play(
        self, trace: Trace, whom: Sequence[Implementation], scale: float = 1.0
    ) -> dict[str, Observation]:
        seen = self.crew.play(trace, whom, scale)
        for name, one in seen.items():
            self.tally.plays[name] += 1
            if one.nothing:
                self.tally.nothing.append(f"{name}: {one.nothing.strip().splitlines()[-1]}")
        return seen

    def _again(self, trace: Trace, difference: Disagreement) -> bool:
        """Tell whether a difference shows itself again, each time; else it is unstable."""
        names = {difference.implementation, difference.against}
        whom = [one for one in self.implementations if one.name in names]
        for _ in range(AGAIN):
            seen = self._play(trace, whom, PATIENT)
            again = observation.compare(seen, expected(trace))
            if again is None or again.signature != difference.signature:
                self.tally.unstable.append(f"{difference} (then: {again or 'as expected'})")
                self._say(f"unstable: {difference}")
                return False
        return True

    def _round(self, workload: Workload, seed: str, until: float, most: int) -> None:
        """Let Hypothesis make some traces; shrink and keep what is found."""
        import hypothesis  # noqa: PLC0415  only a search needs it

        from harness.explore.strategies import TRACES  # noqa: PLC0415  the same

        best: Found | None = None
        played: dict[Trace, bool] = {}

        def one(trace: Trace) -> None:
            nonlocal best, until
            if best is None:
                if time.monotonic() >= until:
                    return
                best = self._first(trace)
                if best is not None:
                    until = time.monotonic() + SHRINK_S
                    raise _Failing
                return
            if trace not in played:
                played[trace] = time.monotonic() < until and self._smaller(trace, best)
            if played[trace] or trace == best.trace:
                raise _Failing

        try:
            hypothesis.seed(seed)(
                hypothesis.settings(
                    max_examples=most,
                    deadline=None,
                    database=None,
                    print_blob=False,
                    report_multiple_bugs=False,
                    suppress_health_check=list(hypothesis.HealthCheck),
                    phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
                    verbosity=hypothesis.Verbosity.quiet,
                )(hypothesis.given(TRACES[workload])(one))
            )()
        except (_Failing, hypothesis.errors.HypothesisException, ExceptionGroup):
            if best is None:
                raise
        if best is not None:
            self.tally.found.append(best)
            self._say(f"{best.disagreement}")

    def _first(self, trace: Trace) -> Found | None:
        """Play a new trace on all; return a difference that was not found before."""
        self.tally.traces[trace.workload] += 1
        self.tally.kinds.update(f"{trace.workload} {kind}" for kind in trace.kinds())
        difference, seen = self.replay(trace)
        if difference is None:
            return None
        for known in self.tally.found:
            if known.disagreement.signature == difference.signature:
                known.times += 1
                return None
        self._say(f"shrinking: {difference}")
        return Found(difference, trace, seen[difference.implementation].log)

    def _smaller(self, trace: Trace, best: Found) -> bool:
        """Tell whether a trace shows the same difference; keep it where it is smaller."""
        if not trace.kinds():
            return False
        names = {best.disagreement.implementation, best.disagreement.against}
        whom = [one for one in self.implementations if one.name in names]
        seen = self._play(trace, whom)
        again = observation.compare(seen, expected(trace))
        if again is None or again.signature != best.disagreement.signature:
            return False
        if trace.size <= best.trace.size:
            best.trace, best.disagreement = trace, again
            best.log = seen[again.implementation].log
        return True


def draw_seed() -> int:
    """Return a seed for a search that was given none."""
    return random.SystemRandom().randrange(2**31)
