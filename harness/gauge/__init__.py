"""The native gauge: load, origin and ceiling in C, always run as `python -m harness.gauge ROLE`.

Rules: only `__main__` imports the extension, in a process of its own; the roles, their options and
their JSON are described in gauge.h and the headers it names. Here stands what Python must agree on
with them.
"""

from __future__ import annotations

__all__ = ["body"]


def body(number: int, size: int) -> bytes:
    """Return the `size` bytes that the gauge's origin answers to `GET /<number>` (origin.h)."""
    return bytes((number + i * 7 + (i >> 8)) & 0xFF for i in range(size))
