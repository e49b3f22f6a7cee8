"""fetch on uvloop: asyncio's protocols, on libuv."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from implementations.asyncio_protocol.fetch import run
from implementations.uvloop.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import FetchJob, Outcome


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return uvloop.run(run(job, record), loop_factory=Loop)
