"""fetch on rloop: asyncio's own, on Rust's mio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import rloop

from implementations.asyncio.fetch import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import FetchJob, Outcome


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    with asyncio.Runner(loop_factory=rloop.new_event_loop) as runner:
        return runner.run(run(job, record))
