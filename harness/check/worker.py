"""One worker: a process that plays the cases it is told to play, one after the other.

Rules: it speaks JSON lines (a Task in, a Played out) and decides nothing but what one case
concluded. Its main thread, its only one, starts all children.

    python -m harness.check.worker PARENT LATENESS_FILE
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

import msgspec

from harness import launch
from harness.check import cases
from harness.check.case import Case, Conclusion, Failure, Inconclusive, Late, NotReady, Unsupported
from harness.check.control import Lateness
from harness.check.mortal import die_with
from harness.check.stage import MOST_SCALE, Stage
from harness.model import (  # noqa: TC001  msgspec reads the annotations
    Implementation,
    VerdictKind,
)

LIMIT_S = 60  # no case comes near it; one that does is broken
_GREW = 1.5  # the lateness rose by so much while a case waited: the bound it used was too short
_UPDATE_S = 0.1  # until the control has written what it feels, too


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One case to play."""

    implementation: Implementation
    case: str
    core: int | None = None
    """Of the implementation; the worker takes `own_core` then."""
    own_core: int | None = None


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a Task."""

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


class _HungError(Exception):
    """A case took longer than any case may."""


def _hung(_number: int, _frame: object) -> NoReturn:
    raise _HungError(f"the case was not over after {LIMIT_S} s")


def _late(stage: Stage, late: Late, scale: float) -> tuple[VerdictKind, str]:
    """Tell whether an upper bound was missed by the implementation or by the machine."""
    time.sleep(_UPDATE_S)
    now = stage.lateness()
    if now > MOST_SCALE:
        return "INCONCLUSIVE", f"the machine was {now:.0f} times slower than it may be: {late}"
    if now > _GREW * scale:
        return (
            "INCONCLUSIVE",
            f"the machine became {now / scale:.1f} times slower meanwhile: {late}",
        )
    return "FAIL", str(late)


def _conclude(stage: Stage, conclusion: Conclusion) -> tuple[VerdictKind, str]:
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
    raise TypeError(f"{conclusion!r} is no conclusion")


def play(case: Case, stage: Stage) -> Played:
    """Play one case on a stage; every exception ends here, in a verdict."""
    begin = time.monotonic()
    verdict: VerdictKind = "PASS"
    reason, never_ready = "", False
    trace: tuple[str, ...] = ()
    before = signal.signal(signal.SIGALRM, _hung)
    signal.alarm(LIMIT_S)
    try:
        with stage:
            case.play(stage)
    except Conclusion as conclusion:
        verdict, reason = _conclude(stage, conclusion)
        never_ready = isinstance(conclusion, NotReady) and conclusion.plain
    except Exception as error:  # noqa: BLE001  the edge: whatever a case does, the suite goes on
        trace = tuple("".join(traceback.format_exception(error)).splitlines()[-40:])
        verdict, reason = "HARNESS-ERROR", trace[-1]
        if isinstance(error, _HungError) and stage.lateness() > MOST_SCALE:
            verdict = "INCONCLUSIVE"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return Played(
        verdict=verdict,
        reason=reason,
        evidence=(*stage.log, *trace) if verdict != "PASS" else (),
        wall_s=round(time.monotonic() - begin, 3),
        left=stage.left if stage.lateness() <= MOST_SCALE else "",
        noise=stage.noise,
        looked=stage.looked,
        listened=stage.listened,
        never_ready=never_ready,
    )


def main() -> None:
    """Play tasks from stdin until its end."""
    die_with(int(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = launch.OPEN_FILES if hard == resource.RLIM_INFINITY else min(launch.OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lateness = Lateness(Path(sys.argv[2]))
    everywhere = os.sched_getaffinity(0)
    by_id = {case.id: case for case in cases.ALL}
    decoder = msgspec.json.Decoder(Task)
    for line in sys.stdin.buffer:
        task = decoder.decode(line)
        os.sched_setaffinity(0, everywhere if task.own_core is None else {task.own_core})
        stage = Stage(task.implementation, lateness.factor, task.core)
        played = play(by_id[task.case], stage)
        sys.stdout.buffer.write(msgspec.json.encode(played) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
