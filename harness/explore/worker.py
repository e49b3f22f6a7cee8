"""One worker: a process that plays the traces it is told to play, one after the other.

Rules: it speaks JSON lines (a Task in, an Observation out) and judges nothing. Its main thread, its
only one, starts all children.

    python -m harness.explore.worker PARENT
"""

from __future__ import annotations

import resource
import sys
import traceback

import msgspec

from harness import launch
from harness.check.case import Conclusion, Inconclusive
from harness.check.mortal import at_most, die_with
from harness.check.stage import Stage
from harness.explore import echo_replay, fetch_replay
from harness.explore.observation import Mark, Observation
from harness.explore.trace import EchoTrace, FetchTrace
from harness.model import Implementation  # noqa: TC001  msgspec reads the annotations

LIMIT_S = 60  # no trace comes near it; one that does is broken


class Task(msgspec.Struct, frozen=True):
    """One trace to play on one implementation."""

    implementation: Implementation
    trace: EchoTrace | FetchTrace
    scale: float = 1.0
    """Stretches every upper bound in time."""


def play(task: Task) -> Observation:
    """Play one trace on a stage of its own; every exception ends here."""
    stage = Stage(task.implementation, task.scale)
    marks: list[Mark] = []
    nothing = ""
    try:
        with at_most(int(LIMIT_S * task.scale), "trace"), stage:
            if isinstance(task.trace, EchoTrace):
                echo_replay.play(task.trace, stage, marks)
            else:
                fetch_replay.play(task.trace, stage, marks)
    except Inconclusive as conclusion:
        nothing = str(conclusion)
    except Conclusion as conclusion:
        stage.note(str(conclusion))
        if not marks:
            marks.append(Mark("start", str(conclusion)))
    except Exception as error:  # noqa: BLE001  the edge: the search goes on
        nothing = "".join(traceback.format_exception(error)[-3:])
    if stage.noise:
        stage.note(f"stderr: {stage.noise}")
    marks.append(Mark("stderr", "something" if stage.noise else "empty"))
    return Observation(tuple(marks), tuple(stage.log), nothing)


def main() -> None:
    """Play tasks from stdin until its end."""
    die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, launch.file_limits())
    decoder = msgspec.json.Decoder(Task)
    for line in sys.stdin.buffer:
        played = play(decoder.decode(line))
        sys.stdout.buffer.write(msgspec.json.encode(played) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
