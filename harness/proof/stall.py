"""Row `stall`: latencies count from the time at which a message was due, not from its sending.

Rules: the reference is stopped by SIGSTOP and woken by SIGCONT, and what latencies there must be
follows by arithmetic from those instants. A sleeping Python server was not chosen: the 2,000
messages that pile up in a second take it some ten milliseconds, which is the error that is to be
seen; the reference needs one or two.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import numpy as np

from harness import machine
from harness.measure import echo
from harness.measure.job import gauge_line
from harness.measure.serving import started
from harness.model import HarnessError
from harness.proof.row import Reached
from harness.proven import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.launch import Child
    from harness.proof.row import Setting

RATE_PER_S = 2000
CONNECTIONS = 256
SIZE = 1024
WARM_UP_S = 0.5
WINDOW_S = 20
STALL_S = 1.0
EVERY_S = 5.0
FIRST_S = (
    2.0  # after the gauge's first word could come: inside the window even where it starts late
)
STALLS = 4
OFF_MOST = 0.01
QUANTILES = {"p90": 0.90, "p99": 0.99, "p99.9": 0.999}

Stop = tuple[int, int]


def arithmetic(stops: Sequence[Stop], started_ns: int, wall_ns: int) -> dict[str, float]:
    """Return the quantiles, ms, of what is due at an even rate while a server stops and goes on.

    Whoever is due during a stop waits for its end, everyone else not at all. Times are those of
    CLOCK_MONOTONIC; with stops of 1 s in every 5 s of the window: 500, 950 and 995 ms.
    """
    due = started_ns + np.arange(RATE_PER_S * wall_ns // 10**9) * (1e9 / RATE_PER_S)
    waits = np.zeros(due.size)
    for begin, end in stops:
        waits = np.where((due >= begin) & (due < end), end - due, waits)
    return {name: float(np.quantile(waits, q)) / 1e6 for name, q in QUANTILES.items()}


def figures(slice_: echo.Slice, stops: Sequence[Stop]) -> tuple[Figure, ...]:
    """Return each quantile over its arithmetic. Raises HarnessError for a slice that is void."""
    if slice_.fault:
        raise HarnessError(f"the stalled slice is void: {slice_.fault}.")
    last = slice_.started_ns + slice_.wall_ns
    if any(begin < slice_.started_ns or end > last for begin, end in stops):
        raise HarnessError("a stall lay outside the window: the machine was too slow to start.")
    wanted = arithmetic(stops, slice_.started_ns, slice_.wall_ns)
    seen = {"p90": slice_.p90_ns, "p99": slice_.p99_ns, "p99.9": slice_.p999_ns}
    return tuple(
        Figure(
            what=f"{name}: {seen[name] / 1e6:.1f} ms over {must:.1f} ms by arithmetic",
            value=seen[name] / 1e6 / must,
            unit="x",
            least=1 - OFF_MOST,
            most=1 + OFF_MOST,
        )
        for name, must in wanted.items()
    )


def stop_and_go(child: Child) -> list[Stop]:
    """Stop a server STALLS times; return from when to when."""
    begin = time.monotonic() + FIRST_S
    stops = []
    for number in range(STALLS):
        time.sleep(max(0.0, begin + number * EVERY_S - time.monotonic()))
        child.signal(signal.SIGSTOP)
        stopped_ns = time.monotonic_ns()
        time.sleep(STALL_S)
        child.signal(signal.SIGCONT)
        stops.append((stopped_ns, time.monotonic_ns()))
    return stops


def run(setting: Setting) -> Reached:
    """Load the reference at a fixed rate while it is stopped again and again.

    This process waits on the server's core: there it wakes at once, since a stopped server leaves
    it free, and the spinning gauge keeps the other to itself.
    """
    setting.say(f"stall: {WINDOW_S} s of open loop")
    server_core = setting.server_core
    with started(setting.reference, setting.bench, name="stall") as server:
        text = f"{CONNECTIONS}x{SIZE}@{RATE_PER_S}/{WARM_UP_S * 1e3:.0f}/{WINDOW_S * 1000}"
        load = ["load", "--port", str(server.port), "--server-pid", str(server.pid)]
        with machine.pinned(server_core), setting.bench.gauge([*load, "--slices", text]) as gauge:
            stops = stop_and_go(server.child)
            slice_ = gauge_line(gauge, echo.Slice)
    lengths = [(end - begin) / 1e6 for begin, end in stops]
    note = (
        f"{STALLS} stops of {min(lengths):.2f} to {max(lengths):.2f} ms by SIGSTOP and SIGCONT in "
        f"a window of {slice_.wall_ns / 1e9:.3f} s, {slice_.messages} messages"
    )
    cause = (
        f"the gauge waited {slice_.gauge_wait_ns / 1e6:.1f} ms for a core, the server "
        f"{slice_.server_wait_ns / 1e6:.1f} ms"
    )
    return Reached(figures=figures(slice_, stops), notes=(note,), causes=(cause,))
