"""The tax's blocks: every variant of every contestant as a fresh process, in random order.

Rules: as in `session`, one process runs at a time beside the load, and nothing looks at a name.
What each variant is stands in `harness.tax`; here it gets its words and its load.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness import machine, tax
from harness.check import certificates
from harness.measure import echo, paced
from harness.measure.job import Bench, Job
from harness.model import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.model import Implementation, Sample


def jobs(chosen: Sequence[Implementation], block: int, seed: int, folder: Path) -> list[Job]:
    """Return the jobs of one block in its random order, of who has a naive echo.

    `folder` is where the TLS certificate's chain.pem and key.pem lie.
    """
    order = random.Random(f"{seed}/{block}")  # noqa: S311  an order, not a secret
    slices = order.randrange(2**31)
    files = {"chain": str(folder / "chain.pem"), "key": str(folder / "key.pem")}
    found = [
        Job(
            block=block,
            implementation=one,
            alias=tax.alias(one.name, variant.name),
            workload="echo",
            cells=(paced.CELL,) if variant.paced else tax.CELLS,
            order=slices,
            burden=tuple(word.format(**files) for word in variant.burden),
        )
        for one in chosen
        if not tax.reason(one)
        for variant in tax.VARIANTS
    ]
    order.shuffle(found)
    return found


def run(
    chosen: Sequence[Implementation],
    cores: tuple[int, int],
    *,
    seed: int,
    blocks: int,
    progress: Callable[[str], None],
) -> Iterator[list[Sample]]:
    """Measure so many blocks; yield each job's samples. Raises HarnessError on a single core."""
    server_core, gauge_core = cores
    if server_core == gauge_core:
        raise HarnessError("measuring needs two cores, one of them for the load.")
    by_name = {variant.name: variant for variant in tax.VARIANTS}
    # the contestant's core is the contestant's
    with machine.pinned(gauge_core), tempfile.TemporaryDirectory(prefix="evenloop-") as name:
        folder = Path(name)
        certificates.write(folder)
        bench = Bench(server_core=server_core, gauge_core=gauge_core, folder=folder)
        for block in range(blocks):
            todo = jobs(chosen, block, seed, folder)
            for number, job in enumerate(todo):
                progress(f"{job.alias}, block {block + 1} of {blocks}, {number + 1}/{len(todo)}")
                variant = by_name[tax.variant_of(job.alias)]
                if variant.paced:
                    trusting = certificates.trusting() if variant.tls else None
                    yield paced.run(job, bench, trusting)
                else:
                    yield echo.run(job, bench)
