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
    from ssl import SSLContext


class Loop(uvloop.Loop):
    """asyncio's code finds here what it asks of a loop."""

    _server: AbstractServer

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

    async def create_server(self, *words: Any, **options: Any) -> Any:
        """Remember the server."""
        self._server = await super().create_server(*words, **options)
        return self._server

    def remove_reader(self, fd: Any) -> Any:  # noqa: ARG002
        """Stop accepting, which libuv does, and no reader of the listener."""
        self._server.close()
