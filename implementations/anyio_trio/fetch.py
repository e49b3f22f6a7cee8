"""fetch on anyio: the code of anyio_asyncio, on trio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import current_default_thread_limiter

from implementations.anyio_asyncio.fetch import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import FetchJob, Outcome


async def look_up_apart(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Allow lookups as many threads as they may need, and run."""
    # A lookup that hangs keeps its thread, even when nobody waits for it any more.
    current_default_thread_limiter().total_tokens = max(1, len(job.urls))
    return await run(job, record)


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return anyio.run(look_up_apart, job, record, backend="trio")
