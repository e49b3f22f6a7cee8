"""rloop's loop, with what asyncio's own has beyond it.

Rules: it fills gaps between the two loops alone, so that the same code runs on both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rloop

if TYPE_CHECKING:
    from asyncio import AbstractServer


class Loop(rloop.RLoop):
    """asyncio's code finds here what it asks of a loop."""

    _server: AbstractServer

    async def create_server(self, *words: Any, **options: Any) -> Any:
        """Remember the server."""
        self._server = await super().create_server(*words, **options)
        return self._server

    def remove_reader(self, fd: Any) -> Any:  # noqa: ARG002
        """Stop accepting, which the server does, and no reader of the listener."""
        self._server.close()
