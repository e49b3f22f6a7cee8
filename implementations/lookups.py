"""Threads for lookups of names, for loops that look names up in an executor.

Rules: a lookup that hangs holds up nobody: each call has a thread of its own, and the end of the
process waits for none. (asyncio's default executor has a few threads, all taken once that many
names hang, and both asyncio.run and the interpreter wait for them.)
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Lookups(ThreadPoolExecutor):
    """An executor whose threads nobody waits for; asyncio takes no other kind."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make the call in a thread of its own."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # from now on nobody can cancel it

        def work() -> None:
            try:
                result = call(*args, **kwargs)
            except OSError as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        Thread(target=work, daemon=True).start()
        return future
