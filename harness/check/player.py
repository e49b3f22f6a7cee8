"""How a case is played, and what its end means: every exception becomes a verdict.

Rules: it plays one case on one stage and knows nothing of tasks, workers or other cases. Whatever
a case does, `play` returns.
"""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

import msgspec

from harness.check.case import (
    Conclusion,
    Failure,
    Inconclusive,
    Late,
    NotReady,
    Seen,
    Unsupported,
)
from harness.check.mortal import HungError, at_most
from harness.check.stage import MOST_SCALE
from harness.model import VerdictKind  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from harness.check.case import Case
    from harness.check.stage import Stage

LIMIT_S = 60  # no case comes near it; one that does is broken
_STARVED = 0.33  # of a case's time; beside the suite's own other cases it is well below
_GREW = 1.5  # the lateness rose by so much while a case waited: the bound it used was too short
_UPDATE_S = 0.1  # until the control has written what it feels, too


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case."""

    case: str = ""
    verdict: VerdictKind
    reason: str = ""
    evidence: tuple[str, ...] = ()
    wall_s: float = 0.0
    left: str = ""
    """See `Stage.left`."""
    noise: str = ""
    """See `Stage.noise`."""
    looked: bool = False
    """True when the case came as far as looking for leftovers."""
    listened: bool = False
    """True when stderr was looked at."""
    never_ready: bool = False
    """True when the implementation, started without any option, did not become ready."""


def _late(stage: Stage, late: Late, scale: float) -> tuple[VerdictKind, str]:
    """Tell whether an upper bound was missed by the implementation or by the machine."""
    time.sleep(_UPDATE_S)
    now = stage.lateness()
    if now > MOST_SCALE:
        return "INCONCLUSIVE", f"the machine was {now:.0f} times slower than it may be: {late}"
    if stage.starved > _STARVED:
        return (
            "INCONCLUSIVE",
            f"for {stage.starved:.0%} of its time there was no core for it: {late}",
        )
    if stage.waited_s > stage.bound_s:
        waited = f"it, or we, had no core for {stage.waited_s:.2f} s of {stage.bound_s:.2f} s"
        return "INCONCLUSIVE", f"{waited}: {late}"
    if now > _GREW * scale:
        return (
            "INCONCLUSIVE",
            f"the machine became {now / scale:.1f} times slower meanwhile: {late}",
        )
    return "FAIL", str(late)


def conclude(stage: Stage, conclusion: Conclusion) -> tuple[VerdictKind, str]:
    """Turn a case's conclusion into a verdict and its reason."""
    match conclusion:
        case Late():
            return _late(stage, conclusion, stage.used)
        case Failure():
            return "FAIL", str(conclusion)
        case Inconclusive():
            return "INCONCLUSIVE", str(conclusion)
        case Unsupported():
            return "UNSUPPORTED", str(conclusion)
        case Seen():
            return "PASS", str(conclusion)
    raise TypeError(f"{conclusion!r} is no conclusion")


def play(case: Case, stage: Stage) -> Played:
    """Play one case on a stage; every exception ends here, in a verdict."""
    begin = time.monotonic()
    verdict: VerdictKind = "PASS"
    reason, never_ready = "", False
    trace: tuple[str, ...] = ()
    try:
        stage.case = case.id
        with at_most(LIMIT_S, "case"), stage:
            case.play(stage)
    except Conclusion as conclusion:
        verdict, reason = conclude(stage, conclusion)
        never_ready = isinstance(conclusion, NotReady) and conclusion.plain
    except Exception as error:  # noqa: BLE001  the edge: whatever a case does, the suite goes on
        trace = tuple("".join(traceback.format_exception(error)).splitlines()[-40:])
        verdict, reason = "HARNESS-ERROR", trace[-1]
        if isinstance(error, HungError) and stage.lateness() > MOST_SCALE:
            verdict = "INCONCLUSIVE"
    # What is still there on a machine that is late may be going: then nothing was seen either way.
    unsure = bool(stage.left) and stage.lateness() > MOST_SCALE
    return Played(
        case=case.id,
        verdict=verdict,
        reason=reason,
        evidence=(*stage.log, *trace) if verdict != "PASS" else (),
        wall_s=round(time.monotonic() - begin, 3),
        left="" if unsure else stage.left,
        noise=stage.noise,
        looked=stage.looked and not unsure,
        listened=stage.listened,
        never_ready=never_ready,
    )
