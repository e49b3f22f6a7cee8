"""Row `memory`: the harness does not grow while it measures.

Rules: the anonymous memory of the measuring process alone, read whenever a block has been written;
the first blocks import what is imported late and are left out. Shown are a slope and what it would
come to in two hours: a long run is where it would hurt.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness import stats, witness
from harness.model import WORKLOADS, HarnessError
from harness.proof import runs
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.proof.row import Setting

GROWTH_MOST = 0.05  # of the process, in LONG_S
LONG_S = 2 * 3600.0
LEFT_OUT = 2  # blocks
POINTS_LEAST = 5
POLL_S = 0.2
SLACK_S = 120.0  # what a run may take beyond its budget


@dataclass(frozen=True, slots=True)
class Point:
    """The process's memory as a block ended."""

    time_s: float
    block: int
    anonymous_bytes: int


def figures(points: Sequence[Point]) -> tuple[Figure, ...]:
    """Return the growth in two hours as a share of the process; nothing for too few points.

    The slope and its interval are those of `stats.slope`, over time.
    """
    kept = points[LEFT_OUT:]
    if len(kept) < POINTS_LEAST:
        return ()
    sizes = [float(point.anonymous_bytes) for point in kept]
    slope, least, most, _ = stats.slope([point.time_s for point in kept], sizes)
    size = stats.median(sizes)
    low, value, high = (each * LONG_S / size for each in (least, slope, most))
    each_s = (kept[-1].time_s - kept[0].time_s) / (kept[-1].block - kept[0].block)
    return (
        Figure(
            what="growth of the measuring process in two hours, as a share of it",
            value=stats.significant(value, 3),
            unit="%",
            low=stats.significant(low, 3),
            high=stats.significant(high, 3),
        ),
        Figure(
            what="the upper end of that interval",
            value=stats.significant(high, 3),
            unit="%",
            most=GROWTH_MOST,
        ),
        Figure(what="its size", value=stats.significant(size / 1024, 4), unit="KiB"),
        Figure(
            what="growth in a block", value=stats.significant(slope * each_s / 1024, 3), unit="KiB"
        ),
    )


class _Where(msgspec.Struct, frozen=True):
    """The one field of a sample that is looked at."""

    block: int


def last_block(file: Path) -> int | None:
    """Return the block of the last whole line of a samples file; None where there is none."""
    if not file.exists():
        return None
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - (1 << 18)))
        whole = lines.read().split(b"\n")[:-1]
    return msgspec.json.decode(whole[-1], type=_Where).block if whole else None


def _pause() -> None:
    time.sleep(POLL_S)


def watch(folder: Path, pid: int, until: float, pause: Callable[[], None] = _pause) -> list[Point]:
    """Return the memory of a process at each new block of its run, until it is gone."""
    points: list[Point] = []
    seen: int | None = None
    while (size := witness.anonymous_bytes(pid)) and time.monotonic() < until:
        block = last_block(folder / "samples.jsonl")
        if block is not None and block >= 0 and block != seen:
            seen = block
            points.append(Point(time.monotonic(), block, size))
        pause()
    return points


def run(setting: Setting) -> Reached:
    """Measure the baseline and the reference for a given time, and watch who measures."""
    folder = setting.folder / "memory"
    runs.small_plan(
        [setting.baseline, setting.reference],
        folder,
        workloads=WORKLOADS,
        budget_s=setting.memory_s,
        seed=setting.seed,
    )
    setting.say(f"memory: a run of {setting.memory_s:.0f} s")
    until = time.monotonic() + setting.memory_s + SLACK_S
    with runs.command(["measure", str(folder)], setting.folder / "memory.stderr") as child:
        points = watch(folder, child.pid, until)
        runs.finish(child, SLACK_S)
    made = figures(points)
    if not made:
        raise HarnessError(
            f"{len(points)} blocks in {setting.memory_s:.0f} s are too few for a slope; give "
            "--memory more time."
        )
    return Reached(figures=made, notes=(f"{len(points)} blocks in {setting.memory_s:.0f} s",))
