"""The control: the baseline against itself, measured as a run measures.

Rules: the same job, gauge, rules for what counts and interval as in `compare`; only fewer blocks.
The baseline and not the reference: a run compares Python processes, whose own differences from one
start to the next are part of what it must see through.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import contrast, machine, results
from harness.doctor.finding import Finding, finding
from harness.measure import echo
from harness.measure.job import Bench, Job
from harness.model import BASELINE, BLOCKS_LEAST, TWIN, Cell
from harness.precision import half_width
from harness.units import units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.model import Implementation, Sample
    from harness.summary import Estimate

CELL = Cell(workload="echo", concurrency=10, size=1024, ranked=True)
LENGTH_S = 10.0
BLOCKS_MOST = 20
_FAIR, _BAD = 0.015, contrast.TIE  # 1.5% is what a full run is to reach


def measure(
    one: Implementation, cores: tuple[int, int], say: Callable[[str], None]
) -> list[Sample]:
    """Measure an implementation under two names for LENGTH_S, BLOCKS_LEAST blocks at least."""
    order = random.Random(0)  # noqa: S311  an order, not a secret
    samples: list[Sample] = []
    end = time.monotonic() + LENGTH_S
    with (
        machine.pinned(cores[1]),
        tempfile.TemporaryDirectory(prefix="evenloop-") as folder,
    ):
        bench = Bench(server_core=cores[0], gauge_core=cores[1], folder=Path(folder))
        for block in range(BLOCKS_MOST):
            if block >= BLOCKS_LEAST and time.monotonic() >= end:
                break
            say(f"the control, block {block + 1}")
            names = [BASELINE, BASELINE + TWIN]
            order.shuffle(names)
            slices = order.randrange(2**31)
            for name in names:
                job = Job(
                    block=block,
                    implementation=one,
                    alias=name,
                    workload="echo",
                    cells=(CELL,),
                    order=slices,
                )
                samples += echo.run(job, bench)
    return samples


def judge(samples: Sequence[Sample]) -> tuple[Finding, Estimate | None]:
    """Return what a control's samples show, and the ratio itself."""
    counted, thrown = units(samples, {("echo", CELL.name): CELL})
    rates = results.collect(CELL, counted).rates
    found = contrast.ratio(rates, BASELINE + TWIN, BASELINE, 0, "doctor")
    reached = half_width(found)
    if found is None or reached is None or found.low is None or found.high is None:
        error = next((s.error for s in samples if s.error), "")
        causes = [error, *thrown.blocks.values(), *thrown.slices]
        why = next((cause for cause in causes if cause), "too few blocks")
        return finding("control", f"no interval: {why}", bad=True, advice=_ADVICE), found
    off = max(found.low - 1, 1 - found.high, 0.0)
    blocks = len(contrast.differences(rates, BASELINE + TWIN, BASELINE))
    text = f"{found.value:.3f} ± {reached:.1%} in {blocks} blocks"
    return (
        finding(
            "control",
            text,
            bad=reached > _BAD or off > _BAD,
            fair=reached > _FAIR or off > 0,
            advice=_ADVICE,
        ),
        found,
    )


_ADVICE = "The same program differs from itself by this much: mend what is marked above, try again."
