"""fetch on Medusa: asyncore's own, on the asyncore that Supervisor's Medusa runs on."""

from __future__ import annotations

from os import strerror
from socket import SO_ERROR, SOL_SOCKET
from typing import TYPE_CHECKING

from implementations.asyncore import fetch as child

if TYPE_CHECKING:
    from collections.abc import Callable

    from implementations.contract import FetchJob, Outcome


class Connection(child.Connection):
    """Carries one exchange after another, each for a worker."""

    def handle_connect(self) -> None:
        """Look whether it is connected: Medusa takes every end of connecting for success."""
        number = self.socket.getsockopt(SOL_SOCKET, SO_ERROR)
        if number:
            raise OSError(number, strerror(number))
        super().handle_connect()


def run(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Fetch all URLs; return the signal that ended it, if one did."""
    # end, limit, reset, deadline, cancel, reuse: as on asyncore
    return child.run(job, record, Connection)


def fetch_all(job: FetchJob, record: Callable[[int, Outcome], None]) -> int | None:
    """Run the loop until every URL has its outcome; return the signal that ended it, if one did."""
    return run(job, record)
