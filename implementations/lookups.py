"""Threads for lookups of names, for loops that look names up in an executor.

Rules: a lookup that hangs holds up nobody: each call has a thread of its own, and the end of the
process waits for none. (asyncio's default executor has a few threads, all taken once that many
names hang, and both asyncio.run and the interpreter wait for them.)
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Lookups(ThreadPoolExecutor):
    """An executor whose threads nobody waits for; asyncio takes no other kind.

    After its shutdown no future is ever done: the loop that would hear of it may have ended.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        super().__init__()
        self._lock = Lock()
        self._ended = False

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Make the call in a thread of its own."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # from now on nobody can cancel it

        def work() -> None:
            result = error = None
            try:
                result = call(*args, **kwargs)
            except OSError as failure:
                error = failure
            with self._lock:
                if self._ended:
                    return
                if error:
                    future.set_exception(error)
                else:
                    future.set_result(result)

        Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let no call that is under way be heard of any more."""
        with self._lock:
            self._ended = True
        super().shutdown(wait, cancel_futures=cancel_futures)
