"""What native HTTP clients share: a body that is counted and summed, and the word for an error.

Rules: no I/O, no clock, no client. Each client's own file says which of its exceptions means which
word; how they are looked for stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from implementations.contract import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Kind = type[BaseException] | tuple[type[BaseException], ...]
    Words = Sequence[tuple[Kind, str] | tuple[Kind, str, str]]
    """What may be raised, the word for it, and where that leaves it open, what its text holds."""

HEADERS = {"User-Agent": "evenloop", "Accept": "*/*"}  # after Host, and no others: SPEC has them


class TooLarge(Exception):  # noqa: N818  it is the name of the contract's word
    """The body is longer than it may be."""


class Body:
    """Counts and sums a body as it comes; none of it is kept."""

    def __init__(self, max_bytes: int) -> None:
        """Start empty; `max_bytes` is the longest that is an answer."""
        self._max_bytes = max_bytes
        self._size = 0
        self._crc32 = 0

    def declare(self, length: str | None) -> None:
        """Take the value of Content-Length, or what stands where there is none. Raises TooLarge."""
        if length and length.isdecimal() and int(length[:20]) > self._max_bytes:
            raise TooLarge

    def add(self, data: bytes) -> None:
        """Take what comes next. Raises TooLarge."""
        self._size += len(data)
        if self._size > self._max_bytes:
            raise TooLarge
        self._crc32 = crc32(data, self._crc32)

    def outcome(self, status: int, elapsed_s: float) -> Outcome:
        """Sum up, once it is whole."""
        return Outcome(status, self._size, self._crc32, None, elapsed_s)


def failed(error: BaseException, words: Words, elapsed_s: float) -> Outcome:
    """Return the outcome of an error: the first word whose exception is it, or is behind it.

    Clients wrap exceptions in others, so all that one came from are looked at. What is in no table
    is raised again: it is no end that a client is known to make.
    """
    found = list(_behind(error))
    for kind, word, *holds in ((TooLarge, "too_large"), *words):
        if any(isinstance(one, kind) and all(part in str(one) for part in holds) for one in found):
            return Outcome(None, None, None, word, elapsed_s)
    raise error


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and what it was raised from, or has among its `reasons`."""
    while error is not None:
        yield error
        for reason in getattr(error, "reasons", ()):  # Twisted's
            yield from _behind(reason.value)
        error = error.__cause__ or error.__context__
