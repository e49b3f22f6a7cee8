"""Every case there is: the one list of the modules that hold them.

Rules: a module of cases is named here or its cases are never played.
"""

from __future__ import annotations

import importlib

from harness.check.case import Case, collect

ECHO = (
    *("echo_bytes", "echo_pressure", "echo_faults", "echo_many", "echo_time", "echo_drain"),
    *("echo_doors", "echo_tls", "echo_tls_faults", "echo_urgent"),
)
FETCH = (
    *("fetch_bodies", "fetch_heads", "fetch_bounds", "fetch_faults", "fetch_pool"),
    *("fetch_complete", "fetch_ends", "fetch_bytes", "fetch_tls", "fetch_handshake", "fetch_names"),
)


def every() -> tuple[Case, ...]:
    """Return all cases of both workloads in the order of their ids."""
    return collect(*(importlib.import_module(f"harness.check.{name}") for name in (*ECHO, *FETCH)))


ALL = every()
