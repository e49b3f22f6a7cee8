"""Row `hog`: a busy process on the contestant's core halves its rate, and the correction sees it.

Rules: the hog spins, and does nothing else, on the server's core alone; the same implementation is
measured with and without it in each block.
"""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING

from harness import contrast, launch, stats, units
from harness.measure import echo
from harness.model import Cell
from harness.proof import blocks
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.measure.job import Bench, Job
    from harness.model import Sample
    from harness.proof.row import Setting
    from harness.results import Where

CELL = Cell(workload="echo", concurrency=10, size=1024, ranked=True)
HOGGED = "~hog"
OFF_MOST = 0.02
RAW_LEAST, RAW_MOST = 0.40, 0.60  # two of equal weight share a core: one half, by turns of some ms


def _logs(samples: Sequence[Sample], of: Callable[[Sample], float]) -> dict[str, dict[int, float]]:
    """Return the logarithm of a figure of the slices, their median by name and block."""
    by_unit: dict[tuple[str, int], list[float]] = {}
    for one in samples:
        if one.phase == "warm" and not units.void(one, CELL):
            by_unit.setdefault((one.implementation, one.block), []).append(math.log(of(one)))
    found: dict[str, dict[int, float]] = {}
    for (name, block), logs in by_unit.items():
        found.setdefault(name, {})[block] = stats.median(logs)
    return found


def raw(samples: Sequence[Sample]) -> dict[str, dict[int, float]]:
    """Return the logarithm of messages over time, uncorrected, by name and block."""
    return _logs(samples, lambda one: one.messages / one.wall_ns)


def parts(samples: Sequence[Sample], name: str, seed: int) -> tuple[Figure, ...]:
    """Return what the corrected rate is made of: it is 1 / (CPU a message x core time over CPU).

    Core time is what `units` divides by, the time that was not waited for a core.
    """
    # A clock of the CPU that saw none in a slice is too coarse for it: 1 ns keeps the logarithm.
    cpu = _logs(samples, lambda one: max(one.child_cpu_ns, 1) / one.messages)
    core = _logs(samples, lambda one: (one.wall_ns - one.waited_ns) / max(one.child_cpu_ns, 1))
    found = []
    for what, logs in (
        ("CPU time a message", cpu),
        ("time with a core or without a wish for one, over CPU time", core),
    ):
        ratio = contrast.ratio(logs, name + HOGGED, name, seed, f"hog/{what}")
        if ratio is not None:
            found.append(
                Figure(
                    what=f"{what}, with the hog over without",
                    value=ratio.value,
                    unit="x",
                    low=ratio.low,
                    high=ratio.high,
                )
            )
    return tuple(found)


def figures(
    where: Where, uncorrected: Mapping[str, Mapping[int, float]], name: str, seed: int
) -> tuple[Figure, ...]:
    """Return corrected and raw rate with the hog over those without."""
    corrected = contrast.ratio(where.rates, name + HOGGED, name, seed, "hog")
    halved = contrast.ratio(uncorrected, name + HOGGED, name, seed, "hog/raw")
    if corrected is None or halved is None:
        return ()
    logs = contrast.differences(where.rates, name + HOGGED, name)
    return (
        Figure(
            what="corrected rate, with the hog over without",
            value=corrected.value,
            unit="x",
            low=corrected.low,
            high=corrected.high,
            least=1 - OFF_MOST,
            most=1 + OFF_MOST,
            best=stats.significant(math.exp(min(logs, key=abs))),
        ),
        Figure(
            what="raw rate, with the hog over without",
            value=halved.value,
            unit="x",
            low=halved.low,
            high=halved.high,
            least=RAW_LEAST,
            most=RAW_MOST,
        ),
    )


def causes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Return for how long each waited for its core, a sentence each."""
    shares: dict[str, list[float]] = {}
    for one in samples:
        if one.wall_ns > 0:
            shares.setdefault(one.implementation, []).append(one.waited_ns / one.wall_ns)
    return tuple(
        f"{name} waited for its core for {stats.median(waits):.1%} of a slice at the median"
        for name, waits in sorted(shares.items())
    )


def run(setting: Setting) -> Reached:
    """Measure the baseline with and without a hog beside it."""
    one = setting.baseline

    def do(job: Job, bench: Bench) -> list[Sample]:
        if not job.alias.endswith(HOGGED):
            return echo.run(job, bench)
        words = [sys.executable, "-m", "harness.check.hogs", str(os.getpid())]
        hog = launch.start(
            [*words, str(setting.server_core)],
            stderr=setting.folder / "hog.stderr",
            core=setting.server_core,
        )
        with hog:
            return echo.run(job, bench)

    models = [blocks.contestant(one, [CELL], alias=one.name + tail) for tail in ("", HOGGED)]
    samples = blocks.interleaved(models, setting, what="hog", do=do)
    where = blocks.by_cell(samples, [CELL])[CELL.name]
    return Reached(
        figures=(
            *figures(where, raw(samples), one.name, setting.seed),
            *parts(samples, one.name, setting.seed),
        ),
        notes=(f"{setting.blocks} blocks, {CELL.name}, the hog on core {setting.server_core}",),
        causes=(*blocks.losses(samples, [CELL]), *causes(samples)),
    )
