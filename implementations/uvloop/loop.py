"""uvloop's loop, with what asyncio's own has beyond it: for every implementation on libuv.

Rules: it fills gaps between the two loops alone, so that the same code runs on both.
"""

from __future__ import annotations

from functools import partial
from socket import AI_NUMERICHOST, SOCK_STREAM, gaierror, getaddrinfo
from typing import TYPE_CHECKING, Any

import uvloop
from aiohappyeyeballs import start_connection

if TYPE_CHECKING:
    from asyncio import AbstractServer, BaseProtocol
    from collections.abc import Callable
    from socket import socket
    from ssl import SSLContext


class Loop(uvloop.Loop):
    """asyncio's code finds here what it asks of a loop."""

    async def create_connection(  # type: ignore[override]  # what is asked for here alone
        self,
        protocol_factory: Callable[[], BaseProtocol],
        host: str,
        port: int,
        *,
        ssl: SSLContext | None = None,
        happy_eyeballs_delay: float,
    ) -> tuple[Any, Any]:
        """Connect to the first address that answers; libuv would try one after the other."""
        look_up = partial(getaddrinfo, host, port, type=SOCK_STREAM)
        try:
            found = look_up(flags=AI_NUMERICHOST)
        except gaierror:  # a name: libuv has four threads for lookups, the executor has more
            found = await self.run_in_executor(None, look_up)
        connected = await start_connection(
            found, happy_eyeballs_delay=happy_eyeballs_delay, loop=self
        )
        return await super().create_connection(
            protocol_factory, sock=connected, ssl=ssl, server_hostname=host if ssl else None
        )


def leave(server: AbstractServer, _listener: socket) -> None:
    """Accept no more: libuv accepts, and no reader of the loop; here close() trips over nothing."""
    server.close()
